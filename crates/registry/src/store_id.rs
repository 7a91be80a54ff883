//! Whether the object store is the one that this database's bytes are in: both carry the same id. A replica with a folder of
//! its own, or a volume that is not mounted, is found out by it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use uuid::Uuid;

use super::Registry;
use crate::domain::{Error, Result};
use crate::store::object_store;

/// What is known of the store's id; shared by all clones of a registry.
#[derive(Debug, Clone, Default)]
pub(super) struct StoreId {
    /// Whether it matters: a registry that was never asked to identify its store takes any.
    is_wanted: Arc<AtomicBool>,
    /// The id that the database has, once it is known.
    expected: Arc<OnceLock<String>>,
    is_other: Arc<AtomicBool>,
}

impl Registry {
    /// Compares the object store's id with the database's. Where neither has one yet, this store becomes the database's;
    /// where the database has none, it takes the store's.
    ///
    /// Errors: Unavailable where the store is another one, which is from then on not written either, or where one of the two
    /// cannot be asked.
    pub async fn identify_store(&self) -> Result<()> {
        self.store_id.is_wanted.store(true, Ordering::Relaxed);
        self.check_store_id().await
    }

    /// Asks the store for its id, where that matters.
    pub(super) async fn check_store_id(&self) -> Result<()> {
        if !self.store_id.is_wanted.load(Ordering::Relaxed) {
            return Ok(());
        }
        let expected = match self.store_id.expected.get() {
            Some(expected) => expected.clone(),
            None => self.get_or_set_store_id().await?,
        };
        let found = self.blobs.id().await?;
        let is_other = found.as_ref() != Some(&expected);
        self.store_id.is_other.store(is_other, Ordering::Relaxed);
        if is_other { Err(self.other_store(found.as_deref())) } else { Ok(()) }
    }

    /// The id that the database has, or has from now on.
    async fn get_or_set_store_id(&self) -> Result<String> {
        let expected = match self.store.read(object_store::id).await? {
            Some(expected) => expected,
            None => {
                let own = match self.blobs.id().await? {
                    Some(own) => own,
                    None => self.blobs.set_id(&Uuid::new_v4().hyphenated().to_string()).await?,
                };
                log::info!(id = own.as_str(); "{} is the object store of this database from now on", self.blobs);
                self.store.write(move |tx| object_store::get_or_set(tx, &own)).await?
            }
        };
        Ok(self.store_id.expected.get_or_init(|| expected).clone())
    }

    /// Refuses work on a store that was found to be another one.
    pub(super) fn check_store(&self) -> Result<()> {
        if self.store_id.is_other.load(Ordering::Relaxed) { Err(self.other_store(None)) } else { Ok(()) }
    }

    fn other_store(&self, found: Option<&str>) -> Error {
        let expected = self.store_id.expected.get().map(String::as_str).unwrap_or_default();
        let found = found.map_or_else(|| "none".to_owned(), |found| format!("`{}`", found.escape_debug()));
        Error::unavailable(format!(
            "{} is not the object store of this database: its `{}` has the id {found}, not `{expected}`",
            self.blobs,
            crate::blobs::ID_NAME
        ))
    }
}

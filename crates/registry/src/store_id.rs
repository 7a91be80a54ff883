//! Whether the object store is the one that this database's bytes are in: both carry the same id. A replica with a folder of
//! its own, or a volume that is not mounted, is found out by it.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

use uuid::Uuid;

use crate::blobs::Blobs;
use crate::domain::{Error, Result};
use crate::store::{Store, object_store};

/// What is known of the store's id.
#[derive(Debug, Default)]
pub(crate) struct StoreId {
    /// Whether it matters: a registry that was never asked to identify its store takes any.
    is_wanted: AtomicBool,
    /// The id that the database has, once it is known.
    expected: OnceLock<String>,
    /// Whether the store has another one.
    is_other: AtomicBool,
}

impl StoreId {
    /// From now on the store's id matters.
    pub(crate) fn want(&self) {
        self.is_wanted.store(true, Ordering::Relaxed);
    }

    /// Asks the store for its id, where that matters.
    pub(crate) async fn check(&self, store: &Store, blobs: &Blobs) -> Result<()> {
        if !self.is_wanted.load(Ordering::Relaxed) {
            return Ok(());
        }
        let expected = match self.expected.get() {
            Some(expected) => expected.clone(),
            None => self.get_or_set(store, blobs).await?,
        };
        let found = blobs.id().await?;
        let is_other = found.as_ref() != Some(&expected);
        self.is_other.store(is_other, Ordering::Relaxed);
        if is_other { Err(self.other_store(blobs, found.as_deref())) } else { Ok(()) }
    }

    /// The id that the database has, or has from now on.
    async fn get_or_set(&self, store: &Store, blobs: &Blobs) -> Result<String> {
        let expected = match store.read(object_store::id).await? {
            Some(expected) => expected,
            None => {
                let own = match blobs.id().await? {
                    Some(own) => own,
                    None => blobs.set_id(&Uuid::new_v4().hyphenated().to_string()).await?,
                };
                log::info!(id = own.as_str(); "{blobs} is the object store of this database from now on");
                store.write(move |tx| object_store::get_or_set(tx, &own)).await?
            }
        };
        Ok(self.expected.get_or_init(|| expected).clone())
    }

    /// Refuses work on a store that was found to be another one.
    pub(crate) fn check_known(&self, blobs: &Blobs) -> Result<()> {
        if self.is_other.load(Ordering::Relaxed) { Err(self.other_store(blobs, None)) } else { Ok(()) }
    }

    fn other_store(&self, blobs: &Blobs, found: Option<&str>) -> Error {
        let expected = self.expected.get().map(String::as_str).unwrap_or_default();
        let found = found.map_or_else(|| "none".to_owned(), |found| format!("`{}`", found.escape_debug()));
        Error::unavailable(format!(
            "{blobs} is not the object store of this database: its `{}` has the id {found}, not `{expected}`",
            crate::blobs::ID_NAME
        ))
    }
}

//! Inspection of stored bytes: read before they are linked, judged when they are, and again when something changes.

mod policy;
mod rescan;
mod settle;
pub(super) mod source;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Registry;
use super::files::{Target, holder};
use super::resolve::resolve;
use crate::blobs::{Key, Stored};
use crate::domain::inspect::{Inspection, READER_VERSION, Siblings, inspect, unusable_archive};
use crate::domain::{Error, ErrorKind, FilePath, NodeId, Result};
use crate::store::{Tx, files, inspections};

pub use policy::PolicyView;
pub(super) use policy::policy_of;
pub use rescan::{Progress, RescanReport};
pub use settle::Summary;

pub use crate::store::inspections::{Inspected, Tally};
pub(super) use settle::{arrived, check_served, keep, known, left, summary};

/// How many inspections run at once; each keeps a few megabytes, and one of them may keep a core busy.
pub(super) const AT_ONCE: usize = 8;

/// Tells the thread that inspects when nobody waits for it any more.
struct GiveUp(Arc<AtomicBool>);

impl Drop for GiveUp {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Registry {
    /// Learns what the stored object is that is about to be linked under `path`: the step that every upload takes after
    /// its bytes are stored and before the transaction that links them. [`arrived`] is its other half, in there.
    ///
    /// What is known of the same bytes under the same path is not read again. `coming` are files that are about to be
    /// linked together with it.
    /// Errors: Unavailable when the bytes cannot be read.
    pub(super) async fn examine(
        &self,
        target: &Target,
        path: &FilePath,
        key: &Key,
        stored: Stored,
        coming: &Siblings,
    ) -> Result<Inspection> {
        let (target, asked) = (target.clone(), path.clone());
        let known = self
            .store
            .read(move |tx| {
                let known = inspections::of_bytes(tx, &stored.sha256, &asked, READER_VERSION)?;
                let artifact = match &target {
                    _ if known.is_some() || stem(&asked).is_none() => None,
                    Target::Artifact(id) => Some(*id),
                    Target::Arrival(_) => None,
                    Target::Version { model, version } => match resolve(tx, model, version) {
                        Ok((_, version)) => holder(tx, version.id)?,
                        Err(error) if error.kind() == ErrorKind::NotFound => None,
                        Err(error) => return Err(error),
                    },
                };
                let beside = artifact.map(|artifact| neighbours(tx, artifact, &asked)).transpose()?;
                Ok((known, beside.unwrap_or_default()))
            })
            .await?;
        match known {
            (Some(known), _) => Ok(known),
            (None, mut siblings) => {
                siblings.extend(named_beside(path).and_then(|model| coming.get_key_value(&model)).map(own));
                self.read_object(path, key, stored.size, siblings).await
            }
        }
    }

    /// Reads the object. `siblings` matter only where the name of one tells what this one is.
    async fn read_object(&self, path: &FilePath, key: &Key, size: u64, siblings: Siblings) -> Result<Inspection> {
        let path = path.clone();
        self.on_object(key, size, move |object| inspect(&path, object, &siblings)).await
    }

    /// What keeps the stored object from being unpacked as a zip archive; `None` when nothing does.
    pub(super) async fn unusable_archive(&self, key: &Key, size: u64) -> Result<Option<String>> {
        self.on_object(key, size, |object| unusable_archive(object)).await
    }

    /// Runs `look` over a stored object, from a thread that may block.
    async fn on_object<T: Send + 'static>(
        &self,
        key: &Key,
        size: u64,
        look: impl FnOnce(&source::StoredObject) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.inspections).acquire_owned().await;
        let permit = permit.map_err(|_| Error::unavailable("the server is shutting down"))?;
        self.in_object(key, size, move |object| {
            let _permit = permit;
            look(object)
        })
        .await
    }

    /// The same at once, however many do so.
    pub(super) async fn in_object<T: Send + 'static>(
        &self,
        key: &Key,
        size: u64,
        look: impl FnOnce(&source::StoredObject) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let given_up = Arc::new(AtomicBool::new(false));
        let _guard = GiveUp(Arc::clone(&given_up));
        let (blobs, key, runtime) = (self.blobs.clone(), key.clone(), tokio::runtime::Handle::current());
        let run = move || look(&source::StoredObject::new(blobs, key, size, runtime, given_up));
        match tokio::task::spawn_blocking(run).await {
            Ok(seen) => seen,
            Err(error) => Err(Error::internal("reading a stored object panicked").caused_by(error)),
        }
    }
}

fn stem(path: &FilePath) -> Option<&str> {
    path.as_str().strip_suffix(".bin")
}

fn named_beside(path: &FilePath) -> Option<FilePath> {
    stem(path).and_then(|stem| format!("{stem}.xml").parse().ok())
}

fn own((path, size): (&FilePath, &u64)) -> (FilePath, u64) {
    (path.clone(), *size)
}

/// The file beside this one whose name tells what this one is: the model of OpenVINO's weights.
fn neighbours(tx: &mut Tx<'_>, artifact: NodeId, path: &FilePath) -> Result<Siblings> {
    match named_beside(path) {
        Some(model) => files::sizes(tx, artifact, &BTreeSet::from([model])),
        None => Ok(Siblings::new()),
    }
}

//! Inspection of stored bytes: they are read before they are linked, evaluated in the transaction that links them, and
//! reevaluated when files, policies or rules change.

mod describe;
mod evaluate;
mod members;
mod policy;
mod record;
mod reevaluate;
mod rescan;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use modelport_inspect::{self as inspect, Inspection, READER_VERSION};

use super::holders::{folder_holder, holder, run_holder, trace_holder};
use super::resolve::resolve;
use super::target::Target;
use crate::blobs::{Key, Stored};
use crate::context::RequestContext;
use crate::domain::{Error, ErrorKind, FilePath, NodeId, Result};
use crate::services::Inspections;
use crate::store::files;
use crate::stored_object::{StoredBlocks, StoredObject, source_error};
use crate::transaction::ReadTransaction;

pub(super) use describe::facts_of;
pub use evaluate::Summary;
pub use policy::{PolicyView, policy_tag};
pub(super) use policy::{model_of, policy_of};
pub use reevaluate::REEVALUATE_MODEL;
pub use rescan::{RescanProgress, RescanReport};

pub use evaluate::ServedFile;
pub(super) use evaluate::{check_served, decide, evaluate_with_siblings, on_files_changed, summary};
pub(super) use members::on_members_added;
pub use record::Inspected;
pub(super) use record::{inspected, known, put_all};

/// Files beside an inspected one by their paths, with their sizes.
pub(super) type Siblings = BTreeMap<FilePath, u64>;

/// Cancels the inspecting thread when its caller goes away.
struct CancelOnDrop(Arc<AtomicBool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Inspections {
    /// Inspects the stored object that is about to be linked under `path`: every upload does so after its bytes are stored and
    /// before the transaction that links them, which evaluates what was seen.
    ///
    /// The same bytes under the same path are not read twice. `coming` are files that are about to be linked together with it.
    /// Errors: Unavailable when the bytes cannot be read.
    pub(super) async fn inspect_stored(
        &self,
        context: &RequestContext,
        target: &Target,
        path: &FilePath,
        key: &Key,
        stored: Stored,
        coming: &Siblings,
    ) -> Result<Inspection> {
        let (target, asked) = (target.clone(), path.clone());
        let known = self
            .core
            .read(context, move |tx| {
                let known = record::of_bytes(tx, &stored.sha256, &asked, READER_VERSION)?;
                let artifact = match &target {
                    _ if known.is_some() || named_beside(&asked).is_none() => None,
                    Target::Artifact(id) => Some(*id),
                    Target::Run(run) => run_holder(tx, *run)?,
                    Target::Traces(experiment) => trace_holder(tx, *experiment)?,
                    Target::Folder(name) => folder_holder(tx, name)?,
                    Target::Import(_) => None,
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

    /// Reads the object. `siblings` matter only where a sibling's name tells this file's format.
    async fn read_object(&self, path: &FilePath, key: &Key, size: u64, siblings: Siblings) -> Result<Inspection> {
        let path = path.clone();
        let look = move |object: &StoredObject| inspect::inspect(path.as_str(), object, &names(&siblings));
        self.on_object(key, size, move |object| look(object).map_err(source_error)).await
    }

    /// Why the stored object cannot be unpacked as a zip archive; `None` if it can.
    pub(super) async fn unusable_archive(&self, key: &Key, size: u64) -> Result<Option<String>> {
        self.on_object(key, size, |object| inspect::unusable_archive(object).map_err(source_error)).await
    }

    /// Runs `look` over a stored object on a blocking thread, as many at a time as the core allows.
    async fn on_object<T: Send + 'static>(
        &self,
        key: &Key,
        size: u64,
        look: impl FnOnce(&StoredObject) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let permit = Arc::clone(&self.core.inspections).acquire_owned().await;
        let permit = permit.map_err(|_| Error::unavailable("the server is shutting down"))?;
        self.in_object(key, size, move |object| {
            let _permit = permit;
            look(object)
        })
        .await
    }

    /// The same without that limit.
    pub(super) async fn in_object<T: Send + 'static>(
        &self,
        key: &Key,
        size: u64,
        look: impl FnOnce(&StoredObject) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let cancelled = Arc::new(AtomicBool::new(false));
        let _guard = CancelOnDrop(Arc::clone(&cancelled));
        let (blobs, key, runtime) = (self.core.blobs.clone(), key.clone(), tokio::runtime::Handle::current());
        let blocks = StoredBlocks { blobs, key, runtime, cancelled };
        let run = move || look(&StoredObject::over(blocks, size));
        match tokio::task::spawn_blocking(run).await {
            Ok(seen) => seen,
            Err(error) => Err(Error::internal("reading a stored object panicked").caused_by(error)),
        }
    }
}

fn named_beside(path: &FilePath) -> Option<FilePath> {
    inspect::model_of_weights(path.as_str())?.parse().ok()
}

/// The files that the file at `from` refers to, within the version.
pub(super) fn wanted(from: &FilePath, seen: &Inspection) -> Result<BTreeSet<FilePath>> {
    inspect::referenced_paths(from.as_str(), &seen.references).iter().map(|path| path.parse()).collect()
}

/// The siblings as the inspection library takes them.
fn names(siblings: &Siblings) -> inspect::Siblings {
    siblings.iter().map(|(path, size)| (path.to_string(), *size)).collect()
}

fn own((path, size): (&FilePath, &u64)) -> (FilePath, u64) {
    (path.clone(), *size)
}

/// The file beside this one whose name tells what this one is: the model of OpenVINO's weights.
fn neighbours(tx: &mut ReadTransaction<'_, '_>, artifact: NodeId, path: &FilePath) -> Result<Siblings> {
    match named_beside(path) {
        Some(model) => files::sizes(tx, artifact, &BTreeSet::from([model])),
        None => Ok(Siblings::new()),
    }
}

//! The end of every upload: bytes that are stored and inspected become files of artifacts. Any number of them, with the same
//! statements.

use std::collections::{BTreeMap, BTreeSet};

use modelport_inspect::Inspection;

use super::files::record_files;
use super::holders::increment_holder_revision;
use super::inspection::{Siblings, evaluate_with_siblings, on_files_changed, policy_of, put_all, wanted};
use super::policy::Policy;
use super::protection::check_unlocked;
use super::target::Precondition;
use super::transaction::WriteTransaction;
use crate::blobs::{Key, Stored};
use crate::domain::{Action, Error, File, FilePath, Node, NodeId, Result};
use crate::store::{blobs, files, uploads};

/// Bytes that are stored and inspected, and what is demanded of the file that they become.
pub(crate) struct StagedBlob {
    /// The path of the file.
    pub(crate) path: FilePath,
    /// Its media type.
    pub(crate) media_type: String,
    /// What must be true of the file that has the path.
    pub(crate) precondition: Precondition,
    /// The key that the object was uploaded under.
    pub(crate) key: Key,
    pub(crate) stored: Stored,
    pub(crate) seen: Inspection,
}

/// The artifact that a file goes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// One that was there, and that the caller has locked.
    Found(NodeId),
    /// One that this transaction has made, and that has no files.
    Made(NodeId),
}

impl Place {
    /// The artifact's id.
    pub(crate) fn id(self) -> NodeId {
        match self {
            Self::Found(id) | Self::Made(id) => id,
        }
    }
}

/// What a file became by an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// The path is new.
    Created,
    /// The path had other bytes.
    Replaced,
    /// The path had these bytes already.
    Unchanged,
}

/// A file that was linked.
pub(crate) struct Linked {
    pub(crate) outcome: Outcome,
    pub(crate) file: File,
    /// The file that had the path before and has other bytes.
    replaced: Option<File>,
}

/// Staged bytes whose objects belong to this transaction: nobody else can link or remove them.
pub(crate) struct Taken<'a>(&'a [StagedBlob]);

/// Takes the objects over, which is what a transaction that links them does first.
///
/// Errors: Unavailable when the collector has given one of them up.
pub(crate) fn take<'a>(tx: &mut WriteTransaction<'_, '_>, staged: &'a [StagedBlob]) -> Result<Taken<'a>> {
    let keys: Vec<&str> = staged.iter().map(|blob| blob.key.as_str()).collect();
    if uploads::take_all(tx, &keys)? { Ok(Taken(staged)) } else { Err(upload_expired()) }
}

impl Taken<'_> {
    /// Links each of the bytes to its path in the artifact of the same index, evaluates them together by the policies
    /// of their artifacts because they may refer to each other, and records the changes. Returns the files in the same
    /// order.
    ///
    /// `about` says of an error which of the files it is about. Errors: PreconditionFailed; AlreadyExists when a path has other
    /// bytes and no precondition allows to replace them; Unsupported when the policy refuses a file; InvalidState when an artifact is part of an
    /// approved version.
    pub(crate) fn link(
        self,
        tx: &mut WriteTransaction<'_, '_>,
        base: &Policy,
        places: &[Place],
        about: impl Fn(&FilePath, Error) -> Error,
    ) -> Result<Vec<Linked>> {
        let mut linked = self.resolve_files(tx, places, &about)?;
        let mut changed: BTreeMap<NodeId, (Node, Policy)> = BTreeMap::new();
        for holder in
            linked.iter().filter(|each| each.is_change()).map(|each| each.file.node_id).collect::<BTreeSet<_>>()
        {
            let before = increment_holder_revision(tx, holder)?;
            let policy = policy_of(tx, base, &before)?;
            changed.insert(holder, (before, policy));
        }
        check_unlocked(tx, &changed.keys().copied().collect::<Vec<_>>())?;
        let sizes = self.sizes(tx, &linked)?;
        let (mut new, mut inspections) = (Vec::new(), Vec::new());
        for (each, blob) in linked.iter_mut().zip(self.0).filter(|(each, _)| each.is_change()) {
            let Some((_, policy)) = changed.get(&each.file.node_id) else { continue };
            let sizes = sizes.get(&each.file.node_id);
            let size = |path: FilePath| Some((path.clone(), *sizes?.get(&path)?));
            let beside = wanted(&blob.path, &blob.seen)?.into_iter().filter_map(size).collect();
            let inspected = evaluate_with_siblings(policy, &mut each.file, &blob.seen, &beside);
            inspections.push((each.file.clone(), inspected.map_err(|error| about(&blob.path, error))?));
            new.push(each.file.clone());
        }
        files::put_all(tx, &new)?;
        put_all(tx, inspections)?;
        for (holder, (before, policy)) in &changed {
            let node = on_files_changed(tx, policy, before)?;
            let of_holder = linked.iter().filter(|each| each.is_change() && each.file.node_id == *holder);
            let of_holder: Vec<_> = of_holder.map(|each| (&each.file, each.replaced.as_ref())).collect();
            record_files(tx, Action::PutFile, (before, &node), &of_holder)?;
        }
        Ok(linked)
    }

    /// What each of the bytes becomes: the file that has them already, or a new one, which is not stored yet.
    fn resolve_files(
        &self,
        tx: &mut WriteTransaction<'_, '_>,
        places: &[Place],
        about: &impl Fn(&FilePath, Error) -> Error,
    ) -> Result<Vec<Linked>> {
        let now = tx.now();
        let mut existing = self.existing(tx, places)?;
        let mut outcomes = Vec::with_capacity(self.0.len());
        for (blob, place) in self.0.iter().zip(places) {
            let found = existing.remove(&(place.id(), blob.path.clone()));
            let outcome = outcome(blob, found.as_ref()).map_err(|error| about(&blob.path, error))?;
            outcomes.push((outcome, place.id(), found));
        }
        let bytes = self.0.iter().map(|blob| (blob.stored.sha256, blob.stored.size, blob.key.as_str()));
        // Repairs blobs whose objects are known to be damaged.
        let blobs = blobs::get_or_insert_all(tx, &bytes.collect::<Vec<_>>(), now)?;
        let linked = self.0.iter().zip(outcomes).map(|(staged, (outcome, holder, found))| {
            let missing = || Error::internal(format!("blob `{}` is gone", staged.stored.sha256));
            let blob = blobs.get(&staged.stored.sha256).cloned().ok_or_else(missing)?;
            let (same, replaced) = if outcome == Outcome::Unchanged { (found, None) } else { (None, found) };
            let file = match same {
                Some(file) => File { blob, ..file },
                None => File {
                    node_id: holder,
                    path: staged.path.clone(),
                    media_type: staged.media_type.clone(),
                    created_at: now,
                    quarantine: None,
                    blob,
                },
            };
            Ok(Linked { outcome, file, replaced })
        });
        linked.collect()
    }

    /// The files that have the paths now.
    fn existing(
        &self,
        tx: &mut WriteTransaction<'_, '_>,
        places: &[Place],
    ) -> Result<BTreeMap<(NodeId, FilePath), File>> {
        let mut paths: BTreeMap<NodeId, Vec<&str>> = BTreeMap::new();
        for (blob, place) in self.0.iter().zip(places) {
            if let Place::Found(holder) = place {
                paths.entry(*holder).or_default().push(blob.path.as_str());
            }
        }
        let mut existing = BTreeMap::new();
        for (holder, paths) in paths {
            let found = files::among(tx, holder, paths)?;
            existing.extend(found.into_values().map(|file| ((holder, file.path.clone()), file)));
        }
        Ok(existing)
    }

    /// The sizes of the files that the new ones refer to: of those that are there, and of the new ones themselves.
    fn sizes(&self, tx: &mut WriteTransaction<'_, '_>, linked: &[Linked]) -> Result<BTreeMap<NodeId, Siblings>> {
        let mut wants: BTreeMap<NodeId, BTreeSet<FilePath>> = BTreeMap::new();
        for (each, blob) in linked.iter().zip(self.0).filter(|(each, _)| each.is_change()) {
            wants.entry(each.file.node_id).or_default().extend(wanted(&blob.path, &blob.seen)?);
        }
        let mut found = BTreeMap::new();
        for (holder, paths) in wants {
            let mut sizes = if paths.is_empty() { Siblings::new() } else { files::sizes(tx, holder, &paths)? };
            let coming = linked.iter().map(|each| &each.file);
            let coming = coming.filter(|file| file.node_id == holder && paths.contains(&file.path));
            sizes.extend(coming.map(|file| (file.path.clone(), file.blob.size)));
            found.insert(holder, sizes);
        }
        Ok(found)
    }
}

impl Linked {
    fn is_change(&self) -> bool {
        self.outcome != Outcome::Unchanged
    }
}

/// Whether the bytes create, replace or keep the file at their path.
fn outcome(blob: &StagedBlob, existing: Option<&File>) -> Result<Outcome> {
    blob.precondition.check(existing)?;
    match existing {
        None => Ok(Outcome::Created),
        Some(file) if file.blob.sha256 == blob.stored.sha256 => Ok(Outcome::Unchanged),
        Some(_) if blob.precondition.allows_to_replace() => Ok(Outcome::Replaced),
        Some(file) => Err(Error::already_exists(format!(
            "file `{}` has sha256 `{}`, the bytes sent have sha256 `{}`; send If-Match to replace it",
            blob.path, file.blob.sha256, blob.stored.sha256
        ))
        .on_field("path")),
    }
}

/// The error of an upload whose bytes the collector has given up.
pub(crate) fn upload_expired() -> Error {
    Error::unavailable("the upload was abandoned because it received no data for too long")
}

//! The last step of every upload: bytes that are stored and inspected become a file of an artifact.

use std::sync::Arc;

use modelport_inspect::Inspection;

use super::files::{Precondition, increment_holder_revision, record_file};
use super::inspection::on_file_added;
use super::policy::Policy;
use super::transaction::WriteTransaction;
use super::upload::{Outcome, PutFile};
use crate::blobs::Stored;
use crate::domain::{Action, Error, File, FilePath, NodeId, Result};
use crate::store::{blobs, files};

/// Stored and inspected bytes, and the registry's policy.
pub(super) struct InspectedBytes {
    pub(super) stored: Stored,
    pub(super) seen: Inspection,
    pub(super) policy: Arc<Policy>,
}

/// A file that was linked to its bytes and is not yet evaluated.
pub(super) struct Attached {
    pub(super) outcome: Outcome,
    pub(super) file: File,
    /// The file that had the path before.
    pub(super) replaced: Option<File>,
}

/// Links the bytes under that key to a path of an artifact, which the caller has locked.
///
/// Errors: PreconditionFailed; AlreadyExists when the path has other bytes and no precondition allows to replace them.
pub(super) fn attach(
    tx: &mut WriteTransaction<'_, '_>,
    put: &PutFile,
    artifact: NodeId,
    key: &str,
    stored: Stored,
) -> Result<Attached> {
    let now = tx.now();
    let existing = files::find(tx, artifact, &put.path)?;
    let replaced = existing.clone();
    let outcome = outcome(put, existing.as_ref(), stored)?;
    if let (Outcome::Unchanged, Some(file)) = (outcome, existing) {
        // Mends the blob where its object is known to be damaged.
        let blob = blobs::get_or_insert(tx, stored.sha256, stored.size, key, now)?;
        return Ok(Attached { outcome, file: File { blob, ..file }, replaced: None });
    }
    let media_type = media_type(put);
    let file = insert(tx, (artifact, &put.path, &media_type), outcome, (key, stored))?;
    Ok(Attached { outcome, file, replaced })
}

/// Whether a put creates, replaces or keeps the file at its path.
///
/// Errors: PreconditionFailed; AlreadyExists when it has other bytes and no precondition allows to replace them.
pub(super) fn outcome(put: &PutFile, existing: Option<&File>, stored: Stored) -> Result<Outcome> {
    put.precondition.check(existing)?;
    match existing {
        None => Ok(Outcome::Created),
        Some(file) if file.blob.sha256 == stored.sha256 => Ok(Outcome::Unchanged),
        Some(_) if matches!(put.precondition, Precondition::Exists | Precondition::Is(_)) => Ok(Outcome::Replaced),
        Some(file) => Err(Error::already_exists(format!(
            "file `{}` has sha256 `{}`, the bytes sent have sha256 `{}`; send If-Match to replace it",
            put.path, file.blob.sha256, stored.sha256
        ))
        .on_field("path")),
    }
}

/// The media type that the client gave, or the one that the path tells.
pub(super) fn media_type(put: &PutFile) -> String {
    let guessed = || mime_guess::from_path(put.path.as_str()).first_or_octet_stream().essence_str().to_owned();
    put.media_type.clone().unwrap_or_else(guessed)
}

/// Makes the bytes under `key` the artifact's file at that path, with that media type.
pub(super) fn insert(
    tx: &mut WriteTransaction<'_, '_>,
    (artifact, path, media_type): (NodeId, &FilePath, &str),
    outcome: Outcome,
    (key, stored): (&str, Stored),
) -> Result<File> {
    let now = tx.now();
    let blob = blobs::get_or_insert(tx, stored.sha256, stored.size, key, now)?;
    match outcome {
        Outcome::Replaced => files::replace(tx, artifact, path, &blob, media_type, now)?,
        Outcome::Created | Outcome::Unchanged => files::insert(tx, artifact, path, &blob, media_type, now)?,
    }
    let media_type = media_type.to_owned();
    Ok(File { node_id: artifact, path: path.clone(), media_type, created_at: now, quarantine: None, blob })
}

/// Evaluates a file that was just linked, stores its inspection, and records the change.
///
/// Errors: InvalidArgument when the policy refuses the file.
pub(super) fn evaluate_attached(
    tx: &mut WriteTransaction<'_, '_>,
    (file, replaced): (&mut File, Option<&File>),
    bytes: &InspectedBytes,
) -> Result<()> {
    let before = increment_holder_revision(tx, file.node_id)?;
    let node = on_file_added(tx, &bytes.policy, &before, file, &bytes.seen)?;
    record_file(tx, Action::PutFile, (&before, &node), (file, replaced))
}

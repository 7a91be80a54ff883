//! The last step of every upload: bytes that are stored and inspected become a file of an artifact.

use std::sync::Arc;

use super::entities::touch;
use super::files::{Precondition, record_file};
use super::inspection::arrived;
use super::upload::{Outcome, PutFile};
use crate::blobs::Stored;
use crate::domain::inspect::Inspection;
use crate::domain::policy::Policy;
use crate::domain::{Action, Actor, Error, File, FilePath, LogicalType, Millis, NodeId, Result};
use crate::store::{Tx, blobs, files};

/// Bytes that are stored and inspected, and what holds for them.
pub(super) struct Arrived {
    pub(super) stored: Stored,
    pub(super) seen: Inspection,
    pub(super) policy: Arc<Policy>,
}

/// A file that has its bytes, of which nobody has judged yet.
pub(super) struct Attached {
    pub(super) outcome: Outcome,
    pub(super) file: File,
}

/// Gives the path of an artifact, which the caller has locked, the bytes under that key.
///
/// Errors: FailedPrecondition; AlreadyExists when the path has other bytes and no precondition allows to replace them.
pub(super) fn attach(
    tx: &mut Tx<'_>,
    put: &PutFile,
    artifact: NodeId,
    key: &str,
    stored: Stored,
    now: Millis,
) -> Result<Attached> {
    let existing = files::find(tx, artifact, &put.path)?;
    put.precondition.check(existing.as_ref())?;
    let outcome = match existing {
        None => Outcome::Created,
        Some(file) if file.blob.sha256 == stored.sha256 => {
            // Mends the blob where its object is known to be damaged.
            let blob = blobs::get_or_insert(tx, stored.sha256, stored.size, key, now)?;
            return Ok(Attached { outcome: Outcome::Unchanged, file: File { blob, ..file } });
        }
        Some(_) if matches!(put.precondition, Precondition::Exists | Precondition::Is(_)) => Outcome::Replaced,
        Some(file) => {
            return Err(Error::already_exists(format!(
                "file `{}` has sha256 `{}`, the bytes sent have sha256 `{}`; send If-Match to replace it",
                put.path, file.blob.sha256, stored.sha256
            ))
            .on_field("path"));
        }
    };
    let media_type = put.media_type.clone().unwrap_or_else(|| guessed(&put.path));
    let file = insert(tx, (artifact, &put.path, &media_type), outcome, (key, stored), now)?;
    Ok(Attached { outcome, file })
}

fn guessed(path: &FilePath) -> String {
    mime_guess::from_path(path.as_str()).first_or_octet_stream().essence_str().to_owned()
}

/// Makes the bytes under `key` the artifact's file at that path, with that media type.
pub(super) fn insert(
    tx: &mut Tx<'_>,
    (artifact, path, media_type): (NodeId, &FilePath, &str),
    outcome: Outcome,
    (key, stored): (&str, Stored),
    now: Millis,
) -> Result<File> {
    let blob = blobs::get_or_insert(tx, stored.sha256, stored.size, key, now)?;
    match outcome {
        Outcome::Replaced => files::replace(tx, artifact, path, &blob, media_type, now)?,
        Outcome::Created | Outcome::Unchanged => files::insert(tx, artifact, path, &blob, media_type, now)?,
    }
    let media_type = media_type.to_owned();
    Ok(File { node_id: artifact, path: path.clone(), media_type, created_at: now, quarantine: None, blob })
}

/// Keeps what was seen in a file that has just got its bytes, judges it, and records the change.
///
/// Errors: InvalidArgument when the policy refuses the file.
pub(super) fn judge(tx: &mut Tx<'_>, actor: &Actor, file: &mut File, bytes: &Arrived, now: Millis) -> Result<()> {
    let before = touch(tx, LogicalType::ModelArtifact, file.node_id, None, now)?;
    let node = arrived(tx, &bytes.policy, &before, file, &bytes.seen)?;
    record_file(tx, actor, now, Action::PutFile, &node, file)
}

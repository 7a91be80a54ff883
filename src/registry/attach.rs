//! The last step of every upload: bytes that are stored and inspected become a file of an artifact.

use std::sync::Arc;

use super::entities::touch;
use super::files::record_file;
use super::inspection::arrived;
use super::upload::Outcome;
use crate::blobs::Stored;
use crate::domain::inspect::Inspection;
use crate::domain::policy::Policy;
use crate::domain::{Action, Actor, File, FilePath, LogicalType, Millis, NodeId, Result};
use crate::store::{Tx, blobs, files};

/// Bytes that are stored and inspected, and what holds for them.
pub(super) struct Arrived {
    pub(super) stored: Stored,
    pub(super) seen: Inspection,
    pub(super) policy: Arc<Policy>,
}

/// Makes the bytes under `key` the artifact's file at that path, with that media type. Gives the key that the file's blob
/// has, which is another one when the bytes were known. The caller has taken the upload.
///
/// Errors: InvalidArgument when the policy refuses the file.
pub(super) fn attach(
    tx: &mut Tx<'_>,
    actor: &Actor,
    (artifact, path, media_type): (NodeId, &FilePath, &str),
    outcome: Outcome,
    (key, bytes): (&str, &Arrived),
    now: Millis,
) -> Result<(File, String)> {
    let blob = blobs::get_or_insert(tx, bytes.stored.sha256, bytes.stored.size, key, now)?;
    match outcome {
        Outcome::Replaced => files::replace(tx, artifact, path, &blob, media_type, now)?,
        Outcome::Created | Outcome::Unchanged => files::insert(tx, artifact, path, &blob, media_type, now)?,
    }
    let before = touch(tx, LogicalType::ModelArtifact, artifact, None, now)?;
    let key = blob.key.clone();
    let mut file = File {
        node_id: artifact,
        path: path.clone(),
        media_type: media_type.to_owned(),
        created_at: now,
        quarantine: None,
        blob,
    };
    let node = arrived(tx, &bytes.policy, &before, &mut file, &bytes.seen)?;
    record_file(tx, actor, now, Action::PutFile, &node, &file)?;
    Ok((file, key))
}

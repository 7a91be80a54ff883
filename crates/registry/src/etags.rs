//! The entity tags of models and versions (RFC 9110 §8.8.3), without their quotes.

use sha2::Digest as _;

use super::inspection::summary;
use super::transaction::ReadTransaction;
use crate::domain::{Node, NodeId, NodeKind, PageSize, Result, Selection};
use crate::store::files::Holder;
use crate::store::{aliases, nodes};

/// The ETag of a model: its revision, as in other protocols.
pub fn model_tag(model: &Node) -> String {
    model.revision.to_string()
}

/// The ETag of a version, which changes with the version, its aliases, its artifacts and their files.
pub(super) fn version_tag(tx: &mut ReadTransaction<'_, '_>, version: &Node) -> Result<String> {
    let artifacts = artifacts_of(tx, version.id)?;
    tag(tx, version, &artifacts)
}

/// The same where its artifacts are known.
pub(super) fn tag(tx: &mut ReadTransaction<'_, '_>, version: &Node, artifacts: &[Node]) -> Result<String> {
    // Every change of a file increments its artifact's revision; changes by a reevaluation are in the tallies.
    // Tags are made of debug output: with another name of a type or field in it, clients would find every version changed.
    let artifacts: Vec<_> = artifacts.iter().map(|artifact| (artifact.id.0, artifact.revision)).collect();
    let aliases = aliases::of_version(tx, version.id)?;
    let files = summary(tx, Holder::Members(version.id))?;
    let held = sha2::Sha256::digest(format!("{artifacts:?} {aliases:?} {files:?}"));
    Ok(format!("{}-{}", version.revision, hex::encode(held.get(..8).unwrap_or_default())))
}

/// The artifacts of a version, its own and those attached to it, of whichever type, oldest first.
pub(super) fn artifacts_of(tx: &mut ReadTransaction<'_, '_>, version: NodeId) -> Result<Vec<Node>> {
    let selection = Selection { member_of: Some(version), ..Selection::of_kind(Some(NodeKind::Artifact)) };
    nodes::list(tx, &selection, None, PageSize::MAX)
}

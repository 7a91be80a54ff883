//! The artifacts that hold files.

use std::collections::BTreeSet;

use super::transaction::{ReadTransaction, WriteTransaction};
use crate::domain::{Error, LogicalType, Name, Node, NodeId, NodeKind, Result, Selection};
use crate::store::graph;
use crate::store::nodes;

/// The name of the artifact that holds the files of a run.
pub(super) const RUN_FILES: &str = "artifacts";

/// Whether files may be put into a node of that type, if it is an artifact: into models and documents, and into whatever users of
/// ML Metadata made.
pub(super) fn may_hold_files(node: &Node) -> bool {
    matches!(node.logical_type(), None | Some(LogicalType::ModelArtifact | LogicalType::DocArtifact))
}

/// The artifact with that id, where files may be put into it.
pub(super) fn get_holder(tx: &mut ReadTransaction<'_, '_>, id: NodeId) -> Result<Node> {
    if let Some(node) = nodes::find(tx, id)?.filter(may_hold_files)
        && (node.logical_type().is_some()
            || graph::nodes::kinds(tx, &BTreeSet::from([id]))?.contains(&(id, NodeKind::Artifact.number())))
    {
        return Ok(node);
    }
    Err(Error::not_found(format!("model artifact `{id}`")))
}

/// Counts a change of the artifact with that id, where files may be put into it, and returns it as it was before.
pub(super) fn increment_holder_revision(tx: &mut WriteTransaction<'_, '_>, id: NodeId) -> Result<Node> {
    let now = tx.now();
    if let Some(node) = nodes::increment_revision(tx, LogicalType::ModelArtifact, id, None, now)? {
        return Ok(node);
    }
    let type_id = get_holder(tx, id)?.type_id;
    nodes::increment_revision_of(tx, type_id, id, None, now)?
        .ok_or_else(|| Error::not_found(format!("artifact `{id}`")))
}

/// The artifact that files of the version go to: its first model artifact.
pub(super) fn holder(tx: &mut ReadTransaction<'_, '_>, version: NodeId) -> Result<Option<NodeId>> {
    let selection = Selection { member_of: Some(version), ..Selection::of(LogicalType::ModelArtifact) };
    Ok(nodes::list(tx, &selection, None, 1)?.pop().map(|artifact| artifact.id))
}

/// The name of the artifact that holds the files of an experiment's traces.
pub(super) const TRACE_FILES: &str = "traces";

/// The artifact that holds the files of the experiment's traces, where it has one.
pub(super) fn trace_holder(tx: &mut ReadTransaction<'_, '_>, experiment: NodeId) -> Result<Option<NodeId>> {
    let name: Name = TRACE_FILES.parse()?;
    Ok(nodes::find_named_bare(tx, LogicalType::DocArtifact, Some(experiment), &name)?.map(|artifact| artifact.id))
}

/// The document with that name which belongs to nothing else, where there is one in the workspace of the request.
pub(super) fn folder_holder(tx: &mut ReadTransaction<'_, '_>, name: &Name) -> Result<Option<NodeId>> {
    Ok(nodes::find_named_bare(tx, LogicalType::DocArtifact, None, name)?.map(|artifact| artifact.id))
}

/// The artifact that holds the files of the run, where it has one.
pub(super) fn run_holder(tx: &mut ReadTransaction<'_, '_>, run: NodeId) -> Result<Option<NodeId>> {
    let name: Name = RUN_FILES.parse()?;
    Ok(nodes::find_named_bare(tx, LogicalType::DocArtifact, Some(run), &name)?.map(|artifact| artifact.id))
}

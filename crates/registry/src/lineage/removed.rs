//! Lineage of what was removed: from the edges that its last entry in the record of changes has, and on through what is
//! still there.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use crate::domain::change::node_of;
use crate::domain::lineage::{Edge, EdgeKind};
use crate::domain::{ChangeRecord, LogicalType, Millis, Node, NodeId, Result};
use crate::store::lineage::{ReachedNode, Step, WalkDirection, steps};
use crate::store::{changes, removal_details};
use crate::transaction::ReadTransaction;

/// A node as it was when it was removed.
pub(super) struct Removed {
    pub(super) node: Node,
    pub(super) at: Millis,
    edges: Vec<Edge>,
}

/// What is known of the nodes reached so far: the types of existing ones, and the recorded removal of the others.
#[derive(Default)]
pub(super) struct RemovalTrace {
    types: BTreeMap<NodeId, i64>,
    pub(super) removed: BTreeMap<NodeId, Removed>,
    /// Whether an entry had no room for all edges.
    pub(super) truncated: bool,
}

impl RemovalTrace {
    /// What is known of these nodes from now on. Of what is neither there nor recorded, nothing is.
    pub(super) fn load(&mut self, tx: &mut ReadTransaction<'_, '_>, ids: impl Iterator<Item = NodeId>) -> Result<()> {
        let unknown: Vec<NodeId> = ids.filter(|id| !self.types.contains_key(id)).collect();
        self.types.extend(removal_details::types_of(tx, &unknown)?);
        let gone: Vec<NodeId> = unknown.into_iter().filter(|id| !self.types.contains_key(id)).collect();
        for entry in changes::removals(tx, &gone)? {
            if let Some(removed) = self.read(&entry) {
                self.types.insert(removed.node.id, removed.node.type_id);
                self.removed.insert(removed.node.id, removed);
            }
        }
        Ok(())
    }

    fn read(&mut self, entry: &ChangeRecord) -> Option<Removed> {
        let node = node_of(&entry.document, entry.place)?;
        self.truncated |= entry.document.get("edgesTruncated") == Some(&Json::Bool(true));
        let edges = entry.document.get("edges").and_then(Json::as_array);
        let edges = edges.into_iter().flatten().filter_map(edge).collect();
        Some(Removed { node, at: entry.at, edges })
    }

    /// The steps that lead on from these places, of which something is known.
    pub(super) fn steps(
        &mut self,
        tx: &mut ReadTransaction<'_, '_>,
        places: &[ReachedNode],
        direction: WalkDirection,
        limit: u32,
    ) -> Result<BTreeSet<Step>> {
        let (gone, there): (Vec<ReachedNode>, Vec<ReachedNode>) =
            places.iter().partition(|place| self.removed.contains_key(&place.node));
        let mut found = steps(tx, &there, direction, limit)?;
        let mut candidates: Vec<(ReachedNode, NodeId, Edge)> = Vec::new();
        for near in gone {
            let edges = self.removed.get(&near.node).map(|removed| removed.edges.as_slice()).unwrap_or_default();
            candidates.extend(edges.iter().filter_map(|edge| match direction {
                WalkDirection::Upstream if edge.to == near.node => Some((near, edge.from, *edge)),
                WalkDirection::Downstream if edge.from == near.node => Some((near, edge.to, *edge)),
                WalkDirection::Upstream | WalkDirection::Downstream => None,
            }));
        }
        self.load(tx, candidates.iter().map(|(_, far, _)| *far).chain(found.iter().map(|step| step.far.node)))?;
        let is_version = |id: &NodeId| self.types.get(id) == Some(&LogicalType::ModelVersion.id());
        for (near, far, edge) in candidates {
            let into_version = is_version(&far) && matches!(edge.kind, EdgeKind::Owns | EdgeKind::UsedBy);
            if self.types.contains_key(&far) && !(near.held && into_version) {
                let held = is_version(&near.node) && matches!((direction, edge.kind), HELD_UP | HELD_DOWN);
                found.insert(Step { near, far: ReachedNode { node: far, held }, edge });
            }
        }
        Ok(found)
    }
}

/// The edges by which one comes from a version to an artifact that it has.
const HELD_UP: (WalkDirection, EdgeKind) = (WalkDirection::Upstream, EdgeKind::UsedBy);
const HELD_DOWN: (WalkDirection, EdgeKind) = (WalkDirection::Downstream, EdgeKind::Owns);

fn edge(json: &Json) -> Option<Edge> {
    let id = |name: &str| json.get(name).and_then(Json::as_i64).map(NodeId);
    let kind = json.get("type").and_then(Json::as_str)?;
    let kind = EdgeKind::ALL.into_iter().find(|known| known.to_string() == kind)?;
    Some(Edge { from: id("from")?, to: id("to")?, kind })
}

//! The graph around a node, nearest first.

mod details;
mod impact;
mod removed;
mod walked;

use std::collections::{BTreeMap, BTreeSet};

use self::details::{Details, details};
use self::removed::RemovalTrace;
use self::walked::{Limits, Walked};
use super::context::RequestContext;
use super::graph::types_of;
use super::transaction::ReadTransaction;
use super::uris::fill_uris;
use crate::domain::lineage::{Depth, Direction, Edge, Lineage};
use crate::domain::{Error, Millis, Node, NodeId, NodeKind, Result};
use crate::services::Graph;
use crate::store::nodes;

pub use self::impact::{Impact, ReachedDeployment};

/// How many nodes and edges a graph has at most.
const LIMITS: Limits = Limits { nodes: 1000, edges: 5000 };

/// Which graph is wanted.
#[derive(Clone, Copy)]
struct Wanted {
    /// The node that it is around.
    node: NodeId,
    direction: Direction,
    depth: Depth,
    /// Where a path leads, if only one is wanted.
    to: Option<NodeId>,
}

impl Graph {
    /// The nodes that `node` was made from or belongs to, those that were made from it or serve it, or both, up to
    /// `depth` edges away; see [`Direction`].
    ///
    /// Nearer nodes come first, and of those that are equally far the older ones, until the graph is full.
    ///
    /// A removed node can be asked about: the graph then begins with the last entry of its history, and includes other
    /// removed nodes. Otherwise it has none.
    ///
    /// Errors: NotFound when there never was such a node.
    pub async fn lineage(
        &self,
        context: &RequestContext,
        node: NodeId,
        direction: Direction,
        depth: Depth,
    ) -> Result<Lineage> {
        let wanted = Wanted { node, direction, depth, to: None };
        self.core.read_long(context, move |tx| lineage(tx, wanted)).await
    }

    /// The shortest path from a node to another one in that direction; the node alone where none leads there within `depth`.
    ///
    /// Errors: NotFound when there never was such a node, or the other one is not there.
    pub async fn path(
        &self,
        context: &RequestContext,
        (node, to): (NodeId, NodeId),
        direction: Direction,
        depth: Depth,
    ) -> Result<Lineage> {
        let wanted = Wanted { node, direction, depth, to: Some(to) };
        self.core.read_long(context, move |tx| lineage(tx, wanted)).await
    }
}

fn lineage(tx: &mut ReadTransaction<'_, '_>, wanted: Wanted) -> Result<Lineage> {
    let Wanted { node, to, .. } = wanted;
    let mut graph = Walked::new(LIMITS, None);
    follow(tx, &mut graph, wanted)?;
    let mut nodes = graph.load(tx)?;
    let mut removed = RemovalTrace::default();
    if nodes.binary_search_by_key(&node, |found| found.id).is_err() {
        removed.load(tx, std::iter::once(node))?;
        if !removed.removed.contains_key(&node) {
            return Err(Error::not_found(format!("node `{node}`")));
        }
        graph = Walked::new(LIMITS, Some(removed));
        follow(tx, &mut graph, wanted)?;
        nodes = graph.load(tx)?;
        removed = graph.trace.take().unwrap_or_default();
        graph.truncated |= removed.truncated;
    }
    if let Some(to) = to.filter(|to| !graph.nodes.contains(to))
        && nodes::find_bare(tx, to)?.is_none()
        && !removed.removed.contains_key(&to)
    {
        return Err(Error::not_found(format!("node `{to}`")).on_field("to"));
    }
    let removed = removed.removed.into_values().filter(|each| graph.nodes.contains(&each.node.id));
    let removed: BTreeMap<NodeId, Millis> = removed
        .map(|each| {
            let id = each.node.id;
            nodes.push(each.node);
            (id, each.at)
        })
        .collect();
    nodes.sort_by_key(|node| node.id);
    let shown: BTreeSet<NodeId> = nodes.iter().map(|node| node.id).collect();
    let is_shown = |edge: &Edge| shown.contains(&edge.from) && shown.contains(&edge.to);
    let Walked { edges, followed, truncated, .. } = graph;
    let edges: BTreeSet<Edge> = edges.into_iter().filter(is_shown).collect();
    let left_out = followed.into_iter().filter(|(near, edge)| shown.contains(near) && !edges.contains(edge));
    let has_more = left_out.map(|(near, _)| near).collect();
    let types = types_of(tx, &nodes)?;
    let is_artifact = |node: &Node| types.get(&node.type_id).is_none_or(|of| of.kind == NodeKind::Artifact);
    let there = nodes.iter_mut().filter(|node| is_artifact(node) && !removed.contains_key(&node.id));
    fill_uris(tx, there)?;
    let Details { homes, aliases, verdicts } = details(tx, &nodes)?;
    let edges = edges.into_iter().collect();
    Ok(Lineage { nodes, edges, types, removed, has_more, homes, aliases, verdicts, truncated })
}

/// Follows the edges, and leaves the shortest path where one is wanted.
fn follow(tx: &mut ReadTransaction<'_, '_>, graph: &mut Walked, wanted: Wanted) -> Result<()> {
    let Wanted { node, direction, depth, to } = wanted;
    let paths = graph.follow_all(tx, &[node], direction, depth)?;
    if let Some(to) = to {
        let paths = paths.iter().filter_map(|reached| reached.path_to(to));
        graph.keep(node, paths.min_by_key(Vec::len).unwrap_or_default());
    }
    Ok(())
}

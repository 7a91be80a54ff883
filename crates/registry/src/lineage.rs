//! The graph around a node, nearest first.

mod removed;

use std::collections::{BTreeMap, BTreeSet};

use self::removed::RemovalTrace;
use super::context::RequestContext;
use super::graph::types_of;
use super::transaction::ReadTransaction;
use super::uris::fill_uris;
use crate::domain::lineage::{Depth, Direction, Edge, Lineage};
use crate::domain::{Error, Millis, Node, NodeId, NodeKind, Result};
use crate::services::Graph;
use crate::store::lineage::{ReachedNode, Step, WalkDirection, steps, walk};
use crate::store::nodes;

/// How many nodes a graph has at most.
const MAX_NODES: usize = 1000;

/// How many edges a graph has at most.
const MAX_EDGES: u32 = 5000;

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
        self.core
            .read_long(context, move |tx| {
                let mut graph = Walked::from(node);
                graph.follow_all(tx, node, direction, depth)?;
                let mut nodes = graph.load(tx)?;
                let mut removed = RemovalTrace::default();
                if nodes.binary_search_by_key(&node, |found| found.id).is_err() {
                    removed.load(tx, std::iter::once(node))?;
                    if !removed.removed.contains_key(&node) {
                        return Err(Error::not_found(format!("node `{node}`")));
                    }
                    graph = Walked { trace: Some(removed), ..Walked::from(node) };
                    graph.follow_all(tx, node, direction, depth)?;
                    nodes = graph.load(tx)?;
                    removed = graph.trace.take().unwrap_or_default();
                    graph.truncated |= removed.truncated;
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
                let edges = graph.edges.into_iter().filter(is_shown).collect();
                let types = types_of(tx, &nodes)?;
                let is_artifact = |node: &Node| types.get(&node.type_id).is_none_or(|of| of.kind == NodeKind::Artifact);
                let there = nodes.iter_mut().filter(|node| is_artifact(node) && !removed.contains_key(&node.id));
                fill_uris(tx, there)?;
                Ok(Lineage { nodes, edges, types, removed, truncated: graph.truncated })
            })
            .await
    }
}

/// What was found so far.
struct Walked {
    nodes: BTreeSet<NodeId>,
    edges: BTreeSet<Edge>,
    truncated: bool,
    /// What is known of what is gone, where the graph goes through that.
    trace: Option<RemovalTrace>,
}

impl Walked {
    fn from(node: NodeId) -> Self {
        Self { nodes: BTreeSet::from([node]), edges: BTreeSet::new(), truncated: false, trace: None }
    }

    /// Those of its nodes that are there, ordered by id.
    fn load(&self, tx: &mut ReadTransaction<'_, '_>) -> Result<Vec<Node>> {
        nodes::find_all(tx, &self.nodes.iter().copied().collect::<Vec<_>>())
    }

    fn follow_all(
        &mut self,
        tx: &mut ReadTransaction<'_, '_>,
        start: NodeId,
        direction: Direction,
        depth: Depth,
    ) -> Result<()> {
        if direction != Direction::Downstream {
            self.follow(tx, start, WalkDirection::Upstream, depth)?;
        }
        if direction != Direction::Upstream {
            self.follow(tx, start, WalkDirection::Downstream, depth)?;
        }
        Ok(())
    }

    fn follow(
        &mut self,
        tx: &mut ReadTransaction<'_, '_>,
        start: NodeId,
        direction: WalkDirection,
        depth: Depth,
    ) -> Result<()> {
        // A graph that is too large is read hop by hop, so that the nearest nodes are shown, and so is one that leads
        // through removed nodes.
        let mut known = match self.trace {
            None => walk(tx, start, direction, depth.get(), MAX_EDGES)?.map(Known::from),
            Some(_) => None,
        };
        // What the other way has found is gone through again: a node may be on both sides.
        let mut seen = BTreeSet::from([ReachedNode::start(start)]);
        let mut frontier: Vec<ReachedNode> = seen.iter().copied().collect();
        for _ in 0..depth.get() {
            if frontier.is_empty() {
                break;
            }
            let found = match &mut known {
                Some(known) => known.steps(&frontier),
                None => self.ask(tx, &frontier, direction)?,
            };
            let mut next = BTreeSet::new();
            for Step { far, edge, .. } in found {
                if !seen.contains(&far) {
                    next.insert(far);
                }
                if self.edges.len() < MAX_EDGES as usize || self.edges.contains(&edge) {
                    self.edges.insert(edge);
                } else {
                    self.truncated = true;
                }
            }
            frontier = next.into_iter().filter(|far| self.take(far.node)).collect();
            seen.extend(&frontier);
        }
        Ok(())
    }

    /// The steps that lead on from there, or more of them than there is room for.
    fn ask(
        &mut self,
        tx: &mut ReadTransaction<'_, '_>,
        frontier: &[ReachedNode],
        direction: WalkDirection,
    ) -> Result<BTreeSet<Step>> {
        let mut found = BTreeSet::new();
        for places in frontier.chunks(MAX_ASKED) {
            found.extend(match &mut self.trace {
                None => steps(tx, places, direction, MAX_EDGES + 1)?,
                Some(trace) => trace.steps(tx, places, direction, MAX_EDGES + 1)?,
            });
            // There is no room for any later steps.
            if found.len() > MAX_EDGES as usize + self.edges.len() {
                self.truncated = true;
                break;
            }
        }
        Ok(found)
    }

    /// Adds the node, unless the graph is full.
    fn take(&mut self, node: NodeId) -> bool {
        let has_room = self.nodes.len() < MAX_NODES || self.nodes.contains(&node);
        if has_room {
            self.nodes.insert(node);
        } else {
            self.truncated = true;
        }
        has_room
    }
}

/// How many places are asked about before it is looked whether there is room for more.
const MAX_ASKED: usize = 16;

/// Every step of a walk, by the place that it leads from.
struct Known(BTreeMap<ReachedNode, Vec<Step>>);

impl From<BTreeSet<Step>> for Known {
    fn from(steps: BTreeSet<Step>) -> Self {
        let mut by_near: BTreeMap<ReachedNode, Vec<Step>> = BTreeMap::new();
        for step in steps {
            by_near.entry(step.near).or_default().push(step);
        }
        Self(by_near)
    }
}

impl Known {
    fn steps(&mut self, frontier: &[ReachedNode]) -> BTreeSet<Step> {
        frontier.iter().filter_map(|place| self.0.remove(place)).flatten().collect()
    }
}

//! The walk through the graph from a node outwards, hop by hop.

use std::collections::{BTreeMap, BTreeSet};

use super::removed::RemovalTrace;
use crate::domain::lineage::{Depth, Direction, Edge};
use crate::domain::{Node, NodeId, Result};
use crate::store::lineage::{ReachedNode, Step, WalkDirection, steps, walk};
use crate::store::nodes;
use crate::transaction::ReadTransaction;

/// How many nodes and edges are found at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Limits {
    pub(super) nodes: usize,
    pub(super) edges: u32,
}

/// What was found so far.
pub(super) struct Walked {
    limits: Limits,
    pub(super) nodes: BTreeSet<NodeId>,
    pub(super) edges: BTreeSet<Edge>,
    /// The edges that lead on from the nodes, with those for which there was no room and those that lead too far.
    pub(super) followed: BTreeSet<(NodeId, Edge)>,
    pub(super) truncated: bool,
    /// What is known of what is gone, where the graph goes through that.
    pub(super) trace: Option<RemovalTrace>,
}

/// By which edge each place of a walk was reached first, and from where.
#[derive(Default)]
pub(super) struct ReachedBy(BTreeMap<ReachedNode, (ReachedNode, Edge)>);

impl ReachedBy {
    /// The edges of a shortest path to that node, the last one first; none where it begins there.
    pub(super) fn path_to(&self, node: NodeId) -> Option<Vec<Edge>> {
        let ends = [false, true].map(|held| ReachedNode { node, held });
        let reached = ends.into_iter().filter(|end| self.0.contains_key(end));
        reached.map(|end| self.back_from(end).map(|(edge, _)| edge).collect::<Vec<_>>()).min_by_key(Vec::len)
    }

    /// The nodes of the paths to that node, each path from its end back to its beginning.
    pub(super) fn nodes_back_from(&self, node: NodeId) -> impl Iterator<Item = NodeId> {
        let ends = [false, true].map(|held| ReachedNode { node, held });
        let back = |end: ReachedNode| self.back_from(end).map(|(_, near)| near.node);
        ends.into_iter().filter(|end| self.0.contains_key(end)).flat_map(back)
    }

    /// The edges of the path to that place and where they come from, the last one first.
    fn back_from(&self, end: ReachedNode) -> impl Iterator<Item = (Edge, ReachedNode)> {
        let step = |place: ReachedNode| self.0.get(&place).map(|(near, edge)| (*edge, *near));
        std::iter::successors(step(end), move |(_, near)| step(*near))
    }
}

impl Walked {
    pub(super) fn new(limits: Limits, trace: Option<RemovalTrace>) -> Self {
        let (nodes, edges, followed) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        Self { limits, nodes, edges, followed, truncated: false, trace }
    }

    /// Those of its nodes that are there, ordered by id.
    pub(super) fn load(&self, tx: &mut ReadTransaction<'_, '_>) -> Result<Vec<Node>> {
        nodes::find_all(tx, &self.nodes.iter().copied().collect::<Vec<_>>())
    }

    /// Keeps the path from that node alone, with all edges that lead from one of its nodes to the next.
    pub(super) fn keep(&mut self, start: NodeId, path: Vec<Edge>) {
        let hops: BTreeSet<(NodeId, NodeId)> = path.iter().map(|edge| (edge.from, edge.to)).collect();
        self.nodes = hops.iter().flat_map(|(from, to)| [*from, *to]).chain([start]).collect();
        self.edges.retain(|edge| hops.contains(&(edge.from, edge.to)));
        self.edges.extend(path);
    }

    /// Follows the edges of each direction from where it starts; says how each place was reached.
    pub(super) fn follow_all(
        &mut self,
        tx: &mut ReadTransaction<'_, '_>,
        starts: &[NodeId],
        direction: Direction,
        depth: Depth,
    ) -> Result<Vec<ReachedBy>> {
        self.nodes.extend(starts);
        let mut reached = Vec::new();
        if direction != Direction::Downstream {
            reached.push(self.follow(tx, starts, WalkDirection::Upstream, depth)?);
        }
        if direction != Direction::Upstream {
            reached.push(self.follow(tx, starts, WalkDirection::Downstream, depth)?);
        }
        Ok(reached)
    }

    fn follow(
        &mut self,
        tx: &mut ReadTransaction<'_, '_>,
        starts: &[NodeId],
        direction: WalkDirection,
        depth: Depth,
    ) -> Result<ReachedBy> {
        // A graph that is too large is read hop by hop, so that the nearest nodes are shown, and so is one that leads
        // through removed nodes. One hop more than is shown tells from which nodes more edges lead on.
        let mut known = match (&self.trace, starts) {
            (None, [start]) => walk(tx, *start, direction, depth.get() + 1, self.limits.edges)?.map(Known::from),
            _ => None,
        };
        // What the other way has found is gone through again: a node may be on both sides.
        let mut seen: BTreeSet<ReachedNode> = starts.iter().map(|start| ReachedNode::start(*start)).collect();
        let mut frontier: Vec<ReachedNode> = seen.iter().copied().collect();
        let mut unasked = Vec::new();
        let mut reached = ReachedBy::default();
        for _ in 0..depth.get() {
            if frontier.is_empty() {
                break;
            }
            let found = match &mut known {
                Some(known) => known.steps(&frontier),
                None => self.ask(tx, &frontier, direction, &mut unasked)?,
            };
            let mut next = BTreeSet::new();
            for Step { near, far, edge } in found {
                if !seen.contains(&far) {
                    reached.0.entry(far).or_insert((near, edge));
                    next.insert(far);
                }
                if self.edges.len() < self.limits.edges as usize || self.edges.contains(&edge) {
                    self.edges.insert(edge);
                } else {
                    self.truncated = true;
                }
                self.followed.insert((near.node, edge));
            }
            frontier = next.into_iter().filter(|far| self.take(far.node)).collect();
            seen.extend(&frontier);
        }
        frontier.extend(unasked);
        let beyond = match &mut known {
            Some(known) => known.steps(&frontier),
            None => self.first_steps(tx, &frontier, direction)?,
        };
        self.followed.extend(beyond.into_iter().map(|step| (step.near.node, step.edge)));
        Ok(reached)
    }

    /// The steps that lead on from there, or more of them than there is room for; where there is no room, which places were
    /// not asked about.
    fn ask(
        &mut self,
        tx: &mut ReadTransaction<'_, '_>,
        frontier: &[ReachedNode],
        direction: WalkDirection,
        unasked: &mut Vec<ReachedNode>,
    ) -> Result<BTreeSet<Step>> {
        let mut found = BTreeSet::new();
        let mut chunks = frontier.chunks(MAX_ASKED);
        while let Some(places) = chunks.next() {
            found.extend(self.steps(tx, places, direction, self.limits.edges + 1)?);
            // There is no room for any later steps.
            if found.len() > self.limits.edges as usize + self.edges.len() {
                self.truncated = true;
                unasked.extend(chunks.flatten());
                break;
            }
        }
        Ok(found)
    }

    /// Of each kind of edge that leads on from each of these places the first.
    fn first_steps(
        &mut self,
        tx: &mut ReadTransaction<'_, '_>,
        places: &[ReachedNode],
        direction: WalkDirection,
    ) -> Result<BTreeSet<Step>> {
        if places.is_empty() { Ok(BTreeSet::new()) } else { self.steps(tx, places, direction, 1) }
    }

    fn steps(
        &mut self,
        tx: &mut ReadTransaction<'_, '_>,
        places: &[ReachedNode],
        direction: WalkDirection,
        limit: u32,
    ) -> Result<BTreeSet<Step>> {
        match &mut self.trace {
            None => steps(tx, places, direction, limit),
            Some(trace) => trace.steps(tx, places, direction, limit),
        }
    }

    /// Adds the node, unless the graph is full.
    fn take(&mut self, node: NodeId) -> bool {
        let has_room = self.nodes.len() < self.limits.nodes || self.nodes.contains(&node);
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

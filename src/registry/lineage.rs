//! The graph around a node, followed hop by hop.

use std::collections::BTreeSet;

use super::Registry;
use super::graph::types_of;
use crate::domain::lineage::{Depth, Direction, Edge, Lineage};
use crate::domain::{Error, NodeId, Result};
use crate::store::lineage::{Hop, hop};
use crate::store::{Tx, nodes};

/// How many nodes a graph has at most.
const MAX_NODES: usize = 1000;

/// How many edges a graph has at most.
const MAX_EDGES: u32 = 5000;

impl Registry {
    /// The nodes that `node` was made from or belongs to, those that were made from it or serve it, or both, up to
    /// `depth` edges away; see [`Direction`].
    ///
    /// Nearer nodes come first, and of those that are equally far the older ones, until the graph is full.
    ///
    /// Errors: NotFound when there is no such node.
    pub async fn lineage(&self, node: NodeId, direction: Direction, depth: Depth) -> Result<Lineage> {
        let registry = self.clone();
        self.store
            .read(move |tx| {
                let mut found = nodes::find(tx, node)?.ok_or_else(|| Error::not_found(format!("node `{node}`")))?;
                let mut walk = Walk::from(node);
                if direction != Direction::Downstream {
                    walk.follow(tx, node, Hop::Up, depth)?;
                }
                if direction != Direction::Upstream {
                    walk.follow(tx, node, Hop::Down, depth)?;
                }
                let mut around: Vec<NodeId> = walk.nodes.into_iter().collect();
                around.retain(|id| *id != node);
                let mut nodes = nodes::find_all(tx, &around)?;
                registry.fill_uris(tx, std::slice::from_mut(&mut found))?;
                registry.fill_uris(tx, &mut nodes)?;
                nodes.push(found);
                nodes.sort_by_key(|node| node.id);
                let shown: BTreeSet<NodeId> = nodes.iter().map(|node| node.id).collect();
                let is_shown = |edge: &Edge| shown.contains(&edge.from) && shown.contains(&edge.to);
                let edges = walk.edges.into_iter().filter(is_shown).collect();
                let types = types_of(tx, &nodes)?;
                Ok(Lineage { nodes, edges, types, truncated: walk.truncated })
            })
            .await
    }
}

/// What was found so far.
struct Walk {
    nodes: BTreeSet<NodeId>,
    edges: BTreeSet<Edge>,
    truncated: bool,
}

impl Walk {
    fn from(node: NodeId) -> Self {
        Self { nodes: BTreeSet::from([node]), edges: BTreeSet::new(), truncated: false }
    }

    fn follow(&mut self, tx: &mut Tx<'_>, start: NodeId, direction: Hop, depth: Depth) -> Result<()> {
        // What the other direction has found is gone through again: a node may be on both sides.
        let mut seen = BTreeSet::from([start]);
        let mut frontier = vec![start];
        for _ in 0..depth.get() {
            if frontier.is_empty() {
                return Ok(());
            }
            // One more than there is room for tells whether something was left out.
            let found = hop(tx, &frontier, direction, MAX_EDGES + 1)?;
            let mut next = BTreeSet::new();
            for edge in found {
                let far = if direction == Hop::Up { edge.from } else { edge.to };
                if !seen.contains(&far) {
                    next.insert(far);
                }
                if self.edges.len() < MAX_EDGES as usize || self.edges.contains(&edge) {
                    self.edges.insert(edge);
                } else {
                    self.truncated = true;
                }
            }
            frontier = next.into_iter().filter(|far| self.take(*far)).collect();
            seen.extend(&frontier);
        }
        Ok(())
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

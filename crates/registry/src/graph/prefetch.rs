//! Prefetched events: a walk along events needs many small reads, each of which may be a round trip over a network.

use std::collections::BTreeMap;

use crate::domain::graph::{Event, EventDirection, EventType};
use crate::domain::{NodeId, NodeKind, Result};
use crate::store::graph::events;
use crate::store::graph::reach::{Followed, ReachableNode, reach};
use crate::transaction::ReadTransaction;

/// The types of the events that lead on from nodes of that kind.
fn followed(direction: EventDirection, from: NodeKind) -> &'static [i64] {
    match (direction, from) {
        (EventDirection::Both, _) => &EventType::ALL,
        (EventDirection::Upstream, NodeKind::Artifact) | (EventDirection::Downstream, NodeKind::Execution) => {
            &EventType::OUTPUTS
        }
        (EventDirection::Upstream | EventDirection::Downstream, _) => &EventType::INPUTS,
    }
}

/// Prefetched events, by artifact and by execution.
#[derive(Default)]
pub(super) struct PrefetchedEvents {
    of_artifacts: BTreeMap<NodeId, Vec<(i64, Event)>>,
    of_executions: BTreeMap<NodeId, Vec<(i64, Event)>>,
}

impl PrefetchedEvents {
    /// Prefetches what a walk from these nodes needs, where that is quicker than reading it hop by hop.
    pub(super) fn load(
        tx: &mut ReadTransaction<'_, '_>,
        direction: EventDirection,
        kind: NodeKind,
        start: &[NodeId],
    ) -> Result<Self> {
        let follow = Followed {
            from_artifacts: followed(direction, NodeKind::Artifact),
            from_executions: followed(direction, NodeKind::Execution),
        };
        let mut known = Self::default();
        for ReachableNode { kind, id, event } in reach(tx, kind, start, follow)?.unwrap_or_default() {
            known.of(kind).entry(id).or_default().extend(event);
        }
        Ok(known)
    }

    fn of(&mut self, kind: NodeKind) -> &mut BTreeMap<NodeId, Vec<(i64, Event)>> {
        match kind {
            NodeKind::Artifact => &mut self.of_artifacts,
            NodeKind::Execution | NodeKind::Context => &mut self.of_executions,
        }
    }

    /// The events that lead on from these nodes, in the order in which they were put.
    pub(super) fn events(
        &mut self,
        tx: &mut ReadTransaction<'_, '_>,
        direction: EventDirection,
        kind: NodeKind,
        of: &[NodeId],
    ) -> Result<Vec<(i64, Event)>> {
        let known = self.of(kind);
        let unknown: Vec<NodeId> = of.iter().copied().filter(|id| !known.contains_key(id)).collect();
        let mut found: Vec<_> = of.iter().filter_map(|id| known.remove(id)).flatten().collect();
        if !unknown.is_empty() {
            found.extend(events::of(tx, kind, &unknown, followed(direction, kind))?);
        }
        found.sort_by_key(|(id, _)| *id);
        Ok(found)
    }
}

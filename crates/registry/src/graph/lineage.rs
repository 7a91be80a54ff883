//! The lineage graph around some artifacts or executions, event by event.

use std::collections::{BTreeMap, BTreeSet};

use super::prefetch::PrefetchedEvents;
use crate::context::RequestContext;
use crate::domain::graph::{Ending, Event, EventDirection, LineageQuery, Subgraph, Type};
use crate::domain::{Error, NodeId, NodeKind, Result, Selection};
use crate::services::Graph;
use crate::store::graph::memberships;
use crate::store::graph::types::{Which, load};
use crate::store::nodes as lists;
use crate::transaction::ReadTransaction;

/// The most nodes that a graph starts from.
const MAX_STARTS: u32 = 100;

/// The farthest that a graph reaches, in events.
const MAX_HOPS: i64 = 100;

/// Up to this many hops are read one by one: a prefetch reads all reachable events, which may be far more.
const MAX_SINGLE_HOPS: i64 = 20;

impl Graph {
    /// The graph around the nodes that the query starts from.
    ///
    /// Errors: InvalidArgument on a negative number of hops, NotFound when it starts from nothing.
    pub async fn lineage_subgraph(&self, context: &RequestContext, query: LineageQuery) -> Result<Subgraph> {
        let hops = match query.max_hops {
            Some(hops) if hops < 0 => {
                return Err(Error::invalid("max_num_hops", format!("max_num_hops `{hops}` is below zero")));
            }
            hops => hops.unwrap_or(MAX_HOPS).min(MAX_HOPS),
        };
        self.core
            .read_long(context, move |tx| {
                let selection =
                    Selection { filter: Some(query.start.clone()), ..Selection::of_kind(Some(query.start_kind)) };
                let starts = lists::list_ids(tx, &selection, None, MAX_STARTS)?;
                if starts.is_empty() {
                    return Err(Error::not_found("nodes to start from"));
                }
                let mut walk = Walk::new(&query);
                let mut frontier = walk.arrive(tx, query.start_kind, starts)?;
                let mut kind = query.start_kind;
                let ends = query.ending_artifacts.is_some() || query.ending_executions.is_some();
                let mut known = if hops > MAX_SINGLE_HOPS && !ends {
                    PrefetchedEvents::load(tx, query.direction, kind, &frontier)?
                } else {
                    PrefetchedEvents::default()
                };
                for _ in 0..hops {
                    if frontier.is_empty() {
                        break;
                    }
                    let events = known.events(tx, query.direction, kind, &frontier)?;
                    frontier = walk.step(tx, kind, events)?;
                    kind = other(kind);
                }
                walk.show(tx)
            })
            .await
    }
}

fn other(kind: NodeKind) -> NodeKind {
    match kind {
        NodeKind::Artifact => NodeKind::Execution,
        NodeKind::Execution | NodeKind::Context => NodeKind::Artifact,
    }
}

/// What was found so far.
struct Walk<'a> {
    query: &'a LineageQuery,
    /// Those from which it continues.
    walked: BTreeSet<NodeId>,
    /// Those at which it ends.
    ends: BTreeSet<NodeId>,
    artifacts: BTreeSet<NodeId>,
    executions: BTreeSet<NodeId>,
    events: Vec<(i64, Event)>,
}

impl<'a> Walk<'a> {
    fn new(query: &'a LineageQuery) -> Self {
        Self {
            query,
            walked: BTreeSet::new(),
            ends: BTreeSet::new(),
            artifacts: BTreeSet::new(),
            executions: BTreeSet::new(),
            events: Vec::new(),
        }
    }

    /// Adds nodes that were not seen before, and returns those from which the graph continues.
    fn arrive(&mut self, tx: &mut ReadTransaction<'_, '_>, kind: NodeKind, found: Vec<NodeId>) -> Result<Vec<NodeId>> {
        let ending = self.ending(kind);
        let ends: BTreeSet<NodeId> = match ending {
            Some(Ending { filter, .. }) if !found.is_empty() => {
                let selection = Selection { filter: filter.clone(), ..Selection::of_kind(Some(kind)) };
                lists::list_ids(tx, &selection, Some(&found), u32::MAX)?.into_iter().collect()
            }
            _ => BTreeSet::new(),
        };
        let include = ending.is_some_and(|ending| ending.include);
        let shown = found.iter().filter(|id| include || !ends.contains(id));
        match kind {
            NodeKind::Artifact => self.artifacts.extend(shown),
            NodeKind::Execution | NodeKind::Context => self.executions.extend(shown),
        }
        let on: Vec<NodeId> = found.into_iter().filter(|id| !ends.contains(id)).collect();
        self.walked.extend(&on);
        self.ends.extend(ends);
        Ok(on)
    }

    /// At which nodes of the kind the graph ends.
    fn ending(&self, kind: NodeKind) -> Option<&'a Ending> {
        match kind {
            NodeKind::Artifact => self.query.ending_artifacts.as_ref(),
            NodeKind::Execution | NodeKind::Context => self.query.ending_executions.as_ref(),
        }
    }

    /// Follows events that lead on from nodes of that kind, and returns the nodes from which the graph continues.
    fn step(
        &mut self,
        tx: &mut ReadTransaction<'_, '_>,
        kind: NodeKind,
        mut walked: Vec<(i64, Event)>,
    ) -> Result<Vec<NodeId>> {
        let far = |event: &Event| match kind {
            NodeKind::Artifact => event.execution_id,
            NodeKind::Execution | NodeKind::Context => event.artifact_id,
        };
        if self.query.direction == EventDirection::Both {
            // The event back is known already, except where the graph ends.
            walked.retain(|(_, event)| !self.walked.contains(&far(event)));
        }
        let known = |id: &NodeId| self.walked.contains(id) || self.ends.contains(id);
        let new: BTreeSet<NodeId> = walked.iter().map(|(_, event)| far(event)).filter(|id| !known(id)).collect();
        let frontier = self.arrive(tx, other(kind), new.into_iter().collect())?;
        if self.ending(other(kind)).is_some_and(|ending| !ending.include) {
            walked.retain(|(_, event)| !self.ends.contains(&far(event)));
        }
        self.events.append(&mut walked);
        Ok(frontier)
    }

    /// The lists that are wanted.
    fn show(self, tx: &mut ReadTransaction<'_, '_>) -> Result<Subgraph> {
        let parts = self.query.parts;
        let mut graph = Subgraph::default();
        if parts.contexts || parts.attributions || parts.associations {
            let members: Vec<NodeId> = self.artifacts.union(&self.executions).copied().collect();
            let pairs = memberships::contexts_of(tx, &members)?;
            let (of_artifacts, of_executions): (Vec<_>, Vec<_>) =
                pairs.iter().partition(|(_, member)| self.artifacts.contains(member));
            if parts.contexts {
                graph.contexts =
                    pairs.iter().map(|(context, _)| *context).collect::<BTreeSet<_>>().into_iter().collect();
            }
            if parts.attributions {
                graph.attributions = of_artifacts;
            }
            if parts.associations {
                graph.associations = of_executions;
            }
        }
        if parts.artifacts {
            graph.artifacts = self.artifacts.into_iter().collect();
        }
        if parts.executions {
            graph.executions = self.executions.into_iter().collect();
        }
        if parts.events {
            graph.events = self.events.into_iter().map(|(_, event)| event).collect();
        }
        graph.artifact_types = types(tx, parts.artifact_types, NodeKind::Artifact)?;
        graph.execution_types = types(tx, parts.execution_types, NodeKind::Execution)?;
        graph.context_types = types(tx, parts.context_types, NodeKind::Context)?;
        Ok(graph)
    }
}

fn types(tx: &mut ReadTransaction<'_, '_>, wanted: bool, kind: NodeKind) -> Result<Vec<Type>> {
    let found: BTreeMap<i64, Type> = if wanted { load(tx, Which::Kind(kind))? } else { BTreeMap::new() };
    Ok(found.into_values().collect())
}

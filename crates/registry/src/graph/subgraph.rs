//! Executions, artifacts, contexts and events, put at once.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::edges;
use super::publish::{attach_all, between, check_context, put_contexts};
use super::put::put;
use super::put_options::{PutOptions, Reuse};
use crate::context::RequestContext;
use crate::domain::graph::{EventEdge, EventWrite, NodeWrite, PublishOptions, SubgraphIds, SubgraphWrite};
use crate::domain::{Error, Node, NodeId, NodeKind, Result};
use crate::policy::Policy;
use crate::services::Graph;
use crate::store::graph::types::{Which, load};
use crate::transaction::{ReadTransaction, WriteTransaction};

impl Graph {
    /// Puts nodes, makes every artifact and execution a member of every context, and records the events.
    ///
    /// Errors: those of [`Graph::put_nodes`] and [`Graph::put_events`]; InvalidArgument when an edge has no event,
    /// or its event names another node than its place does, and when a node has no type.
    pub async fn put_lineage_subgraph(&self, context: &RequestContext, write: SubgraphWrite) -> Result<SubgraphIds> {
        check(&write)?;
        let policy = Arc::clone(&self.core.policy);
        self.core.write(context, move |tx| put_subgraph(tx, &policy, &write)).await
    }
}

fn put_subgraph(tx: &mut WriteTransaction<'_, '_>, policy: &Policy, write: &SubgraphWrite) -> Result<SubgraphIds> {
    let now = tx.now();
    let options = PublishOptions {
        reuse_context_if_already_exist: write.reuse_context_if_already_exist,
        ..PublishOptions::default()
    };
    check_contexts(tx, &write.contexts)?;
    let contexts = put_contexts(tx, &write.contexts, options)?;
    let reuse = if write.reuse_artifact_if_already_exist_by_external_id { Reuse::Stored } else { Reuse::Nothing };
    let put_options = PutOptions { reuse_external_id: reuse, ..PutOptions::default() };
    let artifacts = put(tx, NodeKind::Artifact, &write.artifacts, &put_options)?;
    let executions = put(tx, NodeKind::Execution, &write.executions, &PutOptions::default())?;

    let members = || artifacts.iter().chain(&executions);
    let of_each = |context: &Node| members().map(|member| (context.id, member.id)).collect::<Vec<_>>();
    let pairs: BTreeSet<_> = contexts.iter().flat_map(of_each).collect();
    attach_all(tx, policy, &contexts, &pairs)?;

    let events = write
        .edges
        .iter()
        .map(|edge| edges::event(&resolved(edge, &artifacts, &executions)?, now))
        .collect::<Result<Vec<_>>>()?;
    let of_artifacts: BTreeSet<NodeId> = events.iter().map(|event| event.artifact_id).collect();
    let put: BTreeSet<NodeId> = artifacts.iter().map(|node| node.id).collect();
    let others = of_artifacts.difference(&put).copied().collect();
    edges::check_all(tx, NodeKind::Artifact, &others, "artifact_id")?;
    edges::put(tx, &events, &executions)?;
    let ids = |nodes: Vec<Node>| nodes.into_iter().map(|node| node.id).collect();
    Ok(SubgraphIds { execution_ids: ids(executions), artifact_ids: ids(artifacts), context_ids: ids(contexts) })
}

/// Refuses contexts whose properties their types do not have, also where they are used as they are.
fn check_contexts(tx: &mut ReadTransaction<'_, '_>, contexts: &[NodeWrite]) -> Result<()> {
    let ids: Vec<i64> = contexts.iter().filter_map(|context| context.type_id).collect();
    let types = if ids.is_empty() { BTreeMap::new() } else { load(tx, Which::OfNodes(&ids))? };
    for context in contexts {
        if let Some(of) = context.type_id.and_then(|id| types.get(&id)) {
            context.check_properties(of, None)?;
        }
    }
    Ok(())
}

fn check(write: &SubgraphWrite) -> Result<()> {
    for edge in &write.edges {
        check_edge(edge, write)?;
    }
    write.contexts.iter().try_for_each(check_context)?;
    for (kind, nodes) in [(NodeKind::Artifact, &write.artifacts), (NodeKind::Execution, &write.executions)] {
        for node in nodes {
            node.check(kind)?;
            if node.type_id.is_none() {
                return Err(Error::invalid("type_id", "Type id is missing."));
            }
        }
    }
    Ok(())
}

fn check_edge(edge: &EventEdge, write: &SubgraphWrite) -> Result<()> {
    let event = edge.event.as_ref().ok_or_else(|| Error::invalid("event", "an edge has no event"))?;
    event.check()?;
    let sides = [
        ("artifact_id", edge.artifact_index, event.artifact_id, &write.artifacts),
        ("execution_id", edge.execution_index, event.execution_id, &write.executions),
    ];
    for (field, index, id, nodes) in sides {
        match (index, id) {
            (None, None) => return Err(Error::invalid(field, format!("an edge has neither an index nor {field}"))),
            (Some(index), Some(id)) if at(nodes, index).and_then(|node| node.id) != Some(id) => {
                return Err(Error::invalid(field, format!("{field} `{id}` is not that of the node at `{index}`")));
            }
            _ => {}
        }
    }
    Ok(())
}

fn at<T>(nodes: &[T], index: i32) -> Option<&T> {
    nodes.get(usize::try_from(index).ok()?)
}

/// The event with the ids of the nodes at the edge's places.
fn resolved(edge: &EventEdge, artifacts: &[Node], executions: &[Node]) -> Result<EventWrite> {
    let event = edge.event.as_ref().ok_or_else(|| super::internal("an edge without an event was let through"))?;
    let place = |index: Option<i32>, nodes: &[Node], id: Option<i64>, field: &str| match index {
        Some(index) => at(nodes, index)
            .map(|node| node.id)
            .ok_or_else(|| Error::invalid(field, format!("index `{index}` is out of range"))),
        None => id.map(NodeId).ok_or_else(|| super::internal("an edge without an end was let through")),
    };
    let artifact = place(edge.artifact_index, artifacts, event.artifact_id, "artifact_index")?;
    let execution = place(edge.execution_index, executions, event.execution_id, "execution_index")?;
    // A node that was found by its external id may have been given without the id that the event has.
    between(event, Some(artifact), execution)
}

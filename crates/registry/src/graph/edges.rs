//! Events, memberships and parents: put between nodes that are there.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde_json::{Value as Json, json};

use crate::context::RequestContext;
use crate::domain::graph::{Event, EventWrite, Membership, Parenthood};
use crate::domain::{Action, Error, Millis, Node, NodeId, NodeKind, Result};
use crate::inspection::on_members_added;
use crate::policy::Policy;
use crate::services::Graph;
use crate::store::graph::{events, memberships, nodes};
use crate::transaction::{ReadTransaction, WriteTransaction};

impl Graph {
    /// Records events.
    ///
    /// Errors: InvalidArgument when one says nothing or its artifact or execution does not exist, AlreadyExists when an
    /// artifact and an execution have one of that type already.
    pub async fn put_events(&self, context: &RequestContext, writes: Vec<EventWrite>) -> Result<()> {
        let now = context.now();
        let new = writes.iter().map(|write| event(write, now)).collect::<Result<Vec<_>>>()?;
        self.core
            .write(context, move |tx| {
                let artifacts: BTreeSet<NodeId> = new.iter().map(|event| event.artifact_id).collect();
                check_all(tx, NodeKind::Artifact, &artifacts, "artifact_id")?;
                put(tx, &new, &[])
            })
            .await
    }

    /// Makes artifacts and executions members of contexts; what is one already stays so.
    ///
    /// Errors: InvalidArgument when one of them does not exist.
    pub async fn put_memberships(
        &self,
        context: &RequestContext,
        attributions: Vec<Membership>,
        associations: Vec<Membership>,
    ) -> Result<()> {
        let attributions =
            attributions.iter().map(|each| pair(each, "artifact_id")).collect::<Result<BTreeSet<_>>>()?;
        let associations =
            associations.iter().map(|each| pair(each, "execution_id")).collect::<Result<BTreeSet<_>>>()?;
        let policy = Arc::clone(&self.core.policy);
        self.core
            .write(context, move |tx| {
                let members = |of: &BTreeSet<(NodeId, NodeId)>| of.iter().map(|(_, member)| *member).collect();
                check_all(tx, NodeKind::Artifact, &members(&attributions), "artifact_id")?;
                check_all(tx, NodeKind::Execution, &members(&associations), "execution_id")?;
                let pairs: BTreeSet<_> = attributions.union(&associations).copied().collect();
                let contexts: Vec<i64> = pairs.iter().map(|(context, _)| context.0).collect();
                let contexts = nodes::find_all(tx, NodeKind::Context, &contexts)?;
                attach_members(tx, &policy, &contexts, &pairs)
            })
            .await
    }

    /// Makes contexts members of contexts.
    ///
    /// Errors: InvalidArgument when one of them does not exist or would belong to itself, AlreadyExists when one belongs
    /// to the other already; that a version belongs to its model may be said again.
    pub async fn put_parent_contexts(&self, context: &RequestContext, writes: Vec<Parenthood>) -> Result<()> {
        let pairs = writes
            .iter()
            .map(|each| Ok((given(each.parent_id, "parent_id")?, given(each.child_id, "child_id")?)))
            .collect::<Result<Vec<_>>>()?;
        self.core
            .write(context, move |tx| {
                memberships::lock_parents(tx)?;
                let ids: Vec<i64> = pairs.iter().flat_map(|(parent, child)| [parent.0, child.0]).collect();
                let found = nodes::find_all(tx, NodeKind::Context, &ids)?;
                for (parent, child) in &pairs {
                    let context = |id: &NodeId, field: &str| find(&found, *id, field);
                    let (above, below) = (context(parent, "parent_id")?, context(child, "child_id")?);
                    if memberships::is_below(tx, *parent, *child)? {
                        let message = format!("There is a cycle: context `{parent}` belongs to context `{child}`");
                        return Err(Error::invalid("parent_contexts", message));
                    }
                    let is_new = !attach(tx, &found, &BTreeSet::from([(above.id, below.id)]))?.is_empty();
                    if !is_new && below.home_id != Some(above.id) {
                        let message = format!("context `{child}` belongs to context `{parent}` already");
                        return Err(Error::already_exists(message));
                    }
                }
                Ok(())
            })
            .await
    }
}

/// The event as it is stored, of an artifact and an execution that may not exist.
pub(super) fn event(write: &EventWrite, now: Millis) -> Result<Event> {
    write.check()?;
    Ok(Event {
        artifact_id: given(write.artifact_id, "artifact_id")?,
        execution_id: given(write.execution_id, "execution_id")?,
        event_type: write.event_type,
        at: write.at.unwrap_or(now),
        path: write.path.clone(),
    })
}

fn given(id: Option<i64>, field: &str) -> Result<NodeId> {
    id.map(NodeId).ok_or_else(|| Error::invalid(field, format!("No {field} is specified.")))
}

fn pair(of: &Membership, field: &str) -> Result<(NodeId, NodeId)> {
    Ok((given(of.context_id, "context_id")?, given(of.member_id, field)?))
}

fn missing(id: NodeId, field: &str) -> Error {
    Error::invalid(field, format!("No node exists with the given {field} `{id}`"))
}

fn find<'a>(nodes: &'a [Node], id: NodeId, field: &str) -> Result<&'a Node> {
    let at = nodes.binary_search_by_key(&id, |node| node.id).map_err(|_| missing(id, field))?;
    nodes.get(at).ok_or_else(|| missing(id, field))
}

/// Refuses nodes that do not exist or are of another kind.
pub(super) fn check_all(
    tx: &mut ReadTransaction<'_, '_>,
    kind: NodeKind,
    ids: &BTreeSet<NodeId>,
    field: &str,
) -> Result<()> {
    if ids.is_empty() {
        return Ok(());
    }
    let found = nodes::kinds(tx, ids)?;
    match ids.iter().find(|id| !found.contains(&(**id, kind.number()))) {
        Some(id) => Err(missing(*id, field)),
        None => Ok(()),
    }
}

/// Records events whose artifacts are there; of the executions, some may be at hand already.
pub(super) fn put(tx: &mut WriteTransaction<'_, '_>, new: &[Event], at_hand: &[Node]) -> Result<()> {
    let mut executions: BTreeMap<NodeId, Node> = at_hand.iter().map(|node| (node.id, node.clone())).collect();
    let others = new.iter().map(|event| event.execution_id).filter(|id| !executions.contains_key(id));
    let others: Vec<i64> = others.map(|id| id.0).collect();
    executions.extend(nodes::find_all(tx, NodeKind::Execution, &others)?.into_iter().map(|node| (node.id, node)));
    let mut by_execution: BTreeMap<NodeId, Vec<&Event>> = BTreeMap::new();
    for event in new {
        if !executions.contains_key(&event.execution_id) {
            return Err(missing(event.execution_id, "execution_id"));
        }
        by_execution.entry(event.execution_id).or_default().push(event);
    }
    events::insert(tx, new)?;
    for (id, of) in by_execution {
        let events: Vec<Json> =
            of.iter().map(|event| json!({"artifactId": event.artifact_id, "type": event.event_type})).collect();
        if let Some(execution) = executions.get(&id) {
            tx.record(Action::PutEvents, execution, [("events", events.into())])?;
        }
    }
    Ok(())
}

/// Makes artifacts and executions members of these contexts, which are ordered by id. `policy` is what holds for files of models
/// that say nothing else.
pub(super) fn attach_members(
    tx: &mut WriteTransaction<'_, '_>,
    policy: &Policy,
    contexts: &[Node],
    pairs: &BTreeSet<(NodeId, NodeId)>,
) -> Result<()> {
    let added = attach(tx, contexts, pairs)?;
    on_members_added(tx, policy, contexts, &added).map(drop)
}

/// Makes nodes members of these contexts, which are ordered by id, and returns those that were not members before.
fn attach(
    tx: &mut WriteTransaction<'_, '_>,
    contexts: &[Node],
    pairs: &BTreeSet<(NodeId, NodeId)>,
) -> Result<Vec<(NodeId, NodeId)>> {
    for (context, _) in pairs {
        find(contexts, *context, "context_id")?;
    }
    let new = memberships::insert(tx, pairs)?;
    let mut by_context: BTreeMap<NodeId, Vec<NodeId>> = BTreeMap::new();
    for (context, member) in &new {
        by_context.entry(*context).or_default().push(*member);
    }
    for (context, members) in by_context {
        let context = find(contexts, context, "context_id")?;
        tx.record(Action::Attach, context, [("memberIds", json!(members))])?;
    }
    Ok(new)
}

//! Publishes one execution with its inputs, outputs and contexts in one transaction.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::put::put;
use super::put_options::{PutOptions, Reuse};
use super::{edges, logical};
use crate::context::RequestContext;
use crate::domain::graph::{EventWrite, NodeWrite, Pair, Publish, PublishOptions, Published};
use crate::domain::{Error, ErrorKind, LogicalType, Node, NodeId, NodeKind, Result};
use crate::policy::Policy;
use crate::services::Graph;
use crate::store::graph::nodes;
use crate::store::graph::types::{Which, load};
use crate::transaction::{ReadTransaction, WriteTransaction};

impl Graph {
    /// Puts an execution, its artifacts, the events between them, and contexts that all of them become members of.
    ///
    /// Errors: those of [`Graph::put_nodes`] and [`Graph::put_events`]; InvalidArgument when an event names another
    /// execution or artifact than it comes with, and on a context without type and name; NotFound when a context that is
    /// to be used as it is does not exist.
    pub async fn put_execution(&self, context: &RequestContext, publish: Publish) -> Result<Published> {
        check(&publish)?;
        let policy = Arc::clone(&self.core.policy);
        self.core.write(context, move |tx| put_published(tx, &policy, &publish)).await
    }
}

fn put_published(tx: &mut WriteTransaction<'_, '_>, policy: &Policy, publish: &Publish) -> Result<Published> {
    let now = tx.now();
    let Publish { execution, pairs, contexts, options } = publish;
    let reuse =
        if options.reuse_artifact_if_already_exist_by_external_id { Reuse::StoredOrPut } else { Reuse::Nothing };
    let writes: Vec<NodeWrite> = pairs.iter().filter_map(|(artifact, _)| artifact.clone()).collect();
    let put_options = PutOptions { reuse_external_id: reuse, ..PutOptions::default() };
    let artifacts = put(tx, NodeKind::Artifact, &writes, &put_options)?;
    let put_options = PutOptions { force_update_time: options.force_update_time, ..PutOptions::default() };
    let put = put(tx, NodeKind::Execution, std::slice::from_ref(execution), &put_options)?;
    let execution = put.first().ok_or_else(|| super::internal("an execution that was put is not there"))?;

    let artifact_ids = artifact_ids(pairs, &artifacts)?;
    check_event_only(tx, pairs)?;
    let events = pairs
        .iter()
        .zip(&artifact_ids)
        .filter_map(|((_, event), artifact)| event.as_ref().map(|event| (event, *artifact)))
        .map(|(event, artifact)| edges::event(&between(event, artifact, execution.id)?, now))
        .collect::<Result<Vec<_>>>()?;
    edges::put(tx, &events, std::slice::from_ref(execution))?;

    let contexts = put_contexts(tx, contexts, *options)?;
    let members: Vec<NodeId> = artifact_ids.iter().flatten().copied().chain([execution.id]).collect();
    let of_each = |context: &Node| members.iter().map(|member| (context.id, *member)).collect::<Vec<_>>();
    let pairs: BTreeSet<_> = contexts.iter().flat_map(of_each).collect();
    attach_all(tx, policy, &contexts, &pairs)?;
    Ok(Published {
        execution_id: execution.id,
        artifact_ids: artifact_ids.into_iter().map(|id| id.map_or(-1, |id| id.0)).collect(),
        context_ids: contexts.into_iter().map(|context| context.id).collect(),
    })
}

/// Puts contexts, or finds those that are to be used as they are; returns them in the same order.
pub(super) fn put_contexts(
    tx: &mut WriteTransaction<'_, '_>,
    writes: &[NodeWrite],
    options: PublishOptions,
) -> Result<Vec<Node>> {
    let mut found: Vec<Option<Node>> = vec![None; writes.len()];
    if options.force_reuse_context {
        find_by_id(tx, writes, &mut found)?;
    }
    if options.reuse_context_if_already_exist {
        find_by_name(tx, writes, &mut found)?;
    }
    let reuse = options.reuse_context_if_already_exist;
    let (rest, places) = once(writes, &found, reuse);
    let put = put(tx, NodeKind::Context, &rest, &PutOptions::default());
    let put = put.map_err(|error| match error.kind() {
        ErrorKind::NameTaken if reuse => {
            Error::conflict("the context was created concurrently; retry").caused_by(error)
        }
        _ => error,
    })?;
    // What is used as it is by one place may be changed by another.
    let by_id: BTreeMap<NodeId, &Node> = put.iter().map(|node| (node.id, node)).collect();
    let now = |node: Node| by_id.get(&node.id).map_or(node, |put| (*put).clone());
    let put = |place: usize| put.get(place).cloned();
    found
        .into_iter()
        .zip(places)
        .map(|(found, place)| {
            let node = found.map(now).or_else(|| put(place));
            node.ok_or_else(|| super::internal("a context that was put is not there"))
        })
        .collect()
}

/// Those that were not found, and the place of each among them. Where contexts are used as they are, one that is named
/// again is the first of its name.
fn once(writes: &[NodeWrite], found: &[Option<Node>], reuse: bool) -> (Vec<NodeWrite>, Vec<usize>) {
    let mut rest: Vec<NodeWrite> = Vec::new();
    let mut named = BTreeMap::new();
    let mut place_of = |(write, found): (&NodeWrite, &Option<Node>)| {
        let next = rest.len();
        if found.is_some() {
            return next;
        }
        let is_first = !reuse || write.id.is_some();
        let place = if is_first { next } else { *named.entry((write.type_id, write.name.clone())).or_insert(next) };
        if place == next {
            rest.push(write.clone());
        }
        place
    };
    let places = writes.iter().zip(found).map(&mut place_of).collect();
    (rest, places)
}

/// Makes nodes members of contexts, in whichever order the contexts are.
pub(super) fn attach_all(
    tx: &mut WriteTransaction<'_, '_>,
    policy: &Policy,
    contexts: &[Node],
    pairs: &BTreeSet<(NodeId, NodeId)>,
) -> Result<()> {
    let mut sorted = contexts.to_vec();
    sorted.sort_by_key(|context| context.id);
    sorted.dedup_by_key(|context| context.id);
    edges::attach_members(tx, policy, &sorted, pairs)
}

fn check(publish: &Publish) -> Result<()> {
    publish.execution.check(NodeKind::Execution)?;
    for (artifact, event) in &publish.pairs {
        artifact.iter().try_for_each(|artifact| artifact.check(NodeKind::Artifact))?;
        event.iter().try_for_each(EventWrite::check)?;
    }
    let forced = |context: &&NodeWrite| !(publish.options.force_reuse_context && context.id.is_some());
    publish.contexts.iter().filter(forced).try_for_each(check_context)
}

/// Refuses a context that does not say what it is, even when it has an id.
pub(super) fn check_context(context: &NodeWrite) -> Result<()> {
    context.check(NodeKind::Context)?;
    if context.type_id.is_none() {
        return Err(Error::invalid("type_id", "Type id is missing."));
    }
    context.check_context_name()
}

/// The artifact of each pair; `None` for one that has neither artifact nor event.
fn artifact_ids(pairs: &[Pair], put: &[Node]) -> Result<Vec<Option<NodeId>>> {
    let mut put = put.iter();
    pairs
        .iter()
        .map(|(artifact, event)| match (artifact, event) {
            (None, None) => Ok(None),
            (Some(_), _) => Ok(put.next().map(|node| node.id)),
            (None, Some(event)) => match event.artifact_id {
                Some(id) => Ok(Some(NodeId(id))),
                None => Err(Error::invalid("artifact_id", "no artifact is given, and the event names none")),
            },
        })
        .collect()
}

/// Refuses an event of an artifact that is neither put nor there.
fn check_event_only(tx: &mut ReadTransaction<'_, '_>, pairs: &[Pair]) -> Result<()> {
    let alone = pairs.iter().filter(|(artifact, _)| artifact.is_none());
    let ids = alone.filter_map(|(_, event)| event.as_ref()?.artifact_id).map(NodeId).collect();
    edges::check_all(tx, NodeKind::Artifact, &ids, "artifact_id")
}

/// The event between that artifact and that execution, which are those that it names if it names any.
pub(super) fn between(event: &EventWrite, artifact: Option<NodeId>, execution: NodeId) -> Result<EventWrite> {
    let ids = [("artifact_id", event.artifact_id, artifact), ("execution_id", event.execution_id, Some(execution))];
    for (field, named, actual) in ids {
        if named.is_some() && named != actual.map(|id| id.0) {
            let (named, actual) = (named.unwrap_or_default(), actual.map_or(-1, |id| id.0));
            return Err(Error::invalid(
                field,
                format!("the event's {field} `{named}` is not that of its node `{actual}`"),
            ));
        }
    }
    Ok(EventWrite { artifact_id: artifact.map(|id| id.0), execution_id: Some(execution.0), ..event.clone() })
}

fn find_by_id(tx: &mut ReadTransaction<'_, '_>, writes: &[NodeWrite], found: &mut [Option<Node>]) -> Result<()> {
    let ids: Vec<i64> = writes.iter().filter_map(|write| write.id).collect();
    if ids.is_empty() {
        return Ok(());
    }
    let stored = nodes::find_all(tx, NodeKind::Context, &ids)?;
    for (write, place) in writes.iter().zip(found) {
        let Some(id) = write.id else { continue };
        let node = stored.iter().find(|node| node.id.0 == id).cloned();
        *place = Some(node.ok_or_else(|| Error::not_found(format!("context `{id}`")))?);
    }
    Ok(())
}

fn find_by_name(tx: &mut ReadTransaction<'_, '_>, writes: &[NodeWrite], found: &mut [Option<Node>]) -> Result<()> {
    let named: Vec<(i64, &str)> = writes
        .iter()
        .filter(|write| write.id.is_none())
        .filter_map(|write| Some((write.type_id?, write.name.as_deref()?)))
        .collect();
    if named.is_empty() {
        return Ok(());
    }
    let types: Vec<i64> = named.iter().map(|(type_id, _)| *type_id).collect();
    let mut types = load(tx, Which::Ids(&types))?;
    // What has that name may be a node of another kind.
    types.retain(|_, of| of.kind == NodeKind::Context);
    let of_own: Vec<i64> = types.keys().copied().collect();
    let names: Vec<String> = named.iter().map(|(_, name)| (*name).to_owned()).collect();
    let stored = nodes::find_named(tx, &of_own, &names)?;
    for (write, place) in writes.iter().zip(found) {
        let (None, Some(type_id), Some(name)) = (write.id, write.type_id, write.name.as_deref()) else { continue };
        if !types.contains_key(&type_id) {
            continue;
        }
        let is_it = |node: &&Node| node.type_id == type_id && node.name.as_deref() == Some(name);
        *place = match LogicalType::from_id(type_id) {
            Some(logical) => logical::find_context(tx, logical, name)?,
            None => stored.iter().find(is_it).cloned(),
        };
    }
    Ok(())
}

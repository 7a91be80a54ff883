//! Relations: events, and contexts with their members, parents and children.

use std::collections::BTreeMap;

use super::reads::list;
use super::{Answer, Call};
use crate::domain::graph::{Scope, Type, Typed};
use crate::domain::{Error, Node, NodeKind, Result};
use crate::pb;
use crate::wire::{event_message, to_messages};

async fn events(call: &Call, kind: NodeKind, ids: Vec<i64>) -> Result<Vec<pb::Event>> {
    Ok(call.registry.graph.events_of(&call.context, kind, ids).await?.into_iter().map(event_message).collect())
}

async fn contexts(call: &Call, kind: NodeKind, id: Option<i64>) -> Result<Vec<pb::Context>> {
    let page = call.registry.graph.contexts_of(&call.context, kind, id.unwrap_or_default()).await?;
    Ok(to_messages(page.nodes, &page.types))
}

/// The contexts around each context.
fn around(found: Typed<BTreeMap<i64, Vec<Node>>>) -> impl Iterator<Item = (i64, Vec<pb::Context>)> {
    let types: BTreeMap<i64, Type> = found.types;
    found.items.into_iter().map(move |(id, nodes)| (id, to_messages(nodes, &types)))
}

fn check_some(contexts: &[i64]) -> Result<()> {
    if contexts.is_empty() {
        return Err(Error::invalid("context_ids", "no context ids are given"));
    }
    Ok(())
}

/// The events of artifacts.
pub(crate) async fn get_events_by_artifact_i_ds(
    call: Call,
    request: pb::GetEventsByArtifactIDsRequest,
) -> Answer<pb::GetEventsByArtifactIDsResponse> {
    let events = events(&call, NodeKind::Artifact, request.artifact_ids).await?;
    Ok(pb::GetEventsByArtifactIDsResponse { events })
}

/// The events of executions.
pub(crate) async fn get_events_by_execution_i_ds(
    call: Call,
    request: pb::GetEventsByExecutionIDsRequest,
) -> Answer<pb::GetEventsByExecutionIDsResponse> {
    let events = events(&call, NodeKind::Execution, request.execution_ids).await?;
    Ok(pb::GetEventsByExecutionIDsResponse { events })
}

/// The contexts that an artifact belongs to; none is NOT_FOUND.
pub(crate) async fn get_contexts_by_artifact(
    call: Call,
    request: pb::GetContextsByArtifactRequest,
) -> Answer<pb::GetContextsByArtifactResponse> {
    let contexts = contexts(&call, NodeKind::Artifact, request.artifact_id).await?;
    Ok(pb::GetContextsByArtifactResponse { contexts })
}

/// The contexts that an execution belongs to; none is NOT_FOUND.
pub(crate) async fn get_contexts_by_execution(
    call: Call,
    request: pb::GetContextsByExecutionRequest,
) -> Answer<pb::GetContextsByExecutionResponse> {
    let contexts = contexts(&call, NodeKind::Execution, request.execution_id).await?;
    Ok(pb::GetContextsByExecutionResponse { contexts })
}

/// The artifacts of a context, or a page of them.
pub(crate) async fn get_artifacts_by_context(
    call: Call,
    request: pb::GetArtifactsByContextRequest,
) -> Answer<pb::GetArtifactsByContextResponse> {
    let scope = Scope::Members { context: request.context_id.unwrap_or_default(), kind: NodeKind::Artifact };
    let (artifacts, next_page_token) = list(&call, scope, request.options.as_ref()).await?;
    Ok(pb::GetArtifactsByContextResponse { artifacts, next_page_token })
}

/// The executions of a context, or a page of them.
pub(crate) async fn get_executions_by_context(
    call: Call,
    request: pb::GetExecutionsByContextRequest,
) -> Answer<pb::GetExecutionsByContextResponse> {
    let scope = Scope::Members { context: request.context_id.unwrap_or_default(), kind: NodeKind::Execution };
    let (executions, next_page_token) = list(&call, scope, request.options.as_ref()).await?;
    Ok(pb::GetExecutionsByContextResponse { executions, next_page_token, transaction_options: None })
}

/// The parents of a context.
pub(crate) async fn get_parent_contexts_by_context(
    call: Call,
    request: pb::GetParentContextsByContextRequest,
) -> Answer<pb::GetParentContextsByContextResponse> {
    let found = call.registry.graph.parents_of(&call.context, vec![request.context_id.unwrap_or_default()]).await?;
    let contexts = around(found).flat_map(|(_, contexts)| contexts).collect();
    Ok(pb::GetParentContextsByContextResponse { contexts })
}

/// The children of a context.
pub(crate) async fn get_children_contexts_by_context(
    call: Call,
    request: pb::GetChildrenContextsByContextRequest,
) -> Answer<pb::GetChildrenContextsByContextResponse> {
    let found = call.registry.graph.children_of(&call.context, vec![request.context_id.unwrap_or_default()]).await?;
    let contexts = around(found).flat_map(|(_, contexts)| contexts).collect();
    Ok(pb::GetChildrenContextsByContextResponse { contexts })
}

/// The parents of each context that has some.
pub(crate) async fn get_parent_contexts_by_contexts(
    call: Call,
    request: pb::GetParentContextsByContextsRequest,
) -> Answer<pb::GetParentContextsByContextsResponse> {
    check_some(&request.context_ids)?;
    let found = call.registry.graph.parents_of(&call.context, request.context_ids).await?;
    let each =
        |parent_contexts| pb::get_parent_contexts_by_contexts_response::ParentContextsPerChild { parent_contexts };
    let contexts = around(found).map(|(id, contexts)| (id, each(contexts))).collect();
    Ok(pb::GetParentContextsByContextsResponse { contexts })
}

/// The children of each context that has some.
pub(crate) async fn get_children_contexts_by_contexts(
    call: Call,
    request: pb::GetChildrenContextsByContextsRequest,
) -> Answer<pb::GetChildrenContextsByContextsResponse> {
    check_some(&request.context_ids)?;
    let found = call.registry.graph.children_of(&call.context, request.context_ids).await?;
    let each = |children_contexts| pb::get_children_contexts_by_contexts_response::ChildrenContextsPerParent {
        children_contexts,
    };
    let contexts = around(found).map(|(id, contexts)| (id, each(contexts))).collect();
    Ok(pb::GetChildrenContextsByContextsResponse { contexts })
}

//! The calls that put edges, alone or with their nodes.

use tonic::Status;

use super::{Answer, Call};
use crate::domain::graph::{
    EventEdge, Membership, NodeWrite, Pair, Parenthood, Publish, PublishOptions, SubgraphWrite,
};
use crate::domain::{Error, NodeId, Result};
use crate::error::CallError;
use crate::pb;
use crate::wire::{NodeMessage, parse_event};

fn read_all<T: NodeMessage>(sent: Vec<T>) -> Result<Vec<NodeWrite>> {
    sent.into_iter().map(T::parse).collect()
}

fn numbers(ids: Vec<NodeId>) -> Vec<i64> {
    ids.into_iter().map(|id| id.0).collect()
}

/// Puts events between nodes that exist.
pub(crate) async fn put_events(call: Call, request: pb::PutEventsRequest) -> Answer<pb::PutEventsResponse> {
    call.registry.graph.put_events(&call.context, request.events.into_iter().map(parse_event).collect()).await?;
    Ok(pb::PutEventsResponse {})
}

/// Puts an execution with its artifacts, events and contexts.
pub(crate) async fn put_execution(call: Call, request: pb::PutExecutionRequest) -> Answer<pb::PutExecutionResponse> {
    let execution = request.execution.ok_or_else(|| Error::invalid("execution", "No execution is found."))?;
    let pairs = request.artifact_event_pairs.into_iter().map(read_pair).collect::<Result<_>>()?;
    let options = request.options.unwrap_or_default();
    let publish = Publish {
        execution: execution.parse()?,
        pairs,
        contexts: read_all(request.contexts)?,
        options: PublishOptions {
            reuse_context_if_already_exist: options.reuse_context_if_already_exist(),
            reuse_artifact_if_already_exist_by_external_id: options.reuse_artifact_if_already_exist_by_external_id(),
            force_update_time: options.force_update_time(),
            force_reuse_context: options.force_reuse_context(),
        },
    };
    let published = call.registry.graph.put_execution(&call.context, publish).await?;
    Ok(pb::PutExecutionResponse {
        execution_id: Some(published.execution_id.0),
        artifact_ids: published.artifact_ids,
        context_ids: numbers(published.context_ids),
    })
}

fn read_pair(sent: pb::put_execution_request::ArtifactAndEvent) -> Result<Pair> {
    Ok((sent.artifact.map(NodeMessage::parse).transpose()?, sent.event.map(parse_event)))
}

/// Puts executions, artifacts and contexts, with the events between them.
pub(crate) async fn put_lineage_subgraph(
    call: Call,
    request: pb::PutLineageSubgraphRequest,
) -> Answer<pb::PutLineageSubgraphResponse> {
    check_places(&request)?;
    let options = request.options.unwrap_or_default();
    let write = SubgraphWrite {
        executions: read_all(request.executions)?,
        artifacts: read_all(request.artifacts)?,
        contexts: read_all(request.contexts)?,
        edges: request.event_edges.into_iter().map(read_edge).collect(),
        reuse_context_if_already_exist: options.reuse_context_if_already_exist(),
        reuse_artifact_if_already_exist_by_external_id: options.reuse_artifact_if_already_exist_by_external_id(),
    };
    let ids = call.registry.graph.put_lineage_subgraph(&call.context, write).await?;
    Ok(pb::PutLineageSubgraphResponse {
        execution_ids: numbers(ids.execution_ids),
        artifact_ids: numbers(ids.artifact_ids),
        context_ids: numbers(ids.context_ids),
    })
}

fn read_edge(sent: pb::put_lineage_subgraph_request::EventEdge) -> EventEdge {
    EventEdge {
        execution_index: sent.execution_index,
        artifact_index: sent.artifact_index,
        event: sent.event.map(parse_event),
    }
}

/// Rejects indexes out of range. gRPC has OUT_OF_RANGE for this, which the registry does not know; an edge that
/// is wrong in another way before that is left to the registry.
fn check_places(request: &pb::PutLineageSubgraphRequest) -> Answer<()> {
    let check = |side: &str, place: Option<i32>, count: usize| match place {
        Some(place) if usize::try_from(place).map_or(true, |place| place >= count) => {
            Err(CallError::Status(Status::out_of_range(format!("{side} index `{place}` is not below {count}"))))
        }
        _ => Ok(()),
    };
    for edge in &request.event_edges {
        let Some(event) = &edge.event else { break };
        let says_both = edge.execution_index.or(event.execution_id.map(|_| 0)).is_some()
            && edge.artifact_index.or(event.artifact_id.map(|_| 0)).is_some();
        if !says_both {
            break;
        }
        check("execution", edge.execution_index, request.executions.len())?;
        check("artifact", edge.artifact_index, request.artifacts.len())?;
    }
    Ok(())
}

/// Puts artifacts and executions into contexts.
pub(crate) async fn put_attributions_and_associations(
    call: Call,
    request: pb::PutAttributionsAndAssociationsRequest,
) -> Answer<pb::PutAttributionsAndAssociationsResponse> {
    let attribution = |sent: pb::Attribution| Membership { context_id: sent.context_id, member_id: sent.artifact_id };
    let association = |sent: pb::Association| Membership { context_id: sent.context_id, member_id: sent.execution_id };
    let attributions = request.attributions.into_iter().map(attribution).collect();
    let associations = request.associations.into_iter().map(association).collect();
    call.registry.graph.put_memberships(&call.context, attributions, associations).await?;
    Ok(pb::PutAttributionsAndAssociationsResponse {})
}

/// Puts contexts into contexts.
pub(crate) async fn put_parent_contexts(
    call: Call,
    request: pb::PutParentContextsRequest,
) -> Answer<pb::PutParentContextsResponse> {
    let parenthood = |sent: pb::ParentContext| Parenthood { child_id: sent.child_id, parent_id: sent.parent_id };
    let pairs = request.parent_contexts.into_iter().map(parenthood).collect();
    call.registry.graph.put_parent_contexts(&call.context, pairs).await?;
    Ok(pb::PutParentContextsResponse {})
}

//! The calls that put nodes.

use super::{Answer, Call};
use crate::domain::Result;
use crate::domain::graph::Mask;
use crate::pb;
use crate::wire::NodeMessage;

async fn put<T: NodeMessage>(
    call: &Call,
    sent: Vec<T>,
    mask: Option<prost_types::FieldMask>,
    abort_if_changed: bool,
) -> Result<Vec<i64>> {
    let writes = sent.into_iter().map(T::parse).collect::<Result<_>>()?;
    let mask = Mask::parse(&mask.unwrap_or_default().paths);
    let ids = call.registry.graph.put_nodes(&call.context, T::KIND, writes, mask, abort_if_changed).await?;
    Ok(ids.into_iter().map(|id| id.0).collect())
}

/// Makes or changes artifacts.
pub(crate) async fn put_artifacts(call: Call, request: pb::PutArtifactsRequest) -> Answer<pb::PutArtifactsResponse> {
    let abort = request.options.unwrap_or_default().abort_if_latest_updated_time_changed();
    let artifact_ids = put(&call, request.artifacts, request.update_mask, abort).await?;
    Ok(pb::PutArtifactsResponse { artifact_ids })
}

/// Makes or changes executions.
pub(crate) async fn put_executions(call: Call, request: pb::PutExecutionsRequest) -> Answer<pb::PutExecutionsResponse> {
    let execution_ids = put(&call, request.executions, request.update_mask, false).await?;
    Ok(pb::PutExecutionsResponse { execution_ids })
}

/// Makes or changes contexts.
pub(crate) async fn put_contexts(call: Call, request: pb::PutContextsRequest) -> Answer<pb::PutContextsResponse> {
    let context_ids = put(&call, request.contexts, request.update_mask, false).await?;
    Ok(pb::PutContextsResponse { context_ids })
}

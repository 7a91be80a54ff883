//! The graph around some nodes.

use super::{Answer, Call};
use crate::domain::Error;
use crate::pb;
use crate::wire::{parse_query, subgraph_message};

/// No server of ML Metadata performs this.
#[allow(deprecated)]
pub(crate) async fn get_lineage_graph(_: Call, _: pb::GetLineageGraphRequest) -> Answer<pb::GetLineageGraphResponse> {
    Err(Error::unimplemented("GetLineageGraph is not implemented: call GetLineageSubgraph").into())
}

/// The subgraph around some nodes, by ids.
pub(crate) async fn get_lineage_subgraph(
    call: Call,
    request: pb::GetLineageSubgraphRequest,
) -> Answer<pb::GetLineageSubgraphResponse> {
    let graph = call.registry.graph.lineage_subgraph(&call.context, parse_query(request)?).await?;
    Ok(pb::GetLineageSubgraphResponse { lineage_subgraph: Some(subgraph_message(graph)?) })
}

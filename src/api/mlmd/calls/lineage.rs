//! The graph around some nodes.

use tonic::Status;

use super::{Answer, Call};
use crate::api::mlmd::pb;
use crate::api::mlmd::wire::{read_query, show_subgraph};

/// No server of ML Metadata performs this.
#[allow(deprecated)]
pub(in crate::api::mlmd) async fn get_lineage_graph(
    _: Call,
    _: pb::GetLineageGraphRequest,
) -> Answer<pb::GetLineageGraphResponse> {
    Err(Status::unimplemented("GetLineageGraph is not performed: call GetLineageSubgraph"))
}

/// The ids of what lies around some nodes, and how it hangs together.
pub(in crate::api::mlmd) async fn get_lineage_subgraph(
    call: Call,
    request: pb::GetLineageSubgraphRequest,
) -> Answer<pb::GetLineageSubgraphResponse> {
    let graph = call.registry.lineage_subgraph(read_query(request)?).await?;
    Ok(pb::GetLineageSubgraphResponse { lineage_subgraph: Some(show_subgraph(graph)?) })
}

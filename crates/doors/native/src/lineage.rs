//! The graph around a node.

use actix_web::HttpResponse;
use actix_web::web::{Path, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::errors::ReadErrors;
use super::wire::LineageView;
use crate::domain::NodeId;
use crate::domain::lineage::{Depth, Direction};
use crate::http::caller::Caller;
use crate::http::problem::Problem;

/// What of the graph is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct LineageOptions {
    /// `upstream` for what the node was made from and belongs to, `downstream` for what was made from it, belongs to it
    /// or serves it, `both` for both.
    #[param(pattern = "^(upstream|downstream|both)$")]
    direction: Option<String>,
    /// How many edges away the farthest node may be; 5 when it is not given.
    #[param(minimum = 0, maximum = 20)]
    depth: Option<u32>,
}

/// Shows where a node comes from and what became of it: nodes, and edges from each to what was derived from it.
///
/// `owns` leads from a model to its versions, from a version, run or experiment to what it holds, from a serving
/// environment to its inference services, and from those to their deployments; `contains` from any other context to its
/// members. `output` leads from an execution to what it wrote, and from a run to a model, document, metric or parameter
/// that was attached to it: it made that, whoever owns it. `input` leads to the execution that read an artifact; `usedBy`
/// from a data set to its run or version, from an attached artifact to its version, and to a version from an artifact of
/// its own that a run or execution made; `servedBy` from a model or version to the inference service or deployment that
/// names it, and from the newest version of a model to a service that names no version. Upstream and downstream are
/// followed from the node outwards, so the other versions of its model are not in the graph of a version. A graph has at
/// most 1000 nodes and 5000 edges, the nearest first; `truncated` says that there are more.
///
/// A removed node is shown as it was, with `removedAt`, and so are other removed nodes that it leads to.
#[utoipa::path(
    get, path = "/nodes/{id}/lineage", operation_id = "getNodeLineage", tag = "lineage",
    params(("id" = String, Path, description = "Id of the node.", pattern = "^[1-9][0-9]{0,17}$"), LineageOptions),
    responses(
        (status = 200, description = "The graph.", body = LineageView),
        ReadErrors,
    ),
)]
pub async fn get_node_lineage(
    caller: Caller,
    id: Path<String>,
    around: Query<LineageOptions>,
) -> Result<HttpResponse, Problem> {
    let node: NodeId = id.parse()?;
    let direction = around.direction.as_deref().map_or(Ok(Direction::default()), str::parse)?;
    let depth = around.depth.map_or(Ok(Depth::DEFAULT), Depth::new)?;
    let lineage = caller.registry.graph.lineage(&caller.context, node, direction, depth).await?;
    Ok(HttpResponse::Ok().json(LineageView::from(&lineage)))
}

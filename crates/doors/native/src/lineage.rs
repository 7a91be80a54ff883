//! The graph around a node, and the deployments that it leads to.

use actix_web::HttpResponse;
use actix_web::web::{Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::deployments::DeploymentView;
use super::enums::{EdgeType, Verdict};
use super::errors::ReadErrors;
use super::wire::{NodeView, id_and_name};
use crate::domain::lineage::{Depth, Direction, Edge, Lineage};
use crate::domain::{Error, LogicalType, Node, NodeId, Sha256};
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::lineage::{Impact, ReachedDeployment};

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
    /// Id of another node: shown is the shortest path to it, in the direction and within the depth, or the node alone where there is none.
    #[param(pattern = "^[1-9][0-9]{0,17}$")]
    to: Option<String>,
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
/// Each node says in `homes` what it belongs to, so that it has a full name, and in `hasMore` whether more edges lead on from it than are
/// shown; a version says its aliases and the heaviest verdict on its files. With `to` only a path is shown, and where there is none,
/// `truncated` says that not everything within the depth was looked at.
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
    let to = around.to.as_deref().map(str::parse).transpose().map_err(|error: Error| error.on_field("to"))?;
    let graph = &caller.registry.graph;
    let lineage = match to {
        Some(to) => graph.path(&caller.context, (node, to), direction, depth).await?,
        None => graph.lineage(&caller.context, node, direction, depth).await?,
    };
    Ok(HttpResponse::Ok().json(LineageView::from(&lineage)))
}

/// An edge of the graph around a node.
#[derive(Debug, Serialize, ToSchema)]
pub struct EdgeView {
    /// The id of what was there.
    pub from: String,
    /// The id of what was derived from it.
    pub to: String,
    /// How.
    #[serde(rename = "type")]
    #[schema(value_type = EdgeType)]
    pub kind: String,
}

/// What a node belongs to.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct HomeView {
    /// Its id.
    pub id: String,
    /// Its type, as ML Metadata knows it: `kf.RegisteredModel`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub type_name: Option<&'static str>,
    /// Its name.
    pub name: String,
}

impl From<&Node> for HomeView {
    fn from(node: &Node) -> Self {
        Self {
            id: node.id.to_string(),
            type_name: node.logical_type().map(LogicalType::type_name),
            name: node.display_name().unwrap_or_default().to_owned(),
        }
    }
}

/// What a node belongs to, the outermost first.
fn homes(lineage: &Lineage, node: &Node) -> Vec<HomeView> {
    let above = |id: NodeId| Some((id, lineage.homes.get(&id)?));
    let chain = std::iter::successors(node.home_id.and_then(above), |(_, home)| home.home.and_then(above));
    let mut homes: Vec<HomeView> = chain
        .map(|(id, home)| HomeView {
            id: id.to_string(),
            type_name: home.logical.map(LogicalType::type_name),
            name: home.name.clone(),
        })
        .collect();
    homes.reverse();
    homes
}

/// A node of a graph.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct LineageNodeView {
    /// The node; a removed one as it was then.
    #[serde(flatten)]
    pub node: NodeView,
    /// When it was removed; absent while it is there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<i64>,
    /// What it belongs to, the outermost first: of an artifact of a version the model and the version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub homes: Vec<HomeView>,
    /// The names of the aliases that point at a version.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The heaviest verdict on a file of a version; absent where none was inspected.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Verdict>)]
    pub verdict: Option<&'static str>,
    /// Whether more edges lead on from it, in the direction in which it was reached, than are shown.
    pub has_more: bool,
}

/// The graph around a node.
#[derive(Debug, Serialize, ToSchema)]
pub struct LineageView {
    /// The nodes, ordered by id, the one that was asked about among them.
    pub nodes: Vec<LineageNodeView>,
    /// The edges between them.
    pub edges: Vec<EdgeView>,
    /// Whether there is more within the depth than is shown.
    pub truncated: bool,
}

impl From<&Lineage> for LineageView {
    fn from(lineage: &Lineage) -> Self {
        let node = |node: &Node| LineageNodeView {
            node: NodeView::among(node, &lineage.types),
            removed_at: lineage.removed.get(&node.id).copied(),
            homes: homes(lineage, node),
            aliases: lineage.aliases.get(&node.id).cloned().unwrap_or_default(),
            verdict: lineage.verdicts.get(&node.id).copied(),
            has_more: lineage.has_more.contains(&node.id),
        };
        let edge = |edge: &Edge| EdgeView {
            from: edge.from.to_string(),
            to: edge.to.to_string(),
            kind: edge.kind.to_string(),
        };
        Self {
            nodes: lineage.nodes.iter().map(node).collect(),
            edges: lineage.edges.iter().map(edge).collect(),
            truncated: lineage.truncated,
        }
    }
}

/// A deployment that is affected, and the version by which it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AffectedDeploymentView {
    /// The deployment, as lists show it.
    #[serde(flatten)]
    pub deployment: DeploymentView,
    /// The name of the last version on the way to it; absent where none is on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_version: Option<String>,
    /// The id of that version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_version_id: Option<String>,
    /// The name of that version's model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_model: Option<String>,
    /// The id of that model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_model_id: Option<String>,
}

/// The deployments that something leads to.
#[derive(Debug, Serialize, ToSchema)]
pub struct ImpactView {
    /// The deployments, the oldest first, up to a thousand.
    pub items: Vec<AffectedDeploymentView>,
    /// Whether there may be more: beyond a thousand deployments, or beyond what is looked at, which is 5000 nodes, 20000 edges and, of the
    /// bytes of a digest, the first thousand files.
    pub truncated: bool,
}

impl From<&Impact> for ImpactView {
    fn from(impact: &Impact) -> Self {
        let item = |ReachedDeployment { deployment, version, model }: &ReachedDeployment| {
            let (by_version_id, by_version) = id_and_name(version.as_ref());
            let (by_model_id, by_model) = id_and_name(model.as_ref());
            let deployment = DeploymentView::from(deployment);
            AffectedDeploymentView { deployment, by_version, by_version_id, by_model, by_model_id }
        };
        Self { items: impact.deployments.iter().map(item).collect(), truncated: impact.truncated }
    }
}

/// Shows which deployments are downstream of a node, however far: what a data set, a run, a model or a version is behind.
///
/// What is downstream is what its lineage shows. Of an artifact it is also what is downstream of the versions that have it. Each
/// deployment says which version it is affected by: the last one on the way to it.
#[utoipa::path(
    get, path = "/nodes/{id}/impact", operation_id = "getNodeImpact", tag = "lineage",
    params(("id" = String, Path, description = "Id of the node.", pattern = "^[1-9][0-9]{0,17}$")),
    responses(
        (status = 200, description = "The deployments.", body = ImpactView),
        ReadErrors,
    ),
)]
pub async fn get_node_impact(caller: Caller, id: Path<String>) -> Result<HttpResponse, Problem> {
    let impact = caller.registry.graph.impact(&caller.context, id.parse()?).await?;
    Ok(HttpResponse::Ok().json(ImpactView::from(&impact)))
}

/// Shows which deployments are downstream of the artifacts and versions of a workspace that have the bytes of a digest. Bytes that no file
/// has that the caller may see are not found.
#[utoipa::path(
    get, path = "/blobs/{sha256}/impact", operation_id = "getBlobImpact", tag = "lineage",
    params(("sha256" = String, Path, description = "The SHA-256 of the bytes, in hexadecimal.", pattern = "^[0-9a-f]{64}$")),
    responses(
        (status = 200, description = "The deployments.", body = ImpactView),
        ReadErrors,
    ),
)]
pub async fn get_blob_impact(caller: Caller, sha256: Path<String>) -> Result<HttpResponse, Problem> {
    let sha256: Sha256 = sha256.parse().map_err(|error: Error| error.on_field("sha256"))?;
    let impact = caller.registry.graph.impact_of_bytes(&caller.context, sha256).await?;
    Ok(HttpResponse::Ok().json(ImpactView::from(&impact)))
}

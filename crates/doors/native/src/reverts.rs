//! Nodes set back to what they were at an earlier revision.

use actix_web::web::{Json, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::body::read;
use super::errors::RevertErrors;
use super::request::ConditionHeaders;
use super::wire::NodeView;
use crate::domain::{Error, NodeId, Result};
use crate::http::caller::Caller;
use crate::http::conditional::{conditions, with_etag};
use crate::http::problem::Problem;

/// What to set a node back to.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Revert {
    /// The revision, as the history of the node has it.
    #[schema(minimum = 1)]
    revision: i64,
}

/// A node that was set back.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevertView {
    /// The node as it is now.
    #[serde(flatten)]
    node: NodeView,
    /// The properties that stay as they were: they had secrets then, which the record does not keep.
    kept_properties: Vec<String>,
}

/// Sets the properties of a node, declared and custom ones, back to what they were at an earlier revision, as one more change of it.
///
/// Its name, its place, its files and what inspection says of those stay as they are. Metrics, nodes of types that users of ML Metadata made, and
/// artifacts whose files changed since are not set back: 409. `If-Match` takes the `ETag` of a version, and of other nodes the revision.
#[utoipa::path(
    post, path = "/nodes/{id}/revert", operation_id = "revertNode", tag = "history",
    params(("id" = String, Path, description = "Id of the node.", pattern = "^[1-9][0-9]{0,17}$"), ConditionHeaders),
    request_body = Revert,
    responses(
        (status = 200, description = "The node as it is now.", body = RevertView),
        RevertErrors,
    ),
)]
pub async fn revert_node(
    caller: Caller,
    id: Path<String>,
    body: Json<Map<String, Value>>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id: NodeId = id.parse()?;
    let Revert { revision } = read(body)?;
    if revision < 1 {
        return Err(Error::invalid("revision", format!("revision `{revision}` is not positive")).into());
    }
    let reverted = caller.registry.entities.revert(&caller.context, id, revision, conditions(&request)?).await?;
    let view = RevertView { node: NodeView::new(&reverted.node), kept_properties: reverted.kept };
    Ok(with_etag(reverted.tag, &view))
}

//! Models, experiments and environments as what access is granted to, by id.

use actix_web::HttpResponse;
use actix_web::web::{Json, Path};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{PrincipalName, change};
use crate::body::{nullable, read};
use crate::domain::NodeId;
use crate::errors::{AccountReadErrors, UpdateAccountErrors};
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::access::{RootAccess, RootChange};

/// What is to be changed; what is not given stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateRoot {
    /// The handle or id of whoever owns it; null for nobody.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, pattern = "^([1-9][0-9]{0,17}|[a-z][a-z0-9._-]*|[0-9]+[a-z._-][a-z0-9._-]*)$", max_length = 64)]
    owner: Option<Option<String>>,
    /// Whether roles below `admin` that are bound to its workspace or to the registry do not count for it.
    #[serde(default)]
    restricted: Option<bool>,
    /// The slug of the workspace that it moves to, with everything below it.
    #[serde(default)]
    #[schema(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    workspace: Option<String>,
}

/// What access to a model, an experiment or an environment depends on.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RootView {
    /// Its id.
    pub id: String,
    /// The slug of its workspace.
    pub workspace: String,
    /// Who owns it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<PrincipalName>,
    /// Whether roles below `admin` that are bound to its workspace or to the registry do not count for it.
    pub restricted: bool,
}

impl From<&RootAccess> for RootView {
    fn from(root: &RootAccess) -> Self {
        Self {
            id: root.id.to_string(),
            workspace: root.workspace.slug.to_string(),
            owner: root.owner.as_ref().map(PrincipalName::from),
            restricted: root.is_restricted,
        }
    }
}

/// Shows who owns a model, an experiment or an environment, where it is, and whether it is restricted.
#[utoipa::path(
    get, path = "/roots/{id}", operation_id = "getRoot", tag = "accounts",
    params(("id" = String, Path, description = "Id of the model, experiment or environment.", pattern = "^[1-9][0-9]{0,17}$")),
    responses((status = 200, description = "The root.", body = RootView), AccountReadErrors),
)]
pub async fn get_root(caller: Caller, id: Path<String>) -> Result<HttpResponse, Problem> {
    let id: NodeId = id.parse()?;
    let found = caller.registry.accounts.root_access(&caller.context, id).await?;
    Ok(HttpResponse::Ok().json(RootView::from(&found)))
}

/// Gives a model, an experiment or an environment to somebody, restricts it, or moves it to another workspace. Needs `manage` on it,
/// and `create` in the other workspace.
#[utoipa::path(
    patch, path = "/roots/{id}", operation_id = "updateRoot", tag = "accounts",
    params(("id" = String, Path, description = "Id of the model, experiment or environment.", pattern = "^[1-9][0-9]{0,17}$")),
    request_body = UpdateRoot,
    responses((status = 200, description = "The root.", body = RootView), UpdateAccountErrors),
)]
pub async fn update_root(
    caller: Caller,
    id: Path<String>,
    body: Json<Map<String, Value>>,
) -> Result<HttpResponse, Problem> {
    let (id, body): (NodeId, UpdateRoot) = (id.parse()?, read(body)?);
    let wanted = RootChange {
        owner: change(body.owner).try_map(|owner| owner.parse())?,
        is_restricted: body.restricted,
        workspace: body.workspace.map(|slug| slug.parse()).transpose()?,
    };
    let changed = caller.registry.accounts.change_root(&caller.context, id, wanted).await?;
    Ok(HttpResponse::Ok().json(RootView::from(&changed)))
}

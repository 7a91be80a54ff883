//! Workspaces, by slug.

use actix_web::http::header::LOCATION;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::change;
use crate::body::{nullable, read};
use crate::domain::access::{Role, Slug, Workspace};
use crate::domain::{Change, Result};
use crate::errors::{
    AccountListErrors, AccountReadErrors, CreateAccountErrors, DeleteWorkspaceErrors, UpdateAccountErrors,
};
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::location::relative;
use crate::registry::access::{NewWorkspace, WorkspaceChange};
use crate::{Paging, next_token};

/// What owners have who have nothing.
const NONE: &str = "none";

/// A workspace to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateWorkspace {
    /// Its name in addresses: a label of DNS.
    #[schema(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    slug: String,
    /// What people call it.
    #[serde(default)]
    #[schema(max_length = 256)]
    title: Option<String>,
    /// What those have who make a model, an experiment or an environment in it, on that: a role, or `none`; `admin` when it is not given.
    #[serde(default)]
    #[schema(pattern = "^(viewer|reader|contributor|writer|maintainer|admin|auditor|none)$")]
    owner_role: Option<String>,
}

/// What is to be changed of a workspace; what is not given stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdateWorkspace {
    /// What people call it; null clears it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, max_length = 256)]
    title: Option<Option<String>>,
    /// What those have who make something in it: a role, or `none`.
    #[serde(default)]
    #[schema(pattern = "^(viewer|reader|contributor|writer|maintainer|admin|auditor|none)$")]
    owner_role: Option<String>,
    /// Whether nothing is made or changed in it any more.
    #[serde(default)]
    archived: Option<bool>,
}

/// A workspace.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceView {
    /// Its id.
    pub id: String,
    /// Its name in addresses.
    pub slug: String,
    /// What people call it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What those have who make a model, an experiment or an environment in it, on that: a role, or `none`.
    pub owner_role: String,
    /// When it was made.
    pub created_at: i64,
    /// Since when nothing is made or changed in it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub archived_at: Option<i64>,
}

/// A page of workspaces.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkspaceList {
    /// The workspaces, in the order in which they were made.
    pub items: Vec<WorkspaceView>,
    /// Continues the list; empty at its end.
    pub next_page_token: String,
}

impl From<&Workspace> for WorkspaceView {
    fn from(workspace: &Workspace) -> Self {
        Self {
            id: workspace.id.to_string(),
            slug: workspace.slug.to_string(),
            title: workspace.title.clone(),
            owner_role: workspace.owner_role.map_or(NONE, Role::name).to_owned(),
            created_at: workspace.created_at,
            archived_at: workspace.archived_at,
        }
    }
}

fn owner_role(text: Option<&str>) -> Result<Change<Role>> {
    match text {
        None => Ok(Change::Keep),
        Some(NONE) => Ok(Change::Clear),
        Some(role) => Ok(Change::Set(role.parse().map_err(|error: crate::domain::Error| error.on_field("ownerRole"))?)),
    }
}

/// Makes a workspace. Needs `manage` in the registry.
#[utoipa::path(
    post, path = "/workspaces", operation_id = "createWorkspace", tag = "accounts",
    request_body = CreateWorkspace,
    responses(
        (status = 201, description = "Made.", body = WorkspaceView, headers(("Location" = String, description = "The workspace."))),
        CreateAccountErrors,
    ),
)]
pub async fn create_workspace(
    caller: Caller,
    body: Json<Map<String, Value>>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let body: CreateWorkspace = read(body)?;
    let new = NewWorkspace {
        slug: body.slug.parse()?,
        title: body.title,
        owner_role: owner_role(body.owner_role.as_deref())?,
    };
    let made = caller.registry.accounts.create_workspace(&caller.context, new).await?;
    let location = relative(&request, &format!("workspaces/{}", made.slug));
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(WorkspaceView::from(&made)))
}

/// Lists the workspaces that the caller sees anything of.
#[utoipa::path(
    get, path = "/workspaces", operation_id = "listWorkspaces", tag = "accounts",
    params(Paging),
    responses((status = 200, description = "A page.", body = WorkspaceList), AccountListErrors),
)]
pub async fn list_workspaces(caller: Caller, paging: Query<Paging>) -> Result<HttpResponse, Problem> {
    let page = caller.registry.accounts.list_workspaces(&caller.context, paging.request()?).await?;
    let items = page.items.iter().map(WorkspaceView::from).collect();
    Ok(HttpResponse::Ok().json(WorkspaceList { items, next_page_token: next_token(page.next.as_ref()) }))
}

/// Shows a workspace.
#[utoipa::path(
    get, path = "/workspaces/{slug}", operation_id = "getWorkspace", tag = "accounts",
    params(("slug" = String, Path, description = "Slug of the workspace.", pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")),
    responses((status = 200, description = "The workspace.", body = WorkspaceView), AccountReadErrors),
)]
pub async fn get_workspace(caller: Caller, slug: Path<String>) -> Result<HttpResponse, Problem> {
    let slug: Slug = slug.parse()?;
    let found = caller.registry.accounts.get_workspace(&caller.context, &slug).await?;
    Ok(HttpResponse::Ok().json(WorkspaceView::from(&found)))
}

/// Changes a workspace. Needs `manage` in it.
#[utoipa::path(
    patch, path = "/workspaces/{slug}", operation_id = "updateWorkspace", tag = "accounts",
    params(("slug" = String, Path, description = "Slug of the workspace.", pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")),
    request_body = UpdateWorkspace,
    responses((status = 200, description = "The workspace.", body = WorkspaceView), UpdateAccountErrors),
)]
pub async fn update_workspace(
    caller: Caller,
    slug: Path<String>,
    body: Json<Map<String, Value>>,
) -> Result<HttpResponse, Problem> {
    let (slug, body): (Slug, UpdateWorkspace) = (slug.parse()?, read(body)?);
    let change = WorkspaceChange {
        title: change(body.title),
        owner_role: owner_role(body.owner_role.as_deref())?,
        archived: body.archived,
    };
    let changed = caller.registry.accounts.change_workspace(&caller.context, &slug, change).await?;
    Ok(HttpResponse::Ok().json(WorkspaceView::from(&changed)))
}

/// Removes a workspace that has been archived for a minute and has nothing in it. Needs `manage` in the registry.
#[utoipa::path(
    delete, path = "/workspaces/{slug}", operation_id = "deleteWorkspace", tag = "accounts",
    params(("slug" = String, Path, description = "Slug of the workspace.", pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")),
    responses((status = 204, description = "Removed."), DeleteWorkspaceErrors),
)]
pub async fn delete_workspace(caller: Caller, slug: Path<String>) -> Result<HttpResponse, Problem> {
    caller.registry.accounts.delete_workspace(&caller.context, &slug.parse()?).await?;
    Ok(HttpResponse::NoContent().finish())
}

//! Bindings: who has which role where.

use actix_web::http::header::LOCATION;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::id;
use super::scopes::{ScopeBody, ScopeView, SubjectBody, SubjectView, scope_of, subject_of};
use crate::body::read;
use crate::domain::Result;
use crate::domain::access::BindingId;
use crate::errors::{AccountReadErrors, AccountSearchErrors, CreateAccountErrors, EndAccountErrors};
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::location::relative;
use crate::registry::access::{BindingView as Bound, BindingsWanted, NewBinding};
use crate::{Paging, next_token};

/// A binding to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateBinding {
    /// For whom.
    subject: SubjectBody,
    /// `viewer`, `reader`, `contributor`, `writer`, `maintainer`, `admin` or `auditor`.
    #[schema(pattern = "^(viewer|reader|contributor|writer|maintainer|admin|auditor)$")]
    role: String,
    /// Where; everywhere when it is not given.
    #[serde(default)]
    scope: ScopeBody,
    /// Until when.
    #[serde(default)]
    expires_at: Option<i64>,
}

/// Which bindings are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct BindingOptions {
    /// Those for this principal, by handle or id.
    #[param(pattern = "^([1-9][0-9]{0,17}|[a-z][a-z0-9._-]*|[0-9]+[a-z._-][a-z0-9._-]*)$", max_length = 64)]
    principal: Option<String>,
    /// Those for this group, as `ISSUER:NAME`.
    #[param(pattern = r"^[^:]+:[\s\S]+$")]
    group: Option<String>,
    /// Those for `authenticated` or for `everyone`.
    #[param(pattern = "^(authenticated|everyone)$")]
    all: Option<String>,
    /// Those in this workspace, by its slug, neither wider nor narrower.
    #[param(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    workspace: Option<String>,
    /// Those for this model, experiment or environment, by its id.
    #[param(pattern = "^[1-9][0-9]{0,17}$")]
    root: Option<String>,
    /// `registry` for those that hold everywhere.
    #[param(pattern = "^registry$")]
    scope: Option<String>,
}

/// A binding.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BindingView {
    /// Its id.
    pub id: String,
    /// For whom.
    pub subject: SubjectView,
    /// Which role.
    pub role: String,
    /// Where.
    pub scope: ScopeView,
    /// Since when.
    pub created_at: i64,
    /// The id of whoever bound it; absent where an offline command did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// Until when.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<i64>,
}

/// A page of bindings.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BindingList {
    /// The bindings, in the order in which they were made; expired ones, too.
    pub items: Vec<BindingView>,
    /// Continues the list; empty at its end.
    pub next_page_token: String,
}

impl From<&Bound> for BindingView {
    fn from(bound: &Bound) -> Self {
        let binding = &bound.binding;
        Self {
            id: binding.id.to_string(),
            subject: bound.into(),
            role: binding.role.name().to_owned(),
            scope: bound.into(),
            created_at: binding.created_at,
            created_by: binding.created_by.map(|by| by.to_string()),
            expires_at: binding.expires_at,
        }
    }
}

/// Binds a role. Needs `manage` where it holds; nobody grants more than they hold there.
#[utoipa::path(
    post, path = "/bindings", operation_id = "createBinding", tag = "accounts",
    request_body = CreateBinding,
    responses(
        (status = 201, description = "Bound.", body = BindingView, headers(("Location" = String, description = "The binding."))),
        CreateAccountErrors,
    ),
)]
pub async fn create_binding(
    caller: Caller,
    body: Json<Map<String, Value>>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let body: CreateBinding = read(body)?;
    let new = NewBinding {
        subject: body.subject.read()?,
        role: body.role.parse()?,
        scope: body.scope.read()?,
        expires_at: body.expires_at,
    };
    let made = caller.registry.accounts.create_binding(&caller.context, new).await?;
    let location = relative(&request, &format!("bindings/{}", made.binding.id));
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(BindingView::from(&made)))
}

/// Lists bindings. One's own anybody lists; others need `manage` or `audit` where they hold, or in the registry.
#[utoipa::path(
    get, path = "/bindings", operation_id = "listBindings", tag = "accounts",
    params(BindingOptions, Paging),
    responses((status = 200, description = "A page.", body = BindingList), AccountSearchErrors),
)]
pub async fn list_bindings(
    caller: Caller,
    wanted: Query<BindingOptions>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let wanted = BindingsWanted {
        subject: subject_of(wanted.principal.as_deref(), wanted.group.as_deref(), wanted.all.as_deref())?,
        scope: scope_of(wanted.scope.as_deref(), wanted.workspace.as_deref(), wanted.root.as_deref())?,
    };
    let page = caller.registry.accounts.list_bindings(&caller.context, wanted, paging.request()?).await?;
    let items = page.items.iter().map(BindingView::from).collect();
    Ok(HttpResponse::Ok().json(BindingList { items, next_page_token: next_token(page.next.as_ref()) }))
}

/// Shows a binding.
#[utoipa::path(
    get, path = "/bindings/{id}", operation_id = "getBinding", tag = "accounts",
    params(("id" = String, Path, description = "Id of the binding.", pattern = "^[1-9][0-9]{0,17}$")),
    responses((status = 200, description = "The binding.", body = BindingView), AccountReadErrors),
)]
pub async fn get_binding(caller: Caller, binding: Path<String>) -> Result<HttpResponse, Problem> {
    let found = caller.registry.accounts.get_binding(&caller.context, BindingId(id("id", &binding)?)).await?;
    Ok(HttpResponse::Ok().json(BindingView::from(&found)))
}

/// Takes a role back. Needs `manage` where it holds.
#[utoipa::path(
    delete, path = "/bindings/{id}", operation_id = "deleteBinding", tag = "accounts",
    params(("id" = String, Path, description = "Id of the binding.", pattern = "^[1-9][0-9]{0,17}$")),
    responses((status = 204, description = "Removed."), EndAccountErrors),
)]
pub async fn delete_binding(caller: Caller, binding: Path<String>) -> Result<HttpResponse, Problem> {
    caller.registry.accounts.delete_binding(&caller.context, BindingId(id("id", &binding)?)).await?;
    Ok(HttpResponse::NoContent().finish())
}

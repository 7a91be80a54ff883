//! Principals: people and machines. Service accounts are made here, and all others when they are first seen.

use actix_web::http::header::LOCATION;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::change;
use super::scopes::workspace_slug;
use crate::body::{nullable, read};
use crate::domain::access::{Principal, PrincipalRef, Slug};
use crate::domain::{Error, Result};
use crate::errors::{
    AccountReadErrors, AccountSearchErrors, CreateAccountErrors, EndAccountErrors, UpdateAccountErrors,
};
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::location::relative;
use crate::registry::access::{NewServiceAccount, PrincipalChange, PrincipalsWanted, WithSlugs};
use crate::{Paging, next_token};

/// A service account to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreatePrincipal {
    /// Its short name.
    #[schema(pattern = "^([a-z][a-z0-9._-]*|[0-9]+[a-z._-][a-z0-9._-]*)$", max_length = 64)]
    handle: String,
    /// A name to show.
    #[serde(default)]
    #[schema(max_length = 256)]
    display_name: Option<String>,
    /// The slug of the workspace that it belongs to, whose managers manage it; the registry when it is not given.
    #[serde(default)]
    #[schema(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    workspace: Option<String>,
}

/// What is to be changed of a principal; what is not given stays.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct UpdatePrincipal {
    /// Whether it may do nothing.
    #[serde(default)]
    disabled: Option<bool>,
    /// The slug of the workspace that it works in where a request names none, and of a service account the one that it belongs to; null
    /// clears it.
    #[serde(default, deserialize_with = "nullable")]
    #[schema(value_type = Option<String>, pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    workspace: Option<Option<String>>,
}

/// Which principals are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PrincipalOptions {
    /// Those of this workspace alone, by its slug.
    #[param(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    workspace: Option<String>,
    /// Those of this kind alone: `user`, `service`, `kubernetes` or `certificate`.
    #[param(pattern = "^(user|service|kubernetes|certificate)$")]
    kind: Option<String>,
}

/// A principal.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrincipalView {
    /// The id, which records name.
    pub id: String,
    /// `user`, `service`, `kubernetes` or `certificate`.
    pub kind: String,
    /// The short name.
    pub handle: String,
    /// The name that the settings give the issuer of its credentials; empty for this registry.
    pub issuer: String,
    /// What the issuer calls it.
    pub subject: String,
    /// A name to show.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// An e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The slug of the workspace that it works in, or belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// When it was first seen or made.
    pub created_at: i64,
    /// Credentials that were issued before then count no longer.
    pub valid_from: i64,
    /// Since when it may do nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled_at: Option<i64>,
    /// When it was last seen, about to the hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seen_at: Option<i64>,
}

/// A page of principals.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PrincipalList {
    /// The principals, in the order in which they were first seen or made.
    pub items: Vec<PrincipalView>,
    /// Continues the list; empty at its end.
    pub next_page_token: String,
}

impl From<&WithSlugs<Principal>> for PrincipalView {
    fn from(principal: &WithSlugs<Principal>) -> Self {
        Self {
            id: principal.id.to_string(),
            kind: principal.kind.name().to_owned(),
            handle: principal.handle.clone(),
            issuer: principal.issuer.clone(),
            subject: principal.subject.clone(),
            display_name: principal.display_name.clone(),
            email: principal.email.clone(),
            workspace: principal.workspace_id.and_then(|id| principal.slug(id)).map(ToString::to_string),
            created_at: principal.created_at,
            valid_from: principal.valid_from,
            disabled_at: principal.disabled_at,
            seen_at: principal.seen_at,
        }
    }
}

fn show(principal: &WithSlugs<Principal>) -> HttpResponse {
    HttpResponse::Ok().json(PrincipalView::from(principal))
}

/// Makes a service account. Needs `manage` in its workspace.
#[utoipa::path(
    post, path = "/principals", operation_id = "createPrincipal", tag = "accounts",
    request_body = CreatePrincipal,
    responses(
        (status = 201, description = "Made.", body = PrincipalView, headers(("Location" = String, description = "The principal."))),
        CreateAccountErrors,
    ),
)]
pub async fn create_principal(
    caller: Caller,
    body: Json<Map<String, Value>>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let body: CreatePrincipal = read(body)?;
    let new = NewServiceAccount {
        handle: body.handle.parse()?,
        display_name: body.display_name,
        workspace: body.workspace.as_deref().map(workspace_slug).transpose()?,
    };
    let made = caller.registry.accounts.create_service_account(&caller.context, new).await?;
    let location = relative(&request, &format!("principals/{}", made.id));
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(PrincipalView::from(&made)))
}

/// Lists principals. Needs `manage` or `audit` in the registry, or in the workspace.
#[utoipa::path(
    get, path = "/principals", operation_id = "listPrincipals", tag = "accounts",
    params(PrincipalOptions, Paging),
    responses((status = 200, description = "A page.", body = PrincipalList), AccountSearchErrors),
)]
pub async fn list_principals(
    caller: Caller,
    wanted: Query<PrincipalOptions>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let wanted = PrincipalsWanted {
        workspace: wanted.workspace.as_deref().map(workspace_slug).transpose()?,
        kind: wanted.kind.as_deref().map(str::parse).transpose()?,
    };
    let page = caller.registry.accounts.list_principals(&caller.context, wanted, paging.request()?).await?;
    let items = page.items.iter().map(PrincipalView::from).collect();
    Ok(HttpResponse::Ok().json(PrincipalList { items, next_page_token: next_token(page.next.as_ref()) }))
}

/// Shows a principal.
#[utoipa::path(
    get, path = "/principals/{principal}", operation_id = "getPrincipal", tag = "accounts",
    params(("principal" = String, Path, description = "Handle or id of the principal.", pattern = "^([1-9][0-9]{0,17}|[a-z][a-z0-9._-]*|[0-9]+[a-z._-][a-z0-9._-]*)$", max_length = 64)),
    responses((status = 200, description = "The principal.", body = PrincipalView), AccountReadErrors),
)]
pub async fn get_principal(caller: Caller, principal: Path<String>) -> Result<HttpResponse, Problem> {
    let named: PrincipalRef = principal.parse()?;
    Ok(show(&caller.registry.accounts.get_principal(&caller.context, &named).await?))
}

/// Disables or enables a principal, or sets its workspace. People set their own; the rest needs `manage`.
#[utoipa::path(
    patch, path = "/principals/{principal}", operation_id = "updatePrincipal", tag = "accounts",
    params(("principal" = String, Path, description = "Handle or id of the principal.", pattern = "^([1-9][0-9]{0,17}|[a-z][a-z0-9._-]*|[0-9]+[a-z._-][a-z0-9._-]*)$", max_length = 64)),
    request_body = UpdatePrincipal,
    responses((status = 200, description = "The principal.", body = PrincipalView), UpdateAccountErrors),
)]
pub async fn update_principal(
    caller: Caller,
    principal: Path<String>,
    body: Json<Map<String, Value>>,
) -> Result<HttpResponse, Problem> {
    let (named, body): (PrincipalRef, UpdatePrincipal) = (principal.parse()?, read(body)?);
    let workspace = change(body.workspace).try_map(|slug: String| -> Result<Slug, Error> { workspace_slug(&slug) })?;
    let change = PrincipalChange { disabled: body.disabled, workspace };
    Ok(show(&caller.registry.accounts.change_principal(&caller.context, &named, change).await?))
}

/// Makes all credentials of a principal count no longer that were issued until now, and revokes its tokens.
#[utoipa::path(
    post, path = "/principals/{principal}/logout", operation_id = "logOutPrincipal", tag = "accounts",
    params(("principal" = String, Path, description = "Handle or id of the principal.", pattern = "^([1-9][0-9]{0,17}|[a-z][a-z0-9._-]*|[0-9]+[a-z._-][a-z0-9._-]*)$", max_length = 64)),
    responses((status = 200, description = "The principal.", body = PrincipalView), EndAccountErrors),
)]
pub async fn log_out_principal(caller: Caller, principal: Path<String>) -> Result<HttpResponse, Problem> {
    let named: PrincipalRef = principal.parse()?;
    Ok(show(&caller.registry.accounts.log_out_everywhere(&caller.context, &named).await?))
}

/// Removes everything that says who a principal was, with its bindings and tokens. What it did stays, under its id.
#[utoipa::path(
    delete, path = "/principals/{principal}", operation_id = "forgetPrincipal", tag = "accounts",
    params(("principal" = String, Path, description = "Handle or id of the principal.", pattern = "^([1-9][0-9]{0,17}|[a-z][a-z0-9._-]*|[0-9]+[a-z._-][a-z0-9._-]*)$", max_length = 64)),
    responses((status = 204, description = "Forgotten."), EndAccountErrors),
)]
pub async fn forget_principal(caller: Caller, principal: Path<String>) -> Result<HttpResponse, Problem> {
    caller.registry.accounts.forget_principal(&caller.context, &principal.parse()?).await?;
    Ok(HttpResponse::NoContent().finish())
}

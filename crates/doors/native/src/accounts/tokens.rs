//! Tokens of this registry.

use std::time::Duration;

use actix_web::HttpResponse;
use actix_web::http::header::{CACHE_CONTROL, HeaderValue};
use actix_web::web::{Json, Path, Query};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};

use super::scopes::workspace_slug;
use super::{id, names};
use crate::body::read;
use crate::domain::access::{ApiToken, Permissions, Role, TokenId};
use crate::domain::{Error, Result};
use crate::errors::{AccountSearchErrors, CreateAccountErrors, EndAccountErrors, UpdateAccountErrors};
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::access::{MadeToken, NewToken, Rotation, WithSlugs};
use crate::{Paging, next_token};

/// The slug of a workspace.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
pub struct SlugText(String);

/// The id of a model, an experiment or an environment.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(pattern = "^[1-9][0-9]{0,17}$")]
pub struct RootText(String);

/// What somebody may do.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(pattern = "^(see|download|write|create|promote|delete|manage|audit)$")]
pub struct PermissionName(String);

/// A token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateToken {
    /// What it is called.
    #[schema(pattern = r"\S", max_length = 256)]
    name: String,
    /// Whose it is, by handle or id: the caller's when it is not given.
    #[serde(default)]
    #[schema(pattern = "^([1-9][0-9]{0,17}|[a-z][a-z0-9._-]*|[0-9]+[a-z._-][a-z0-9._-]*)$", max_length = 64)]
    owner: Option<String>,
    /// No more than what this role has.
    #[serde(default)]
    #[schema(pattern = "^(viewer|reader|contributor|writer|maintainer|admin|auditor)$")]
    role: Option<String>,
    /// No others than these permissions; either this or `role`, or everything that its owner has.
    #[serde(default)]
    #[schema(min_items = 1)]
    permissions: Option<Vec<PermissionName>>,
    /// In no other workspaces than these, by their slugs.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 100)]
    workspaces: Option<Vec<SlugText>>,
    /// For nothing but these models, experiments and environments, by their ids.
    #[serde(default)]
    #[schema(min_items = 1, max_items = 100)]
    roots: Option<Vec<RootText>>,
    /// When it ends: 90 days from now when it is not given.
    #[serde(default)]
    expires_at: Option<i64>,
}

/// How a token is given a new secret.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateToken {
    /// For how long the old secret counts as well.
    #[serde(default)]
    #[schema(maximum = 2_592_000)]
    grace_seconds: u32,
    /// When the new one ends: after as long as the old one was to last when it is not given.
    #[serde(default)]
    expires_at: Option<i64>,
}

/// Whose tokens are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct TokenOptions {
    /// Their owner, by handle or id: the caller when it is not given.
    #[param(pattern = "^([1-9][0-9]{0,17}|[a-z][a-z0-9._-]*|[0-9]+[a-z._-][a-z0-9._-]*)$", max_length = 64)]
    owner: Option<String>,
}

/// A token, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenView {
    /// Its id.
    pub id: String,
    /// The part of its text that is no secret.
    pub public_id: String,
    /// What it is called.
    pub name: String,
    /// The id of its owner.
    pub owner_id: String,
    /// No others than these permissions.
    pub permissions: Vec<String>,
    /// In no other workspaces than these, by their slugs; absent for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspaces: Option<Vec<String>>,
    /// For nothing but these models, experiments and environments, by their ids; absent for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roots: Option<Vec<String>>,
    /// When it was made.
    pub created_at: i64,
    /// The id of whoever made it; absent where an offline command did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub created_by: Option<String>,
    /// When it ends.
    pub expires_at: i64,
    /// Since when it counts no longer, where it was revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<i64>,
    /// When it was last used, about to the hour.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<i64>,
}

/// A token that was made.
#[derive(Debug, Serialize, ToSchema)]
pub struct MadeTokenView {
    /// Its text, which gives access. It is shown this once.
    pub secret: String,
    /// The handle of its owner.
    pub owner: String,
    /// What is known of it.
    pub token: TokenView,
}

/// A page of tokens.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TokenList {
    /// The tokens, in the order in which they were made; those that count no longer, too.
    pub items: Vec<TokenView>,
    /// Continues the list; empty at its end.
    pub next_page_token: String,
}

impl From<&WithSlugs<ApiToken>> for TokenView {
    fn from(token: &WithSlugs<ApiToken>) -> Self {
        let slugs = |ids: &std::collections::BTreeSet<_>| {
            ids.iter().map(|id| token.slug(*id).map_or_else(|| id.to_string(), ToString::to_string)).collect()
        };
        Self {
            id: token.id.to_string(),
            public_id: token.public_id.clone(),
            name: token.name.clone(),
            owner_id: token.principal_id.to_string(),
            permissions: names(token.limits.permissions),
            workspaces: token.limits.workspaces.as_ref().map(slugs),
            roots: token.limits.roots.as_ref().map(|ids| ids.iter().map(ToString::to_string).collect()),
            created_at: token.created_at,
            created_by: token.created_by.map(|by| by.to_string()),
            expires_at: token.expires_at,
            revoked_at: token.revoked_at,
            last_used_at: token.last_used_at,
        }
    }
}

impl CreateToken {
    fn read(self) -> Result<NewToken> {
        let permissions = match (self.role, self.permissions) {
            (None, None) => Permissions::ALL,
            (Some(role), None) => role.parse::<Role>()?.permissions(),
            (None, Some(names)) => names.iter().map(|name| name.0.parse()).collect::<Result<Permissions>>()?,
            (Some(_), Some(_)) => {
                return Err(Error::invalid("permissions", "a token has `role` or `permissions`, and not both"));
            }
        };
        let roots = |ids: Vec<RootText>| {
            ids.iter()
                .map(|id| id.0.parse().map_err(|error: Error| error.on_field("roots")))
                .collect::<Result<Vec<_>>>()
        };
        let workspaces = |slugs: Vec<SlugText>| {
            let slug = |slug: &SlugText| workspace_slug(&slug.0).map_err(|error| error.on_field("workspaces"));
            slugs.iter().map(slug).collect::<Result<Vec<_>>>()
        };
        Ok(NewToken {
            name: self.name,
            owner: self.owner.as_deref().map(owner).transpose()?,
            permissions,
            workspaces: self.workspaces.map(workspaces).transpose()?,
            roots: self.roots.map(roots).transpose()?,
            expires_at: self.expires_at,
        })
    }
}

fn owner(text: &str) -> Result<crate::domain::access::PrincipalRef> {
    text.parse().map_err(|error: Error| error.on_field("owner"))
}

fn show(status: actix_web::http::StatusCode, made: &MadeToken) -> HttpResponse {
    let body = MadeTokenView {
        secret: made.text.expose().to_owned(),
        owner: made.owner.clone(),
        token: TokenView::from(&made.token),
    };
    HttpResponse::build(status).insert_header((CACHE_CONTROL, HeaderValue::from_static("no-store"))).json(body)
}

/// Makes a token, whose text is shown this once: the caller's own, or one of a service account that they manage.
#[utoipa::path(
    post, path = "/tokens", operation_id = "createToken", tag = "accounts",
    request_body = CreateToken,
    responses((status = 201, description = "Made.", body = MadeTokenView), CreateAccountErrors),
)]
pub async fn create_token(caller: Caller, body: Json<Map<String, Value>>) -> Result<HttpResponse, Problem> {
    let new = read::<CreateToken>(body)?.read()?;
    let made = caller.registry.accounts.create_token(&caller.context, new).await?;
    Ok(show(actix_web::http::StatusCode::CREATED, &made))
}

/// Lists tokens, without their secrets.
#[utoipa::path(
    get, path = "/tokens", operation_id = "listTokens", tag = "accounts",
    params(TokenOptions, Paging),
    responses((status = 200, description = "A page.", body = TokenList), AccountSearchErrors),
)]
pub async fn list_tokens(
    caller: Caller,
    wanted: Query<TokenOptions>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let owner = wanted.owner.as_deref().map(owner).transpose()?;
    let page = caller.registry.accounts.list_tokens(&caller.context, owner, paging.request()?).await?;
    let items = page.items.iter().map(TokenView::from).collect();
    Ok(HttpResponse::Ok().json(TokenList { items, next_page_token: next_token(page.next.as_ref()) }))
}

/// Gives a token a new secret: a new token that opens the same, whose text is shown this once. The old one ends after the grace.
#[utoipa::path(
    post, path = "/tokens/{id}/rotate", operation_id = "rotateToken", tag = "accounts",
    params(("id" = String, Path, description = "Id of the token.", pattern = "^[1-9][0-9]{0,17}$")),
    request_body = RotateToken,
    responses((status = 200, description = "The new token.", body = MadeTokenView), UpdateAccountErrors),
)]
pub async fn rotate_token(
    caller: Caller,
    token: Path<String>,
    body: Json<Map<String, Value>>,
) -> Result<HttpResponse, Problem> {
    let (token, body): (_, RotateToken) = (TokenId(id("id", &token)?), read(body)?);
    let rotation = Rotation { grace: Duration::from_secs(body.grace_seconds.into()), expires_at: body.expires_at };
    let made = caller.registry.accounts.rotate_token(&caller.context, token, rotation).await?;
    Ok(show(actix_web::http::StatusCode::OK, &made))
}

/// Revokes a token.
#[utoipa::path(
    delete, path = "/tokens/{id}", operation_id = "revokeToken", tag = "accounts",
    params(("id" = String, Path, description = "Id of the token.", pattern = "^[1-9][0-9]{0,17}$")),
    responses((status = 204, description = "Revoked."), EndAccountErrors),
)]
pub async fn revoke_token(caller: Caller, token: Path<String>) -> Result<HttpResponse, Problem> {
    caller.registry.accounts.revoke_token(&caller.context, TokenId(id("id", &token)?)).await?;
    Ok(HttpResponse::NoContent().finish())
}

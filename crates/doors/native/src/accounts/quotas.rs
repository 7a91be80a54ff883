//! How much workspaces hold and may hold.

use actix_web::HttpResponse;
use actix_web::web::{Json, Path};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::body::read;
use crate::domain::access::{Quota, Slug};
use crate::errors::{AccountReadErrors, UpdateAccountErrors};
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::access::WorkspaceQuota;

/// What a workspace may hold; what is not given, or null, is not limited.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SetQuota {
    /// The bytes of its files, each with its full size.
    #[serde(default)]
    #[schema(maximum = 9_223_372_036_854_775_807_i64)]
    bytes: Option<u64>,
    /// Its files.
    #[serde(default)]
    #[schema(maximum = 9_223_372_036_854_775_807_i64)]
    files: Option<u64>,
    /// Its registered models, experiments and serving environments.
    #[serde(default)]
    #[schema(maximum = 9_223_372_036_854_775_807_i64)]
    roots: Option<u64>,
}

/// What a workspace holds of something, and how much it may hold.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuotaOf {
    /// How much it holds.
    pub used: u64,
    /// How much it may hold; absent for any number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
}

/// What a workspace holds and may hold.
#[derive(Debug, Serialize, ToSchema)]
pub struct QuotaView {
    /// The bytes of its files, each with its full size, whether they are stored for others, too.
    pub bytes: QuotaOf,
    /// Its files.
    pub files: QuotaOf,
    /// Its registered models, experiments and serving environments.
    pub roots: QuotaOf,
}

impl From<WorkspaceQuota> for QuotaView {
    fn from(WorkspaceQuota { quota, usage }: WorkspaceQuota) -> Self {
        Self {
            bytes: QuotaOf { used: usage.bytes, limit: quota.bytes },
            files: QuotaOf { used: usage.files, limit: quota.files },
            roots: QuotaOf { used: usage.roots, limit: quota.roots },
        }
    }
}

/// Shows what a workspace holds and may hold. Needs `manage` in it.
#[utoipa::path(
    get, path = "/workspaces/{slug}/quota", operation_id = "getWorkspaceQuota", tag = "accounts",
    params(("slug" = String, Path, description = "Slug of the workspace.", pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")),
    responses((status = 200, description = "The quota.", body = QuotaView), AccountReadErrors),
)]
pub async fn get_workspace_quota(caller: Caller, slug: Path<String>) -> Result<HttpResponse, Problem> {
    let slug: Slug = slug.parse()?;
    let found = caller.registry.accounts.workspace_quota(&caller.context, &slug).await?;
    Ok(HttpResponse::Ok().json(QuotaView::from(found)))
}

/// Sets what a workspace may hold. Where it holds more already, what adds to it is refused. Needs `manage` in the registry.
#[utoipa::path(
    put, path = "/workspaces/{slug}/quota", operation_id = "setWorkspaceQuota", tag = "accounts",
    params(("slug" = String, Path, description = "Slug of the workspace.", pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")),
    request_body = SetQuota,
    responses((status = 200, description = "The quota.", body = QuotaView), UpdateAccountErrors),
)]
pub async fn set_workspace_quota(
    caller: Caller,
    slug: Path<String>,
    body: Json<Map<String, Value>>,
) -> Result<HttpResponse, Problem> {
    let (slug, body): (Slug, SetQuota) = (slug.parse()?, read(body)?);
    let quota = Quota { bytes: body.bytes, files: body.files, roots: body.roots };
    let set = caller.registry.accounts.set_workspace_quota(&caller.context, &slug, quota).await?;
    Ok(HttpResponse::Ok().json(QuotaView::from(set)))
}

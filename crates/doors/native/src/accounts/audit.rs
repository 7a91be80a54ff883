//! The audit trail: page by page, or all of it as lines of JSON.

use actix_web::HttpResponse;
use actix_web::web::{Bytes, Query};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use utoipa::{IntoParams, ToSchema};

use super::PrincipalName;
use super::scopes::workspace_slug;
use crate::domain::{Error, Result};
use crate::errors::AccountSearchErrors;
use crate::http::answer::logged;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::audit::{AuditView, AuditWanted};
use crate::{Paging, next_token};

/// The media type of lines of JSON.
const LINES: &str = "application/x-ndjson";

/// Which entries are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct AuditOptions {
    /// Of this model, experiment or environment, by its id.
    #[param(pattern = "^[1-9][0-9]{0,17}$")]
    root: Option<String>,
    /// By this principal, by handle or id.
    #[param(pattern = "^([1-9][0-9]{0,17}|[a-z][a-z0-9._-]*|[0-9]+[a-z._-][a-z0-9._-]*)$", max_length = 64)]
    principal: Option<String>,
    /// Of this workspace, by its slug.
    #[param(pattern = "^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")]
    workspace: Option<String>,
    /// Of this action, such as `file.download`.
    action: Option<String>,
    /// That ended so: `done`, `denied`, `unauthenticated` or `failed`.
    #[param(pattern = "^(done|denied|unauthenticated|failed)$")]
    outcome: Option<String>,
    /// That began then or later, in milliseconds since the epoch.
    from: Option<i64>,
    /// That began before then, in milliseconds since the epoch.
    to: Option<i64>,
}

impl AuditOptions {
    fn read(&self) -> Result<AuditWanted> {
        Ok(AuditWanted {
            workspace: self.workspace.as_deref().map(workspace_slug).transpose()?,
            root: self
                .root
                .as_deref()
                .map(|id| id.parse().map_err(|error: Error| error.on_field("root")))
                .transpose()?,
            principal: self.principal.as_deref().map(str::parse).transpose()?,
            action: self.action.as_deref().map(str::parse).transpose()?,
            outcome: self.outcome.as_deref().map(str::parse).transpose()?,
            from: self.from,
            to: self.to,
        })
    }
}

/// An entry of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditEntryView {
    /// Its id.
    pub id: String,
    /// When; of several requests, when the first was.
    pub at: i64,
    /// When the last was.
    pub ended_at: i64,
    /// What was done, or attempted.
    pub action: String,
    /// `done`, `denied`, `unauthenticated` or `failed`.
    pub outcome: String,
    /// Who; absent for somebody unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<PrincipalName>,
    /// The id of the token that was presented.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_id: Option<String>,
    /// The slug of the workspace, or its id where it is gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub workspace: Option<String>,
    /// The id of the model, experiment or environment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub root_id: Option<String>,
    /// The id of the node.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node_id: Option<String>,
    /// The path of the file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// How many bytes were sent, all requests together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<i64>,
    /// How many requests it stands for.
    pub requests: i64,
    /// Through which protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub door: Option<String>,
    /// In which request; of several, in the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// From which address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
    /// By which program, as that says.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// What else there is to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    pub details: Option<Json>,
}

/// A page of the audit trail.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct AuditList {
    /// The entries, the newest first.
    pub items: Vec<AuditEntryView>,
    /// Continues the list; empty at its end.
    pub next_page_token: String,
}

impl From<&AuditView> for AuditEntryView {
    fn from(view: &AuditView) -> Self {
        let entry = &view.record.entry;
        let by =
            |id: crate::domain::access::PrincipalId| PrincipalName { id: id.to_string(), handle: view.handle.clone() };
        let of = |id: crate::domain::access::WorkspaceId| {
            view.workspace.as_ref().map_or_else(|| id.to_string(), ToString::to_string)
        };
        Self {
            id: view.record.id.to_string(),
            at: entry.at,
            ended_at: entry.ended_at,
            action: entry.action.name().to_owned(),
            outcome: entry.outcome.name().to_owned(),
            principal: entry.principal_id.map(by),
            token_id: entry.token_id.map(|id| id.to_string()),
            workspace: entry.workspace_id.map(of),
            root_id: entry.root_id.map(|id| id.to_string()),
            node_id: entry.node_id.map(|id| id.to_string()),
            path: entry.path.clone(),
            bytes: entry.bytes,
            requests: entry.requests,
            door: entry.door.clone(),
            request_id: entry.request_id.clone(),
            peer: entry.peer.clone(),
            agent: entry.agent.clone(),
            details: entry.details.clone(),
        }
    }
}

/// Lists the audit trail, the newest entries first. Needs `audit` in the registry, or in the workspace or for the model that is named.
#[utoipa::path(
    get, path = "/audit", operation_id = "listAudit", tag = "audit",
    params(AuditOptions, Paging),
    responses((status = 200, description = "A page.", body = AuditList), AccountSearchErrors),
)]
pub async fn list_audit(
    caller: Caller,
    wanted: Query<AuditOptions>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let page = caller.registry.audit.list_audit(&caller.context, wanted.read()?, paging.request()?).await?;
    let items = page.items.iter().map(AuditEntryView::from).collect();
    Ok(HttpResponse::Ok().json(AuditList { items, next_page_token: next_token(page.next.as_ref()) }))
}

/// Sends all wanted entries of the audit trail, the newest first, each as a line of JSON.
#[utoipa::path(
    get, path = "/audit/export", operation_id = "exportAudit", tag = "audit",
    params(AuditOptions),
    responses(
        (status = 200, description = "Each line is an entry as `listAudit` shows it.", content_type = "application/x-ndjson", body = String),
        AccountSearchErrors,
    ),
)]
pub async fn export_audit(caller: Caller, wanted: Query<AuditOptions>) -> Result<HttpResponse, Problem> {
    let entries = caller.registry.audit.export_audit(&caller.context, wanted.read()?).await?;
    let lines = entries.map(|batch| batch.and_then(|batch| lines(&batch)));
    Ok(HttpResponse::Ok().content_type(LINES).streaming(logged(lines)))
}

fn lines(batch: &[AuditView]) -> Result<Bytes> {
    let mut lines = Vec::new();
    for view in batch {
        serde_json::to_writer(&mut lines, &AuditEntryView::from(view))
            .map_err(|error| Error::internal("an entry of the audit trail is no JSON").caused_by(error))?;
        lines.push(b'\n');
    }
    Ok(lines.into())
}

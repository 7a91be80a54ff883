//! The approval of versions: what was decided, by whom and why, and what stands in the way.

use actix_web::web::{Json, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::body::read;
use super::enums::{ApprovalName, GateName};
use super::errors::{ApprovalErrors, ReadErrors};
use super::models::version_segments;
use super::request::ConditionHeaders;
use crate::domain::{ApprovalState, Result};
use crate::http::caller::Caller;
use crate::http::conditional::{conditions, with_etag};
use crate::http::problem::Problem;
use crate::registry::approvals::{Approval, NewStep};

/// The approval of a version.
#[derive(Debug, Serialize, ToSchema)]
pub struct ApprovalView {
    /// Its state; `draft` where nobody has set one.
    #[schema(value_type = ApprovalName)]
    state: &'static str,
    /// Who set it last.
    #[serde(skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// When.
    #[serde(skip_serializing_if = "Option::is_none")]
    at: Option<i64>,
    /// Why, in their words.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    /// What stands in the way of the version.
    gates: Vec<GateView>,
}

/// Something that stands in the way of a version.
#[derive(Debug, Serialize, ToSchema)]
pub struct GateView {
    /// `quarantined`: one of its files is quarantined, so that it is not approved and gets no alias. `not_approved`: it gets no protected
    /// alias of its model. `author`: the policy of the model forbids the caller to approve it.
    #[schema(value_type = GateName)]
    gate: &'static str,
    /// A sentence about it.
    detail: String,
}

impl From<Approval> for ApprovalView {
    fn from(approval: Approval) -> Self {
        let gates = approval.gates.into_iter().map(|(gate, detail)| GateView { gate: gate.name(), detail });
        let (by, at, note) = match approval.step {
            Some(step) => (Some(step.by), Some(step.at), step.note),
            None => (None, None, None),
        };
        Self { state: approval.state.name(), by, at, note, gates: gates.collect() }
    }
}

/// The next step of an approval.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(example = json!({"state": "approved", "note": "meets the limits of the risk board"}))]
pub struct SetApproval {
    /// The state that the version is to have.
    #[schema(value_type = ApprovalName)]
    state: String,
    /// Why.
    #[serde(default)]
    #[schema(max_length = 4096)]
    note: Option<String>,
}

/// Shows the approval of a version, and what stands in the way of it. Its ETag is that of the version.
#[utoipa::path(
    get, path = "/models/{model}/versions/{version}/approval", operation_id = "getApproval", tag = "models",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("version" = String, Path, description = "Name of the version, `latest`, `@` and an alias, or `@name:` and a name."),
    ),
    responses(
        (status = 200, description = "The approval.", body = ApprovalView),
        ReadErrors,
    ),
)]
pub async fn get_approval(caller: Caller, segments: Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (model, version) = version_segments(segments)?;
    let approval = caller.registry.models.approval(&caller.context, &model, &version).await?;
    Ok(answer(approval))
}

/// Takes the next step of a version's approval: asks for a review, approves, rejects, or takes it back.
///
/// To bring a version to `draft` or `in_review` takes the permission `write`. To approve or reject it takes `promote`, and so does taking an
/// approval back. An approved version keeps its files: none is stored, replaced or removed. With `If-Match` and the `ETag` of the version what is approved is
/// what was looked at.
#[utoipa::path(
    post, path = "/models/{model}/versions/{version}/approval", operation_id = "setApproval", tag = "models",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("version" = String, Path, description = "Name of the version, `latest`, `@` and an alias, or `@name:` and a name."),
        ConditionHeaders,
    ),
    request_body = SetApproval,
    responses(
        (status = 200, description = "The approval as it is now.", body = ApprovalView),
        ApprovalErrors,
    ),
)]
pub async fn set_approval(
    caller: Caller,
    segments: Path<(String, String)>,
    body: Json<Map<String, Value>>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (model, version) = version_segments(segments)?;
    let SetApproval { state, note } = read(body)?;
    let state: ApprovalState = state.parse()?;
    let step = NewStep { state, note: note.filter(|note| !note.is_empty()), conditions: conditions(&request)? };
    let approval = caller.registry.models.set_approval(&caller.context, &model, &version, step).await?;
    Ok(answer(approval))
}

fn answer(approval: Approval) -> HttpResponse {
    let tag = approval.tag.clone();
    with_etag(tag, &ApprovalView::from(approval))
}

//! Policies tried out on the files that are there.

use actix_web::HttpResponse;
use actix_web::web::{Json, Path, Query};
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::Paging;
use super::enums::ActName;
use super::errors::DryRunErrors;
use super::models::model_segment;
use super::policy::{PolicyBody, read_policy};
use super::wire::id_and_name;
use crate::domain::Result;
use crate::domain::policy::Act;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::policy_dry_run::TriedFile;

/// What a policy would do with a file.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TriedFileView {
    /// The id of the version that owns its artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    version_id: Option<String>,
    /// The name of that version.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// The id of the artifact that holds it.
    artifact_id: String,
    /// Its path below the artifact.
    path: String,
    /// What is done with it now.
    #[schema(value_type = ActName)]
    current: &'static str,
    /// What would be done with it. What would be refused is quarantined, because it is there already.
    #[schema(value_type = ActName)]
    act: &'static str,
    /// Why it would be marked, quarantined or refused.
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
}

/// How many files of a page would be treated how.
#[derive(Debug, Default, Serialize, ToSchema)]
pub struct ActCounts {
    /// Served as any other.
    allow: u64,
    /// Served, and marked.
    warn: u64,
    /// Quarantined.
    quarantine: u64,
    /// Refused, and quarantined where they are there already.
    refuse: u64,
}

/// A page of files, ordered by artifact and path.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TriedFileList {
    /// The files.
    items: Vec<TriedFileView>,
    /// How many of them would be treated how.
    counts: ActCounts,
    /// Continues the list; empty at its end.
    next_page_token: String,
}

impl From<&TriedFile> for TriedFileView {
    fn from(tried: &TriedFile) -> Self {
        let (version_id, version) = id_and_name(tried.version.as_ref());
        Self {
            version_id,
            version,
            artifact_id: tried.file.node_id.to_string(),
            path: tried.file.path.to_string(),
            current: tried.current.name(),
            act: tried.decision.act.name(),
            reason: tried.decision.reason.clone(),
        }
    }
}

impl ActCounts {
    fn of(files: &[TriedFile]) -> Self {
        let mut counts = Self::default();
        for tried in files {
            let count = match tried.decision.act {
                Act::Allow => &mut counts.allow,
                Act::Warn => &mut counts.warn,
                Act::Quarantine => &mut counts.quarantine,
                Act::Refuse => &mut counts.refuse,
            };
            *count += 1;
        }
        counts
    }
}

/// Says what would be done with the files of a model if it had this policy, and changes nothing.
///
/// Files that were never inspected are left out; of a page that has such, there are fewer items. With `pageSize=10000` the counts are those of
/// up to that many files at once.
#[utoipa::path(
    post, path = "/models/{model}/policy/dry-run", operation_id = "tryPolicy", tag = "models",
    params(("model" = String, Path, description = "Name of the registered model."), Paging),
    request_body = PolicyBody,
    responses(
        (status = 200, description = "A page.", body = TriedFileList),
        DryRunErrors,
    ),
)]
pub async fn try_policy(
    caller: Caller,
    model: Path<String>,
    paging: Query<Paging>,
    body: Json<Map<String, Value>>,
) -> Result<HttpResponse, Problem> {
    let (model, policy) = (model_segment(&model)?, read_policy(body)?);
    let token = paging.next_page_token()?.map(str::to_owned);
    let inspections = &caller.registry.inspections;
    let tried = inspections.try_model_policy(&caller.context, &model, policy, paging.size(), token).await?;
    Ok(HttpResponse::Ok().json(TriedFileList {
        items: tried.files.iter().map(TriedFileView::from).collect(),
        counts: ActCounts::of(&tried.files),
        next_page_token: tried.next.unwrap_or_default(),
    }))
}

//! Background jobs of every kind.

use actix_web::web::{Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answers;
use super::enums::JobStateName;
use super::errors::{ListModelsErrors, RetryErrors};
use super::imports::{ProgressView, token};
use super::request::KnownHeaders;
use super::{Paging, cut};
use crate::domain::value::{check_text, find_named};
use crate::domain::{Job, JobState, Result};
use crate::http::caller::Caller;
use crate::http::problem::Problem;

/// Which jobs are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct JobFilter {
    /// Of this kind.
    kind: Option<String>,
    /// In this state.
    #[param(inline, value_type = Option<JobStateName>)]
    state: Option<String>,
}

/// A job as it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobView {
    /// Its id.
    pub id: String,
    /// Its kind, which says what it does.
    pub kind: String,
    /// Its state.
    #[schema(value_type = JobStateName)]
    pub state: &'static str,
    /// On whose behalf it works.
    pub actor: String,
    /// Its progress.
    pub progress: ProgressView,
    /// How often it was started.
    pub attempts: i64,
    /// Whether it was cancelled, and its worker may not know yet.
    pub cancelling: bool,
    /// Why it failed, or why its last attempt did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// When it was asked for.
    pub created_at: i64,
    /// When it was first started.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started_at: Option<i64>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<i64>,
}

/// A page of jobs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobList {
    /// The jobs, the newest first.
    pub items: Vec<JobView>,
    /// Continues the list; empty at its end.
    pub next_page_token: String,
}

impl From<&Job> for JobView {
    fn from(job: &Job) -> Self {
        Self {
            id: job.id.to_string(),
            kind: job.kind.clone(),
            state: job.state.name(),
            actor: job.actor.clone(),
            progress: ProgressView::from(&job.progress),
            attempts: job.attempts,
            cancelling: job.cancel_requested && job.state == JobState::Running,
            error: job.error.clone(),
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
        }
    }
}

/// Lists the caller's jobs of every kind, the newest first; for whoever manages the registry those of everybody. Those that ended long
/// ago are forgotten.
#[utoipa::path(
    get, path = "/jobs", operation_id = "listJobs", tag = "jobs",
    params(JobFilter, Paging, KnownHeaders),
    responses(
        (status = 200, description = "A page.", body = JobList),
        (status = 304, description = "The client has it."),
        ListModelsErrors,
    ),
)]
pub async fn list_jobs(
    caller: Caller,
    filter: Query<JobFilter>,
    paging: Query<Paging>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let JobFilter { kind, state } = filter.into_inner();
    kind.as_deref().map_or(Ok(()), |kind| check_text("kind", kind))?;
    let state = state.map(|state| find_named(&JobState::ALL, JobState::name, "state", &state)).transpose()?;
    let before = paging.next_page_token()?.map(token).transpose()?;
    let size = paging.size();
    let mut jobs = caller.registry.jobs.list_all_jobs(&caller.context, kind, state, before, size.get() + 1).await?;
    let next_page_token = cut(&mut jobs, size, |job| job.id.to_string());
    Ok(answers::json(&request, &JobList { items: jobs.iter().map(JobView::from).collect(), next_page_token })?)
}

/// Does the work of a job again that failed or was cancelled, as a new job on behalf of the caller, which is answered. The old one stays in the list.
///
/// What an import brought before is not brought twice. Only imports and the reevaluation of files by a changed policy can be repeated.
#[utoipa::path(
    post, path = "/jobs/{id}/retry", operation_id = "retryJob", tag = "jobs",
    params(("id" = String, Path, description = "Id of the job.", pattern = "^[1-9][0-9]{0,17}$")),
    responses(
        (status = 202, description = "The new job.", body = JobView),
        RetryErrors,
    ),
)]
pub async fn retry_job(caller: Caller, id: Path<String>) -> Result<HttpResponse, Problem> {
    let job = caller.registry.jobs.retry_job(&caller.context, id.parse()?).await?;
    Ok(HttpResponse::Accepted().json(JobView::from(&job)))
}

//! Imports from other MLflow tracking servers: started, listed, looked at and cancelled.

use actix_web::http::header::LOCATION;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::enums::JobStateName;
use super::errors::{CancelImportErrors, ImportListErrors, MlflowImportErrors, ReadErrors};
use super::imports::{ProgressView, token};
use super::location::relative;
use super::{Paging, cut};
use crate::domain::imports::mlflow::{ImportedKind, MLFLOW_IMPORT, MlflowImport, MlflowReport};
use crate::domain::{Error, Job, JobState, Result};
use crate::http::caller::Caller;
use crate::http::problem::Problem;

/// What is to be imported.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StartMlflowImport {
    /// The name of the tracking server in the settings, `[imports.mlflow]`.
    source: String,
    /// Experiments by their names, with their runs and logged models. Everything, where neither experiments nor models are named.
    #[serde(default)]
    #[schema(max_items = 1000)]
    experiments: Vec<String>,
    /// Registered models and prompts by their names.
    #[serde(default)]
    #[schema(max_items = 1000)]
    models: Vec<String>,
    /// Whether it is only said what there is.
    #[serde(default)]
    dry_run: bool,
}

/// An import as it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MlflowImportView {
    /// Its id.
    id: String,
    /// Its state.
    #[schema(value_type = JobStateName)]
    state: String,
    /// The name of the tracking server.
    source: String,
    /// The experiments that were named.
    experiments: Vec<String>,
    /// The models that were named.
    models: Vec<String>,
    /// Whether it is only said what there is.
    dry_run: bool,
    /// Its progress.
    progress: ProgressView,
    /// How often it was started.
    attempts: i64,
    /// Whether it was cancelled, and its worker may not know yet.
    cancelling: bool,
    /// How many of each kind became what.
    counts: Vec<ImportCountsView>,
    /// How many bytes were fetched.
    bytes: u64,
    /// Remarks on single things, the first thousand: why they stay there, or what is different here.
    remarks: Vec<ImportRemarkView>,
    /// How many remarks there were.
    remarked: u64,
    /// Why it failed, or why its last attempt did.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    /// When it was asked for.
    created_at: i64,
    /// When it was first started.
    #[serde(skip_serializing_if = "Option::is_none")]
    started_at: Option<i64>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    finished_at: Option<i64>,
}

/// How many of a kind became what.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportCountsView {
    /// `experiments`, `runs`, `logged models`, `registered models`, `prompts`, `versions` or `files`.
    kind: String,
    /// They are here now; with a dry run, they would be.
    imported: u64,
    /// They were here, and are as they are there now.
    updated: u64,
    /// They were here as they are there.
    unchanged: u64,
    /// They stay there, wholly or in part.
    left: u64,
}

/// A remark on one thing.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportRemarkView {
    /// `experiment`, `run`, `logged model`, `registered model`, `prompt`, `version` or `file`.
    kind: String,
    /// Its name or its id.
    id: String,
    /// The remark.
    message: String,
}

/// A page of imports.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MlflowImportList {
    /// The imports, the newest first.
    items: Vec<MlflowImportView>,
    /// Continues the list; empty at its end.
    next_page_token: String,
}

/// Starts an import from another MLflow tracking server, which a worker of any replica runs soon. Starting it again imports what is new.
#[utoipa::path(
    post, path = "/imports/mlflow", operation_id = "startMlflowImport", tag = "imports",
    request_body = StartMlflowImport,
    responses(
        (status = 202, description = "Enqueued.", body = MlflowImportView, headers(("Location" = String, description = "The import."))),
        MlflowImportErrors,
    ),
)]
pub async fn start_mlflow_import(
    caller: Caller,
    body: Json<StartMlflowImport>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let StartMlflowImport { source, experiments, models, dry_run } = body.into_inner();
    let wanted = MlflowImport { source, experiments, models, dry_run };
    let job = caller.registry.imports.start_mlflow_import(&caller.context, wanted).await?;
    let location = relative(&request, &format!("imports/mlflow/{}", job.id));
    Ok(HttpResponse::Accepted().insert_header((LOCATION, location)).json(MlflowImportView::try_from(&job)?))
}

/// Lists the imports from other MLflow tracking servers, the newest first. Those that ended long ago are forgotten.
#[utoipa::path(
    get, path = "/imports/mlflow", operation_id = "listMlflowImports", tag = "imports",
    params(Paging),
    responses(
        (status = 200, description = "A page.", body = MlflowImportList),
        ImportListErrors,
    ),
)]
pub async fn list_mlflow_imports(caller: Caller, paging: Query<Paging>) -> Result<HttpResponse, Problem> {
    let before = paging.next_page_token()?.map(token).transpose()?;
    let size = paging.size();
    let mut jobs = caller.registry.jobs.list_jobs(&caller.context, MLFLOW_IMPORT, before, size.get() + 1).await?;
    let next_page_token = cut(&mut jobs, size, |job| job.id.to_string());
    let items = jobs.iter().map(MlflowImportView::try_from).collect::<Result<_>>()?;
    Ok(HttpResponse::Ok().json(MlflowImportList { items, next_page_token }))
}

/// Shows an import from another MLflow tracking server.
#[utoipa::path(
    get, path = "/imports/mlflow/{id}", operation_id = "getMlflowImport", tag = "imports",
    params(("id" = String, Path, description = "Id of the import.", pattern = "^[1-9][0-9]{0,17}$")),
    responses(
        (status = 200, description = "The import.", body = MlflowImportView),
        ReadErrors,
    ),
)]
pub async fn get_mlflow_import(caller: Caller, id: Path<String>) -> Result<HttpResponse, Problem> {
    let job = caller.registry.jobs.get_job(&caller.context, MLFLOW_IMPORT, id.parse()?).await?;
    Ok(HttpResponse::Ok().json(MlflowImportView::try_from(&job)?))
}

/// Cancels an import from another MLflow tracking server. A running one stops soon; what it has imported stays.
#[utoipa::path(
    delete, path = "/imports/mlflow/{id}", operation_id = "cancelMlflowImport", tag = "imports",
    params(("id" = String, Path, description = "Id of the import.", pattern = "^[1-9][0-9]{0,17}$")),
    responses(
        (status = 200, description = "The import.", body = MlflowImportView),
        CancelImportErrors,
    ),
)]
pub async fn cancel_mlflow_import(caller: Caller, id: Path<String>) -> Result<HttpResponse, Problem> {
    let job = caller.registry.jobs.cancel_job(&caller.context, MLFLOW_IMPORT, id.parse()?).await?;
    Ok(HttpResponse::Ok().json(MlflowImportView::try_from(&job)?))
}

impl TryFrom<&Job> for MlflowImportView {
    type Error = Error;

    fn try_from(job: &Job) -> Result<Self> {
        let unread = |error| Error::internal("the job of an import cannot be read").caused_by(error);
        let wanted: MlflowImport = serde_json::from_value(job.payload.clone()).map_err(unread)?;
        let report: MlflowReport =
            job.result.clone().map(serde_json::from_value).transpose().map_err(unread)?.unwrap_or_default();
        let counts = ImportedKind::ALL.into_iter().filter_map(|kind| {
            let counts = report.counts.get(&kind)?;
            Some(ImportCountsView {
                kind: kind.plural().to_owned(),
                imported: counts.imported,
                updated: counts.updated,
                unchanged: counts.unchanged,
                left: counts.left,
            })
        });
        let counts = counts.collect();
        let remarks = report.remarks.into_iter().map(|remark| ImportRemarkView {
            kind: remark.kind.noun().to_owned(),
            id: remark.id,
            message: remark.message,
        });
        Ok(Self {
            id: job.id.to_string(),
            state: job.state.name().to_owned(),
            source: wanted.source,
            experiments: wanted.experiments,
            models: wanted.models,
            dry_run: wanted.dry_run,
            progress: ProgressView::from(&job.progress),
            attempts: job.attempts,
            cancelling: job.cancel_requested && job.state == JobState::Running,
            counts,
            bytes: report.bytes,
            remarks: remarks.collect(),
            remarked: report.remarked,
            error: job.error.clone(),
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
        })
    }
}

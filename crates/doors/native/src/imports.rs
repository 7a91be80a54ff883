//! Imports from Intel Geti: started, listed, looked at and cancelled; and what there is to import.

use actix_web::http::header::LOCATION;
use actix_web::web::{Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::enums::{JobStateName, OutcomeName};
use super::errors::{CancelImportErrors, ImportErrors, ImportListErrors, ReadErrors, SourceErrors};
use super::location::relative;
use super::{Paging, cut};
use crate::domain::imports::{
    GETI_IMPORT, ImportReport, ImportRequest, ImportedModel, ModelRef, RemoteModel, RemoteProject, RemoteVersion,
};
use crate::domain::{Error, Job, JobId, JobProgress, JobState, Result};
use crate::http::caller::Caller;
use crate::http::problem::Problem;

/// The most models that one import names.
const MAX_MODELS: usize = 1000;

/// What is to be imported.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct StartImport {
    /// The name of the Geti server in the settings; the first one when it is not given.
    server: Option<String>,
    /// The id of the project.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,128}$")]
    project: String,
    /// Which of its models; every one when there are none.
    #[serde(default)]
    #[schema(max_items = 1000)]
    models: Vec<WantedModel>,
}

/// A model that is wanted.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct WantedModel {
    /// The id of the optimized model, or of the variant.
    #[schema(pattern = "^[A-Za-z0-9_-]{1,128}$")]
    id: String,
    /// The id of its group: with it for every model, other groups are not asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(pattern = "^[A-Za-z0-9_-]{1,128}$")]
    group_id: Option<String>,
}

/// An import as it is.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportView {
    /// Its id.
    pub id: String,
    /// Its state.
    #[schema(value_type = JobStateName)]
    pub state: String,
    /// The name of the Geti server.
    pub server: String,
    /// The id of the project.
    pub project: String,
    /// The models that were named.
    pub models: Vec<WantedModel>,
    /// Its progress.
    pub progress: ProgressView,
    /// How often it was started.
    pub attempts: i64,
    /// Whether it was cancelled, and its worker may not know yet.
    pub cancelling: bool,
    /// The outcome for each model.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub results: Vec<ResultView>,
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

/// The progress of a job.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProgressView {
    /// How much is done; of an import, how many models.
    pub done: i64,
    /// Out of how much, once that is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total: Option<i64>,
    /// What is being done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

/// The outcome for one model.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResultView {
    /// Its id in Geti.
    pub id: String,
    /// Its name in Geti.
    pub name: String,
    /// What became of it.
    #[schema(value_type = OutcomeName)]
    pub outcome: String,
    /// The registered model that it is a version of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The name of the version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The id of its model artifact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_id: Option<String>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A page of imports.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImportList {
    /// The imports, the newest first.
    pub items: Vec<ImportView>,
    /// Continues the list; empty at its end.
    pub next_page_token: String,
}

/// The projects of a Geti server.
#[derive(Debug, Serialize, ToSchema)]
pub struct ProjectList {
    /// The projects.
    pub items: Vec<ProjectView>,
}

/// A project of Geti.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectView {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was made, in Geti's words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<String>,
    /// What can be imported.
    pub models: Vec<ProjectModel>,
}

/// A model that can be imported.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProjectModel {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The id of its group.
    pub group_id: String,
    /// The name of its group, which is its architecture.
    pub group: String,
    /// The number of its version.
    pub version: i64,
}

/// Which server is meant.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ServerOption {
    /// The name of the Geti server in the settings; the first one when it is not given.
    server: Option<String>,
}

/// Starts an import, which a worker of any replica runs soon. Starting it twice imports each model once.
#[utoipa::path(
    post, path = "/imports", operation_id = "startImport", tag = "imports",
    request_body = StartImport,
    responses(
        (status = 202, description = "Enqueued.", body = ImportView, headers(("Location" = String, description = "The import."))),
        ImportErrors,
    ),
)]
pub async fn start_import(
    caller: Caller,
    body: Json<StartImport>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let StartImport { server, project, models } = body.into_inner();
    if models.len() > MAX_MODELS {
        return Err(Error::invalid("models", format!("more than {MAX_MODELS} models are named")).into());
    }
    let models = models.into_iter().map(|model| ModelRef { id: model.id, group: model.group_id }).collect();
    let job = caller.registry.imports.start_import(&caller.context, server.as_deref(), project, models).await?;
    let location = relative(&request, &format!("imports/{}", job.id));
    Ok(HttpResponse::Accepted().insert_header((LOCATION, location)).json(ImportView::try_from(&job)?))
}

/// Lists the imports, the newest first. Those that ended long ago are forgotten.
#[utoipa::path(
    get, path = "/imports", operation_id = "listImports", tag = "imports",
    params(Paging),
    responses(
        (status = 200, description = "A page.", body = ImportList),
        ImportListErrors,
    ),
)]
pub async fn list_imports(caller: Caller, paging: Query<Paging>) -> Result<HttpResponse, Problem> {
    let before = paging.next_page_token()?.map(token).transpose()?;
    let size = paging.size();
    let mut jobs = caller.registry.jobs.list_jobs(&caller.context, GETI_IMPORT, before, size.get() + 1).await?;
    let next_page_token = cut(&mut jobs, size, |job| job.id.to_string());
    let items = jobs.iter().map(ImportView::try_from).collect::<Result<_>>()?;
    Ok(HttpResponse::Ok().json(ImportList { items, next_page_token }))
}

/// The job before which a page begins.
pub(super) fn token(text: &str) -> Result<JobId> {
    text.parse().map_err(|_| Error::invalid("nextPageToken", format!("page token `{}` is broken", text.escape_debug())))
}

/// Shows an import.
#[utoipa::path(
    get, path = "/imports/{id}", operation_id = "getImport", tag = "imports",
    params(("id" = String, Path, description = "Id of the import.", pattern = "^[1-9][0-9]{0,17}$")),
    responses(
        (status = 200, description = "The import.", body = ImportView),
        ReadErrors,
    ),
)]
pub async fn get_import(caller: Caller, id: Path<String>) -> Result<HttpResponse, Problem> {
    let job = caller.registry.jobs.get_job(&caller.context, GETI_IMPORT, id.parse()?).await?;
    Ok(HttpResponse::Ok().json(ImportView::try_from(&job)?))
}

/// Cancels an import. A running one stops soon; what it has imported stays.
#[utoipa::path(
    delete, path = "/imports/{id}", operation_id = "cancelImport", tag = "imports",
    params(("id" = String, Path, description = "Id of the import.", pattern = "^[1-9][0-9]{0,17}$")),
    responses(
        (status = 200, description = "The import.", body = ImportView),
        CancelImportErrors,
    ),
)]
pub async fn cancel_import(caller: Caller, id: Path<String>) -> Result<HttpResponse, Problem> {
    let job = caller.registry.jobs.cancel_job(&caller.context, GETI_IMPORT, id.parse()?).await?;
    Ok(HttpResponse::Ok().json(ImportView::try_from(&job)?))
}

/// Asks a Geti server for its projects and what of them can be imported.
#[utoipa::path(
    get, path = "/imports/geti/projects", operation_id = "listGetiProjects", tag = "imports",
    params(ServerOption),
    responses(
        (status = 200, description = "The projects.", body = ProjectList),
        SourceErrors,
    ),
)]
pub async fn list_geti_projects(caller: Caller, of: Query<ServerOption>) -> Result<HttpResponse, Problem> {
    let projects = caller.registry.imports.geti_projects(&caller.context, of.server.as_deref()).await?;
    Ok(HttpResponse::Ok().json(ProjectList { items: projects.iter().map(ProjectView::from).collect() }))
}

/// Asks a Geti server for one project and what of it can be imported.
#[utoipa::path(
    get, path = "/imports/geti/projects/{id}", operation_id = "getGetiProject", tag = "imports",
    params(("id" = String, Path, description = "Id of the project.", pattern = "^[A-Za-z0-9_-]{1,128}$"), ServerOption),
    responses(
        (status = 200, description = "The project.", body = ProjectView),
        SourceErrors,
    ),
)]
pub async fn get_geti_project(
    caller: Caller,
    id: Path<String>,
    of: Query<ServerOption>,
) -> Result<HttpResponse, Problem> {
    let project = caller.registry.imports.geti_project(&caller.context, of.server.as_deref(), &id).await?;
    Ok(HttpResponse::Ok().json(ProjectView::from(&project)))
}

impl From<&JobProgress> for ProgressView {
    fn from(progress: &JobProgress) -> Self {
        Self { done: progress.done, total: progress.total, message: progress.message.clone() }
    }
}

impl TryFrom<&Job> for ImportView {
    type Error = Error;

    fn try_from(job: &Job) -> Result<Self> {
        let unread = |error| Error::internal("the job of an import cannot be read").caused_by(error);
        let request: ImportRequest = serde_json::from_value(job.payload.clone()).map_err(unread)?;
        let report: ImportReport =
            job.result.clone().map(serde_json::from_value).transpose().map_err(unread)?.unwrap_or_default();
        let model = |model: ModelRef| WantedModel { id: model.id, group_id: model.group };
        Ok(Self {
            id: job.id.to_string(),
            state: job.state.name().to_owned(),
            server: request.server,
            project: request.project,
            models: request.models.into_iter().map(model).collect(),
            progress: ProgressView::from(&job.progress),
            attempts: job.attempts,
            cancelling: job.cancel_requested && job.state == JobState::Running,
            results: results(report),
            error: job.error.clone(),
            created_at: job.created_at,
            started_at: job.started_at,
            finished_at: job.finished_at,
        })
    }
}

fn results(report: ImportReport) -> Vec<ResultView> {
    let result = |model: ImportedModel| ResultView {
        outcome: model.outcome.name().to_owned(),
        id: model.id,
        name: model.name,
        model: model.model,
        version: model.version,
        artifact_id: model.artifact_id,
        error: model.error,
    };
    report.models.into_iter().map(result).collect()
}

impl From<&RemoteProject> for ProjectView {
    fn from(project: &RemoteProject) -> Self {
        let models = project.groups.iter().flat_map(|group| {
            let of_version = move |version: &RemoteVersion| {
                let model = |model: &RemoteModel| ProjectModel {
                    id: model.id.clone(),
                    name: model.name.clone(),
                    group_id: group.id.clone(),
                    group: group.name.clone(),
                    version: version.version,
                };
                version.models.iter().map(model).collect::<Vec<_>>()
            };
            group.versions.iter().flat_map(of_version)
        });
        Self {
            models: models.collect(),
            id: project.id.clone(),
            name: project.name.clone(),
            creation_time: project.creation_time.clone(),
        }
    }
}

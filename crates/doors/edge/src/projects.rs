//! Projects of Intel Geti, and their models brought in by a job that the request waits for.

use std::collections::BTreeSet;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use utoipa::ToSchema;

use super::EdgeOptions;
use super::errors::{EdgeError, TEXT};
use crate::domain::imports::{ModelRef, RemoteGroup, RemoteModel, RemoteProject, RemoteVersion};
use crate::domain::record::RecordId;
use crate::domain::{Error, ErrorKind, JobState};
use crate::http::caller::Caller;
use crate::http::problem::report;

/// A project with the models that it has for OpenVINO.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ProjectOut {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was created.
    pub creation_time: String,
    /// Its models by architecture.
    pub model_groups: Vec<ModelGroupOut>,
}

/// The models of one architecture.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ModelGroupOut {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its models.
    pub model_versions: Vec<ModelVersionOut>,
}

/// A model as it was trained.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct ModelVersionOut {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// How often its group was trained by then.
    pub version: i64,
    /// What was made of it for OpenVINO.
    pub openvino_models: Vec<OptimizedModelOut>,
}

/// A model made for OpenVINO.
#[derive(Debug, Clone, PartialEq, Serialize, ToSchema)]
pub struct OptimizedModelOut {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// Which models are to be registered.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
pub struct WantedModels {
    /// The models.
    pub models: Vec<WantedModel>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, ToSchema)]
pub struct WantedModel {
    /// The id of the model made for OpenVINO.
    pub id: String,
    /// The id of its group.
    pub group_id: String,
}

impl From<RemoteProject> for ProjectOut {
    fn from(project: RemoteProject) -> Self {
        let models = |models: Vec<RemoteModel>| {
            models.into_iter().map(|RemoteModel { id, name }| OptimizedModelOut { id, name })
        };
        let versions = |versions: Vec<RemoteVersion>| {
            versions.into_iter().map(|version| ModelVersionOut {
                id: version.id,
                name: version.name,
                version: version.version,
                openvino_models: models(version.models).collect(),
            })
        };
        let group = |group: RemoteGroup| ModelGroupOut {
            id: group.id,
            name: group.name,
            model_versions: versions(group.versions).collect(),
        };
        Self {
            id: project.id,
            name: project.name,
            creation_time: project.creation_time.unwrap_or_default(),
            model_groups: project.groups.into_iter().map(group).collect(),
        }
    }
}

const NOTE: &str = "Note: Only OpenVINO optimized active models are supported at this time.";

/// The error of a request to Geti: no server in the settings, or the error of that server.
fn failed(error: Error) -> EdgeError {
    match error.kind() {
        ErrorKind::NotFound => not_found(),
        ErrorKind::Upstream | ErrorKind::UpstreamUnavailable => {
            EdgeError::Text(StatusCode::BAD_GATEWAY, report(&error).to_owned())
        }
        ErrorKind::InvalidState => {
            let message = "No Geti server is set. These environment variables say which: GETI_HOST, GETI_TOKEN, \
                           GETI_SERVER_API_VERSION, GETI_ORGANIZATION_ID, GETI_WORKSPACE_ID";
            EdgeError::Exception("ValueError", message.to_owned())
        }
        _ => EdgeError::Registry(error),
    }
}

fn not_found() -> EdgeError {
    EdgeError::Text(StatusCode::NOT_FOUND, "Project or model id not found. No model(s) registered.".to_owned())
}

/// These models are here already, and nothing was done.
fn registered(ids: &[String]) -> EdgeError {
    let verb = if ids.len() == 1 { "is" } else { "are" };
    let text = format!(
        "Model(s): {} {verb} already registered. No model(s) registered.\nTip: Delete the previously mentioned model(s) or \
         remove the id(s) from the request body then try again.",
        ids.join(", ")
    );
    EdgeError::Text(StatusCode::CONFLICT, text)
}

fn id(request: &HttpRequest) -> Result<RecordId, EdgeError> {
    let invalid_id = |_| EdgeError::detail(StatusCode::BAD_REQUEST, "Invalid format for project ID.");
    request.match_info().get("project_id").unwrap_or_default().parse().map_err(invalid_id)
}

/// Lists the projects of the Geti server.
#[utoipa::path(
    get, path = "/projects", operation_id = "listProjects", tag = "projects",
    responses(
        (status = 200, description = "The projects.", body = Vec<ProjectOut>),
        (status = 500, description = "No Geti server is set.", body = String, content_type = "text/plain"),
        (status = 502, description = "What the Geti server says.", body = String, content_type = "text/plain"),
    ),
)]
pub async fn list(caller: Caller) -> Result<HttpResponse, EdgeError> {
    let projects = caller.registry.imports.geti_projects(&caller.context, None).await.map_err(failed)?;
    Ok(HttpResponse::Ok().json(projects.into_iter().map(ProjectOut::from).collect::<Vec<_>>()))
}

/// Reads a project of the Geti server.
#[utoipa::path(
    get, path = "/projects/{project_id}", operation_id = "getProject", tag = "projects",
    params(("project_id" = String, Path, description = "The project's id.", min_length = 16, max_length = 256, pattern = "^[A-Za-z0-9_-]+$")),
    responses(
        (status = 200, description = "The project.", body = ProjectOut),
        (status = 400, description = "The id is malformed.", body = super::document::Detail),
        (status = 404, description = "There is no such project.", body = String, content_type = "text/plain"),
        (status = 500, description = "No Geti server is set.", body = String, content_type = "text/plain"),
        (status = 502, description = "What the Geti server says.", body = String, content_type = "text/plain"),
    ),
)]
pub async fn get(caller: Caller, request: HttpRequest) -> Result<HttpResponse, EdgeError> {
    let found = caller.registry.imports.geti_project(&caller.context, None, id(&request)?.as_str()).await;
    let project = found.map_err(|error| match error.kind() {
        ErrorKind::NotFound => EdgeError::line(StatusCode::NOT_FOUND, "Project not found."),
        _ => failed(error),
    })?;
    Ok(HttpResponse::Ok().json(ProjectOut::from(project)))
}

/// Registers models of a project of the Geti server.
#[utoipa::path(
    post, path = "/projects/{project_id}/geti-models/download", operation_id = "importModels", tag = "projects",
    params(("project_id" = String, Path, description = "The project's id.", min_length = 16, max_length = 256, pattern = "^[A-Za-z0-9_-]+$")),
    request_body(content = WantedModels),
    responses(
        (status = 201, description = "They are registered.", body = String, content_type = "text/plain"),
        (status = 400, description = "The id is malformed.", body = super::document::Detail),
        (status = 403, description = "No model is named.", body = String, content_type = "text/plain"),
        (status = 404, description = "There is no such project or model.", body = String, content_type = "text/plain"),
        (status = 409, description = "Some are registered already.", body = String, content_type = "text/plain"),
        (status = 413, description = "The body is too large.", body = super::document::Detail),
        (status = 422, description = "The body says something else.", body = super::document::Detail),
        (status = 500, description = "No Geti server is set.", body = String, content_type = "text/plain"),
        (status = 502, description = "What the Geti server says.", body = String, content_type = "text/plain"),
    ),
)]
pub async fn import(
    caller: Caller,
    request: HttpRequest,
    mut payload: Payload,
    options: Data<EdgeOptions>,
) -> Result<HttpResponse, EdgeError> {
    let project = id(&request)?;
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let malformed_body = |_| EdgeError::detail(StatusCode::BAD_REQUEST, "There was an error parsing the body");
        body.extend_from_slice(&chunk.map_err(malformed_body)?);
        if body.len() > options.form_limit_bytes {
            return Err(EdgeError::detail(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large."));
        }
    }
    let models = parse_models(&body)?;
    if models.is_empty() {
        return Err(EdgeError::Text(StatusCode::FORBIDDEN, format!("Model(s):  can not be registered.\n{NOTE}\n")));
    }
    let ids = import_models(&caller, project.as_str(), models).await?;
    let text = format!("Model(s): {} registered.\n{NOTE}\n", ids.join(", "));
    Ok(HttpResponse::Created().content_type(TEXT).body(text))
}

/// Waits for the job that imports the models, all of which must be the project's and none of which may be here. Returns
/// their ids.
async fn import_models(caller: &Caller, project: &str, models: Vec<WantedModel>) -> Result<Vec<String>, EdgeError> {
    let ids: BTreeSet<String> = models.iter().map(|model| model.id.clone()).collect();
    let ids: Vec<String> = ids.into_iter().collect();
    let known = caller.registry.imports.geti_project(&caller.context, None, project).await.map_err(failed)?;
    let offered = |wanted: &WantedModel| {
        let groups = known.groups.iter().filter(|group| group.id == wanted.group_id);
        groups.flat_map(|group| &group.versions).flat_map(|version| &version.models).any(|model| model.id == wanted.id)
    };
    if !models.iter().all(offered) {
        return Err(not_found());
    }
    let here: Vec<String> = caller
        .registry
        .imports
        .find_imported(&caller.context, ids.clone())
        .await
        .map_err(failed)?
        .into_keys()
        .collect();
    if !here.is_empty() {
        return Err(registered(&here));
    }
    let wanted = models.into_iter().map(|model| ModelRef { id: model.id, group: Some(model.group_id) }).collect();
    let job = caller
        .registry
        .imports
        .import_and_wait(&caller.context, None, project.to_owned(), wanted)
        .await
        .map_err(failed)?;
    if job.state == JobState::Succeeded {
        return Ok(ids);
    }
    let said = job.error.unwrap_or_else(|| format!("the import is {}", job.state.name()));
    Err(EdgeError::Text(StatusCode::BAD_GATEWAY, said))
}

/// The models that a body names, or what is wrong with it as FastAPI says it.
fn parse_models(body: &[u8]) -> Result<Vec<WantedModel>, EdgeError> {
    let issue = |kind: &str, place: Json, message: &str, input: &Json| json!({"type": kind, "loc": place, "msg": message, "input": input});
    let json: Json = match serde_json::from_slice(body) {
        _ if body.is_empty() => {
            return Err(EdgeError::fields(vec![issue("missing", json!(["body"]), "Field required", &Json::Null)]));
        }
        Ok(json) => json,
        Err(error) => {
            let issues = vec![issue("json_invalid", json!(["body", error.column()]), "JSON decode error", &json!({}))];
            return Err(EdgeError::fields(issues));
        }
    };
    let models = match json.get("models") {
        Some(Json::Array(models)) => models,
        Some(other) => {
            let issues = vec![issue("list_type", json!(["body", "models"]), "Input should be a valid list", other)];
            return Err(EdgeError::fields(issues));
        }
        None => {
            let issues = vec![issue("missing", json!(["body", "models"]), "Field required", &json)];
            return Err(EdgeError::fields(issues));
        }
    };
    let mut issues = Vec::new();
    let mut wanted = Vec::new();
    for (at, model) in models.iter().enumerate() {
        let mut text = |name: &str| match model.get(name) {
            Some(Json::String(text)) => Some(text.clone()),
            Some(other) => {
                let place = json!(["body", "models", at, name]);
                issues.push(issue("string_type", place, "Input should be a valid string", other));
                None
            }
            None => {
                issues.push(issue("missing", json!(["body", "models", at, name]), "Field required", model));
                None
            }
        };
        if let (Some(id), Some(group_id)) = (text("id"), text("group_id")) {
            wanted.push(WantedModel { id, group_id });
        }
    }
    if issues.is_empty() { Ok(wanted) } else { Err(EdgeError::fields(issues)) }
}

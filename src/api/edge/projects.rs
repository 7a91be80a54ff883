//! Projects of Intel Geti: validated here, answered by whoever knows the Geti server.

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web::{Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, FutureExt as _, ready};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use utoipa::ToSchema;

use super::Options;
use super::errors::{Refusal, TEXT};
use crate::domain::record::RecordId;

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

/// Why the Geti server's projects are not to be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GetiError {
    /// There is no such project, or one of the models is not among its models for OpenVINO.
    NotFound,
    /// These models are registered already; nothing was done.
    Registered(Vec<String>),
    /// The name of an exception, as the old service answered with it, and what it says.
    Failed(&'static str, String),
}

/// Knows a Geti server.
pub trait Geti: Send + Sync {
    /// All projects.
    fn projects(&self) -> BoxFuture<'_, Result<Vec<ProjectOut>, GetiError>>;

    /// One of them. Errors: NotFound.
    fn project(&self, id: &RecordId) -> BoxFuture<'_, Result<ProjectOut, GetiError>>;

    /// Registers models of a project, all of them or none, and gives their ids. There is at least one.
    fn import(&self, project: &RecordId, models: Vec<WantedModel>) -> BoxFuture<'_, Result<Vec<String>, GetiError>>;
}

/// No Geti server is set.
#[derive(Debug, Clone, Copy)]
pub struct Unset;

impl Unset {
    fn answer<T: Send + 'static>() -> BoxFuture<'static, Result<T, GetiError>> {
        let message = "No Geti server is set. These environment variables say which: GETI_HOST, GETI_TOKEN, \
                       GETI_SERVER_API_VERSION, GETI_ORGANIZATION_ID, GETI_WORKSPACE_ID";
        ready(Err(GetiError::Failed("ValueError", message.to_owned()))).boxed()
    }
}

impl Geti for Unset {
    fn projects(&self) -> BoxFuture<'_, Result<Vec<ProjectOut>, GetiError>> {
        Self::answer()
    }

    fn project(&self, _: &RecordId) -> BoxFuture<'_, Result<ProjectOut, GetiError>> {
        Self::answer()
    }

    fn import(&self, _: &RecordId, _: Vec<WantedModel>) -> BoxFuture<'_, Result<Vec<String>, GetiError>> {
        Self::answer()
    }
}

/// The Geti server as handlers get it.
pub type Server = Data<Arc<dyn Geti>>;

const NOTE: &str = "Note: Only OpenVINO optimized active models are supported at this time.";

impl From<GetiError> for Refusal {
    fn from(error: GetiError) -> Self {
        match error {
            GetiError::NotFound => {
                Self::Text(StatusCode::NOT_FOUND, "Project or model id not found. No model(s) registered.".to_owned())
            }
            GetiError::Registered(mut ids) => {
                ids.sort_unstable();
                let verb = if ids.len() == 1 { "is" } else { "are" };
                let text = format!(
                    "Model(s): {} {verb} already registered. No model(s) registered.\nTip: Delete the previously mentioned \
                     model(s) or remove the id(s) from the request body then try again.",
                    ids.join(", ")
                );
                Self::Text(StatusCode::CONFLICT, text)
            }
            GetiError::Failed(name, message) => Self::Exception(name, message),
        }
    }
}

fn id(request: &HttpRequest) -> Result<RecordId, Refusal> {
    let refuse = |_| Refusal::detail(StatusCode::BAD_REQUEST, "Invalid format for project ID.");
    request.match_info().get("project_id").unwrap_or_default().parse().map_err(refuse)
}

/// Lists the projects of the Geti server.
#[utoipa::path(
    get, path = "/projects", operation_id = "listProjects", tag = "projects",
    responses(
        (status = 200, description = "The projects.", body = Vec<ProjectOut>),
        (status = 500, description = "No Geti server is set, or it fails.", body = String, content_type = "text/plain"),
    ),
)]
pub async fn list(geti: Server) -> Result<HttpResponse, Refusal> {
    Ok(HttpResponse::Ok().json(geti.projects().await?))
}

/// Reads a project of the Geti server.
#[utoipa::path(
    get, path = "/projects/{project_id}", operation_id = "getProject", tag = "projects",
    params(("project_id" = String, Path, description = "The project's id.", min_length = 16, max_length = 256, pattern = "^[A-Za-z0-9_-]+$")),
    responses(
        (status = 200, description = "The project.", body = ProjectOut),
        (status = 400, description = "That is no id.", body = super::document::Detail),
        (status = 404, description = "There is no such project.", body = String, content_type = "text/plain"),
        (status = 500, description = "No Geti server is set, or it fails.", body = String, content_type = "text/plain"),
    ),
)]
pub async fn get(geti: Server, request: HttpRequest) -> Result<HttpResponse, Refusal> {
    let project = geti.project(&id(&request)?).await.map_err(|error| match error {
        GetiError::NotFound => Refusal::line(StatusCode::NOT_FOUND, "Project not found."),
        other => other.into(),
    })?;
    Ok(HttpResponse::Ok().json(project))
}

/// Registers models of a project of the Geti server.
#[utoipa::path(
    post, path = "/projects/{project_id}/geti-models/download", operation_id = "importModels", tag = "projects",
    params(("project_id" = String, Path, description = "The project's id.", min_length = 16, max_length = 256, pattern = "^[A-Za-z0-9_-]+$")),
    request_body(content = WantedModels),
    responses(
        (status = 201, description = "They are registered.", body = String, content_type = "text/plain"),
        (status = 400, description = "That is no id.", body = super::document::Detail),
        (status = 403, description = "No model is named.", body = String, content_type = "text/plain"),
        (status = 404, description = "There is no such project or model.", body = String, content_type = "text/plain"),
        (status = 409, description = "Some are registered already.", body = String, content_type = "text/plain"),
        (status = 413, description = "The body is too large.", body = super::document::Detail),
        (status = 422, description = "The body says something else.", body = super::document::Detail),
        (status = 500, description = "No Geti server is set, or it fails.", body = String, content_type = "text/plain"),
    ),
)]
pub async fn import(
    geti: Server,
    request: HttpRequest,
    mut payload: Payload,
    options: Data<Options>,
) -> Result<HttpResponse, Refusal> {
    let project = id(&request)?;
    let mut body = Vec::new();
    while let Some(chunk) = payload.next().await {
        let broken = |_| Refusal::detail(StatusCode::BAD_REQUEST, "There was an error parsing the body");
        body.extend_from_slice(&chunk.map_err(broken)?);
        if body.len() > options.form_limit_bytes {
            return Err(Refusal::detail(StatusCode::PAYLOAD_TOO_LARGE, "The body is too large."));
        }
    }
    let models = wanted(&body)?;
    if models.is_empty() {
        return Err(Refusal::Text(StatusCode::FORBIDDEN, format!("Model(s):  can not be registered.\n{NOTE}\n")));
    }
    let ids = geti.import(&project, models).await?;
    let text = format!("Model(s): {} registered.\n{NOTE}\n", ids.join(", "));
    Ok(HttpResponse::Created().content_type(TEXT).body(text))
}

/// The models that a body names, or what is wrong with it as FastAPI says it.
fn wanted(body: &[u8]) -> Result<Vec<WantedModel>, Refusal> {
    let issue = |kind: &str, place: Json, message: &str, input: &Json| json!({"type": kind, "loc": place, "msg": message, "input": input});
    let json: Json = match serde_json::from_slice(body) {
        _ if body.is_empty() => {
            return Err(Refusal::fields(vec![issue("missing", json!(["body"]), "Field required", &Json::Null)]));
        }
        Ok(json) => json,
        Err(error) => {
            let issues = vec![issue("json_invalid", json!(["body", error.column()]), "JSON decode error", &json!({}))];
            return Err(Refusal::fields(issues));
        }
    };
    let models = match json.get("models") {
        Some(Json::Array(models)) => models,
        Some(other) => {
            let issues = vec![issue("list_type", json!(["body", "models"]), "Input should be a valid list", other)];
            return Err(Refusal::fields(issues));
        }
        None => {
            let issues = vec![issue("missing", json!(["body", "models"]), "Field required", &json)];
            return Err(Refusal::fields(issues));
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
    if issues.is_empty() { Ok(wanted) } else { Err(Refusal::fields(issues)) }
}

//! Operations of MLflow's that this server does not have, some of those on data sets among them: 501 for those, 404 for what MLflow does not have either.

use actix_web::{HttpRequest, HttpResponse};

use super::error::{MlflowError, refuse};
use crate::domain::Error;

/// What the paths of operations begin with, after `/mlflow/`, that are not here.
const NOT_HERE: [&str; 19] = [
    "assistant",
    "datasets",
    "demo",
    "gateway",
    "gateway-proxy",
    "get-online-trace-details",
    "issues",
    "jobs",
    "label-schemas",
    "labeling-schemas",
    "mcp-servers",
    "prompt-optimization",
    "review-queues",
    "scorers",
    "scorer",
    "skills",
    "ui-telemetry",
    "unified-traces",
    "users",
];

/// The answer to a path that no operation has.
pub async fn answer(request: HttpRequest) -> Result<HttpResponse, MlflowError> {
    let path = request.path();
    let first = path.split_once("/mlflow/").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
    if first.is_some_and(|first| NOT_HERE.contains(&first)) {
        return Err(Error::unimplemented(format!("`{path}` is not implemented by this server")).into());
    }
    Ok(refuse(actix_web::http::StatusCode::NOT_FOUND, &format!("there is no endpoint `{path}`")))
}

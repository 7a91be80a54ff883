//! What clients ask to find out what the server is and can do.

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, Resource};
use serde_json::json;

use super::call::answer;
use super::error::Answer;
use super::pages;
use crate::registry::Registry;

/// The version of MLflow whose API this is; clients gate features by it.
const VERSION: &str = "3.17.2";

/// The routes at the server's root.
pub fn routes(service: &mut ServiceConfig) {
    service
        .service(web::resource("/version").route(web::get().to(|| async { HttpResponse::Ok().body(VERSION) })))
        .service(web::resource("/health").route(web::get().to(|| async { HttpResponse::Ok().body("OK") })));
}

/// The operations.
pub fn resources() -> Vec<Resource> {
    vec![web::resource("/mlflow/server-info").route(web::get().to(server_info))]
}

/// Whether whoever has not said who they are may ask at the route of that pattern, at the server's root or below the pages.
pub fn is_open(pattern: &str) -> bool {
    let pattern = pattern.strip_prefix(pages::PREFIX).unwrap_or(pattern);
    matches!(pattern, "/version" | "/health") || pattern.ends_with("/mlflow/server-info")
}

/// The pages are those of one workspace, which their address names; else they would ask first which one somebody wants.
async fn server_info(request: HttpRequest, registry: web::Data<Registry>) -> Answer {
    let is_for_pages = request.path().starts_with(pages::PREFIX);
    answer(json!({
        "store_type": "SqlStore",
        "workspaces_enabled": !is_for_pages,
        "trace_archival_enabled": false,
        "multipart_uploads_enabled": true,
        // Clients take a link that they do not get then for a mistake in the settings.
        "multipart_downloads_enabled": registry.files.gives_links(&registry.own_context()),
        "presigned_upload_run_id_supported": false,
        "presigned_upload_model_id_supported": false,
        "artifact_serving_enabled": true,
        "artifacts_presigned_only": false,
        "features_enabled": {"gateway": false},
    }))
}

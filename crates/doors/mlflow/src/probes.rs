//! What clients ask to find out what the server is and can do.

use actix_web::web::{self, ServiceConfig};
use actix_web::{HttpResponse, Resource};
use serde_json::json;

use super::call::answer;
use super::error::Answer;

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

/// Whether whoever has not said who they are may ask at the route of that pattern.
pub fn is_open(pattern: &str) -> bool {
    pattern == "/version" || pattern.ends_with("/mlflow/server-info")
}

async fn server_info() -> Answer {
    answer(json!({
        "store_type": "SqlStore",
        "workspaces_enabled": true,
        "trace_archival_enabled": false,
        "multipart_uploads_enabled": false,
        "multipart_downloads_enabled": false,
        "presigned_upload_run_id_supported": false,
        "presigned_upload_model_id_supported": false,
        "artifact_serving_enabled": true,
        "artifacts_presigned_only": false,
        "features_enabled": {"gateway": false},
    }))
}

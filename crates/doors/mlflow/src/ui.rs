//! What MLflow's own UI asks beside the operations that other clients have.

use actix_web::{Resource, web};
use serde_json::json;

use super::call::answer;
use super::error::Answer;

/// The operations.
pub fn resources() -> Vec<Resource> {
    vec![
        web::resource("/mlflow/ui-telemetry").route(web::get().to(telemetry)).route(web::post().to(no_telemetry)),
        web::resource("/mlflow/gateway-proxy").route(web::get().to(gateway)),
    ]
}

/// Whether the UI is to say what people do with it: it is not.
async fn telemetry() -> Answer {
    answer(json!({"disable_ui_telemetry": true, "disable_ui_events": [], "ui_rollout_percentage": 0}))
}

/// What it says all the same is not kept.
async fn no_telemetry() -> Answer {
    answer(json!({"status": "disabled"}))
}

/// The endpoints of a gateway to language models, which is none of this server's work.
async fn gateway() -> Answer {
    answer(json!({"endpoints": []}))
}

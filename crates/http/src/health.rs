//! Whether the process lives, and whether it can do its work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use serde_json::json;

use super::status::with_status;
use crate::registry::Registry;

/// Turned on once, when the server begins to shut down.
#[derive(Debug, Clone, Default)]
pub struct Draining(Arc<AtomicBool>);

impl Draining {
    /// From now on the server is not ready.
    pub fn begin(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether the server is shutting down.
    pub fn has_begun(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// `GET /health/live`: the process answers.
pub async fn live() -> HttpResponse {
    HttpResponse::Ok().json(json!({"status": "live"}))
}

/// `GET /health/ready`: the database and the object store answer, and the server is not shutting down.
pub async fn ready(registry: web::Data<Registry>, draining: web::Data<Draining>) -> HttpResponse {
    if draining.has_begun() {
        return with_status(StatusCode::SERVICE_UNAVAILABLE).json(json!({"status": "draining"}));
    }
    let health = registry.upkeep.health().await;
    let word = |answer: &crate::domain::Result<()>| match answer {
        Ok(()) => "ok".to_owned(),
        Err(error) => super::problem::report(error).to_owned(),
    };
    let ready = health.database.is_ok() && health.object_store.is_ok();
    with_status(if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE }).json(json!({
        "status": if ready { "ready" } else { "unavailable" },
        "database": word(&health.database),
        "objectStore": word(&health.object_store),
    }))
}

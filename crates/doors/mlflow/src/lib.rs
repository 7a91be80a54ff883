//! MLflow's REST API: its tracking server, model registry and artifact proxy. Routes, wire shapes, conversion, error mapping; no
//! rules of its own.
//!
//! Upstream's protocol buffers (`mlflow/protos/*.proto`, MLflow 3.18) name the operations and their fields. Where upstream answers 500 to
//! a client's mistake, or accepts what it should not, this door answers 400.

mod artifacts;
mod assessments;
mod call;
mod error;
mod eval_datasets;
mod experiments;
mod graphql;
mod input;
mod logged_models;
mod metrics;
mod models;
mod pages;
mod probes;
mod runs;
mod traces;
mod ui;
mod unimplemented;
mod versions;
mod webhooks;
mod wire;
mod workspaces;

// The packages that it uses, by the names of their rooms.
use {modelport_domain as domain, modelport_http as http, modelport_registry as registry};

use actix_web::web::{self, ServiceConfig};

use crate::http::door::Door;

pub use pages::Pages;

/// What the operations' paths begin with: for clients, and for upstream's own UI.
const PREFIXES: [&str; 4] = ["/api/2.0", "/api/3.0", "/ajax-api/2.0", "/ajax-api/3.0"];

/// The API as the server takes it.
pub static DOOR: Door = Door {
    name: "MLflow",
    prefixes: &[
        "/api/2.0/mlflow",
        "/api/3.0/mlflow",
        "/ajax-api/",
        "/get-artifact",
        "/model-versions/get-artifact",
        "/version",
        "/v1/traces",
        "/graphql",
        "/mlflow/",
    ],
    documents: &[],
    routes,
    is_streamed: artifacts::is_streamed,
    decodes: traces::decodes,
    is_open: |pattern| probes::is_open(pattern) || artifacts::is_part(pattern) || pages::is_open(pattern),
    pages: Some("/mlflow/"),
    workspace_header: Some("x-mlflow-workspace"),
    refuse: error::refuse,
};

fn routes(service: &mut ServiceConfig) {
    pages::routes(service, operations);
    operations(service);
}

/// All that clients ask, at the server's root or below the pages.
fn operations(service: &mut ServiceConfig) {
    probes::routes(service);
    artifacts::routes(service);
    traces::routes(service);
    service.service(graphql::resource());
    for prefix in PREFIXES {
        let mut scope = web::scope(prefix);
        let operations = [
            experiments::resources(),
            runs::resources(),
            metrics::resources(),
            logged_models::resources(),
            models::resources(),
            versions::resources(),
            webhooks::resources(),
            traces::resources(),
            assessments::resources(),
            eval_datasets::resources(),
            artifacts::resources(),
            probes::resources(),
            workspaces::resources(),
            ui::resources(),
        ];
        for resource in operations.into_iter().flatten() {
            scope = scope.service(resource);
        }
        service.service(scope.default_service(web::to(unimplemented::answer)));
    }
}

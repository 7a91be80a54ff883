//! Kubeflow Model Registry's REST API: routes, wire types, conversion, error mapping. No rules of its own.
//!
//! The stock clients speak it under two paths: `v1alpha3`, and `v1` since their release 0.3.15. What there is of both here
//! is the same, so the routes are written once and mounted twice.

mod document;
pub mod entity;
mod error;
mod metadata_value;
mod model_artifacts;
mod model_versions;
mod operations;
mod query;
mod read;
mod registered_models;
mod show;

use actix_web::web;

pub use document::document;

/// Where the API is for the clients that the contract describes.
pub const V1ALPHA3: &str = "/api/model_registry/v1alpha3";

/// Where the API is for the clients since then.
pub const V1: &str = "/api/model_registry/v1";

/// The tag of every operation in upstream's document.
const TAG: &str = "ModelRegistryService";

/// The content type of every answer.
const CONTENT_TYPE: &str = "application/json; charset=UTF-8";

/// The routes.
pub fn routes(service: &mut web::ServiceConfig) {
    for prefix in [V1ALPHA3, V1] {
        service.service(
            web::scope(prefix)
                .configure(registered_models::routes)
                .configure(model_versions::routes)
                .configure(model_artifacts::routes),
        );
    }
}

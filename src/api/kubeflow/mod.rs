//! Kubeflow Model Registry's REST API, v1alpha3: routes, wire types, conversion, error mapping. No rules of its own.

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

pub use document::Document;

/// Where the API is.
pub const PREFIX: &str = "/api/model_registry/v1alpha3";

/// The tag of every operation in upstream's document.
const TAG: &str = "ModelRegistryService";

/// The content type of every answer.
const CONTENT_TYPE: &str = "application/json; charset=UTF-8";

/// The routes.
pub fn routes(service: &mut web::ServiceConfig) {
    service.service(
        web::scope(PREFIX)
            .configure(registered_models::routes)
            .configure(model_versions::routes)
            .configure(model_artifacts::routes),
    );
}

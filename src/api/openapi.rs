//! The OpenAPI documents, and Swagger UI over them.

use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{SwaggerUi, Url};

use super::{kubeflow, native};

/// The document of the Kubeflow API.
pub fn kubeflow() -> OpenApi {
    kubeflow::Document::openapi()
}

/// The document of the native API.
pub fn native() -> OpenApi {
    native::Document::openapi()
}

/// Swagger UI at `/docs/`, and each document as JSON beside it.
pub(super) fn swagger_ui() -> SwaggerUi {
    SwaggerUi::new("/docs/{_:.*}").urls(vec![
        (Url::with_primary("Kubeflow Model Registry", "/docs/kubeflow.json", true), kubeflow()),
        (Url::new("Modelport", "/docs/native.json"), native()),
    ])
}

//! The OpenAPI documents, and Swagger UI over them.

use utoipa::OpenApi as _;
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{SwaggerUi, Url};

use super::{kubeflow, native};

/// The document of the Kubeflow API, v1alpha3.
pub fn kubeflow() -> OpenApi {
    kubeflow::document(kubeflow::V1ALPHA3)
}

/// The document of the Kubeflow API, v1.
pub fn kubeflow_v1() -> OpenApi {
    kubeflow::document(kubeflow::V1)
}

/// The document of the native API.
pub fn native() -> OpenApi {
    native::Document::openapi()
}

/// Swagger UI at `/docs/`, and each document as JSON beside it.
pub(super) fn swagger_ui() -> SwaggerUi {
    SwaggerUi::new("/docs/{_:.*}").urls(vec![
        (Url::with_primary("Kubeflow Model Registry v1alpha3", "/docs/kubeflow.json", true), kubeflow()),
        (Url::new("Kubeflow Model Registry v1", "/docs/kubeflow-v1.json"), kubeflow_v1()),
        (Url::new("Modelport", "/docs/native.json"), native()),
    ])
}

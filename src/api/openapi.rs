//! The OpenAPI documents, and Swagger UI over them.

use serde_json::Value as Json;
use utoipa::OpenApi as _;
use utoipa_swagger_ui::{SwaggerUi, Url};

use super::kubeflow::{self, Edition};
use super::native;
use crate::domain::{Error, Result};

/// The document of the Kubeflow API, v1alpha3.
pub fn kubeflow() -> Json {
    kubeflow::document(Edition::V1Alpha3)
}

/// The document of the Kubeflow API, v1.
pub fn kubeflow_v1() -> Json {
    kubeflow::document(Edition::V1)
}

/// The document of the native API.
pub fn native() -> Result<Json> {
    serde_json::to_value(native::Document::openapi())
        .map_err(|error| Error::internal("the document of the native API is no JSON").caused_by(error))
}

/// Every document, with its name and where it is.
pub(super) fn documents() -> Result<Vec<(Url<'static>, Json)>> {
    Ok(vec![
        (Url::with_primary("Kubeflow Model Registry v1alpha3", "/docs/kubeflow.json", true), kubeflow()),
        (Url::new("Kubeflow Model Registry v1", "/docs/kubeflow-v1.json"), kubeflow_v1()),
        (Url::new("Modelport", "/docs/native.json"), native()?),
    ])
}

/// Swagger UI at `/docs/`, and each document as JSON beside it.
pub(super) fn swagger_ui(documents: Vec<(Url<'static>, Json)>) -> SwaggerUi {
    SwaggerUi::new("/docs/{_:.*}").external_urls_from_iter_unchecked(documents)
}

//! The OpenAPI documents, and Swagger UI over them.

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes, ServiceConfig};
use serde_json::Value as Json;
use utoipa::OpenApi as _;
use utoipa_swagger_ui::{Config, SwaggerUi, Url};

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

/// A document as it is served.
#[derive(Clone)]
pub(super) struct Document {
    name: &'static str,
    path: &'static str,
    json: Bytes,
}

/// Every document, written once and shared by all workers.
pub(super) fn documents() -> Result<Vec<Document>> {
    let all = [
        ("Kubeflow Model Registry v1alpha3", "/docs/kubeflow.json", kubeflow()),
        ("Kubeflow Model Registry v1", "/docs/kubeflow-v1.json", kubeflow_v1()),
        ("Modelport", "/docs/native.json", native()?),
    ];
    Ok(all.map(|(name, path, json)| Document { name, path, json: json.to_string().into() }).into())
}

/// Swagger UI at `/docs/`, and each document as JSON beside it.
pub(super) fn routes(documents: &[Document]) -> impl FnOnce(&mut ServiceConfig) {
    move |service| {
        for Document { path, json, .. } in documents.iter().cloned() {
            let answer = move || {
                let json = json.clone();
                async move { HttpResponse::Ok().content_type("application/json").body(json) }
            };
            service.service(web::resource(path).route(web::get().to(answer)));
        }
        let urls = documents.iter().map(|document| Url::new(document.name, document.path));
        service
            .service(web::redirect("/docs", "/docs/"))
            .service(SwaggerUi::new("/docs/{_:.*}").config(Config::new(urls)));
    }
}

//! The OpenAPI documents, and Swagger UI over them.

pub(super) mod bytes;

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes, ServiceConfig};
use serde_json::{Value as Json, json};
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
    let mut document = serde_json::to_value(native::Document::openapi())
        .map_err(|error| Error::internal("the document of the native API is no JSON").caused_by(error))?;
    bytes::describe(&mut document);
    Ok(document)
}

/// A document as it is served.
#[derive(Clone)]
pub(super) struct Document {
    name: &'static str,
    path: &'static str,
    json: Bytes,
}

/// Every document, written once and shared by all workers. The server that it speaks of is at the public URL, or where that is
/// what each client says, one path above the documents, wherever a proxy puts them.
pub(super) fn documents(public_url: Option<&str>) -> Result<Vec<Document>> {
    let server = json!([{"url": public_url.filter(|url| !url.is_empty()).unwrap_or("..")}]);
    let all = [
        ("Kubeflow Model Registry v1alpha3", "/docs/kubeflow.json", kubeflow()),
        ("Kubeflow Model Registry v1", "/docs/kubeflow-v1.json", kubeflow_v1()),
        ("Modelport", "/docs/native.json", native()?),
    ];
    let served = |(name, path, mut json): (_, _, Json)| {
        if let Some(members) = json.as_object_mut() {
            members.insert("servers".to_owned(), server.clone());
        }
        Document { name, path, json: json.to_string().into() }
    };
    Ok(all.map(served).into())
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
        // Relative to the page, which a proxy may show below a path of its own.
        let urls = documents
            .iter()
            .map(|document| Url::new(document.name, document.path.rsplit('/').next().unwrap_or(document.path)));
        service
            .service(web::redirect("/docs", "docs/"))
            .service(SwaggerUi::new("/docs/{_:.*}").config(Config::new(urls)));
    }
}

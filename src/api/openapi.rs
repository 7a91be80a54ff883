//! The OpenAPI documents, and Swagger UI over them.

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes, ServiceConfig};
use serde_json::json;
use utoipa_swagger_ui::{Config, SwaggerUi, Url};

use super::http::door::{Document, Doors};
use crate::domain::Result;

/// A document as it is served.
#[derive(Clone)]
pub(super) struct ServedDocument {
    title: &'static str,
    file: &'static str,
    json: Bytes,
}

/// The documents of these doors, written once and shared by all workers. The server that each speaks of is at the public URL, or
/// where that is what each client says, one path above the documents, wherever a proxy puts them.
pub(super) fn served(doors: Doors, public_url: Option<&str>) -> Result<Vec<ServedDocument>> {
    let server = json!([{"url": public_url.filter(|url| !url.is_empty()).unwrap_or("..")}]);
    let served = |document: &Document| {
        let mut json = (document.make)()?;
        if let Some(members) = json.as_object_mut() {
            members.insert("servers".to_owned(), server.clone());
        }
        Ok(ServedDocument { title: document.title, file: document.file, json: json.to_string().into() })
    };
    doors.documents().map(served).collect()
}

/// Swagger UI at `/docs/`, and each document as JSON beside it.
pub(super) fn routes(documents: &[ServedDocument]) -> impl FnOnce(&mut ServiceConfig) {
    move |service| {
        for document in documents {
            let (file, json) = (document.file, document.json.clone());
            let answer = move || {
                let json = json.clone();
                async move { HttpResponse::Ok().content_type("application/json").body(json) }
            };
            service.service(web::resource(format!("/docs/{file}")).route(web::get().to(answer)));
        }
        // Relative to the page, which a proxy may show below a path of its own.
        let urls = documents.iter().map(|document| Url::new(document.title, document.file));
        service
            .service(web::redirect("/docs", "docs/"))
            .service(SwaggerUi::new("/docs/{_:.*}").config(Config::new(urls)));
    }
}

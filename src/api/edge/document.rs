//! The OpenAPI document of the edge registry's API, and Swagger UI over it.

use actix_web::HttpResponse;
use actix_web::web::{self, Bytes, ServiceConfig};
use serde_json::Value as Json;
use utoipa::{OpenApi, ToSchema};
use utoipa_swagger_ui::SwaggerUi;

use super::{models, projects};
use crate::api::openapi::bytes;
use crate::domain::{Error, Result};

/// What is wrong: a sentence, or a list of fields.
#[derive(ToSchema)]
#[allow(dead_code, reason = "a shape for the document")]
pub struct Detail {
    #[schema(value_type = Value)]
    detail: Json,
}

/// Either `{"status": "error", "message": …}` or `{"detail": …}`.
#[derive(ToSchema)]
#[schema(as = Refused, value_type = Object)]
#[allow(dead_code, reason = "a shape for the document")]
pub struct ErrorBody(Json);

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Model Registry",
        version = "1.0.3",
        description = "The API of Intel's edge model registry, on the same entities as every other API of Modelport."
    ),
    paths(
        super::health,
        models::list,
        models::get,
        models::create,
        models::update,
        models::delete,
        models::files,
        projects::list,
        projects::get,
        projects::import,
    )
)]
struct Operations;

/// The document.
pub fn document() -> Result<Json> {
    let mut document = serde_json::to_value(Operations::openapi())
        .map_err(|error| Error::internal("the document of the edge registry's API is no JSON").caused_by(error))?;
    bytes::describe(&mut document);
    Ok(document)
}

/// The page at `/docs`; what it loads is below it.
const PAGE: &str = r##"<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>Model Registry - Swagger UI</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
</head>
<body>
<div id="swagger-ui"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script>SwaggerUIBundle({url: "openapi.json", dom_id: "#swagger-ui", deepLinking: true});</script>
</body>
</html>
"##;

/// `/openapi.json`, `/docs` and what its page loads; `/redoc` leads there.
pub(super) fn routes(document: Bytes) -> impl FnOnce(&mut ServiceConfig) {
    move |service| {
        let answer = move || {
            let document = document.clone();
            async move { HttpResponse::Ok().content_type("application/json").body(document) }
        };
        let page = || async { HttpResponse::Ok().content_type("text/html; charset=utf-8").body(PAGE) };
        let refuse = super::method_not_allowed;
        service
            .service(web::resource("/openapi.json").route(super::read().to(answer)).default_service(web::to(refuse)))
            .service(web::resource("/docs").route(super::read().to(page)).default_service(web::to(refuse)))
            .service(web::redirect("/docs/", "../docs"))
            .service(web::redirect("/redoc", "docs"))
            .service(SwaggerUi::new("/docs/{_:.*}"));
    }
}

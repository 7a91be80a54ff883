//! The OpenAPI document of the edge registry's API as it is served, and Swagger UI over it; and schemas of its errors.

use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpResponse, guard};
use serde_json::Value as Json;
use utoipa::ToSchema;
use utoipa_swagger_ui::SwaggerUi;

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

/// The document as it is served.
pub struct ServedDocument(pub Bytes);

async fn openapi_json(document: Data<ServedDocument>) -> HttpResponse {
    HttpResponse::Ok().content_type("application/json").body(document.0.clone())
}

async fn page() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html; charset=utf-8").body(PAGE)
}

/// `/openapi.json`, `/docs` and what its page loads; `/redoc` leads there.
pub(super) fn routes(service: &mut ServiceConfig) {
    let read = || web::route().guard(guard::Any(guard::Get()).or(guard::Head()));
    let refuse = super::method_not_allowed;
    service
        .service(web::resource("/openapi.json").route(read().to(openapi_json)).default_service(web::to(refuse)))
        .service(web::resource("/docs").route(read().to(page)).default_service(web::to(refuse)))
        .service(web::redirect("/docs/", "../docs"))
        .service(web::redirect("/redoc", "docs"))
        .service(SwaggerUi::new("/docs/{_:.*}"));
}

//! The REST API of Intel's edge model registry 1.0.3, on a listener of its own: routes, forms, shapes; no rules of its own.

mod body;
mod document;
mod errors;
mod fields;
mod form;
mod models;
pub mod projects;
mod tls;
mod wire;

use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::web::{self, Bytes, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _, guard};
use serde_json::json;

use self::errors::EdgeError;
use super::health::Draining;
use super::middleware::Door;
use super::problem::report;
use crate::domain::Result;
use crate::registry::Registry;

pub use self::document::document;
pub use self::tls::Tls;

/// The options of the API.
#[derive(Debug, Clone)]
pub struct EdgeOptions {
    /// The bucket that `file_url` names.
    pub bucket: String,
    /// Whether a file must be a zip archive that can be unpacked without harm.
    pub check_archives: bool,
    /// How many bytes the fields of a form may have together.
    pub form_limit_bytes: usize,
}

impl Default for EdgeOptions {
    fn default() -> Self {
        Self { bucket: "model-registry".to_owned(), check_archives: true, form_limit_bytes: 4 << 20 }
    }
}

/// The state of the API.
#[derive(Clone)]
pub struct EdgeParts {
    options: Data<EdgeOptions>,
    document: Bytes,
}

impl EdgeParts {
    /// An API with the default options.
    pub fn new() -> Result<Self> {
        let mut document = document()?;
        if let Some(members) = document.as_object_mut() {
            // Where the document is, whatever path a proxy puts before it.
            members.insert("servers".to_owned(), json!([{"url": "."}]));
        }
        Ok(Self { options: Data::new(EdgeOptions::default()), document: document.to_string().into() })
    }

    /// The same API with these options.
    #[must_use]
    pub fn with_options(self, options: EdgeOptions) -> Self {
        Self { options: Data::new(options), ..self }
    }
}

/// The routes. A request that meets none of them is answered here too.
pub fn routes(parts: &EdgeParts) -> impl FnOnce(&mut ServiceConfig) {
    let EdgeParts { options, document } = parts.clone();
    move |service| {
        service
            .app_data(options)
            .service(resource("/health").route(read().to(health)))
            .service(resource("/models").route(read().to(models::list)).route(web::post().to(models::create)))
            .service(
                resource("/models/{model_id}")
                    .route(read().to(models::get))
                    .route(web::put().to(models::update))
                    .route(web::delete().to(models::delete)),
            )
            .service(resource("/models/{model_id}/files").route(read().to(models::files)))
            .service(resource("/projects").route(read().to(projects::list)))
            .service(resource("/projects/{project_id}").route(read().to(projects::get)))
            .service(resource("/projects/{project_id}/geti-models/download").route(web::post().to(projects::import)))
            .configure(document::routes(document))
            .default_service(web::to(unknown));
    }
}

/// The route of whatever is read: HEAD is answered as GET is, without the body.
fn read() -> actix_web::Route {
    web::route().guard(guard::Any(guard::Get()).or(guard::Head()))
}

/// How middleware rejects requests. Forms are streamed, because files are in them.
pub(super) const DOOR: Door = Door { refuse, is_streamed: |pattern| pattern.starts_with("/models") };

fn refuse(_path: &str, status: StatusCode, detail: &str) -> HttpResponse {
    let mut response = EdgeError::detail(status, detail).error_response();
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    response
}

fn resource(path: &str) -> actix_web::Resource {
    web::resource(path).default_service(web::to(method_not_allowed))
}

/// Whether the database and the object store answer.
#[utoipa::path(
    get, path = "/health", operation_id = "health", tag = "health",
    responses(
        (status = 200, description = "They do.", body = Object),
        (status = 503, description = "They do not, or the server is shutting down.", body = Object),
    ),
)]
async fn health(registry: Data<Registry>, draining: Data<Draining>) -> HttpResponse {
    let health = registry.health().await;
    let mut is_ok = !draining.has_begun();
    for error in [health.database.err(), health.object_store.err()].into_iter().flatten() {
        report(&error);
        is_ok = false;
    }
    if is_ok {
        return HttpResponse::Ok().json(json!({"status": "ok"}));
    }
    HttpResponse::ServiceUnavailable().insert_header((header::RETRY_AFTER, "1")).json(json!({"status": "unavailable"}))
}

async fn method_not_allowed(request: HttpRequest) -> HttpResponse {
    let allowed = match request.match_pattern().as_deref() {
        Some("/models") => "GET, HEAD, POST",
        Some("/models/{model_id}") => "GET, HEAD, PUT, DELETE",
        Some("/projects/{project_id}/geti-models/download") => "POST",
        _ => "GET, HEAD",
    };
    HttpResponse::MethodNotAllowed()
        .insert_header((header::ALLOW, allowed))
        .json(json!({"detail": "Method Not Allowed"}))
}

/// A path that ends with a slash leads to the one without, where there is something.
async fn unknown(request: HttpRequest) -> Result<HttpResponse, EdgeError> {
    let path = request.uri().path();
    let Some(place) = path.strip_suffix('/').filter(|place| is_known(place)) else {
        return Err(EdgeError::detail(StatusCode::NOT_FOUND, "Not Found"));
    };
    // Relative, so that it holds below whatever path a proxy puts before this one.
    let last = place.rsplit('/').next().unwrap_or_default();
    let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
    Ok(HttpResponse::TemporaryRedirect().insert_header((header::LOCATION, format!("../{last}{query}"))).finish())
}

fn is_known(path: &str) -> bool {
    let segments: Vec<_> = path.split('/').skip(1).collect();
    matches!(
        segments.as_slice(),
        ["health" | "models" | "projects" | "redoc" | "openapi.json"]
            | ["models" | "projects", _]
            | ["models", _, "files"]
            | ["projects", _, "geti-models", "download"]
    ) && segments.iter().all(|segment| !segment.is_empty())
}

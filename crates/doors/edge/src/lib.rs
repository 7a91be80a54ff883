//! The REST API of Intel's edge model registry 1.0.3, on a listener of its own: routes, forms, shapes; no rules of its own.

mod body;
mod document;
mod errors;
mod fields;
mod form;
mod models;
mod operations;
pub mod projects;
mod wire;

// The packages that it uses, by the names of their rooms.
use {modelport_domain as domain, modelport_http as http, modelport_memory as memory, modelport_registry as registry};

use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse, ResponseError as _};
use serde_json::json;

use self::document::ServedDocument;
use self::errors::EdgeError;
use crate::domain::Result;
use crate::http::door::{Document, Door};
use crate::http::health::Draining;
use crate::http::problem::report;
use crate::http::status::with_status;
use crate::registry::Registry;

/// The options of the API.
#[derive(Debug, Clone)]
pub struct EdgeOptions {
    /// The bucket that `file_url` names.
    pub bucket: String,
    /// Whether a file must be a zip archive that can be unpacked without harm.
    pub check_archives: bool,
    /// How many bytes the fields of a form may have together.
    pub form_limit_bytes: usize,
    /// Whose requests these are, as its clients present nothing; `None` where they are strangers'.
    pub principal: Option<String>,
    /// The workspace that its clients work in; `None` for that of the principal.
    pub workspace: Option<String>,
}

impl Default for EdgeOptions {
    fn default() -> Self {
        Self {
            bucket: "model-registry".to_owned(),
            check_archives: true,
            form_limit_bytes: 4 << 20,
            principal: None,
            workspace: None,
        }
    }
}

/// The state of the API.
#[derive(Clone)]
pub struct EdgeParts {
    options: Data<EdgeOptions>,
    document: Data<ServedDocument>,
}

impl EdgeParts {
    /// An API with the default options.
    pub fn new() -> Result<Self> {
        let mut document = operations::document()?;
        if let Some(members) = document.as_object_mut() {
            // Where the document is, whatever path a proxy puts before it.
            members.insert("servers".to_owned(), json!([{"url": "."}]));
        }
        let document = ServedDocument(document.to_string().into());
        Ok(Self { options: Data::new(EdgeOptions::default()), document: Data::new(document) })
    }

    /// The same API with these options.
    #[must_use]
    pub fn with_options(self, options: EdgeOptions) -> Self {
        Self { options: Data::new(options), ..self }
    }

    /// Its options.
    pub fn options(&self) -> &EdgeOptions {
        &self.options
    }

    /// Gives the state to the routes; for [`actix_web::App::configure`].
    pub fn add_to(&self, service: &mut ServiceConfig) {
        service.app_data(self.options.clone()).app_data(self.document.clone());
    }
}

/// The API as the server takes it. It has a listener of its own, so that all paths are its own.
pub static DOOR: Door = Door {
    name: "Intel's edge model registry",
    prefixes: &[""],
    documents: &[Document { name: "edge", file: "edge.json", title: "Model Registry", make: operations::document }],
    routes,
    is_streamed: |pattern| operations::OPERATIONS.is_streamed(pattern),
    decodes: |_| false,
    is_open: |_| false,
    pages: None,
    workspace_header: None,
    refuse,
};

/// A request that meets none of the routes is answered here too.
fn routes(service: &mut ServiceConfig) {
    for resource in operations::OPERATIONS.resources() {
        service.service(resource.default_service(web::to(method_not_allowed)));
    }
    service.configure(document::routes).default_service(web::to(unknown));
}

fn refuse(status: StatusCode, detail: &str) -> HttpResponse {
    EdgeError::detail(status, detail).error_response()
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
    let health = registry.upkeep.health().await;
    let mut is_ok = !draining.has_begun();
    for error in [health.database.err(), health.object_store.err()].into_iter().flatten() {
        report(&error);
        is_ok = false;
    }
    if is_ok {
        return HttpResponse::Ok().json(json!({"status": "ok"}));
    }
    with_status(StatusCode::SERVICE_UNAVAILABLE).json(json!({"status": "unavailable"}))
}

async fn method_not_allowed(request: HttpRequest) -> HttpResponse {
    let allowed = operations::OPERATIONS.allowed(&request.match_pattern().unwrap_or_default());
    let allowed = if allowed.is_empty() { "GET, HEAD".to_owned() } else { allowed };
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
    matches!(path, "/redoc" | "/openapi.json") || operations::is_known(path)
}

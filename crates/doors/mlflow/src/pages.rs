//! MLflow's own UI at `/mlflow/`: its files, from a folder that the settings name, and below that all that the door has, because its
//! pages ask relative to where they are. This server has no files of MLflow's itself.

mod files;

use actix_web::guard::{GuardContext, fn_guard};
use actix_web::http::StatusCode;
use actix_web::web::{self, Data, Path, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};

pub use files::Pages;

use super::error::{Answer, refuse};

/// Where the pages are, without a slash at its end.
pub const PREFIX: &str = "/mlflow";

/// The first page, and the only one: it shows all others.
const INDEX: &str = "index.html";

/// What a path below the pages ends with that is a file's, among the routes.
const FILE: &str = "/static-files/{path:.*}";

/// The routes of the pages; `add` adds what else the door has.
pub fn routes(service: &mut ServiceConfig, add: fn(&mut ServiceConfig)) {
    let scope = web::scope(PREFIX)
        .guard(fn_guard(are_served))
        .service(web::resource("/").route(web::get().to(index)).route(web::head().to(index)))
        .service(web::resource(FILE).route(web::get().to(file)).route(web::head().to(file)))
        .configure(add)
        .default_service(web::to(nothing_there));
    service
        .service(web::redirect(PREFIX, "mlflow/"))
        .service(scope)
        .service(web::scope(PREFIX).default_service(web::to(not_served)));
}

/// Whether whoever has not said who they are may ask at the route of that pattern: the files are the same for everybody.
pub fn is_open(pattern: &str) -> bool {
    pattern.strip_prefix(PREFIX) == Some(FILE)
}

fn are_served(context: &GuardContext) -> bool {
    context.app_data::<Data<Pages>>().is_some_and(|pages| pages.are_there())
}

async fn index(request: HttpRequest, pages: Data<Pages>) -> Answer {
    pages.send(&request, INDEX).await
}

async fn file(request: HttpRequest, pages: Data<Pages>, path: Path<String>) -> Answer {
    pages.send(&request, &path).await
}

async fn nothing_there(request: HttpRequest) -> HttpResponse {
    not_found(&request)
}

fn not_found(request: &HttpRequest) -> HttpResponse {
    refuse(StatusCode::NOT_FOUND, &format!("path `{}` not found", request.path()))
}

async fn not_served() -> HttpResponse {
    let detail = "MLflow's own UI is not served here: set `mlflow.static_dir` to the folder with its files";
    refuse(StatusCode::NOT_FOUND, detail)
}

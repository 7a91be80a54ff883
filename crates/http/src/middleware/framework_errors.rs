//! Errors that actix makes itself (unknown path, wrong method, refused input) in the shape of the API they belong to.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{self, HeaderMap};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{Error, HttpResponse};

use crate::door::Doors;
use crate::media_type::essence;
use crate::request_id::RequestId;

/// Rewrites every error response that is not JSON already, and keeps its status and headers, `Allow` among them.
pub(super) async fn framework_errors<B: MessageBody + 'static>(
    doors: Doors,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let (method, path) = (request.method().clone(), request.path().to_owned());
    match next.call(request).await {
        Ok(response) if is_raw_error(response.status(), response.headers()) => {
            let (request, response) = response.into_parts();
            let shaped = reshape(doors, &method, &path, &response, response.error());
            Ok(ServiceResponse::new(request, shaped))
        }
        Ok(response) => Ok(response.map_into_boxed_body()),
        Err(error) => {
            let response = error.error_response();
            if is_raw_error(response.status(), response.headers()) {
                let shaped = reshape(doors, &method, &path, &response, Some(&error));
                return Err(InternalError::from_response(error, shaped).into());
            }
            Err(InternalError::from_response(error, response).into())
        }
    }
}

fn is_raw_error(status: StatusCode, headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    (status.is_client_error() || status.is_server_error()) && !essence(media_type).ends_with("json")
}

fn reshape<B>(doors: Doors, method: &Method, path: &str, raw: &HttpResponse<B>, error: Option<&Error>) -> HttpResponse {
    let status = raw.status();
    let mut shaped = doors.refuse(path, status, &detail(method, path, raw, error));
    for (name, value) in raw.headers() {
        if ![header::CONTENT_TYPE, header::CONTENT_LENGTH, header::CONTENT_ENCODING].contains(name) {
            shaped.headers_mut().append(name.clone(), value.clone());
        }
    }
    shaped
}

fn detail<B>(method: &Method, path: &str, raw: &HttpResponse<B>, error: Option<&Error>) -> String {
    let status = raw.status();
    let cause = error.map(ToString::to_string);
    if status.is_server_error() {
        let request_id = RequestId::current();
        let request_id = request_id.as_ref().map_or("-", RequestId::as_str);
        let cause = cause.as_deref().unwrap_or("no cause given");
        log::error!("request.id" = request_id; "status {status} from the framework on `{path}`: {cause}");
        return status.canonical_reason().unwrap_or("internal error").to_ascii_lowercase();
    }
    match status {
        StatusCode::NOT_FOUND => format!("path `{path}` not found"),
        StatusCode::METHOD_NOT_ALLOWED => {
            let allowed = raw.headers().get(header::ALLOW).and_then(|value| value.to_str().ok());
            let allowed = allowed.map(|methods| format!(", only `{methods}`")).unwrap_or_default();
            format!("method `{method}` is not allowed on `{path}`{allowed}")
        }
        _ => cause.unwrap_or_else(|| status.canonical_reason().unwrap_or("refused").to_ascii_lowercase()),
    }
}

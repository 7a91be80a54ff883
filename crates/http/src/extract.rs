//! How actix's extractors refuse: in the shape of the API that the path belongs to.

use actix_web::error::{InternalError, JsonPayloadError, PathError, QueryPayloadError};
use actix_web::http::StatusCode;
use actix_web::web::{JsonConfig, PathConfig, PayloadConfig, QueryConfig, ServiceConfig};
use actix_web::{Error, HttpMessage, HttpRequest, ResponseError};

use super::door::Doors;

/// Configures every extractor of an app; for [`actix_web::App::configure`]. Bodies that are read whole may have
/// `json_limit_bytes`; streamed ones are not limited here.
pub fn configure(doors: Doors, json_limit_bytes: usize) -> impl FnOnce(&mut ServiceConfig) {
    move |app| {
        app.app_data(json_config(doors, json_limit_bytes))
            .app_data(PayloadConfig::new(json_limit_bytes))
            .app_data(path_config(doors))
            .app_data(query_config(doors));
    }
}

/// JSON bodies. They must say so: a page on another site can make a browser send `text/plain` or no media type here
/// without asking first, but not `application/json`.
fn json_config(doors: Doors, limit_bytes: usize) -> JsonConfig {
    JsonConfig::default().limit(limit_bytes).error_handler(move |error, request| {
        let (status, detail) = match &error {
            JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => {
                (StatusCode::PAYLOAD_TOO_LARGE, error.to_string())
            }
            JsonPayloadError::ContentType => {
                let sent = request.content_type();
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, format!("media type `{sent}` is not `application/json`"))
            }
            JsonPayloadError::Deserialize(error) => (StatusCode::BAD_REQUEST, format!("body: {error}")),
            other => (other.status_code(), other.to_string()),
        };
        refuse(doors, request, status, detail)
    })
}

/// Path segments.
fn path_config(doors: Doors) -> PathConfig {
    PathConfig::default().error_handler(move |error, request| {
        let PathError::Deserialize(error) = error else {
            return refuse(doors, request, StatusCode::BAD_REQUEST, error.to_string());
        };
        refuse(doors, request, StatusCode::BAD_REQUEST, format!("path: {error}"))
    })
}

/// Query parameters.
fn query_config(doors: Doors) -> QueryConfig {
    QueryConfig::default().error_handler(move |error, request| {
        let QueryPayloadError::Deserialize(error) = error else {
            return refuse(doors, request, StatusCode::BAD_REQUEST, error.to_string());
        };
        refuse(doors, request, StatusCode::BAD_REQUEST, format!("query: {error}"))
    })
}

fn refuse(doors: Doors, request: &HttpRequest, status: StatusCode, detail: String) -> Error {
    let response = doors.refuse(request.path(), status, &detail);
    InternalError::from_response(detail, response).into()
}

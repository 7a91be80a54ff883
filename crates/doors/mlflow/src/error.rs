//! Errors in MLflow's shape: `{error_code, message}`, whose code says the status (`mlflow/protos/databricks.proto`).

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

use crate::domain::{Error, ErrorKind};
use crate::http::limits::whole_seconds;
use crate::http::problem::report;
use crate::http::request_id::RequestId;
use crate::http::status::with_status;

/// An error on its way to a client of this API.
#[derive(Debug)]
pub struct MlflowError(Error);

/// The result of a handler.
pub type Answer = Result<HttpResponse, MlflowError>;

impl From<Error> for MlflowError {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl std::fmt::Display for MlflowError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

/// The status and the code of each kind. Stock clients repeat 408, 429, 500, 502, 503 and 504 for minutes, so that none of these is for what
/// repeating does not mend.
#[deny(clippy::wildcard_enum_match_arm)]
fn code(kind: ErrorKind) -> (StatusCode, &'static str) {
    match kind {
        ErrorKind::InvalidArgument
        | ErrorKind::DigestMismatch
        | ErrorKind::ChecksumMismatch
        | ErrorKind::Unsupported
        | ErrorKind::PreconditionFailed => (StatusCode::BAD_REQUEST, "INVALID_PARAMETER_VALUE"),
        ErrorKind::InvalidBody | ErrorKind::InvalidState | ErrorKind::Incomplete | ErrorKind::HasDependents => {
            (StatusCode::BAD_REQUEST, "BAD_REQUEST")
        }
        ErrorKind::AlreadyExists | ErrorKind::NameTaken => (StatusCode::BAD_REQUEST, "RESOURCE_ALREADY_EXISTS"),
        ErrorKind::NotFound | ErrorKind::Gone => (StatusCode::NOT_FOUND, "RESOURCE_DOES_NOT_EXIST"),
        ErrorKind::Conflict | ErrorKind::Locked => (StatusCode::CONFLICT, "RESOURCE_CONFLICT"),
        ErrorKind::TooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "INVALID_PARAMETER_VALUE"),
        ErrorKind::QuotaExceeded => (StatusCode::FORBIDDEN, "RESOURCE_LIMIT_EXCEEDED"),
        ErrorKind::TooManyRequests => (StatusCode::TOO_MANY_REQUESTS, "REQUEST_LIMIT_EXCEEDED"),
        ErrorKind::Unauthenticated => (StatusCode::UNAUTHORIZED, "UNAUTHENTICATED"),
        ErrorKind::PermissionDenied | ErrorKind::Quarantined => (StatusCode::FORBIDDEN, "PERMISSION_DENIED"),
        ErrorKind::Upstream | ErrorKind::UpstreamUnavailable => (StatusCode::BAD_GATEWAY, "TEMPORARILY_UNAVAILABLE"),
        ErrorKind::Unavailable => (StatusCode::SERVICE_UNAVAILABLE, "TEMPORARILY_UNAVAILABLE"),
        ErrorKind::Unimplemented => (StatusCode::NOT_IMPLEMENTED, "NOT_IMPLEMENTED"),
        ErrorKind::Internal => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL_ERROR"),
    }
}

impl MlflowError {
    /// Its code and its message, where the request is answered though it cannot be met; itself where the client has to do something else.
    pub fn told(self) -> Result<(&'static str, String), Self> {
        let (status, code) = code(self.0.kind());
        match status {
            StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN | StatusCode::NOT_FOUND => Ok((code, text(&self.0))),
            _ => Err(self),
        }
    }
}

/// What an error says.
fn text(error: &Error) -> String {
    error.message().to_owned()
}

impl ResponseError for MlflowError {
    fn status_code(&self) -> StatusCode {
        code(self.0.kind()).0
    }

    fn error_response(&self) -> HttpResponse {
        let (status, code) = code(self.0.kind());
        let mut response = response(status, code, report(&self.0));
        if let Some(wait) = self.0.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, whole_seconds(wait).into());
        }
        response
    }
}

/// The answer to a request that no operation takes. A failure of ours names the request id.
pub fn refuse(status: StatusCode, detail: &str) -> HttpResponse {
    let message = match RequestId::current() {
        Some(id) if status.is_server_error() => format!("{detail}, request id `{id}`"),
        _ => detail.to_owned(),
    };
    let code = match status.as_u16() {
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "ENDPOINT_NOT_FOUND",
        409 => "RESOURCE_CONFLICT",
        429 => "REQUEST_LIMIT_EXCEEDED",
        501 => "NOT_IMPLEMENTED",
        502..=504 => "TEMPORARILY_UNAVAILABLE",
        500.. => "INTERNAL_ERROR",
        _ => "BAD_REQUEST",
    };
    response(status, code, &message)
}

fn response(status: StatusCode, code: &str, message: &str) -> HttpResponse {
    with_status(status).json(json!({"error_code": code, "message": message}))
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use serde_json::Value;

    use super::*;

    #[actix_web::test]
    async fn what_no_operation_takes_is_refused_in_mlflows_shape() {
        for (status, code) in [(404, "ENDPOINT_NOT_FOUND"), (405, "BAD_REQUEST"), (503, "TEMPORARILY_UNAVAILABLE")] {
            let status = StatusCode::from_u16(status).unwrap();
            let response = refuse(status, "so it is");
            assert_eq!(response.headers().contains_key(header::RETRY_AFTER), status == 503);
            let body: Value = serde_json::from_slice(&to_bytes(response.into_body()).await.unwrap()).unwrap();
            assert_eq!(body, json!({"error_code": code, "message": "so it is"}));
        }
    }
}

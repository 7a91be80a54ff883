//! Errors in Kubeflow's shape: `{code, message}`, where the code is the status's reason phrase.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

use crate::domain::{Error, ErrorKind};
use crate::http::problem::report;
use crate::http::request_id::RequestId;
use crate::http::status::with_status;

/// An error on its way to a client of this API.
#[derive(Debug)]
pub enum KubeflowError {
    /// A member that must be there is missing or empty: 422, while the body's code says "Bad Request".
    Required(&'static str),
    /// Anything else.
    Registry(Error),
}

/// The result of a handler.
pub type Answer = Result<HttpResponse, KubeflowError>;

impl From<Error> for KubeflowError {
    fn from(error: Error) -> Self {
        Self::Registry(error)
    }
}

impl std::fmt::Display for KubeflowError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Required(field) => write!(f, "required field '{field}' is zero value."),
            Self::Registry(error) => error.fmt(f),
        }
    }
}

impl ResponseError for KubeflowError {
    #[deny(clippy::wildcard_enum_match_arm)]
    fn status_code(&self) -> StatusCode {
        let error = match self {
            Self::Required(_) => return StatusCode::UNPROCESSABLE_ENTITY,
            Self::Registry(error) => error,
        };
        match error.kind() {
            // Kubeflow's registry has 400 for a state that does not allow the request.
            ErrorKind::InvalidArgument
            | ErrorKind::InvalidBody
            | ErrorKind::DigestMismatch
            | ErrorKind::ChecksumMismatch
            | ErrorKind::Unsupported
            | ErrorKind::InvalidState
            | ErrorKind::Incomplete => StatusCode::BAD_REQUEST,
            ErrorKind::NotFound => StatusCode::NOT_FOUND,
            ErrorKind::Gone => StatusCode::GONE,
            ErrorKind::AlreadyExists
            | ErrorKind::NameTaken
            | ErrorKind::HasDependents
            | ErrorKind::Conflict
            | ErrorKind::Locked => StatusCode::CONFLICT,
            ErrorKind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
            ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            ErrorKind::QuotaExceeded => StatusCode::INSUFFICIENT_STORAGE,
            ErrorKind::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
            ErrorKind::PermissionDenied | ErrorKind::Quarantined => StatusCode::FORBIDDEN,
            ErrorKind::Upstream | ErrorKind::UpstreamUnavailable => StatusCode::BAD_GATEWAY,
            ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            ErrorKind::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let (code, message) = match self {
            Self::Required(_) => (StatusCode::BAD_REQUEST, self.to_string()),
            Self::Registry(error) => (status, report(error).to_owned()),
        };
        response(status, code.canonical_reason().unwrap_or_default(), &message)
    }
}

/// The answer to a request that no operation takes. A failure of ours names the request id.
pub fn refuse(status: StatusCode, detail: &str) -> HttpResponse {
    let message = match RequestId::current() {
        Some(id) if status.is_server_error() => format!("{detail}, request id `{id}`"),
        _ => detail.to_owned(),
    };
    response(status, status.canonical_reason().unwrap_or_default(), &message)
}

fn response(status: StatusCode, code: &str, message: &str) -> HttpResponse {
    with_status(status)
        .insert_header((header::CONTENT_TYPE, super::CONTENT_TYPE))
        .json(json!({"code": code, "message": message}))
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use serde_json::Value;

    use super::*;

    #[actix_web::test]
    async fn what_no_operation_takes_is_refused_in_kubeflows_shape() {
        let id = RequestId::generate();
        for status in [404, 405, 413, 500, 503] {
            let status = StatusCode::from_u16(status).unwrap();
            let response = id.clone().scope(async { refuse(status, "so it is") }).await;
            let headers = response.headers().clone();
            assert_eq!(headers.get(header::CONTENT_TYPE).unwrap(), "application/json; charset=UTF-8");
            assert_eq!(headers.contains_key(header::RETRY_AFTER), status == StatusCode::SERVICE_UNAVAILABLE);
            let body: Value = serde_json::from_slice(&to_bytes(response.into_body()).await.unwrap()).unwrap();
            let message = body["message"].as_str().unwrap();
            assert_eq!(body, json!({"code": status.canonical_reason(), "message": message}));
            assert!(message.starts_with("so it is"));
            assert_eq!(message.contains(id.as_str()), status.is_server_error(), "{status}");
        }
    }
}

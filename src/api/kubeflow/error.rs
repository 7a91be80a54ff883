//! Errors in Kubeflow's shape: `{code, message}`, where the code is the status's reason phrase.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde_json::json;

use crate::api::problem::report;
use crate::domain::{Error, ErrorKind};

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
        let mut response = HttpResponse::build(status);
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.insert_header((header::RETRY_AFTER, "1"));
        }
        response
            .insert_header((header::CONTENT_TYPE, super::CONTENT_TYPE))
            .json(json!({"code": code.canonical_reason(), "message": message}))
    }
}

//! The errors of the edge registry's API 1.0.3: six shapes without a common envelope.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use serde_json::{Value as Json, json};

use crate::domain::{Error, ErrorKind};
use crate::http::problem::report;
use crate::http::request_id::RequestId;
use crate::http::status::with_status;

/// An error response.
#[derive(Debug)]
pub enum EdgeError {
    /// `{"detail": …}`: a sentence, or a list of what is wrong with which field.
    Detail(StatusCode, Json),
    /// Nothing but text, of no media type.
    Text(StatusCode, String),
    /// `{"status": "error", "message": …}`, as a change answers.
    Status(StatusCode, &'static str),
    /// The name of an exception, a blank line, and what it says.
    Exception(&'static str, String),
    /// An error of the registry.
    Registry(Error),
}

impl EdgeError {
    /// A sentence about the request.
    pub fn detail(status: StatusCode, sentence: impl Into<String>) -> Self {
        Self::Detail(status, Json::String(sentence.into()))
    }

    /// Values of fields that cannot be accepted.
    pub fn fields(issues: Vec<Json>) -> Self {
        Self::Detail(StatusCode::UNPROCESSABLE_ENTITY, Json::Array(issues))
    }

    /// Text that ends its line.
    pub fn line(status: StatusCode, text: impl std::fmt::Display) -> Self {
        Self::Text(status, format!("{text}\n"))
    }

    /// There is no such record.
    pub fn no_model() -> Self {
        Self::line(StatusCode::NOT_FOUND, "Model not found.")
    }

    /// Another record is the same.
    pub fn duplicate(of: impl std::fmt::Display) -> Self {
        let sentence = format!("The requested action could not be completed due to a conflict with model '{of}'.");
        Self::Text(StatusCode::CONFLICT, sentence)
    }
}

/// One field whose value cannot be accepted, as FastAPI says it.
pub fn issue(kind: &str, field: &str, message: impl Into<String>, input: Option<&str>) -> Json {
    json!({"type": kind, "loc": ["body", field], "msg": message.into(), "input": input})
}

impl From<Error> for EdgeError {
    #[deny(clippy::wildcard_enum_match_arm)]
    fn from(error: Error) -> Self {
        match error.kind() {
            ErrorKind::InvalidArgument => {
                Self::fields(vec![issue("value_error", error.field().unwrap_or_default(), error.message(), None)])
            }
            ErrorKind::Unsupported => Self::detail(StatusCode::UNPROCESSABLE_ENTITY, error.message()),
            ErrorKind::InvalidBody | ErrorKind::DigestMismatch | ErrorKind::ChecksumMismatch => {
                Self::detail(StatusCode::BAD_REQUEST, error.message())
            }
            ErrorKind::NotFound => Self::no_model(),
            ErrorKind::QuotaExceeded => Self::detail(StatusCode::INSUFFICIENT_STORAGE, error.message()),
            ErrorKind::Gone
            | ErrorKind::AlreadyExists
            | ErrorKind::NameTaken
            | ErrorKind::InvalidState
            | ErrorKind::Incomplete
            | ErrorKind::PreconditionFailed
            | ErrorKind::HasDependents
            | ErrorKind::Conflict
            | ErrorKind::Locked
            | ErrorKind::TooLarge
            | ErrorKind::TooManyRequests
            | ErrorKind::Unauthenticated
            | ErrorKind::PermissionDenied
            | ErrorKind::Quarantined
            | ErrorKind::Upstream
            | ErrorKind::UpstreamUnavailable
            | ErrorKind::Unavailable
            | ErrorKind::Unimplemented
            | ErrorKind::Internal => Self::Registry(error),
        }
    }
}

impl std::fmt::Display for EdgeError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Detail(status, detail) => write!(f, "{status}: {detail}"),
            Self::Text(status, text) => write!(f, "{status}: {text}"),
            Self::Status(status, message) => write!(f, "{status}: {message}"),
            Self::Exception(name, message) => write!(f, "{name}: {message}"),
            Self::Registry(error) => error.fmt(f),
        }
    }
}

impl ResponseError for EdgeError {
    #[deny(clippy::wildcard_enum_match_arm)]
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Detail(status, _) | Self::Text(status, _) | Self::Status(status, _) => *status,
            Self::Exception(..) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Registry(error) => match error.kind() {
                ErrorKind::InvalidBody | ErrorKind::DigestMismatch | ErrorKind::ChecksumMismatch => {
                    StatusCode::BAD_REQUEST
                }
                ErrorKind::InvalidArgument | ErrorKind::Unsupported => StatusCode::UNPROCESSABLE_ENTITY,
                ErrorKind::NotFound => StatusCode::NOT_FOUND,
                ErrorKind::Gone => StatusCode::GONE,
                ErrorKind::AlreadyExists
                | ErrorKind::NameTaken
                | ErrorKind::InvalidState
                | ErrorKind::Incomplete
                | ErrorKind::PreconditionFailed
                | ErrorKind::HasDependents
                | ErrorKind::Conflict
                | ErrorKind::Locked => StatusCode::CONFLICT,
                ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
                ErrorKind::QuotaExceeded => StatusCode::INSUFFICIENT_STORAGE,
                ErrorKind::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
                ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
                ErrorKind::PermissionDenied | ErrorKind::Quarantined => StatusCode::FORBIDDEN,
                ErrorKind::Upstream | ErrorKind::UpstreamUnavailable => StatusCode::BAD_GATEWAY,
                ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
                ErrorKind::Unimplemented => StatusCode::NOT_IMPLEMENTED,
                ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            },
        }
    }

    fn error_response(&self) -> HttpResponse {
        let status = self.status_code();
        let mut response = with_status(status);
        match self {
            Self::Detail(_, detail) => response.json(json!({"detail": detail})),
            Self::Text(_, text) => response.body(text.clone()),
            Self::Status(_, message) => response.json(json!({"status": "error", "message": message})),
            Self::Exception(name, message) => response.content_type(TEXT).body(format!("{name}\n\n{message}")),
            Self::Registry(error) => {
                let said = report(error);
                let id = RequestId::current().map(|id| format!(", request id `{id}`")).unwrap_or_default();
                match status {
                    StatusCode::INTERNAL_SERVER_ERROR => {
                        response.content_type(TEXT).body(format!("InternalError\n\n{said}{id}"))
                    }
                    StatusCode::SERVICE_UNAVAILABLE => {
                        response.content_type(TEXT).body(format!("ConnectionError\n\n{said}{id}"))
                    }
                    _ => response.body(format!("{said}\n")),
                }
            }
        }
    }
}

/// The media type of text, as Starlette writes it.
pub const TEXT: &str = "text/plain; charset=utf-8";

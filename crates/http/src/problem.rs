//! The error body of the native API and of the server itself: RFC 9457, `application/problem+json`.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, ResponseError};
use serde::Serialize;
use utoipa::ToSchema;

use super::limits::whole_seconds;
use super::request_id::RequestId;
use super::status::with_status;
use crate::domain::{Error, ErrorKind};

/// The media type of [`ProblemDetails`].
pub const PROBLEM_JSON: &str = "application/problem+json";

/// The members of a problem document (RFC 9457 §3.1) and our two extensions, `field` and `requestId`.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProblemDetails {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// The status's reason phrase.
    pub title: &'static str,
    /// The status code.
    pub status: u16,
    /// What was wrong, for the caller.
    pub detail: String,
    /// The request's field that the problem is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// The id under which the server logged this request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

/// A registry error on its way to a caller of the native API.
#[derive(Debug)]
pub struct Problem(Error);

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Self(error)
    }
}

impl Problem {
    /// The error, for a door that has a shape of its own.
    pub fn into_error(self) -> Error {
        self.0
    }
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        status(self.0.kind())
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = problem_response(self.status_code(), report(&self.0), self.0.field());
        if let Some(wait) = self.0.retry_after() {
            response.headers_mut().insert(header::RETRY_AFTER, whole_seconds(wait).into());
        }
        response
    }
}

/// What the native API makes of each kind.
#[deny(clippy::wildcard_enum_match_arm)]
pub fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::InvalidArgument
        | ErrorKind::InvalidBody
        | ErrorKind::DigestMismatch
        | ErrorKind::ChecksumMismatch
        | ErrorKind::Unsupported => StatusCode::BAD_REQUEST,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Gone => StatusCode::GONE,
        ErrorKind::AlreadyExists
        | ErrorKind::NameTaken
        | ErrorKind::InvalidState
        | ErrorKind::Incomplete
        | ErrorKind::HasDependents
        | ErrorKind::Conflict
        | ErrorKind::Locked => StatusCode::CONFLICT,
        ErrorKind::PreconditionFailed => StatusCode::PRECONDITION_FAILED,
        ErrorKind::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        ErrorKind::QuotaExceeded => StatusCode::INSUFFICIENT_STORAGE,
        ErrorKind::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::PermissionDenied | ErrorKind::Quarantined => StatusCode::FORBIDDEN,
        // What another system refuses us is neither the caller's mistake nor a fault here.
        ErrorKind::Upstream | ErrorKind::UpstreamUnavailable => StatusCode::BAD_GATEWAY,
        ErrorKind::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        ErrorKind::Unimplemented => StatusCode::NOT_IMPLEMENTED,
        ErrorKind::Internal => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

/// A response with a problem document; 503 carries `Retry-After`.
pub fn problem_response(status: StatusCode, detail: &str, field: Option<&str>) -> HttpResponse {
    let details = ProblemDetails {
        kind: "about:blank",
        title: status.canonical_reason().unwrap_or_default(),
        status: status.as_u16(),
        detail: detail.to_owned(),
        field: field.map(str::to_owned),
        request_id: RequestId::current().map(|id| id.to_string()),
    };
    with_status(status).insert_header((header::CONTENT_TYPE, PROBLEM_JSON)).json(details)
}

/// The sentence that a caller may see, for every protocol's error mapping.
///
/// A failure of ours is logged here with its cause and the request id, so call this once per error.
pub fn report(error: &Error) -> &str {
    let request_id = RequestId::current();
    let request_id = request_id.as_ref().map_or("-", RequestId::as_str);
    match error.kind() {
        ErrorKind::Internal => {
            log::error!("request.id" = request_id; "internal error: {error}");
            "internal error"
        }
        ErrorKind::Unavailable | ErrorKind::UpstreamUnavailable => {
            log::warn!("request.id" = request_id; "unavailable: {error}");
            error.message()
        }
        ErrorKind::InvalidArgument
        | ErrorKind::InvalidBody
        | ErrorKind::DigestMismatch
        | ErrorKind::ChecksumMismatch
        | ErrorKind::Unsupported
        | ErrorKind::NotFound
        | ErrorKind::Gone
        | ErrorKind::AlreadyExists
        | ErrorKind::NameTaken
        | ErrorKind::InvalidState
        | ErrorKind::Incomplete
        | ErrorKind::PreconditionFailed
        | ErrorKind::HasDependents
        | ErrorKind::Conflict
        | ErrorKind::Locked
        | ErrorKind::TooLarge
        | ErrorKind::QuotaExceeded
        | ErrorKind::TooManyRequests
        | ErrorKind::Unauthenticated
        | ErrorKind::PermissionDenied
        | ErrorKind::Quarantined
        | ErrorKind::Upstream
        | ErrorKind::Unimplemented => error.message(),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use serde_json::{Value, json};

    use super::*;

    async fn shown(error: Error) -> (HttpResponse<()>, Value) {
        let (response, body) = Problem::from(error).error_response().into_parts();
        (response, serde_json::from_slice(&to_bytes(body).await.unwrap()).unwrap())
    }

    #[actix_web::test]
    async fn a_clients_mistake_names_the_field() {
        let (response, body) = shown(Error::invalid("name", "name `` is empty")).await;
        assert_eq!(response.headers().get(header::CONTENT_TYPE).unwrap(), PROBLEM_JSON);
        let expected = json!({
            "type": "about:blank", "title": "Bad Request", "status": 400,
            "detail": "name `` is empty", "field": "name",
        });
        assert_eq!(body, expected);
    }

    #[actix_web::test]
    async fn our_own_failure_stays_with_us() {
        let (response, body) = shown(Error::internal("table `nodes` is gone").caused_by("no such table")).await;
        assert_eq!(response.status(), 500);
        assert_eq!(body.get("detail").unwrap(), "internal error");
        assert!(!body.to_string().contains("nodes"));
    }

    #[actix_web::test]
    async fn an_outage_asks_to_come_back() {
        let (response, body) = shown(Error::unavailable("the database is busy").caused_by("10.0.0.1 refused")).await;
        assert_eq!(
            (response.status().as_u16(), response.headers().get("retry-after").unwrap()),
            (503, &"1".parse().unwrap())
        );
        assert_eq!(body.get("detail").unwrap(), "the database is busy");
    }
}

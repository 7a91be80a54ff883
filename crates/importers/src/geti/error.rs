//! The error of a request to a Geti server, with the message that Geti sent.

use std::error::Error as StdError;
use std::time::Duration;

use serde_json::Value;

use crate::domain::Error;
use crate::registry::jobs::Failure;

/// How much of Geti's message is passed on, in characters.
const MAX_MESSAGE_CHARS: usize = 500;

/// An error, and whether a retry may help.
#[derive(Debug)]
pub(super) struct GetiError {
    pub(super) error: Error,
    pub(super) retryable: bool,
    /// How long Geti asks to wait.
    pub(super) wait: Option<Duration>,
    /// Whether this release of Geti does not know the path at all.
    pub(super) unknown_route: bool,
}

/// What a request to Geti returns.
pub(super) type GetiResult<T> = Result<T, GetiError>;

impl GetiError {
    /// Geti, or its settings, do not allow the request; a retry does not help.
    pub(super) fn precondition(message: impl Into<String>) -> Self {
        Error::upstream(message).into()
    }

    /// Geti cannot be reached, or broke off.
    pub(super) fn unavailable(message: impl Into<String>) -> Self {
        Self { error: Error::upstream_unavailable(message), retryable: true, wait: None, unknown_route: false }
    }

    /// Geti responded with that status.
    ///
    /// Errors of the resource service are `{"error_code", "message", "http_status"}`, those of the account service
    /// `{"code", "message", "details"}`, those of the gateway plain text, an unknown route
    /// `{"endpoint_not_found_response": …}`, an unhandled failure `{"internal_server_error": …}` (Geti 2.11); Geti 3 says
    /// `{"detail": text or list}`.
    pub(super) fn from_response(server: &str, what: &str, status: u16, wait: Option<Duration>, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let json: Option<Value> = serde_json::from_str(&text).ok();
        let words = words(json.as_ref(), &text);
        let says = if words.is_empty() { String::new() } else { format!(": {words}") };
        let message = match status {
            401 => format!("Geti `{server}` does not accept the token (401){says}"),
            403 => format!("Geti `{server}` does not allow this to the token (403) at {what}{says}"),
            _ => format!("Geti `{server}` answers {status} to {what}{says}"),
        };
        let error = match status {
            404 => Error::upstream_not_found(message),
            429 | 500.. => Error::upstream_unavailable(message),
            _ => Error::upstream(message),
        };
        // Only what the resource service knows has an error code; a router that does not know the path has none. Geti
        // 2.13 has no route for `code_deployments` any more, Geti 2.10 none for `deployment_package`.
        let known = json.as_ref().is_some_and(|json| json.get("error_code").is_some() || json.get("code").is_some());
        let unknown_route = matches!(status, 404 | 405) && !known;
        let retryable = matches!(status, 429 | 502 | 503 | 504);
        Self { error, retryable, wait, unknown_route }
    }

    /// The request got no response.
    pub(super) fn from_request(server: &str, error: &reqwest::Error) -> Self {
        let why = chain(error);
        if error.is_builder() {
            return Self::precondition(format!(
                "Geti `{server}` cannot be asked, its URL or token is malformed: {why}"
            ));
        }
        if why.contains("certificate") || why.contains("UnknownIssuer") {
            let hint = "set `ca_file` to the authority that signed it";
            return Self::precondition(format!("the certificate of Geti `{server}` is not trusted: {why}; {hint}"));
        }
        Self::unavailable(format!("Geti `{server}` cannot be reached: {why}"))
    }
}

impl From<Error> for GetiError {
    fn from(error: Error) -> Self {
        let retryable = error.kind().is_transient();
        Self { error, retryable, wait: None, unknown_route: false }
    }
}

impl From<GetiError> for Error {
    fn from(failure: GetiError) -> Self {
        failure.error
    }
}

impl From<GetiError> for Failure {
    fn from(failure: GetiError) -> Self {
        Self { error: failure.error, is_retryable: failure.retryable, result: None }
    }
}

/// The causes, without the URL, which says nothing new and is long.
pub(super) fn chain(error: &dyn StdError) -> String {
    let mut last = error;
    while let Some(source) = last.source() {
        last = source;
    }
    last.to_string()
}

fn words(json: Option<&Value>, text: &str) -> String {
    let keys = ["message", "detail", "internal_server_error", "endpoint_not_found_response"];
    let said = json.and_then(|json| keys.iter().find_map(|key| json.get(key)));
    let words = match said {
        Some(Value::String(words)) => words.clone(),
        Some(other) => other.to_string(),
        // A page for people has nothing to say to a program.
        None if text.trim_start().starts_with('<') => String::new(),
        None => text.trim().to_owned(),
    };
    words.chars().filter(|each| !each.is_control()).take(MAX_MESSAGE_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ErrorKind;

    #[test]
    fn errors_carry_the_message_of_geti() {
        let failure =
            |status: u16, body: &str| GetiError::from_response("lab", "GET /x", status, None, body.as_bytes());
        let found = failure(401, "Invalid authorization token");
        assert_eq!(found.error.kind(), ErrorKind::Upstream);
        assert!(found.error.message().ends_with("(401): Invalid authorization token"), "{}", found.error);
        assert!(!found.retryable);
        let found = failure(404, r#"{"error_code":"project_not_found","message":"no such project","http_status":404}"#);
        assert_eq!((found.error.kind(), found.unknown_route), (ErrorKind::NotFound, false));
        assert!(failure(404, r#"{"endpoint_not_found_response":"nothing here"}"#).unknown_route);
        assert!(failure(404, r#"{"detail":"Not Found"}"#).error.message().ends_with(": Not Found"));
        let found = failure(503, r#"{"error_code":"code_deployment_download_not_ready","message":"wait"}"#);
        assert_eq!((found.error.kind(), found.retryable), (ErrorKind::UpstreamUnavailable, true));
        let found = failure(507, r#"{"error_code":"not_enough_space","message":"full"}"#);
        assert_eq!((found.error.kind(), found.retryable), (ErrorKind::UpstreamUnavailable, false));
        assert!(failure(400, r#"{"message":{"limit":["too large"]}}"#).error.message().contains("too large"));
        assert!(!failure(502, "<html><body>Bad gateway").error.message().contains('<'));
    }
}

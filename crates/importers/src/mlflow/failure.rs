//! Why something could not be imported, and whether that concerns it alone.

use std::error::Error as StdError;
use std::time::Duration;

use serde_json::Value;

use crate::domain::{Error, ErrorKind};

/// How much of the other server's message is passed on, in characters.
const MAX_MESSAGE_CHARS: usize = 500;

/// An error, and what may be done about it.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) error: Error,
    /// How long the server asks to wait.
    pub(super) wait: Option<Duration>,
    /// Whether it concerns one thing alone: the next one may be imported.
    pub(super) is_of_item: bool,
    /// The status of the response, where there was one.
    status: Option<u16>,
}

impl Failure {
    /// The server has one thing in a way that cannot be imported.
    pub(super) fn of_item(message: impl Into<String>) -> Self {
        Self { error: Error::upstream(message), wait: None, is_of_item: true, status: None }
    }

    /// It is no tracking server, or none that can be asked.
    pub(super) fn foreign(message: impl Into<String>) -> Self {
        Self { is_of_item: false, ..Self::of_item(message) }
    }

    /// The server does not have something that was asked for by its name.
    pub(super) fn missing(what: &str) -> Self {
        let error = Error::upstream_not_found(format!("the server has no {what}"));
        Self { error, ..Self::foreign("") }
    }

    /// The server responded with that status. MLflow says `{"error_code", "message"}`.
    pub(super) fn from_response(what: &str, status: u16, wait: Option<Duration>, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let json: Option<Value> = serde_json::from_str(&text).ok();
        let words = json.as_ref().and_then(|json| json.get("message")).and_then(Value::as_str);
        let is_page = text.trim_start().starts_with('<');
        let words = words.unwrap_or(if is_page { "" } else { text.trim() });
        let words: String = words.chars().take(MAX_MESSAGE_CHARS).collect();
        let says = if words.is_empty() { String::new() } else { format!(": {}", words.escape_debug()) };
        let message = match status {
            401 => format!("the server does not accept the credentials (401){says}"),
            403 => format!("the server does not allow {what} (403){says}"),
            300..=399 => {
                format!("the server answers {what} with a redirection ({status}): give the address it leads to")
            }
            _ => format!("the server answers {status} to {what}{says}"),
        };
        let is_transient = matches!(status, 429 | 502 | 503 | 504);
        let error = match status {
            404 => Error::upstream_not_found(message),
            _ if is_transient => Error::upstream_unavailable(message),
            _ => Error::upstream(message),
        };
        let is_of_item = !is_transient && !matches!(status, 300..=399 | 401);
        Self { error, wait, is_of_item, status: Some(status) }
    }

    /// The request got no response.
    pub(super) fn from_request(error: &reqwest::Error) -> Self {
        let why = chain(error);
        if error.is_builder() {
            return Self::foreign(format!("the server cannot be asked: {why}"));
        }
        if why.contains("certificate") || why.contains("UnknownIssuer") {
            return Self::foreign(format!(
                "the server's certificate is not trusted: {why}; name the authority that signed it"
            ));
        }
        Self::unavailable(format!("the server cannot be reached: {why}"))
    }

    /// An answer did not arrive as a whole.
    pub(super) fn broken_off(error: &reqwest::Error) -> Self {
        Self::unavailable(format!("an answer broke off: {}", chain(error)))
    }

    fn unavailable(message: String) -> Self {
        Self { error: Error::upstream_unavailable(message), wait: None, is_of_item: false, status: None }
    }

    /// Whether repeating the request may help.
    pub(super) fn is_retryable(&self) -> bool {
        self.error.kind().is_transient()
    }

    /// Whether the server does not have what was asked for.
    pub(super) fn is_missing(&self) -> bool {
        self.status == Some(404)
    }

    /// Whether the server does not know the operation: it is an older one.
    pub(super) fn is_unknown_operation(&self) -> bool {
        matches!(self.status, Some(404 | 405 | 501))
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let is_of_item = matches!(
            error.kind(),
            ErrorKind::InvalidArgument
                | ErrorKind::InvalidBody
                | ErrorKind::DigestMismatch
                | ErrorKind::Unsupported
                | ErrorKind::TooLarge
                | ErrorKind::AlreadyExists
                | ErrorKind::NameTaken
                | ErrorKind::NotFound
                | ErrorKind::InvalidState
                | ErrorKind::Quarantined
        );
        Self { error, wait: None, is_of_item, status: None }
    }
}

/// An error with what caused it.
pub(super) fn chain(error: &dyn StdError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(each) = cause {
        text.push_str(&format!(": {each}"));
        cause = each.source();
    }
    text
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

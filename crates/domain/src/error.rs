//! One error for the whole registry. Each protocol maps its closed kind to its own statuses and bodies.

mod kind;

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::access::Exceeded;

pub use kind::ErrorKind;

/// The registry's error: a kind, a message for the caller, the field it is about, and the cause for the log.
///
/// Field and message are for the caller alone. What is done about an error depends on its kind.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    field: Option<String>,
    names_place: bool,
    exceeded: Option<Box<Exceeded>>,
    retry_after: Option<Duration>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The registry's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// The field of an error about the body of a request.
const BODY: &str = "body";

/// The field of an error of another system.
const UPSTREAM: &str = "upstream";

impl Error {
    /// An error of `kind` whose message names the thing and its value in backticks.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            field: None,
            names_place: false,
            exceeded: None,
            retry_after: None,
            source: None,
        }
    }

    /// A value in `field` cannot be accepted.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message).on_field(field)
    }

    /// The body is broken, breaks off, or has another length than the request said.
    pub fn invalid_body(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidBody, message).on_field(BODY)
    }

    /// The bytes have another digest than the request announced. The field is that of the announcement.
    pub fn digest_mismatch(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::DigestMismatch, message)
    }

    /// The content of a file is not accepted.
    pub fn unsupported(field: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message).on_field(field)
    }

    /// The addressed thing does not exist. `what` is a noun with its value, as in "registered model `5`".
    pub fn not_found(what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::NotFound, format!("{what} not found"))
    }

    /// The addressed thing existed, and does not come back.
    pub fn gone(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Gone, message)
    }

    /// An external id, a path or an edge is taken.
    pub fn already_exists(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::AlreadyExists, message)
    }

    /// A name is taken.
    pub fn name_taken(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NameTaken, message).on_field("name")
    }

    /// The state of what the request is about does not allow it.
    pub fn invalid_state(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidState, message)
    }

    /// What the request completes lacks parts.
    pub fn incomplete(field: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Incomplete, message).on_field(field)
    }

    /// What `field` demands of the current state does not hold.
    pub fn precondition_failed(field: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::PreconditionFailed, message).on_field(field)
    }

    /// Something depends on what the request removes; `field` is the parameter of the request that forces the removal.
    pub fn has_dependents(field: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::HasDependents, message).on_field(field)
    }

    /// The same thing was changed concurrently: the store retries the transaction that reports it.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Conflict, message)
    }

    /// Another request or process holds what this one needs alone.
    pub fn locked(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Locked, message)
    }

    /// A size or a number is above its limit.
    pub fn too_large(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::TooLarge, message)
    }

    /// What the request adds would be above a quota of its workspace. The field is the quota: `bytes`, `files` or `roots`.
    pub fn quota_exceeded(exceeded: Exceeded, message: impl Into<String>) -> Self {
        let error = Self::new(ErrorKind::QuotaExceeded, message).on_field(exceeded.counted.name());
        Self { exceeded: Some(Box::new(exceeded)), ..error }
    }

    /// The caller sends more requests than they may; the next may come after that time.
    pub fn too_many_requests(message: impl Into<String>, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(ErrorKind::TooManyRequests, message) }
    }

    /// The caller did not say who they are, or not believably.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unauthenticated, message)
    }

    /// The caller may not do this.
    pub fn permission_denied(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::PermissionDenied, message)
    }

    /// Another system that the request depends on refuses.
    pub fn upstream(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Upstream, message).on_field(UPSTREAM)
    }

    /// Another system that the request depends on cannot be used right now.
    pub fn upstream_unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::UpstreamUnavailable, message).on_field(UPSTREAM)
    }

    /// Another system does not have the addressed thing.
    pub fn upstream_not_found(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::NotFound, message).on_field(UPSTREAM)
    }

    /// The database or the object store cannot be used right now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
    }

    /// This server does not perform the operation.
    pub fn unimplemented(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unimplemented, message)
    }

    /// A fault of ours.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// Names the request's field that the error is about.
    #[must_use]
    pub fn on_field(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }

    /// Names the field, unless the error names one.
    #[must_use]
    pub fn or_on_field(self, field: &str) -> Self {
        if self.field.is_none() { self.on_field(field) } else { self }
    }

    /// Says that the message names the place within the body already, such as the member of an archive.
    #[must_use]
    pub fn naming_place(mut self) -> Self {
        self.names_place = true;
        self
    }

    /// Begins the message with the place within the body, unless it names one.
    #[must_use]
    pub fn at_place(self, place: impl fmt::Display) -> Self {
        if self.names_place {
            return self;
        }
        Self { message: format!("{place}: {}", self.message), ..self }.naming_place()
    }

    /// Keeps the cause for the log; it is never shown to a caller.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// The closed kind, which every protocol maps exhaustively.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The sentence for the caller.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// How far above which quota the workspace would be, where that is what is wrong.
    pub fn exceeded(&self) -> Option<Exceeded> {
        self.exceeded.as_deref().copied()
    }

    /// After which time the request may be answered, where that is known.
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The request's field that the error is about, where there is one.
    pub fn field(&self) -> Option<&str> {
        self.field.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let mut source = self.source();
        while let Some(cause) = source {
            write!(f, ": {cause}")?;
            source = cause.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_and_a_field_are_named_once() {
        let broken = || Error::invalid_body("it ends too early");
        assert_eq!(broken().at_place("member `a`").message(), "member `a`: it ends too early");
        assert_eq!(broken().at_place("member `a`").at_place("member `b`").message(), "member `a`: it ends too early");
        assert_eq!(broken().naming_place().at_place("member `a`").message(), "it ends too early");
        assert_eq!(broken().or_on_field("file").field(), Some(BODY));
        assert_eq!(Error::too_large("").or_on_field("file").field(), Some("file"));
    }
}

//! One error for the whole registry. Each protocol maps its closed kind to its own statuses and bodies.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong, as far as a caller needs to tell cases apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A value the caller sent cannot be accepted, whatever the state of the registry.
    InvalidArgument,
    /// The thing that was addressed does not exist.
    NotFound,
    /// A name, external id or path is taken.
    AlreadyExists,
    /// The request is sound, but the state of the registry does not allow it.
    FailedPrecondition,
    /// The same thing was changed concurrently.
    Conflict,
    /// The caller did not say who they are, or not believably.
    Unauthenticated,
    /// The caller may not do this.
    PermissionDenied,
    /// A size, depth or rate limit was passed.
    ResourceExhausted,
    /// The database or the object store cannot be used right now; trying again later may help.
    Unavailable,
    /// The protocol names this operation, but this server does not perform it.
    Unimplemented,
    /// A fault of ours. The caller sees the request id only.
    Internal,
}

/// The registry's error: a kind, a message for the caller, the field it is about, and the cause for the log.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    field: Option<String>,
    source: Option<Box<dyn StdError + Send + Sync>>,
}

/// The registry's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind` whose message names the thing and its value in backticks.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), field: None, source: None }
    }

    /// A value in `field` cannot be accepted.
    pub fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message).on_field(field)
    }

    /// The addressed thing does not exist. `what` is a noun with its value, as in "registered model `5`".
    pub fn not_found(what: impl fmt::Display) -> Self {
        Self::new(ErrorKind::NotFound, format!("{what} not found"))
    }

    /// A name, external id or path is taken.
    pub fn already_exists(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::AlreadyExists, message)
    }

    /// The database or the object store cannot be used right now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unavailable, message)
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

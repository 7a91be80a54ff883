//! Why a parser stopped: the source failed, or the bytes are not what they claim to be.

use std::{fmt, io};

/// Why a parser stopped before it had seen everything.
#[derive(Debug)]
pub(super) enum ParseError {
    /// The bytes could not be read; nothing is known about them.
    Failed(io::Error),
    /// They end too early.
    Truncated,
    /// They break a rule of the format.
    Malformed(String),
    /// They ask for more work than a file may cost.
    Limit(String),
}

/// The result of a step of a parser.
pub(super) type ParseResult<T> = std::result::Result<T, ParseError>;

impl ParseError {
    /// A rule of the format is broken.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::Malformed(message.into())
    }

    /// More work than a file may cost.
    pub(super) fn limit(message: impl Into<String>) -> Self {
        Self::Limit(message.into())
    }
}

impl From<io::Error> for ParseError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// An error of the source, wrapped to pass through a foreign reader, whose own errors are about the bytes.
#[derive(Debug)]
pub(super) struct SourceFailed(pub(super) io::Error);

impl SourceFailed {
    /// The source's error, wrapped for the reader.
    pub(super) fn wrap(error: io::Error) -> io::Error {
        io::Error::other(Self(error))
    }
}

impl fmt::Display for SourceFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SourceFailed {}

impl From<serde_json::Error> for ParseError {
    fn from(error: serde_json::Error) -> Self {
        if error.is_eof() { Self::Truncated } else { Self::Malformed(error.to_string()) }
    }
}

//! Why a parser stopped: the store failed, or the bytes are not what they claim to be.

use crate::domain::Error;

/// Why a parser stopped before it had seen everything.
#[derive(Debug)]
pub(super) enum Fault {
    /// The bytes could not be read; nothing is known about them.
    Failed(Error),
    /// They end too early.
    Truncated,
    /// They break a rule of the format.
    Malformed(String),
    /// They ask for more work than a file may cost.
    Limit(String),
}

/// What a parser's step gives.
pub(super) type Step<T> = std::result::Result<T, Fault>;

impl Fault {
    /// A rule of the format is broken.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::Malformed(message.into())
    }

    /// More work than a file may cost.
    pub(super) fn limit(message: impl Into<String>) -> Self {
        Self::Limit(message.into())
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        if error.is_eof() { Self::Truncated } else { Self::Malformed(error.to_string()) }
    }
}

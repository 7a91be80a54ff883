//! The registry's errors as gRPC's statuses.

use tonic::{Code, Status};

use super::retry_info;
use crate::domain::{Error, ErrorKind};
use crate::http::problem::report;
use crate::http::request_id::RequestId;

/// ML Metadata's client retries ABORTED alone.
#[deny(clippy::wildcard_enum_match_arm)]
fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::InvalidArgument
        | ErrorKind::InvalidBody
        | ErrorKind::DigestMismatch
        | ErrorKind::ChecksumMismatch
        | ErrorKind::Unsupported => Code::InvalidArgument,
        ErrorKind::NotFound | ErrorKind::Gone => Code::NotFound,
        ErrorKind::AlreadyExists | ErrorKind::NameTaken => Code::AlreadyExists,
        ErrorKind::InvalidState
        | ErrorKind::Incomplete
        | ErrorKind::PreconditionFailed
        | ErrorKind::HasDependents
        | ErrorKind::Upstream => Code::FailedPrecondition,
        ErrorKind::Conflict | ErrorKind::Locked => Code::Aborted,
        ErrorKind::TooLarge | ErrorKind::QuotaExceeded | ErrorKind::TooManyRequests => Code::ResourceExhausted,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::PermissionDenied | ErrorKind::Quarantined => Code::PermissionDenied,
        ErrorKind::Unavailable | ErrorKind::UpstreamUnavailable => Code::Unavailable,
        ErrorKind::Unimplemented => Code::Unimplemented,
        ErrorKind::Internal => Code::Internal,
    }
}

/// Why a call fails.
#[derive(Debug)]
pub(super) enum CallError {
    /// An error of the registry.
    Registry(Error),
    /// A status that only this protocol has.
    Status(Status),
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        Self::Registry(error)
    }
}

impl From<CallError> for Status {
    fn from(error: CallError) -> Self {
        match error {
            CallError::Registry(error) => status(&error),
            CallError::Status(status) => status,
        }
    }
}

/// The status for the client. A failure of ours is logged here, and the client sees the request's id only.
pub(super) fn status(error: &Error) -> Status {
    let (code, message) = (code(error.kind()), report(error));
    if let Some(wait) = error.retry_after() {
        return retry_info::status(code, truncate(message), wait);
    }
    match RequestId::current().filter(|_| code == Code::Internal) {
        Some(id) => Status::new(code, format!("{message}, request id `{id}`")),
        None => Status::new(code, truncate(message)),
    }
}

/// The maximum number of bytes of a message as it is sent: clients take 8 KiB of metadata, and see another error beyond.
const MAX_MESSAGE_BYTES: usize = 2048;

/// The beginning of a message that repeats what the client sent.
pub(super) fn truncate(message: &str) -> String {
    let mut room = MAX_MESSAGE_BYTES;
    let sent = |each: char| if each.is_ascii_graphic() || each == ' ' { 1 } else { 3 * each.len_utf8() };
    let kept: String = message
        .chars()
        .take_while(|each| {
            let fits = room >= sent(*each);
            room = room.saturating_sub(sent(*each));
            fits
        })
        .collect();
    if kept.len() < message.len() { format!("{kept}…") } else { kept }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clients_mistake_is_told_and_ours_is_not() {
        let sent = status(&Error::invalid("name", "name is empty"));
        assert_eq!((sent.code(), sent.message()), (Code::InvalidArgument, "name is empty"));
        let sent = status(&Error::internal("table `nodes` is gone").caused_by("no such table"));
        assert_eq!((sent.code(), sent.message()), (Code::Internal, "internal error"));
        let sent = status(&Error::conflict("concurrent modification"));
        assert_eq!(sent.code(), Code::Aborted);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        assert_eq!(truncate("short"), "short");
        assert_eq!(truncate(&"a".repeat(MAX_MESSAGE_BYTES)), "a".repeat(MAX_MESSAGE_BYTES));
        assert_eq!(truncate(&"a".repeat(MAX_MESSAGE_BYTES + 1)), format!("{}…", "a".repeat(MAX_MESSAGE_BYTES)));
        assert_eq!(truncate(&"ü".repeat(20_000)).chars().count(), MAX_MESSAGE_BYTES / 6 + 1);
    }
}

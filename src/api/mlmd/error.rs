//! The registry's errors as gRPC's statuses.

use tonic::{Code, Status};

use crate::api::middleware::RequestId;
use crate::api::problem::report;
use crate::domain::{Error, ErrorKind};

/// ML Metadata's client retries ABORTED alone.
fn code(kind: ErrorKind) -> Code {
    match kind {
        ErrorKind::InvalidArgument => Code::InvalidArgument,
        ErrorKind::NotFound => Code::NotFound,
        ErrorKind::AlreadyExists => Code::AlreadyExists,
        ErrorKind::FailedPrecondition => Code::FailedPrecondition,
        ErrorKind::Conflict => Code::Aborted,
        ErrorKind::Unauthenticated => Code::Unauthenticated,
        ErrorKind::PermissionDenied => Code::PermissionDenied,
        ErrorKind::ResourceExhausted => Code::ResourceExhausted,
        ErrorKind::Unavailable => Code::Unavailable,
        ErrorKind::Unimplemented => Code::Unimplemented,
        ErrorKind::Internal => Code::Internal,
    }
}

impl From<Error> for Status {
    /// The status for the client. A failure of ours is logged here, and the client sees the request's id only.
    fn from(error: Error) -> Self {
        let message = match (error.kind(), RequestId::current()) {
            (ErrorKind::Internal, Some(id)) => format!("{}, request id `{id}`", report(&error)),
            (_, _) => report(&error).to_owned(),
        };
        Self::new(code(error.kind()), truncate(&message))
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
        let status = Status::from(Error::invalid("name", "name is empty"));
        assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "name is empty"));
        let status = Status::from(Error::internal("table `nodes` is gone").caused_by("no such table"));
        assert_eq!((status.code(), status.message()), (Code::Internal, "internal error"));
        let status = Status::from(Error::new(ErrorKind::Conflict, "concurrent modification"));
        assert_eq!(status.code(), Code::Aborted);
    }

    #[test]
    fn a_long_message_is_cut_between_characters() {
        assert_eq!(truncate("short"), "short");
        assert_eq!(truncate(&"a".repeat(MAX_MESSAGE_BYTES)), "a".repeat(MAX_MESSAGE_BYTES));
        assert_eq!(truncate(&"a".repeat(MAX_MESSAGE_BYTES + 1)), format!("{}…", "a".repeat(MAX_MESSAGE_BYTES)));
        assert_eq!(truncate(&"ü".repeat(20_000)).chars().count(), MAX_MESSAGE_BYTES / 6 + 1);
    }
}

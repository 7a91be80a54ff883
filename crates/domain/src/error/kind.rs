//! The kinds of errors, each of which every protocol maps to its own statuses.

/// What went wrong, as far as a protocol or a use case needs to tell cases apart. Nothing branches on an error's field or
/// message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// A value the caller sent cannot be accepted, whatever the state of the registry.
    InvalidArgument,
    /// A body is broken, breaks off, or has another length than the request said.
    InvalidBody,
    /// The bytes have another digest than the request announced.
    DigestMismatch,
    /// The bytes of one request of a resumable upload have another checksum than it says (tus 1.0 Checksum).
    ChecksumMismatch,
    /// The content of a file is not accepted here: by its format, or by what inspection found in it.
    Unsupported,
    /// The thing that was addressed does not exist.
    NotFound,
    /// The thing that was addressed existed, and does not come back.
    Gone,
    /// An external id, a path or an edge is taken.
    AlreadyExists,
    /// A name is taken. A use case that reuses what has the name starts again instead.
    NameTaken,
    /// The request is sound, but the state of what it is about does not allow it.
    InvalidState,
    /// What the request completes lacks parts, which may still come.
    Incomplete,
    /// What the request demands of the current state (`If-Match`, `If-None-Match`, a time of change) does not hold.
    PreconditionFailed,
    /// Something else depends on what the request removes, and the request does not force the removal.
    HasDependents,
    /// The same thing was changed concurrently. The store retries the transaction that reports it.
    Conflict,
    /// Another request or process holds what this one needs alone, for a while.
    Locked,
    /// A size or a number is above its limit.
    TooLarge,
    /// What the request adds would be above the quota of its workspace.
    QuotaExceeded,
    /// The caller sends more requests than they may.
    TooManyRequests,
    /// The caller did not say who they are, or not believably.
    Unauthenticated,
    /// The caller may not do this.
    PermissionDenied,
    /// The file is quarantined, and the request does not ask for quarantined files.
    Quarantined,
    /// Another system that the request depends on refuses.
    Upstream,
    /// Another system that the request depends on cannot be used right now.
    UpstreamUnavailable,
    /// The database, the object store or the memory cannot be used right now; trying again later may help.
    Unavailable,
    /// The protocol names this operation, but this server does not perform it.
    Unimplemented,
    /// A fault of ours. The caller sees the request id only.
    Internal,
}

impl ErrorKind {
    /// Whether the same request may succeed a while later, though nobody changes anything about it.
    pub fn is_transient(self) -> bool {
        match self {
            Self::Conflict | Self::Locked | Self::TooManyRequests | Self::UpstreamUnavailable | Self::Unavailable => {
                true
            }
            Self::InvalidArgument
            | Self::InvalidBody
            | Self::DigestMismatch
            | Self::ChecksumMismatch
            | Self::Unsupported
            | Self::NotFound
            | Self::Gone
            | Self::AlreadyExists
            | Self::NameTaken
            | Self::InvalidState
            | Self::Incomplete
            | Self::PreconditionFailed
            | Self::HasDependents
            | Self::TooLarge
            | Self::QuotaExceeded
            | Self::Unauthenticated
            | Self::PermissionDenied
            | Self::Quarantined
            | Self::Upstream
            | Self::Unimplemented
            | Self::Internal => false,
        }
    }

    /// Whether a name, an external id, a path or an edge is taken.
    pub fn is_taken(self) -> bool {
        matches!(self, Self::AlreadyExists | Self::NameTaken)
    }
}

//! The states of artifacts and executions.

/// The states of an artifact, numbered as in ML Metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArtifactState {
    /// Nothing is known.
    Unknown = 0,
    /// It is being made.
    Pending = 1,
    /// It can be used.
    Live = 2,
    /// It is about to be deleted.
    MarkedForDeletion = 3,
    /// Its bytes are gone.
    Deleted = 4,
    /// Making it failed.
    Abandoned = 5,
    /// It stands for something elsewhere.
    Reference = 6,
}

impl ArtifactState {
    /// The names of all states, with their numbers.
    pub const NAMES: [(&'static str, i64); 7] = [
        ("UNKNOWN", Self::Unknown as i64),
        ("PENDING", Self::Pending as i64),
        ("LIVE", Self::Live as i64),
        ("MARKED_FOR_DELETION", Self::MarkedForDeletion as i64),
        ("DELETED", Self::Deleted as i64),
        ("ABANDONED", Self::Abandoned as i64),
        ("REFERENCE", Self::Reference as i64),
    ];

    /// The number under which the state is stored.
    pub fn number(self) -> i64 {
        self as i64
    }

    /// The name of the state with that number.
    pub fn name_of(number: i64) -> Option<&'static str> {
        name_of(&Self::NAMES, number)
    }
}

/// The states of an execution, numbered as in ML Metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExecutionState {
    /// Nothing is known.
    Unknown = 0,
    /// It is to be run.
    New = 1,
    /// It runs.
    Running = 2,
    /// It ended well.
    Complete = 3,
    /// It failed.
    Failed = 4,
    /// It was not run, as what it would make was there.
    Cached = 5,
    /// It was stopped.
    Canceled = 6,
}

impl ExecutionState {
    /// The names of all states, with their numbers.
    pub const NAMES: [(&'static str, i64); 7] = [
        ("UNKNOWN", Self::Unknown as i64),
        ("NEW", Self::New as i64),
        ("RUNNING", Self::Running as i64),
        ("COMPLETE", Self::Complete as i64),
        ("FAILED", Self::Failed as i64),
        ("CACHED", Self::Cached as i64),
        ("CANCELED", Self::Canceled as i64),
    ];

    /// The number under which the state is stored.
    pub fn number(self) -> i64 {
        self as i64
    }

    /// The name of the state with that number.
    pub fn name_of(number: i64) -> Option<&'static str> {
        name_of(&Self::NAMES, number)
    }
}

fn name_of(names: &[(&'static str, i64)], number: i64) -> Option<&'static str> {
    names.iter().find(|(_, known)| *known == number).map(|(name, _)| *name)
}

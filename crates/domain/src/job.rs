//! Background jobs: their payload, state, progress and result.

use std::fmt;
use std::str::FromStr;

use super::access::{Group, PrincipalId, TokenId, WorkspaceId};
use super::{Error, Millis, Result};

/// The id of a job: a positive integer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct JobId(pub i64);

impl FromStr for JobId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.parse::<i64>() {
            Ok(id) if id > 0 && id.to_string() == text => Ok(Self(id)),
            _ => Err(Error::invalid("id", format!("id `{}` is not a positive integer", text.escape_debug()))),
        }
    }
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The state of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It waits for its time, or for a worker.
    Queued,
    /// A worker runs it.
    Running,
    /// It succeeded.
    Succeeded,
    /// It failed and will not be retried.
    Failed,
    /// It was cancelled.
    Cancelled,
}

impl JobState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Succeeded, Self::Failed, Self::Cancelled];

    /// The word under which it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Succeeded => "succeeded",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }

    /// The state of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.name() == name)
    }

    /// Whether the job has ended.
    pub fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Succeeded | Self::Failed | Self::Cancelled => true,
        }
    }
}

/// The progress of a job.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobProgress {
    /// How much is done.
    pub done: i64,
    /// Out of how much, once that is known.
    pub total: Option<i64>,
    /// What is being done, for people.
    pub message: Option<String>,
}

/// Whose rights a job has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AskedBy {
    /// The server's own; everybody's where there are no accounts.
    Server,
    /// Those of somebody unknown.
    Stranger,
    /// Those of a principal.
    Principal {
        /// Which one.
        id: PrincipalId,
        /// The groups that it was in.
        groups: Vec<Group>,
        /// The token that it presented, which leaves as much of its rights as it did.
        token: Option<TokenId>,
    },
}

/// A job.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its id; a job that was enqueued later has a larger one.
    pub id: JobId,
    /// Its kind, which selects the code that runs it.
    pub kind: String,
    /// The input of that code.
    pub payload: serde_json::Value,
    /// On whose behalf, as the record of changes names them.
    pub actor: String,
    /// Whose rights it has.
    pub asked_by: AskedBy,
    /// The workspace that it works in.
    pub workspace: WorkspaceId,
    /// Its state.
    pub state: JobState,
    /// How often it was started.
    pub attempts: i64,
    /// Its progress.
    pub progress: JobProgress,
    /// Its result; a job that failed in part has one, too.
    pub result: Option<serde_json::Value>,
    /// Why it failed, or why its last attempt did.
    pub error: Option<String>,
    /// Whether its cancellation was requested.
    pub cancel_requested: bool,
    /// When it was enqueued.
    pub created_at: Millis,
    /// The earliest time of its next attempt.
    pub run_at: Millis,
    /// When its first attempt started.
    pub started_at: Option<Millis>,
    /// The last heartbeat of the worker.
    pub heartbeat_at: Option<Millis>,
    /// When it ended.
    pub finished_at: Option<Millis>,
}

/// How an attempt at a job ends.
#[derive(Debug, Clone, PartialEq)]
pub enum JobEnd {
    /// It is done.
    Succeeded(serde_json::Value),
    /// It failed and will not be retried; with its partial result.
    Failed(String, Option<serde_json::Value>),
    /// It was cancelled.
    Cancelled,
    /// It is retried at that time, because of that error.
    Later(Millis, String),
    /// It is retried at once and this attempt does not count, because the worker shuts down.
    HandBack,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_known_by_their_names() {
        for state in JobState::ALL {
            assert_eq!(JobState::from_name(state.name()), Some(state));
        }
        assert_eq!(JobState::from_name("done"), None);
    }
}

//! Background work: what is queued, how it stands, how far it is, and what came of it.

use std::fmt;
use std::str::FromStr;

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

/// How a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It waits for its time, or for somebody to work on it.
    Queued,
    /// Somebody works on it.
    Running,
    /// It is done.
    Succeeded,
    /// It will not be tried again.
    Failed,
    /// It was called off.
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

    /// Whether nothing more will become of the job.
    pub fn is_final(self) -> bool {
        match self {
            Self::Queued | Self::Running => false,
            Self::Succeeded | Self::Failed | Self::Cancelled => true,
        }
    }
}

/// How far a job is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// How much is done.
    pub done: i64,
    /// Out of how much, once that is known.
    pub total: Option<i64>,
    /// What is being done, for people.
    pub message: Option<String>,
}

/// A job as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Job {
    /// Its id; a job that was enqueued later has a larger one.
    pub id: JobId,
    /// Which code works on it.
    pub kind: String,
    /// What is to be done, in the words of that code.
    pub payload: serde_json::Value,
    /// On whose behalf.
    pub actor: String,
    /// How it stands.
    pub state: JobState,
    /// How often it was begun.
    pub attempts: i64,
    /// How far it is.
    pub progress: Progress,
    /// What came of it, also of one that failed in part.
    pub result: Option<serde_json::Value>,
    /// Why it failed, or was put off the last time.
    pub error: Option<String>,
    /// Whether it is to stop.
    pub cancel_requested: bool,
    /// When it was enqueued.
    pub created_at: Millis,
    /// From when on it may be worked on.
    pub run_at: Millis,
    /// When it was begun first.
    pub started_at: Option<Millis>,
    /// The last sign of life of whoever works on it.
    pub heartbeat_at: Option<Millis>,
    /// When it ended.
    pub finished_at: Option<Millis>,
}

/// How a job ends, or goes on.
#[derive(Debug, Clone, PartialEq)]
pub enum JobEnd {
    /// It is done.
    Succeeded(serde_json::Value),
    /// It will not be tried again. What was done all the same stands in the result.
    Failed(String, Option<serde_json::Value>),
    /// It was called off.
    Cancelled,
    /// It is to be tried again, then, for that reason.
    Later(Millis, String),
    /// It is to be tried again at once, and this attempt does not count: the worker goes away.
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

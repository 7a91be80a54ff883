//! Events: that an execution read or wrote an artifact.

use serde::{Deserialize, Serialize};

use crate::{Error, Millis, NodeId, Result};

/// One step of the way to an artifact in an execution's signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// A place in a list.
    Index(i64),
    /// A key of a map.
    Key(String),
}

/// What an event says, numbered as in ML Metadata.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventType {
    /// Written, as declared.
    DeclaredOutput = 1,
    /// Read, as declared.
    DeclaredInput = 2,
    /// Read.
    Input = 3,
    /// Written.
    Output = 4,
    /// Read by the system around the execution.
    InternalInput = 5,
    /// Written by the system around the execution.
    InternalOutput = 6,
    /// To be written.
    PendingOutput = 7,
}

impl EventType {
    /// The numbers of the events in which an execution reads.
    pub const INPUTS: [i64; 3] = [Self::DeclaredInput as i64, Self::Input as i64, Self::InternalInput as i64];

    /// The numbers of all of them.
    pub const ALL: [i64; 7] = [1, 2, 3, 4, 5, 6, 7];

    /// The numbers of the events in which it writes.
    pub const OUTPUTS: [i64; 4] =
        [Self::DeclaredOutput as i64, Self::Output as i64, Self::InternalOutput as i64, Self::PendingOutput as i64];
}

/// An event as it is put.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventWrite {
    /// The artifact.
    pub artifact_id: Option<i64>,
    /// The execution.
    pub execution_id: Option<i64>,
    /// What it says; 0 is nothing.
    pub event_type: i64,
    /// When; now if it is `None`.
    pub at: Option<Millis>,
    /// The way to the artifact.
    pub path: Vec<Step>,
}

impl EventWrite {
    /// Refuses an event that says nothing.
    pub fn check(&self) -> Result<()> {
        for step in &self.path {
            if let Step::Key(key) = step {
                crate::value::check_text("path", key)?;
            }
        }
        match self.event_type {
            0 => Err(Error::invalid("type", "No event type is specified.")),
            known if EventType::INPUTS.contains(&known) || EventType::OUTPUTS.contains(&known) => Ok(()),
            other => Err(Error::invalid("type", format!("event type `{other}` does not exist"))),
        }
    }
}

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// The artifact.
    pub artifact_id: NodeId,
    /// The execution.
    pub execution_id: NodeId,
    /// What it says.
    pub event_type: i64,
    /// When.
    pub at: Millis,
    /// The way to the artifact.
    pub path: Vec<Step>,
}

//! The approval of model versions: whether one may be used, as people decided.

use std::fmt;
use std::str::FromStr;

use super::value::{check_text, find_named};
use super::{Error, LogicalType, Millis, Node, Properties, Result};

/// How long a note may be, in characters.
pub const MAX_NOTE_CHARS: usize = 4096;

/// Refuses a note that is too long or that no database can hold.
pub fn check_note(note: &str) -> Result<()> {
    check_text("note", note)?;
    let length = note.chars().count();
    if length > MAX_NOTE_CHARS {
        return Err(Error::invalid("note", format!("a note of {length} characters is longer than {MAX_NOTE_CHARS}")));
    }
    Ok(())
}

/// Whether a version may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum ApprovalState {
    /// Nobody has asked for a review.
    #[default]
    Draft,
    /// It waits for a decision.
    InReview,
    /// It may be used, and its files are locked.
    Approved,
    /// It may not be used.
    Rejected,
}

impl ApprovalState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Draft, Self::InReview, Self::Approved, Self::Rejected];

    /// The custom property of a version that says its state to every protocol. A draft has none.
    pub const PROPERTY: &str = "modelport.approval";

    /// Its name, as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::InReview => "in_review",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
        }
    }

    /// The state of a version, as its custom properties say it.
    pub fn of(version: &Node) -> Self {
        let said = version.custom.get(Self::PROPERTY).and_then(|value| value.as_str());
        said.and_then(|said| said.parse().ok()).unwrap_or_default()
    }

    /// Whether it takes the right to promote to bring a version from this state to that one: to decide, and to take an approval back.
    pub fn needs_promote(self, to: Self) -> bool {
        self == Self::Approved || matches!(to, Self::Approved | Self::Rejected)
    }

    /// Puts the state into the custom properties of a version.
    pub fn put(self, custom: &mut Properties) {
        match self {
            Self::Draft => custom.remove(Self::PROPERTY),
            state => custom.insert(Self::PROPERTY.to_owned(), state.name().into()),
        };
    }
}

/// Leaves the state of a version as it was: clients change it by deciding, and what else they write there is ignored.
pub fn keep_state(before: &Node, node: &mut Node) {
    if before.logical_type() != Some(LogicalType::ModelVersion) {
        return;
    }
    match before.custom.get(ApprovalState::PROPERTY) {
        Some(state) => node.custom.insert(ApprovalState::PROPERTY.to_owned(), state.clone()),
        None => node.custom.remove(ApprovalState::PROPERTY),
    };
}

impl FromStr for ApprovalState {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        find_named(&Self::ALL, Self::name, "state", text)
    }
}

impl fmt::Display for ApprovalState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The latest step of the approval of a version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovalStep {
    /// The state since then.
    pub state: ApprovalState,
    /// Who set it.
    pub by: String,
    /// When.
    pub at: Millis,
    /// Why, in their words.
    pub note: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::ApprovalState::{Approved, Draft, InReview, Rejected};
    use super::*;
    use crate::access::{Place, WorkspaceId};
    use crate::{NodeId, Value};

    fn version(state: ApprovalState) -> Node {
        let mut custom = Properties::from([("team".to_owned(), Value::from("blue"))]);
        state.put(&mut custom);
        Node {
            id: NodeId(2),
            type_id: LogicalType::ModelVersion.id(),
            home_id: Some(NodeId(1)),
            place: Place { workspace: WorkspaceId(1), root: NodeId(1) },
            name: Some("1".to_owned()),
            external_id: None,
            uri: None,
            state: None,
            created_at: 0,
            updated_at: 0,
            revision: 1,
            properties: Properties::new(),
            custom,
        }
    }

    #[test]
    fn a_version_says_its_state() {
        for state in ApprovalState::ALL {
            assert_eq!(ApprovalState::of(&version(state)), state);
            assert_eq!(state.to_string().parse::<ApprovalState>().unwrap(), state);
        }
        for bad in ["", "Approved", "in review", "approved "] {
            assert_eq!(bad.parse::<ApprovalState>().unwrap_err().field(), Some("state"), "{bad}");
        }
    }

    #[test]
    fn what_clients_write_there_is_ignored() {
        for before in ApprovalState::ALL {
            for written in ApprovalState::ALL {
                let mut node = version(written);
                keep_state(&version(before), &mut node);
                assert_eq!(node, version(before), "{written} over {before}");
            }
        }
        let model = |state| Node { type_id: LogicalType::RegisteredModel.id(), ..version(state) };
        let mut written = model(Approved);
        keep_state(&model(Draft), &mut written);
        assert_eq!(written, model(Approved), "of a model the name means nothing");
    }

    #[test]
    fn who_decides_has_to_be_able_to_promote() {
        let free = [
            (Draft, Draft),
            (Draft, InReview),
            (InReview, Draft),
            (InReview, InReview),
            (Rejected, Draft),
            (Rejected, InReview),
        ];
        for from in ApprovalState::ALL {
            for to in ApprovalState::ALL {
                assert_eq!(from.needs_promote(to), !free.contains(&(from, to)), "{from} to {to}");
            }
        }
    }
}

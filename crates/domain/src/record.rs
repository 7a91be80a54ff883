//! Model records: flat views of a model artifact with its version, its model and its one archive.

mod details;

use std::fmt;
use std::str::FromStr;

use serde_json::json;

use super::value::check_text;
use super::{Change, Error, File, Millis, Name, NodeId, Result, Sha256};

pub use details::{Details, DetailsPatch, DetailsSource};

/// The precision of a record that says none.
pub const DEFAULT_PRECISION: &str = "fp32";

/// The longest id, in characters.
const MAX_ID_CHARS: usize = 256;
/// The longest version, so that a version's name has room for the version and an id.
const MAX_VERSION_CHARS: usize = 255;
/// What an id begins with that is made of a node's.
const DERIVED_ID_PREFIX: &str = "modelport-";

/// The id of a record: 16 to 256 ASCII letters, digits, `_` and `-`.
///
/// It is the artifact's id in another system where that is such an id, and otherwise made of the artifact's own.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(String);

impl RecordId {
    /// The id of an artifact that has none of its own.
    pub fn derived(node: NodeId) -> Self {
        Self(format!("{DERIVED_ID_PREFIX}{:08}", node.0))
    }

    /// The artifact that it is made of, where it is.
    pub fn node(&self) -> Option<NodeId> {
        let id = NodeId(self.0.strip_prefix(DERIVED_ID_PREFIX)?.parse().ok()?);
        (id.0 > 0 && Self::derived(id) == *self).then_some(id)
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for RecordId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'));
        if plain && (16..=MAX_ID_CHARS).contains(&text.len()) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::invalid("id", format!("id `{}` is not 16 to 256 letters, digits, `_` or `-`", text.escape_debug())))
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The version of a record: 1 to 255 characters without NUL.
pub fn parse_version(text: &str) -> Result<Name> {
    let chars = text.chars().count();
    if chars > MAX_VERSION_CHARS {
        let message = format!("`version` has {chars} characters, more than {MAX_VERSION_CHARS}");
        return Err(Error::invalid("version", message));
    }
    text.parse().map_err(|error: Error| error.on_field("version"))
}

/// The unique properties of a record besides its id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The project's id; absent equals absent, and empty.
    pub project_id: Option<String>,
    /// The project's name; likewise.
    pub project_name: Option<String>,
    /// The name.
    pub name: String,
    /// The version.
    pub version: String,
    /// The precisions.
    pub precision: Vec<String>,
}

impl Identity {
    /// The names of its members.
    pub const NAMES: &'static [&'static str] = &["project_id", "project_name", "name", "version", "precision"];

    /// What every key begins with, in every database: a text that tells keys from the external ids of other systems.
    pub const KEY_PREFIX: &'static str = "edge:";

    /// The identity as one text, for a unique index: a digest, because the members have any length.
    pub fn key(&self) -> String {
        let text = |member: &Option<String>| member.clone().unwrap_or_default();
        let precision: Vec<_> = self.precision.iter().map(|each| each.to_lowercase()).collect();
        let members =
            json!([text(&self.project_id), text(&self.project_name), self.name, self.version, precision]).to_string();
        format!("{}{}", Self::KEY_PREFIX, Sha256::of(members.as_bytes()))
    }
}

/// A record.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Its id.
    pub id: RecordId,
    /// The artifact, with its version and its model.
    pub nodes: RecordNodes,
    /// Its unique properties.
    pub identity: Identity,
    /// Its other properties.
    pub details: Details,
    /// When it was created.
    pub created_at: Millis,
    /// When it was changed last.
    pub updated_at: Millis,
    /// Its archive; `None` when it was removed from the artifact.
    pub file: Option<File>,
}

/// Where a record is in the metadata graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RecordNodes {
    /// The registered model.
    pub model: NodeId,
    /// Its version.
    pub version: NodeId,
    /// The version's artifact.
    pub artifact: NodeId,
}

/// What a new record is made from.
#[derive(Debug, Clone, PartialEq)]
pub struct RecordDraft {
    /// Its id; a new one when there is none.
    pub id: Option<RecordId>,
    /// Its unique properties.
    pub identity: Identity,
    /// Its other properties.
    pub details: Details,
    /// When it was created and changed last, where it comes from elsewhere; now unless given.
    pub times: Option<(Millis, Millis)>,
}

impl RecordDraft {
    /// Refuses what cannot be stored.
    pub fn check(&self) -> Result<()> {
        check_identity(&self.identity)?;
        self.details.check()
    }
}

fn check_identity(identity: &Identity) -> Result<()> {
    identity.name.parse::<Name>()?;
    parse_version(&identity.version)?;
    for (field, text) in [("project_id", &identity.project_id), ("project_name", &identity.project_name)] {
        text.as_deref().map_or(Ok(()), |text| check_text(field, text))?;
    }
    identity.precision.iter().try_for_each(|each| check_text("precision", each))
}

/// What to change of a record.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RecordPatch {
    /// Its name, when it is to be another.
    pub name: Option<Name>,
    /// Its version.
    pub version: Option<Name>,
    /// Its precisions.
    pub precision: Option<Vec<String>>,
    /// Its project's id.
    pub project_id: Change<String>,
    /// Its project's name.
    pub project_name: Change<String>,
    /// Its other properties.
    pub details: DetailsPatch,
}

impl RecordPatch {
    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What a record is after the change. Errors: InvalidArgument when that cannot be stored.
    pub fn apply(&self, identity: &mut Identity, details: &mut Details) -> Result<()> {
        if let Some(name) = &self.name {
            name.as_str().clone_into(&mut identity.name);
        }
        if let Some(version) = &self.version {
            version.as_str().clone_into(&mut identity.version);
        }
        if let Some(precision) = &self.precision {
            identity.precision.clone_from(precision);
        }
        self.project_id.clone().apply(&mut identity.project_id);
        self.project_name.clone().apply(&mut identity.project_name);
        self.details.apply(details);
        check_identity(identity)?;
        details.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_long_and_plain() {
        for good in ["0123456789abcdef", "A-b_C-d_E-f_G-h_1", &"x".repeat(256)] {
            assert_eq!(good.parse::<RecordId>().unwrap().as_str(), good);
        }
        for bad in ["", "abc", "0123456789abcde", "0123456789abcde/", "0123456789abcde\u{e9}", &"x".repeat(257)] {
            assert!(bad.parse::<RecordId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_derived_id_leads_back_to_its_node() {
        for id in [1, 12_345_678, i64::MAX] {
            assert_eq!(RecordId::derived(NodeId(id)).node(), Some(NodeId(id)));
        }
        for other in ["modelport-000000001", "modelport-00000000", "modelport--0000001", "modelport_00000001"] {
            assert_eq!(other.parse::<RecordId>().unwrap().node(), None, "{other}");
        }
    }

    #[test]
    fn absent_is_empty_and_case_of_precision_is_nothing_to_an_identity() {
        let identity = |project: Option<&str>, name: &str, precision: &str| Identity {
            project_id: project.map(ToOwned::to_owned),
            project_name: None,
            name: name.to_owned(),
            version: "1".to_owned(),
            precision: vec![precision.to_owned()],
        };
        assert_eq!(identity(None, "a", "fp32").key(), identity(Some(""), "a", "FP32").key());
        assert_ne!(identity(None, "a", "fp32").key(), identity(Some("a"), "", "fp32").key());
        assert_ne!(identity(None, "a", "fp32").key(), identity(None, "A", "fp32").key());
    }
}

//! A node of the metadata graph, its draft and its patch.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::access::Place;
use super::value::{Properties, Value, check_custom, check_text, check_value};
use super::{Error, ExternalId, LogicalType, Name, Result, RoundTrip};

/// The id of a node: a positive integer, one sequence for all kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub i64);

impl FromStr for NodeId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.parse::<i64>() {
            Ok(id) if id > 0 && id.to_string() == text => Ok(Self(id)),
            _ => Err(Error::invalid("id", format!("id `{}` is not a positive integer", text.escape_debug()))),
        }
    }
}

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Milliseconds since the epoch.
pub type Millis = i64;

/// A node.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its id.
    pub id: NodeId,
    /// The id of its type; see [`Node::logical_type`].
    pub type_id: i64,
    /// The one context that owns it.
    pub home_id: Option<NodeId>,
    /// Its workspace, and the model, experiment or environment that it belongs to or is.
    pub place: Place,
    /// Its name as stored.
    pub name: Option<String>,
    /// Its id in another system, unique among the nodes of its kind.
    pub external_id: Option<String>,
    /// Where an artifact's bytes are, when the client said so.
    pub uri: Option<String>,
    /// The state of an artifact or execution, numbered as in ML Metadata.
    pub state: Option<i64>,
    /// When it was created.
    pub created_at: Millis,
    /// When it was changed last.
    pub updated_at: Millis,
    /// How often it was written; its ETag.
    pub revision: i64,
    /// The properties its type declares.
    pub properties: Properties,
    /// The free properties.
    pub custom: Properties,
}

impl Node {
    /// Which logical type it has; `None` for a type that a user of ML Metadata made.
    pub fn logical_type(&self) -> Option<LogicalType> {
        LogicalType::from_id(self.type_id)
    }

    /// The text of a declared property.
    pub fn text(&self, property: &str) -> Option<&str> {
        self.properties.get(property).and_then(Value::as_str)
    }

    /// The name as people see it: without the `<uuid>:` that keeps names apart which may repeat.
    pub fn display_name(&self) -> Option<&str> {
        let name = self.name.as_deref()?;
        let may_have = self.logical_type().is_some_and(|logical| logical.may_have_prefix(self.home_id.is_some()));
        Some(match name.split_once(':') {
            Some((prefix, rest)) if may_have && is_uuid(prefix) => rest,
            _ => name,
        })
    }

    /// The name as users of ML Metadata see it: what the registry keeps unique within a home stands after the home's id
    /// and a colon, as Kubeflow wrote it there.
    pub fn graph_name(&self) -> Option<String> {
        let name = self.name.as_deref()?;
        Some(match (self.home_id, self.logical_type()) {
            (Some(home), Some(_)) => format!("{home}:{}", self.display_name().unwrap_or(name)),
            _ => name.to_owned(),
        })
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

/// What a new node is made from.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Draft {
    /// Its name, unique within its home.
    pub name: Option<Name>,
    /// Its id in another system.
    pub external_id: Option<ExternalId>,
    /// Where its bytes are.
    pub uri: Option<String>,
    /// The state of an artifact or execution.
    pub state: Option<i64>,
    /// Declared properties.
    pub properties: Properties,
    /// Custom properties.
    pub custom: Properties,
    /// How values that the caller sends back are recognised, where the draft changes a node that is there.
    pub round_trip: RoundTrip,
}

impl Draft {
    /// A draft with nothing but a name.
    pub fn named(name: Name) -> Self {
        Self { name: Some(name), ..Self::default() }
    }

    /// Sets a declared property, when there is a value.
    #[must_use]
    pub fn with(mut self, property: &str, value: Option<impl Into<Value>>) -> Self {
        if let Some(value) = value {
            self.properties.insert(property.to_owned(), value.into());
        }
        self
    }

    /// Refuses what a node of that type cannot hold.
    pub fn check(&self, logical: LogicalType) -> Result<()> {
        if let Some(uri) = &self.uri {
            check_text("uri", uri)?;
        }
        for (name, value) in &self.properties {
            check_declared(logical, name, value)?;
        }
        check_custom(&self.custom)
    }
}

fn check_declared(logical: LogicalType, name: &str, value: &Value) -> Result<()> {
    match logical.declared(name) {
        Some(kind) if kind == value.kind() => check_value(name, value),
        Some(kind) => Err(Error::invalid(
            name,
            format!("`{name}` of a {} is a {}, not a {}", logical.noun(), kind.name(), value.kind().name()),
        )),
        None => Err(Error::invalid(name, format!("a {} has no property `{name}`", logical.noun()))),
    }
}

/// What to do with one member of a node.
#[derive(Debug, Clone, Default, PartialEq)]
pub enum Change<T> {
    /// Keep the stored value.
    #[default]
    Keep,
    /// Remove its value.
    Clear,
    /// Give it this value.
    Set(T),
}

impl<T> Change<T> {
    /// The same change of a converted value.
    pub fn try_map<U>(self, convert: impl FnOnce(T) -> Result<U>) -> Result<Change<U>> {
        Ok(match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(convert(value)?),
        })
    }

    /// The same change of a converted value.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(convert(value)),
        }
    }

    /// What the member is after the change.
    pub fn apply(self, current: &mut Option<T>) {
        match self {
            Self::Keep => {}
            Self::Clear => *current = None,
            Self::Set(value) => *current = Some(value),
        }
    }
}

/// What to change of a node. Its name, type, home and creation time never change.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Patch {
    /// Its id in another system.
    pub external_id: Change<ExternalId>,
    /// Where its bytes are.
    pub uri: Change<String>,
    /// The state of an artifact or execution.
    pub state: Change<i64>,
    /// Declared properties; those not named are kept.
    pub properties: BTreeMap<String, Change<Value>>,
    /// All free properties, when they are to be replaced.
    pub custom: Option<Properties>,
    /// The revision the caller has seen; another one in the registry refuses the change.
    pub if_revision: Option<i64>,
    /// How values that the caller sends back are recognised.
    pub round_trip: RoundTrip,
}

impl From<&Draft> for Patch {
    /// Sets what the draft has, and keeps the rest.
    fn from(draft: &Draft) -> Self {
        let set = |value: Option<String>| value.map_or(Change::Keep, Change::Set);
        Self {
            external_id: draft.external_id.clone().map_or(Change::Keep, Change::Set),
            uri: set(draft.uri.clone()),
            state: draft.state.map_or(Change::Keep, Change::Set),
            properties: draft
                .properties
                .iter()
                .map(|(name, value)| (name.clone(), Change::Set(value.clone())))
                .collect(),
            custom: Some(draft.custom.clone()).filter(|custom| !custom.is_empty()),
            if_revision: None,
            round_trip: draft.round_trip,
        }
    }
}

impl Patch {
    /// Changes a declared property.
    #[must_use]
    pub fn with(mut self, property: &str, change: Change<Value>) -> Self {
        if change != Change::Keep {
            self.properties.insert(property.to_owned(), change);
        }
        self
    }

    /// Refuses what a node of that type cannot hold.
    pub fn check(&self, logical: LogicalType) -> Result<()> {
        if let Change::Set(uri) = &self.uri {
            check_text("uri", uri)?;
        }
        for (name, change) in &self.properties {
            if let Change::Set(value) = change {
                check_declared(logical, name, value)?;
            }
        }
        self.custom.as_ref().map_or(Ok(()), check_custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_positive_integers_of_64_bits() {
        assert_eq!("9223372036854775807".parse::<NodeId>().unwrap(), NodeId(i64::MAX));
        for bad in ["", "0", "-1", "+1", "1.0", "abc", "9223372036854775808", " 1", "01"] {
            assert_eq!(bad.parse::<NodeId>().unwrap_err().field(), Some("id"), "{bad}");
        }
    }

    #[test]
    fn a_draft_takes_declared_properties_of_the_declared_kind() {
        let draft = |name: &str, value: Value| Draft {
            properties: Properties::from([(name.to_owned(), value)]),
            ..Draft::default()
        };
        assert!(draft("owner", "me".into()).check(LogicalType::RegisteredModel).is_ok());
        assert!(draft("owner", Value::Int(1)).check(LogicalType::RegisteredModel).is_err());
        assert!(draft("colour", "red".into()).check(LogicalType::RegisteredModel).is_err());
        assert!(draft("owner", "a\0b".into()).check(LogicalType::RegisteredModel).is_err());
    }
}

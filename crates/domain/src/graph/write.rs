//! A node as a client puts it: made, replaced, or changed where a mask says so.

use crate::access::Place;
use crate::value::{check_property_name, check_text, check_value};
use crate::{Error, LogicalType, Millis, Node, NodeId, NodeKind, Properties, Result, RoundTrip};

use super::{Mask, Type};

/// The longest name of anything, in characters: what fits the index of every database in any script.
const MAX_CHARS: usize = 512;

/// Refuses a name, external id or property name that no database can hold. It may be empty.
pub fn check_label(field: &str, text: &str) -> Result<()> {
    check_text(field, text)?;
    match text.chars().count() {
        chars if chars > MAX_CHARS => {
            Err(Error::invalid(field, format!("`{field}` has {chars} characters, more than {MAX_CHARS}")))
        }
        _ => Ok(()),
    }
}

/// A node as it is put.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeWrite {
    /// The id of the node to change; without one, a new node is made.
    pub id: Option<i64>,
    /// The id of its type; may be left out of a change.
    pub type_id: Option<i64>,
    /// The name of its type, which is for reading only.
    pub type_name: Option<String>,
    /// Its name, unique among the nodes of its type. That of an artifact or execution never changes.
    pub name: Option<String>,
    /// Its id in another system, unique among the nodes of its kind; empty is none.
    pub external_id: Option<String>,
    /// Where an artifact's bytes are; empty is nowhere.
    pub uri: Option<String>,
    /// The state of an artifact or execution.
    pub state: Option<i64>,
    /// The properties that its type declares.
    pub properties: Properties,
    /// The free properties.
    pub custom: Properties,
    /// When it was changed last, as far as the caller knows.
    pub seen_update_time: Option<Millis>,
    /// How values that the caller sends back are recognised.
    pub round_trip: RoundTrip,
}

impl NodeWrite {
    /// Refuses what no node of that kind can be.
    pub fn check(&self, kind: NodeKind) -> Result<()> {
        if let Some(id) = self.id.filter(|id| *id <= 0) {
            return Err(Error::invalid("id", format!("Cannot find the given id `{id}`")));
        }
        if self.id.is_none() && self.type_id.is_none() {
            return Err(Error::invalid("type_id", "Type id is missing."));
        }
        if self.id.is_none() && kind == NodeKind::Context {
            self.check_context_name()?;
        }
        self.check_name()?;
        check_label("external_id", self.external_id.as_deref().unwrap_or_default())?;
        check_text("uri", self.uri.as_deref().unwrap_or_default())?;
        for (map, properties) in [("properties", &self.properties), ("custom_properties", &self.custom)] {
            for (name, value) in properties {
                check_property_name(map, name)?;
                check_value(&format!("{map}.{name}"), value)?;
            }
        }
        Ok(())
    }

    /// Refuses a name that is too long to be given. What has a name already is shown with a home's id or a UUID before it,
    /// and is put back so; what is one of the registry's own types counts without the home.
    fn check_name(&self) -> Result<()> {
        let name = self.name.as_deref().unwrap_or_default();
        let is_own = self.type_id.is_some_and(|id| LogicalType::from_id(id).is_some());
        if self.id.is_some() || is_own { check_text("name", name) } else { check_label("name", name) }
    }

    /// Refuses a context without a name.
    pub fn check_context_name(&self) -> Result<()> {
        match self.name.as_deref() {
            None | Some("") => Err(Error::invalid("name", "Context name should not be empty.")),
            Some(_) => Ok(()),
        }
    }

    /// Refuses properties that the type does not declare, or declares as another kind.
    pub fn check_properties(&self, of: &Type, mask: Option<&Mask>) -> Result<()> {
        for (name, value) in &self.properties {
            if mask.is_some_and(|mask| !mask.has_property(name)) {
                continue;
            }
            let field = format!("properties.{name}");
            match of.properties.get(name) {
                Some(kind) if *kind == value.kind() => {}
                Some(_) => return Err(Error::invalid(&field, format!("Found unmatched property type: {name}"))),
                None => return Err(Error::invalid(&field, format!("Found unknown property: {name}"))),
            }
        }
        Ok(())
    }

    /// The node as it is made; its id is not known yet.
    pub fn to_node(&self, of: &Type, now: Millis) -> Node {
        Node {
            id: NodeId(0),
            type_id: of.id,
            home_id: None,
            place: Place::default(),
            name: self.name.clone(),
            external_id: given(self.external_id.as_deref()),
            uri: given(self.uri.as_deref()),
            state: self.state,
            created_at: now,
            updated_at: now,
            revision: 1,
            properties: self.properties.clone(),
            custom: self.custom.clone(),
        }
    }

    /// The same, with the values as they are stored that are sent as they were shown.
    #[must_use]
    pub fn without_unchanged(&self, stored: &Node) -> Self {
        Self {
            properties: self.round_trip.declared_without_unchanged(&stored.properties, &self.properties),
            custom: self.round_trip.custom_without_unchanged(&stored.custom, &self.custom),
            ..self.clone()
        }
    }

    /// The node as it is after the change: replaced, or changed in what the mask names.
    pub fn applied(&self, kind: NodeKind, stored: &Node, mask: Option<&Mask>) -> Result<Node> {
        let has = |field: &str| mask.is_none_or(|mask| mask.has(field));
        let mut node = stored.clone();
        if has("external_id") {
            node.external_id = given(self.external_id.as_deref());
        }
        if kind == NodeKind::Artifact && has("uri") {
            node.uri = given(self.uri.as_deref());
        }
        if has(state_field(kind)) {
            node.state = self.state;
        }
        // The name of anything else never changes, and saying another is no mistake.
        if kind == NodeKind::Context && has("name") {
            self.check_context_name()?;
            node.name.clone_from(&self.name);
        }
        (node.properties, node.custom) = match mask {
            None => (self.properties.clone(), self.custom.clone()),
            Some(mask) => {
                (mask.properties(&stored.properties, &self.properties), mask.custom(&stored.custom, &self.custom))
            }
        };
        Ok(node)
    }

    /// Whether this is the node as it was read, all that can be read of it included. Only putting such a node back
    /// unchanged leaves the time of its last change alone; ML Metadata's clients rely on either.
    pub fn is_unchanged(&self, kind: NodeKind, stored: &Node, of: &Type) -> bool {
        let uri = (kind == NodeKind::Artifact).then(|| stored.uri.clone().unwrap_or_default());
        self.type_name.as_deref() == Some(of.name.as_str())
            && self.name == stored.graph_name()
            && given(self.external_id.as_deref()) == stored.external_id
            && (kind != NodeKind::Artifact || self.uri == uri)
            && self.state == stored.state
            && self.properties == stored.properties
            && self.custom == stored.custom
    }
}

fn state_field(kind: NodeKind) -> &'static str {
    match kind {
        NodeKind::Execution => "last_known_state",
        NodeKind::Artifact | NodeKind::Context => "state",
    }
}

fn given(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.is_empty()).map(ToOwned::to_owned)
}

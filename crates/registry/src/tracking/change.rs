//! Single changes of a node, as training tools make them: one tag, one declared property, another name.

use std::collections::BTreeMap;

use crate::domain::approval::keep_state;
use crate::domain::{Change, Error, LogicalType, Name, Node, NodeId, Result, Value};
use crate::entities::increment_revision;
use crate::store::nodes;
use crate::transaction::WriteTransaction;

/// What to change of a node; what is not named stays.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NodeChanges {
    /// Its name as it is stored.
    pub name: Option<Name>,
    /// Declared properties.
    pub properties: BTreeMap<String, Change<Value>>,
    /// Custom properties.
    pub custom: BTreeMap<String, Change<Value>>,
}

impl NodeChanges {
    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Sets a declared property.
    pub fn declare(&mut self, name: &str, value: impl Into<Value>) {
        self.properties.insert(name.to_owned(), Change::Set(value.into()));
    }

    /// Sets a custom property.
    pub fn tag(&mut self, name: &str, value: impl Into<Value>) {
        self.custom.insert(name.to_owned(), Change::Set(value.into()));
    }

    /// Sets or removes a tag.
    pub fn set(&mut self, tag: &Tag, change: Change<Value>) {
        match tag {
            Tag::Declared(name) => self.properties.insert((*name).to_owned(), change),
            Tag::Custom(name) => self.custom.insert(name.clone(), change),
        };
    }
}

/// A tag as it is stored: a declared property, or a custom one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tag {
    /// The declared property of that name.
    Declared(&'static str),
    /// The custom property of that name.
    Custom(String),
}

impl Tag {
    /// The name of the property.
    pub fn name(&self) -> &str {
        match self {
            Self::Declared(name) => name,
            Self::Custom(name) => name,
        }
    }

    /// The changes that remove it from a node.
    ///
    /// Errors: NotFound where the node has none.
    pub(super) fn removed_from(&self, node: &Node, what: impl FnOnce() -> String) -> Result<NodeChanges> {
        let mut changes = NodeChanges::default();
        let (stored, changed) = match self {
            Self::Declared(_) => (&node.properties, &mut changes.properties),
            Self::Custom(_) => (&node.custom, &mut changes.custom),
        };
        if !stored.contains_key(self.name()) {
            return Err(Error::not_found(what()));
        }
        changed.insert(self.name().to_owned(), Change::Clear);
        Ok(changes)
    }
}

/// Changes a node, and records it. What it is afterwards is returned.
///
/// Errors: NotFound when there is none of that type; NameTaken.
pub(crate) fn change_node(
    tx: &mut WriteTransaction<'_, '_>,
    logical: LogicalType,
    id: NodeId,
    changes: &NodeChanges,
) -> Result<Node> {
    let before = increment_revision(tx, logical, id, None)?;
    let mut node = before.clone();
    for (name, change) in &changes.properties {
        let mut value = node.properties.remove(name);
        change.clone().apply(&mut value);
        node.properties.extend(value.map(|value| (name.clone(), value)));
    }
    for (name, change) in &changes.custom {
        let mut value = node.custom.remove(name);
        change.clone().apply(&mut value);
        node.custom.extend(value.map(|value| (name.clone(), value)));
    }
    keep_state(&before, &mut node);
    if let Some(name) = changes.name.as_ref().filter(|name| node.name.as_deref() != Some(name.as_str())) {
        nodes::rename(tx, id, name.as_str())?;
        node.name = Some(name.as_str().to_owned());
    }
    nodes::replace(tx, &before, &node)?;
    tx.record_update(&before, &node)?;
    Ok(node)
}

//! The record of changes: who did what to which node, when, and what it was afterwards.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, json};

use super::{Millis, Node, NodeId, Properties, Value};

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// The node was made.
    Create,
    /// Its members changed.
    Update,
    /// It was removed, or went with its home.
    Delete,
    /// A node became a member of this context.
    Attach,
    /// This execution read or wrote artifacts.
    PutEvents,
    /// An alias was pointed at one of the model's versions.
    SetAlias,
    /// An alias was removed.
    DeleteAlias,
    /// A file was stored or replaced.
    PutFile,
    /// A file was removed.
    DeleteFile,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Attach => "attach",
            Self::PutEvents => "event.put",
            Self::SetAlias => "alias.set",
            Self::DeleteAlias => "alias.delete",
            Self::PutFile => "file.put",
            Self::DeleteFile => "file.delete",
        })
    }
}

/// One entry of the record.
#[derive(Debug, Clone, PartialEq)]
pub struct ChangeRecord {
    /// Its id; a node's changes are ordered by it.
    pub id: i64,
    /// Its place in the feed of all changes; `None` until the feed was read past it.
    pub position: Option<i64>,
    /// When.
    pub at: Millis,
    /// Who.
    pub actor: String,
    /// What, as [`Action`] displays it.
    pub action: String,
    /// To which node.
    pub node_id: NodeId,
    /// The node's revision afterwards.
    pub revision: i64,
    /// The node as it was afterwards.
    pub document: serde_json::Value,
    /// In which request.
    pub request_id: Option<String>,
}

/// The node as the record keeps it. Values carry their kind, so that nothing is lost in JSON.
pub fn document(node: &Node) -> serde_json::Value {
    json!({
        "id": node.id,
        "typeId": node.type_id,
        "type": node.logical_type().map(super::LogicalType::type_name),
        "homeId": node.home_id,
        "name": node.name,
        "externalId": node.external_id,
        "uri": node.uri,
        "state": node.state,
        "createdAt": node.created_at,
        "updatedAt": node.updated_at,
        "revision": node.revision,
        "properties": values(&node.properties),
        "customProperties": values(&node.custom),
    })
}

fn values(properties: &Properties) -> serde_json::Value {
    properties.iter().map(|(name, value)| (name.clone(), tagged(value))).collect::<Map<_, _>>().into()
}

fn tagged(value: &Value) -> serde_json::Value {
    match value {
        Value::Int(value) => json!({"int": value}),
        Value::Double(value) if value.is_finite() => json!({"double": value}),
        Value::Double(value) => json!({"double": value.to_string()}),
        Value::String(value) => json!({"string": value}),
        Value::Struct(value) => json!({"struct": value}),
        Value::Proto { type_url, value } => json!({"proto": {"typeUrl": type_url, "value": BASE64.encode(value)}}),
        Value::Bool(value) => json!({"bool": value}),
    }
}

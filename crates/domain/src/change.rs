//! The record of changes: who did what to which node, when, and what it was afterwards.

use std::collections::BTreeSet;
use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Map, json};

use super::access::Place;
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
    /// A member of this context was removed, which something else owned or which was a data set that it used.
    Detach,
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

impl Action {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Create,
        Self::Update,
        Self::Delete,
        Self::Attach,
        Self::Detach,
        Self::PutEvents,
        Self::SetAlias,
        Self::DeleteAlias,
        Self::PutFile,
        Self::DeleteFile,
    ];

    /// The word under which it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Attach => "attach",
            Self::Detach => "detach",
            Self::PutEvents => "event.put",
            Self::SetAlias => "alias.set",
            Self::DeleteAlias => "alias.delete",
            Self::PutFile => "file.put",
            Self::DeleteFile => "file.delete",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Where a list of changes begins, and so its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangesFrom {
    /// The oldest first, of those after that id.
    After(i64),
    /// The newest first, of those before that id, or of all.
    Before(Option<i64>),
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
    /// Where that was.
    pub place: Place,
    /// The node's revision afterwards.
    pub revision: i64,
    /// The node as it was afterwards.
    pub document: serde_json::Value,
    /// In which request.
    pub request_id: Option<String>,
    /// What the client called the request.
    pub client_request_id: Option<String>,
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

/// The previous values of what a change modified: the changed members as [`document`] writes them, null for what was
/// absent; of properties, the changed ones.
pub fn before(before: &Node, after: &Node) -> serde_json::Value {
    let (was, is) = (document(before), document(after));
    let mut changed = Map::new();
    for name in ["name", "externalId", "uri", "state"] {
        if was.get(name) != is.get(name) {
            changed.insert(name.to_owned(), was.get(name).cloned().unwrap_or_default());
        }
    }
    for name in ["properties", "customProperties"] {
        let of = |document: &serde_json::Value| document.get(name).and_then(|members| members.as_object().cloned());
        let (was, is) = (of(&was).unwrap_or_default(), of(&is).unwrap_or_default());
        let names: BTreeSet<&String> =
            was.keys().chain(is.keys()).filter(|key| was.get(*key) != is.get(*key)).collect();
        if !names.is_empty() {
            let each = |key: &String| (key.clone(), was.get(key).cloned().unwrap_or_default());
            changed.insert(name.to_owned(), names.into_iter().map(each).collect::<Map<_, _>>().into());
        }
    }
    changed.into()
}

/// The node that a document says, as far as it says one; where it was is not in it.
pub fn node_of(document: &serde_json::Value, place: Place) -> Option<Node> {
    let text = |name: &str| document.get(name).and_then(|text| text.as_str()).map(str::to_owned);
    let int = |name: &str| document.get(name).and_then(serde_json::Value::as_i64);
    let values = |name: &str| {
        let members = document.get(name).and_then(|members| members.as_object()).into_iter().flatten();
        members.filter_map(|(name, tagged)| Some((name.clone(), untagged(tagged)?))).collect()
    };
    Some(Node {
        id: NodeId(int("id")?),
        type_id: int("typeId")?,
        home_id: int("homeId").map(NodeId),
        place,
        name: text("name"),
        external_id: text("externalId"),
        uri: text("uri"),
        state: int("state"),
        created_at: int("createdAt")?,
        updated_at: int("updatedAt")?,
        revision: int("revision")?,
        properties: values("properties"),
        custom: values("customProperties"),
    })
}

fn untagged(tagged: &serde_json::Value) -> Option<Value> {
    let (kind, value) = tagged.as_object()?.iter().next()?;
    Some(match kind.as_str() {
        "int" => Value::Int(value.as_i64()?),
        "double" => Value::Double(value.as_f64().or_else(|| value.as_str()?.parse().ok())?),
        "string" => Value::String(value.as_str()?.to_owned()),
        "struct" => Value::Struct(value.clone()),
        "proto" => Value::Proto {
            type_url: value.get("typeUrl")?.as_str()?.to_owned(),
            value: BASE64.decode(value.get("value")?.as_str()?).ok()?,
        },
        "bool" => Value::Bool(value.as_bool()?),
        _ => return None,
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

#[cfg(test)]
mod tests {
    use super::super::access::WorkspaceId;
    use super::*;

    fn node() -> Node {
        let values = [
            ("int", Value::Int(i64::MIN)),
            ("double", Value::Double(0.1)),
            ("infinite", Value::Double(f64::NEG_INFINITY)),
            ("string", Value::from("ü")),
            ("struct", Value::Struct(json!({"a": [1, null]}))),
            ("proto", Value::Proto { type_url: "t/x.Y".to_owned(), value: vec![0, 255] }),
            ("bool", Value::Bool(true)),
        ];
        let custom: Properties = values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Node {
            id: NodeId(7),
            type_id: 13,
            home_id: Some(NodeId(5)),
            place: Place { workspace: WorkspaceId::DEFAULT, root: NodeId(4) },
            name: Some("weights".to_owned()),
            external_id: None,
            uri: Some("s3://b/w".to_owned()),
            state: Some(2),
            created_at: 1,
            updated_at: 2,
            revision: 3,
            properties: Properties::from([("description".to_owned(), Value::from("d"))]),
            custom,
        }
    }

    #[test]
    fn a_document_says_its_node() {
        assert_eq!(node_of(&document(&node()), node().place), Some(node()));
        assert_eq!(node_of(&json!({"id": 7}), Place::default()), None);
    }

    #[test]
    fn what_was_before_is_what_changed() {
        let mut after = node();
        after.revision = 4;
        assert_eq!(before(&node(), &after), json!({}));
        after.uri = None;
        after.external_id = Some("e".to_owned());
        after.custom.remove("bool");
        after.custom.insert("string".to_owned(), Value::from("new"));
        after.custom.insert("more".to_owned(), Value::Int(1));
        assert_eq!(
            before(&node(), &after),
            json!({
                "externalId": null,
                "uri": "s3://b/w",
                "customProperties": {"bool": {"bool": true}, "more": null, "string": {"string": "ü"}},
            })
        );
    }
}

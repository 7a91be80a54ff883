//! Serializes nodes as entities.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::Value as Json;

use super::Edition;
use super::entity::{Entity, Member, Storage, WireType};
use super::metadata_value::{self, Text};
use crate::domain::{Node, Properties, RoundTrip, Value};

/// How values are serialized here, for comparison with patches.
pub const ROUND_TRIP: RoundTrip = RoundTrip { declared: is_shown_as, custom: metadata_value::is_shown_as };

fn is_shown_as(stored: &Value, sent: Option<&Value>) -> bool {
    match (stored, sent) {
        (Value::Struct(json), Some(Value::Struct(sent))) => json == sent || texts(json) == *sent,
        // JSON has no number for it, so that `null` is shown.
        (Value::Double(number), None) => !number.is_finite(),
        (stored, sent) => sent == Some(stored),
    }
}

/// The items of a list of texts as strings: other doors store any JSON there, which upstream's clients reject.
fn texts(json: &Json) -> Json {
    let text = |item: &Json| match item {
        Json::String(_) => item.clone(),
        _ => item.to_string().into(),
    };
    match json {
        Json::Array(items) => items.iter().map(text).collect(),
        _ => Json::Array(vec![text(json)]),
    }
}

/// An entity with its ETag.
pub fn entity(status: StatusCode, node: &Node, edition: Edition) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, super::CONTENT_TYPE))
        .insert_header((header::ETAG, format!("\"{}\"", node.revision)))
        .json(View { node, edition })
}

/// An entity as JSON.
pub struct View<'a> {
    /// The entity.
    pub node: &'a Node,
    /// The edition of the API by the path of the request.
    pub edition: Edition,
}

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let node = self.node;
        let entity = node.logical_type().and_then(Entity::of);
        let mut map = serializer.serialize_map(None)?;
        if let Some(artifact_type) = entity.and_then(|entity| entity.artifact_type) {
            map.serialize_entry("artifactType", artifact_type)?;
        }
        map.serialize_entry("id", &Text(node.id))?;
        if let Some(name) = node.display_name() {
            map.serialize_entry("name", name)?;
        }
        if let Some(description) = node.text("description") {
            map.serialize_entry("description", description)?;
        }
        if let Some(external_id) = &node.external_id {
            map.serialize_entry("externalId", external_id)?;
        }
        map.serialize_entry("customProperties", &Custom(&node.custom))?;
        map.serialize_entry("createTimeSinceEpoch", &Text(node.created_at))?;
        map.serialize_entry("lastUpdateTimeSinceEpoch", &Text(node.updated_at))?;
        for member in entity.map_or(&[][..], |entity| entity.members) {
            serialize_member(&mut map, member, node, self.edition)?;
        }
        map.end()
    }
}

fn serialize_member<M: SerializeMap>(
    map: &mut M,
    member: &Member,
    node: &Node,
    edition: Edition,
) -> Result<(), M::Error> {
    match member.storage {
        Storage::Home => match node.home_id {
            Some(home) => map.serialize_entry(member.name, &Text(home)),
            None => Ok(()),
        },
        Storage::Uri => match &node.uri {
            Some(uri) => map.serialize_entry(member.name, uri),
            None => Ok(()),
        },
        Storage::State => match (node.state, member.wire_type) {
            (Some(number), WireType::State(_, states)) => match states.iter().find(|(_, state)| *state == number) {
                Some((name, _)) => map.serialize_entry(member.name, name),
                None => Ok(()),
            },
            _ => Ok(()),
        },
        Storage::Property(property) => match (node.properties.get(property), member.wire_type) {
            (None, _) => Ok(()),
            (Some(Value::Int(value)), WireType::Id | WireType::Millis) => {
                map.serialize_entry(member.name, &Text(value))
            }
            (Some(Value::Int(value)), WireType::Int) if edition == Edition::V1 => {
                map.serialize_entry(member.name, &Text(value))
            }
            // A value that another door wrote and upstream's clients do not know is left out.
            (Some(Value::String(text)), WireType::Enum(_, values)) if !values.contains(&text.as_str()) => Ok(()),
            (Some(Value::String(text)), _) => map.serialize_entry(member.name, text),
            (Some(Value::Struct(json)), _) => map.serialize_entry(member.name, &texts(json)),
            (Some(Value::Int(value)), _) => map.serialize_entry(member.name, value),
            (Some(Value::Double(value)), _) => map.serialize_entry(member.name, value),
            (Some(Value::Bool(value)), _) => map.serialize_entry(member.name, value),
            (Some(Value::Proto { .. }), _) => Ok(()),
        },
    }
}

struct Custom<'a>(&'a Properties);

impl Serialize for Custom<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, metadata_value::SerializedValue(value))))
    }
}

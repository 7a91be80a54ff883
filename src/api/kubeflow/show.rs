//! Entities written, straight from the nodes.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde::ser::{Serialize, SerializeMap, Serializer};

use super::Edition;
use super::entity::{Entity, Member, Shape, Slot};
use super::metadata_value;
use crate::domain::{Node, Properties, Value};

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
    /// Under which path it was asked for.
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
        map.serialize_entry("id", &node.id.to_string())?;
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
        map.serialize_entry("createTimeSinceEpoch", &node.created_at.to_string())?;
        map.serialize_entry("lastUpdateTimeSinceEpoch", &node.updated_at.to_string())?;
        for member in entity.map_or(&[][..], |entity| entity.members) {
            show(&mut map, member, node, self.edition)?;
        }
        map.end()
    }
}

fn show<M: SerializeMap>(map: &mut M, member: &Member, node: &Node, edition: Edition) -> Result<(), M::Error> {
    match member.slot {
        Slot::Home => match node.home_id {
            Some(home) => map.serialize_entry(member.name, &home.to_string()),
            None => Ok(()),
        },
        Slot::Uri => match &node.uri {
            Some(uri) => map.serialize_entry(member.name, uri),
            None => Ok(()),
        },
        Slot::State => match (node.state, member.shape) {
            (Some(number), Shape::State(_, states)) => match states.iter().find(|(_, state)| *state == number) {
                Some((name, _)) => map.serialize_entry(member.name, name),
                None => Ok(()),
            },
            _ => Ok(()),
        },
        Slot::Property(property) => match (node.properties.get(property), member.shape) {
            (None, _) => Ok(()),
            (Some(Value::Int(value)), Shape::Id | Shape::Millis) => {
                map.serialize_entry(member.name, &value.to_string())
            }
            (Some(Value::Int(value)), Shape::Int) if edition == Edition::V1 => {
                map.serialize_entry(member.name, &value.to_string())
            }
            (Some(Value::String(text)), _) => map.serialize_entry(member.name, text),
            (Some(Value::Struct(json)), _) => map.serialize_entry(member.name, json),
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
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, metadata_value::show(value))))
    }
}

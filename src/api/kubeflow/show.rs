//! Entities and lists written, straight from the nodes.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use super::Edition;
use super::entity::{Entity, Member, Shape, Slot};
use super::metadata_value;
use crate::domain::{Node, Page, PageSize, PageToken, Properties, Value};

/// An entity with its ETag.
pub fn entity(status: StatusCode, node: &Node, edition: Edition) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, super::CONTENT_TYPE))
        .insert_header((header::ETAG, format!("\"{}\"", node.revision)))
        .json(View { node, edition })
}

/// A page of entities.
pub fn list(page: &Page<Node>, size: Option<PageSize>, edition: Edition) -> HttpResponse {
    let list = List { page, size, edition };
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, super::CONTENT_TYPE)).json(list)
}

struct List<'a> {
    page: &'a Page<Node>,
    size: Option<PageSize>,
    edition: Edition,
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let items: Vec<_> = self.page.items.iter().map(|node| View { node, edition: self.edition }).collect();
        let mut list = serializer.serialize_struct("List", if self.page.total.is_some() { 5 } else { 4 })?;
        list.serialize_field("items", &items)?;
        let next = self.page.next.as_ref().map(PageToken::encode).unwrap_or_default();
        list.serialize_field("nextPageToken", &next)?;
        list.serialize_field("pageSize", &self.size.map_or(0, PageSize::get))?;
        list.serialize_field("size", &items.len())?;
        if let Some(total) = self.page.total {
            list.serialize_field("totalSize", &total)?;
        }
        list.end()
    }
}

struct View<'a> {
    node: &'a Node,
    edition: Edition,
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

//! Entities and lists written, straight from the nodes.

use actix_web::HttpResponse;
use actix_web::http::{StatusCode, header};
use serde::ser::{Serialize, SerializeMap, SerializeStruct, Serializer};

use super::entity::{Entity, Member, Shape, Slot};
use super::metadata_value;
use super::query::Listing;
use crate::domain::{ArtifactState, Node, Page, PageSize, PageToken, Properties, Value};

/// An entity with its ETag.
pub fn entity(status: StatusCode, entity: &'static Entity, node: &Node) -> HttpResponse {
    HttpResponse::build(status)
        .insert_header((header::CONTENT_TYPE, super::CONTENT_TYPE))
        .insert_header((header::ETAG, format!("\"{}\"", node.revision)))
        .json(View { entity, node })
}

/// A page of entities.
pub fn list(entity: &'static Entity, page: &Page<Node>, listing: &Listing) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CONTENT_TYPE, super::CONTENT_TYPE)).json(List {
        entity,
        page,
        size: listing.size,
    })
}

struct List<'a> {
    entity: &'static Entity,
    page: &'a Page<Node>,
    size: Option<PageSize>,
}

impl Serialize for List<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let items: Vec<_> = self.page.items.iter().map(|node| View { entity: self.entity, node }).collect();
        let mut list = serializer.serialize_struct("List", 4)?;
        list.serialize_field("items", &items)?;
        list.serialize_field(
            "nextPageToken",
            &self.page.next.map(|token: PageToken| token.encode()).unwrap_or_default(),
        )?;
        list.serialize_field("pageSize", &self.size.map_or(0, PageSize::get))?;
        list.serialize_field("size", &items.len())?;
        list.end()
    }
}

struct View<'a> {
    entity: &'static Entity,
    node: &'a Node,
}

impl Serialize for View<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let node = self.node;
        let mut map = serializer.serialize_map(None)?;
        if let Some(artifact_type) = self.entity.artifact_type {
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
        for member in self.entity.members {
            show(&mut map, member, node)?;
        }
        map.end()
    }
}

fn show<M: SerializeMap>(map: &mut M, member: &Member, node: &Node) -> Result<(), M::Error> {
    match member.slot {
        Slot::Home => match node.home_id {
            Some(home) => map.serialize_entry(member.name, &home.to_string()),
            None => Ok(()),
        },
        Slot::Uri => match &node.uri {
            Some(uri) => map.serialize_entry(member.name, uri),
            None => Ok(()),
        },
        Slot::State => match node.state.and_then(ArtifactState::name_of) {
            Some(state) => map.serialize_entry(member.name, state),
            None => Ok(()),
        },
        Slot::Property(property) => match (node.properties.get(property), member.shape) {
            (None, _) => Ok(()),
            (Some(Value::Int(id)), Shape::Id) => map.serialize_entry(member.name, &id.to_string()),
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

//! Parses bodies into drafts and patches, by the entity's table.

use serde_json::{Map, Value as Json};

use super::entity::{Entity, Member, Mutability, Storage, WireType, artifact_of, artifacts};
use super::error::KubeflowError;
use super::metadata_value;
use super::serialize::ROUND_TRIP;
use crate::domain::value::check_text;
use crate::domain::{Change, Draft, Error, Name, NodeId, Patch, Result, Value};
use crate::http::integer::parse_integer;

/// Which schema a body has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// `…Create`: defaults are filled in, other members are refused.
    Create,
    /// The entity as it is answered, for the nested creations: an `id` changes the entity of that id instead.
    Upsert,
    /// One of the artifacts by its `artifactType`: other members are ignored, and no state is filled in.
    Artifact,
}

/// A JSON object that was sent.
pub struct Body(Map<String, Json>);

impl Body {
    /// Parses a body; anything but a JSON object is refused.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        match serde_json::from_slice(bytes) {
            Ok(Json::Object(members)) => Ok(Self(members)),
            Ok(_) => Err(Error::invalid_body("the body is not a JSON object")),
            Err(error) => Err(Error::invalid_body(format!("the body is not JSON: {error}"))),
        }
    }

    /// The id in the body, where the kind may carry one.
    pub fn id(&self) -> Result<Option<NodeId>> {
        self.text("id")?.filter(|id| !id.is_empty()).map(str::parse).transpose()
    }

    /// Refuses an `artifactType` other than the entity's; it may be left out.
    pub fn check_artifact_type(&self, entity: &Entity) -> Result<()> {
        match (self.text("artifactType")?, entity.artifact_type) {
            (Some(given), Some(expected)) if given != expected => Err(Error::invalid(
                "artifactType",
                format!("artifactType `{}` is not `{expected}`", given.escape_debug()),
            )),
            _ => Ok(()),
        }
    }

    /// The artifact that the body is, by its `artifactType`.
    pub fn artifact(&self) -> Result<&'static Entity> {
        let given = self.text("artifactType")?.unwrap_or_default();
        artifact_of(given).ok_or_else(|| {
            let types: Vec<_> = artifacts().filter_map(|entity| entity.artifact_type).collect();
            let what = if given.is_empty() { "is missing".to_owned() } else { format!("`{}`", given.escape_debug()) };
            Error::invalid("artifactType", format!("artifactType {what}: expected one of `{}`", types.join("`, `")))
        })
    }

    /// What is to be created, and the home that the body names.
    pub fn draft(&self, entity: &Entity, kind: BodyKind) -> Result<(Draft, Option<NodeId>), KubeflowError> {
        self.check_create_members(entity, kind)?;
        let mut draft =
            Draft { custom: self.custom()?.unwrap_or_default(), round_trip: ROUND_TRIP, ..Draft::default() };
        draft.name = match self.text("name")? {
            Some(name) if !name.is_empty() => Some(name.parse::<Name>()?),
            _ if entity.name_required => return Err(KubeflowError::Required("name")),
            _ => None,
        };
        draft.external_id = self.text("externalId")?.filter(|id| !id.is_empty()).map(str::parse).transpose()?;
        if let Some(description) = self.text("description")? {
            draft = draft.with("description", Some(description));
        }
        let mut home = None;
        for member in entity.members.iter().filter(|member| member.mutability != Mutability::ReadOnly) {
            let given = self.sent(member).filter(|json| !json.is_null());
            let given = given.filter(|json| member.mutability != Mutability::Required || json.as_str() != Some(""));
            let value = match given {
                Some(json) => Some(parse_value(member, json)?),
                None if member.mutability == Mutability::Required => return Err(KubeflowError::Required(member.name)),
                None if kind == BodyKind::Artifact => None,
                None => default(member.wire_type),
            };
            match member.storage {
                Storage::Home => home = value.as_ref().and_then(id_of),
                Storage::Property(property) => draft = draft.with(property, value),
                Storage::Uri => draft.uri = value.and_then(text_of).filter(|uri| !uri.is_empty()),
                Storage::State => draft.state = value.as_ref().and_then(id_of).map(|id| id.0),
            }
        }
        Ok((draft, home))
    }

    /// What is to be changed: an absent member is kept, `null` clears it, a text may be emptied.
    pub fn patch(&self, entity: &Entity, kind: BodyKind) -> Result<Patch> {
        if kind == BodyKind::Create {
            self.check_update_members(entity)?;
        }
        let mut patch = Patch {
            custom: match self.0.get("customProperties") {
                Some(Json::Null) => Some(crate::domain::Properties::new()),
                _ => self.custom()?,
            },
            external_id: match self.change("externalId")? {
                Change::Set("") => Change::Clear,
                change => change.try_map(str::parse)?,
            },
            round_trip: ROUND_TRIP,
            ..Patch::default()
        };
        patch = patch.with("description", self.change("description")?.map(Value::from));
        for member in entity.members.iter().filter(|member| member.mutability == Mutability::Mutable) {
            let change = match self.sent(member) {
                None => continue,
                Some(Json::Null) => default(member.wire_type).map_or(Change::Clear, Change::Set),
                Some(json) => Change::Set(parse_value(member, json)?),
            };
            match member.storage {
                Storage::Property(property) => patch = patch.with(property, change),
                // An empty one is none.
                Storage::Uri => {
                    patch.uri = match change.map(|value| text_of(value).unwrap_or_default()) {
                        Change::Set(uri) if uri.is_empty() => Change::Clear,
                        change => change,
                    }
                }
                Storage::State => patch.state = change.map(|value| id_of(&value).map_or(0, |id| id.0)),
                Storage::Home => {}
            }
        }
        Ok(patch)
    }

    /// The version that an alias is to point at.
    pub fn version_of_alias(&self) -> Result<NodeId, KubeflowError> {
        self.check_members(|name| name == "modelVersionId")?;
        match self.text("modelVersionId")? {
            Some(id) if !id.is_empty() => Ok(id.parse().map_err(|error: Error| error.on_field("modelVersionId"))?),
            _ => Err(KubeflowError::Required("modelVersionId")),
        }
    }

    /// What is sent for a member. Upstream takes an empty number for one that is not there.
    fn sent(&self, member: &Member) -> Option<&Json> {
        let may_be_empty = matches!(member.wire_type, WireType::Int | WireType::Millis);
        self.0.get(member.name).filter(|json| !may_be_empty || json.as_str() != Some(""))
    }

    fn custom(&self) -> Result<Option<crate::domain::Properties>> {
        self.0.get("customProperties").filter(|json| !json.is_null()).map(metadata_value::parse).transpose()
    }

    fn text(&self, name: &str) -> Result<Option<&str>> {
        match self.0.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(other) => Err(type_error(name, other, "a string")),
        }
    }

    fn change(&self, name: &str) -> Result<Change<&str>> {
        match self.0.get(name) {
            None => Ok(Change::Keep),
            Some(Json::Null) => Ok(Change::Clear),
            Some(_) => Ok(self.text(name)?.map_or(Change::Clear, Change::Set)),
        }
    }

    fn check_create_members(&self, entity: &Entity, kind: BodyKind) -> Result<()> {
        let of_resource = |name: &str| match name {
            "name" | "description" | "externalId" | "customProperties" => true,
            "artifactType" => entity.artifact_type.is_some(),
            "id" | "createTimeSinceEpoch" | "lastUpdateTimeSinceEpoch" => kind == BodyKind::Upsert,
            _ => false,
        };
        let is_settable = |name: &str| {
            entity
                .member(name)
                .is_some_and(|member| kind == BodyKind::Upsert || member.mutability != Mutability::ReadOnly)
        };
        self.check_members(|name| kind == BodyKind::Artifact || of_resource(name) || is_settable(name))
    }

    fn check_update_members(&self, entity: &Entity) -> Result<()> {
        self.check_members(|name| match name {
            "description" | "externalId" | "customProperties" => true,
            "artifactType" => entity.artifact_type.is_some(),
            _ => entity.member(name).is_some_and(|member| member.mutability == Mutability::Mutable),
        })
    }

    fn check_members(&self, is_known: impl Fn(&str) -> bool) -> Result<()> {
        match self.0.keys().find(|name| !is_known(name)) {
            None => Ok(()),
            Some(name) => Err(Error::invalid(name, format!("json: unknown field \"{}\"", name.escape_debug()))),
        }
    }
}

fn type_error(name: &str, json: &Json, expected: &str) -> Error {
    let found = match json {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a string",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    };
    Error::invalid(name, format!("member `{name}` is {found}, not {expected}"))
}

fn parse_value(member: &Member, json: &Json) -> Result<Value> {
    let name = member.name;
    let text = || json.as_str().ok_or_else(|| type_error(name, json, "a string"));
    let one_of = |values: &mut dyn Iterator<Item = &'static str>, given: &str| {
        let values: Vec<_> = values.collect();
        Error::invalid(name, format!("{name} `{}` is none of `{}`", given.escape_debug(), values.join("`, `")))
    };
    match member.wire_type {
        WireType::Text => Ok(text()?.into()),
        WireType::TextList => {
            let texts: Option<Vec<_>> = json.as_array().and_then(|items| items.iter().map(Json::as_str).collect());
            let texts = texts.ok_or_else(|| type_error(name, json, "a list of strings"))?;
            texts.into_iter().try_for_each(|text| check_text(name, text))?;
            Ok(Value::Struct(json.clone()))
        }
        WireType::Enum(_, values) => {
            let given = text()?;
            if values.contains(&given) { Ok(given.into()) } else { Err(one_of(&mut values.iter().copied(), given)) }
        }
        WireType::State(_, states) => {
            let given = text()?;
            let found = states.iter().find(|(state, _)| *state == given);
            let mut names = states.iter().map(|(state, _)| *state);
            found.map(|(_, number)| Value::Int(*number)).ok_or_else(|| one_of(&mut names, given))
        }
        WireType::Double => {
            let value = json.as_f64().filter(|value| value.is_finite());
            value.map(Value::Double).ok_or_else(|| type_error(name, json, "a number"))
        }
        // One release of the stock client writes it as a string.
        WireType::Int => {
            let value = json.as_number().and_then(parse_integer).or_else(|| json.as_str()?.parse().ok());
            value.map(Value::Int).ok_or_else(|| type_error(name, json, "a 64-bit integer"))
        }
        WireType::Millis => {
            let given = text()?;
            let invalid = || Error::invalid(name, format!("{name} `{}` is not a 64-bit integer", given.escape_debug()));
            given.parse().map(Value::Int).map_err(|_| invalid())
        }
        WireType::Id => {
            let id: NodeId = text()?.parse().map_err(|error: Error| error.on_field(name))?;
            Ok(Value::Int(id.0))
        }
    }
}

fn default(wire_type: WireType) -> Option<Value> {
    match wire_type {
        WireType::Enum(_, values) => values.first().map(|first| Value::from(*first)),
        WireType::State(_, states) => states.first().map(|(_, number)| Value::Int(*number)),
        WireType::Text | WireType::TextList | WireType::Id | WireType::Double | WireType::Int | WireType::Millis => {
            None
        }
    }
}

fn text_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        _ => None,
    }
}

fn id_of(value: &Value) -> Option<NodeId> {
    match value {
        Value::Int(id) => Some(NodeId(*id)),
        _ => None,
    }
}

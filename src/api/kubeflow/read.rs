//! Bodies read: what is to be created or changed, from the entity's table (contracts/kubeflow §1.5, §1.6, §1.10).

use serde_json::{Map, Value as Json};

use super::entity::{Entity, Member, Shape, Slot};
use super::error::KubeflowError;
use super::metadata_value;
use crate::domain::{ArtifactState, Change, Draft, Error, Name, NodeId, Patch, Result, Value};

/// Which schema a body has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `…Create`: defaults are filled in, other members are refused.
    Create,
    /// The entity as it is answered, for the nested creations: an `id` changes the entity of that id instead.
    Whole,
    /// One of the artifacts by its `artifactType`: other members are ignored, and no state is filled in.
    OneOf,
}

/// A JSON object that was sent.
pub struct Body(Map<String, Json>);

impl Body {
    /// Reads a body; anything but a JSON object is refused.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        match serde_json::from_slice(bytes) {
            Ok(Json::Object(members)) => Ok(Self(members)),
            Ok(_) => Err(Error::invalid("body", "the body is not a JSON object")),
            Err(error) => Err(Error::invalid("body", format!("the body is not JSON: {error}"))),
        }
    }

    /// The id in the body, where the form may carry one.
    pub fn id(&self) -> Result<Option<NodeId>> {
        self.text("id")?.filter(|id| !id.is_empty()).map(str::parse).transpose()
    }

    /// The `artifactType`, which must be the entity's where it is given, and must be given where `required`.
    pub fn check_artifact_type(&self, entity: &Entity, required: bool) -> Result<()> {
        let Some(expected) = entity.artifact_type else { return Ok(()) };
        match self.text("artifactType")? {
            Some(given) if given == expected => Ok(()),
            None if !required => Ok(()),
            Some(given) => Err(Error::invalid(
                "artifactType",
                format!("artifactType `{}` is not `{expected}`", given.escape_debug()),
            )),
            None => Err(Error::invalid("artifactType", format!("artifactType is missing, expected `{expected}`"))),
        }
    }

    /// What is to be created, and the home that the body names.
    pub fn draft(&self, entity: &Entity, form: Form) -> Result<(Draft, Option<NodeId>), KubeflowError> {
        self.refuse_unknown(entity, form)?;
        let mut draft = Draft { custom: self.custom()?.unwrap_or_default(), ..Draft::default() };
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
        for member in entity.members {
            let given = self.0.get(member.name).filter(|json| !json.is_null());
            let value = match given {
                Some(json) => Some(read(member, json)?),
                None if form == Form::OneOf => None,
                None => default(member.shape),
            };
            match (member.slot, value) {
                (Slot::Home, None) => return Err(KubeflowError::Required(member.name)),
                (Slot::Home, Some(value)) => home = id_of(&value),
                (Slot::Property(property), value) => draft = draft.with(property, value),
                (Slot::Uri, value) => draft.uri = value.and_then(text_of),
                (Slot::State, value) => draft.state = value.and_then(|value| id_of(&value)).map(|id| id.0),
            }
        }
        Ok((draft, home))
    }

    /// What is to be changed: an absent member is kept, `null` clears it, a text may be emptied.
    pub fn patch(&self, entity: &Entity, form: Form) -> Result<Patch> {
        if form == Form::Create {
            self.refuse_unknown_in_update(entity)?;
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
            ..Patch::default()
        };
        patch = patch.with("description", self.change("description")?.map(Value::from));
        for member in entity.members {
            let change = match self.0.get(member.name) {
                None => continue,
                Some(Json::Null) => default(member.shape).map_or(Change::Clear, Change::Set),
                Some(json) => Change::Set(read(member, json)?),
            };
            match member.slot {
                Slot::Home => {}
                Slot::Property(property) => patch = patch.with(property, change),
                Slot::Uri => patch.uri = change.map(|value| text_of(value).unwrap_or_default()),
                Slot::State => patch.state = change.map(|value| id_of(&value).map_or(0, |id| id.0)),
            }
        }
        Ok(patch)
    }

    fn custom(&self) -> Result<Option<crate::domain::Properties>> {
        self.0.get("customProperties").filter(|json| !json.is_null()).map(metadata_value::read).transpose()
    }

    fn text(&self, name: &str) -> Result<Option<&str>> {
        match self.0.get(name) {
            None | Some(Json::Null) => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(other) => Err(mistyped(name, other, "a string")),
        }
    }

    fn change(&self, name: &str) -> Result<Change<&str>> {
        match self.0.get(name) {
            None => Ok(Change::Keep),
            Some(Json::Null) => Ok(Change::Clear),
            Some(_) => Ok(self.text(name)?.map_or(Change::Clear, Change::Set)),
        }
    }

    fn refuse_unknown(&self, entity: &Entity, form: Form) -> Result<()> {
        let of_resource = |name: &str| match name {
            "name" | "description" | "externalId" | "customProperties" => true,
            "artifactType" => entity.artifact_type.is_some(),
            "id" | "createTimeSinceEpoch" | "lastUpdateTimeSinceEpoch" => form == Form::Whole,
            _ => false,
        };
        self.refuse(|name| form == Form::OneOf || of_resource(name) || entity.member(name).is_some())
    }

    fn refuse_unknown_in_update(&self, entity: &Entity) -> Result<()> {
        self.refuse(|name| match name {
            "description" | "externalId" | "customProperties" => true,
            "artifactType" => entity.artifact_type.is_some(),
            _ => entity.member(name).is_some_and(|member| member.slot != Slot::Home),
        })
    }

    fn refuse(&self, is_known: impl Fn(&str) -> bool) -> Result<()> {
        match self.0.keys().find(|name| !is_known(name)) {
            None => Ok(()),
            Some(name) => Err(Error::invalid(name, format!("json: unknown field \"{}\"", name.escape_debug()))),
        }
    }
}

fn mistyped(name: &str, json: &Json, expected: &str) -> Error {
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

fn read(member: &Member, json: &Json) -> Result<Value> {
    let name = member.name;
    let text = || json.as_str().ok_or_else(|| mistyped(name, json, "a string"));
    let one_of = |values: &mut dyn Iterator<Item = &'static str>, given: &str| {
        let values: Vec<_> = values.collect();
        Error::invalid(name, format!("{name} `{}` is none of `{}`", given.escape_debug(), values.join("`, `")))
    };
    match member.shape {
        Shape::Text => Ok(text()?.into()),
        Shape::TextList => {
            let is_text_list = json.as_array().is_some_and(|items| items.iter().all(Json::is_string));
            if is_text_list { Ok(Value::Struct(json.clone())) } else { Err(mistyped(name, json, "a list of strings")) }
        }
        Shape::Enum(_, values) => {
            let given = text()?;
            if values.contains(&given) { Ok(given.into()) } else { Err(one_of(&mut values.iter().copied(), given)) }
        }
        Shape::ArtifactState => {
            let given = text()?;
            let found = ArtifactState::ALL.into_iter().find(|(_, state)| *state == given);
            let mut names = ArtifactState::ALL.into_iter().map(|(_, state)| state);
            found.map(|(state, _)| Value::Int(state.number())).ok_or_else(|| one_of(&mut names, given))
        }
        Shape::Id => {
            let id: NodeId = text()?.parse().map_err(|error: Error| error.on_field(name))?;
            Ok(Value::Int(id.0))
        }
    }
}

fn default(shape: Shape) -> Option<Value> {
    match shape {
        Shape::Enum(_, values) => values.first().map(|first| Value::from(*first)),
        Shape::ArtifactState => Some(Value::Int(ArtifactState::Unknown.number())),
        Shape::Text | Shape::TextList | Shape::Id => None,
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

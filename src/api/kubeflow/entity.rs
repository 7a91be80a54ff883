//! What each entity looks like on the wire: one table, from which bodies are read, answers written and schemas drawn.

mod artifacts;
mod experiments;
mod models;
mod serving;

use crate::domain::filter::Attribute;
use crate::domain::filter::kubeflow::Known;
use crate::domain::{LogicalType, ValueKind};

pub use artifacts::{DATA_SET, DOC_ARTIFACT, METRIC, MODEL_ARTIFACT, PARAMETER};
pub use experiments::{EXPERIMENT, EXPERIMENT_RUN};
pub use models::{MODEL_VERSION, REGISTERED_MODEL};
pub use serving::{INFERENCE_SERVICE, SERVE_MODEL, SERVING_ENVIRONMENT};

/// An entity of the API.
#[derive(Debug)]
pub struct Entity {
    /// What it is in the registry.
    pub logical: LogicalType,
    /// The name of its schema; `Create`, `Update` and `List` are appended for the others.
    pub schema: &'static str,
    /// The value of `artifactType`, where it is an artifact.
    pub artifact_type: Option<&'static str>,
    /// Whether a name must be given; where not, a UUID stands in.
    pub name_required: bool,
    /// Its members besides those of every resource.
    pub members: &'static [Member],
}

/// A member of an entity.
#[derive(Debug)]
pub struct Member {
    /// Its name on the wire.
    pub name: &'static str,
    /// Where the registry keeps it.
    pub slot: Slot,
    /// What it looks like.
    pub shape: Shape,
    /// When it may be given.
    pub given: Given,
    /// What it is for.
    pub description: &'static str,
}

/// Where the registry keeps a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Slot {
    /// A property that the type declares.
    Property(&'static str),
    /// The node's URI.
    Uri,
    /// The node's state.
    State,
    /// The node's home.
    Home,
}

/// When a member may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given {
    /// On create and on update.
    Always,
    /// On create alone, and it must be.
    Required,
    /// On create alone.
    AtCreation,
    /// Never: the server says it.
    Never,
}

/// What a member looks like on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// A string.
    Text,
    /// A list of strings.
    TextList,
    /// One of these strings; the first is the default. The name is that of the schema.
    Enum(&'static str, &'static [&'static str]),
    /// The state of an artifact or execution, by name with its number; the first is the default.
    State(&'static str, &'static [(&'static str, i64)]),
    /// The decimal id of another entity.
    Id,
    /// A number.
    Double,
    /// An integer.
    Int,
    /// Milliseconds since the epoch, in decimal.
    Millis,
}

const fn member(name: &'static str, slot: Slot, shape: Shape, given: Given, description: &'static str) -> Member {
    Member { name, slot, shape, given, description }
}

const fn text(name: &'static str, property: &'static str, description: &'static str) -> Member {
    member(name, Slot::Property(property), Shape::Text, Given::Always, description)
}

const fn list(name: &'static str, property: &'static str, description: &'static str) -> Member {
    member(name, Slot::Property(property), Shape::TextList, Given::Always, description)
}

const fn life(schema: &'static str) -> Member {
    let shape = Shape::Enum(schema, &["LIVE", "ARCHIVED"]);
    member("state", Slot::Property("state"), shape, Given::Always, "Whether it is in use or archived.")
}

/// Every entity that the API has.
pub static ALL: [&Entity; 12] = [
    &REGISTERED_MODEL,
    &MODEL_VERSION,
    &MODEL_ARTIFACT,
    &DOC_ARTIFACT,
    &DATA_SET,
    &METRIC,
    &PARAMETER,
    &EXPERIMENT,
    &EXPERIMENT_RUN,
    &SERVING_ENVIRONMENT,
    &INFERENCE_SERVICE,
    &SERVE_MODEL,
];

/// The entities that are artifacts.
pub fn artifacts() -> impl Iterator<Item = &'static Entity> + Clone {
    ALL.into_iter().filter(|entity| entity.artifact_type.is_some())
}

/// The artifact with that `artifactType`.
pub fn artifact_of(artifact_type: &str) -> Option<&'static Entity> {
    artifacts().find(|entity| entity.artifact_type == Some(artifact_type))
}

impl Entity {
    /// The entity that a node is shown as.
    pub fn of(logical: LogicalType) -> Option<&'static Self> {
        ALL.into_iter().find(|entity| entity.logical == logical)
    }

    /// The member with that name on the wire.
    pub fn member(&self, name: &str) -> Option<&'static Member> {
        self.members.iter().find(|member| member.name == name)
    }

    /// The members that a creation must give, the name included.
    pub fn required(&self) -> Vec<&'static str> {
        let members = self.members.iter().filter(|member| member.given == Given::Required);
        self.name_required.then_some("name").into_iter().chain(members.map(|member| member.name)).collect()
    }

    /// What a name in a `filterQuery` means; `None` for a free property.
    pub fn known(&self, name: &str) -> Option<Known> {
        Some(match name {
            "id" => Known::Attribute(Attribute::Id),
            "name" => Known::Attribute(Attribute::Name),
            "externalId" => Known::Attribute(Attribute::ExternalId),
            "createTimeSinceEpoch" => Known::Attribute(Attribute::CreatedAt),
            "lastUpdateTimeSinceEpoch" => Known::Attribute(Attribute::UpdatedAt),
            "description" => Known::Property("description", ValueKind::String),
            _ => {
                let member = self.member(name)?;
                match (member.slot, member.shape) {
                    (Slot::Property("value"), Shape::Double) => Known::Attribute(Attribute::MetricValue),
                    (Slot::Property("step"), _) => Known::Attribute(Attribute::MetricStep),
                    (Slot::Property("timestamp"), _) => Known::Attribute(Attribute::MetricTime),
                    (Slot::Property(property), _) => Known::Property(property, self.logical.declared(property)?),
                    (Slot::Uri, _) => Known::Attribute(Attribute::Uri),
                    (Slot::State, Shape::State(_, names)) => Known::State(names),
                    (Slot::State, _) => Known::Attribute(Attribute::State),
                    (Slot::Home, _) => Known::Attribute(Attribute::Home),
                }
            }
        })
    }
}

/// What a name in a `filterQuery` over artifacts of every kind means: what it means for the first kind that has it, but for
/// `value`, which is a number of a metric and the text of a parameter.
pub fn known_to_artifacts(name: &str) -> Option<Known> {
    if name == "value" {
        return Some(Known::TextOrNumber("value", Attribute::MetricValue));
    }
    artifacts().find_map(|entity| entity.known(name))
}

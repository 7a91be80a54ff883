//! The entities on the wire: one table, by which bodies are parsed, nodes serialized and schemas generated.

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
    /// Whether a name must be given; where not, a UUID is generated.
    pub name_required: bool,
    /// Its members besides those of every resource.
    pub members: &'static [Member],
}

/// A member of an entity.
#[derive(Debug)]
pub struct Member {
    /// Its name on the wire.
    pub name: &'static str,
    /// Where the registry stores it.
    pub storage: Storage,
    /// Its type on the wire.
    pub wire_type: WireType,
    /// Which requests may set it.
    pub mutability: Mutability,
    /// What it is for.
    pub description: &'static str,
}

/// Where the registry stores a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// A property that the type declares.
    Property(&'static str),
    /// The node's URI.
    Uri,
    /// The node's state.
    State,
    /// The node's home.
    Home,
}

/// Which requests may set a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mutability {
    /// On create and on update.
    Mutable,
    /// On create alone, and it must be.
    Required,
    /// On create alone.
    Immutable,
    /// None: the server sets it.
    ReadOnly,
}

/// The type of a member on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WireType {
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

const fn member(
    name: &'static str,
    storage: Storage,
    wire_type: WireType,
    mutability: Mutability,
    description: &'static str,
) -> Member {
    Member { name, storage, wire_type, mutability, description }
}

const fn text(name: &'static str, property: &'static str, description: &'static str) -> Member {
    member(name, Storage::Property(property), WireType::Text, Mutability::Mutable, description)
}

const fn list(name: &'static str, property: &'static str, description: &'static str) -> Member {
    member(name, Storage::Property(property), WireType::TextList, Mutability::Mutable, description)
}

const fn life(schema: &'static str) -> Member {
    let wire_type = WireType::Enum(schema, &["LIVE", "ARCHIVED"]);
    member("state", Storage::Property("state"), wire_type, Mutability::Mutable, "Whether it is in use or archived.")
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
        let members = self.members.iter().filter(|member| member.mutability == Mutability::Required);
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
                match (member.storage, member.wire_type) {
                    (Storage::Property("value"), WireType::Double) => Known::Attribute(Attribute::MetricValue),
                    (Storage::Property("step"), _) => Known::Attribute(Attribute::MetricStep),
                    (Storage::Property("timestamp"), _) => Known::Attribute(Attribute::MetricTime),
                    (Storage::Property(property), _) => Known::Property(property, self.logical.declared(property)?),
                    (Storage::Uri, _) => Known::Attribute(Attribute::Uri),
                    (Storage::State, WireType::State(_, names)) => Known::State(names),
                    (Storage::State, _) => Known::Attribute(Attribute::State),
                    (Storage::Home, _) => Known::Attribute(Attribute::Home),
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

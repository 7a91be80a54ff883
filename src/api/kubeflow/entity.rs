//! What each entity looks like on the wire: one table, from which bodies are read, answers written and schemas drawn.

use crate::domain::filter::Attribute;
use crate::domain::filter::kubeflow::Known;
use crate::domain::{ArtifactState, LogicalType, ValueKind};

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
    /// The node's home. Required on create, and never changed.
    Home,
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
    /// The state of an artifact; `UNKNOWN` by default.
    ArtifactState,
    /// The decimal id of another entity.
    Id,
}

const fn text(name: &'static str, property: &'static str, description: &'static str) -> Member {
    Member { name, slot: Slot::Property(property), shape: Shape::Text, description }
}

const fn life(schema: &'static str) -> Member {
    Member {
        name: "state",
        slot: Slot::Property("state"),
        shape: Shape::Enum(schema, &["LIVE", "ARCHIVED"]),
        description: "Whether it is in use or archived.",
    }
}

/// A registered model.
pub static REGISTERED_MODEL: Entity = Entity {
    logical: LogicalType::RegisteredModel,
    schema: "RegisteredModel",
    artifact_type: None,
    name_required: true,
    members: &[
        text("readme", "readme", "Model documentation in Markdown."),
        text("maturity", "maturity", "Maturity level of the model."),
        Member {
            name: "language",
            slot: Slot::Property("language"),
            shape: Shape::TextList,
            description: "Languages that the model supports.",
        },
        Member {
            name: "tasks",
            slot: Slot::Property("tasks"),
            shape: Shape::TextList,
            description: "Tasks that the model is made for.",
        },
        text("provider", "provider", "Name of the organization or entity that provides the model."),
        text("logo", "logo", "URL of the model's logo, or a data URL."),
        text("license", "license", "Short name of the model's license."),
        text("licenseLink", "license_link", "URL of the license text."),
        text("libraryName", "library_name", "Name of the library that the model is for."),
        text("owner", "owner", "Who is responsible for the model."),
        life("RegisteredModelState"),
    ],
};

/// A model version.
pub static MODEL_VERSION: Entity = Entity {
    logical: LogicalType::ModelVersion,
    schema: "ModelVersion",
    artifact_type: None,
    name_required: true,
    members: &[
        life("ModelVersionState"),
        text("author", "author", "Name of the author."),
        Member {
            name: "registeredModelId",
            slot: Slot::Home,
            shape: Shape::Id,
            description: "Id of the registered model that the version belongs to.",
        },
    ],
};

/// A model artifact.
pub static MODEL_ARTIFACT: Entity = Entity {
    logical: LogicalType::ModelArtifact,
    schema: "ModelArtifact",
    artifact_type: Some("model-artifact"),
    name_required: false,
    members: &[
        text("modelFormatName", "model_format_name", "Name of the model's format."),
        text("storageKey", "storage_key", "Name of the storage secret."),
        text("storagePath", "storage_path", "Path of the model in that storage."),
        text("modelFormatVersion", "model_format_version", "Version of the model's format."),
        text("serviceAccountName", "service_account_name", "Name of the service account with the storage secret."),
        text("modelSourceKind", "model_source_kind", "Kind of system that the model comes from."),
        text("modelSourceClass", "model_source_class", "Class of that system's resource."),
        text("modelSourceGroup", "model_source_group", "Group of that system's resource."),
        text("modelSourceId", "model_source_id", "Id of that system's resource."),
        text("modelSourceName", "model_source_name", "Name of that system's resource."),
        Member {
            name: "uri",
            slot: Slot::Uri,
            shape: Shape::Text,
            description: "Where the artifact's bytes are. Filled in when the registry itself holds them.",
        },
        Member {
            name: "state",
            slot: Slot::State,
            shape: Shape::ArtifactState,
            description: "The state of the artifact.",
        },
    ],
};

/// The states of an artifact, as a filter names them.
static ARTIFACT_STATES: [(&str, i64); 7] = {
    let mut states = [("", 0); 7];
    let mut at = 0;
    while at < states.len() {
        let (state, name) = ArtifactState::ALL[at];
        states[at] = (name, state as i64);
        at += 1;
    }
    states
};

/// Every entity that the API has.
pub static ALL: [&Entity; 3] = [&REGISTERED_MODEL, &MODEL_VERSION, &MODEL_ARTIFACT];

impl Entity {
    /// The member with that name on the wire.
    pub fn member(&self, name: &str) -> Option<&'static Member> {
        self.members.iter().find(|member| member.name == name)
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
            _ => match self.member(name)?.slot {
                Slot::Property(property) => Known::Property(property, self.logical.declared(property)?),
                Slot::Uri => Known::Attribute(Attribute::Uri),
                Slot::State => Known::State(&ARTIFACT_STATES),
                Slot::Home => Known::Attribute(Attribute::Home),
            },
        })
    }

    /// The member that names the home.
    pub fn home(&self) -> Option<&'static Member> {
        self.members.iter().find(|member| member.slot == Slot::Home)
    }
}

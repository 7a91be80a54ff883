//! What each entity looks like on the wire: one table, from which bodies are read, answers written and schemas drawn.

use crate::domain::filter::Attribute;
use crate::domain::filter::kubeflow::Known;
use crate::domain::{LogicalType, ValueKind};

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

const URI: Member = member(
    "uri",
    Slot::Uri,
    Shape::Text,
    Given::Always,
    "Where the artifact's bytes are; filled in when they are here.",
);

const STATE: Member = member(
    "state",
    Slot::State,
    Shape::State("ArtifactState", &ARTIFACT_STATES),
    Given::Always,
    "The state of the artifact.",
);

const RUN: Member = member(
    "experimentRunId",
    Slot::Property("experiment_run_id"),
    Shape::Id,
    Given::Never,
    "Id of the experiment run that the artifact belongs to.",
);

const EXPERIMENT_OF_RUN: Member = member(
    "experimentId",
    Slot::Property("experiment_id"),
    Shape::Id,
    Given::Never,
    "Id of the experiment that the artifact's run belongs to.",
);

/// A registered model.
pub static REGISTERED_MODEL: Entity = Entity {
    logical: LogicalType::RegisteredModel,
    schema: "RegisteredModel",
    artifact_type: None,
    name_required: true,
    members: &[
        text("readme", "readme", "Model documentation in Markdown."),
        text("maturity", "maturity", "Maturity level of the model."),
        list("language", "language", "Languages that the model supports."),
        list("tasks", "tasks", "Tasks that the model is made for."),
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
        member(
            "registeredModelId",
            Slot::Home,
            Shape::Id,
            Given::Required,
            "Id of the registered model that the version belongs to.",
        ),
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
        URI,
        STATE,
        EXPERIMENT_OF_RUN,
        RUN,
    ],
};

/// A document.
pub static DOC_ARTIFACT: Entity = Entity {
    logical: LogicalType::DocArtifact,
    schema: "DocArtifact",
    artifact_type: Some("doc-artifact"),
    name_required: false,
    members: &[URI, STATE, EXPERIMENT_OF_RUN, RUN],
};

/// A data set.
pub static DATA_SET: Entity = Entity {
    logical: LogicalType::DataSet,
    schema: "DataSet",
    artifact_type: Some("dataset-artifact"),
    name_required: false,
    members: &[
        text("digest", "digest", "A hash or other identifier of the data."),
        text("sourceType", "source_type", "Kind of source that the data come from."),
        text("source", "source", "Where the data come from."),
        text("schema", "schema", "JSON text that describes the columns."),
        text("profile", "profile", "Summary or statistics of the data."),
        URI,
        STATE,
        EXPERIMENT_OF_RUN,
        RUN,
    ],
};

/// A metric, with its latest point.
pub static METRIC: Entity = Entity {
    logical: LogicalType::Metric,
    schema: "Metric",
    artifact_type: Some("metric"),
    name_required: false,
    members: &[
        member("value", Slot::Property("value"), Shape::Double, Given::Always, "The value."),
        member(
            "timestamp",
            Slot::Property("timestamp"),
            Shape::Millis,
            Given::Always,
            "When it was measured, in milliseconds since the epoch.",
        ),
        member(
            "step",
            Slot::Property("step"),
            Shape::Int,
            Given::Always,
            "The step of training at which it was measured.",
        ),
        STATE,
        EXPERIMENT_OF_RUN,
        RUN,
    ],
};

/// A parameter.
pub static PARAMETER: Entity = Entity {
    logical: LogicalType::Parameter,
    schema: "Parameter",
    artifact_type: Some("parameter"),
    name_required: false,
    members: &[
        text("value", "value", "The value."),
        member(
            "parameterType",
            Slot::Property("parameter_type"),
            Shape::Enum("ParameterType", &["string", "number", "boolean", "object"]),
            Given::Always,
            "What the value is.",
        ),
        STATE,
        EXPERIMENT_OF_RUN,
        RUN,
    ],
};

/// An experiment.
pub static EXPERIMENT: Entity = Entity {
    logical: LogicalType::Experiment,
    schema: "Experiment",
    artifact_type: None,
    name_required: true,
    members: &[text("owner", "owner", "Who is responsible for the experiment."), life("ExperimentState")],
};

/// A run of an experiment.
pub static EXPERIMENT_RUN: Entity = Entity {
    logical: LogicalType::ExperimentRun,
    schema: "ExperimentRun",
    artifact_type: None,
    name_required: false,
    members: &[
        member(
            "endTimeSinceEpoch",
            Slot::Property("end_time_since_epoch"),
            Shape::Millis,
            Given::Always,
            "When the run ended, in milliseconds since the epoch.",
        ),
        member(
            "status",
            Slot::Property("status"),
            Shape::Enum("ExperimentRunStatus", &["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]),
            Given::Always,
            "How the run stands.",
        ),
        life("ExperimentRunState"),
        text("owner", "owner", "Who is responsible for the run."),
        member("experimentId", Slot::Home, Shape::Id, Given::Required, "Id of the experiment that the run belongs to."),
        member(
            "startTimeSinceEpoch",
            Slot::Property("start_time_since_epoch"),
            Shape::Millis,
            Given::AtCreation,
            "When the run started, in milliseconds since the epoch.",
        ),
    ],
};

/// Where models are served.
pub static SERVING_ENVIRONMENT: Entity = Entity {
    logical: LogicalType::ServingEnvironment,
    schema: "ServingEnvironment",
    artifact_type: None,
    name_required: true,
    members: &[],
};

/// A model that is served.
pub static INFERENCE_SERVICE: Entity = Entity {
    logical: LogicalType::InferenceService,
    schema: "InferenceService",
    artifact_type: None,
    name_required: false,
    members: &[
        member(
            "modelVersionId",
            Slot::Property("model_version_id"),
            Shape::Id,
            Given::Always,
            "Id of the version that is served; the newest one when there is none.",
        ),
        text("runtime", "runtime", "The runtime that serves it."),
        member(
            "desiredState",
            Slot::Property("desired_state"),
            Shape::Enum("InferenceServiceState", &["DEPLOYED", "UNDEPLOYED"]),
            Given::Always,
            "Whether it is to be served.",
        ),
        member(
            "registeredModelId",
            Slot::Property("registered_model_id"),
            Shape::Id,
            Given::Required,
            "Id of the registered model that is served.",
        ),
        member(
            "servingEnvironmentId",
            Slot::Home,
            Shape::Id,
            Given::Required,
            "Id of the serving environment that it belongs to.",
        ),
    ],
};

/// One deployment of a version to an inference service.
pub static SERVE_MODEL: Entity = Entity {
    logical: LogicalType::ServeModel,
    schema: "ServeModel",
    artifact_type: None,
    name_required: false,
    members: &[
        member(
            "lastKnownState",
            Slot::State,
            Shape::State("ExecutionState", &EXECUTION_STATES),
            Given::Always,
            "How the deployment stood when it was last heard of.",
        ),
        member(
            "modelVersionId",
            Slot::Property("model_version_id"),
            Shape::Id,
            Given::Required,
            "Id of the version that is deployed.",
        ),
    ],
};

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

/// The states of an execution with their numbers, as in ML Metadata.
const EXECUTION_STATES: [(&str, i64); 7] =
    [("UNKNOWN", 0), ("NEW", 1), ("RUNNING", 2), ("COMPLETE", 3), ("FAILED", 4), ("CACHED", 5), ("CANCELED", 6)];

/// The states of an artifact with their numbers, as in ML Metadata.
const ARTIFACT_STATES: [(&str, i64); 7] = [
    ("UNKNOWN", 0),
    ("PENDING", 1),
    ("LIVE", 2),
    ("MARKED_FOR_DELETION", 3),
    ("DELETED", 4),
    ("ABANDONED", 5),
    ("REFERENCE", 6),
];

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

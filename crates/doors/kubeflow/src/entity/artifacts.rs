//! Artifacts of every kind.

use super::{Entity, Member, Mutability, Storage, WireType, member, text};
use crate::domain::{ArtifactState, LogicalType};

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
        member("value", Storage::Property("value"), WireType::Double, Mutability::Mutable, "The value."),
        member(
            "timestamp",
            Storage::Property("timestamp"),
            WireType::Millis,
            Mutability::Mutable,
            "When it was measured, in milliseconds since the epoch.",
        ),
        member(
            "step",
            Storage::Property("step"),
            WireType::Int,
            Mutability::Mutable,
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
            Storage::Property("parameter_type"),
            WireType::Enum("ParameterType", &["string", "number", "boolean", "object"]),
            Mutability::Mutable,
            "What the value is.",
        ),
        STATE,
        EXPERIMENT_OF_RUN,
        RUN,
    ],
};

const URI: Member = member(
    "uri",
    Storage::Uri,
    WireType::Text,
    Mutability::Mutable,
    "Where the artifact's bytes are; filled in when they are here.",
);

const STATE: Member = member(
    "state",
    Storage::State,
    WireType::State("ArtifactState", &ArtifactState::NAMES),
    Mutability::Mutable,
    "The state of the artifact.",
);

const RUN: Member = member(
    "experimentRunId",
    Storage::Property("experiment_run_id"),
    WireType::Id,
    Mutability::ReadOnly,
    "Id of the experiment run that the artifact belongs to.",
);

const EXPERIMENT_OF_RUN: Member = member(
    "experimentId",
    Storage::Property("experiment_id"),
    WireType::Id,
    Mutability::ReadOnly,
    "Id of the experiment that the artifact's run belongs to.",
);

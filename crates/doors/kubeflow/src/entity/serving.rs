//! Where models are served, and what is.

use super::{Entity, Mutability, Storage, WireType, member, text};
use crate::domain::{ExecutionState, LogicalType};

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
            Storage::Property("model_version_id"),
            WireType::Id,
            Mutability::Mutable,
            "Id of the version that is served; the newest one when there is none.",
        ),
        text("runtime", "runtime", "The runtime that serves it."),
        member(
            "desiredState",
            Storage::Property("desired_state"),
            WireType::Enum("InferenceServiceState", &["DEPLOYED", "UNDEPLOYED"]),
            Mutability::Mutable,
            "Whether it is to be served.",
        ),
        member(
            "registeredModelId",
            Storage::Property("registered_model_id"),
            WireType::Id,
            Mutability::Required,
            "Id of the registered model that is served.",
        ),
        member(
            "servingEnvironmentId",
            Storage::Home,
            WireType::Id,
            Mutability::Required,
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
            Storage::State,
            WireType::State("ExecutionState", &ExecutionState::NAMES),
            Mutability::Mutable,
            "The last known state of the deployment.",
        ),
        member(
            "modelVersionId",
            Storage::Property("model_version_id"),
            WireType::Id,
            Mutability::Required,
            "Id of the version that is deployed.",
        ),
    ],
};

//! Where models are served, and what is.

use super::{Entity, Given, Shape, Slot, member, text};
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
            Shape::State("ExecutionState", &ExecutionState::NAMES),
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

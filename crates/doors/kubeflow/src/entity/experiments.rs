//! Experiments and their runs.

use super::{Entity, Mutability, Storage, WireType, life, member, text};
use crate::domain::LogicalType;

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
            Storage::Property("end_time_since_epoch"),
            WireType::Millis,
            Mutability::Mutable,
            "When the run ended, in milliseconds since the epoch.",
        ),
        member(
            "status",
            Storage::Property("status"),
            WireType::Enum("ExperimentRunStatus", &["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"]),
            Mutability::Mutable,
            "The status of the run.",
        ),
        life("ExperimentRunState"),
        text("owner", "owner", "Who is responsible for the run."),
        member(
            "experimentId",
            Storage::Home,
            WireType::Id,
            Mutability::Required,
            "Id of the experiment that the run belongs to.",
        ),
        member(
            "startTimeSinceEpoch",
            Storage::Property("start_time_since_epoch"),
            WireType::Millis,
            Mutability::Immutable,
            "When the run started, in milliseconds since the epoch.",
        ),
    ],
};

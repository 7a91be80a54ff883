//! Experiments and their runs.

use super::{Entity, Given, Shape, Slot, life, member, text};
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

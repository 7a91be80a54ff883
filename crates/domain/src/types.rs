//! The logical types: what registered models, versions, artifacts, runs and deployments are in the metadata graph.

use super::ValueKind;

/// The three kinds of nodes, numbered as ML Metadata's `TypeKind`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NodeKind {
    /// A run of something.
    Execution = 0,
    /// Something that is made or used.
    Artifact = 1,
    /// A group of executions, artifacts and contexts.
    Context = 2,
}

impl NodeKind {
    /// The number under which the kind is stored.
    pub fn number(self) -> i64 {
        self as i64
    }

    /// The kind with that number.
    pub fn from_number(number: i64) -> Option<Self> {
        [Self::Execution, Self::Artifact, Self::Context].into_iter().find(|kind| kind.number() == number)
    }
}

/// A logical type. Its row in `types` is part of the schema, under a fixed id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum LogicalType {
    /// A model with its versions.
    RegisteredModel,
    /// One version of a model.
    ModelVersion,
    /// The bytes of a version, or where they are.
    ModelArtifact,
    /// A document.
    DocArtifact,
    /// A data set.
    DataSet,
    /// A metric with its latest point.
    Metric,
    /// A parameter of a run.
    Parameter,
    /// A group of runs.
    Experiment,
    /// One run of an experiment.
    ExperimentRun,
    /// Where models are served.
    ServingEnvironment,
    /// A model that is served.
    InferenceService,
    /// One deployment of a version to an inference service.
    ServeModel,
}

impl LogicalType {
    /// Every logical type, in the order of their ids.
    pub const ALL: [Self; 12] = [
        Self::RegisteredModel,
        Self::ModelVersion,
        Self::ModelArtifact,
        Self::DocArtifact,
        Self::DataSet,
        Self::Metric,
        Self::Parameter,
        Self::Experiment,
        Self::ExperimentRun,
        Self::ServingEnvironment,
        Self::InferenceService,
        Self::ServeModel,
    ];

    /// The id of its row in `types`; the migrations insert it.
    pub const fn id(self) -> i64 {
        self as i64 + 11
    }

    /// The logical type with that id; `None` for a type that a user of ML Metadata made.
    pub fn from_id(id: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|logical| logical.id() == id)
    }

    /// The type's name over ML Metadata: Kubeflow's.
    pub fn type_name(self) -> &'static str {
        match self {
            Self::RegisteredModel => "kf.RegisteredModel",
            Self::ModelVersion => "kf.ModelVersion",
            Self::ModelArtifact => "kf.ModelArtifact",
            Self::DocArtifact => "kf.DocArtifact",
            Self::DataSet => "kf.DataSet",
            Self::Metric => "kf.Metric",
            Self::Parameter => "kf.Parameter",
            Self::Experiment => "kf.Experiment",
            Self::ExperimentRun => "kf.ExperimentRun",
            Self::ServingEnvironment => "kf.ServingEnvironment",
            Self::InferenceService => "kf.InferenceService",
            Self::ServeModel => "kf.ServeModel",
        }
    }

    /// What messages call it.
    pub fn noun(self) -> &'static str {
        match self {
            Self::RegisteredModel => "registered model",
            Self::ModelVersion => "model version",
            Self::ModelArtifact => "model artifact",
            Self::DocArtifact => "doc artifact",
            Self::DataSet => "data set",
            Self::Metric => "metric",
            Self::Parameter => "parameter",
            Self::Experiment => "experiment",
            Self::ExperimentRun => "experiment run",
            Self::ServingEnvironment => "serving environment",
            Self::InferenceService => "inference service",
            Self::ServeModel => "serve model",
        }
    }

    /// Which kind of node it is.
    pub fn kind(self) -> NodeKind {
        match self {
            Self::RegisteredModel
            | Self::ModelVersion
            | Self::Experiment
            | Self::ExperimentRun
            | Self::ServingEnvironment
            | Self::InferenceService => NodeKind::Context,
            Self::ModelArtifact | Self::DocArtifact | Self::DataSet | Self::Metric | Self::Parameter => {
                NodeKind::Artifact
            }
            Self::ServeModel => NodeKind::Execution,
        }
    }

    /// The properties it declares, with their kinds.
    pub fn properties(self) -> &'static [(&'static str, ValueKind)] {
        use ValueKind::{Double, Int, String, Struct};
        match self {
            Self::RegisteredModel => &[
                ("description", String),
                ("language", Struct),
                ("library_name", String),
                ("license", String),
                ("license_link", String),
                ("logo", String),
                ("maturity", String),
                ("owner", String),
                ("provider", String),
                ("readme", String),
                ("state", String),
                ("tasks", Struct),
            ],
            Self::ModelVersion => &[
                ("author", String),
                ("description", String),
                ("run_link", String),
                ("stage", String),
                ("state", String),
            ],
            Self::ModelArtifact => &[
                ("description", String),
                ("experiment_id", Int),
                ("experiment_run_id", Int),
                ("model_format_name", String),
                ("model_format_version", String),
                ("model_source_class", String),
                ("model_source_group", String),
                ("model_source_id", String),
                ("model_source_kind", String),
                ("model_source_name", String),
                ("service_account_name", String),
                ("storage_key", String),
                ("storage_path", String),
            ],
            Self::DocArtifact => &[("description", String), ("experiment_id", Int), ("experiment_run_id", Int)],
            Self::ServingEnvironment => &[("description", String)],
            Self::DataSet => &[
                ("description", String),
                ("digest", String),
                ("experiment_id", Int),
                ("experiment_run_id", Int),
                ("profile", String),
                ("schema", String),
                ("source", String),
                ("source_type", String),
            ],
            Self::Metric => &[
                ("description", String),
                ("experiment_id", Int),
                ("experiment_run_id", Int),
                ("step", Int),
                ("timestamp", Int),
                ("value", Double),
            ],
            Self::Parameter => &[
                ("description", String),
                ("experiment_id", Int),
                ("experiment_run_id", Int),
                ("parameter_type", String),
                ("value", String),
            ],
            Self::Experiment => {
                &[("artifact_location", String), ("description", String), ("owner", String), ("state", String)]
            }
            Self::ExperimentRun => &[
                ("artifact_uri", String),
                ("description", String),
                ("end_time_since_epoch", Int),
                ("owner", String),
                ("start_time_since_epoch", Int),
                ("state", String),
                ("status", String),
            ],
            Self::InferenceService => &[
                ("description", String),
                ("desired_state", String),
                ("model_version_id", Int),
                ("registered_model_id", Int),
                ("runtime", String),
            ],
            Self::ServeModel => &[("description", String), ("model_version_id", Int)],
        }
    }

    /// The types that may own a node of this type; empty for one that nothing owns.
    pub fn homes(self) -> &'static [Self] {
        match self {
            Self::RegisteredModel | Self::Experiment | Self::ServingEnvironment => &[],
            Self::ModelVersion => &[Self::RegisteredModel],
            Self::ModelArtifact | Self::DocArtifact | Self::DataSet => {
                &[Self::ModelVersion, Self::ExperimentRun, Self::Experiment]
            }
            Self::Metric | Self::Parameter => &[Self::ModelVersion, Self::ExperimentRun],
            Self::ExperimentRun => &[Self::Experiment],
            Self::InferenceService => &[Self::ServingEnvironment],
            Self::ServeModel => &[Self::InferenceService],
        }
    }

    /// Whether names may repeat: of data sets, and of artifacts that nothing owns.
    pub fn may_repeat(self, has_home: bool) -> bool {
        self == Self::DataSet || (self.kind() == NodeKind::Artifact && !has_home)
    }

    /// Whether a name may be stored after a UUID and a colon, which people do not see.
    pub fn may_have_prefix(self, has_home: bool) -> bool {
        self == Self::ExperimentRun || self.may_repeat(has_home)
    }

    /// The properties that hold the id of another entity, and its type.
    pub fn references(self) -> &'static [(&'static str, Self)] {
        match self {
            Self::InferenceService => {
                &[("registered_model_id", Self::RegisteredModel), ("model_version_id", Self::ModelVersion)]
            }
            Self::ServeModel => &[("model_version_id", Self::ModelVersion)],
            Self::RegisteredModel
            | Self::ModelVersion
            | Self::ModelArtifact
            | Self::DocArtifact
            | Self::DataSet
            | Self::Metric
            | Self::Parameter
            | Self::Experiment
            | Self::ExperimentRun
            | Self::ServingEnvironment => &[],
        }
    }

    /// Whether creating one whose name is taken in its home changes the one there is.
    pub fn is_upserted(self) -> bool {
        matches!(self, Self::Metric | Self::Parameter)
    }

    /// The types of artifacts.
    pub const ARTIFACTS: &'static [Self] =
        &[Self::ModelArtifact, Self::DocArtifact, Self::DataSet, Self::Metric, Self::Parameter];

    /// The kind of a property that the type declares.
    pub fn declared(self, name: &str) -> Option<ValueKind> {
        self.properties().iter().find(|(declared, _)| *declared == name).map(|(_, kind)| *kind)
    }
}

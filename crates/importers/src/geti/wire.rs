//! The JSON that Geti returns, as far as it is used. A field that a release leaves out is not an error.

use serde::Deserialize;
use serde_json::{Map, Value};

/// `GET /personal_access_tokens/organization`: one organization (Geti 2.11), or several with their ages (SDK).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Organization {
    organization_id: Option<String>,
    #[serde(default)]
    organizations: Vec<DatedOrganization>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct DatedOrganization {
    organization_id: String,
    #[serde(default)]
    organization_created_at: String,
}

impl Organization {
    /// The one, or the oldest, which the SDK takes.
    pub(super) fn id(self) -> Option<String> {
        let oldest = self
            .organizations
            .into_iter()
            .min_by(|left, right| left.organization_created_at.cmp(&right.organization_created_at));
        self.organization_id.or_else(|| oldest.map(|oldest| oldest.organization_id))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct Workspaces {
    pub(super) workspaces: Vec<Workspace>,
    #[serde(rename = "totalMatchedCount")]
    pub(super) total: Option<usize>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Workspace {
    pub(super) id: String,
    #[serde(default)]
    pub(super) name: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct ProjectPage {
    pub(super) projects: Vec<ProjectV2>,
    pub(super) project_counts: usize,
}

#[derive(Debug, Deserialize)]
pub(super) struct ProjectV2 {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) creation_time: Option<String>,
    #[serde(default)]
    pub(super) pipeline: Pipeline,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Pipeline {
    #[serde(default)]
    pub(super) tasks: Vec<Task>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Task {
    #[serde(default)]
    pub(super) task_type: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct GroupList {
    pub(super) model_groups: Vec<GroupV2>,
}

#[derive(Debug, Deserialize)]
pub(super) struct GroupV2 {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) model_template_id: Option<String>,
    pub(super) task_id: Option<String>,
    #[serde(default)]
    pub(super) models: Vec<ModelSummary>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ModelSummary {
    pub(super) id: String,
    #[serde(default)]
    pub(super) purge_info: PurgeInfo,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct PurgeInfo {
    #[serde(default)]
    pub(super) is_purged: bool,
}

/// A trained model.
#[derive(Debug, Deserialize)]
pub(super) struct TrainedModelV2 {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: i64,
    #[serde(default)]
    pub(super) optimized_models: Vec<OptimizedModel>,
    #[serde(default)]
    pub(super) purge_info: PurgeInfo,
    /// The rest, as it is.
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

/// A model optimized from a trained model.
#[derive(Debug, Deserialize)]
pub(super) struct OptimizedModel {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) model_format: String,
    #[serde(default)]
    pub(super) model_status: String,
    /// The rest, as it is.
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

/// A package that is being made by `code_deployments`.
#[derive(Debug, Deserialize)]
pub(super) struct CodeDeployment {
    pub(super) id: String,
    pub(super) state: String,
    pub(super) message: Option<String>,
}

/// A project of Geti 3.
#[derive(Debug, Deserialize)]
pub(super) struct ProjectV3 {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) created_at: Option<String>,
    #[serde(default)]
    pub(super) task: Map<String, Value>,
}

/// A trained model of Geti 3.
#[derive(Debug, Deserialize)]
pub(super) struct ModelV3 {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) architecture: String,
    pub(super) parent_revision: Option<String>,
    #[serde(default)]
    pub(super) training_info: Option<Map<String, Value>>,
    #[serde(default)]
    pub(super) variants: Vec<VariantV3>,
    #[serde(default)]
    pub(super) files_deleted: bool,
}

/// A model optimized from a trained model of Geti 3.
#[derive(Debug, Deserialize)]
pub(super) struct VariantV3 {
    pub(super) id: String,
    #[serde(default)]
    pub(super) format: String,
    #[serde(default)]
    pub(super) precision: String,
    pub(super) weights_size: Option<i64>,
    #[serde(default)]
    pub(super) evaluations: Vec<EvaluationV3>,
    #[serde(default)]
    pub(super) files_deleted: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct EvaluationV3 {
    #[serde(default)]
    pub(super) subset: String,
    #[serde(default)]
    pub(super) metrics: Vec<MetricV3>,
}

#[derive(Debug, Deserialize)]
pub(super) struct MetricV3 {
    pub(super) name: String,
    pub(super) value: Option<f64>,
}

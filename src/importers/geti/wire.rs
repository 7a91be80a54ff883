//! What Geti answers, as far as it is read. Fields that a release leaves out are no mistake.

use serde::Deserialize;
use serde_json::{Map, Value};

/// `GET /personal_access_tokens/organization`: one organization (Geti 2.11), or several with their ages (SDK).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Organization {
    organization_id: Option<String>,
    #[serde(default)]
    organizations: Vec<Dated>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Dated {
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
pub(super) struct Projects {
    pub(super) projects: Vec<Project>,
    pub(super) project_counts: usize,
}

#[derive(Debug, Deserialize)]
pub(super) struct Project {
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
pub(super) struct Groups {
    pub(super) model_groups: Vec<Group>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Group {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) model_template_id: Option<String>,
    pub(super) task_id: Option<String>,
    #[serde(default)]
    pub(super) models: Vec<Summary>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Summary {
    pub(super) id: String,
    #[serde(default)]
    pub(super) purge_info: Purge,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Purge {
    #[serde(default)]
    pub(super) is_purged: bool,
}

/// A trained model.
#[derive(Debug, Deserialize)]
pub(super) struct Detail {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: i64,
    #[serde(default)]
    pub(super) optimized_models: Vec<Optimized>,
    #[serde(default)]
    pub(super) purge_info: Purge,
    /// The rest, as it is.
    #[serde(flatten)]
    pub(super) rest: Map<String, Value>,
}

/// What was made of a trained model.
#[derive(Debug, Deserialize)]
pub(super) struct Optimized {
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

/// A package under way, the old way.
#[derive(Debug, Deserialize)]
pub(super) struct Deployment {
    pub(super) id: String,
    pub(super) state: String,
    pub(super) message: Option<String>,
}

/// A project of Geti 3.
#[derive(Debug, Deserialize)]
pub(super) struct Project3 {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) created_at: Option<String>,
    #[serde(default)]
    pub(super) task: Map<String, Value>,
}

/// A trained model of Geti 3.
#[derive(Debug, Deserialize)]
pub(super) struct Model3 {
    pub(super) id: String,
    pub(super) name: String,
    #[serde(default)]
    pub(super) architecture: String,
    pub(super) parent_revision: Option<String>,
    #[serde(default)]
    pub(super) training_info: Option<Map<String, Value>>,
    #[serde(default)]
    pub(super) variants: Vec<Variant3>,
    #[serde(default)]
    pub(super) files_deleted: bool,
}

/// What was made of a trained model of Geti 3.
#[derive(Debug, Deserialize)]
pub(super) struct Variant3 {
    pub(super) id: String,
    #[serde(default)]
    pub(super) format: String,
    #[serde(default)]
    pub(super) precision: String,
    pub(super) weights_size: Option<i64>,
    #[serde(default)]
    pub(super) evaluations: Vec<Evaluation3>,
    #[serde(default)]
    pub(super) files_deleted: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Evaluation3 {
    #[serde(default)]
    pub(super) subset: String,
    #[serde(default)]
    pub(super) metrics: Vec<Metric3>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Metric3 {
    pub(super) name: String,
    pub(super) value: Option<f64>,
}

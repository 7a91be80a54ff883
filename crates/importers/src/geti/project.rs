//! A project with its models, whichever release of Geti it comes from.

use serde_json::{Map, Value};

use super::client::Session;
use super::dialect::Dialect;
use super::error::{GetiError, GetiResult};
use super::v2;
use super::v3;
use crate::domain::Error;
use crate::domain::imports::{ModelRef, RemoteGroup, RemoteModel, RemoteProject, RemoteVersion};

/// A project with what can be imported of it.
#[derive(Debug)]
pub(super) struct Project {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) creation_time: Option<String>,
    /// What the edge registry calls the category: the types of the tasks that are trained.
    pub(super) category: String,
    pub(super) groups: Vec<ModelGroup>,
}

/// The versions of one architecture.
#[derive(Debug)]
pub(super) struct ModelGroup {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) versions: Vec<TrainedModel>,
}

/// One trained model.
#[derive(Debug)]
pub(super) struct TrainedModel {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: i64,
    /// The trained model that it was trained from.
    pub(super) previous: Option<String>,
    /// How it was trained.
    pub(super) training: Map<String, Value>,
    pub(super) models: Vec<Model>,
}

/// A model that can be imported.
#[derive(Debug)]
pub(super) struct Model {
    pub(super) id: String,
    pub(super) name: String,
    /// What is known of it, under the names of the edge registry.
    pub(super) properties: Map<String, Value>,
}

/// A model that was asked for, with its group and trained model.
#[derive(Debug, Clone, Copy)]
pub(super) struct SelectedModel<'a> {
    pub(super) group: &'a ModelGroup,
    pub(super) trained: &'a TrainedModel,
    pub(super) model: &'a Model,
}

impl Session {
    /// All projects.
    pub(super) async fn list_projects(&self) -> GetiResult<Vec<Project>> {
        match self.dialect().await? {
            Dialect::V2 { workspace, .. } => v2::list_projects(self, &workspace).await,
            Dialect::V3 => v3::list_projects(self).await,
        }
    }

    /// One project; of its groups only those, where some are named.
    pub(super) async fn project(&self, project: &str, groups: Option<&[&str]>) -> GetiResult<Project> {
        match self.dialect().await? {
            Dialect::V2 { workspace, .. } => v2::project(self, &workspace, project, groups).await,
            Dialect::V3 => v3::project(self, project).await,
        }
    }
}

impl Project {
    /// The models, each before those that were trained from it.
    pub(super) fn select_models(&self, models: &[ModelRef]) -> GetiResult<Vec<SelectedModel<'_>>> {
        let all = self.groups.iter().flat_map(|group| {
            let of_trained = move |trained| TrainedModel::selected(group, trained);
            group.versions.iter().flat_map(of_trained)
        });
        let is_selected = |each: &SelectedModel<'_>| {
            let fits = |model: &ModelRef| {
                model.id == each.model.id && model.group.as_ref().is_none_or(|group| *group == each.group.id)
            };
            models.is_empty() || models.iter().any(fits)
        };
        let mut found: Vec<_> = all.filter(is_selected).collect();
        found.sort_by_key(|each| each.trained.version);
        let is_missing = |model: &&ModelRef| !found.iter().any(|each| each.model.id == model.id);
        let missing: Vec<_> = models.iter().filter(is_missing).map(|model| model.id.as_str()).collect();
        if missing.is_empty() {
            return Ok(found);
        }
        let what = format!("OpenVINO model `{}` of project `{}`", missing.join("`, `"), self.id);
        Err(GetiError::from(Error::not_found(what)))
    }
}

impl TrainedModel {
    fn selected<'a>(group: &'a ModelGroup, trained: &'a Self) -> impl Iterator<Item = SelectedModel<'a>> {
        trained.models.iter().map(move |model| SelectedModel { group, trained, model })
    }
}

impl From<&Project> for RemoteProject {
    fn from(project: &Project) -> Self {
        let model = |model: &Model| RemoteModel { id: model.id.clone(), name: model.name.clone() };
        let version = |trained: &TrainedModel| RemoteVersion {
            id: trained.id.clone(),
            name: trained.name.clone(),
            version: trained.version,
            models: trained.models.iter().map(model).collect(),
        };
        let group = |group: &ModelGroup| RemoteGroup {
            id: group.id.clone(),
            name: group.name.clone(),
            versions: group.versions.iter().map(version).collect(),
        };
        Self {
            id: project.id.clone(),
            name: project.name.clone(),
            creation_time: project.creation_time.clone(),
            groups: project.groups.iter().map(group).collect(),
        }
    }
}

/// The types of tasks as the edge registry writes them: joined, each word with a capital. It knew four of them and failed
/// on the others; the rule is the same for all.
pub(super) fn category<'a>(task_types: impl Iterator<Item = &'a str>) -> String {
    // What the data goes through and nothing is trained for.
    let trained = task_types.filter(|task| !matches!(*task, "" | "dataset" | "crop"));
    let words = trained.flat_map(|task| task.split('_')).map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters.flat_map(char::to_lowercase)).collect::<String>())
    });
    words.flatten().collect::<Vec<_>>().join("_")
}

#[cfg(test)]
mod tests {
    use super::category;

    #[test]
    fn every_type_of_task_has_a_category() {
        for (tasks, expected) in [
            (vec!["dataset", "detection"], "Detection"),
            (vec!["dataset", "detection", "crop", "classification"], "Detection_Classification"),
            (vec!["dataset", "rotated_detection"], "Rotated_Detection"),
            (vec!["dataset", "instance_segmentation"], "Instance_Segmentation"),
            (vec!["dataset", "anomaly"], "Anomaly"),
            (vec!["dataset", "keypoint_detection"], "Keypoint_Detection"),
        ] {
            assert_eq!(category(tasks.into_iter()), expected);
        }
    }
}

//! A project with its models, whichever dialect told of it.

use serde_json::{Map, Value};

use super::client::Session;
use super::fault::{Asked, Fault};
use super::place::Place;
use super::three;
use super::two;
use crate::domain::Error;
use crate::domain::imports::{ModelRef, RemoteGroup, RemoteModel, RemoteProject, RemoteVersion};

/// A project with what can be imported of it.
#[derive(Debug)]
pub(super) struct Tree {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) creation_time: Option<String>,
    /// What the edge registry calls the category: the types of the tasks that are trained.
    pub(super) category: String,
    pub(super) groups: Vec<Branch>,
}

/// The versions of one architecture.
#[derive(Debug)]
pub(super) struct Branch {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) versions: Vec<Trained>,
}

/// One trained model.
#[derive(Debug)]
pub(super) struct Trained {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) version: i64,
    /// The trained model that it goes on from.
    pub(super) previous: Option<String>,
    /// How it was trained.
    pub(super) training: Map<String, Value>,
    pub(super) models: Vec<Leaf>,
}

/// A model that can be imported.
#[derive(Debug)]
pub(super) struct Leaf {
    pub(super) id: String,
    pub(super) name: String,
    /// What is known of it, under the names of the edge registry.
    pub(super) properties: Map<String, Value>,
}

/// A model that is wanted, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) group: &'a Branch,
    pub(super) trained: &'a Trained,
    pub(super) leaf: &'a Leaf,
}

impl Session {
    /// All projects.
    pub(super) async fn trees(&self) -> Asked<Vec<Tree>> {
        match self.place().await? {
            Place::Two { workspace, .. } => two::trees(self, &workspace).await,
            Place::Three => three::trees(self).await,
        }
    }

    /// One project; of its groups only those, where some are named.
    pub(super) async fn tree(&self, project: &str, groups: Option<&[&str]>) -> Asked<Tree> {
        match self.place().await? {
            Place::Two { workspace, .. } => two::tree(self, &workspace, project, groups).await,
            Place::Three => three::tree(self, project).await,
        }
    }
}

impl Tree {
    /// The models, each before those that were trained from it.
    pub(super) fn wanted(&self, models: &[ModelRef]) -> Asked<Vec<Wanted<'_>>> {
        let all = self.groups.iter().flat_map(|group| {
            let of_trained = move |trained| Trained::wanted(group, trained);
            group.versions.iter().flat_map(of_trained)
        });
        let is_wanted = |each: &Wanted<'_>| {
            let fits = |model: &ModelRef| {
                model.id == each.leaf.id && model.group.as_ref().is_none_or(|group| *group == each.group.id)
            };
            models.is_empty() || models.iter().any(fits)
        };
        let mut found: Vec<_> = all.filter(is_wanted).collect();
        found.sort_by_key(|each| each.trained.version);
        let is_missing = |model: &&ModelRef| !found.iter().any(|each| each.leaf.id == model.id);
        let missing: Vec<_> = models.iter().filter(is_missing).map(|model| model.id.as_str()).collect();
        if missing.is_empty() {
            return Ok(found);
        }
        let what = format!("OpenVINO model `{}` of project `{}`", missing.join("`, `"), self.id);
        Err(Fault::from(Error::not_found(what)))
    }
}

impl Trained {
    fn wanted<'a>(group: &'a Branch, trained: &'a Self) -> impl Iterator<Item = Wanted<'a>> {
        trained.models.iter().map(move |leaf| Wanted { group, trained, leaf })
    }
}

impl From<&Tree> for RemoteProject {
    fn from(tree: &Tree) -> Self {
        let model = |leaf: &Leaf| RemoteModel { id: leaf.id.clone(), name: leaf.name.clone() };
        let version = |trained: &Trained| RemoteVersion {
            id: trained.id.clone(),
            name: trained.name.clone(),
            version: trained.version,
            models: trained.models.iter().map(model).collect(),
        };
        let group = |group: &Branch| RemoteGroup {
            id: group.id.clone(),
            name: group.name.clone(),
            versions: group.versions.iter().map(version).collect(),
        };
        Self {
            id: tree.id.clone(),
            name: tree.name.clone(),
            creation_time: tree.creation_time.clone(),
            groups: tree.groups.iter().map(group).collect(),
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

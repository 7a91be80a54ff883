//! Experiments.

use serde_json::{Value as Json, json};

use super::client::Answer;
use super::failure::Failure;
use super::importing::{Importing, has_more, read};
use super::mapping::{digest, tagged};
use super::wire::Experiment as Said;
use crate::domain::imports::mlflow::{Became, ImportedKind};
use crate::domain::{LogicalType, Name, NodeId};
use crate::registry::tracking::imported::{Completed, ImportedExperiment};

/// How many experiments a page has.
const PAGE: u32 = 200;

/// An experiment whose runs are imported.
pub(super) struct Experiment {
    /// Its id there.
    pub(super) id: String,
    /// Its name.
    pub(super) name: String,
    /// Its node; `None` where nothing is to be written.
    pub(super) node: Option<NodeId>,
    /// Whether it is archived, and all of its runs with it.
    pub(super) is_archived: bool,
}

impl Importing {
    /// The experiments that are wanted, which are here by then.
    pub(super) async fn list_experiments(&self) -> Answer<Vec<Experiment>> {
        let mut found: Vec<Experiment> = Vec::new();
        let mut search = json!({"view_type": "ALL", "max_results": PAGE});
        loop {
            for said in self.next_page(&["experiments", "search"], &mut search).await? {
                let experiment: Said = read(&said)?;
                if !self.wanted.is_of_all() && !self.wanted.experiments.contains(&experiment.name) {
                    continue;
                }
                let is_archived = experiment.lifecycle_stage == "deleted";
                let mut node = None;
                let outcome = self.import_experiment(&said, &experiment, is_archived, &mut node).await;
                self.ended(ImportedKind::Experiment, &experiment.name, outcome)?;
                if let Some(node) = node {
                    self.note_experiment(&experiment.experiment_id, node);
                }
                if node.is_some() || self.wanted.dry_run {
                    found.push(Experiment { id: experiment.experiment_id, name: experiment.name, node, is_archived });
                }
            }
            if !has_more(&search) {
                break;
            }
        }
        let has = |name: &String| found.iter().any(|experiment| experiment.name == *name);
        match self.wanted.experiments.iter().find(|name| !has(name)) {
            Some(missing) => Err(Failure::missing(&format!("experiment `{missing}`"))),
            None => Ok(found),
        }
    }

    async fn import_experiment(
        &self,
        said: &Json,
        experiment: &Said,
        is_archived: bool,
        node: &mut Option<NodeId>,
    ) -> Answer<Became> {
        let digest = digest(said);
        let name: Name = experiment.name.parse()?;
        let created_at = experiment.creation_time.unwrap_or_default();
        let known = self.registry.tracking.known_experiment(&self.context, &name).await?;
        if let Some(known) = &known {
            *node = Some(known.node);
            if !known.is_of(created_at) {
                self.say(
                    ImportedKind::Experiment,
                    &experiment.name,
                    "one of that name was here: it takes the runs, and stays as it is",
                );
                return Ok(Became::Unchanged);
            }
            if known.digest.as_ref() == Some(&digest) {
                return Ok(Became::Unchanged);
            }
        }
        let became = if known.is_some() { Became::Updated } else { Became::Imported };
        if self.wanted.dry_run {
            return Ok(became);
        }
        let (properties, custom) = tagged(&experiment.tags);
        let imported = ImportedExperiment { name, properties, custom, is_archived, created_at };
        let made = self.registry.tracking.import_experiment(&self.context, imported).await?;
        *node = Some(made);
        let done = Completed {
            logical: LogicalType::Experiment,
            node: made,
            times: Some((created_at, experiment.last_update_time.unwrap_or(created_at))),
            state: None,
            uri: None,
            digest,
        };
        self.registry.tracking.complete_import(&self.context, done).await?;
        Ok(became)
    }
}

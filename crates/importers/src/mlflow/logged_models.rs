//! Logged models, with what runs measured of them, and their files.

use std::collections::{BTreeMap, HashMap, HashSet};

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value as Json, json};

use super::client::Answer;
use super::experiments::Experiment;
use super::failure::Failure;
use super::importing::{Importing, api, becomes, has_more, read, together};
use super::mapping::{VERSIONS, custom, digest};
use super::place::Place;
use super::wire::{LoggedModel as Said, LoggedModelAnswer};
use crate::domain::imports::mlflow::{Became, ImportedKind};
use crate::domain::tracking::{LoggedModelId, RunId};
use crate::domain::{ArtifactState, LogicalType, MetricPoint, NodeId};
use crate::registry::target::Target;
use crate::registry::tracking::experiments::ExperimentRef;
use crate::registry::tracking::imported::{Completed, Known, RunContents};
use crate::registry::tracking::logged_models::{LoggedModelDraft, ModelPoint};
use crate::registry::tracking::run_files::Folder;

/// How many logged models a page has.
const PAGE: u32 = 50;

/// How many measurements one transaction has.
const MEASUREMENTS: usize = 500;

/// A logged model of the server's.
struct Found {
    id: LoggedModelId,
    model: Said,
    digest: String,
    is_removed: bool,
}

impl Importing {
    /// Imports the logged models of an experiment. Says whether the server knows such.
    pub(super) async fn import_logged_models(&self, experiment: &Experiment) -> Answer<bool> {
        let mut search = json!({"experiment_ids": [experiment.id], "max_results": PAGE});
        loop {
            let page = match self.next_page(&["logged-models", "search"], &mut search).await {
                Err(failure) if failure.is_unknown_operation() => {
                    self.say(ImportedKind::LoggedModel, "-", "the server has none: MLflow has them since 3.0");
                    return Ok(false);
                }
                page => page?,
            };
            let mut found = Vec::new();
            for said in &page {
                found.extend(self.found(said, false)?);
            }
            let ids = found.iter().map(|found| found.id.clone()).collect();
            let known = self.registry.tracking.known_logged_models(&self.context, ids).await?;
            let work: Vec<BoxFuture<'_, Answer<()>>> = found
                .iter()
                .map(|found| self.import_logged_model_of(experiment.node, found, known.get(&found.id)).boxed())
                .collect();
            together(work).await?;
            if !has_more(&search) {
                return Ok(true);
            }
        }
    }

    fn found(&self, said: &Json, is_removed: bool) -> Answer<Option<Found>> {
        let model: Said = read(said)?;
        let Ok(id) = model.info.model_id.parse() else {
            let outcome = Err(Failure::of_item("its id is not `m-` and 32 hexadecimal digits"));
            self.ended(ImportedKind::LoggedModel, &model.info.model_id, outcome)?;
            return Ok(None);
        };
        Ok(Some(Found { id, model, digest: digest(said), is_removed }))
    }

    /// Imports those of these logged models that are not here: removed ones, which no search finds. Returns those that the server
    /// does not have either.
    pub(super) async fn import_removed_models(&self, ids: Vec<LoggedModelId>) -> Answer<HashSet<LoggedModelId>> {
        let known = self.registry.tracking.known_logged_models(&self.context, ids.clone()).await?;
        let mut missing = HashSet::new();
        for id in ids.into_iter().filter(|id| !known.contains_key(id)) {
            let path = api(&["logged-models", id.as_str()]);
            let answer: LoggedModelAnswer = match self.client.get(&path, &[("allow_deleted", "true")]).await {
                Err(failure) if failure.is_of_item => {
                    missing.insert(id);
                    continue;
                }
                answer => answer?,
            };
            let Some(found) = self.found(&answer.model, true)? else { continue };
            match self.experiment(&found.model.info.experiment_id) {
                Some(node) => self.import_logged_model_of(Some(node), &found, None).await?,
                None => drop(missing.insert(id)),
            }
        }
        Ok(missing)
    }

    async fn import_logged_model_of(&self, home: Option<NodeId>, found: &Found, known: Option<&Known>) -> Answer<()> {
        let outcome = self.import_logged_model(home, found, known).await;
        self.ended(ImportedKind::LoggedModel, found.id.as_str(), outcome)
    }

    async fn import_logged_model(&self, home: Option<NodeId>, found: &Found, known: Option<&Known>) -> Answer<Became> {
        let Found { id, model, digest, is_removed } = found;
        let info = &model.info;
        if known.is_some_and(|known| known.digest.is_none()) {
            return Err(Failure::of_item(
                "a logged model with that id is here, which no import into this workspace made",
            ));
        }
        let became = becomes(known, digest);
        let is_changed = became != Became::Unchanged && !self.wanted.dry_run;
        let Some(home) = home.filter(|_| is_changed) else { return Ok(became) };
        let created_at = info.creation_timestamp_ms.unwrap_or_default();
        let source_run = self.source_run(found).await?;
        let mut tags = custom(&info.tags);
        tags.remove(VERSIONS);
        let draft = LoggedModelDraft {
            experiment: ExperimentRef::Id(home),
            id: id.clone(),
            name: info.name.clone(),
            kind: Some(info.model_type.clone()).filter(|kind| !kind.is_empty()),
            source_run,
            params: model.data.params.iter().map(|param| (param.key.clone(), param.value.clone())).collect(),
            custom: tags,
        };
        let node = self.registry.tracking.import_logged_model(&self.context, home, draft, created_at).await?;
        self.import_measurements(found).await?;
        let place = Place::of_logged_model(id, &info.artifact_uri);
        let is_whole = if *is_removed {
            // What it has is not served any more.
            true
        } else {
            let folder = Folder::LoggedModel(id.clone());
            self.mirror(&place, &folder, &Target::Artifact(node)).await?.are_all_here()
        };
        let state = match (is_removed, info.status.as_str()) {
            (true, _) => ArtifactState::MarkedForDeletion,
            (false, "LOGGED_MODEL_PENDING") => ArtifactState::Pending,
            (false, "LOGGED_MODEL_UPLOAD_FAILED") => ArtifactState::Abandoned,
            (false, _) => ArtifactState::Live,
        };
        let done = Completed {
            logical: LogicalType::ModelArtifact,
            node,
            times: Some((created_at, info.last_updated_timestamp_ms.unwrap_or(created_at))),
            state: Some(state.number()),
            uri: (!is_whole).then(|| info.artifact_uri.clone()),
            digest: if is_whole { digest.clone() } else { String::new() },
        };
        self.registry.tracking.complete_import(&self.context, done).await?;
        Ok(if is_whole { became } else { Became::Left })
    }

    /// The run that logged it, where that is here.
    async fn source_run(&self, found: &Found) -> Answer<Option<RunId>> {
        let said = &found.model.info.source_run_id;
        let Ok(run) = said.parse::<RunId>() else { return Ok(None) };
        let known = self.registry.tracking.known_runs(&self.context, vec![run.clone()]).await?;
        if known.contains_key(&run) {
            return Ok(Some(run));
        }
        self.say(ImportedKind::LoggedModel, found.id.as_str(), format!("run `{run}`, which logged it, is not here"));
        Ok(None)
    }

    /// What each run measured of it.
    async fn import_measurements(&self, found: &Found) -> Answer<()> {
        let mut by_run: BTreeMap<RunId, Vec<ModelPoint>> = BTreeMap::new();
        for metric in &found.model.data.metrics {
            let Some(Ok(run)) = metric.run_id.as_deref().map(str::parse::<RunId>) else { continue };
            let dataset = match (&metric.dataset_name, &metric.dataset_digest) {
                (None, None) => None,
                (name, digest) => Some((name.clone().unwrap_or_default(), digest.clone().unwrap_or_default())),
            };
            by_run.entry(run).or_default().push(ModelPoint {
                model: found.id.clone(),
                name: metric.key.clone(),
                dataset,
                point: MetricPoint {
                    value: metric.value,
                    step: metric.step.unwrap_or_default(),
                    at: metric.timestamp.unwrap_or_default(),
                },
            });
        }
        let runs = by_run.keys().cloned().collect();
        let known: HashMap<RunId, Known> = self.registry.tracking.known_runs(&self.context, runs).await?;
        for (run, points) in by_run {
            if !known.contains_key(&run) {
                let why = format!("what run `{run}` measured of it stays there: the run is not here");
                self.say(ImportedKind::LoggedModel, found.id.as_str(), why);
                continue;
            }
            for model_points in points.chunks(MEASUREMENTS) {
                let contents = RunContents { model_points: model_points.to_vec(), ..RunContents::default() };
                self.registry.tracking.import_contents(&self.context, &run, contents).await?;
            }
        }
        Ok(())
    }
}

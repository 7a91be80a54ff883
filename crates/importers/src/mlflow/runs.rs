//! Runs: what they are, what they logged, and which logged models they read and made.

use std::collections::HashMap;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use serde_json::{Value as Json, json};

use super::client::Answer;
use super::experiments::Experiment;
use super::failure::Failure;
use super::importing::{Importing, api, becomes, has_more, read, together, words};
use super::mapping::{RUN_NAME, digest, tagged};
use super::place::Place;
use super::wire::{DatasetInput as SaidDataset, History, ModelUse as SaidUse, Run as Said, Tag};
use crate::domain::imports::mlflow::{Became, ImportedKind};
use crate::domain::tracking::{LoggedModelId, Role, RunId};
use crate::domain::value::find_named;
use crate::domain::{LogicalType, Name, NodeId, Properties, Value};
use crate::registry::metrics::NamedPoint;
use crate::registry::target::Target;
use crate::registry::tracking::imported::{Completed, ImportedRun, Known, RunContents};
use crate::registry::tracking::inputs::{DatasetInput, ModelUse};
use crate::registry::tracking::run_files::Folder;

/// How many runs a page has.
const PAGE: u32 = 50;

/// How many points a page of a history has, and one transaction.
const POINTS: usize = 1000;

/// How many parameters one transaction has.
const PARAMETERS: usize = 500;

/// The states of a run.
const STATUSES: [&str; 5] = ["RUNNING", "SCHEDULED", "FINISHED", "FAILED", "KILLED"];

/// The states of a run that goes on.
const GOING_ON: [&str; 2] = ["RUNNING", "SCHEDULED"];

/// The digest of a run of which all is here but which logged models it read and made.
const WITHOUT_USES: &str = "without uses";

/// A run of the server's, and what is known of it here.
struct Found {
    id: RunId,
    run: Said,
    digest: String,
    known: Option<Known>,
}

impl Found {
    /// Whether the server says of it what it said when all of it was here.
    fn is_unchanged(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.digest.as_ref() == Some(&self.digest))
    }

    fn has_uses(&self) -> bool {
        !self.run.inputs.model_inputs.is_empty() || !self.run.outputs.model_outputs.is_empty()
    }
}

impl Importing {
    /// Imports the runs of an experiment, but for the logged models that they read and made. Says whether there are such.
    pub(super) async fn import_runs(&self, experiment: &Experiment) -> Answer<bool> {
        let mut has_uses = false;
        let mut search = search(experiment);
        loop {
            let found = self.next_runs(&mut search).await?;
            has_uses |= found.iter().any(|found| found.has_uses() && !found.is_unchanged());
            let work: Vec<BoxFuture<'_, Answer<()>>> =
                found.iter().map(|found| self.import_run_of(experiment, found).boxed()).collect();
            together(work).await?;
            if !has_more(&search) {
                return Ok(has_uses && !self.wanted.dry_run);
            }
        }
    }

    /// The next runs of a search, with what is known of them.
    async fn next_runs(&self, search: &mut Json) -> Answer<Vec<Found>> {
        let said = self.next_page(&["runs", "search"], search).await?;
        let mut found = Vec::new();
        for said in said {
            let run: Said = read(&said)?;
            let text = if run.info.run_id.is_empty() { &run.info.run_uuid } else { &run.info.run_id };
            match text.parse() {
                Ok(id) => found.push(Found { id, run, digest: digest(&said), known: None }),
                Err(_) => {
                    let outcome = Err(Failure::of_item("its id does not have 32 hexadecimal digits"));
                    self.ended(ImportedKind::Run, text, outcome)?;
                }
            }
        }
        let ids: Vec<RunId> = found.iter().map(|found| found.id.clone()).collect();
        let mut known: HashMap<RunId, Known> = self.registry.tracking.known_runs(&self.context, ids).await?;
        for each in &mut found {
            each.known = known.remove(&each.id);
        }
        Ok(found)
    }

    async fn import_run_of(&self, experiment: &Experiment, found: &Found) -> Answer<()> {
        let outcome = self.import_run(experiment, found).await;
        self.ended(ImportedKind::Run, found.id.as_str(), outcome)
    }

    async fn import_run(&self, experiment: &Experiment, found: &Found) -> Answer<Became> {
        let Found { id, run, known, .. } = found;
        if known.as_ref().is_some_and(|known| known.digest.is_none()) {
            return Err(Failure::of_item("a run with that id is here, which no import into this workspace made"));
        }
        let is_unchanged = found.is_unchanged();
        let became = match known {
            Some(known) if known.digest.as_deref() == Some(WITHOUT_USES) => Became::Imported,
            known => becomes(known.as_ref(), &found.digest),
        };
        let Some(home) = experiment.node.filter(|_| !self.wanted.dry_run) else { return Ok(became) };
        let node = match known.as_ref().filter(|_| is_unchanged) {
            Some(known) => known.node,
            None => self.registry.tracking.import_run(&self.context, home, imported(experiment, found)?).await?,
        };
        // Of a run that goes on, points may be new that are not the latest ones.
        if !is_unchanged || GOING_ON.contains(&run.info.status.as_str()) {
            self.import_what_it_logged(id, run).await?;
        }
        let place = Place::of_run(id, &run.info.artifact_uri);
        let files = self.mirror(&place, &Folder::Run(id.clone()), &Target::Run(node)).await?;
        let is_whole = files.are_all_here();
        if is_unchanged && is_whole {
            return Ok(if files.is_changed { Became::Updated } else { Became::Unchanged });
        }
        let digest = match (is_whole, found.has_uses()) {
            (false, _) => "",
            (true, true) => WITHOUT_USES,
            (true, false) => &found.digest,
        };
        self.complete_run(node, found, is_whole, digest.to_owned()).await?;
        Ok(if is_whole { became } else { Became::Left })
    }

    async fn import_what_it_logged(&self, id: &RunId, run: &Said) -> Answer<()> {
        let tracking = &self.registry.tracking;
        for params in run.data.params.chunks(PARAMETERS) {
            let pair = |param: &Tag| -> Answer<(Name, String)> { Ok((param.key.parse()?, param.value.clone())) };
            let parameters = params.iter().map(pair).collect::<Answer<_>>()?;
            tracking.import_contents(&self.context, id, RunContents { parameters, ..RunContents::default() }).await?;
        }
        let datasets = run.inputs.dataset_inputs.iter().map(dataset).collect::<Answer<Vec<_>>>()?;
        if !datasets.is_empty() {
            tracking.import_contents(&self.context, id, RunContents { datasets, ..RunContents::default() }).await?;
        }
        for metric in &run.data.metrics {
            self.import_history(id, &metric.key).await?;
        }
        Ok(())
    }

    /// Imports all points of a metric.
    async fn import_history(&self, id: &RunId, key: &str) -> Answer<()> {
        let name: Name = key.parse()?;
        let most = POINTS.to_string();
        let path = api(&["metrics", "get-history"]);
        let mut token = String::new();
        loop {
            let run = id.as_str();
            let mut query =
                vec![("run_id", run), ("run_uuid", run), ("metric_key", key), ("max_results", most.as_str())];
            if !token.is_empty() {
                query.push(("page_token", token.as_str()));
            }
            let history: History = self.client.get(&path, &query).await?;
            let points = history.metrics.iter().map(|metric| NamedPoint {
                name: name.clone(),
                value: metric.value,
                step: metric.step.unwrap_or_default(),
                at: Some(metric.timestamp.unwrap_or_default()),
            });
            let points: Vec<NamedPoint> = points.collect();
            for points in points.chunks(POINTS) {
                let contents = RunContents { points: points.to_vec(), ..RunContents::default() };
                self.registry.tracking.import_contents(&self.context, id, contents).await?;
            }
            match history.next_page_token.filter(|next| !next.is_empty()) {
                None => return Ok(()),
                Some(next) if next == token => {
                    return Err(Failure::of_item(format!("the history of metric `{key}` has no end")));
                }
                Some(next) => token = next,
            }
        }
    }

    async fn complete_run(&self, node: NodeId, found: &Found, is_whole: bool, digest: String) -> Answer<()> {
        let info = &found.run.info;
        let times = info.start_time.map(|start| (start, info.end_time.map_or(start, |end| end.max(start))));
        let done = Completed {
            logical: LogicalType::ExperimentRun,
            node,
            times,
            state: None,
            uri: (!is_whole).then(|| info.artifact_uri.clone()),
            digest,
        };
        Ok(self.registry.tracking.complete_import(&self.context, done).await?)
    }

    /// Records which logged models the runs of an experiment read and made.
    pub(super) async fn import_uses(&self, experiment: &Experiment) -> Answer<()> {
        self.tell(&format!("the models of the runs of experiment {}", experiment.name));
        let mut search = search(experiment);
        loop {
            for found in self.next_runs(&mut search).await? {
                let Some(known) = found.known.as_ref().filter(|known| known.digest.as_deref() == Some(WITHOUT_USES))
                else {
                    continue;
                };
                match self.import_uses_of(&found, known.node).await {
                    Err(failure) if failure.is_of_item => {
                        self.say(ImportedKind::Run, found.id.as_str(), words(&failure.error));
                    }
                    done => done?,
                }
            }
            if !has_more(&search) {
                return Ok(());
            }
        }
    }

    async fn import_uses_of(&self, found: &Found, node: NodeId) -> Answer<()> {
        let read = found.run.inputs.model_inputs.iter().map(|each| (each, Role::Input));
        let made = found.run.outputs.model_outputs.iter().map(|each| (each, Role::Output));
        let mut models = read.chain(made).map(|(each, role)| used(each, role)).collect::<Answer<Vec<_>>>()?;
        let missing = self.import_removed_models(models.iter().map(|each| each.model.clone()).collect()).await?;
        models.retain(|each| !missing.contains(&each.model));
        for model in &missing {
            let why = format!("logged model `{model}`, which it read or made, is not here");
            self.say(ImportedKind::Run, found.id.as_str(), why);
        }
        let contents = RunContents { models, ..RunContents::default() };
        self.registry.tracking.import_contents(&self.context, &found.id, contents).await?;
        self.complete_run(node, found, true, found.digest.clone()).await
    }
}

/// A search for all runs of an experiment, the oldest first: runs that start meanwhile shift none.
fn search(experiment: &Experiment) -> Json {
    json!({
        "experiment_ids": [experiment.id],
        "run_view_type": "ALL",
        "max_results": PAGE,
        "order_by": ["attributes.start_time ASC"],
    })
}

fn imported(experiment: &Experiment, found: &Found) -> Answer<ImportedRun> {
    let info = &found.run.info;
    let (mut properties, mut custom): (Properties, Properties) = tagged(&found.run.data.tags);
    let by_tag = custom.remove(RUN_NAME);
    let name = Some(info.run_name.as_str()).filter(|name| !name.is_empty());
    let name = name.or(by_tag.as_ref().and_then(Value::as_str).filter(|name| !name.is_empty()));
    let status = find_named(&STATUSES, |status| status, "status", &info.status)?;
    properties.insert("status".to_owned(), status.into());
    for (name, time) in [("start_time_since_epoch", info.start_time), ("end_time_since_epoch", info.end_time)] {
        properties.extend(time.map(|time| (name.to_owned(), Value::Int(time))));
    }
    if !info.user_id.is_empty() {
        properties.entry("owner".to_owned()).or_insert_with(|| info.user_id.as_str().into());
    }
    Ok(ImportedRun {
        id: found.id.clone(),
        name: name.unwrap_or(found.id.as_str()).parse()?,
        properties,
        custom,
        // Those of an archived experiment are archived with it, and come back with it.
        is_archived: info.lifecycle_stage == "deleted" && !experiment.is_archived,
    })
}

fn dataset(said: &SaidDataset) -> Answer<DatasetInput> {
    let dataset = &said.dataset;
    let said_of_it = [
        ("source_type", &dataset.source_type),
        ("source", &dataset.source),
        ("schema", &dataset.schema),
        ("profile", &dataset.profile),
    ];
    let properties = said_of_it.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.as_deref()?.into())));
    Ok(DatasetInput {
        name: dataset.name.parse()?,
        digest: dataset.digest.clone(),
        properties: properties.collect(),
        tags: said.tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect(),
    })
}

fn used(said: &SaidUse, role: Role) -> Answer<ModelUse> {
    let model: LoggedModelId = said.model_id.parse()?;
    Ok(ModelUse { model, role, step: said.step.unwrap_or_default() })
}

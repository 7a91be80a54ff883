//! Experiments, runs and logged models of another tracking server, made here as they were there: under their own ids, at their
//! times, archived ones among them.
//!
//! Each is made by a transaction of its own, which notes that an import made it. What it has follows in batches that can be
//! repeated, and in the end a digest of what the other server said: with that digest it is here as a whole.

use std::collections::{BTreeMap, HashMap};

use super::batch::log_parameters;
use super::change::{NodeChanges, change_node};
use super::experiments::{ARCHIVED, LIVE, STATE};
use super::inputs::{DatasetInput, ModelUse, attach_models, use_datasets};
use super::logged_models::{self, LoggedModelDraft, ModelPoint, make_in};
use super::runs::{END, get_run, started_at};
use crate::context::RequestContext;
use crate::domain::access::Permission;
use crate::domain::tracking::{LoggedModelId, RunId};
use crate::domain::{Draft, Error, LogicalType, Millis, Name, Node, NodeId, Properties, Result};
use crate::entities::{create, create_stored, get, increment_revision};
use crate::metrics::{NamedPoint, Repeated, measure_in};
use crate::services::Tracking;
use crate::store::tracking::{imported, logged_models as stored_models, runs, uses};
use crate::store::{joined, nodes};
use crate::transaction::{ReadTransaction, WriteTransaction};

/// What an import finds here of something that the other server has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its node.
    pub node: NodeId,
    /// When it was made, in the words of whoever made it.
    pub created_at: Millis,
    /// The digest of what the other server said of it when all of that was here: empty before, and `None` where no import made it, or one
    /// into another workspace.
    pub digest: Option<String>,
}

impl Known {
    /// Whether an import made it of what was made at that time.
    pub fn is_of(&self, created_at: Millis) -> bool {
        self.digest.is_some() && self.created_at == created_at
    }
}

/// An experiment of another server.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedExperiment {
    /// Its name.
    pub name: Name,
    /// What is declared of it.
    pub properties: Properties,
    /// Its tags.
    pub custom: Properties,
    /// Whether it is archived.
    pub is_archived: bool,
    /// When it was made.
    pub created_at: Millis,
}

/// A run of another server.
#[derive(Debug, Clone, PartialEq)]
pub struct ImportedRun {
    /// Its id, which it keeps.
    pub id: RunId,
    /// Its name, which others may have, too.
    pub name: Name,
    /// Its status, its times, and what else is declared of it.
    pub properties: Properties,
    /// Its tags.
    pub custom: Properties,
    /// Whether it is archived by itself.
    pub is_archived: bool,
}

/// What a run has, or a part of it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunContents {
    /// Parameters.
    pub parameters: Vec<(Name, String)>,
    /// Points of its metrics.
    pub points: Vec<NamedPoint>,
    /// What it measured of logged models that are here.
    pub model_points: Vec<ModelPoint>,
    /// The data sets that it read.
    pub datasets: Vec<DatasetInput>,
    /// The logged models that it read and made, which are here.
    pub models: Vec<ModelUse>,
}

impl Tracking {
    /// The experiment of that name, archived or not, as far as it is here.
    pub async fn known_experiment(&self, context: &RequestContext, name: &Name) -> Result<Option<Known>> {
        let name = name.clone();
        self.core
            .read(context, move |tx| {
                let found = joined::find_named(tx, LogicalType::Experiment, None, &name)?;
                found.map(|node| known(tx, &node)).transpose()
            })
            .await
    }

    /// Those of these runs that are here.
    pub async fn known_runs(&self, context: &RequestContext, ids: Vec<RunId>) -> Result<HashMap<RunId, Known>> {
        self.core
            .read(context, move |tx| {
                let found = runs::find_all_ids(tx, &ids)?;
                all_known(tx, found)
            })
            .await
    }

    /// Those of these logged models that are here, removed ones among them.
    pub async fn known_logged_models(
        &self,
        context: &RequestContext,
        ids: Vec<LoggedModelId>,
    ) -> Result<HashMap<LoggedModelId, Known>> {
        self.core
            .read(context, move |tx| {
                let found = stored_models::find_all_ids(tx, &ids)?;
                all_known(tx, found.into_iter().collect())
            })
            .await
    }

    /// Makes the experiment, or brings the one that an import made up to date. One that somebody made here stays as it is.
    ///
    /// Errors: PermissionDenied; QuotaExceeded; InvalidArgument where it has what no experiment can have.
    pub async fn import_experiment(&self, context: &RequestContext, experiment: ImportedExperiment) -> Result<NodeId> {
        let wanted = experiment.name.clone();
        let done = self
            .core
            .write(context, move |tx| {
                let ImportedExperiment { name, properties, custom, is_archived, created_at } = experiment.clone();
                let state = if is_archived { ARCHIVED } else { LIVE };
                let draft = Draft { properties, custom, ..Draft::named(name.clone()) }.with(STATE, Some(state));
                draft.check(LogicalType::Experiment)?;
                if let Some(found) = joined::find_named(tx, LogicalType::Experiment, None, &name)? {
                    if known(tx, &found)?.is_of(created_at) {
                        let changes = setting(draft.properties, draft.custom);
                        change_node(tx, LogicalType::Experiment, found.id, &changes)?;
                    }
                    return Ok(found.id);
                }
                let made = create(tx, LogicalType::Experiment, None, &draft)?;
                note(tx, made.id, created_at)?;
                Ok(made.id)
            })
            .await;
        made_or_known(done, self.known_experiment(context, &wanted)).await
    }

    /// Makes the run in the experiment, archived or not, or brings it up to date; one that no import made stays as it is.
    ///
    /// Errors: NotFound when there is no such experiment; PermissionDenied; AlreadyExists where a run that the caller does not see
    /// has the id; InvalidArgument where it has what no run can have.
    pub async fn import_run(&self, context: &RequestContext, experiment: NodeId, run: ImportedRun) -> Result<NodeId> {
        let wanted = run.id.clone();
        let done = self
            .core
            .write(context, move |tx| {
                let ImportedRun { id, name, mut properties, custom, is_archived } = run.clone();
                properties.insert(STATE.to_owned(), (if is_archived { ARCHIVED } else { LIVE }).into());
                let mut draft = Draft { properties, custom, ..Draft::default() };
                draft.check(LogicalType::ExperimentRun)?;
                let stored = name.with_prefix(id.prefix());
                if let Some(found) = joined::find_run(tx, &id)? {
                    if known(tx, &found)?.digest.is_some() {
                        let changes = NodeChanges { name: Some(stored), ..setting(draft.properties, draft.custom) };
                        change_node(tx, LogicalType::ExperimentRun, found.id, &changes)?;
                    }
                    return Ok(found.id);
                }
                // Some clients say that a run ended before it started, which other protocols may not.
                let end = draft.properties.remove(END);
                let made = create_stored(tx, LogicalType::ExperimentRun, Some(experiment), &draft, stored)?;
                let start = started_at(&made);
                if let Some(end) = end {
                    let ended = Properties::from([(END.to_owned(), end)]);
                    change_node(tx, LogicalType::ExperimentRun, made.id, &setting(ended, Properties::new()))?;
                }
                note(tx, made.id, start)?;
                Ok(made.id)
            })
            .await;
        let known = async { Ok(self.known_runs(context, vec![wanted.clone()]).await?.remove(&wanted)) };
        made_or_known(done, known).await
    }

    /// Adds to a run what it has, archived or not. What it has already stays as it is: it can be repeated.
    ///
    /// Errors: NotFound when there is no such run; InvalidArgument when a parameter has another value.
    pub async fn import_contents(&self, context: &RequestContext, id: &RunId, contents: RunContents) -> Result<()> {
        let id = id.clone();
        self.core
            .write(context, move |tx| {
                let run = get_run(tx, &id)?;
                tx.demand(Permission::Write, run.place)?;
                let RunContents { parameters, points, model_points, datasets, models } = &contents;
                log_parameters(tx, &id, &run, parameters)?;
                if !points.is_empty() {
                    measure_in(tx, &run, points, Repeated::Skipped)?;
                }
                if !model_points.is_empty() {
                    logged_models::measure(tx, run.id, model_points)?;
                }
                if datasets.is_empty() && models.is_empty() {
                    return Ok(());
                }
                let home = run.home_id.ok_or_else(|| Error::internal(format!("run `{id}` has no experiment")))?;
                let experiment = get(tx, LogicalType::Experiment, home)?;
                let mut used = use_datasets(tx, &run, &experiment, datasets)?;
                attach_models(tx, models, &mut used)?;
                uses::insert(tx, run.id, &used)
            })
            .await
    }

    /// Makes the logged model, in that state, or adds tags and parameters to the one that an import made. What it is called and the run that made it stay.
    ///
    /// Errors: as those of [`Tracking::create_logged_model`], but that its experiment may be archived.
    pub async fn import_logged_model(
        &self,
        context: &RequestContext,
        experiment: NodeId,
        draft: LoggedModelDraft,
        created_at: Millis,
    ) -> Result<NodeId> {
        logged_models::check(&draft)?;
        let wanted = draft.id.clone();
        let done = self
            .core
            .write(context, move |tx| {
                if let Some(found) = joined::find_logged_model(tx, &draft.id)? {
                    if known(tx, &found)?.digest.is_some() {
                        let changes = setting(Properties::new(), draft.custom.clone());
                        if !changes.is_empty() {
                            change_node(tx, LogicalType::ModelArtifact, found.id, &changes)?;
                        }
                        logged_models::add_params(tx, &found, &draft.id, &draft.params)?;
                    }
                    return Ok(found.id);
                }
                let home = get(tx, LogicalType::Experiment, experiment)?;
                let made = make_in(tx, &home, &draft)?;
                note(tx, made.id, created_at)?;
                Ok(made.id)
            })
            .await;
        let known = async { Ok(self.known_logged_models(context, vec![wanted.clone()]).await?.remove(&wanted)) };
        made_or_known(done, known).await
    }

    /// Says that a node that an import made is here as a whole, in that state where it has one; and when it was changed last.
    ///
    /// Errors: NotFound; PermissionDenied.
    pub async fn complete_import(&self, context: &RequestContext, done: Completed) -> Result<()> {
        self.core.write(context, move |tx| complete(tx, &done)).await
    }
}

/// What an import is done with.
#[derive(Debug, Clone, PartialEq)]
pub struct Completed {
    /// Its type.
    pub logical: LogicalType,
    /// Its node.
    pub node: NodeId,
    /// When it was made, and when it was changed last; as it is where that is not known.
    pub times: Option<(Millis, Millis)>,
    /// The state of an artifact.
    pub state: Option<i64>,
    /// Where its bytes are, where they could not be fetched.
    pub uri: Option<String>,
    /// The digest of what the other server says of it; empty where something of that is not here.
    pub digest: String,
}

fn complete(tx: &mut WriteTransaction<'_, '_>, done: &Completed) -> Result<()> {
    let before = increment_revision(tx, done.logical, done.node, None)?;
    let mut node = before.clone();
    node.state = done.state.or(before.state);
    match &done.uri {
        Some(uri) if done.logical == LogicalType::ExperimentRun => {
            node.properties.insert("artifact_uri".to_owned(), uri.as_str().into());
        }
        Some(uri) => node.uri = Some(uri.clone()),
        None => {}
    }
    nodes::replace(tx, &before, &node)?;
    if let Some((created_at, updated_at)) = done.times {
        nodes::date(tx, &[node.id], created_at, updated_at)?;
        (node.created_at, node.updated_at) = (created_at, updated_at);
    }
    tx.record_update(&before, &node)?;
    imported::put(tx, node.id, &done.digest)
}

/// Notes that an import made a node, which was made at that time where it comes from.
pub(crate) fn note(tx: &mut WriteTransaction<'_, '_>, node: NodeId, created_at: Millis) -> Result<()> {
    nodes::date(tx, &[node], created_at, created_at)?;
    imported::put(tx, node, "")
}

/// What was made; where another import made it meanwhile, what is known of that.
pub(crate) async fn made_or_known(
    made: Result<NodeId>,
    known: impl Future<Output = Result<Option<Known>>>,
) -> Result<NodeId> {
    match made {
        Err(error) if error.kind().is_taken() => known.await?.map(|known| known.node).ok_or(error),
        made => made,
    }
}

/// What is known of a node.
pub(crate) fn known(tx: &mut ReadTransaction<'_, '_>, node: &Node) -> Result<Known> {
    let digest = imported::digests_of(tx, &[node.id])?.remove(&node.id);
    let is_here = node.place.workspace == tx.context().access().workspace();
    Ok(Known { node: node.id, created_at: node.created_at, digest: digest.filter(|_| is_here) })
}

/// What is known of these nodes, by what each is found by.
pub(crate) fn all_known<Id: std::hash::Hash + Eq>(
    tx: &mut ReadTransaction<'_, '_>,
    found: Vec<(Id, NodeId)>,
) -> Result<HashMap<Id, Known>> {
    let ids: Vec<NodeId> = found.iter().map(|(_, node)| *node).collect();
    let mut digests = imported::digests_of(tx, &ids)?;
    let workspace = tx.context().access().workspace();
    let nodes: HashMap<NodeId, Node> = nodes::find_all(tx, &ids)?.into_iter().map(|node| (node.id, node)).collect();
    let known = |(id, node): (Id, NodeId)| {
        let found = nodes.get(&node)?;
        let digest = digests.remove(&node).filter(|_| found.place.workspace == workspace);
        Some((id, Known { node, created_at: found.created_at, digest }))
    };
    Ok(found.into_iter().filter_map(known).collect())
}

/// The changes that set these properties.
pub(crate) fn setting(properties: Properties, custom: Properties) -> NodeChanges {
    let set = |all: Properties| -> BTreeMap<_, _> {
        all.into_iter().map(|(name, value)| (name, crate::domain::Change::Set(value))).collect()
    };
    NodeChanges { name: None, properties: set(properties), custom: set(custom) }
}

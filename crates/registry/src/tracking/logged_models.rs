//! The models that runs log: made while a run trains, filled with files, measured, and registered as versions.

mod measure;
mod params;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use serde_json::json;

use super::change::{NodeChanges, Tag, change_node};
use super::experiments::{ExperimentRef, check_active, find_or_make};
use super::runs::get_run;
use super::search;
use crate::context::RequestContext;
use crate::domain::access::Permission;
use crate::domain::search::Search;
use crate::domain::tracking::{LoggedModelId, RunId};
use crate::domain::{
    Action, ArtifactState, Draft, Error, LogicalType, MetricPoint, Node, NodeId, PageSize, Properties, Result, Value,
};
use crate::entities::{create, increment_revision};
use crate::services::Tracking;
use crate::store::tracking::logged_models::{self, LoggedModelRow, ModelMetric};
use crate::store::tracking::{numbers, runs};
use crate::store::{joined, nodes};
use crate::transaction::{ReadTransaction, WriteTransaction};

pub use measure::ModelPoint;
pub(crate) use measure::measure;
use params::{check_params, new_params};

/// The kind of source that a logged model is.
const SOURCE_KIND: &str = "mlflow";

/// The longest name, in characters.
const MAX_NAME: usize = 500;

/// A new logged model.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedModelDraft {
    /// The experiment that it belongs to.
    pub experiment: ExperimentRef,
    /// Its id.
    pub id: LoggedModelId,
    /// Its name, which others may have, too.
    pub name: String,
    /// What kind of model it is, in its maker's words.
    pub kind: Option<String>,
    /// The run that logs it.
    pub source_run: Option<RunId>,
    /// Its parameters.
    pub params: Vec<(String, String)>,
    /// Its tags.
    pub custom: Properties,
}

/// A logged model with what it has.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedModel {
    /// The artifact that it is.
    pub node: Node,
    /// Its id.
    pub id: LoggedModelId,
    /// Its experiment.
    pub experiment: Arc<Node>,
    /// The run that logged it.
    pub source_run: Option<RunId>,
    /// Its parameters, ordered by name.
    pub params: Vec<(String, String)>,
    /// The latest of what each run measured of it, ordered by metric and data set.
    pub metrics: Vec<ModelMeasurement>,
    /// The versions that were made of it: the name of the model, and the number.
    pub versions: Vec<(String, i64)>,
}

/// What a run measured of a logged model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelMeasurement {
    /// The metric.
    pub name: String,
    /// The name and the digest of the data set; both are empty where there is none.
    pub dataset: (String, String),
    /// The run.
    pub run: RunId,
    /// The value, and when it was measured.
    pub point: MetricPoint,
}

/// A page of logged models.
#[derive(Debug, Clone, PartialEq)]
pub struct LoggedModelPage {
    /// The models, in order.
    pub models: Vec<LoggedModel>,
    /// The token of the next page.
    pub next: Option<String>,
}

/// How the making of a logged model ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finalized {
    /// It can be used.
    Ready,
    /// Its files did not arrive.
    Failed,
}

impl Tracking {
    /// Makes a logged model, whose files are still to come.
    ///
    /// Errors: NotFound when there is no such experiment or run; InvalidArgument when the experiment is archived, or what the model is to
    /// be called or its parameters cannot be; AlreadyExists when the id is taken.
    pub async fn create_logged_model(&self, context: &RequestContext, draft: LoggedModelDraft) -> Result<LoggedModel> {
        check(&draft)?;
        self.core
            .write(context, move |tx| {
                let node = make(tx, &draft)?;
                only(tx, node)
            })
            .await
    }

    /// The logged model with that id; one that is removed only with `removed`.
    ///
    /// Errors: NotFound.
    pub async fn get_logged_model(
        &self,
        context: &RequestContext,
        id: &LoggedModelId,
        removed: bool,
    ) -> Result<LoggedModel> {
        let id = id.clone();
        self.core
            .read(context, move |tx| {
                let node = if removed { find_node(tx, &id)? } else { get_node(tx, &id)? };
                only(tx, node)
            })
            .await
    }

    /// A page of the logged models that a search finds, with what they have.
    pub async fn search_logged_models(
        &self,
        context: &RequestContext,
        search: Search,
        size: PageSize,
        token: Option<String>,
    ) -> Result<LoggedModelPage> {
        self.core
            .read_long(context, move |tx| {
                let (nodes, next) = search::page(tx, &search, size, token.as_deref())?;
                Ok(LoggedModelPage { models: with_contents(tx, nodes)?, next })
            })
            .await
    }

    /// Says how the making of a logged model ended.
    ///
    /// Errors: NotFound.
    pub async fn finalize_logged_model(
        &self,
        context: &RequestContext,
        id: &LoggedModelId,
        finalized: Finalized,
    ) -> Result<LoggedModel> {
        let state = match finalized {
            Finalized::Ready => ArtifactState::Live,
            Finalized::Failed => ArtifactState::Abandoned,
        };
        let id = id.clone();
        self.core
            .write(context, move |tx| {
                let node = set_state(tx, &id, state)?;
                only(tx, node)
            })
            .await
    }

    /// Marks a logged model as removed. What is stored of it goes with its run or experiment.
    ///
    /// Errors: NotFound when there is none, or it is removed already.
    pub async fn remove_logged_model(&self, context: &RequestContext, id: &LoggedModelId) -> Result<()> {
        let id = id.clone();
        self.core
            .write(context, move |tx| {
                let node = set_state(tx, &id, ArtifactState::MarkedForDeletion)?;
                tx.demand(Permission::Delete, node.place)
            })
            .await
    }

    /// Sets tags of a logged model.
    ///
    /// Errors: NotFound.
    pub async fn set_logged_model_tags(
        &self,
        context: &RequestContext,
        id: &LoggedModelId,
        tags: Properties,
    ) -> Result<()> {
        let id = id.clone();
        self.core
            .write(context, move |tx| {
                let node = get_node(tx, &id)?;
                let mut changes = NodeChanges::default();
                tags.iter().for_each(|(name, value)| changes.tag(name, value.clone()));
                if changes.is_empty() {
                    return tx.demand(Permission::Write, node.place);
                }
                change_node(tx, LogicalType::ModelArtifact, node.id, &changes).map(drop)
            })
            .await
    }

    /// Removes a tag of a logged model.
    ///
    /// Errors: NotFound when there is no such tag, or no such model.
    pub async fn remove_logged_model_tag(&self, context: &RequestContext, id: &LoggedModelId, tag: &str) -> Result<()> {
        let (id, tag) = (id.clone(), Tag::Custom(tag.to_owned()));
        self.core
            .write(context, move |tx| {
                let node = get_node(tx, &id)?;
                let changes = tag.removed_from(&node, || format!("tag `{}` of logged model `{id}`", tag.name()))?;
                change_node(tx, LogicalType::ModelArtifact, node.id, &changes).map(drop)
            })
            .await
    }

    /// Gives a logged model parameters. Each has the value that it got first.
    ///
    /// Errors: NotFound; InvalidArgument when one has another value, or cannot have this one.
    pub async fn log_logged_model_params(
        &self,
        context: &RequestContext,
        id: &LoggedModelId,
        params: Vec<(String, String)>,
    ) -> Result<()> {
        check_params(&params)?;
        let id = id.clone();
        self.core
            .write(context, move |tx| {
                let node = get_node(tx, &id)?;
                add_params(tx, &node, &id, &params)
            })
            .await
    }
}

/// Gives a logged model those of these parameters that it does not have.
pub(super) fn add_params(
    tx: &mut WriteTransaction<'_, '_>,
    node: &Node,
    id: &LoggedModelId,
    params: &[(String, String)],
) -> Result<()> {
    // Whoever adds others meanwhile is seen.
    nodes::lock(tx, &[node.id])?;
    let there = logged_models::params_of(tx, &[node.id])?.remove(&node.id).unwrap_or_default();
    let new = new_params(id, &there, params)?;
    if new.is_empty() {
        return tx.demand(Permission::Write, node.place);
    }
    let node = increment_revision(tx, LogicalType::ModelArtifact, node.id, None)?;
    logged_models::insert_params(tx, node.id, &new)?;
    let shown: BTreeMap<&str, &str> = new.into_iter().collect();
    tx.record(Action::Update, &node, [("params", json!(shown))])
}

fn missing(id: &LoggedModelId) -> Error {
    Error::not_found(format!("logged model `{id}`"))
}

/// The node of the logged model with that id, removed or not.
fn find_node(tx: &mut ReadTransaction<'_, '_>, id: &LoggedModelId) -> Result<Node> {
    joined::find_logged_model(tx, id)?.ok_or_else(|| missing(id))
}

/// The node of the logged model with that id, which is not removed.
pub(crate) fn get_node(tx: &mut ReadTransaction<'_, '_>, id: &LoggedModelId) -> Result<Node> {
    Some(find_node(tx, id)?).filter(|node| !is_removed(node)).ok_or_else(|| missing(id))
}

/// Whether a logged model is marked as removed.
pub fn is_removed(node: &Node) -> bool {
    [ArtifactState::MarkedForDeletion, ArtifactState::Deleted].iter().any(|state| node.state == Some(state.number()))
}

/// Refuses what a logged model cannot be called, and parameters that it cannot have.
pub(super) fn check(draft: &LoggedModelDraft) -> Result<()> {
    check_name(&draft.name)?;
    check_params(&draft.params)
}

fn make(tx: &mut WriteTransaction<'_, '_>, draft: &LoggedModelDraft) -> Result<Node> {
    let experiment = find_or_make(tx, &draft.experiment)?;
    check_active(&experiment)?;
    make_in(tx, &experiment, draft)
}

/// Makes a logged model in an experiment.
pub(super) fn make_in(tx: &mut WriteTransaction<'_, '_>, experiment: &Node, draft: &LoggedModelDraft) -> Result<Node> {
    let run = draft.source_run.as_ref().map(|run| get_run(tx, run)).transpose()?;
    let node = Draft {
        state: Some(ArtifactState::Pending.number()),
        custom: draft.custom.clone(),
        ..Draft::named(draft.id.as_str().parse()?)
    };
    let node = node
        .with("experiment_id", Some(Value::Int(experiment.id.0)))
        .with("model_source_class", draft.kind.as_deref())
        .with("model_source_id", Some(draft.id.as_str()))
        .with("model_source_kind", Some(SOURCE_KIND))
        .with("model_source_name", Some(draft.name.as_str()));
    node.check(LogicalType::ModelArtifact)?;
    // A run of another experiment does not own what is of this one.
    let owner = run.as_ref().filter(|run| run.home_id == Some(experiment.id)).unwrap_or(experiment);
    let made = create(tx, LogicalType::ModelArtifact, Some(owner.id), &node)?;
    let source_run = run.as_ref().map(|run| run.id);
    let row = LoggedModelRow { node: made.id, id: draft.id.clone(), experiment: experiment.id, source_run };
    logged_models::insert(tx, &row)?;
    logged_models::insert_params(tx, made.id, &new_params(&draft.id, &[], &draft.params)?)?;
    Ok(made)
}

fn set_state(tx: &mut WriteTransaction<'_, '_>, id: &LoggedModelId, state: ArtifactState) -> Result<Node> {
    let found = get_node(tx, id)?;
    let before = increment_revision(tx, LogicalType::ModelArtifact, found.id, None)?;
    let node = Node { state: Some(state.number()), ..before.clone() };
    nodes::replace(tx, &before, &node)?;
    tx.record_update(&before, &node)?;
    Ok(node)
}

/// What its name may not have, because paths and references to models have it.
const NOT_IN_NAMES: [char; 6] = ['/', ':', '.', '%', '"', '\''];

fn check_name(name: &str) -> Result<()> {
    let chars = name.chars().count();
    if name.is_empty() || chars > MAX_NAME || name.contains(NOT_IN_NAMES) {
        let message = format!(
            "Invalid model name ('{}') provided. Model name must be a non-empty string of at most {MAX_NAME} characters and cannot \
             contain the following characters: {NOT_IN_NAMES:?}",
            name.escape_debug()
        );
        return Err(Error::invalid("name", message));
    }
    Ok(())
}

fn only(tx: &mut ReadTransaction<'_, '_>, node: Node) -> Result<LoggedModel> {
    let id = node.id;
    let found = with_contents(tx, vec![node])?.pop();
    found.ok_or_else(|| Error::internal(format!("node `{id}` is no logged model")))
}

/// Logged models with what they have, with a fixed number of statements.
fn with_contents(tx: &mut ReadTransaction<'_, '_>, found: Vec<Node>) -> Result<Vec<LoggedModel>> {
    let ids: Vec<NodeId> = found.iter().map(|node| node.id).collect();
    let mut rows = logged_models::rows_of(tx, &ids)?;
    let mut params = logged_models::params_of(tx, &ids)?;
    let mut metrics = logged_models::metrics_of(tx, &ids)?;
    let mut versions = numbers::versions_of_logged_models(tx, &ids)?;
    let measured_by = metrics.values().flatten().map(|metric| metric.run);
    let run_ids = runs::ids_of(tx, &unique(rows.values().filter_map(|row| row.source_run).chain(measured_by)))?;
    let experiments = nodes::find_all(tx, &unique(rows.values().map(|row| row.experiment)))?;
    let experiments: HashMap<NodeId, Arc<Node>> =
        experiments.into_iter().map(|node| (node.id, Arc::new(node))).collect();
    let measurement = |metric: ModelMetric| {
        let run = run_ids.get(&metric.run)?.clone();
        Some(ModelMeasurement { name: metric.name, dataset: metric.dataset, run, point: metric.point })
    };
    let model = |node: Node| {
        let row = rows.remove(&node.id)?;
        let metrics = metrics.remove(&node.id).unwrap_or_default().into_iter();
        Some(LoggedModel {
            id: row.id,
            experiment: Arc::clone(experiments.get(&row.experiment)?),
            source_run: row.source_run.and_then(|run| run_ids.get(&run).cloned()),
            params: params.remove(&node.id).unwrap_or_default(),
            metrics: metrics.filter_map(measurement).collect(),
            versions: versions.remove(&node.id).unwrap_or_default(),
            node,
        })
    };
    Ok(found.into_iter().filter_map(model).collect())
}

fn unique(ids: impl Iterator<Item = NodeId>) -> Vec<NodeId> {
    ids.collect::<BTreeSet<_>>().into_iter().collect()
}

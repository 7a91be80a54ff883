//! Runs: made, read, changed, archived, searched.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::change::{NodeChanges, Tag, change_node};
use super::experiments::{ARCHIVED, ExperimentRef, LIVE, STATE, check_active, find_or_make, is_archived};
use super::search;
use crate::context::RequestContext;
use crate::domain::access::Permission;
use crate::domain::search::Search;
use crate::domain::tracking::{LatestPoint, RunId, RunUse};
use crate::domain::{Draft, Error, LogicalType, Millis, Name, Node, NodeId, PageSize, Properties, Result, Value};
use crate::entities::create_stored;
use crate::services::Tracking;
use crate::store::tracking::contents::{self, Contents};
use crate::store::{joined, nodes};
use crate::transaction::{ReadTransaction, WriteTransaction};

/// The declared properties with the start and the end of a run.
const START: &str = "start_time_since_epoch";
pub(super) const END: &str = "end_time_since_epoch";

/// A new run.
#[derive(Debug, Clone, PartialEq)]
pub struct RunDraft {
    /// The experiment that it is of.
    pub experiment: ExperimentRef,
    /// Its id.
    pub id: RunId,
    /// Its name, which other runs may have, too.
    pub name: Name,
    /// When it started; now if it is `None`.
    pub start: Option<Millis>,
    /// Who runs it, and what else is declared of it.
    pub properties: Properties,
    /// Its tags.
    pub custom: Properties,
}

/// A run with what it has.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Its node.
    pub node: Node,
    /// Its id.
    pub id: RunId,
    /// Its experiment.
    pub experiment: Arc<Node>,
    /// The latest points of its metrics, ordered by name.
    pub metrics: Vec<LatestPoint>,
    /// Its parameters, ordered by name.
    pub parameters: Vec<(String, String)>,
    /// What it read and made: data sets and logged models.
    pub uses: Vec<(RunUse, Arc<Node>)>,
}

impl Run {
    /// A run of which nothing that it logged is said.
    fn without_contents(node: Node, experiment: Node) -> Self {
        let (id, experiment) = (RunId::of(&node), Arc::new(experiment));
        Self { node, id, experiment, metrics: Vec::new(), parameters: Vec::new(), uses: Vec::new() }
    }

    /// When it started: when its node was made, where nobody says.
    pub fn started_at(&self) -> Millis {
        started_at(&self.node)
    }

    /// When it ended; none while it goes on.
    pub fn ended_at(&self) -> Option<Millis> {
        time(&self.node, END)
    }

    /// Whether it is archived, itself or with its experiment.
    pub fn is_archived(&self) -> bool {
        is_archived(&self.node) || is_archived(&self.experiment)
    }
}

/// A page of runs.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPage {
    /// The runs, in order.
    pub runs: Vec<Run>,
    /// The token of the next page.
    pub next: Option<String>,
}

/// The status of a run that goes on.
const RUNNING: &str = "RUNNING";

impl Tracking {
    /// Starts a run.
    ///
    /// Errors: NotFound when there is no such experiment; InvalidArgument when that is archived.
    pub async fn create_run(&self, context: &RequestContext, draft: RunDraft) -> Result<Run> {
        self.core
            .write(context, move |tx| {
                let experiment = find_or_make(tx, &draft.experiment)?;
                check_active(&experiment)?;
                let start = draft.start.unwrap_or_else(|| tx.now());
                let mut node =
                    Draft { custom: draft.custom.clone(), properties: draft.properties.clone(), ..Draft::default() };
                for (name, value) in [("status", RUNNING.into()), (STATE, LIVE.into()), (START, Value::Int(start))] {
                    node.properties.entry(name.to_owned()).or_insert(value);
                }
                node.check(LogicalType::ExperimentRun)?;
                let stored = draft.name.with_prefix(draft.id.prefix());
                let node = create_stored(tx, LogicalType::ExperimentRun, Some(experiment.id), &node, stored)?;
                Ok(Run::without_contents(node, experiment))
            })
            .await
    }

    /// The run with that id, archived or not.
    ///
    /// Errors: NotFound.
    pub async fn get_run(&self, context: &RequestContext, id: &RunId) -> Result<Run> {
        let id = id.clone();
        self.core
            .read(context, move |tx| {
                let (node, experiment) = find_with_experiment(tx, &id)?;
                let experiments = HashMap::from([(experiment.id, Arc::new(experiment))]);
                with_contents_of(tx, vec![node], &experiments)?.pop().ok_or_else(|| missing(&id))
            })
            .await
    }

    /// Changes a run that is not archived. A new name is as people see it.
    ///
    /// Errors: NotFound; InvalidArgument when it is archived.
    pub async fn change_run(
        &self,
        context: &RequestContext,
        id: &RunId,
        name: Option<Name>,
        changes: NodeChanges,
    ) -> Result<Run> {
        let id = id.clone();
        self.core
            .write(context, move |tx| {
                let (run, experiment) = get_active(tx, &id)?;
                let name = name.as_ref().map(|name| name.with_prefix(id.prefix()));
                let node =
                    change_node(tx, LogicalType::ExperimentRun, run.id, &NodeChanges { name, ..changes.clone() })?;
                Ok(Run::without_contents(node, experiment))
            })
            .await
    }

    /// Removes a tag of a run that is not archived, or clears the declared property of that name.
    ///
    /// Errors: NotFound when there is none; InvalidArgument when the run is archived.
    pub async fn remove_run_tag(&self, context: &RequestContext, id: &RunId, tag: Tag) -> Result<()> {
        let id = id.clone();
        self.core
            .write(context, move |tx| {
                let (run, _) = get_active(tx, &id)?;
                let changes = tag.removed_from(&run, || format!("tag `{}` of run `{id}`", tag.name()))?;
                change_node(tx, LogicalType::ExperimentRun, run.id, &changes).map(drop)
            })
            .await
    }

    /// Archives a run or brings it back. One that is so already stays as it is.
    ///
    /// Errors: NotFound.
    pub async fn set_run_archived(&self, context: &RequestContext, id: &RunId, archived: bool) -> Result<()> {
        let id = id.clone();
        self.core
            .write(context, move |tx| {
                let run = get_run(tx, &id)?;
                if is_archived(&run) == archived {
                    return tx.demand(Permission::Write, run.place);
                }
                let mut changes = NodeChanges::default();
                changes.declare(STATE, if archived { ARCHIVED } else { LIVE });
                change_node(tx, LogicalType::ExperimentRun, run.id, &changes).map(drop)
            })
            .await
    }

    /// A page of the runs that a search finds, with what they have.
    pub async fn search_runs(
        &self,
        context: &RequestContext,
        search: Search,
        size: PageSize,
        token: Option<String>,
    ) -> Result<RunPage> {
        self.core.read_long(context, move |tx| page(tx, &search, size, token.as_deref())).await
    }

    /// The same of experiments each of which has to be there, in the workspace of the request.
    ///
    /// Errors: NotFound when one of them is not.
    pub async fn search_runs_of(
        &self,
        context: &RequestContext,
        search: Search,
        size: PageSize,
        token: Option<String>,
    ) -> Result<RunPage> {
        self.core
            .read_long(context, move |tx| {
                let workspace = tx.access().workspace();
                let is_here = |node: &Node| node.place.workspace == workspace;
                check_there(tx, LogicalType::Experiment, &search.experiments, is_here)?;
                page(tx, &search, size, token.as_deref())
            })
            .await
    }
}

fn page(tx: &mut ReadTransaction<'_, '_>, search: &Search, size: PageSize, token: Option<&str>) -> Result<RunPage> {
    let (nodes, next) = search::page(tx, search, size, token)?;
    Ok(RunPage { runs: with_contents(tx, nodes)?, next })
}

/// When a run started: when it was made, where nobody says.
pub(super) fn started_at(run: &Node) -> Millis {
    time(run, START).unwrap_or(run.created_at)
}

fn time(run: &Node, property: &str) -> Option<Millis> {
    match run.properties.get(property) {
        Some(Value::Int(time)) => Some(*time),
        _ => None,
    }
}

/// Errors: NotFound for the first of these that is no node of that type, or not one that is meant.
pub(super) fn check_there(
    tx: &mut ReadTransaction<'_, '_>,
    logical: LogicalType,
    ids: &[NodeId],
    is_meant: impl Fn(&Node) -> bool,
) -> Result<()> {
    let found = nodes::find_all(tx, ids)?;
    let there = found.iter().filter(|node| node.type_id == logical.id() && is_meant(node));
    let there: HashSet<NodeId> = there.map(|node| node.id).collect();
    match ids.iter().find(|id| !there.contains(id)) {
        Some(missing) => Err(Error::not_found(format!("{} `{missing}`", logical.noun()))),
        None => Ok(()),
    }
}

fn missing(id: &RunId) -> Error {
    Error::not_found(format!("run `{id}`"))
}

/// The node of the run with that id.
pub(crate) fn get_run(tx: &mut ReadTransaction<'_, '_>, id: &RunId) -> Result<Node> {
    joined::find_run(tx, id)?.ok_or_else(|| missing(id))
}

/// The run with that id, and its experiment.
fn find_with_experiment(tx: &mut ReadTransaction<'_, '_>, id: &RunId) -> Result<(Node, Node)> {
    let (run, experiment) = joined::find_run_with_experiment(tx, id)?.ok_or_else(|| missing(id))?;
    Ok((run, experiment.ok_or_else(|| missing(id))?))
}

/// The run with that id, which may be written to, and its experiment.
pub(crate) fn get_active(tx: &mut WriteTransaction<'_, '_>, id: &RunId) -> Result<(Node, Node)> {
    let (run, experiment) = find_with_experiment(tx, id)?;
    if is_archived(&run) || is_archived(&experiment) {
        let message = format!("The run {id} must be in the 'active' state. Current state is deleted.");
        return Err(Error::invalid("run_id", message));
    }
    Ok((run, experiment))
}

/// Runs with what they have, with a fixed number of statements.
pub(crate) fn with_contents(tx: &mut ReadTransaction<'_, '_>, found: Vec<Node>) -> Result<Vec<Run>> {
    let experiments = nodes_of(tx, found.iter().filter_map(|node| node.home_id).collect())?;
    with_contents_of(tx, found, &experiments)
}

/// The same of runs of these experiments.
fn with_contents_of(
    tx: &mut ReadTransaction<'_, '_>,
    found: Vec<Node>,
    experiments: &HashMap<NodeId, Arc<Node>>,
) -> Result<Vec<Run>> {
    let ids: Vec<NodeId> = found.iter().map(|node| node.id).collect();
    let Contents { mut metrics, mut parameters, mut uses } = contents::of_runs(tx, &ids)?;
    let used = nodes_of(tx, uses.values().flatten().map(|each| each.artifact).collect())?;
    let run = |node: Node| {
        let uses = uses.remove(&node.id).unwrap_or_default().into_iter();
        Some(Run {
            id: RunId::of(&node),
            experiment: Arc::clone(experiments.get(&node.home_id?)?),
            metrics: metrics.remove(&node.id).unwrap_or_default(),
            parameters: parameters.remove(&node.id).unwrap_or_default(),
            uses: uses.filter_map(|each| Some((each.clone(), Arc::clone(used.get(&each.artifact)?)))).collect(),
            node,
        })
    };
    Ok(found.into_iter().filter_map(run).collect())
}

/// Nodes by their ids.
fn nodes_of(tx: &mut ReadTransaction<'_, '_>, mut ids: Vec<NodeId>) -> Result<HashMap<NodeId, Arc<Node>>> {
    ids.sort_unstable();
    ids.dedup();
    let found = match ids.as_slice() {
        [one] => joined::find(tx, *one)?.into_iter().collect(),
        many => nodes::find_all(tx, many)?,
    };
    Ok(found.into_iter().map(|node| (node.id, Arc::new(node))).collect())
}

//! Traces of what applications do: said by their clients, completed by their spans, found, labelled, removed.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::json;
use uuid::Uuid;

use super::experiments::{ExperimentRef, check_active, find, find_or_make};
use super::run_files::remove_trace_files;
use super::runs::get_active;
use super::search;
use crate::context::RequestContext;
use crate::domain::access::Permission;
use crate::domain::search::Search;
use crate::domain::trace::{Chosen, Span, Trace, TraceDraft, TraceId, TraceKey};
use crate::domain::trace_metrics::{MetricGroup, MetricsQuery, Together};
use crate::domain::tracking::RunId;
use crate::domain::{Action, Error, LogicalType, Node, NodeId, PageSize, Result};
use crate::entities::{get, increment_revision};
use crate::services::Tracking;
use crate::store::changes::NewChange;
use crate::store::nodes;
use crate::store::tracking::runs;
use crate::store::tracking::search::measured;
use crate::store::tracking::traces::{self, LabelKind, Told};
use crate::store::tracking::{assessments, spans};
use crate::transaction::{Needed, ReadTransaction, WriteTransaction, document};

/// How many traces are removed at once.
const BATCH: i64 = 500;

/// A trace, its experiment and, where they were asked for, its spans.
#[derive(Debug, Clone, PartialEq)]
pub struct FoundTrace {
    /// The trace.
    pub trace: Trace,
    /// Its experiment.
    pub experiment: Arc<Node>,
    /// Its spans: those within no other one first, then by when they began.
    pub spans: Vec<Span>,
}

/// A page of traces.
#[derive(Debug, Clone, PartialEq)]
pub struct TracePage {
    /// The traces, in order, without spans.
    pub traces: Vec<FoundTrace>,
    /// The token of the next page.
    pub next: Option<String>,
}

impl Tracking {
    /// Stores a trace as its client says it, in place of what followed from its spans. Its assessments are made with it.
    ///
    /// Errors: NotFound when there is no such experiment; InvalidArgument when that is archived; AlreadyExists when the trace is to be seen
    /// in another experiment.
    pub async fn put_trace(
        &self,
        context: &RequestContext,
        experiment: ExperimentRef,
        draft: TraceDraft,
    ) -> Result<FoundTrace> {
        self.core
            .write(context, move |tx| {
                let experiment = writable(tx, &experiment)?;
                let id = &draft.trace.id;
                let keys = put(tx, experiment.id, Told::ByClient, std::slice::from_ref(&draft))?;
                let key = keys.get(id).ok_or_else(|| missing(id))?;
                let now = tx.now();
                let mut said = draft.trace.assessments.clone();
                if !said.is_empty() {
                    // Those that were said before stay as they are: a client that got no answer says the same again.
                    let there = assessments::of_trace(tx, (key, id))?;
                    said.retain(|each| there.iter().all(|known| known.id != each.id));
                }
                said.iter_mut().for_each(|each| each.updated_at = now);
                assessments::insert(tx, key, &said)?;
                with_contents(tx, std::slice::from_ref(key), false)?.pop().ok_or_else(|| missing(id))
            })
            .await
    }

    /// Stores spans, and the traces that follow from them, as far as their clients have not said what they are.
    ///
    /// Errors: as those of [`Tracking::put_trace`].
    pub async fn put_spans(
        &self,
        context: &RequestContext,
        experiment: ExperimentRef,
        drafts: Vec<TraceDraft>,
        all: Vec<Span>,
    ) -> Result<()> {
        self.core
            .write(context, move |tx| {
                let experiment = writable(tx, &experiment)?;
                let keys = put(tx, experiment.id, Told::BySpans, &drafts)?;
                spans::put(tx, &keys, &all)
            })
            .await
    }

    /// The trace with that id, with its spans where they are wanted.
    ///
    /// Errors: NotFound.
    pub async fn get_trace(&self, context: &RequestContext, id: &TraceId, with_spans: bool) -> Result<FoundTrace> {
        let id = id.clone();
        self.core.read(context, move |tx| one(tx, &id, with_spans)).await
    }

    /// Those of the traces with these ids that are there, in the order of the ids; of these experiments, where they are given.
    pub async fn get_traces(
        &self,
        context: &RequestContext,
        ids: Vec<TraceId>,
        experiments: Option<Vec<NodeId>>,
        with_spans: bool,
    ) -> Result<Vec<FoundTrace>> {
        self.core
            .read_long(context, move |tx| {
                let mut known = traces::all_known(tx, &ids, experiments.as_deref())?;
                let keys: Vec<TraceKey> = ids.iter().filter_map(|id| Some(known.remove(id)?.0)).collect();
                with_contents(tx, &keys, with_spans)
            })
            .await
    }

    /// A page of the traces that a search finds.
    pub async fn search_traces(
        &self,
        context: &RequestContext,
        search: Search,
        size: PageSize,
        token: Option<String>,
    ) -> Result<TracePage> {
        self.core
            .read_long(context, move |tx| {
                let (keys, next) = search::page_of_texts(tx, &search, size, token.as_deref())?;
                let keys: Vec<TraceKey> = keys.into_iter().map(TraceKey).collect();
                Ok(TracePage { traces: with_contents(tx, &keys, false)?, next })
            })
            .await
    }

    /// Figures over the traces of experiments, their spans or their assessments, in the order of their times and dimensions.
    pub async fn measure_traces(&self, context: &RequestContext, query: MetricsQuery) -> Result<Vec<MetricGroup>> {
        self.core.read_long(context, move |tx| measured::groups(tx, &query)).await
    }

    /// Of how many of the traces that a search finds the clauses of two others hold, and of how many both.
    pub async fn count_traces_together(
        &self,
        context: &RequestContext,
        base: Search,
        first: Search,
        second: Search,
    ) -> Result<Together> {
        self.core.read_long(context, move |tx| measured::together(tx, &base, &first, &second)).await
    }

    /// Changes what a client says of a trace: the changes get the trace as it is.
    ///
    /// Errors: NotFound; those of the changes.
    pub async fn change_trace(
        &self,
        context: &RequestContext,
        id: &TraceId,
        change: impl Fn(&mut TraceDraft) -> Result<()> + Send + Sync + 'static,
    ) -> Result<FoundTrace> {
        let id = id.clone();
        self.core
            .write(context, move |tx| {
                let key = demand_to_write(tx, &id)?;
                let trace = traces::find_all(tx, std::slice::from_ref(&key))?.pop().ok_or_else(|| missing(&id))?;
                let experiment = trace.experiment;
                let mut draft = TraceDraft { trace, run: None };
                change(&mut draft)?;
                put(tx, experiment, Told::ByClient, std::slice::from_ref(&draft))?;
                with_contents(tx, std::slice::from_ref(&key), false)?.pop().ok_or_else(|| missing(&id))
            })
            .await
    }

    /// Says which versions of prompts a trace used, as `name/version`, whether they are here or not.
    ///
    /// Errors: NotFound.
    pub async fn link_prompts(&self, context: &RequestContext, id: &TraceId, prompts: Vec<String>) -> Result<()> {
        let id = id.clone();
        self.core
            .write(context, move |tx| {
                let key = demand_to_write(tx, &id)?;
                traces::link_prompts(tx, &key, &prompts)
            })
            .await
    }

    /// Sets a tag of a trace.
    ///
    /// Errors: NotFound.
    pub async fn set_trace_tag(&self, context: &RequestContext, id: &TraceId, name: &str, value: &str) -> Result<()> {
        let (id, name, value) = (id.clone(), name.to_owned(), value.to_owned());
        self.core
            .write(context, move |tx| {
                let key = demand_to_write(tx, &id)?;
                traces::put_labels(tx, &mut [(&key, LabelKind::Tag, &name, &value)])
            })
            .await
    }

    /// Removes a tag of a trace.
    ///
    /// Errors: NotFound when there is no such trace, or no such tag.
    pub async fn remove_trace_tag(&self, context: &RequestContext, id: &TraceId, name: &str) -> Result<()> {
        let (id, name) = (id.clone(), name.to_owned());
        self.core
            .write(context, move |tx| {
                let key = demand_to_write(tx, &id)?;
                if traces::delete_tag(tx, &key, &name)? {
                    return Ok(());
                }
                Err(Error::not_found(format!("tag `{name}` of trace `{id}`")))
            })
            .await
    }

    /// Gives a trace another name, or none.
    ///
    /// Errors: NotFound.
    pub async fn rename_trace(&self, context: &RequestContext, id: &TraceId, name: Option<String>) -> Result<()> {
        let id = id.clone();
        self.core
            .write(context, move |tx| {
                let key = demand_to_write(tx, &id)?;
                traces::rename(tx, &key, name.as_deref())
            })
            .await
    }

    /// Says that traces belong to a run; those that are not there are left out.
    ///
    /// Errors: NotFound when there is no such run; InvalidArgument when it is archived.
    pub async fn link_traces(&self, context: &RequestContext, ids: Vec<TraceId>, run: &RunId) -> Result<()> {
        let run = run.clone();
        self.core
            .write(context, move |tx| {
                let (run, _) = get_active(tx, &run)?;
                tx.demand(Permission::Write, run.place)?;
                let found = traces::all_known(tx, &ids, None)?;
                tx.demand_for(Permission::Write, found.values().map(|(_, experiment)| *experiment))?;
                let mut links: Vec<(&TraceKey, NodeId)> = found.values().map(|(key, _)| (key, run.id)).collect();
                traces::link(tx, &mut links)
            })
            .await
    }

    /// Removes traces of an experiment, the oldest first, with all that they have; at most so many, where that is given. Returns how
    /// many they were.
    ///
    /// Errors: NotFound when there is no such experiment.
    pub async fn delete_traces(
        &self,
        context: &RequestContext,
        experiment: ExperimentRef,
        chosen: Chosen,
        most: Option<i64>,
    ) -> Result<usize> {
        let policy = Arc::clone(&self.core.policy);
        self.core
            .write(context, move |tx| {
                let experiment = find(tx, &experiment)?;
                tx.demand(Permission::Delete, experiment.place)?;
                let (mut left, mut deleted) = (most.unwrap_or(i64::MAX), 0_usize);
                while left > 0 {
                    tx.check_deadline()?;
                    let batch = traces::chosen(tx, experiment.id, &chosen, left.min(BATCH))?;
                    if batch.is_empty() {
                        break;
                    }
                    left -= i64::try_from(batch.len()).unwrap_or(i64::MAX);
                    let (keys, ids): (Vec<TraceKey>, Vec<TraceId>) = batch.into_iter().unzip();
                    remove_trace_files(tx, &policy, experiment.id, &ids)?;
                    deleted += traces::delete_all(tx, &keys)?;
                }
                if deleted > 0 {
                    record_removed(tx, experiment.id, deleted)?;
                }
                Ok(deleted)
            })
            .await
    }
}

/// Records with their experiment that traces were removed, and how many, as one of its changes.
fn record_removed(tx: &mut WriteTransaction<'_, '_>, experiment: NodeId, count: usize) -> Result<()> {
    let node = increment_revision(tx, LogicalType::Experiment, experiment, None)?;
    let change = NewChange {
        action: Action::Update,
        node_id: node.id,
        place: node.place,
        revision: node.revision,
        document: document(&node, [("before", json!({})), ("removedTraces", json!(count))]),
    };
    // Whoever may remove the traces may do this.
    tx.record_all(Needed::Nothing, [change])
}

/// The experiment, which may be written to.
fn writable(tx: &mut WriteTransaction<'_, '_>, experiment: &ExperimentRef) -> Result<Node> {
    let experiment = find_or_make(tx, experiment)?;
    check_active(&experiment)?;
    tx.demand(Permission::Write, experiment.place)?;
    Ok(experiment)
}

/// A key that nothing has. It does not follow from the id: of two requests that make the same trace one finds it by its id alone.
fn new_key() -> TraceKey {
    TraceKey(Uuid::now_v7().simple().to_string())
}

/// Stores traces as they are said, and returns what they are known by.
fn put(
    tx: &mut WriteTransaction<'_, '_>,
    experiment: NodeId,
    told: Told,
    drafts: &[TraceDraft],
) -> Result<HashMap<TraceId, TraceKey>> {
    let ids: Vec<&TraceId> = drafts.iter().map(|draft| &draft.trace.id).collect();
    traces::check_experiment(tx, experiment, &ids)?;
    let keys = traces::put(tx, experiment, told, drafts, new_key)?;
    let mut labels = Vec::new();
    for TraceDraft { trace, .. } in drafts {
        let Some(key) = keys.get(&trace.id) else { continue };
        let tags = trace.tags.iter().map(|(name, value)| (key, LabelKind::Tag, name.as_str(), value.as_str()));
        let metadata = trace.metadata.iter();
        labels.extend(tags);
        labels.extend(metadata.map(|(name, value)| (key, LabelKind::Metadata, name.as_str(), value.as_str())));
    }
    traces::put_labels(tx, &mut labels)?;
    let runs: Vec<RunId> = drafts.iter().filter_map(|draft| draft.run.clone()).collect();
    if runs.is_empty() {
        return Ok(keys);
    }
    let found: HashMap<RunId, NodeId> = runs::find_all_ids(tx, &runs)?.into_iter().collect();
    let run_of = |draft: &TraceDraft| draft.run.as_ref().and_then(|run| found.get(run).copied());
    let mut links: Vec<(&TraceKey, NodeId)> =
        drafts.iter().filter_map(|draft| Some((keys.get(&draft.trace.id)?, run_of(draft)?))).collect();
    traces::link(tx, &mut links)?;
    Ok(keys)
}

fn missing(id: &TraceId) -> Error {
    Error::not_found(format!("trace `{id}`"))
}

/// Demands that the caller may write to the trace, and returns what it is known by.
pub(super) fn demand_to_write(tx: &mut WriteTransaction<'_, '_>, id: &TraceId) -> Result<TraceKey> {
    let (key, experiment) = traces::known(tx, id)?.ok_or_else(|| missing(id))?;
    let experiment = get(tx, LogicalType::Experiment, experiment)?;
    tx.demand(Permission::Write, experiment.place)?;
    Ok(key)
}

/// Demands that the trace is visible, and returns what it is known by.
pub(super) fn demand_to_see(tx: &mut ReadTransaction<'_, '_>, id: &TraceId) -> Result<TraceKey> {
    traces::known(tx, id)?.map(|(key, _)| key).ok_or_else(|| missing(id))
}

fn one(tx: &mut ReadTransaction<'_, '_>, id: &TraceId, with_spans: bool) -> Result<FoundTrace> {
    let key = demand_to_see(tx, id)?;
    with_contents(tx, std::slice::from_ref(&key), with_spans)?.pop().ok_or_else(|| missing(id))
}

/// The traces, with a fixed number of statements.
fn with_contents(tx: &mut ReadTransaction<'_, '_>, keys: &[TraceKey], with_spans: bool) -> Result<Vec<FoundTrace>> {
    let found = traces::find_all(tx, keys)?;
    let mut homes: Vec<NodeId> = found.iter().map(|trace| trace.experiment).collect();
    homes.sort_unstable();
    homes.dedup();
    let experiments: HashMap<NodeId, Arc<Node>> =
        nodes::find_all(tx, &homes)?.into_iter().map(|node| (node.id, Arc::new(node))).collect();
    let mut spans = match with_spans {
        true => spans::of_traces(tx, &found)?,
        false => HashMap::new(),
    };
    let whole = |trace: Trace| {
        let experiment = Arc::clone(experiments.get(&trace.experiment)?);
        Some(FoundTrace { spans: spans.remove(&trace.key).unwrap_or_default(), experiment, trace })
    };
    Ok(found.into_iter().filter_map(whole).collect())
}

//! Traces of what applications do: said by their clients, completed by their spans, found, labelled, removed.

use std::collections::HashMap;
use std::sync::Arc;

use super::experiments::{ExperimentRef, check_active, find, find_or_make};
use super::run_files::remove_trace_files;
use super::runs::get_active;
use super::search;
use crate::context::RequestContext;
use crate::domain::access::Permission;
use crate::domain::search::Search;
use crate::domain::trace::{Chosen, Span, Trace, TraceDraft, TraceId};
use crate::domain::tracking::RunId;
use crate::domain::{Error, LogicalType, Node, NodeId, PageSize, Result};
use crate::entities::get;
use crate::services::Tracking;
use crate::store::nodes;
use crate::store::tracking::runs;
use crate::store::tracking::traces::{self, LabelKind, Told};
use crate::store::tracking::{assessments, spans};
use crate::transaction::{ReadTransaction, WriteTransaction};

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
    /// Errors: NotFound when there is no such experiment; InvalidArgument when that is archived; AlreadyExists when the trace is of
    /// another experiment.
    pub async fn put_trace(
        &self,
        context: &RequestContext,
        experiment: ExperimentRef,
        draft: TraceDraft,
    ) -> Result<FoundTrace> {
        self.core
            .write(context, move |tx| {
                let experiment = writable(tx, &experiment)?;
                put(tx, experiment.id, Told::ByClient, std::slice::from_ref(&draft))?;
                let now = tx.now();
                let mut said = draft.trace.assessments.clone();
                if !said.is_empty() {
                    // Those that were said before stay as they are: a client that got no answer says the same again.
                    let there = assessments::of_traces(tx, std::slice::from_ref(&draft.trace.id))?;
                    said.retain(|each| there.iter().all(|known| known.id != each.id));
                }
                said.iter_mut().for_each(|each| each.updated_at = now);
                assessments::insert(tx, &said)?;
                one(tx, &draft.trace.id, false)
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
                put(tx, experiment.id, Told::BySpans, &drafts)?;
                spans::put(tx, &all)
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
                let mut found = with_contents(tx, &ids, with_spans)?;
                found.retain(|each| experiments.as_ref().is_none_or(|these| these.contains(&each.trace.experiment)));
                Ok(found)
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
                let (ids, next) = search::page_of_texts(tx, &search, size, token.as_deref())?;
                let ids = ids.iter().map(|id| id.parse()).collect::<Result<Vec<_>>>()?;
                Ok(TracePage { traces: with_contents(tx, &ids, false)?, next })
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
                demand_to_write(tx, &id)?;
                traces::put_labels(tx, &mut [(&id, LabelKind::Tag, &name, &value)])
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
                demand_to_write(tx, &id)?;
                if traces::delete_tag(tx, &id, &name)? {
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
                demand_to_write(tx, &id)?;
                traces::rename(tx, &id, name.as_deref())
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
                let found = traces::experiments_of(tx, &ids)?;
                tx.demand_for(Permission::Write, found.values().copied())?;
                let mut links: Vec<(&TraceId, NodeId)> = found.keys().map(|id| (id, run.id)).collect();
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
                let (mut left, mut deleted) = (most.unwrap_or(i64::MAX), 0);
                while left > 0 {
                    tx.check_deadline()?;
                    let batch = traces::chosen(tx, experiment.id, &chosen, left.min(BATCH))?;
                    if batch.is_empty() {
                        break;
                    }
                    remove_trace_files(tx, &policy, experiment.id, &batch)?;
                    deleted += traces::delete_all(tx, &batch)?;
                    left -= i64::try_from(batch.len()).unwrap_or(i64::MAX);
                }
                Ok(deleted)
            })
            .await
    }
}

/// The experiment, which may be written to.
fn writable(tx: &mut WriteTransaction<'_, '_>, experiment: &ExperimentRef) -> Result<Node> {
    let experiment = find_or_make(tx, experiment)?;
    check_active(&experiment)?;
    tx.demand(Permission::Write, experiment.place)?;
    Ok(experiment)
}

fn put(tx: &mut WriteTransaction<'_, '_>, experiment: NodeId, told: Told, drafts: &[TraceDraft]) -> Result<()> {
    traces::put(tx, experiment, told, drafts)?;
    let ids: Vec<&TraceId> = drafts.iter().map(|draft| &draft.trace.id).collect();
    traces::check_experiment(tx, experiment, &ids)?;
    let mut labels = Vec::new();
    for TraceDraft { trace, .. } in drafts {
        let tags = trace.tags.iter().map(|(name, value)| (&trace.id, LabelKind::Tag, name.as_str(), value.as_str()));
        let metadata = trace.metadata.iter();
        labels.extend(tags);
        labels.extend(metadata.map(|(name, value)| (&trace.id, LabelKind::Metadata, name.as_str(), value.as_str())));
    }
    traces::put_labels(tx, &mut labels)?;
    let runs: Vec<RunId> = drafts.iter().filter_map(|draft| draft.run.clone()).collect();
    if runs.is_empty() {
        return Ok(());
    }
    let found: HashMap<RunId, NodeId> = runs::find_all_ids(tx, &runs)?.into_iter().collect();
    let run_of = |draft: &TraceDraft| draft.run.as_ref().and_then(|run| found.get(run).copied());
    let mut links: Vec<(&TraceId, NodeId)> =
        drafts.iter().filter_map(|draft| Some((&draft.trace.id, run_of(draft)?))).collect();
    traces::link(tx, &mut links)
}

fn missing(id: &TraceId) -> Error {
    Error::not_found(format!("trace `{id}`"))
}

/// Demands that the caller may write to the trace, whose experiment is returned.
pub(super) fn demand_to_write(tx: &mut WriteTransaction<'_, '_>, id: &TraceId) -> Result<Node> {
    let experiment = traces::experiment_of(tx, id)?.ok_or_else(|| missing(id))?;
    let experiment = get(tx, LogicalType::Experiment, experiment)?;
    tx.demand(Permission::Write, experiment.place)?;
    Ok(experiment)
}

/// Demands that the trace is visible.
pub(super) fn demand_to_see(tx: &mut ReadTransaction<'_, '_>, id: &TraceId) -> Result<()> {
    traces::experiment_of(tx, id)?.map(drop).ok_or_else(|| missing(id))
}

fn one(tx: &mut ReadTransaction<'_, '_>, id: &TraceId, with_spans: bool) -> Result<FoundTrace> {
    with_contents(tx, std::slice::from_ref(id), with_spans)?.pop().ok_or_else(|| missing(id))
}

/// The traces, with a fixed number of statements.
fn with_contents(tx: &mut ReadTransaction<'_, '_>, ids: &[TraceId], with_spans: bool) -> Result<Vec<FoundTrace>> {
    let found = traces::find_all(tx, ids)?;
    let mut homes: Vec<NodeId> = found.iter().map(|trace| trace.experiment).collect();
    homes.sort_unstable();
    homes.dedup();
    let experiments: HashMap<NodeId, Arc<Node>> =
        nodes::find_all(tx, &homes)?.into_iter().map(|node| (node.id, Arc::new(node))).collect();
    let mut spans = match with_spans {
        true => spans::of_traces(tx, &found.iter().map(|trace| trace.id.clone()).collect::<Vec<_>>())?,
        false => HashMap::new(),
    };
    let whole = |trace: Trace| {
        let experiment = Arc::clone(experiments.get(&trace.experiment)?);
        Some(FoundTrace { spans: spans.remove(&trace.id).unwrap_or_default(), experiment, trace })
    };
    Ok(found.into_iter().filter_map(whole).collect())
}

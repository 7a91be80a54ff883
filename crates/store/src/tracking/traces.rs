//! Traces: by their ids, with their labels; made as their clients say them or as they follow from spans; removed.

use std::collections::HashMap;

use diesel::prelude::*;

use super::{assessments, spans};
use crate::Tx;
use crate::bulk::{Column, Insert};
use crate::connection::{MultiBackend, among};
use crate::error::{DatabaseResult as _, database_error, is_missing_reference};
use crate::filter::narrow;
use crate::nodes::MAX_IDS;
use crate::schema::{nodes, trace_labels, traces};
use modelport_domain::trace::{Chosen, Trace, TraceDraft, TraceId, TraceState};
use modelport_domain::{Error, NodeId, Result};

/// What a client says replaces what is there. Nothing is changed in another experiment.
const REPLACE: &str = "ON CONFLICT (trace_id) DO UPDATE SET name = coalesce(excluded.name, traces.name), at = excluded.at, \
     duration = excluded.duration, state = excluded.state, client_request_id = excluded.client_request_id, \
     request = coalesce(excluded.request, traces.request), response = coalesce(excluded.response, traces.response), \
     complete = TRUE WHERE traces.experiment_id = excluded.experiment_id";

/// What follows from spans completes what followed from others.
const COMPLETE: &str = "ON CONFLICT (trace_id) DO UPDATE SET name = coalesce(traces.name, excluded.name), \
     at = CASE WHEN excluded.at < traces.at THEN excluded.at ELSE traces.at END, \
     duration = CASE WHEN traces.duration IS NULL THEN excluded.at + excluded.duration \
     WHEN excluded.at + excluded.duration > traces.at + traces.duration THEN excluded.at + excluded.duration \
     ELSE traces.at + traces.duration END - CASE WHEN excluded.at < traces.at THEN excluded.at ELSE traces.at END, \
     state = CASE WHEN excluded.state = 'IN_PROGRESS' THEN traces.state ELSE excluded.state END, \
     request = coalesce(traces.request, excluded.request), response = coalesce(traces.response, excluded.response) \
     WHERE traces.experiment_id = excluded.experiment_id AND NOT traces.complete";

/// Whether what is stored was said by a client, or follows from spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It was said.
    ByClient,
    /// It follows from spans, and changes nothing that was said.
    BySpans,
}

/// Stores traces of an experiment with their tags and metadata, each of which replaces the one of its name, and the runs that they
/// belong to, as far as these are there. Traces of other experiments stay as they are: see [`check_experiment`].
///
/// Errors: NotFound when the experiment is gone.
pub fn put(tx: &mut Tx<'_>, experiment: NodeId, told: Told, drafts: &[TraceDraft]) -> Result<()> {
    for chunk in drafts.chunks(MAX_IDS) {
        let mut sorted: Vec<&Trace> = chunk.iter().map(|draft| &draft.trace).collect();
        // Two transactions wait for each other in this order.
        sorted.sort_by(|one, other| one.id.cmp(&other.id));
        let texts = |of: fn(&Trace) -> Option<&str>| Column::MaybeText(sorted.iter().map(|each| of(each)).collect());
        let columns = vec![
            ("trace_id", Column::Text(sorted.iter().map(|each| each.id.as_str()).collect())),
            ("experiment_id", Column::Int(vec![experiment.0; sorted.len()])),
            ("name", texts(|each| each.name.as_deref())),
            ("at", Column::Int(sorted.iter().map(|each| each.at).collect())),
            ("duration", Column::MaybeInt(sorted.iter().map(|each| each.duration).collect())),
            ("state", Column::Text(sorted.iter().map(|each| each.state.name()).collect())),
            ("client_request_id", texts(|each| each.client_request_id.as_deref())),
            ("request", texts(|each| each.request.as_deref())),
            ("response", texts(|each| each.response.as_deref())),
            ("complete", Column::Bool(vec![told == Told::ByClient; sorted.len()])),
        ];
        let end = if told == Told::ByClient { REPLACE } else { COMPLETE };
        let stored = Insert { table: "traces", columns, end }.run(tx.conn);
        stored.map_err(|error| missing_reference(error, "the experiment of a trace"))?;
    }
    Ok(())
}

/// Checks that all of these traces are of the experiment, whoever sees them.
///
/// Errors: AlreadyExists when one of them is not.
pub fn check_experiment(tx: &mut Tx<'_>, experiment: NodeId, ids: &[&TraceId]) -> Result<()> {
    for chunk in ids.chunks(MAX_IDS) {
        let texts: Vec<&str> = chunk.iter().map(|id| id.as_str()).collect();
        let query = traces::table.filter(traces::trace_id.eq_any(texts));
        let foreign = query.filter(traces::experiment_id.ne(experiment.0)).select(traces::trace_id);
        if let Some(foreign) = foreign.first::<String>(tx.conn).optional().db()? {
            let message = format!("trace `{foreign}` already exists, and not in experiment `{experiment}`");
            return Err(Error::already_exists(message).on_field("trace_id"));
        }
    }
    Ok(())
}

/// What kind of label something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LabelKind {
    /// A tag.
    Tag,
    /// A piece of metadata.
    Metadata,
}

impl LabelKind {
    fn name(self) -> &'static str {
        match self {
            Self::Tag => "tag",
            Self::Metadata => "metadata",
        }
    }
}

/// Gives traces labels: the kind, the name and the value of each. One replaces that of the same kind and name.
///
/// Errors: NotFound when a trace is gone.
pub fn put_labels(tx: &mut Tx<'_>, labels: &mut [(&TraceId, LabelKind, &str, &str)]) -> Result<()> {
    labels.sort_by_key(|(trace, kind, name, _)| (*trace, kind.name(), *name));
    for chunk in labels.chunks(MAX_IDS) {
        let columns = vec![
            ("trace_id", Column::Text(chunk.iter().map(|label| label.0.as_str()).collect())),
            ("kind", Column::Text(chunk.iter().map(|label| label.1.name()).collect())),
            ("name", Column::Text(chunk.iter().map(|label| label.2).collect())),
            ("value", Column::Text(chunk.iter().map(|label| label.3).collect())),
        ];
        let end = "ON CONFLICT (trace_id, kind, name) DO UPDATE SET value = excluded.value";
        let stored = Insert { table: "trace_labels", columns, end }.run(tx.conn);
        stored.map_err(|error| missing_reference(error, "a trace"))?;
    }
    Ok(())
}

/// Removes a tag; `false` when there was none.
pub fn delete_tag(tx: &mut Tx<'_>, trace: &TraceId, name: &str) -> Result<bool> {
    let of_trace = trace_labels::trace_id.eq(trace.as_str()).and(trace_labels::kind.eq(LabelKind::Tag.name()));
    let query = diesel::delete(trace_labels::table.filter(of_trace.and(trace_labels::name.eq(name))));
    Ok(query.execute(tx.conn).db()? > 0)
}

/// Gives a trace another name, or none.
pub fn rename(tx: &mut Tx<'_>, trace: &TraceId, name: Option<&str>) -> Result<()> {
    let query = diesel::update(traces::table.filter(traces::trace_id.eq(trace.as_str())));
    query.set(traces::name.eq(name)).execute(tx.conn).db()?;
    Ok(())
}

/// Says which traces belong to which runs. What belongs to one already does so on.
///
/// Errors: NotFound when a trace or a run is gone.
pub fn link(tx: &mut Tx<'_>, links: &mut [(&TraceId, NodeId)]) -> Result<()> {
    links.sort_unstable();
    for chunk in links.chunks(MAX_IDS) {
        let columns = vec![
            ("trace_id", Column::Text(chunk.iter().map(|(trace, _)| trace.as_str()).collect())),
            ("run_id", Column::Int(chunk.iter().map(|(_, run)| run.0).collect())),
        ];
        let stored = Insert { table: "trace_runs", columns, end: "ON CONFLICT DO NOTHING" }.run(tx.conn);
        stored.map_err(|error| missing_reference(error, "a trace or a run"))?;
    }
    Ok(())
}

/// The experiment of the trace, where it is visible.
pub fn experiment_of(tx: &mut Tx<'_>, trace: &TraceId) -> Result<Option<NodeId>> {
    Ok(experiments_of(tx, std::slice::from_ref(trace))?.remove(trace))
}

/// The experiments of those of these traces that are visible.
pub fn experiments_of(tx: &mut Tx<'_>, ids: &[TraceId]) -> Result<HashMap<TraceId, NodeId>> {
    let mut found = HashMap::new();
    for chunk in ids.chunks(MAX_IDS) {
        let texts: Vec<&str> = chunk.iter().map(TraceId::as_str).collect();
        let mut query = traces::table
            .inner_join(nodes::table.on(nodes::id.eq(traces::experiment_id)))
            .filter(traces::trace_id.eq_any(texts))
            .select((traces::trace_id, traces::experiment_id))
            .into_boxed::<MultiBackend>();
        narrow!(query, tx.visible("nodes"));
        for (id, experiment) in query.load::<(String, i64)>(tx.conn).db()? {
            found.insert(id.parse()?, NodeId(experiment));
        }
    }
    Ok(found)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = traces)]
struct TraceRow {
    trace_id: String,
    experiment_id: i64,
    name: Option<String>,
    at: i64,
    duration: Option<i64>,
    state: String,
    client_request_id: Option<String>,
    request: Option<String>,
    response: Option<String>,
}

/// Those of the traces with these ids that are visible, in the order of the ids, with all that they have but for the spans.
pub fn find_all(tx: &mut Tx<'_>, ids: &[TraceId]) -> Result<Vec<Trace>> {
    let mut found = HashMap::new();
    for chunk in ids.chunks(MAX_IDS) {
        let texts: Vec<&str> = chunk.iter().map(TraceId::as_str).collect();
        let mut query = traces::table
            .inner_join(nodes::table.on(nodes::id.eq(traces::experiment_id)))
            .filter(traces::trace_id.eq_any(texts))
            .select(TraceRow::as_select())
            .into_boxed::<MultiBackend>();
        narrow!(query, tx.visible("nodes"));
        for row in query.load::<TraceRow>(tx.conn).db()? {
            let trace = trace(tx, row)?;
            found.insert(trace.id.clone(), trace);
        }
    }
    let visible: Vec<TraceId> = ids.iter().filter(|id| found.contains_key(*id)).cloned().collect();
    for chunk in visible.chunks(MAX_IDS) {
        let texts: Vec<&str> = chunk.iter().map(TraceId::as_str).collect();
        let rows: Vec<(String, String, String, String)> =
            among!(trace_labels::table, trace_labels::trace_id, texts.as_slice(), query => query.load(tx.conn).db()?);
        for (id, kind, name, value) in rows {
            tx.loaded.add(name.len() + value.len())?;
            let Some(trace) = found.get_mut(&id.parse::<TraceId>()?) else { continue };
            let labels = if kind == LabelKind::Tag.name() { &mut trace.tags } else { &mut trace.metadata };
            labels.insert(name, value);
        }
        for assessment in assessments::of_traces(tx, chunk)? {
            if let Some(trace) = found.get_mut(&assessment.trace) {
                trace.assessments.push(assessment);
            }
        }
        for id in spans::traces_with_any(tx, chunk)? {
            if let Some(trace) = found.get_mut(&id) {
                trace.has_spans = true;
            }
        }
    }
    Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
}

fn trace(tx: &mut Tx<'_>, row: TraceRow) -> Result<Trace> {
    let long = [&row.request, &row.response];
    tx.loaded.add(long.into_iter().flatten().map(String::len).sum())?;
    Ok(Trace {
        id: row.trace_id.parse()?,
        experiment: NodeId(row.experiment_id),
        name: row.name,
        at: row.at,
        duration: row.duration,
        state: TraceState::named(&row.state).unwrap_or_default(),
        client_request_id: row.client_request_id,
        request: row.request,
        response: row.response,
        tags: Default::default(),
        metadata: Default::default(),
        assessments: Vec::new(),
        has_spans: false,
    })
}

/// The ids of the traces of an experiment that were chosen, the oldest first.
pub fn chosen(tx: &mut Tx<'_>, experiment: NodeId, chosen: &Chosen, limit: i64) -> Result<Vec<TraceId>> {
    let mut query = traces::table
        .filter(traces::experiment_id.eq(experiment.0))
        .order((traces::at, traces::trace_id))
        .limit(limit)
        .select(traces::trace_id)
        .into_boxed::<MultiBackend>();
    if let Some(until) = chosen.until {
        query = query.filter(traces::at.le(until));
    }
    if !chosen.ids.is_empty() {
        let texts: Vec<String> = chosen.ids.iter().map(|id| id.as_str().to_owned()).collect();
        query = query.filter(traces::trace_id.eq_any(texts));
    }
    query.load::<String>(tx.conn).db()?.into_iter().map(|id| id.parse()).collect()
}

/// Removes traces with all that they have but for their files.
pub fn delete_all(tx: &mut Tx<'_>, ids: &[TraceId]) -> Result<usize> {
    let mut deleted = 0;
    for chunk in ids.chunks(MAX_IDS) {
        let texts: Vec<&str> = chunk.iter().map(TraceId::as_str).collect();
        deleted += diesel::delete(traces::table.filter(traces::trace_id.eq_any(texts))).execute(tx.conn).db()?;
    }
    Ok(deleted)
}

/// The error of a row that refers to what is not there.
pub(super) fn missing_reference(error: diesel::result::Error, what: &str) -> Error {
    if is_missing_reference(&error) { Error::not_found(what) } else { database_error(error) }
}

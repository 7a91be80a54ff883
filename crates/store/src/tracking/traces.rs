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
use modelport_domain::trace::{Chosen, Tokens, Trace, TraceDraft, TraceId, TraceKey, TraceState};
use modelport_domain::{Error, NodeId, Result};

/// What a client says replaces what is there.
const REPLACE: &str = "ON CONFLICT (id, experiment_id) DO UPDATE SET name = coalesce(excluded.name, traces.name), at = excluded.at, \
     duration = excluded.duration, state = excluded.state, client_request_id = excluded.client_request_id, \
     request = coalesce(excluded.request, traces.request), response = coalesce(excluded.response, traces.response), \
     complete = TRUE, input_tokens = coalesce(excluded.input_tokens, traces.input_tokens), \
     output_tokens = coalesce(excluded.output_tokens, traces.output_tokens), \
     total_tokens = coalesce(excluded.total_tokens, traces.total_tokens), \
     cache_read_tokens = coalesce(excluded.cache_read_tokens, traces.cache_read_tokens), \
     cache_creation_tokens = coalesce(excluded.cache_creation_tokens, traces.cache_creation_tokens)";

/// What follows from spans completes what followed from others.
const COMPLETE: &str = "ON CONFLICT (id, experiment_id) DO UPDATE SET name = coalesce(traces.name, excluded.name), \
     at = CASE WHEN excluded.at < traces.at THEN excluded.at ELSE traces.at END, \
     duration = CASE WHEN traces.duration IS NULL THEN excluded.at + excluded.duration \
     WHEN excluded.at + excluded.duration > traces.at + traces.duration THEN excluded.at + excluded.duration \
     ELSE traces.at + traces.duration END - CASE WHEN excluded.at < traces.at THEN excluded.at ELSE traces.at END, \
     state = CASE WHEN excluded.state = 'IN_PROGRESS' THEN traces.state ELSE excluded.state END, \
     request = coalesce(traces.request, excluded.request), response = coalesce(traces.response, excluded.response) \
     WHERE NOT traces.complete";

/// Whether what is stored was said by a client, or follows from spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// It was said.
    ByClient,
    /// It follows from spans, and changes nothing that was said.
    BySpans,
}

/// Stores traces of an experiment, and returns what they are known by: a new one by a new key, which nothing has. Traces of other experiments
/// stay as they are, whatever their ids.
///
/// Errors: NotFound when the experiment is gone.
pub fn put(
    tx: &mut Tx<'_>,
    experiment: NodeId,
    told: Told,
    drafts: &[TraceDraft],
    new_key: fn() -> TraceKey,
) -> Result<HashMap<TraceId, TraceKey>> {
    let mut keys = HashMap::new();
    for chunk in drafts.chunks(MAX_IDS) {
        let mut sorted: Vec<&Trace> = chunk.iter().map(|draft| &draft.trace).collect();
        // Two transactions wait for each other in this order.
        sorted.sort_by(|one, other| one.id.cmp(&other.id));
        let texts = |of: fn(&Trace) -> Option<&str>| Column::MaybeText(sorted.iter().map(|each| of(each)).collect());
        let new: Vec<TraceKey> = sorted.iter().map(|_| new_key()).collect();
        let tokens =
            |of: fn(&Tokens) -> Option<i64>| Column::MaybeInt(sorted.iter().map(|each| of(&each.tokens)).collect());
        let ids: Vec<&str> = sorted.iter().map(|each| each.id.as_str()).collect();
        let columns = vec![
            ("trace_id", Column::Text(new.iter().map(TraceKey::as_str).collect())),
            ("id", Column::Text(ids.clone())),
            ("experiment_id", Column::Int(vec![experiment.0; sorted.len()])),
            ("name", texts(|each| each.name.as_deref())),
            ("at", Column::Int(sorted.iter().map(|each| each.at).collect())),
            ("duration", Column::MaybeInt(sorted.iter().map(|each| each.duration).collect())),
            ("state", Column::Text(sorted.iter().map(|each| each.state.name()).collect())),
            ("client_request_id", texts(|each| each.client_request_id.as_deref())),
            ("request", texts(|each| each.request.as_deref())),
            ("response", texts(|each| each.response.as_deref())),
            ("complete", Column::Bool(vec![told == Told::ByClient; sorted.len()])),
            ("input_tokens", tokens(|tokens| tokens.input)),
            ("output_tokens", tokens(|tokens| tokens.output)),
            ("total_tokens", tokens(|tokens| tokens.total)),
            ("cache_read_tokens", tokens(|tokens| tokens.cache_read)),
            ("cache_creation_tokens", tokens(|tokens| tokens.cache_creation)),
        ];
        let end = if told == Told::ByClient { REPLACE } else { COMPLETE };
        let stored = Insert { table: "traces", columns, end }.run(tx.conn);
        stored.map_err(|error| missing_reference(error, "the experiment of a trace"))?;
        let query = traces::table.filter(traces::id.eq_any(ids).and(traces::experiment_id.eq(experiment.0)));
        for (id, key) in query.select((traces::id, traces::trace_id)).load::<(String, String)>(tx.conn).db()? {
            keys.insert(id.parse()?, TraceKey(key));
        }
    }
    Ok(keys)
}

/// Checks that none of these traces is to be seen in another experiment: a request by an id alone would not know which is meant.
///
/// Errors: AlreadyExists when one of them is.
pub fn check_experiment(tx: &mut Tx<'_>, experiment: NodeId, ids: &[&TraceId]) -> Result<()> {
    for chunk in ids.chunks(MAX_IDS) {
        let texts: Vec<&str> = chunk.iter().map(|id| id.as_str()).collect();
        let mut foreign = traces::table
            .inner_join(nodes::table.on(nodes::id.eq(traces::experiment_id)))
            .filter(traces::id.eq_any(texts).and(traces::experiment_id.ne(experiment.0)))
            .select(traces::id)
            .into_boxed::<MultiBackend>();
        narrow!(foreign, tx.visible("nodes"));
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
pub fn put_labels(tx: &mut Tx<'_>, labels: &mut [(&TraceKey, LabelKind, &str, &str)]) -> Result<()> {
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
pub fn delete_tag(tx: &mut Tx<'_>, trace: &TraceKey, name: &str) -> Result<bool> {
    let of_trace = trace_labels::trace_id.eq(trace.as_str()).and(trace_labels::kind.eq(LabelKind::Tag.name()));
    let query = diesel::delete(trace_labels::table.filter(of_trace.and(trace_labels::name.eq(name))));
    Ok(query.execute(tx.conn).db()? > 0)
}

/// Gives a trace another name, or none.
pub fn rename(tx: &mut Tx<'_>, trace: &TraceKey, name: Option<&str>) -> Result<()> {
    let query = diesel::update(traces::table.filter(traces::trace_id.eq(trace.as_str())));
    query.set(traces::name.eq(name)).execute(tx.conn).db()?;
    Ok(())
}

/// Says which traces belong to which runs. What belongs to one already does so on.
///
/// Errors: NotFound when a trace or a run is gone.
pub fn link(tx: &mut Tx<'_>, links: &mut [(&TraceKey, NodeId)]) -> Result<()> {
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

/// Says which versions of prompts a trace used, as `name/version`. Those that are said already stay so.
///
/// Errors: NotFound when the trace is gone.
pub fn link_prompts(tx: &mut Tx<'_>, trace: &TraceKey, prompts: &[String]) -> Result<()> {
    for chunk in prompts.chunks(MAX_IDS) {
        let columns = vec![
            ("trace_id", Column::Text(vec![trace.as_str(); chunk.len()])),
            ("prompt", Column::Text(chunk.iter().map(String::as_str).collect())),
        ];
        let stored = Insert { table: "trace_prompts", columns, end: "ON CONFLICT DO NOTHING" }.run(tx.conn);
        stored.map_err(|error| missing_reference(error, "a trace"))?;
    }
    Ok(())
}

/// What a trace is known by, and its experiment.
pub type Known = (TraceKey, NodeId);

/// What the trace is known by, and its experiment, where that is visible.
pub fn known(tx: &mut Tx<'_>, trace: &TraceId) -> Result<Option<Known>> {
    Ok(all_known(tx, std::slice::from_ref(trace), None)?.remove(trace))
}

/// What those of these traces are known by that are visible, and their experiments, which are among the given ones. Of several with an id
/// that of the experiment that was made first.
pub fn all_known(tx: &mut Tx<'_>, ids: &[TraceId], within: Option<&[NodeId]>) -> Result<HashMap<TraceId, Known>> {
    let mut found: HashMap<TraceId, Known> = HashMap::new();
    for chunk in ids.chunks(MAX_IDS) {
        let texts: Vec<&str> = chunk.iter().map(TraceId::as_str).collect();
        let mut query = traces::table
            .inner_join(nodes::table.on(nodes::id.eq(traces::experiment_id)))
            .filter(traces::id.eq_any(texts))
            .order((traces::experiment_id, traces::trace_id))
            .select((traces::id, traces::trace_id, traces::experiment_id))
            .into_boxed::<MultiBackend>();
        narrow!(query, tx.visible("nodes"));
        for (id, key, experiment) in query.load::<(String, String, i64)>(tx.conn).db()? {
            let experiment = NodeId(experiment);
            if within.is_none_or(|within| within.contains(&experiment)) {
                found.entry(id.parse()?).or_insert((TraceKey(key), experiment));
            }
        }
    }
    Ok(found)
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = traces)]
struct TraceRow {
    trace_id: String,
    id: String,
    experiment_id: i64,
    name: Option<String>,
    at: i64,
    duration: Option<i64>,
    state: String,
    client_request_id: Option<String>,
    request: Option<String>,
    response: Option<String>,
}

/// Those of the traces with these keys that are visible, in the order of the keys, with all that they have but for the spans.
pub fn find_all(tx: &mut Tx<'_>, keys: &[TraceKey]) -> Result<Vec<Trace>> {
    let mut found: HashMap<TraceKey, Trace> = HashMap::new();
    for chunk in keys.chunks(MAX_IDS) {
        let texts: Vec<&str> = chunk.iter().map(TraceKey::as_str).collect();
        let mut query = traces::table
            .inner_join(nodes::table.on(nodes::id.eq(traces::experiment_id)))
            .filter(traces::trace_id.eq_any(texts))
            .select(TraceRow::as_select())
            .into_boxed::<MultiBackend>();
        narrow!(query, tx.visible("nodes"));
        for row in query.load::<TraceRow>(tx.conn).db()? {
            let trace = trace(tx, row)?;
            found.insert(trace.key.clone(), trace);
        }
    }
    let visible: Vec<TraceKey> = keys.iter().filter(|key| found.contains_key(*key)).cloned().collect();
    for chunk in visible.chunks(MAX_IDS) {
        let texts: Vec<&str> = chunk.iter().map(TraceKey::as_str).collect();
        let rows: Vec<(String, String, String, String)> =
            among!(trace_labels::table, trace_labels::trace_id, texts.as_slice(), query => query.load(tx.conn).db()?);
        for (key, kind, name, value) in rows {
            tx.loaded.add(name.len() + value.len())?;
            let Some(trace) = found.get_mut(&TraceKey(key)) else { continue };
            let labels = if kind == LabelKind::Tag.name() { &mut trace.tags } else { &mut trace.metadata };
            labels.insert(name, value);
        }
        let ids = chunk.iter().filter_map(|key| Some((key.clone(), found.get(key)?.id.clone()))).collect();
        for (key, assessments) in assessments::of_traces(tx, &ids)? {
            if let Some(trace) = found.get_mut(&key) {
                trace.assessments = assessments;
            }
        }
        for id in spans::traces_with_any(tx, chunk)? {
            if let Some(trace) = found.get_mut(&id) {
                trace.has_spans = true;
            }
        }
    }
    Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
}

fn trace(tx: &mut Tx<'_>, row: TraceRow) -> Result<Trace> {
    let long = [&row.request, &row.response];
    tx.loaded.add(long.into_iter().flatten().map(String::len).sum())?;
    Ok(Trace {
        id: row.id.parse()?,
        key: TraceKey(row.trace_id),
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
        tokens: Tokens::default(),
        assessments: Vec::new(),
        has_spans: false,
    })
}

/// The traces of an experiment that were chosen, the oldest first.
pub fn chosen(tx: &mut Tx<'_>, experiment: NodeId, chosen: &Chosen, limit: i64) -> Result<Vec<(TraceKey, TraceId)>> {
    let mut query = traces::table
        .filter(traces::experiment_id.eq(experiment.0))
        .order((traces::at, traces::trace_id))
        .limit(limit)
        .select((traces::trace_id, traces::id))
        .into_boxed::<MultiBackend>();
    if let Some(until) = chosen.until {
        query = query.filter(traces::at.le(until));
    }
    if !chosen.ids.is_empty() {
        let texts: Vec<String> = chosen.ids.iter().map(|id| id.as_str().to_owned()).collect();
        query = query.filter(traces::id.eq_any(texts));
    }
    let rows = query.load::<(String, String)>(tx.conn).db()?;
    rows.into_iter().map(|(key, id)| Ok((TraceKey(key), id.parse()?))).collect()
}

/// Removes traces with all that they have but for their files.
pub fn delete_all(tx: &mut Tx<'_>, keys: &[TraceKey]) -> Result<usize> {
    let mut deleted = 0;
    for chunk in keys.chunks(MAX_IDS) {
        let texts: Vec<&str> = chunk.iter().map(TraceKey::as_str).collect();
        deleted += diesel::delete(traces::table.filter(traces::trace_id.eq_any(texts))).execute(tx.conn).db()?;
    }
    Ok(deleted)
}

/// The error of a row that refers to what is not there.
pub(super) fn missing_reference(error: diesel::result::Error, what: &str) -> Error {
    if is_missing_reference(&error) { Error::not_found(what) } else { database_error(error) }
}

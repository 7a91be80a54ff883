//! The spans of traces, as their clients sent them.

use std::collections::HashMap;

use diesel::prelude::*;

use super::traces::missing_reference;
use crate::Tx;
use crate::bulk::{Column, Insert};
use crate::connection::among;
use crate::error::DatabaseResult as _;
use crate::nodes::MAX_IDS;
use crate::schema::{span_attributes, spans};
use modelport_domain::trace::{ModelCall, Span, Trace, TraceId, TraceKey};
use modelport_domain::{Error, Result};

const REPLACE: &str = "ON CONFLICT (trace_id, span_id) DO UPDATE SET root = excluded.root, name = excluded.name, \
     kind = excluded.kind, status = excluded.status, start_at = excluded.start_at, document = excluded.document, \
     end_at = excluded.end_at, model = excluded.model, provider = excluded.provider, input_cost = excluded.input_cost, \
     output_cost = excluded.output_cost, total_cost = excluded.total_cost";

/// Stores spans of traces that are there, by their keys, with what is known of them. One replaces that with its id. No two of them have
/// the trace and the id in common.
///
/// Errors: NotFound when a trace is gone.
pub fn put(tx: &mut Tx<'_>, keys: &HashMap<TraceId, TraceKey>, all: &[Span]) -> Result<()> {
    let mut sorted: Vec<(&TraceKey, &Span)> =
        all.iter().filter_map(|span| Some((keys.get(&span.trace)?, span))).collect();
    sorted.sort_by(|one, other| (one.0, &one.1.id).cmp(&(other.0, &other.1.id)));
    for chunk in sorted.chunks(MAX_IDS) {
        let documents: Vec<String> = chunk.iter().map(|(_, span)| span.document.to_string()).collect();
        let traces = || Column::Text(chunk.iter().map(|(key, _)| key.as_str()).collect());
        let texts = |of: fn(&Span) -> &str| Column::Text(chunk.iter().map(|(_, span)| of(span)).collect());
        let called = |of: fn(&ModelCall) -> Option<&str>| {
            Column::MaybeText(chunk.iter().map(|(_, span)| of(&span.call)).collect())
        };
        let costs = |of: fn(&ModelCall) -> Option<f64>| {
            Column::MaybeDouble(chunk.iter().map(|(_, span)| of(&span.call)).collect())
        };
        let columns = vec![
            ("trace_id", traces()),
            ("span_id", texts(|span| &span.id)),
            ("root", Column::Bool(chunk.iter().map(|(_, span)| span.is_root).collect())),
            ("name", texts(|span| &span.name)),
            ("kind", texts(|span| &span.kind)),
            ("status", texts(|span| &span.status)),
            ("start_at", Column::Int(chunk.iter().map(|(_, span)| span.start).collect())),
            ("document", Column::Text(documents.iter().map(String::as_str).collect())),
            ("end_at", Column::MaybeInt(chunk.iter().map(|(_, span)| span.end).collect())),
            ("model", called(|call| call.model.as_deref())),
            ("provider", called(|call| call.provider.as_deref())),
            ("input_cost", costs(|call| call.input_cost)),
            ("output_cost", costs(|call| call.output_cost)),
            ("total_cost", costs(|call| call.total_cost)),
        ];
        let stored = Insert { table: "spans", columns, end: REPLACE }.run(tx.conn);
        stored.map_err(|error| missing_reference(error, "a trace"))?;
    }
    put_attributes(tx, &sorted)
}

/// Stores what is known of these spans, and nothing else of them.
fn put_attributes(tx: &mut Tx<'_>, sorted: &[(&TraceKey, &Span)]) -> Result<()> {
    for chunk in sorted.chunks(MAX_IDS) {
        let traces: Vec<&str> = chunk.iter().map(|(key, _)| key.as_str()).collect();
        let spans: Vec<String> = chunk.iter().map(|(key, span)| format!("{} {}", key.as_str(), span.id)).collect();
        let these = span_attributes::trace_id.concat(" ").concat(span_attributes::span_id).eq_any(spans);
        let query = span_attributes::table.filter(span_attributes::trace_id.eq_any(traces).and(these));
        diesel::delete(query).execute(tx.conn).db()?;
    }
    let mut rows: Vec<(&str, &str, &str, &str)> = Vec::new();
    for (key, span) in sorted {
        let of_span = span.attributes.iter();
        rows.extend(of_span.map(|(name, value)| (key.as_str(), span.id.as_str(), name.as_str(), value.as_str())));
    }
    for chunk in rows.chunks(MAX_IDS) {
        let columns = vec![
            ("trace_id", Column::Text(chunk.iter().map(|row| row.0).collect())),
            ("span_id", Column::Text(chunk.iter().map(|row| row.1).collect())),
            ("name", Column::Text(chunk.iter().map(|row| row.2).collect())),
            ("value", Column::Text(chunk.iter().map(|row| row.3).collect())),
        ];
        // Another request may have stored the same span meanwhile.
        let end = "ON CONFLICT (trace_id, span_id, name) DO UPDATE SET value = excluded.value";
        let stored = Insert { table: "span_attributes", columns, end }.run(tx.conn);
        stored.map_err(|error| missing_reference(error, "a span"))?;
    }
    Ok(())
}

/// The spans of each of these traces: those within no other one first, then by when they began.
pub fn of_traces(tx: &mut Tx<'_>, traces: &[Trace]) -> Result<HashMap<TraceKey, Vec<Span>>> {
    type Row = (String, String, bool, String, String, String, i64, String);
    let ids: HashMap<&str, &TraceId> = traces.iter().map(|trace| (trace.key.as_str(), &trace.id)).collect();
    let mut found: HashMap<TraceKey, Vec<Span>> = HashMap::new();
    for chunk in traces.chunks(MAX_IDS) {
        let texts: Vec<&str> = chunk.iter().map(|trace| trace.key.as_str()).collect();
        let query = spans::table
            .order((spans::trace_id, spans::root.desc(), spans::start_at.asc(), spans::span_id.asc()))
            .select((
                spans::trace_id,
                spans::span_id,
                spans::root,
                spans::name,
                spans::kind,
                spans::status,
                spans::start_at,
                spans::document,
            ));
        let rows: Vec<Row> = among!(query, spans::trace_id, texts.as_slice(), query => query.load(tx.conn).db()?);
        for (key, id, is_root, name, kind, status, start, document) in rows {
            tx.loaded.add(document.len())?;
            let Some(trace) = ids.get(key.as_str()).map(|id| (*id).clone()) else { continue };
            let document = serde_json::from_str(&document)
                .map_err(|error| Error::internal("a span is not JSON").caused_by(error))?;
            let (end, call, attributes) = Default::default();
            let span = Span { trace, id, is_root, name, kind, status, start, end, call, attributes, document };
            found.entry(TraceKey(key)).or_default().push(span);
        }
    }
    Ok(found)
}

/// Those of these traces that have spans.
pub fn traces_with_any(tx: &mut Tx<'_>, keys: &[TraceKey]) -> Result<Vec<TraceKey>> {
    let mut found = Vec::new();
    for chunk in keys.chunks(MAX_IDS) {
        let texts: Vec<&str> = chunk.iter().map(TraceKey::as_str).collect();
        let query = spans::table.filter(spans::trace_id.eq_any(texts)).select(spans::trace_id).distinct();
        for id in query.load::<String>(tx.conn).db()? {
            found.push(TraceKey(id));
        }
    }
    Ok(found)
}

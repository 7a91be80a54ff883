//! The spans of traces, as their clients sent them.

use std::collections::HashMap;

use diesel::prelude::*;

use super::traces::missing_reference;
use crate::Tx;
use crate::bulk::{Column, Insert};
use crate::connection::among;
use crate::error::DatabaseResult as _;
use crate::nodes::MAX_IDS;
use crate::schema::spans;
use modelport_domain::trace::{Span, TraceId};
use modelport_domain::{Error, Result};

const REPLACE: &str = "ON CONFLICT (trace_id, span_id) DO UPDATE SET root = excluded.root, name = excluded.name, \
     kind = excluded.kind, status = excluded.status, start_at = excluded.start_at, document = excluded.document";

/// Stores spans of traces that are there. One replaces that with its id. No two of them have the trace and the id in common.
///
/// Errors: NotFound when a trace is gone.
pub fn put(tx: &mut Tx<'_>, all: &[Span]) -> Result<()> {
    let mut sorted: Vec<&Span> = all.iter().collect();
    sorted.sort_by(|one, other| (&one.trace, &one.id).cmp(&(&other.trace, &other.id)));
    for chunk in sorted.chunks(MAX_IDS) {
        let documents: Vec<String> = chunk.iter().map(|span| span.document.to_string()).collect();
        let texts = |of: fn(&Span) -> &str| Column::Text(chunk.iter().map(|span| of(span)).collect());
        let columns = vec![
            ("trace_id", texts(|span| span.trace.as_str())),
            ("span_id", texts(|span| &span.id)),
            ("root", Column::Bool(chunk.iter().map(|span| span.is_root).collect())),
            ("name", texts(|span| &span.name)),
            ("kind", texts(|span| &span.kind)),
            ("status", texts(|span| &span.status)),
            ("start_at", Column::Int(chunk.iter().map(|span| span.start).collect())),
            ("document", Column::Text(documents.iter().map(String::as_str).collect())),
        ];
        let stored = Insert { table: "spans", columns, end: REPLACE }.run(tx.conn);
        stored.map_err(|error| missing_reference(error, "a trace"))?;
    }
    Ok(())
}

/// The spans of each of these traces: those within no other one first, then by when they began.
pub fn of_traces(tx: &mut Tx<'_>, ids: &[TraceId]) -> Result<HashMap<TraceId, Vec<Span>>> {
    type Row = (String, String, bool, String, String, String, i64, String);
    let mut found: HashMap<TraceId, Vec<Span>> = HashMap::new();
    for chunk in ids.chunks(MAX_IDS) {
        let texts: Vec<&str> = chunk.iter().map(TraceId::as_str).collect();
        let query =
            spans::table.order((spans::trace_id, spans::root.desc(), spans::start_at.asc(), spans::span_id.asc()));
        let rows: Vec<Row> = among!(query, spans::trace_id, texts.as_slice(), query => query.load(tx.conn).db()?);
        for (trace, id, is_root, name, kind, status, start, document) in rows {
            tx.loaded.add(document.len())?;
            let trace: TraceId = trace.parse()?;
            let document = serde_json::from_str(&document)
                .map_err(|error| Error::internal("a span is not JSON").caused_by(error))?;
            let span = Span { trace: trace.clone(), id, is_root, name, kind, status, start, document };
            found.entry(trace).or_default().push(span);
        }
    }
    Ok(found)
}

/// Those of these traces that have spans.
pub fn traces_with_any(tx: &mut Tx<'_>, ids: &[TraceId]) -> Result<Vec<TraceId>> {
    let mut found = Vec::new();
    for chunk in ids.chunks(MAX_IDS) {
        let texts: Vec<&str> = chunk.iter().map(TraceId::as_str).collect();
        let query = spans::table.filter(spans::trace_id.eq_any(texts)).select(spans::trace_id).distinct();
        for id in query.load::<String>(tx.conn).db()? {
            found.push(id.parse()?);
        }
    }
    Ok(found)
}

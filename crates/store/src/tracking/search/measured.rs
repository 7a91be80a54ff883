//! Figures over traces, their spans and their assessments, and how often two filters hold of the same traces: each is one statement, in
//! which the database groups and adds up, so that what is read does not grow with what there is.

use diesel::QueryResult;
use diesel::RunQueryDsl;
use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Double, HasSqlType, Nullable, Text};

use super::clauses;
use super::frame::Frame;
use crate::Tx;
use crate::filter::{Filter, query_error};
use modelport_domain::Result;
use modelport_domain::filter::Operand;
use modelport_domain::search::{Search, SpanFacet};
use modelport_domain::trace_metrics::{
    Aggregation, Dimension, MAX_AGGREGATIONS, MAX_DIMENSIONS, Measure, MetricFilter, MetricGroup, MetricView,
    MetricsQuery, Together,
};

/// The metadata that is the session of a trace.
const SESSION: &str = "mlflow.trace.session";

/// Nanoseconds in a millisecond.
const NANOS: i64 = 1_000_000;

/// The groups that a query asks for, in the order of their times and dimensions. What has no value is not counted, nor what lacks a
/// dimension. No more dimensions and aggregations are looked at than there may be.
///
/// Errors: InvalidArgument on `filter` when the database cannot evaluate it.
pub fn groups(tx: &mut Tx<'_>, query: &MetricsQuery) -> Result<Vec<MetricGroup>> {
    if query.search.experiments.is_empty() {
        return Ok(Vec::new());
    }
    let frame = Frame::of(tx, &query.search);
    let mut statement = Filter::default();
    let has_percentile = query.aggregations.iter().any(|each| matches!(each, Aggregation::Percentile(_)));
    let groups: Vec<String> = group_columns(query);
    let listed = groups.join(", ");
    statement.sql(&format!("SELECT {}", answered(query)));
    statement.sql(" FROM (SELECT r.*");
    if has_percentile {
        let partition = if groups.is_empty() { String::new() } else { format!("PARTITION BY {listed}") };
        statement.sql(&format!(
            ", row_number() OVER ({partition} ORDER BY v) - 1 AS place, count(*) OVER ({partition}) - 1 AS last"
        ));
    }
    statement.sql(" FROM (");
    add_rows(&mut statement, &frame, query)?;
    statement.sql(") AS r) AS g");
    if !groups.is_empty() {
        statement.sql(&format!(" GROUP BY {listed} ORDER BY {listed}"));
    }
    statement.sql(" LIMIT ");
    statement.operand(&Operand::Int(i64::from(query.limit)));
    tx.check_deadline()?;
    let statement = statement.prepared_if_repeated(tx);
    let rows: Vec<GroupRow> = Groups(statement).load(tx.conn).map_err(query_error)?;
    Ok(rows.into_iter().map(|row| group(query, row)).collect())
}

/// The time and the dimensions that are grouped by.
fn group_columns(query: &MetricsQuery) -> Vec<String> {
    let time = query.interval.map(|_| "t".to_owned());
    time.into_iter().chain((0..query.dimensions.len()).map(|at| format!("d{at}"))).collect()
}

/// What is answered of each group: its time, dimensions and figures, with NULL in the places of those that are not asked for.
fn answered(query: &MetricsQuery) -> String {
    let mut columns = vec![if query.interval.is_some() { "t".to_owned() } else { "CAST(NULL AS BIGINT)".to_owned() }];
    columns.extend((0..MAX_DIMENSIONS).map(|at| match query.dimensions.get(at) {
        Some(_) => format!("d{at}"),
        None => "CAST(NULL AS TEXT)".to_owned(),
    }));
    columns.extend((0..MAX_AGGREGATIONS).map(|at| {
        let figure = query.aggregations.get(at).map_or("NULL".to_owned(), |each| match each {
            Aggregation::Count => "count(v)".to_owned(),
            Aggregation::Sum => "sum(v)".to_owned(),
            Aggregation::Average => "avg(v)".to_owned(),
            Aggregation::Min => "min(v)".to_owned(),
            Aggregation::Max => "max(v)".to_owned(),
            // The values next to the place that is looked for, each by how near it is.
            Aggregation::Percentile(percent) => {
                let away = format!("abs({} * last - place)", percent / 100.0);
                format!("sum(CASE WHEN {away} < 1 THEN v * (1 - {away}) END)")
            }
        });
        format!("CAST({figure} AS DOUBLE PRECISION)")
    }));
    columns.join(", ")
}

/// What is measured: the value `v` of each, its time `t` and its dimensions.
fn add_rows(statement: &mut Filter, frame: &Frame, query: &MetricsQuery) -> Result<()> {
    let view = query.measure.view();
    let (value, present) = value(query.measure);
    let time = match view {
        MetricView::Traces | MetricView::Assessments => {
            query.interval.map(|interval| start_of("traces.at", interval * 1000))
        }
        MetricView::Spans => {
            query.interval.map(|interval| format!("({}) / {NANOS}", start_of("s.start_at", interval * 1000 * NANOS)))
        }
    };
    let time = time.map(|time| format!("{time} AS t, ")).unwrap_or_default();
    let dimensions: Vec<&str> = query.dimensions.iter().map(|each| dimension(*each)).collect();
    let listed: String = dimensions.iter().enumerate().map(|(at, each)| format!("{each} AS d{at}, ")).collect();
    let is_of_sessions = query.measure == Measure::Sessions;
    let distinct = if is_of_sessions { "DISTINCT l.value AS session, " } else { "" };
    statement.sql(&format!("SELECT {distinct}{time}{listed}CAST({value} AS DOUBLE PRECISION) AS v FROM "));
    statement.append(&frame.from);
    match view {
        MetricView::Traces if is_of_sessions => {
            statement
                .sql(" JOIN trace_labels AS l ON l.trace_id = traces.trace_id AND l.kind = 'metadata' AND l.name = ");
            statement.text(SESSION);
        }
        MetricView::Traces => {}
        MetricView::Spans => statement.sql(" JOIN spans AS s ON s.trace_id = traces.trace_id"),
        MetricView::Assessments => {
            statement.sql(" JOIN assessments AS a ON a.trace_id = traces.trace_id AND a.valid = TRUE");
        }
    }
    statement.sql(" WHERE ");
    statement.append(&frame.condition);
    clauses::add(statement, frame, &query.search)?;
    if let Some(present) = present {
        statement.sql(&format!(" AND {present} IS NOT NULL"));
    }
    for dimension in dimensions {
        statement.sql(&format!(" AND {dimension} IS NOT NULL"));
    }
    // What calls cost is of the time at which they were made; all else is of that of the trace.
    let is_cost = matches!(query.measure, Measure::InputCost | Measure::OutputCost | Measure::TotalCost);
    let (at, unit) = if is_cost { ("s.start_at", NANOS) } else { ("traces.at", 1) };
    if let Some(from) = query.from {
        statement.sql(&format!(" AND {at} >= "));
        statement.operand(&Operand::Int(from.saturating_mul(unit)));
    }
    if let Some(until) = query.until {
        statement.sql(&format!(" AND {at} <= "));
        statement.operand(&Operand::Int(until.saturating_mul(unit).saturating_add(unit - 1)));
    }
    for filter in &query.filters {
        add_filter(statement, filter);
    }
    Ok(())
}

fn add_filter(statement: &mut Filter, filter: &MetricFilter) {
    let (column, text) = match filter {
        // Those are among the clauses.
        MetricFilter::Trace(_) => return,
        MetricFilter::Span(SpanFacet::Name, text) => ("s.name", text.as_str()),
        MetricFilter::Span(SpanFacet::Kind, text) => ("s.kind", text.as_str()),
        MetricFilter::Span(SpanFacet::Status, text) => ("s.status", text.as_str()),
        MetricFilter::Span(SpanFacet::Content, text) => ("s.document", text.as_str()),
        MetricFilter::AssessmentName(text) => ("a.name", text.as_str()),
        MetricFilter::AssessmentKind(kind) => ("a.kind", kind.name()),
    };
    statement.sql(&format!(" AND {column} = "));
    statement.text(text);
}

/// The expression of what is measured, and what must be there for it.
fn value(measure: Measure) -> (&'static str, Option<&'static str>) {
    match measure {
        Measure::Traces | Measure::Sessions | Measure::Spans | Measure::Assessments => ("1", None),
        Measure::TraceLatency => ("traces.duration", Some("traces.duration")),
        Measure::InputTokens => ("traces.input_tokens", Some("traces.input_tokens")),
        Measure::OutputTokens => ("traces.output_tokens", Some("traces.output_tokens")),
        Measure::TotalTokens => ("traces.total_tokens", Some("traces.total_tokens")),
        Measure::CacheReadTokens => ("traces.cache_read_tokens", Some("traces.cache_read_tokens")),
        Measure::CacheCreationTokens => ("traces.cache_creation_tokens", Some("traces.cache_creation_tokens")),
        Measure::SpanLatency => ("(s.end_at - s.start_at) / 1000000", Some("s.end_at")),
        Measure::InputCost => ("s.input_cost", Some("s.input_cost")),
        Measure::OutputCost => ("s.output_cost", Some("s.output_cost")),
        Measure::TotalCost => ("s.total_cost", Some("s.total_cost")),
        Measure::AssessmentValue => ("a.measure", Some("a.measure")),
    }
}

fn dimension(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::TraceName => "traces.name",
        Dimension::TraceStatus => "traces.state",
        Dimension::SpanName => "s.name",
        Dimension::SpanType => "s.kind",
        Dimension::SpanStatus => "s.status",
        Dimension::SpanModel => "s.model",
        Dimension::SpanProvider => "s.provider",
        Dimension::AssessmentName => "a.name",
        Dimension::AssessmentValue => "a.value",
    }
}

/// The start of the interval that a time is in. Integers are divided towards zero, before 1970 too.
fn start_of(time: &str, interval: i64) -> String {
    format!("({time} - (({time} % {interval}) + {interval}) % {interval})")
}

fn group(query: &MetricsQuery, row: GroupRow) -> MetricGroup {
    let (time, d0, d1, d2, d3, d4, v0, v1, v2, v3, v4, v5, v6, v7, v8, v9) = row;
    let dimensions = [d0, d1, d2, d3, d4];
    let values = [v0, v1, v2, v3, v4, v5, v6, v7, v8, v9];
    MetricGroup {
        time,
        dimensions: dimensions.into_iter().take(query.dimensions.len()).map(Option::unwrap_or_default).collect(),
        values: values.into_iter().take(query.aggregations.len()).collect(),
    }
}

/// How often the clauses of two searches hold of the traces that a third one finds.
///
/// Errors: as those of [`groups`].
pub fn together(tx: &mut Tx<'_>, base: &Search, first: &Search, second: &Search) -> Result<Together> {
    if base.experiments.is_empty() {
        return Ok(Together { all: 0, first: 0, second: 0, both: 0 });
    }
    let frame = Frame::of(tx, base);
    let mut statement = Filter::default();
    let sums = ["one", "other", "one * other"].map(|sum| format!("CAST(coalesce(sum({sum}), 0) AS BIGINT)")).join(", ");
    statement.sql(&format!("SELECT count(*), {sums} FROM (SELECT CASE WHEN TRUE"));
    clauses::add(&mut statement, &frame, first)?;
    statement.sql(" THEN 1 ELSE 0 END AS one, CASE WHEN TRUE");
    clauses::add(&mut statement, &frame, second)?;
    statement.sql(" THEN 1 ELSE 0 END AS other FROM ");
    statement.append(&frame.from);
    statement.sql(" WHERE ");
    statement.append(&frame.condition);
    clauses::add(&mut statement, &frame, base)?;
    statement.sql(") AS found");
    tx.check_deadline()?;
    let statement = statement.prepared_if_repeated(tx);
    let rows: Vec<(i64, i64, i64, i64)> = Counts(statement).load(tx.conn).map_err(query_error)?;
    let (all, first, second, both) = rows.first().copied().unwrap_or_default();
    Ok(Together { all, first, second, both })
}

type GroupRow = (
    Option<i64>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<String>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
    Option<f64>,
);

/// A statement that gives groups.
struct Groups(Filter);

/// A statement that gives four counts.
struct Counts(Filter);

super::statement!(
    Groups,
    (
        Nullable<BigInt>,
        Nullable<Text>,
        Nullable<Text>,
        Nullable<Text>,
        Nullable<Text>,
        Nullable<Text>,
        Nullable<Double>,
        Nullable<Double>,
        Nullable<Double>,
        Nullable<Double>,
        Nullable<Double>,
        Nullable<Double>,
        Nullable<Double>,
        Nullable<Double>,
        Nullable<Double>,
        Nullable<Double>,
    )
);
super::statement!(Counts, (BigInt, BigInt, BigInt, BigInt));

//! Metrics: the latest point of each, and every point there was; two statements whatever the batch.

mod of_run;
mod repeated;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::dsl::{InnerJoin, IntoBoxed, sql};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool};
use diesel::upsert::excluded;

use super::Tx;
use super::bulk::{Column, Insert};
use super::connection::{AnyConnection, MultiBackend, among, keyset};
use super::filter::{Filter, name_key, narrow};
use super::nodes::MAX_IDS;
use super::schema::{members, metric_points, metrics, nodes};
use crate::error::{DatabaseResult as _, database_error, is_missing_reference};
use modelport_domain::access::Place;
use modelport_domain::{
    Cursor, Error, HistorySelection, LogicalType, MetricPoint, Node, NodeId, Order, OrderBy, Properties, Result, Value,
};
use of_run::OfRun;

pub use repeated::repeated;

#[derive(Insertable)]
#[diesel(table_name = metric_points, treat_none_as_default_value = false)]
struct NewPoint {
    node_id: i64,
    step: i64,
    at: i64,
    value: Option<f64>,
    is_nan: bool,
}

#[derive(Insertable, Queryable, Selectable)]
#[diesel(table_name = metrics, treat_none_as_default_value = false)]
struct LatestRow {
    node_id: i64,
    home_id: Option<i64>,
    root_id: Option<i64>,
    name: String,
    value: Option<f64>,
    is_nan: bool,
    step: i64,
    at: i64,
}

impl LatestRow {
    /// What latest points are compared by.
    fn key(&self) -> (i64, i64, f64) {
        (self.step, self.at, self.value.unwrap_or(f64::NEG_INFINITY))
    }
}

/// A NaN is NULL and a flag, as SQLite has none.
fn stored(value: f64) -> (Option<f64>, bool) {
    if value.is_nan() { (None, true) } else { (Some(value), false) }
}

/// A value as [`stored`] stores it.
pub(crate) fn loaded(value: Option<f64>) -> f64 {
    value.unwrap_or(f64::NAN)
}

/// Which point of a metric becomes its latest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Latest {
    /// The last one that is appended.
    Given,
    /// The one with the greatest step, then time, then value, of those there are. A NaN is the smallest value.
    Greatest,
}

/// Appends points to metric nodes, and makes one of each node its latest.
///
/// Errors: NotFound when one of the nodes is gone.
pub fn append(tx: &mut Tx<'_>, points: &[(&Node, MetricPoint)], latest: Latest) -> Result<()> {
    for chunk in points.chunks(MAX_IDS) {
        let rows: Vec<NewPoint> = chunk
            .iter()
            .map(|(node, point)| {
                let (value, is_nan) = stored(point.value);
                NewPoint { node_id: node.id.0, step: point.step, at: point.at, value, is_nan }
            })
            .collect();
        let inserted = match tx.conn {
            AnyConnection::Postgres(conn) => bulk(&rows).execute(conn),
            AnyConnection::Sqlite(conn) => diesel::insert_into(metric_points::table).values(&rows).execute(conn),
        };
        inserted.map_err(|error| {
            if is_missing_reference(&error) { Error::not_found("metric") } else { database_error(error) }
        })?;
        let mut rows = latest_rows(chunk, latest);
        match tx.conn {
            AnyConnection::Postgres(conn) => bulk_latest(&rows, latest).execute(conn).db()?,
            AnyConnection::Sqlite(conn) => {
                if latest == Latest::Greatest {
                    // It has a single writer: what is read is still so when it is written.
                    let ids: Vec<i64> = rows.iter().map(|row| row.node_id).collect();
                    let there = metrics::table.filter(metrics::node_id.eq_any(ids)).select(LatestRow::as_select());
                    let there: Vec<LatestRow> = there.load(conn).db()?;
                    let there: HashMap<i64, LatestRow> = there.into_iter().map(|row| (row.node_id, row)).collect();
                    rows.retain(|row| there.get(&row.node_id).is_none_or(|before| before.key() < row.key()));
                }
                diesel::insert_into(metrics::table)
                    .values(&rows)
                    .on_conflict(metrics::node_id)
                    .do_update()
                    .set((
                        metrics::value.eq(excluded(metrics::value)),
                        metrics::is_nan.eq(excluded(metrics::is_nan)),
                        metrics::step.eq(excluded(metrics::step)),
                        metrics::at.eq(excluded(metrics::at)),
                    ))
                    .execute(conn)
                    .db()?
            }
        };
    }
    Ok(())
}

/// The row of each metric node among these.
fn latest_rows(points: &[(&Node, MetricPoint)], latest: Latest) -> Vec<LatestRow> {
    let mut rows: BTreeMap<i64, LatestRow> = BTreeMap::new();
    for (node, point) in points {
        let (value, is_nan) = stored(point.value);
        let row = LatestRow {
            node_id: node.id.0,
            home_id: node.home_id.map(|home| home.0),
            root_id: Some(node.place.root.0),
            name: node.display_name().unwrap_or_default().to_owned(),
            value,
            is_nan,
            step: point.step,
            at: point.at,
        };
        if latest == Latest::Given || rows.get(&node.id.0).is_none_or(|before| before.key() <= row.key()) {
            rows.insert(node.id.0, row);
        }
    }
    rows.into_values().collect()
}

fn bulk(rows: &[NewPoint]) -> Insert<'_> {
    let each = rows.iter();
    let columns = vec![
        ("node_id", Column::Int(each.clone().map(|row| row.node_id).collect())),
        ("step", Column::Int(each.clone().map(|row| row.step).collect())),
        ("at", Column::Int(each.clone().map(|row| row.at).collect())),
        ("value", Column::MaybeDouble(each.clone().map(|row| row.value).collect())),
        ("is_nan", Column::Bool(each.map(|row| row.is_nan).collect())),
    ];
    Insert { table: "metric_points", columns, end: "" }
}

fn bulk_latest(rows: &[LatestRow], latest: Latest) -> Insert<'_> {
    let each = rows.iter();
    let columns = vec![
        ("node_id", Column::Int(each.clone().map(|row| row.node_id).collect())),
        ("home_id", Column::MaybeInt(each.clone().map(|row| row.home_id).collect())),
        ("root_id", Column::MaybeInt(each.clone().map(|row| row.root_id).collect())),
        ("name", Column::Text(each.clone().map(|row| row.name.as_str()).collect())),
        ("value", Column::MaybeDouble(each.clone().map(|row| row.value).collect())),
        ("is_nan", Column::Bool(each.clone().map(|row| row.is_nan).collect())),
        ("step", Column::Int(each.clone().map(|row| row.step).collect())),
        ("at", Column::Int(each.map(|row| row.at).collect())),
    ];
    let end = match latest {
        Latest::Given => {
            "ON CONFLICT (node_id) DO UPDATE SET value = excluded.value, is_nan = excluded.is_nan, \
             step = excluded.step, at = excluded.at"
        }
        Latest::Greatest => {
            "ON CONFLICT (node_id) DO UPDATE SET value = excluded.value, is_nan = excluded.is_nan, \
             step = excluded.step, at = excluded.at \
             WHERE (excluded.step, excluded.at, coalesce(excluded.value, -1.7976931348623157e308)) \
             > (metrics.step, metrics.at, coalesce(metrics.value, -1.7976931348623157e308))"
        }
    };
    Insert { table: "metrics", columns, end }
}

/// Adds its latest point to each metric node, as the properties `value`, `step` and `timestamp`.
pub(super) fn load(tx: &mut Tx<'_>, loaded_nodes: &mut [Node]) -> Result<()> {
    let is_metric = |node: &Node| node.type_id == LogicalType::Metric.id();
    let ids: Vec<i64> = loaded_nodes.iter().filter(|node| is_metric(node)).map(|node| node.id.0).collect();
    let mut latest = HashMap::new();
    for chunk in ids.chunks(MAX_IDS) {
        let query = metrics::table.select(LatestRow::as_select());
        let rows: Vec<LatestRow> = among!(query, metrics::node_id, chunk, query => query.load(tx.conn).db()?);
        latest.extend(rows.into_iter().map(|row| (row.node_id, row)));
    }
    for node in loaded_nodes.iter_mut() {
        if let Some(row) = latest.get(&node.id.0) {
            let point = MetricPoint { value: loaded(row.value), step: row.step, at: row.at };
            node.properties.extend(point.properties());
        }
    }
    Ok(())
}

/// Points with the nodes of their metrics.
type Points<'a> = IntoBoxed<'a, InnerJoin<metric_points::table, nodes::table>, MultiBackend>;

/// The points of the selection, in no order.
fn matching<'a>(tx: &Tx<'_>, selection: &HistorySelection) -> Points<'a> {
    let mut query = metric_points::table.inner_join(nodes::table).into_boxed::<MultiBackend>();
    narrow!(query, if selection.run.is_some() { tx.visible("nodes") } else { tx.listed("nodes") });
    // Only metrics have points. A condition on the type, in a list of all points in the order of their ids, would make the
    // databases start from the metrics and sort their points for each batch, instead of scanning the points in order.
    let in_order = selection.order.by == OrderBy::Id && selection.name_contains.is_none() && selection.filter.is_none();
    if selection.run.is_some() || !in_order {
        query = query.filter(nodes::type_id.eq(LogicalType::Metric.id()));
    }
    query = match selection.run {
        // Its own metrics are its members, and so are those that were attached to it.
        Some(run) => {
            let members = members::table.filter(members::context_id.eq(run.0)).select(members::node_id);
            query.filter(nodes::id.eq_any(members))
        }
        None => {
            let of_a_run = "EXISTS (SELECT 1 FROM members AS m JOIN nodes AS run ON run.id = m.context_id \
                            WHERE m.node_id = nodes.id AND run.type_id = ";
            query.filter(sql::<Bool>(of_a_run).bind::<BigInt, _>(LogicalType::ExperimentRun.id()).sql(")"))
        }
    };
    if let Some(part) = &selection.name_contains {
        query = query.filter(name_key().like(containing(part)).escape('\\'));
    }
    if !selection.steps.is_empty() {
        query = query.filter(metric_points::step.eq_any(selection.steps.clone()));
    }
    if let Some(filter) = &selection.filter {
        query = query.filter(Filter::of_points(tx, filter));
    }
    query
}

fn containing(part: &str) -> String {
    format!("%{}%", part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}

/// How many points the selection has.
pub fn count(tx: &mut Tx<'_>, selection: &HistorySelection) -> Result<u64> {
    let count: i64 = matching(tx, selection).count().get_result(tx.conn).db()?;
    Ok(count.unsigned_abs())
}

/// The points after the cursor, in that order.
fn in_order<'a>(query: Points<'a>, Order { by, descending }: Order, after: Option<&'a Cursor>) -> Points<'a> {
    match by {
        OrderBy::Id => match (after, descending) {
            (None, false) => query.order(metric_points::id.asc()),
            (None, true) => query.order(metric_points::id.desc()),
            (Some(Cursor { id, .. }), false) => query.filter(metric_points::id.gt(id.0)).order(metric_points::id.asc()),
            (Some(Cursor { id, .. }), true) => query.filter(metric_points::id.lt(id.0)).order(metric_points::id.desc()),
        },
        // A point is made and changed at its own time.
        OrderBy::CreateTime | OrderBy::UpdateTime => {
            let time = after.map(|cursor| (&cursor.value, &cursor.id.0));
            keyset!(query, metric_points::at, metric_points::id, time, descending)
        }
        OrderBy::Name => {
            let name = after.map(|cursor| (cursor.name.as_str(), &cursor.id.0));
            keyset!(query, name_key(), metric_points::id, name, descending)
        }
    }
}

/// The first `limit` points of the selection after the cursor, each as the metric that it belongs to was with it.
///
/// The id is the point's; both times are the point's too.
pub fn history(tx: &mut Tx<'_>, selection: &HistorySelection, after: Option<&Cursor>, limit: u32) -> Result<Vec<Node>> {
    type Row = (i64, i64, Option<i64>, Option<String>, Option<f64>, i64, i64);
    let rows: Vec<Row> = match OfRun::page(tx, selection, after, limit) {
        Some(page) => page.load(tx.conn).db()?,
        None => in_order(matching(tx, selection), selection.order, after)
            .select((
                metric_points::id,
                nodes::id,
                nodes::home_id,
                nodes::name,
                metric_points::value,
                metric_points::step,
                metric_points::at,
            ))
            .limit(i64::from(limit))
            .load(tx.conn)
            .db()?,
    };
    let runs = match selection.run {
        Some(run) => rows.iter().map(|row| (row.1, run.0)).collect(),
        None => runs_of(tx, rows.iter().map(|row| row.1).collect())?,
    };
    let experiments = experiments_of(tx, runs.values().copied().collect())?;
    let point = |(id, metric, home, name, value, step, at): Row| {
        let mut properties = Properties::from(MetricPoint { value: loaded(value), step, at }.properties());
        let run = runs.get(&metric).copied();
        if let Some((run, experiment)) = run.and_then(|run| Some((run, experiments.get(&run)?))) {
            properties.insert("experiment_run_id".to_owned(), Value::Int(run));
            properties.insert("experiment_id".to_owned(), Value::Int(*experiment));
        }
        Node {
            id: NodeId(id),
            type_id: LogicalType::Metric.id(),
            home_id: home.map(NodeId),
            place: Place::default(),
            name,
            external_id: None,
            uri: None,
            state: None,
            created_at: at,
            updated_at: at,
            revision: 1,
            properties,
            custom: Properties::new(),
        }
    };
    Ok(rows.into_iter().map(point).collect())
}

/// The run of each of these metrics: of one that belongs to several, the newest.
fn runs_of(tx: &mut Tx<'_>, metrics: BTreeSet<i64>) -> Result<HashMap<i64, i64>> {
    let mut runs = HashMap::new();
    for chunk in metrics.into_iter().collect::<Vec<_>>().chunks(MAX_IDS) {
        let mut query = members::table
            .inner_join(nodes::table.on(nodes::id.eq(members::context_id)))
            .filter(members::node_id.eq_any(chunk.to_vec()).and(nodes::type_id.eq(LogicalType::ExperimentRun.id())))
            .order((members::node_id, nodes::id))
            .select((members::node_id, nodes::id))
            .into_boxed::<MultiBackend>();
        narrow!(query, tx.visible("nodes"));
        runs.extend(query.load::<(i64, i64)>(tx.conn).db()?);
    }
    Ok(runs)
}

/// The experiment of each of these that is a run.
fn experiments_of(tx: &mut Tx<'_>, runs: BTreeSet<i64>) -> Result<HashMap<i64, i64>> {
    let mut experiments = HashMap::new();
    for chunk in runs.into_iter().collect::<Vec<_>>().chunks(MAX_IDS) {
        let rows: Vec<(i64, Option<i64>)> = nodes::table
            .filter(nodes::id.eq_any(chunk.to_vec()).and(nodes::type_id.eq(LogicalType::ExperimentRun.id())))
            .select((nodes::id, nodes::home_id))
            .load(tx.conn)
            .db()?;
        experiments.extend(rows.into_iter().filter_map(|(run, experiment)| Some((run, experiment?))));
    }
    Ok(experiments)
}

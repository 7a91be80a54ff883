//! A page of a run's history. Each order has an index of the points of each metric, so that of each no more are read than the page
//! has; left to themselves, the databases sort all that the run has.

use std::collections::BTreeSet;

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Double, HasSqlType, Nullable, Text};
use diesel::{QueryResult, RunQueryDsl};

use super::containing;
use crate::Tx;
use crate::connection::AnyConnection;
use crate::filter::{Filter, name_key_sql};
use modelport_domain::{Cursor, HistorySelection, LogicalType, Order, OrderBy};

/// The statement. Without a filter there are few texts of it.
pub(super) struct OfRun {
    run: i64,
    /// What the metric's name is like.
    name: String,
    /// The steps as a JSON array, where only some are wanted.
    steps: Option<String>,
    filter: Option<Filter>,
    /// Which of the metrics are visible, where some may not be.
    visible: Option<Filter>,
    order: Order,
    after: After,
    limit: i64,
    /// SQLite has no LATERAL; PostgreSQL would ask a correlated IN of every point.
    lateral: bool,
}

/// Where the page begins.
struct After {
    time: i64,
    /// None at the beginning, as there is no last name.
    name: Option<String>,
    id: i64,
    /// Before the first id of the next metric.
    start: i64,
}

impl OfRun {
    /// None where the points of every run are wanted.
    pub(super) fn page(tx: &Tx<'_>, selection: &HistorySelection, after: Option<&Cursor>, limit: u32) -> Option<Self> {
        let HistorySelection { run, name_contains, steps, filter, order } = selection;
        let (first_time, start) = if order.descending { (i64::MAX, i64::MAX) } else { (i64::MIN, 0) };
        // Each once: the statement has the points of one after those of the other.
        let steps: BTreeSet<String> = steps.iter().map(i64::to_string).collect();
        Some(Self {
            run: run.as_ref()?.0,
            name: containing(name_contains.as_deref().unwrap_or_default()),
            steps: (!steps.is_empty()).then(|| format!("[{}]", steps.into_iter().collect::<Vec<_>>().join(","))),
            filter: filter.as_ref().map(|expr| Filter::of_points(tx, expr)),
            visible: tx.visible("nodes"),
            order: *order,
            after: After {
                time: after.map_or(first_time, |cursor| cursor.value),
                name: after.map(|cursor| cursor.name.clone()),
                id: after.map_or(start, |cursor| cursor.id.0),
                start,
            },
            limit: i64::from(limit),
            lateral: matches!(tx.conn, AnyConnection::Postgres(_)),
        })
    }

    /// The time of a point, for the order. Where steps are given, they choose the index: that of the times would give every point.
    fn time(&self) -> &'static str {
        if self.steps.is_some() { "metric_points.at + 0" } else { "metric_points.at" }
    }

    /// The points of one metric, and of one step, that come after the previous page.
    fn after_previous<'b, DB>(&'b self, out: &mut AstPass<'_, 'b, DB>) -> QueryResult<()>
    where
        DB: Backend + HasSqlType<BigInt> + HasSqlType<Text>,
        i64: ToSql<BigInt, DB>,
        String: ToSql<Text, DB>,
    {
        let sign = if self.order.descending { "<" } else { ">" };
        match self.order.by {
            OrderBy::Id => {
                out.push_sql(&format!(" AND metric_points.id {sign} "));
                out.push_bind_param::<BigInt, _>(&self.after.id)
            }
            OrderBy::CreateTime | OrderBy::UpdateTime => {
                out.push_sql(&format!(" AND ({}, metric_points.id) {sign} (", self.time()));
                out.push_bind_param::<BigInt, _>(&self.after.time)?;
                out.push_sql(", ");
                out.push_bind_param::<BigInt, _>(&self.after.id)?;
                out.push_sql(")");
                Ok(())
            }
            OrderBy::Name => {
                let Some(name) = &self.after.name else { return Ok(()) };
                out.push_sql(&format!(" AND metric_points.id {sign} CASE WHEN {} = ", name_key_sql()));
                out.push_bind_param::<Text, _>(name)?;
                out.push_sql(" THEN CAST(");
                out.push_bind_param::<BigInt, _>(&self.after.id)?;
                out.push_sql(" AS BIGINT) ELSE CAST(");
                out.push_bind_param::<BigInt, _>(&self.after.start)?;
                out.push_sql(" AS BIGINT) END");
                Ok(())
            }
        }
    }
}

impl<DB> QueryFragment<DB> for OfRun
where
    DB: Backend + HasSqlType<BigInt> + HasSqlType<Double> + HasSqlType<Text>,
    i64: ToSql<BigInt, DB>,
    f64: ToSql<Double, DB>,
    String: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let direction = if self.order.descending { "DESC" } else { "ASC" };
        out.push_sql("SELECT l.id, nodes.id, nodes.home_id, nodes.name, l.value, l.step, l.at FROM members AS m");
        // SQLite reads them in this order; it would go through all metrics there are in the order of their names.
        out.push_sql(if self.lateral { " JOIN nodes" } else { " CROSS JOIN nodes" });
        out.push_sql(" ON nodes.id = m.node_id");
        if let Some(steps) = &self.steps {
            out.push_sql(if self.lateral {
                " CROSS JOIN json_array_elements_text(CAST("
            } else {
                " CROSS JOIN json_each("
            });
            out.push_bind_param::<Text, _>(steps)?;
            out.push_sql(if self.lateral { " AS JSON)) AS s (value)" } else { ") AS s" });
        }
        out.push_sql(if self.lateral {
            " CROSS JOIN LATERAL (SELECT metric_points.id, metric_points.value, metric_points.step, metric_points.at"
        } else {
            " JOIN metric_points AS l ON l.id IN (SELECT metric_points.id"
        });
        out.push_sql(" FROM metric_points WHERE metric_points.node_id = m.node_id");
        if self.steps.is_some() {
            out.push_sql(" AND metric_points.step = CAST(s.value AS BIGINT)");
        }
        self.after_previous(&mut out)?;
        if let Some(filter) = &self.filter {
            out.push_sql(" AND ");
            filter.walk_ast(out.reborrow())?;
        }
        out.push_sql(" ORDER BY ");
        if matches!(self.order.by, OrderBy::CreateTime | OrderBy::UpdateTime) {
            out.push_sql(&format!("{} {direction}, ", self.time()));
        }
        out.push_sql(&format!("metric_points.id {direction} LIMIT "));
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql(if self.lateral { ") AS l" } else { ")" });
        out.push_sql(" WHERE m.context_id = ");
        out.push_bind_param::<BigInt, _>(&self.run)?;
        out.push_sql(" AND nodes.type_id = ");
        out.push_bind_param::<BigInt, _>(&METRIC)?;
        if let Some(visible) = &self.visible {
            out.push_sql(" AND ");
            visible.walk_ast(out.reborrow())?;
        }
        out.push_sql(&format!(" AND {} LIKE ", name_key_sql()));
        out.push_bind_param::<Text, _>(&self.name)?;
        out.push_sql(" ESCAPE '\\'");
        if let (OrderBy::Name, Some(name)) = (self.order.by, &self.after.name) {
            // Put together, so that PostgreSQL asks no index of all names.
            let sign = if self.order.descending { "<=" } else { ">=" };
            out.push_sql(&format!(" AND {} || '' {sign} ", name_key_sql()));
            out.push_bind_param::<Text, _>(name)?;
        }
        out.push_sql(" ORDER BY ");
        match self.order.by {
            OrderBy::Id => {}
            OrderBy::CreateTime | OrderBy::UpdateTime => out.push_sql(&format!("l.at {direction}, ")),
            OrderBy::Name => out.push_sql(&format!("{} {direction}, ", name_key_sql())),
        }
        out.push_sql(&format!("l.id {direction} LIMIT "));
        out.push_bind_param::<BigInt, _>(&self.limit)
    }
}

const METRIC: i64 = LogicalType::Metric.id();

impl QueryId for OfRun {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for OfRun {
    type SqlType = (BigInt, BigInt, Nullable<BigInt>, Nullable<Text>, Nullable<Double>, BigInt, BigInt);
}

impl<Conn> RunQueryDsl<Conn> for OfRun {}

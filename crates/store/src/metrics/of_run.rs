//! A page of a run's history, in the order in which its points came. The index has the points of each metric in that order, so
//! that of each no more are read than the page has; left to themselves, the databases sort all that the run has.

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Double, HasSqlType, Nullable, Text};
use diesel::{QueryResult, RunQueryDsl};

use super::{HistorySelection, containing};
use crate::Tx;
use crate::connection::AnyConnection;
use crate::filter::name_key_sql;
use modelport_domain::{Cursor, LogicalType, OrderBy};

/// The statement. Its text depends on the direction and the database alone.
pub(super) struct OfRun {
    run: i64,
    after: i64,
    descending: bool,
    /// What the metric's name is like.
    name: String,
    limit: i64,
    /// SQLite has no LATERAL; PostgreSQL would ask a correlated IN of every point.
    lateral: bool,
}

impl OfRun {
    /// None where the selection asks for another order, or for points that the index does not know.
    pub(super) fn page(tx: &Tx<'_>, selection: &HistorySelection, after: Option<&Cursor>, limit: u32) -> Option<Self> {
        let HistorySelection { run, name_contains, steps, filter, order } = selection;
        let run = run.filter(|_| order.by == OrderBy::Id && steps.is_empty() && filter.is_none())?;
        let start = if order.descending { i64::MAX } else { 0 };
        Some(Self {
            run: run.0,
            after: after.map_or(start, |cursor| cursor.id.0),
            descending: order.descending,
            name: containing(name_contains.as_deref().unwrap_or_default()),
            limit: i64::from(limit),
            lateral: matches!(tx.conn, AnyConnection::Postgres(_)),
        })
    }
}

impl<DB> QueryFragment<DB> for OfRun
where
    DB: Backend + HasSqlType<BigInt> + HasSqlType<Text>,
    i64: ToSql<BigInt, DB>,
    String: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        let (sign, direction) = if self.descending { ("<", "DESC") } else { (">", "ASC") };
        let (begin, end) = if self.lateral {
            ("CROSS JOIN LATERAL (SELECT p.id, p.value, p.step, p.at", ") AS l")
        } else {
            ("JOIN metric_points AS l ON l.id IN (SELECT p.id", ")")
        };
        out.push_sql(
            "SELECT l.id, nodes.id, nodes.home_id, nodes.name, l.value, l.step, l.at \
             FROM members AS m JOIN nodes ON nodes.id = m.node_id ",
        );
        out.push_sql(begin);
        out.push_sql(" FROM metric_points AS p WHERE p.node_id = m.node_id AND p.id ");
        out.push_sql(sign);
        out.push_sql(" ");
        out.push_bind_param::<BigInt, _>(&self.after)?;
        out.push_sql(" ORDER BY p.id ");
        out.push_sql(direction);
        out.push_sql(" LIMIT ");
        out.push_bind_param::<BigInt, _>(&self.limit)?;
        out.push_sql(end);
        out.push_sql(" WHERE m.context_id = ");
        out.push_bind_param::<BigInt, _>(&self.run)?;
        out.push_sql(" AND nodes.type_id = ");
        out.push_bind_param::<BigInt, _>(&METRIC)?;
        out.push_sql(" AND ");
        out.push_sql(&name_key_sql());
        out.push_sql(" LIKE ");
        out.push_bind_param::<Text, _>(&self.name)?;
        out.push_sql(" ESCAPE '\\' ORDER BY l.id ");
        out.push_sql(direction);
        out.push_sql(" LIMIT ");
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

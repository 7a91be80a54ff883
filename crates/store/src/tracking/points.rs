//! The points of metrics in the order in which they were measured, and of many runs no more than a chart shows.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Double, Nullable, Text};
use serde::{Deserialize, Serialize};

use crate::Tx;
use crate::connection::on_each;
use crate::error::DatabaseResult as _;
use crate::metrics::loaded;
use crate::nodes::MAX_IDS;
use modelport_domain::tracking::Thinned;
use modelport_domain::{MetricPoint, NodeId, Result};

/// What points are ordered by: time, step, whether the value is a NaN, the value, and an id that no other has.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PointKey {
    at: i64,
    step: i64,
    is_nan: bool,
    /// As the bits of the double, so that nothing of it is lost.
    value: u64,
    id: i64,
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    run: i64,
    #[diesel(sql_type = BigInt)]
    step: i64,
    #[diesel(sql_type = BigInt)]
    at: i64,
    #[diesel(sql_type = Nullable<Double>)]
    value: Option<f64>,
}

impl Row {
    fn point(&self) -> MetricPoint {
        MetricPoint { value: loaded(self.value), step: self.step, at: self.at }
    }

    fn key(&self) -> PointKey {
        let value = self.value.unwrap_or_default().to_bits();
        PointKey { at: self.at, step: self.step, is_nan: self.value.is_none(), value, id: self.id }
    }
}

/// The points of a metric after that key, ordered by time, step and value; NaN is after all other values.
pub fn of_metric(
    tx: &mut Tx<'_>,
    metric: NodeId,
    after: Option<&PointKey>,
    limit: i64,
) -> Result<Vec<(PointKey, MetricPoint)>> {
    const KEY: &str = "(p.at, p.step, CASE WHEN p.value IS NULL THEN 1 ELSE 0 END, coalesce(p.value, 0), p.id)";
    // SQLite numbers parameters in the order in which they appear. The first condition is that of the index.
    let (condition, limited) = match after {
        None => (String::new(), "$2"),
        Some(_) => (format!(" AND p.at >= $2 AND {KEY} > ($2, $3, $4, $5, $6)"), "$7"),
    };
    let sql = format!(
        "SELECT p.id, CAST(0 AS BIGINT) AS run, p.step, p.at, p.value FROM metric_points AS p WHERE p.node_id = $1{condition} \
         ORDER BY p.at, p.step, CASE WHEN p.value IS NULL THEN 1 ELSE 0 END, coalesce(p.value, 0), p.id LIMIT {limited}"
    );
    let rows: Vec<Row> = on_each!(tx.conn, conn => {
        let query = sql_query(sql).bind::<BigInt, _>(metric.0);
        match after {
            None => query.bind::<BigInt, _>(limit).load(conn).db()?,
            Some(after) => query
                .bind::<BigInt, _>(after.at)
                .bind::<BigInt, _>(after.step)
                .bind::<BigInt, _>(i64::from(after.is_nan))
                .bind::<Double, _>(f64::from_bits(after.value))
                .bind::<BigInt, _>(after.id)
                .bind::<BigInt, _>(limit)
                .load(conn)
                .db()?,
        }
    });
    tx.loaded.add(rows.len() * size_of::<Row>())?;
    Ok(rows.into_iter().map(|row| (row.key(), row.point())).collect())
}

/// The points of the metric of that name that these runs have, with the nodes of the runs, those of each run ordered by step and time.
pub fn of_runs(tx: &mut Tx<'_>, runs: &[NodeId], metric: &str, thinned: Thinned) -> Result<Vec<(NodeId, MetricPoint)>> {
    let mut found = Vec::new();
    for chunk in runs.chunks(MAX_IDS) {
        let ids: Vec<String> = chunk.iter().map(|id| id.0.to_string()).collect();
        // One of each of as many equal parts, the first and the last.
        let sql = format!(
            "SELECT id, run, step, at, value FROM (
                 SELECT p.id, m.home_id AS run, p.step, p.at, p.value,
                     row_number() OVER (PARTITION BY m.home_id ORDER BY p.step, p.at, p.id) AS place,
                     count(*) OVER (PARTITION BY m.home_id) AS total
                 FROM metrics AS m JOIN metric_points AS p ON p.node_id = m.node_id
                 WHERE m.home_id IN ({}) AND m.name = $1 AND p.step BETWEEN $2 AND $3
             ) AS numbered
             WHERE total <= $4 OR place = 1 OR place = total OR (place - 1) * ($4 - 1) / total <> (place - 2) * ($4 - 1) / total
             ORDER BY run, step, at, id",
            ids.join(", ")
        );
        let rows: Vec<Row> = on_each!(tx.conn, conn => {
            sql_query(sql)
                .bind::<Text, _>(metric)
                .bind::<BigInt, _>(thinned.from)
                .bind::<BigInt, _>(thinned.to)
                .bind::<BigInt, _>(thinned.most)
                .load(conn)
                .db()?
        });
        tx.loaded.add(rows.len() * size_of::<Row>())?;
        found.extend(rows.iter().map(|row| (NodeId(row.run), row.point())));
    }
    Ok(found)
}

//! Which points a metric has already.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Double, Nullable};

use super::stored;
use crate::Tx;
use crate::cached::CachedStatement;
use crate::connection::AnyConnection;
use crate::error::DatabaseResult as _;
use modelport_domain::{MetricPoint, Node, Result};

/// How many points one statement compares with those that are there.
const MAX_COMPARED: usize = 200;

/// Which of the points, by their places, a metric node has already: with the same step, time and value. Those that are equal to one before
/// them are among them.
pub fn repeated(tx: &mut Tx<'_>, points: &[(&Node, MetricPoint)]) -> Result<BTreeSet<usize>> {
    const THERE: &str = "EXISTS (SELECT 1 FROM metric_points AS p WHERE p.node_id = v.node AND p.at = v.at AND p.step = v.step \
         AND p.value IS NOT DISTINCT FROM v.value)";
    #[derive(QueryableByName)]
    struct Place {
        #[diesel(sql_type = BigInt)]
        place: i64,
    }
    let mut seen = BTreeSet::new();
    let is_new = |(node, point): &(&Node, MetricPoint)| {
        let value = if point.value.is_nan() { None } else { Some((point.value + 0.0).to_bits()) };
        seen.insert((node.id, point.step, point.at, value))
    };
    let news: Vec<bool> = points.iter().map(is_new).collect();
    let mut found: BTreeSet<usize> =
        news.iter().enumerate().filter(|(_, is_new)| !**is_new).map(|(at, _)| at).collect();
    for (start, chunk) in (0_i64..).step_by(MAX_COMPARED).zip(points.chunks(MAX_COMPARED)) {
        let places: Vec<Place> = match tx.conn {
            // One array a column, so that the statement stays prepared.
            AnyConnection::Postgres(conn) => {
                let sql = format!(
                    "SELECT v.place FROM unnest($1, $2, $3, $4, $5) AS v (place, node, step, at, value) WHERE {THERE}"
                );
                let each = chunk.iter();
                let statement = diesel::sql_query(sql)
                    .bind::<Array<BigInt>, _>((start..).take(chunk.len()).collect::<Vec<_>>())
                    .bind::<Array<BigInt>, _>(each.clone().map(|(node, _)| node.id.0).collect::<Vec<_>>())
                    .bind::<Array<BigInt>, _>(each.clone().map(|(_, point)| point.step).collect::<Vec<_>>())
                    .bind::<Array<BigInt>, _>(each.clone().map(|(_, point)| point.at).collect::<Vec<_>>())
                    .bind::<Array<Nullable<Double>>, _>(
                        each.map(|(_, point)| stored(point.value).0).collect::<Vec<_>>(),
                    );
                CachedStatement(statement).load(conn).db()?
            }
            AnyConnection::Sqlite(conn) => {
                let rows = vec!["(?, ?, ?, ?, ?)"; chunk.len()].join(", ");
                let sql = format!(
                    "WITH v (place, node, step, at, value) AS (VALUES {rows}) SELECT v.place FROM v WHERE {THERE}"
                );
                let mut query = diesel::sql_query(sql).into_boxed();
                for (at, (node, point)) in (start..).zip(chunk) {
                    query = query
                        .bind::<BigInt, _>(at)
                        .bind::<BigInt, _>(node.id.0)
                        .bind::<BigInt, _>(point.step)
                        .bind::<BigInt, _>(point.at)
                        .bind::<Nullable<Double>, _>(stored(point.value).0);
                }
                query.load(conn).db()?
            }
        };
        found.extend(places.into_iter().filter_map(|row| usize::try_from(row.place).ok()));
    }
    Ok(found)
}

//! The points of many metrics of many runs for charts: short histories together and as they are, long ones in batches, thinned while they
//! are read, so that none is in memory as a whole.

use std::collections::HashMap;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Double, Nullable};

use crate::Tx;
use crate::cached::CachedStatement;
use crate::connection::{MultiBackend, on_each};
use crate::error::DatabaseResult as _;
use crate::metrics::loaded;
use crate::nodes::MAX_IDS;
use crate::schema::metrics;
use modelport_domain::thinning::{Extent, Thinner};
use modelport_domain::tracking::{Series, Thinned};
use modelport_domain::{MetricPoint, NodeId, Result};

/// How many points are read at once.
const BATCH: u64 = 10_000;

/// A metric of a run.
struct Metric {
    run: NodeId,
    name: String,
    id: i64,
}

#[derive(QueryableByName)]
struct PointRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
    #[diesel(sql_type = BigInt)]
    metric: i64,
    #[diesel(sql_type = BigInt)]
    step: i64,
    #[diesel(sql_type = BigInt)]
    at: i64,
    #[diesel(sql_type = Nullable<Double>)]
    value: Option<f64>,
}

impl PointRow {
    fn point(&self) -> MetricPoint {
        MetricPoint { value: loaded(self.value), step: self.step, at: self.at }
    }
}

#[derive(QueryableByName)]
struct ExtentRow {
    #[diesel(sql_type = BigInt)]
    metric: i64,
    #[diesel(sql_type = BigInt)]
    total: i64,
    #[diesel(sql_type = BigInt)]
    first_step: i64,
    #[diesel(sql_type = BigInt)]
    last_step: i64,
}

/// The points of those metrics of these names that these runs have, ordered by run and name: of each those of a range of steps, and no more
/// than `most`. Of a longer one its peaks are kept, and the first and the last point.
///
/// Which of the runs are visible is not asked.
pub fn of_runs(tx: &mut Tx<'_>, runs: &[NodeId], names: &[String], thinned: Thinned) -> Result<Vec<Series>> {
    let metrics = named(tx, runs, names)?;
    let ids: Vec<i64> = metrics.iter().map(|metric| metric.id).collect();
    let extents = extents(tx, &ids, thinned)?;
    let most = thinned.most.unsigned_abs();
    let (short, long): (Vec<i64>, Vec<i64>) = ids
        .into_iter()
        .filter(|id| extents.contains_key(id))
        .partition(|id| extents.get(id).is_some_and(|extent| extent.total <= most));
    let mut points = HashMap::new();
    for batch in batches(&short, &extents) {
        points.extend(whole(tx, &batch, thinned)?);
    }
    for id in long {
        if let Some(extent) = extents.get(&id) {
            points.insert(id, thin(tx, id, *extent, thinned)?);
        }
    }
    let series = |metric: Metric| Series {
        run: metric.run,
        metric: metric.name,
        total: extents.get(&metric.id).map_or(0, |extent| extent.total),
        points: points.remove(&metric.id).unwrap_or_default(),
    };
    Ok(metrics.into_iter().map(series).collect())
}

/// Those of the metrics of these names that these runs have.
fn named(tx: &mut Tx<'_>, runs: &[NodeId], names: &[String]) -> Result<Vec<Metric>> {
    let mut found = Vec::new();
    for chunk in runs.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let query = metrics::table
            .filter(metrics::home_id.eq_any(ids).and(metrics::name.eq_any(names.to_vec())))
            .order((metrics::home_id, metrics::name))
            .select((metrics::home_id, metrics::name, metrics::node_id))
            .into_boxed::<MultiBackend>();
        for (run, name, id) in query.load::<(Option<i64>, String, i64)>(tx.conn).db()? {
            let Some(run) = run else { continue };
            found.push(Metric { run: NodeId(run), name, id });
        }
    }
    Ok(found)
}

/// How long the histories of these metrics are, of those that have points. All of that is in the index.
fn extents(tx: &mut Tx<'_>, ids: &[i64], thinned: Thinned) -> Result<HashMap<i64, Extent>> {
    let mut found = HashMap::new();
    for chunk in ids.chunks(MAX_IDS) {
        tx.check_deadline()?;
        let sql = format!(
            "SELECT node_id AS metric, count(*) AS total, min(step) AS first_step, max(step) AS last_step \
             FROM metric_points WHERE node_id IN ({}) AND step BETWEEN $1 AND $2 GROUP BY node_id",
            list(chunk)
        );
        let rows: Vec<ExtentRow> = on_each!(tx.conn, conn => {
            sql_query(sql).bind::<BigInt, _>(thinned.from).bind::<BigInt, _>(thinned.to).load(conn).db()?
        });
        found.extend(rows.into_iter().map(|ExtentRow { metric, total, first_step, last_step }| {
            (metric, Extent { total: total.unsigned_abs(), first_step, last_step })
        }));
    }
    Ok(found)
}

/// The metrics in parts with no more than a batch of points each, but for one with more.
fn batches(ids: &[i64], extents: &HashMap<i64, Extent>) -> Vec<Vec<i64>> {
    let (mut all, mut part, mut points) = (Vec::new(), Vec::new(), 0);
    for id in ids {
        let total = extents.get(id).map_or(0, |extent| extent.total);
        if !part.is_empty() && (points + total > BATCH || part.len() >= MAX_IDS) {
            all.push(std::mem::take(&mut part));
            points = 0;
        }
        part.push(*id);
        points += total;
    }
    all.extend(Some(part).filter(|part| !part.is_empty()));
    all
}

/// All points of these metrics.
fn whole(tx: &mut Tx<'_>, ids: &[i64], thinned: Thinned) -> Result<HashMap<i64, Vec<MetricPoint>>> {
    tx.check_deadline()?;
    let sql = format!(
        "SELECT id, node_id AS metric, step, at, value FROM metric_points \
         WHERE node_id IN ({}) AND step BETWEEN $1 AND $2 ORDER BY node_id, step, at, id",
        list(ids)
    );
    let rows: Vec<PointRow> = on_each!(tx.conn, conn => {
        sql_query(sql).bind::<BigInt, _>(thinned.from).bind::<BigInt, _>(thinned.to).load(conn).db()?
    });
    tx.loaded.add(rows.len() * size_of::<MetricPoint>())?;
    let mut found: HashMap<i64, Vec<MetricPoint>> = HashMap::new();
    for row in rows {
        found.entry(row.metric).or_default().push(row.point());
    }
    Ok(found)
}

/// The points of a metric, thinned: read batch by batch in the order of the index.
fn thin(tx: &mut Tx<'_>, id: i64, extent: Extent, thinned: Thinned) -> Result<Vec<MetricPoint>> {
    const NEXT: &str = "SELECT id, node_id AS metric, step, at, value FROM metric_points \
         WHERE node_id = $1 AND (step, id) > ($2, $3) AND step <= $4 ORDER BY step, id LIMIT $5";
    let limit = i64::try_from(BATCH).unwrap_or(i64::MAX);
    let mut thinner = Thinner::new(extent, usize::try_from(thinned.most).unwrap_or_default());
    let mut after = (thinned.from, 0);
    loop {
        tx.check_deadline()?;
        let rows: Vec<PointRow> = on_each!(tx.conn, conn => {
            let next = sql_query(NEXT)
                .bind::<BigInt, _>(id)
                .bind::<BigInt, _>(after.0)
                .bind::<BigInt, _>(after.1)
                .bind::<BigInt, _>(thinned.to)
                .bind::<BigInt, _>(limit);
            CachedStatement(next).load(conn).db()?
        });
        for row in &rows {
            thinner.take(row.id, row.point());
        }
        match rows.last() {
            Some(last) if rows.len() as u64 >= BATCH => after = (last.step, last.id),
            _ => break,
        }
    }
    let points = thinner.finish();
    tx.loaded.add(points.len() * size_of::<MetricPoint>())?;
    Ok(points)
}

/// Ids as text: numbers need no binding, and a statement names any number of them.
fn list(ids: &[i64]) -> String {
    ids.iter().map(i64::to_string).collect::<Vec<_>>().join(", ")
}

//! Runs by their own ids, and what many of them have: their latest metrics and their parameters.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::Tx;
use crate::connection::{MultiBackend, among};
use crate::error::DatabaseResult as _;
use crate::filter::narrow;
use crate::metrics::loaded;
use crate::nodes::{MAX_IDS, find_all};
use crate::schema::{metrics, nodes, parameters, runs};
use modelport_domain::tracking::{LatestPoint, RunId};
use modelport_domain::{LogicalType, MetricPoint, Node, NodeId, Result};

/// Those of the runs with these ids that are there, with their nodes' ids.
pub fn find_all_ids(tx: &mut Tx<'_>, ids: &[RunId]) -> Result<Vec<(RunId, NodeId)>> {
    let mut found = Vec::new();
    for chunk in ids.chunks(MAX_IDS) {
        let ids: Vec<&str> = chunk.iter().map(RunId::as_str).collect();
        let mut query = nodes::table
            .inner_join(runs::table.on(runs::node_id.eq(nodes::id)))
            .filter(runs::run_id.eq_any(ids))
            .select((runs::run_id, nodes::id))
            .into_boxed::<MultiBackend>();
        narrow!(query, tx.visible("nodes"));
        for (id, node) in query.load::<(String, i64)>(tx.conn).db()? {
            found.push((id.parse()?, NodeId(node)));
        }
    }
    Ok(found)
}

/// The ids of those of these runs that are there, by the ids of their nodes. Others may name a run that the transaction does not see.
pub fn ids_of(tx: &mut Tx<'_>, ids: &[NodeId]) -> Result<HashMap<NodeId, RunId>> {
    let mut found = HashMap::new();
    for chunk in ids.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let query = runs::table.select((runs::node_id, runs::run_id));
        let rows: Vec<(i64, String)> = match tx.visible_by_id("runs.node_id") {
            None => among!(query, runs::node_id, ids.as_slice(), query => query.load(tx.conn).db()?),
            Some(seen) => query.filter(runs::node_id.eq_any(ids)).filter(seen).load(tx.conn).db()?,
        };
        for (node, id) in rows {
            found.insert(NodeId(node), id.parse()?);
        }
    }
    Ok(found)
}

/// The latest points of the metrics that each of these runs has, ordered by name.
pub fn metrics_of(tx: &mut Tx<'_>, runs: &[NodeId]) -> Result<HashMap<NodeId, Vec<LatestPoint>>> {
    type Row = (Option<i64>, String, Option<f64>, i64, i64);
    let mut found: HashMap<NodeId, Vec<LatestPoint>> = HashMap::new();
    for chunk in runs.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let query = metrics::table
            .select((metrics::home_id, metrics::name, metrics::value, metrics::step, metrics::at))
            .order((metrics::home_id, metrics::name));
        let rows: Vec<Row> = among!(query, metrics::home_id, ids.as_slice(), query => query.load(tx.conn).db()?);
        for (run, name, value, step, at) in rows {
            let Some(run) = run else { continue };
            tx.loaded.add(name.len())?;
            let point = MetricPoint { value: loaded(value), step, at };
            found.entry(NodeId(run)).or_default().push(LatestPoint { name, point });
        }
    }
    Ok(found)
}

/// The parameters that each of these runs has, ordered by name.
pub fn parameters_of(tx: &mut Tx<'_>, homes: &[NodeId]) -> Result<HashMap<NodeId, Vec<(String, String)>>> {
    let mut found: HashMap<NodeId, Vec<(String, String)>> = HashMap::new();
    for chunk in homes.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let query = parameters::table
            .select((parameters::home_id, parameters::name, parameters::value))
            .order((parameters::home_id, parameters::name));
        let rows: Vec<(i64, String, String)> =
            among!(query, parameters::home_id, ids.as_slice(), query => query.load(tx.conn).db()?);
        for (home, name, value) in rows {
            tx.loaded.add(name.len() + value.len())?;
            found.entry(NodeId(home)).or_default().push((name, value));
        }
    }
    Ok(found)
}

/// Those of the parameters of these names that the run has.
pub fn parameters_named(tx: &mut Tx<'_>, home: NodeId, names: &[&str]) -> Result<HashMap<String, String>> {
    let rows: Vec<(String, String)> = parameters::table
        .filter(parameters::home_id.eq(home.0).and(parameters::name.eq_any(names.to_vec())))
        .select((parameters::name, parameters::value))
        .load(tx.conn)
        .db()?;
    Ok(rows.into_iter().collect())
}

/// The newest run of an experiment that people see under that name, though the names of runs may repeat.
pub fn newest_named(tx: &mut Tx<'_>, experiment: NodeId, name: &str) -> Result<Option<Node>> {
    let mut query = nodes::table
        .filter(nodes::home_id.eq(experiment.0).and(nodes::type_id.eq(LogicalType::ExperimentRun.id())))
        .filter(crate::filter::name_key().eq(name.to_owned()))
        .order(nodes::id.desc())
        .select(nodes::id)
        .into_boxed::<MultiBackend>();
    narrow!(query, tx.visible("nodes"));
    let newest: Option<i64> = query.first(tx.conn).optional().db()?;
    let newest: Vec<NodeId> = newest.into_iter().map(NodeId).collect();
    Ok(find_all(tx, &newest)?.pop())
}

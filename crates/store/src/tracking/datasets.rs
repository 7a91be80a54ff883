//! The data sets of experiments, and which runs read them.

use std::collections::{BTreeMap, HashMap};

use diesel::prelude::*;

use crate::Tx;
use crate::connection::MultiBackend;
use crate::error::DatabaseResult as _;
use crate::filter::narrow;
use crate::nodes::{MAX_IDS, find_all};
use crate::schema::{nodes, run_uses, runs};
use modelport_domain::{Error, LogicalType, Node, NodeId, Result};

/// A data set, and what a run says of it, as names and values.
pub type UsedDataset = (Node, Vec<(String, String)>);

/// Those of the data sets that the experiment has under these names, as they are stored.
pub fn named(tx: &mut Tx<'_>, experiment: NodeId, names: &[&str]) -> Result<BTreeMap<String, NodeId>> {
    let mut found = BTreeMap::new();
    for chunk in names.chunks(MAX_IDS) {
        let mut query = nodes::table
            .filter(nodes::type_id.eq(LogicalType::DataSet.id()).and(nodes::home_id.eq(experiment.0)))
            .filter(nodes::name.eq_any(chunk.to_vec()))
            .select((nodes::name, nodes::id))
            .into_boxed::<MultiBackend>();
        narrow!(query, tx.visible("nodes"));
        let rows: Vec<(Option<String>, i64)> = query.load(tx.conn).db()?;
        found.extend(rows.into_iter().filter_map(|(name, id)| Some((name?, NodeId(id)))));
    }
    Ok(found)
}

/// Which data sets the runs of these experiments read, and what they say of them: each pair once, no more than `limit`.
pub fn used_in(tx: &mut Tx<'_>, experiments: &[NodeId], limit: i64) -> Result<Vec<UsedDataset>> {
    let ids: Vec<i64> = experiments.iter().map(|id| id.0).collect();
    let mut query = run_uses::table
        .inner_join(runs::table.on(runs::node_id.eq(run_uses::run_id)))
        .inner_join(nodes::table.on(nodes::id.eq(run_uses::artifact_id)))
        .filter(runs::experiment_id.eq_any(ids).and(run_uses::role.eq("input")))
        .filter(nodes::type_id.eq(LogicalType::DataSet.id()))
        .select((run_uses::artifact_id, run_uses::tags))
        .distinct()
        .order((run_uses::artifact_id, run_uses::tags))
        .limit(limit)
        .into_boxed::<MultiBackend>();
    narrow!(query, tx.visible("nodes"));
    let rows: Vec<(i64, String)> = query.load(tx.conn).db()?;
    let mut ids: Vec<NodeId> = rows.iter().map(|(id, _)| NodeId(*id)).collect();
    ids.dedup();
    let datasets: HashMap<NodeId, Node> = find_all(tx, &ids)?.into_iter().map(|node| (node.id, node)).collect();
    let used = rows.into_iter().filter_map(|(id, tags)| {
        let dataset = datasets.get(&NodeId(id))?.clone();
        let broken = |error| Error::internal("the tags of a use are not JSON").caused_by(error);
        Some(serde_json::from_str(&tags).map_err(broken).map(|tags| (dataset, tags)))
    });
    used.collect()
}

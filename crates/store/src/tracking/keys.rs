//! The names of what the runs of an experiment measure and are given: each read from an index once, however many runs have it.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};

use crate::Tx;
use crate::cached::CachedStatement;
use crate::connection::on_each;
use crate::error::DatabaseResult as _;
use modelport_domain::{NodeId, Result};

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Text)]
    name: String,
}

/// The first `limit` names of the metrics of an experiment's runs, in alphabetical order.
pub fn of_metrics(tx: &mut Tx<'_>, experiment: NodeId, limit: u32) -> Result<Vec<String>> {
    names(tx, "metrics", experiment, limit)
}

/// The same of their parameters.
pub fn of_parameters(tx: &mut Tx<'_>, experiment: NodeId, limit: u32) -> Result<Vec<String>> {
    names(tx, "parameters", experiment, limit)
}

/// From each name to the next one in the index, which neither database does for DISTINCT.
fn names(tx: &mut Tx<'_>, table: &str, experiment: NodeId, limit: u32) -> Result<Vec<String>> {
    let sql = format!(
        "WITH RECURSIVE k (name) AS (
             SELECT (SELECT t.name FROM {table} AS t WHERE t.root_id = $1 ORDER BY t.name LIMIT 1)
             UNION ALL
             SELECT (SELECT t.name FROM {table} AS t WHERE t.root_id = $1 AND t.name > k.name ORDER BY t.name LIMIT 1)
             FROM k WHERE k.name IS NOT NULL
         )
         SELECT k.name AS name FROM k WHERE k.name IS NOT NULL LIMIT $2"
    );
    let rows: Vec<Row> = on_each!(tx.conn, conn => {
        let statement = sql_query(sql).bind::<BigInt, _>(experiment.0).bind::<BigInt, _>(i64::from(limit));
        CachedStatement(statement).load(conn).db()?
    });
    let names: Vec<String> = rows.into_iter().map(|row| row.name).collect();
    tx.loaded.add(names.iter().map(String::len).sum())?;
    Ok(names)
}

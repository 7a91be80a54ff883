//! How much there is in a workspace, of what is visible: counted up to limits, because whoever sees little of a large workspace must not wait
//! for all of it.

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::Tx;
use super::filter::is_prompt;
use crate::error::DatabaseResult as _;
use crate::inspections::CLEAN;
use modelport_domain::{LogicalType, Result};

/// Files that are alike.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct CountedFiles {
    /// Their format, where it is known.
    #[diesel(sql_type = Nullable<Text>)]
    pub format: Option<String>,
    /// The verdict on them; `None` of those that were not inspected.
    #[diesel(sql_type = Nullable<Text>)]
    pub verdict: Option<String>,
    /// How many there are.
    #[diesel(sql_type = BigInt)]
    pub files: i64,
    /// How many bytes they have together.
    #[diesel(sql_type = BigInt)]
    pub bytes: i64,
}

#[derive(QueryableByName)]
struct NumberRow {
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct VerdictRow {
    #[diesel(sql_type = Text)]
    verdict: String,
    #[diesel(sql_type = BigInt)]
    files: i64,
}

/// How many registered models there are, counted up to `most`. Prompts are none.
pub fn models(tx: &mut Tx<'_>, most: u32) -> Result<u64> {
    entities(tx, LogicalType::RegisteredModel, "n.id", most)
}

/// How many versions of them there are, counted up to `most`.
pub fn versions(tx: &mut Tx<'_>, most: u32) -> Result<u64> {
    entities(tx, LogicalType::ModelVersion, "n.home_id", most)
}

fn entities(tx: &mut Tx<'_>, logical: LogicalType, model: &str, most: u32) -> Result<u64> {
    let rows = format!(
        "SELECT 1 FROM nodes AS n WHERE n.type_id = {}{} AND NOT {} LIMIT {most}",
        logical.id(),
        listed(tx, "n"),
        is_prompt(model)
    );
    count(tx, &rows)
}

/// How many files are quarantined, counted up to `most`. They are few, and so the statement begins at them: SQLite keeps the order of a
/// CROSS JOIN.
pub fn quarantined(tx: &mut Tx<'_>, most: u32) -> Result<u64> {
    let rows = format!(
        "SELECT 1 FROM files AS f CROSS JOIN nodes AS a \
         WHERE f.quarantine IS NOT NULL AND a.id = f.node_id{} LIMIT {most}",
        listed(tx, "a")
    );
    count(tx, &rows)
}

/// How many artifacts may have files, counted up to `most`.
pub fn holders(tx: &mut Tx<'_>, most: u32) -> Result<u64> {
    let rows = format!("{} LIMIT {most}", holders_sql(tx));
    count(tx, &rows)
}

/// Up to `most` files, counted by format and verdict, of the first `most_holders` artifacts that may have some.
pub fn files(tx: &mut Tx<'_>, most_holders: u32, most: u32) -> Result<Vec<CountedFiles>> {
    let sql = format!(
        "SELECT l.format AS format, l.verdict AS verdict, count(*) AS files, CAST(sum(l.size) AS BIGINT) AS bytes \
         FROM (SELECT h.format AS format, h.verdict AS verdict, b.size AS size \
         FROM ({} LIMIT {most_holders}) AS a JOIN files AS f ON f.node_id = a.id JOIN blobs AS b ON b.id = f.blob_id \
         LEFT JOIN inspections AS h ON h.node_id = f.node_id AND h.path = f.path LIMIT {most}) AS l \
         GROUP BY l.format, l.verdict",
        holders_sql(tx)
    );
    tx.check_deadline()?;
    sql_query(sql).load(tx.conn).db()
}

/// Up to `most` files that are not clean, counted by verdict; the statement begins at them, too.
pub fn not_clean(tx: &mut Tx<'_>, most: u32) -> Result<Vec<(String, u64)>> {
    let sql = format!(
        "SELECT l.verdict AS verdict, count(*) AS files FROM (SELECT h.verdict AS verdict FROM inspections AS h \
         CROSS JOIN nodes AS a WHERE h.verdict <> '{CLEAN}' AND a.id = h.node_id{} LIMIT {most}) AS l \
         GROUP BY l.verdict",
        listed(tx, "a")
    );
    tx.check_deadline()?;
    let rows: Vec<VerdictRow> = sql_query(sql).load(tx.conn).db()?;
    Ok(rows.into_iter().map(|row| (row.verdict, row.files.unsigned_abs())).collect())
}

/// The artifacts that may have files. Of metrics and parameters, which have none, there are most; so the others are looked for by their
/// types.
fn holders_sql(tx: &Tx<'_>) -> String {
    format!(
        "SELECT a.id AS id FROM nodes AS a \
         WHERE a.type_id IN (SELECT t.id FROM types AS t WHERE t.kind = 1 AND t.id NOT IN ({}, {})){}",
        LogicalType::Metric.id(),
        LogicalType::Parameter.id(),
        listed(tx, "a")
    )
}

fn listed(tx: &Tx<'_>, node: &str) -> String {
    tx.listed_sql(node).map(|listed| format!(" AND {listed}")).unwrap_or_default()
}

fn count(tx: &mut Tx<'_>, rows: &str) -> Result<u64> {
    tx.check_deadline()?;
    let row: NumberRow = sql_query(format!("SELECT count(*) AS number FROM ({rows}) AS l")).get_result(tx.conn).db()?;
    Ok(row.number.unsigned_abs())
}

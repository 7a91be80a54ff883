//! What lists show of models and versions besides their nodes: for any number of them with the same statements.

use std::collections::HashMap;
use std::fmt::Write as _;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Nullable, Text};

use super::Tx;
use super::connection::MultiBackend;
use super::nodes::MAX_IDS;
use super::schema::metrics;
use crate::error::DatabaseResult as _;
use crate::metrics::loaded;
use modelport_domain::tracking::LatestPoint;
use modelport_domain::{LogicalType, MetricPoint, NodeId, Result};

/// Files of one version that are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlikeFiles {
    /// Their format, where it is known.
    pub format: Option<String>,
    /// The verdict on them; `None` of those that were not inspected.
    pub verdict: Option<String>,
    /// What the policy does with them.
    pub act: Option<String>,
    /// How many there are.
    pub files: u64,
    /// How many bytes they have together.
    pub bytes: u64,
}

/// The version of each of these models that was made last; none of a model that has none.
pub fn latest_versions(tx: &mut Tx<'_>, models: &[NodeId]) -> Result<HashMap<NodeId, NodeId>> {
    newest_owned(tx, models, LogicalType::ModelVersion)
}

/// What each of these nodes owns of that type and was made last; none of a node that owns none.
pub fn newest_owned(tx: &mut Tx<'_>, homes: &[NodeId], logical: LogicalType) -> Result<HashMap<NodeId, NodeId>> {
    let newest = format!(
        "(SELECT v.id FROM nodes AS v WHERE v.home_id = m.id AND v.type_id = {} \
         ORDER BY v.created_at DESC, v.id DESC LIMIT 1)",
        logical.id()
    );
    let found = numbers(tx, homes, &newest)?.into_iter();
    Ok(found.filter_map(|(home, owned)| Some((home, NodeId(owned?)))).collect())
}

/// How many versions each of these models has, counted up to `most`.
pub fn version_counts(tx: &mut Tx<'_>, models: &[NodeId], most: u32) -> Result<HashMap<NodeId, u64>> {
    owned_counts(tx, models, LogicalType::ModelVersion, most)
}

/// How many inference services each of these environments has, counted up to `most`.
pub fn service_counts(tx: &mut Tx<'_>, environments: &[NodeId], most: u32) -> Result<HashMap<NodeId, u64>> {
    owned_counts(tx, environments, LogicalType::InferenceService, most)
}

fn owned_counts(tx: &mut Tx<'_>, homes: &[NodeId], logical: LogicalType, most: u32) -> Result<HashMap<NodeId, u64>> {
    let count = format!(
        "(SELECT count(*) FROM (SELECT 1 FROM nodes AS v WHERE v.home_id = m.id AND v.type_id = {} LIMIT {most}) AS l)",
        logical.id()
    );
    let found = numbers(tx, homes, &count)?.into_iter();
    Ok(found.map(|(home, count)| (home, count.unwrap_or(0).unsigned_abs())).collect())
}

/// How many runs that are not archived each of these experiments has, counted up to `most`.
pub fn run_counts(tx: &mut Tx<'_>, experiments: &[NodeId], most: u32) -> Result<HashMap<NodeId, u64>> {
    let count = format!(
        "(SELECT count(*) FROM (SELECT 1 FROM runs AS r WHERE r.experiment_id = m.id AND r.archived = FALSE \
         LIMIT {most}) AS l)"
    );
    let found = numbers(tx, experiments, &count)?.into_iter();
    Ok(found.map(|(experiment, count)| (experiment, count.unwrap_or(0).unsigned_abs())).collect())
}

/// A number of each of these nodes, which is called `m` in its SQL.
fn numbers(tx: &mut Tx<'_>, nodes: &[NodeId], number: &str) -> Result<Vec<(NodeId, Option<i64>)>> {
    let mut found = Vec::with_capacity(nodes.len());
    for chunk in nodes.chunks(MAX_IDS) {
        let sql = format!("SELECT m.id AS node, {number} AS number FROM nodes AS m WHERE m.id IN ({})", list(chunk));
        let rows: Vec<NumberRow> = sql_query(sql).load(tx.conn).db()?;
        found.extend(rows.into_iter().map(|row| (NodeId(row.node), row.number)));
    }
    Ok(found)
}

/// The names of these nodes as they are stored, of those that are visible and have one.
pub fn names(tx: &mut Tx<'_>, nodes: &[NodeId]) -> Result<HashMap<NodeId, String>> {
    let mut found = HashMap::new();
    for chunk in nodes.chunks(MAX_IDS) {
        let visible = tx.visible_sql("n").map(|visible| format!(" AND {visible}")).unwrap_or_default();
        let sql = format!(
            "SELECT n.id AS node, n.name AS name FROM nodes AS n WHERE n.id IN ({}) AND n.name IS NOT NULL{visible}",
            list(chunk)
        );
        let rows: Vec<NameRow> = sql_query(sql).load(tx.conn).db()?;
        found.extend(rows.into_iter().map(|row| (NodeId(row.node), row.name)));
    }
    Ok(found)
}

/// The files of each of these versions, counted by format, verdict and act, of those that are visible.
pub fn files_of(tx: &mut Tx<'_>, versions: &[NodeId]) -> Result<HashMap<NodeId, Vec<AlikeFiles>>> {
    let mut found: HashMap<NodeId, Vec<AlikeFiles>> = HashMap::new();
    for chunk in versions.chunks(MAX_IDS) {
        let visible = tx.visible_sql("a").map(|visible| format!(" AND {visible}")).unwrap_or_default();
        let sql = format!(
            "SELECT m.context_id AS version, h.format AS format, h.verdict AS verdict, h.act AS act, \
             count(*) AS files, CAST(sum(b.size) AS BIGINT) AS bytes \
             FROM members AS m JOIN nodes AS a ON a.id = m.node_id JOIN files AS f ON f.node_id = a.id \
             JOIN blobs AS b ON b.id = f.blob_id \
             LEFT JOIN inspections AS h ON h.node_id = f.node_id AND h.path = f.path \
             WHERE m.context_id IN ({}){visible} GROUP BY m.context_id, h.format, h.verdict, h.act \
             ORDER BY m.context_id, h.format, h.verdict, h.act",
            list(chunk)
        );
        let rows: Vec<FilesRow> = sql_query(sql).load(tx.conn).db()?;
        for row in rows {
            found.entry(NodeId(row.version)).or_default().push(AlikeFiles {
                format: row.format,
                verdict: row.verdict,
                act: row.act,
                files: row.files.unsigned_abs(),
                bytes: row.bytes.unsigned_abs(),
            });
        }
    }
    Ok(found)
}

/// The latest points of the metrics of these names that each of these versions or runs has, ordered by name.
pub fn metrics_of(tx: &mut Tx<'_>, homes: &[NodeId], names: &[String]) -> Result<HashMap<NodeId, Vec<LatestPoint>>> {
    let mut found: HashMap<NodeId, Vec<LatestPoint>> = HashMap::new();
    if names.is_empty() {
        return Ok(found);
    }
    for chunk in homes.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let query = metrics::table
            .filter(metrics::home_id.eq_any(ids).and(metrics::name.eq_any(names.to_vec())))
            .order((metrics::home_id, metrics::name))
            .select((metrics::home_id, metrics::name, metrics::value, metrics::step, metrics::at))
            .into_boxed::<MultiBackend>();
        for (home, name, value, step, at) in query.load::<PointRow>(tx.conn).db()? {
            let Some(home) = home else { continue };
            let point = MetricPoint { value: loaded(value), step, at };
            found.entry(NodeId(home)).or_default().push(LatestPoint { name, point });
        }
    }
    Ok(found)
}

/// Ids as text: numbers need no binding, and a statement names any number of them. None is one that nothing has.
pub(crate) fn list(ids: &[NodeId]) -> String {
    ids.iter().fold("-1".to_owned(), |mut list, id| {
        // Writing into a text cannot fail.
        let _ = write!(list, ", {id}");
        list
    })
}

/// Whose metric it is, its name, and the value, step and time of its latest point.
type PointRow = (Option<i64>, String, Option<f64>, i64, i64);

#[derive(QueryableByName)]
struct NumberRow {
    #[diesel(sql_type = BigInt)]
    node: i64,
    #[diesel(sql_type = Nullable<BigInt>)]
    number: Option<i64>,
}

#[derive(QueryableByName)]
struct NameRow {
    #[diesel(sql_type = BigInt)]
    node: i64,
    #[diesel(sql_type = Text)]
    name: String,
}

#[derive(QueryableByName)]
struct FilesRow {
    #[diesel(sql_type = BigInt)]
    version: i64,
    #[diesel(sql_type = Nullable<Text>)]
    format: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    verdict: Option<String>,
    #[diesel(sql_type = Nullable<Text>)]
    act: Option<String>,
    #[diesel(sql_type = BigInt)]
    files: i64,
    #[diesel(sql_type = BigInt)]
    bytes: i64,
}

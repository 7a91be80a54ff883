//! Versions by number. The database numbers every version as it is made, whoever makes it; a number is never given
//! again.

use std::collections::HashMap;

use diesel::dsl::min;
use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};

use crate::Tx;
use crate::connection::among;
use crate::error::DatabaseResult as _;
use crate::filter::seen;
use crate::joined;
use crate::nodes::{MAX_IDS, find_all};
use crate::schema::{members, nodes, version_counters, version_numbers};
use modelport_domain::{LogicalType, Node, NodeId, Result};

/// A version with its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Numbered {
    /// Its model.
    pub model: NodeId,
    /// The version.
    pub version: NodeId,
    /// Its number.
    pub number: i64,
}

/// The version of the model that has that number.
pub fn find(tx: &mut Tx<'_>, model: NodeId, number: i64) -> Result<Option<NodeId>> {
    let version = version_numbers::table
        .filter(version_numbers::model_id.eq(model.0).and(version_numbers::number.eq(number)))
        .select(version_numbers::version_id)
        .first::<i64>(tx.conn)
        .optional()
        .db()?;
    Ok(version.map(NodeId))
}

/// The numbers of these versions.
pub fn of(tx: &mut Tx<'_>, versions: &[NodeId]) -> Result<HashMap<NodeId, i64>> {
    let mut found = HashMap::new();
    for chunk in versions.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let query = version_numbers::table.select((version_numbers::version_id, version_numbers::number));
        let rows: Vec<(i64, i64)> =
            among!(query, version_numbers::version_id, ids.as_slice(), query => query.load(tx.conn).db()?);
        found.extend(rows.into_iter().map(|(version, number)| (NodeId(version), number)));
    }
    Ok(found)
}

/// The highest number that a version of the model ever had; 0 where it never had one.
///
/// While the caller has the model locked, nobody else makes a version of it.
pub fn last_given(tx: &mut Tx<'_>, model: NodeId) -> Result<i64> {
    let last = version_counters::table.find(model.0).select(version_counters::last).first(tx.conn);
    Ok(last.optional().db()?.unwrap_or(0))
}

/// The version of the model that has the highest number.
pub fn latest(tx: &mut Tx<'_>, model: NodeId) -> Result<Option<NodeId>> {
    let version = version_numbers::table
        .filter(version_numbers::model_id.eq(model.0))
        .order(version_numbers::number.desc())
        .select(version_numbers::version_id)
        .first::<i64>(tx.conn)
        .optional()
        .db()?;
    Ok(version.map(NodeId))
}

/// The versions of a model that say they are in that stage, archived ones among them, ordered by id.
pub fn in_stage(tx: &mut Tx<'_>, model: NodeId, stage: &str) -> Result<Vec<NodeId>> {
    let sql = "SELECT v.version_id AS id FROM version_numbers AS v \
               JOIN properties AS p ON p.node_id = v.version_id AND p.custom = FALSE AND p.name = 'stage' \
               WHERE v.model_id = $1 AND p.text_value = $2 ORDER BY v.version_id";
    let rows: Vec<IdRow> = sql_query(sql).bind::<BigInt, _>(model.0).bind::<Text, _>(stage).load(tx.conn).db()?;
    Ok(rows.into_iter().map(|row| NodeId(row.id)).collect())
}

/// Of each of these models the version with the highest number in each stage, ordered by model and number. A version
/// that is archived as such is in the stage `Archived`.
pub fn latest_by_stage(tx: &mut Tx<'_>, models: &[NodeId]) -> Result<Vec<Numbered>> {
    let mut found = Vec::new();
    for chunk in models.chunks(MAX_IDS) {
        let sql = format!(
            "SELECT model_id, version_id, number FROM (
                 SELECT v.model_id, v.version_id, v.number, row_number() OVER (
                     PARTITION BY v.model_id,
                         CASE WHEN a.node_id IS NULL THEN coalesce(s.text_value, 'None') ELSE 'Archived' END
                     ORDER BY v.number DESC) AS place
                 FROM version_numbers AS v
                 LEFT JOIN properties AS s ON s.node_id = v.version_id AND s.custom = FALSE AND s.name = 'stage'
                 LEFT JOIN properties AS a ON a.node_id = v.version_id AND a.custom = FALSE AND a.name = 'state'
                     AND a.text_value = 'ARCHIVED'
                 WHERE v.model_id IN ({})) AS ranked
             WHERE place = 1 ORDER BY model_id, number",
            list(chunk)
        );
        let rows: Vec<NumberedRow> = sql_query(sql).load(tx.conn).db()?;
        found.extend(rows.into_iter().map(Numbered::from));
    }
    Ok(found)
}

/// The first model artifact of each of these versions, its own or one that is attached to it.
pub fn artifacts(tx: &mut Tx<'_>, versions: &[NodeId]) -> Result<HashMap<NodeId, Node>> {
    let mut pairs: Vec<(NodeId, NodeId)> = Vec::new();
    for chunk in versions.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let of_type = nodes::type_id.eq(LogicalType::ModelArtifact.id());
        let query = members::table.inner_join(nodes::table.on(nodes::id.eq(members::node_id))).filter(of_type);
        let rows: Vec<(i64, Option<i64>)> = among!(query, members::context_id, ids.as_slice(), query => {
            seen!(tx, query, query => {
                query.group_by(members::context_id).select((members::context_id, min(nodes::id))).load(tx.conn)
            })
        })
        .db()?;
        pairs.extend(rows.into_iter().filter_map(|(version, artifact)| Some((NodeId(version), NodeId(artifact?)))));
    }
    let mut ids: Vec<NodeId> = pairs.iter().map(|(_, artifact)| *artifact).collect();
    ids.sort_unstable();
    ids.dedup();
    let found = match ids.as_slice() {
        [one] => joined::find(tx, *one)?.into_iter().collect(),
        many => find_all(tx, many)?,
    };
    let nodes: HashMap<NodeId, Node> = found.into_iter().map(|node| (node.id, node)).collect();
    Ok(pairs.into_iter().filter_map(|(version, artifact)| Some((version, nodes.get(&artifact)?.clone()))).collect())
}

/// The versions that were made of each of these logged models: the name of the model and the number, in the order in
/// which they were made. Their artifacts name the logged model as their source.
pub fn versions_of_logged_models(tx: &mut Tx<'_>, logged: &[NodeId]) -> Result<HashMap<NodeId, Vec<(String, i64)>>> {
    let mut found: HashMap<NodeId, Vec<(String, i64)>> = HashMap::new();
    for chunk in logged.chunks(MAX_IDS) {
        let visible = tx.visible_sql("m").map(|visible| format!(" AND {visible}")).unwrap_or_default();
        // The index on texts is one of those that are not long. SQLite would begin with the properties of all models.
        let sql = format!(
            "SELECT l.node_id AS logged, m.name AS model, v.number AS number \
             FROM logged_models AS l CROSS JOIN properties AS p CROSS JOIN nodes AS a \
             JOIN version_numbers AS v ON v.version_id = a.home_id JOIN nodes AS m ON m.id = v.model_id \
             WHERE l.node_id IN ({}) AND p.name = 'model_source_name' AND p.kind = 3 AND p.custom = FALSE \
             AND p.text_value = l.model_id AND length(p.text_value) <= 128 AND a.id = p.node_id{visible} \
             ORDER BY v.version_id",
            list(chunk)
        );
        let rows: Vec<VersionRow> = sql_query(sql).load(tx.conn).db()?;
        for row in rows {
            found.entry(NodeId(row.logged)).or_default().push((row.model, row.number));
        }
    }
    Ok(found)
}

/// Ids as text: numbers need no binding, and a statement names any number of them. None is one that nothing has.
fn list(ids: &[NodeId]) -> String {
    if ids.is_empty() {
        return "-1".to_owned();
    }
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

#[derive(QueryableByName)]
struct IdRow {
    #[diesel(sql_type = BigInt)]
    id: i64,
}

#[derive(QueryableByName)]
struct VersionRow {
    #[diesel(sql_type = BigInt)]
    logged: i64,
    #[diesel(sql_type = Text)]
    model: String,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

#[derive(QueryableByName)]
struct NumberedRow {
    #[diesel(sql_type = BigInt)]
    model_id: i64,
    #[diesel(sql_type = BigInt)]
    version_id: i64,
    #[diesel(sql_type = BigInt)]
    number: i64,
}

impl From<NumberedRow> for Numbered {
    fn from(row: NumberedRow) -> Self {
        Self { model: NodeId(row.model_id), version: NodeId(row.version_id), number: row.number }
    }
}

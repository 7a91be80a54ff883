//! Model records: which artifacts are one, and which of their files is its archive.

use std::collections::BTreeMap;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use super::connection::MultiBackend;
use super::files::{self, file};
use super::filter::narrow;
use super::nodes::{MAX_IDS, NodeRow, hydrate};
use super::schema::{blobs, files as file_rows, nodes};
use super::{Tx, blobs::BlobRow};
use crate::error::DatabaseResult as _;
use modelport_domain::{File, LogicalType, Node, NodeId, Result};

/// The free property of a record that was made as one, as every database has it: its archive's path.
pub const ARCHIVE_PATH: &str = "edge_file";

/// A file that is an archive by its media type or its name.
const IS_ARCHIVE: &str = "(files.media_type IN ('application/zip', 'multipart/x-zip', 'application/zip-compressed', \
    'application/x-zip-compressed', 'application/x-zip') OR lower(files.path) LIKE '%.zip')";

/// A record that was made as one has this free text; one that was not is let through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// The property is the text.
    Equals(&'static str, String),
    /// The property contains the text, of which the case of ASCII letters is ignored; it has no other letters.
    Contains(&'static str, String),
}

/// The first `limit` artifacts that are records and have an id in another system after that one, ordered by it, but for
/// those that no hint lets through.
pub fn list_external(tx: &mut Tx<'_>, hints: &[Hint], after: Option<&str>, limit: u32) -> Result<Vec<Node>> {
    let mut query = nodes::table
        .filter(nodes::kind.eq(LogicalType::ModelArtifact.kind().number()))
        .filter(nodes::type_id.eq(LogicalType::ModelArtifact.id()))
        .filter(nodes::home_id.is_not_null())
        .filter(nodes::external_id.gt(after.unwrap_or_default()))
        .filter(is_record(hints))
        .order(nodes::external_id)
        .limit(i64::from(limit))
        .select(NodeRow::as_select())
        .into_boxed::<MultiBackend>();
    narrow!(query, tx.listed("nodes"));
    let rows: Vec<NodeRow> = query.load(tx.conn).db()?;
    hydrate(tx, rows)
}

/// The first `limit` artifacts that are records after that one, ordered by their own ids, each with its id in another system, but
/// for those that no hint lets through.
pub fn list_ids(
    tx: &mut Tx<'_>,
    hints: &[Hint],
    after: Option<NodeId>,
    limit: u32,
) -> Result<Vec<(NodeId, Option<String>)>> {
    let mut query = nodes::table
        .filter(nodes::type_id.eq(LogicalType::ModelArtifact.id()))
        .filter(nodes::home_id.is_not_null())
        .filter(nodes::id.gt(after.map_or(0, |node| node.0)))
        .filter(is_record(hints))
        .order(nodes::id)
        .limit(i64::from(limit))
        .select((nodes::id, nodes::external_id))
        .into_boxed::<MultiBackend>();
    narrow!(query, tx.listed("nodes"));
    let rows: Vec<(i64, Option<String>)> = query.load(tx.conn).db()?;
    Ok(rows.into_iter().map(|(id, external)| (NodeId(id), external)).collect())
}

/// The first `limit` artifacts of a version that are records after that one, ordered by their own ids.
pub fn list_of_version(tx: &mut Tx<'_>, version: NodeId, after: Option<NodeId>, limit: u32) -> Result<Vec<Node>> {
    let rows: Vec<NodeRow> = nodes::table
        .filter(nodes::home_id.eq(version.0))
        .filter(nodes::type_id.eq(LogicalType::ModelArtifact.id()))
        .filter(nodes::id.gt(after.map_or(0, |node| node.0)))
        .filter(is_record(&[]))
        .order(nodes::id)
        .limit(i64::from(limit))
        .select(NodeRow::as_select())
        .load(tx.conn)
        .db()?;
    hydrate(tx, rows)
}

type Condition = Box<dyn BoxableExpression<nodes::table, MultiBackend, SqlType = Bool>>;

fn is_record(hints: &[Hint]) -> Condition {
    let mut condition: Condition = Box::new(sql::<Bool>(&format!(
        "(EXISTS (SELECT 1 FROM files WHERE files.node_id = nodes.id AND {IS_ARCHIVE}) OR {})",
        has_property(ARCHIVE_PATH)
    )));
    for hint in hints {
        let (name, operator, text, end) = match hint {
            Hint::Equals(name, text) => (name, "=", text.clone(), "))"),
            Hint::Contains(name, text) => (name, "LIKE", pattern(text), " ESCAPE '\\'))"),
        };
        let shown = if operator == "=" { "p.text_value" } else { "lower(p.text_value)" };
        let start = format!(
            "(NOT {} OR EXISTS (SELECT 1 FROM properties p WHERE p.node_id = nodes.id AND p.custom = TRUE AND p.name = '{name}' \
             AND {shown} {operator} ",
            has_property(ARCHIVE_PATH)
        );
        condition = Box::new(condition.and(sql::<Bool>(&start).bind::<Text, _>(text).sql(end)));
    }
    condition
}

fn has_property(name: &str) -> String {
    format!("EXISTS (SELECT 1 FROM properties m WHERE m.node_id = nodes.id AND m.custom = TRUE AND m.name = '{name}')")
}

fn pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for letter in text.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter.to_ascii_lowercase());
    }
    pattern + "%"
}

/// The archives of each of these nodes, ordered by path.
pub fn archives(tx: &mut Tx<'_>, nodes: &[NodeId]) -> Result<BTreeMap<NodeId, Vec<File>>> {
    let mut found: BTreeMap<NodeId, Vec<File>> = BTreeMap::new();
    for chunk in nodes.chunks(MAX_IDS) {
        let ids: Vec<_> = chunk.iter().map(|id| id.0).collect();
        let rows: Vec<(files::FileRow, BlobRow)> = file_rows::table
            .inner_join(blobs::table)
            .filter(file_rows::node_id.eq_any(ids))
            .filter(sql::<Bool>(IS_ARCHIVE))
            .order((file_rows::node_id.asc(), file_rows::path.asc()))
            .select((files::FileRow::as_select(), BlobRow::as_select()))
            .load(tx.conn)
            .db()?;
        for row in rows {
            let file = file(row)?;
            found.entry(file.node_id).or_default().push(file);
        }
    }
    Ok(found)
}

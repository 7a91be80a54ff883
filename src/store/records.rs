//! Model records: which artifacts are one, and which of their files is its archive.

use std::collections::BTreeMap;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use super::connection::MultiBackend;
use super::files::{self, file};
use super::nodes::{CHUNK, NodeRow, hydrate};
use super::schema::{blobs, files as file_rows, nodes};
use super::{Tx, blobs::BlobRow};
use crate::domain::{File, LogicalType, Node, NodeId, Result};

/// The free property of a record that was made as one: its archive's path.
pub const ARCHIVE: &str = "edge_file";

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

/// The first `limit` artifacts that are records after that one, ordered by id, but for those that no hint lets through.
pub fn list(tx: &mut Tx<'_>, hints: &[Hint], after: Option<NodeId>, limit: u32) -> Result<Vec<Node>> {
    let mut query = nodes::table
        .filter(nodes::type_id.eq(LogicalType::ModelArtifact.id()))
        .filter(nodes::home_id.is_not_null())
        .filter(nodes::id.gt(after.map_or(0, |node| node.0)))
        .filter(sql::<Bool>(&format!(
            "(EXISTS (SELECT 1 FROM files WHERE files.node_id = nodes.id AND {IS_ARCHIVE}) OR {})",
            has_property(ARCHIVE)
        )))
        .order(nodes::id)
        .limit(i64::from(limit))
        .select(NodeRow::as_select())
        .into_boxed::<MultiBackend>();
    for hint in hints {
        let (name, operator, text, end) = match hint {
            Hint::Equals(name, text) => (name, "=", text.clone(), "))"),
            Hint::Contains(name, text) => (name, "LIKE", pattern(text), " ESCAPE '\\'))"),
        };
        let shown = if operator == "=" { "p.text_value" } else { "lower(p.text_value)" };
        let start = format!(
            "(NOT {} OR EXISTS (SELECT 1 FROM properties p WHERE p.node_id = nodes.id AND p.custom = TRUE AND p.name = '{name}' \
             AND {shown} {operator} ",
            has_property(ARCHIVE)
        );
        query = query.filter(sql::<Bool>(&start).bind::<Text, _>(text).sql(end));
    }
    let rows: Vec<NodeRow> = query.load(tx.conn)?;
    hydrate(tx, rows)
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
    for chunk in nodes.chunks(CHUNK) {
        let ids: Vec<_> = chunk.iter().map(|id| id.0).collect();
        let rows: Vec<(files::FileRow, BlobRow)> = file_rows::table
            .inner_join(blobs::table)
            .filter(file_rows::node_id.eq_any(ids))
            .filter(sql::<Bool>(IS_ARCHIVE))
            .order((file_rows::node_id.asc(), file_rows::path.asc()))
            .select((files::FileRow::as_select(), BlobRow::as_select()))
            .load(tx.conn)?;
        for row in rows {
            let file = file(row)?;
            found.entry(file.node_id).or_default().push(file);
        }
    }
    Ok(found)
}

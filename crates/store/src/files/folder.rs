//! One level of a folder of files; and many files removed at once.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::{BigInt, Text};

use super::Holder;
use crate::Tx;
use crate::connection::AnyConnection;
use crate::error::DatabaseResult as _;
use crate::nodes::MAX_IDS;
use crate::schema::{files, inspections};
use modelport_domain::{FilePath, FolderEntry, NodeId, Result};

#[derive(QueryableByName)]
struct FoundPath {
    #[diesel(sql_type = Text)]
    path: String,
    #[diesel(sql_type = BigInt)]
    size: i64,
}

/// The smallest character that a text can have here. No path has it.
const LEAST: &str = "\u{1}";

/// What the folder has at its top, ordered by name; all of the holder where there is no folder. Nothing where no file is below that
/// path.
///
/// One statement, which asks the index for one file of each folder, however many are below it.
pub fn entries(tx: &mut Tx<'_>, holder: Holder, folder: Option<&FilePath>) -> Result<Vec<FolderEntry>> {
    // The paths below the folder begin with the one, and come before the other. After a slash comes a zero.
    let (prefix, end) = folder.map_or_else(Default::default, |folder| (format!("{folder}/"), format!("{folder}0")));
    let (holders, of) = match holder {
        Holder::Node(node) => ("SELECT CAST($1 AS BIGINT)".to_owned(), node),
        Holder::Members(context) => {
            let visible = tx.visible_sql("n").map(|visible| format!(" AND {visible}")).unwrap_or_default();
            let members = "SELECT n.id FROM members AS m JOIN nodes AS n ON n.id = m.node_id WHERE m.context_id = $1";
            (format!("{members}{visible}"), context)
        }
    };
    let position = match tx.conn {
        AnyConnection::Postgres(_) => "strpos",
        AnyConnection::Sqlite(_) => "instr",
    };
    // Where in a path the folder ends, and where the next slash is after that.
    let known = prefix.chars().count();
    let slash = format!("{position}(substr(found.path, {known} + 1), '/')");
    // After a folder comes what is not below it: After a file comes whatever is greater.
    let after = format!(
        "CASE WHEN {slash} > 0 THEN substr(found.path, 1, {known} + {slash} - 1) || '0' ELSE found.path || $3 END"
    );
    let first = |node: &str, from: &str| {
        format!("(SELECT f.path FROM files AS f WHERE f.node_id = {node} AND f.path >= {from} ORDER BY f.path LIMIT 1)")
    };
    // SQLite numbers parameters as they come.
    let sql = format!(
        "WITH RECURSIVE holders (id) AS ({holders}), found (node_id, path) AS (\
         SELECT holders.id, {} FROM holders UNION ALL \
         SELECT found.node_id, {} FROM found WHERE found.path < $4 OR (found.path IS NOT NULL AND $4 = '')) \
         SELECT found.path, blobs.size FROM found \
         JOIN files ON files.node_id = found.node_id AND files.path = found.path JOIN blobs ON blobs.id = files.blob_id \
         WHERE found.path < $4 OR $4 = '' ORDER BY found.node_id",
        first("holders.id", "$2"),
        first("found.node_id", &after),
    );
    let rows: Vec<FoundPath> = sql_query(sql)
        .bind::<BigInt, _>(of.0)
        .bind::<Text, _>(&prefix)
        .bind::<Text, _>(LEAST)
        .bind::<Text, _>(&end)
        .load(tx.conn)
        .db()?;
    let mut entries: BTreeMap<(String, bool), Option<u64>> = BTreeMap::new();
    for FoundPath { path, size } in rows {
        tx.loaded.add(path.len())?;
        let rest = path.get(prefix.len()..).unwrap_or_default();
        let (name, size) = match rest.split_once('/') {
            Some((folder, _)) => (folder, None),
            None => (rest, Some(size.unsigned_abs())),
        };
        // Of two members of a context, the older one has the path.
        entries.entry((name.to_owned(), size.is_none())).or_insert(size);
    }
    Ok(entries.into_iter().map(|((name, _), size)| FolderEntry { name, size }).collect())
}

/// Removes files of a node with their inspections.
pub fn delete_all(tx: &mut Tx<'_>, node: NodeId, paths: &[&str]) -> Result<()> {
    for chunk in paths.chunks(MAX_IDS) {
        let known = inspections::node_id.eq(node.0).and(inspections::path.eq_any(chunk.to_vec()));
        diesel::delete(inspections::table.filter(known)).execute(tx.conn).db()?;
        let gone = files::node_id.eq(node.0).and(files::path.eq_any(chunk.to_vec()));
        diesel::delete(files::table.filter(gone)).execute(tx.conn).db()?;
    }
    Ok(())
}

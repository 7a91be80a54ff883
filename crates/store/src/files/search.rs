//! Files of all nodes of a workspace: by what inspection found in them, by their paths, or by their bytes.

use std::collections::BTreeSet;

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::{Bool, Text};

use super::{FileRow, file};
use crate::Tx;
use crate::blobs::BlobRow;
use crate::connection::{AnyConnection, MultiBackend};
use crate::error::DatabaseResult as _;
use crate::filter::narrow;
use crate::inspections::{CLEAN, InspectionRecord, InspectionRow};
use crate::schema::{blobs, files, inspections, nodes};
use modelport_domain::{File, FilePath, NodeId, Result, Sha256};

/// Which files are wanted; what is `None` or empty narrows nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct WantedFiles {
    /// One of these verdicts is on them.
    pub verdicts: Vec<String>,
    /// Whether they are quarantined.
    pub quarantined: Option<bool>,
    /// The id of a rule by which something was found in them. It has no character that JSON escapes.
    pub rule: Option<String>,
    /// Their format.
    pub format: Option<String>,
    /// Their path, in which `*` is any text.
    pub path: Option<String>,
    /// The digest of their bytes.
    pub sha256: Option<Sha256>,
}

/// The first `limit` files after the one of that node and path, ordered by node and path, each with its inspection.
pub fn search(
    tx: &mut Tx<'_>,
    wanted: &WantedFiles,
    after: Option<(NodeId, &FilePath)>,
    limit: u32,
) -> Result<Vec<(File, Option<InspectionRecord>)>> {
    let inspected =
        inspections::table.on(inspections::node_id.eq(files::node_id).and(inspections::path.eq(files::path)));
    let mut query = files::table
        .inner_join(blobs::table)
        .inner_join(nodes::table)
        .left_join(inspected)
        .select((FileRow::as_select(), BlobRow::as_select(), Option::<InspectionRow>::as_select()))
        .order((files::node_id.asc(), files::path.asc()))
        .limit(i64::from(limit))
        .into_boxed::<MultiBackend>();
    narrow!(query, tx.listed("nodes"));
    if !wanted.verdicts.is_empty() {
        query = query.filter(inspections::verdict.eq_any(wanted.verdicts.clone()));
        if !wanted.verdicts.iter().any(|verdict| verdict == CLEAN) {
            // So that the index of those that are not clean is known to have them.
            query = query.filter(inspections::verdict.ne(CLEAN));
        }
    }
    if let Some(quarantined) = wanted.quarantined {
        query = match quarantined {
            true => query.filter(files::quarantine.is_not_null()),
            false => query.filter(files::quarantine.is_null()),
        };
    }
    if let Some(rule) = &wanted.rule {
        let said = format!("%\"rule\":\"{rule}\"%");
        let found = inspections::findings.like(said.clone()).or(inspections::judged.like(said));
        query = query.filter(inspections::verdict.ne(CLEAN));
        query = query.filter(found);
    }
    if let Some(format) = &wanted.format {
        query = query.filter(inspections::format.eq(format.clone()).assume_not_null());
    }
    if let Some(path) = &wanted.path {
        // SQLite's LIKE takes letters of either case for the same.
        let (sign, pattern) = match tx.conn {
            AnyConnection::Postgres(_) => ("LIKE", like(path)),
            AnyConnection::Sqlite(_) => ("GLOB", glob(path)),
        };
        query = query.filter(sql::<Bool>(&format!("files.path {sign} ")).bind::<Text, _>(pattern));
    }
    if let Some(sha256) = &wanted.sha256 {
        query = query.filter(blobs::sha256.eq(sha256.to_string()));
    }
    if let Some((node, path)) = after {
        let beyond = files::node_id.gt(node.0).or(files::path.gt(path.as_str().to_owned()));
        query = query.filter(files::node_id.ge(node.0)).filter(beyond);
    }
    tx.check_deadline()?;
    let rows: Vec<Row> = query.load(tx.conn).db()?;
    rows.into_iter().map(found).collect()
}

/// The files at these places, ordered by node and path, each with its inspection. The caller was seen to see them.
pub fn at(tx: &mut Tx<'_>, places: &BTreeSet<(NodeId, FilePath)>) -> Result<Vec<(File, Option<InspectionRecord>)>> {
    let inspected =
        inspections::table.on(inspections::node_id.eq(files::node_id).and(inspections::path.eq(files::path)));
    let nodes: BTreeSet<i64> = places.iter().map(|(node, _)| node.0).collect();
    let paths: BTreeSet<&str> = places.iter().map(|(_, path)| path.as_str()).collect();
    let rows: Vec<Row> = files::table
        .inner_join(blobs::table)
        .left_join(inspected)
        .filter(files::node_id.eq_any(nodes).and(files::path.eq_any(paths)))
        .select((FileRow::as_select(), BlobRow::as_select(), Option::<InspectionRow>::as_select()))
        .order((files::node_id.asc(), files::path.asc()))
        .load(tx.conn)
        .db()?;
    let mut all = Vec::with_capacity(places.len());
    for row in rows {
        let (file, known) = found(row)?;
        if places.contains(&(file.node_id, file.path.clone())) {
            all.push((file, known));
        }
    }
    Ok(all)
}

type Row = (FileRow, BlobRow, Option<InspectionRow>);

fn found((row, blob, known): Row) -> Result<(File, Option<InspectionRecord>)> {
    Ok((file((row, blob))?, known.map(InspectionRecord::try_from).transpose()?))
}

/// The pattern of LIKE that a path with asterisks is. A backslash escapes without being said to.
fn like(path: &str) -> String {
    path.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_").replace('*', "%")
}

/// The pattern of GLOB that it is.
fn glob(path: &str) -> String {
    path.replace('[', "[[]").replace('?', "[?]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_asterisk_alone_is_any_text() {
        assert_eq!(like("a_b/*.b%n\\"), "a\\_b/%.b\\%n\\\\");
        assert_eq!(glob("a?[1]/*"), "a[?][[]1]/*");
    }
}

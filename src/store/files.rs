//! Files: paths below a node that point at blobs.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;

use super::Tx;
use super::blobs::BlobRow;
use super::error::{is_missing_reference, violated_unique};
use super::nodes::CHUNK;
use super::schema::{blobs, files, inspections, members};
use crate::domain::{Blob, Error, File, FilePath, Millis, NodeId, Result};

#[derive(Queryable, Selectable)]
#[diesel(table_name = files, treat_none_as_default_value = false)]
pub(super) struct FileRow {
    node_id: i64,
    path: String,
    media_type: String,
    created_at: i64,
    quarantine: Option<String>,
}

#[derive(Insertable)]
#[diesel(table_name = files, treat_none_as_default_value = false)]
struct NewFile<'a> {
    node_id: i64,
    path: &'a str,
    blob_id: i64,
    media_type: &'a str,
    created_at: i64,
}

/// Whose files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// Those of one node.
    Node(NodeId),
    /// Those of all members of a context.
    Members(NodeId),
}

pub(super) fn file((row, blob): (FileRow, BlobRow)) -> Result<File> {
    Ok(File {
        node_id: NodeId(row.node_id),
        path: row.path.parse().map_err(|_| Error::internal(format!("file path `{}` is broken", row.path)))?,
        media_type: row.media_type,
        created_at: row.created_at,
        quarantine: row.quarantine,
        blob: blob.try_into()?,
    })
}

/// The file at that path.
pub fn find(tx: &mut Tx<'_>, node: NodeId, path: &FilePath) -> Result<Option<File>> {
    let row = files::table
        .inner_join(blobs::table)
        .filter(files::node_id.eq(node.0).and(files::path.eq(path.as_str())))
        .select((FileRow::as_select(), BlobRow::as_select()))
        .first(tx.conn)
        .optional()?;
    row.map(file).transpose()
}

/// The file at that path of a member of the context; of several, that of the oldest member.
pub fn find_in(tx: &mut Tx<'_>, context: NodeId, path: &FilePath) -> Result<Option<File>> {
    let members = members::table.filter(members::context_id.eq(context.0)).select(members::node_id);
    let row = files::table
        .inner_join(blobs::table)
        .filter(files::path.eq(path.as_str()).and(files::node_id.eq_any(members)))
        .order(files::node_id)
        .select((FileRow::as_select(), BlobRow::as_select()))
        .first(tx.conn)
        .optional()?;
    row.map(file).transpose()
}

/// The first `limit` files of the holder after the path, ordered by path and then by node.
pub fn list(tx: &mut Tx<'_>, holder: Holder, after: Option<(&FilePath, NodeId)>, limit: u32) -> Result<Vec<File>> {
    let mut query = files::table
        .inner_join(blobs::table)
        .select((FileRow::as_select(), BlobRow::as_select()))
        .order((files::path.asc(), files::node_id.asc()))
        .limit(i64::from(limit))
        .into_boxed::<super::connection::MultiBackend>();
    query = match holder {
        Holder::Node(node) => query.filter(files::node_id.eq(node.0)),
        Holder::Members(context) => {
            let members = members::table.filter(members::context_id.eq(context.0)).select(members::node_id);
            query.filter(files::node_id.eq_any(members))
        }
    };
    if let Some((path, node)) = after {
        let path = path.as_str();
        query = query.filter(files::path.ge(path)).filter(files::path.gt(path).or(files::node_id.gt(node.0)));
    }
    query.load::<(FileRow, BlobRow)>(tx.conn)?.into_iter().map(file).collect()
}

/// How many files each of these nodes has, and the path of the first; nodes without files are left out.
pub fn summaries(tx: &mut Tx<'_>, nodes: &[NodeId]) -> Result<BTreeMap<NodeId, (i64, String)>> {
    let mut summaries = BTreeMap::new();
    for chunk in nodes.chunks(CHUNK) {
        let ids: Vec<_> = chunk.iter().map(|id| id.0).collect();
        let rows: Vec<(i64, i64, Option<String>)> = files::table
            .filter(files::node_id.eq_any(ids))
            .group_by(files::node_id)
            .select((files::node_id, diesel::dsl::count_star(), diesel::dsl::min(files::path)))
            .load(tx.conn)?;
        summaries.extend(rows.into_iter().map(|(id, count, first)| (NodeId(id), (count, first.unwrap_or_default()))));
    }
    Ok(summaries)
}

/// Adds a file.
///
/// Errors: AlreadyExists when the path is taken, NotFound when the node is gone.
pub fn insert(
    tx: &mut Tx<'_>,
    node: NodeId,
    path: &FilePath,
    blob: &Blob,
    media_type: &str,
    now: Millis,
) -> Result<()> {
    let new = NewFile { node_id: node.0, path: path.as_str(), blob_id: blob.id, media_type, created_at: now };
    match diesel::insert_into(files::table).values(&new).execute(tx.conn) {
        Ok(_) => Ok(()),
        Err(error) if violated_unique(&error).is_some() => {
            Err(Error::already_exists(format!("file `{path}` already exists")).on_field("path"))
        }
        Err(error) if is_missing_reference(&error) => Err(Error::not_found(format!("artifact `{node}`"))),
        Err(error) => Err(error.into()),
    }
}

/// Points an existing file at other bytes, of which nobody has said yet that they are quarantined.
pub fn replace(
    tx: &mut Tx<'_>,
    node: NodeId,
    path: &FilePath,
    blob: &Blob,
    media_type: &str,
    now: Millis,
) -> Result<()> {
    diesel::update(files::table.find((node.0, path.as_str())))
        .set((
            files::blob_id.eq(blob.id),
            files::media_type.eq(media_type),
            files::created_at.eq(now),
            files::quarantine.eq(None::<String>),
        ))
        .execute(tx.conn)?;
    Ok(())
}

/// Those of the node's files that have one of these paths.
pub(super) fn among(tx: &mut Tx<'_>, node: NodeId, paths: Vec<&str>) -> Result<BTreeMap<String, File>> {
    let mut found = BTreeMap::new();
    for chunk in paths.chunks(CHUNK) {
        let rows: Vec<(FileRow, BlobRow)> = files::table
            .inner_join(blobs::table)
            .filter(files::node_id.eq(node.0).and(files::path.eq_any(chunk.to_vec())))
            .select((FileRow::as_select(), BlobRow::as_select()))
            .load(tx.conn)?;
        for (row, blob) in rows {
            found.insert(row.path.clone(), file((row, blob))?);
        }
    }
    Ok(found)
}

/// Says why a file is quarantined, or that it is not.
pub fn quarantine(tx: &mut Tx<'_>, node: NodeId, path: &FilePath, reason: Option<&str>) -> Result<()> {
    let target = files::table.find((node.0, path.as_str()));
    diesel::update(target).set(files::quarantine.eq(reason)).execute(tx.conn)?;
    Ok(())
}

/// The sizes of those of these files that the node has.
pub fn sizes(tx: &mut Tx<'_>, node: NodeId, paths: &BTreeSet<FilePath>) -> Result<BTreeMap<FilePath, u64>> {
    let paths: Vec<_> = paths.iter().map(FilePath::as_str).collect();
    let mut sizes = BTreeMap::new();
    for chunk in paths.chunks(CHUNK) {
        let rows: Vec<(String, i64)> = files::table
            .inner_join(blobs::table)
            .filter(files::node_id.eq(node.0).and(files::path.eq_any(chunk.to_vec())))
            .select((files::path, blobs::size))
            .load(tx.conn)?;
        for (path, size) in rows {
            sizes.insert(path.parse()?, size.unsigned_abs());
        }
    }
    Ok(sizes)
}

/// How many files there are.
pub fn count(tx: &mut Tx<'_>) -> Result<u64> {
    let files: i64 = files::table.count().get_result(tx.conn)?;
    Ok(files.unsigned_abs())
}

/// The first `limit` nodes that have files, after that one, ordered by id.
pub fn holders(tx: &mut Tx<'_>, after: Option<NodeId>, limit: u32) -> Result<Vec<NodeId>> {
    let after = after.map_or(0, |node| node.0);
    let rows: Vec<i64> = files::table
        .filter(files::node_id.gt(after))
        .select(files::node_id)
        .distinct()
        .order(files::node_id)
        .limit(i64::from(limit))
        .load(tx.conn)?;
    Ok(rows.into_iter().map(NodeId).collect())
}

/// Removes a file, with what was learned of it. `false` when there was none.
pub fn delete(tx: &mut Tx<'_>, node: NodeId, path: &FilePath) -> Result<bool> {
    diesel::delete(inspections::table.find((node.0, path.as_str()))).execute(tx.conn)?;
    Ok(diesel::delete(files::table.find((node.0, path.as_str()))).execute(tx.conn)? > 0)
}

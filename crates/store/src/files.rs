//! Files: paths below a node that point at blobs.

mod folder;
mod named;
mod search;

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::BigInt;
use diesel::upsert::excluded;

use super::Tx;
use super::blobs::BlobRow;
use super::bulk::{Column, Insert};
use super::connection::{AnyConnection, MultiBackend};
use super::filter::narrow;
use super::nodes::MAX_IDS;
use super::schema::{blobs, files, inspections, members};
use crate::error::{DatabaseResult as _, database_error, is_missing_reference};
use modelport_domain::{Error, File, FilePath, LogicalType, NodeId, Result};

pub use folder::{delete_all, entries};
pub use named::{Among, named};
pub use search::{WantedFiles, at, search};

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
    quarantine: Option<&'a str>,
}

/// The holder of files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Holder {
    /// One node.
    Node(NodeId),
    /// All members of a context.
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
        .optional()
        .db()?;
    row.map(file).transpose()
}

/// The file at that path of a member of the context; of several, that of the oldest member.
pub fn find_in(tx: &mut Tx<'_>, context: NodeId, path: &FilePath) -> Result<Option<File>> {
    let members = members::table.filter(members::context_id.eq(context.0)).select(members::node_id);
    let mut query = files::table
        .inner_join(blobs::table)
        .filter(files::path.eq(path.as_str()).and(files::node_id.eq_any(members)))
        .order(files::node_id)
        .select((FileRow::as_select(), BlobRow::as_select()))
        .into_boxed::<MultiBackend>();
    narrow!(query, tx.visible_by_id("files.node_id"));
    query.first(tx.conn).optional().db()?.map(file).transpose()
}

/// Those of these paths at which members of the context have files, with the oldest such member.
pub fn holders_in(tx: &mut Tx<'_>, context: NodeId, paths: &[&str]) -> Result<BTreeMap<String, NodeId>> {
    let mut found = BTreeMap::new();
    for chunk in paths.chunks(MAX_IDS) {
        let members = members::table.filter(members::context_id.eq(context.0)).select(members::node_id);
        let mut query = files::table
            .filter(files::path.eq_any(chunk.to_vec()).and(files::node_id.eq_any(members)))
            .group_by(files::path)
            .select((files::path, diesel::dsl::min(files::node_id)))
            .into_boxed::<MultiBackend>();
        narrow!(query, tx.visible_by_id("files.node_id"));
        let rows: Vec<(String, Option<i64>)> = query.load(tx.conn).db()?;
        found.extend(rows.into_iter().filter_map(|(path, node)| Some((path, NodeId(node?)))));
    }
    Ok(found)
}

/// The first `limit` files of the holder after the path, ordered by path and then by node.
pub fn list(tx: &mut Tx<'_>, holder: Holder, after: Option<(&FilePath, NodeId)>, limit: u32) -> Result<Vec<File>> {
    list_below(tx, holder, None, after, limit)
}

/// The same, where a path is given, of what is below that or at it.
pub fn list_below(
    tx: &mut Tx<'_>,
    holder: Holder,
    below: Option<&FilePath>,
    after: Option<(&FilePath, NodeId)>,
    limit: u32,
) -> Result<Vec<File>> {
    let mut query = files::table
        .inner_join(blobs::table)
        .select((FileRow::as_select(), BlobRow::as_select()))
        .order((files::path.asc(), files::node_id.asc()))
        .limit(i64::from(limit))
        .into_boxed::<MultiBackend>();
    query = match holder {
        Holder::Node(node) => query.filter(files::node_id.eq(node.0)),
        Holder::Members(context) => {
            let members = members::table.filter(members::context_id.eq(context.0)).select(members::node_id);
            let mut query = query.filter(files::node_id.eq_any(members));
            narrow!(query, tx.visible_by_id("files.node_id"));
            query
        }
    };
    if let Some(below) = below {
        let path = below.as_str();
        // After a slash comes a zero.
        let inside = files::path.ge(format!("{path}/")).and(files::path.lt(format!("{path}0")));
        query = query.filter(files::path.eq(path).or(inside));
    }
    if let Some((path, node)) = after {
        let path = path.as_str();
        query = query.filter(files::path.ge(path)).filter(files::path.gt(path).or(files::node_id.gt(node.0)));
    }
    query.load::<(FileRow, BlobRow)>(tx.conn).db()?.into_iter().map(file).collect()
}

/// The first files below these folders of an artifact, ordered by path.
pub fn list_in_folders(tx: &mut Tx<'_>, node: NodeId, folders: &[&str], limit: u32) -> Result<Vec<File>> {
    let mut listed = Vec::new();
    for chunk in folders.chunks(MAX_FOLDERS) {
        let mut query = files::table
            .inner_join(blobs::table)
            .select((FileRow::as_select(), BlobRow::as_select()))
            .order(files::path.asc())
            .limit(i64::from(limit).saturating_sub(i64::try_from(listed.len()).unwrap_or(i64::MAX)))
            .into_boxed::<MultiBackend>();
        for folder in chunk {
            let inside = files::path.ge(format!("{folder}/")).and(files::path.lt(format!("{folder}0")));
            query = query.or_filter(files::node_id.eq(node.0).and(inside));
        }
        for row in query.load::<(FileRow, BlobRow)>(tx.conn).db()? {
            listed.push(file(row)?);
        }
    }
    Ok(listed)
}

/// How many folders a statement looks into at once.
const MAX_FOLDERS: usize = 100;

/// How many files each of these nodes has, and the path of the first; nodes without files are left out.
pub fn summaries(tx: &mut Tx<'_>, nodes: &[NodeId]) -> Result<BTreeMap<NodeId, (i64, String)>> {
    let mut summaries = BTreeMap::new();
    for chunk in nodes.chunks(MAX_IDS) {
        let ids: Vec<_> = chunk.iter().map(|id| id.0).collect();
        let rows: Vec<(i64, i64, Option<String>)> = files::table
            .filter(files::node_id.eq_any(ids))
            .group_by(files::node_id)
            .select((files::node_id, diesel::dsl::count_star(), diesel::dsl::min(files::path)))
            .load(tx.conn)
            .db()?;
        summaries.extend(rows.into_iter().map(|(id, count, first)| (NodeId(id), (count, first.unwrap_or_default()))));
    }
    Ok(summaries)
}

/// Adds files, in place of those that their nodes have at the same paths.
///
/// Errors: NotFound when a node is gone.
pub fn put_all(tx: &mut Tx<'_>, new: &[File]) -> Result<()> {
    for chunk in new.chunks(MAX_IDS) {
        let rows: Vec<NewFile<'_>> = chunk
            .iter()
            .map(|file| NewFile {
                node_id: file.node_id.0,
                path: file.path.as_str(),
                blob_id: file.blob.id,
                media_type: &file.media_type,
                created_at: file.created_at,
                quarantine: file.quarantine.as_deref(),
            })
            .collect();
        let put = match tx.conn {
            AnyConnection::Postgres(conn) => bulk(&rows).execute(conn),
            AnyConnection::Sqlite(conn) => diesel::insert_into(files::table)
                .values(&rows)
                .on_conflict((files::node_id, files::path))
                .do_update()
                .set((
                    files::blob_id.eq(excluded(files::blob_id)),
                    files::media_type.eq(excluded(files::media_type)),
                    files::created_at.eq(excluded(files::created_at)),
                    files::quarantine.eq(excluded(files::quarantine)),
                ))
                .execute(conn),
        };
        put.map_err(|error| {
            if is_missing_reference(&error) {
                Error::not_found("the artifact of a file")
            } else {
                database_error(error)
            }
        })?;
    }
    Ok(())
}

fn bulk<'a>(rows: &'a [NewFile<'a>]) -> Insert<'a> {
    let each = rows.iter();
    let columns = vec![
        ("node_id", Column::Int(each.clone().map(|row| row.node_id).collect())),
        ("path", Column::Text(each.clone().map(|row| row.path).collect())),
        ("blob_id", Column::Int(each.clone().map(|row| row.blob_id).collect())),
        ("media_type", Column::Text(each.clone().map(|row| row.media_type).collect())),
        ("created_at", Column::Int(each.clone().map(|row| row.created_at).collect())),
        ("quarantine", Column::MaybeText(each.map(|row| row.quarantine).collect())),
    ];
    let end = "ON CONFLICT (node_id, path) DO UPDATE SET blob_id = excluded.blob_id, media_type = excluded.media_type, \
               created_at = excluded.created_at, quarantine = excluded.quarantine";
    Insert { table: "files", columns, end }
}

/// Those of the node's files that have one of these paths.
pub fn among(tx: &mut Tx<'_>, node: NodeId, paths: Vec<&str>) -> Result<BTreeMap<String, File>> {
    let mut found = BTreeMap::new();
    for chunk in paths.chunks(MAX_IDS) {
        let rows: Vec<(FileRow, BlobRow)> = files::table
            .inner_join(blobs::table)
            .filter(files::node_id.eq(node.0).and(files::path.eq_any(chunk.to_vec())))
            .select((FileRow::as_select(), BlobRow::as_select()))
            .load(tx.conn)
            .db()?;
        for (row, blob) in rows {
            found.insert(row.path.clone(), file((row, blob))?);
        }
    }
    Ok(found)
}

/// Sets or clears the quarantine of a file.
pub fn set_quarantine(tx: &mut Tx<'_>, node: NodeId, path: &FilePath, reason: Option<&str>) -> Result<()> {
    let target = files::table.find((node.0, path.as_str()));
    diesel::update(target).set(files::quarantine.eq(reason)).execute(tx.conn).db()?;
    Ok(())
}

/// The sizes of those of these files that the node has.
pub fn sizes(tx: &mut Tx<'_>, node: NodeId, paths: &BTreeSet<FilePath>) -> Result<BTreeMap<FilePath, u64>> {
    let paths: Vec<_> = paths.iter().map(FilePath::as_str).collect();
    let mut sizes = BTreeMap::new();
    for chunk in paths.chunks(MAX_IDS) {
        let rows: Vec<(String, i64)> = files::table
            .inner_join(blobs::table)
            .filter(files::node_id.eq(node.0).and(files::path.eq_any(chunk.to_vec())))
            .select((files::path, blobs::size))
            .load(tx.conn)
            .db()?;
        for (path, size) in rows {
            sizes.insert(path.parse()?, size.unsigned_abs());
        }
    }
    Ok(sizes)
}

/// How many files there are.
pub fn count(tx: &mut Tx<'_>) -> Result<u64> {
    let files: i64 = files::table.count().get_result(tx.conn).db()?;
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
        .load(tx.conn)
        .db()?;
    Ok(rows.into_iter().map(NodeId).collect())
}

/// For each of the first `limit` files of these nodes, in no order, the node that has it.
pub fn holders_among(tx: &mut Tx<'_>, nodes: &[NodeId], limit: usize) -> Result<Vec<NodeId>> {
    let mut found: Vec<NodeId> = Vec::new();
    for chunk in nodes.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let left = i64::try_from(limit.saturating_sub(found.len())).unwrap_or(i64::MAX);
        let rows: Vec<i64> =
            files::table.filter(files::node_id.eq_any(ids)).select(files::node_id).limit(left).load(tx.conn).db()?;
        found.extend(rows.into_iter().map(NodeId));
    }
    Ok(found)
}

/// The first `limit` artifacts with files after that one, ordered by id, of a model's versions: those that one of them owns, and
/// those that no version owns and that are attached to one. Also returns how many there are in all.
pub fn holders_of_model(
    tx: &mut Tx<'_>,
    model: NodeId,
    after: Option<NodeId>,
    limit: u32,
) -> Result<(Vec<NodeId>, i64)> {
    #[derive(QueryableByName)]
    struct Found {
        #[diesel(sql_type = BigInt)]
        number: i64,
    }
    // What no version owns counts where it is attached.
    let of_model = format!(
        "FROM nodes AS version JOIN members ON members.context_id = version.id \
         JOIN nodes AS artifact ON artifact.id = members.node_id \
         LEFT JOIN nodes AS owner ON owner.id = artifact.home_id AND owner.type_id = {} \
         WHERE version.home_id = $1 AND COALESCE(owner.id, version.id) = version.id \
         AND EXISTS (SELECT 1 FROM files WHERE files.node_id = artifact.id)",
        LogicalType::ModelVersion.id()
    );
    let next =
        format!("SELECT DISTINCT artifact.id AS number {of_model} AND artifact.id > $2 ORDER BY artifact.id LIMIT $3");
    let next: Vec<Found> = sql_query(next)
        .bind::<BigInt, _>(model.0)
        .bind::<BigInt, _>(after.map_or(0, |node| node.0))
        .bind::<BigInt, _>(i64::from(limit))
        .load(tx.conn)
        .db()?;
    let all: Found = sql_query(format!("SELECT count(DISTINCT artifact.id) AS number {of_model}"))
        .bind::<BigInt, _>(model.0)
        .get_result(tx.conn)
        .db()?;
    Ok((next.into_iter().map(|found| NodeId(found.number)).collect(), all.number))
}

/// Removes a file with its inspection. `false` when there was none.
pub fn delete(tx: &mut Tx<'_>, node: NodeId, path: &FilePath) -> Result<bool> {
    diesel::delete(inspections::table.find((node.0, path.as_str()))).execute(tx.conn).db()?;
    Ok(diesel::delete(files::table.find((node.0, path.as_str()))).execute(tx.conn).db()? > 0)
}

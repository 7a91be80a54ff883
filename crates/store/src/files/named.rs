//! Files by their names, whichever folder they are in.

use diesel::prelude::*;

use super::{FileRow, file};
use crate::Tx;
use crate::blobs::BlobRow;
use crate::connection::MultiBackend;
use crate::error::DatabaseResult as _;
use crate::filter::narrow;
use crate::nodes::MAX_IDS;
use crate::schema::{blobs, files, members};
use modelport_domain::{File, NodeId, Result};

/// Whose files are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Among<'a> {
    /// Those of all members of a context.
    Members(NodeId),
    /// Those of these nodes, of which so many are looked at as one statement takes.
    Nodes(&'a [NodeId]),
}

/// The first `limit` files with one of these names, ordered by node and path. Names have no asterisk, and none of LIKE's signs but `_`.
pub fn named(tx: &mut Tx<'_>, among: Among<'_>, names: [&str; 3], limit: u32) -> Result<Vec<File>> {
    // A `_` is any character to LIKE, and SQLite's takes letters of either case for the same: what is found is looked at again.
    let [one, other, third] =
        names.map(|name| files::path.eq(name.to_owned()).or(files::path.like(format!("%/{name}"))));
    let query = files::table
        .inner_join(blobs::table)
        .filter(one.or(other).or(third))
        .select((FileRow::as_select(), BlobRow::as_select()))
        .order((files::node_id.asc(), files::path.asc()))
        .limit(i64::from(limit))
        .into_boxed::<MultiBackend>();
    let mut query = match among {
        Among::Members(context) => {
            let members = members::table.filter(members::context_id.eq(context.0)).select(members::node_id);
            query.filter(files::node_id.eq_any(members))
        }
        Among::Nodes(nodes) => {
            query.filter(files::node_id.eq_any(nodes.iter().take(MAX_IDS).map(|node| node.0).collect::<Vec<_>>()))
        }
    };
    narrow!(query, tx.visible_by_id("files.node_id"));
    tx.check_deadline()?;
    let found = query.load::<(FileRow, BlobRow)>(tx.conn).db()?;
    let is_named = |found: &File| names.contains(&found.path.file_name());
    let found = found.into_iter().map(file).filter(|found| found.as_ref().map_or(true, is_named));
    found.collect()
}

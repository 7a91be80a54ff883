//! What nodes have that goes with them, or that loses them: read before they are removed, for the record of changes.

use std::collections::{BTreeMap, BTreeSet};

use diesel::prelude::*;
use diesel::sql_types::{BigInt, Text};

use super::Tx;
use super::connection::on_each;
use super::filter::seen;
use super::nodes::MAX_IDS;
use super::schema::{files, members, nodes};
use crate::error::DatabaseResult as _;
use modelport_domain::{NodeId, Result};

/// A file, as far as the record keeps it.
#[derive(Debug, Clone, PartialEq, Eq, QueryableByName)]
pub struct RemovedFile {
    /// The id of its artifact.
    #[diesel(sql_type = BigInt)]
    pub node_id: i64,
    /// Its path.
    #[diesel(sql_type = Text)]
    pub path: String,
    /// The digest of its bytes, in hexadecimal.
    #[diesel(sql_type = Text)]
    pub sha256: String,
    /// How many bytes it has.
    #[diesel(sql_type = BigInt)]
    pub size: i64,
    /// Its media type.
    #[diesel(sql_type = Text)]
    pub media_type: String,
    /// How many files its artifact has.
    #[diesel(sql_type = BigInt)]
    pub of_files: i64,
}

/// Of each of these nodes the first `limit` files, ordered by path.
pub fn files_of(tx: &mut Tx<'_>, ids: &BTreeSet<NodeId>, limit: u32) -> Result<BTreeMap<NodeId, Vec<RemovedFile>>> {
    let ids: Vec<NodeId> = ids.iter().copied().collect();
    let mut found: BTreeMap<NodeId, Vec<RemovedFile>> = BTreeMap::new();
    for chunk in ids.chunks(MAX_IDS) {
        // Numbers need no binding, and a statement names any number of them.
        let named: Vec<String> = chunk.iter().map(ToString::to_string).collect();
        let sql = format!(
            "SELECT node_id, path, sha256, size, media_type, of_files FROM (
                 SELECT f.node_id, f.path, b.sha256, b.size, f.media_type,
                        row_number() OVER (PARTITION BY f.node_id ORDER BY f.path) AS place,
                        count(*) OVER (PARTITION BY f.node_id) AS of_files
                 FROM files f JOIN blobs b ON b.id = f.blob_id WHERE f.node_id IN ({})) AS kept
             WHERE place <= $1 ORDER BY node_id, path",
            named.join(", ")
        );
        let rows: Vec<RemovedFile> = diesel::sql_query(sql).bind::<BigInt, _>(i64::from(limit)).load(tx.conn).db()?;
        for row in rows {
            found.entry(NodeId(row.node_id)).or_default().push(row);
        }
    }
    Ok(found)
}

/// Which members of these contexts have files, as context and member, ordered by both.
pub fn holders_in(tx: &mut Tx<'_>, contexts: &[NodeId]) -> Result<BTreeSet<(NodeId, NodeId)>> {
    let mut found = BTreeSet::new();
    for chunk in contexts.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let pairs: Vec<(i64, i64)> = on_each!(tx.conn, conn => {
            members::table
                .inner_join(files::table.on(files::node_id.eq(members::node_id)))
                .filter(members::context_id.eq_any(&ids))
                .select((members::context_id, members::node_id))
                .distinct()
                .load(conn).db()?
        });
        found.extend(pairs.into_iter().map(|(context, member)| (NodeId(context), NodeId(member))));
    }
    Ok(found)
}

/// The ids of the types of those of these nodes that are there.
pub fn types_of(tx: &mut Tx<'_>, ids: &[NodeId]) -> Result<BTreeMap<NodeId, i64>> {
    let mut found = BTreeMap::new();
    for chunk in ids.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let query = nodes::table.filter(nodes::id.eq_any(ids));
        let types = seen!(tx, query, query => query.select((nodes::id, nodes::type_id)).load::<(i64, i64)>(tx.conn));
        found.extend(types.db()?.into_iter().map(|(id, of)| (NodeId(id), of)));
    }
    Ok(found)
}

//! Which nodes an import made, and how much of each was here when it left it.

use std::collections::HashMap;

use diesel::prelude::*;

use crate::Tx;
use crate::connection::{among, on_each};
use crate::error::{DatabaseResult as _, database_error, is_missing_reference};
use crate::nodes::MAX_IDS;
use crate::schema::imported_nodes;
use modelport_domain::{Error, NodeId, Result};

/// The digests of those of these nodes that an import made; empty where it had not ended with one.
pub fn digests_of(tx: &mut Tx<'_>, ids: &[NodeId]) -> Result<HashMap<NodeId, String>> {
    let mut found = HashMap::new();
    for chunk in ids.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let query = imported_nodes::table.select((imported_nodes::node_id, imported_nodes::digest));
        let rows: Vec<(i64, String)> =
            among!(query, imported_nodes::node_id, ids.as_slice(), query => query.load(tx.conn).db()?);
        found.extend(rows.into_iter().map(|(node, digest)| (NodeId(node), digest)));
    }
    Ok(found)
}

/// Says how much of a node is here.
///
/// Errors: NotFound when it is gone.
pub fn put(tx: &mut Tx<'_>, node: NodeId, digest: &str) -> Result<()> {
    let put = on_each!(tx.conn, conn => {
        diesel::insert_into(imported_nodes::table)
            .values((imported_nodes::node_id.eq(node.0), imported_nodes::digest.eq(digest)))
            .on_conflict(imported_nodes::node_id)
            .do_update()
            .set(imported_nodes::digest.eq(digest))
            .execute(conn)
    });
    match put {
        Ok(_) => Ok(()),
        Err(error) if is_missing_reference(&error) => Err(Error::not_found(format!("node `{node}`"))),
        Err(error) => Err(database_error(error)),
    }
}

//! What nodes own, and its removal; and what has a member that it does not own.

use std::collections::BTreeMap;

use diesel::prelude::*;

use super::{MAX_IDS, NodeRow, hydrate};
use crate::Tx;
use crate::connection::AnyConnection;
use crate::error::DatabaseResult as _;
use crate::filter::seen;
use crate::schema::{members, nodes};
use modelport_domain::access::{Place, PrincipalId, WorkspaceId};
use modelport_domain::{LogicalType, Node, NodeId, Result};

/// The nodes that have one of these as their home, and nothing of what is below them, ordered by id.
pub fn children(tx: &mut Tx<'_>, homes: &[NodeId]) -> Result<Vec<Node>> {
    let mut rows: Vec<NodeRow> = Vec::new();
    for chunk in homes.chunks(MAX_IDS) {
        let ids: Vec<_> = chunk.iter().map(|id| id.0).collect();
        let loaded = seen!(tx, nodes::table.filter(nodes::home_id.eq_any(ids)), nodes => {
            nodes.order(nodes::id).select(NodeRow::as_select()).load::<NodeRow>(tx.conn)
        });
        rows.extend(loaded.db()?);
    }
    hydrate(tx, rows)
}

/// Who owns a root; `None` where nobody does, or it is not there.
pub fn owner(tx: &mut Tx<'_>, root: NodeId) -> Result<Option<PrincipalId>> {
    let owner: Option<Option<i64>> =
        nodes::table.find(root.0).select(nodes::owner_id).first(tx.conn).optional().db()?;
    Ok(owner.flatten().map(PrincipalId))
}

/// Where each of these nodes is that is there.
pub fn place_of(tx: &mut Tx<'_>, ids: &[NodeId]) -> Result<BTreeMap<NodeId, Place>> {
    let mut places = BTreeMap::new();
    for chunk in ids.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let columns = (nodes::id, nodes::workspace_id, nodes::root_id);
        let rows: Vec<(i64, i64, Option<i64>)> =
            nodes::table.filter(nodes::id.eq_any(ids)).select(columns).load(tx.conn).db()?;
        places.extend(rows.into_iter().map(|(id, workspace, root)| {
            (NodeId(id), Place { workspace: WorkspaceId(workspace), root: NodeId(root.unwrap_or(id)) })
        }));
    }
    Ok(places)
}

/// The type of the oldest node that has it as its home.
pub fn type_of_child(tx: &mut Tx<'_>, home: NodeId) -> Result<Option<i64>> {
    let children = nodes::table.filter(nodes::home_id.eq(home.0)).order(nodes::id).select(nodes::type_id);
    children.first(tx.conn).optional().db()
}

/// The first of the contexts of that type that the node is a member of, without its properties.
pub fn first_context(tx: &mut Tx<'_>, member: NodeId, logical: LogicalType) -> Result<Option<Node>> {
    let contexts = members::table
        .inner_join(nodes::table.on(members::context_id.eq(nodes::id)))
        .filter(members::node_id.eq(member.0));
    let contexts = contexts.filter(nodes::type_id.eq(logical.id())).order(nodes::id);
    let first = seen!(tx, contexts, contexts => contexts.select(NodeRow::as_select()).first::<NodeRow>(tx.conn));
    Ok(first.optional().db()?.map(Node::from))
}

/// The first `limit` nodes that have one of these as their home, ordered by id. Others can neither change them nor add children
/// to them until the transaction ends. Of the homes, the first `MAX_IDS` count.
pub fn first_children(tx: &mut Tx<'_>, homes: &[NodeId], limit: u32) -> Result<Vec<Node>> {
    let ids: Vec<i64> = homes.iter().take(MAX_IDS).map(|id| id.0).collect();
    let query = nodes::table.filter(nodes::home_id.eq_any(ids)).order(nodes::id).limit(i64::from(limit));
    let rows = match tx.conn {
        AnyConnection::Postgres(conn) => query.select(NodeRow::as_select()).for_update().load::<NodeRow>(conn).db()?,
        // SQLite has a single writer: nothing to lock.
        AnyConnection::Sqlite(conn) => query.select(NodeRow::as_select()).load::<NodeRow>(conn).db()?,
    };
    hydrate(tx, rows)
}

/// Removes a node and everything that has it as its home. `false` when it is not there.
pub fn delete(tx: &mut Tx<'_>, id: NodeId) -> Result<bool> {
    Ok(diesel::delete(nodes::table.find(id.0)).execute(tx.conn).db()? > 0)
}

/// Removes nodes and everything that has one of them as its home.
pub fn delete_all(tx: &mut Tx<'_>, ids: &[NodeId]) -> Result<()> {
    for chunk in ids.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        diesel::delete(nodes::table.filter(nodes::id.eq_any(ids))).execute(tx.conn).db()?;
    }
    Ok(())
}

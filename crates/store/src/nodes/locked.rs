//! Nodes that a transaction has locked to itself.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::change::counted;
use super::{NodeRow, one};
use crate::Tx;
use crate::cached::CachedStatement;
use crate::connection::{AnyConnection, on_each};
use crate::error::DatabaseResult as _;
use crate::filter::seen;
use crate::schema::nodes;
use modelport_domain::{Error, LogicalType, Millis, Name, Node, Result};

/// Counts one more change of a node that this transaction has locked; otherwise it is as it was loaded since.
///
/// Errors: NotFound when it is gone.
pub fn count_change(tx: &mut Tx<'_>, node: &Node, now: Millis) -> Result<Node> {
    let target = nodes::table.find(node.id.0);
    let (revision, updated_at) = on_each!(tx.conn, conn => {
        let changed = diesel::update(target).set(counted!(now)).returning((nodes::revision, nodes::updated_at));
        CachedStatement(changed).get_result::<(i64, i64)>(conn).optional()
    })
    .db()?
    .ok_or_else(|| Error::not_found(format!("node `{}`", node.id)))?;
    Ok(Node { revision, updated_at, ..node.clone() })
}

/// The node of that type with that name and without a home, as it is once it is locked as by `lock`.
pub fn lock_named(tx: &mut Tx<'_>, logical: LogicalType, name: &Name) -> Result<Option<Node>> {
    let target = nodes::table
        .filter(nodes::type_id.eq(logical.id()).and(nodes::name.eq(name.as_str())))
        .filter(nodes::home_id.is_null())
        .filter(nodes::workspace_id.eq(tx.access().workspace().0));
    let rows: Vec<NodeRow> = seen!(tx, target, target => match tx.conn {
        AnyConnection::Postgres(conn) => target.select(NodeRow::as_select()).for_update().load::<NodeRow>(conn),
        // SQLite has a single writer: nothing to lock.
        AnyConnection::Sqlite(conn) => target.select(NodeRow::as_select()).load::<NodeRow>(conn),
    })
    .db()?;
    one(tx, rows.into_iter().next())
}

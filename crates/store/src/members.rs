//! Which nodes belong to which contexts: attribution, association and parent context in one table.

use diesel::prelude::*;

use super::Tx;
use super::connection::on_each;
use super::schema::members;
use crate::error::{database_error, is_missing_reference};
use modelport_domain::{Error, NodeId, Result};

#[derive(Insertable)]
#[diesel(table_name = members, treat_none_as_default_value = false)]
struct NewMember {
    context_id: i64,
    node_id: i64,
}

/// Makes the node a member of the context. `false` when it was one already.
///
/// Errors: NotFound when either is gone.
pub fn insert(tx: &mut Tx<'_>, context: NodeId, node: NodeId) -> Result<bool> {
    let new = NewMember { context_id: context.0, node_id: node.0 };
    let inserted = on_each!(tx.conn, conn => {
        diesel::insert_into(members::table).values(&new).on_conflict_do_nothing().execute(conn)
    });
    match inserted {
        Ok(rows) => Ok(rows > 0),
        Err(error) if is_missing_reference(&error) => {
            Err(Error::not_found(format!("context `{context}` or node `{node}`")))
        }
        Err(error) => Err(database_error(error)),
    }
}

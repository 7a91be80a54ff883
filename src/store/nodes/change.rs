//! Nodes that are there: locked, changed, removed.

use diesel::dsl::sql;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Bool, Nullable};

use super::{CHUNK, NodeRow, one};
use crate::domain::{Error, LogicalType, Millis, Node, NodeId, Result};
use crate::store::connection::{AnyConnection, on_each};
use crate::store::error::violated_unique;
use crate::store::kept::Kept;
use crate::store::schema::nodes;
use crate::store::{Tx, properties};

/// One more change, dated later than the one before: whoever compares the times must see every change.
macro_rules! counted {
    ($now:expr) => {{
        let later = sql::<BigInt>("CASE WHEN updated_at < ").bind::<BigInt, _>($now).sql(" THEN ");
        let later = later.bind::<BigInt, _>($now).sql(" ELSE updated_at + 1 END");
        (nodes::revision.eq(nodes::revision + 1), nodes::updated_at.eq(later))
    }};
}

/// Counts one more change of the node and locks it until the transaction ends: the first statement of every change.
///
/// The node comes back as it is by then, dated later than before by a millisecond at least. `None` when there is none of
/// that type or, where `if_revision` is given, it is at another revision.
pub fn touch(
    tx: &mut Tx<'_>,
    logical: LogicalType,
    id: NodeId,
    if_revision: Option<i64>,
    now: Millis,
) -> Result<Option<Node>> {
    let target = nodes::table.filter(nodes::id.eq(id.0).and(nodes::type_id.eq(logical.id())));
    // Every revision is at least 1, so the lower bound of an unconditional change lets all of them through.
    let (least, most) = if_revision.map_or((0, i64::MAX), |revision| (revision, revision));
    let target = target.filter(nodes::revision.between(least, most));
    let row = on_each!(tx.conn, conn => {
        let touched = diesel::update(target).set(counted!(now)).returning(NodeRow::as_returning());
        Kept(touched).get_result::<NodeRow>(conn).optional()
    })?;
    one(tx, row)
}

/// The same of those nodes of a type that a home has by these names; gives them without their properties.
pub fn touch_named(
    tx: &mut Tx<'_>,
    logical: LogicalType,
    home: NodeId,
    names: &[&str],
    now: Millis,
) -> Result<Vec<Node>> {
    let rows: Vec<NodeRow> = on_each!(tx.conn, conn => {
        let owned = nodes::table.filter(nodes::type_id.eq(logical.id()).and(nodes::home_id.eq(home.0)));
        let target = owned.filter(nodes::name.eq_any(names.to_vec()));
        diesel::update(target).set(counted!(now)).returning(NodeRow::as_returning()).get_results(conn)
    })?;
    Ok(rows.into_iter().map(Node::from).collect())
}

/// Dates nodes back that were made in this transaction, and that come from elsewhere.
pub fn date(tx: &mut Tx<'_>, ids: &[NodeId], created_at: Millis, updated_at: Millis) -> Result<()> {
    let target = nodes::table.filter(nodes::id.eq_any(ids.iter().map(|id| id.0)));
    let dates = (nodes::created_at.eq(created_at), nodes::updated_at.eq(updated_at));
    diesel::update(target).set(dates).execute(tx.conn)?;
    Ok(())
}

/// Stores what the node is now, after [`touch`] gave it as `before`.
///
/// Errors: AlreadyExists when the external id is taken.
pub fn replace(tx: &mut Tx<'_>, before: &Node, now: &Node) -> Result<()> {
    if (&before.external_id, &before.uri, before.state) != (&now.external_id, &now.uri, now.state) {
        let change = (
            nodes::external_id.eq(now.external_id.as_deref()),
            nodes::uri.eq(now.uri.as_deref()),
            nodes::state.eq(now.state),
        );
        let updated =
            on_each!(tx.conn, conn => Kept(diesel::update(nodes::table.find(now.id.0)).set(change)).execute(conn));
        updated.map_err(|error| match (violated_unique(&error), &now.external_id) {
            (Some(_), Some(id)) => Error::already_exists(format!("external id `{id}` is taken")).on_field("externalId"),
            _ => error.into(),
        })?;
    }
    properties::replace(tx, before, now)
}

/// Keeps others from adding children to these nodes, or changing them, until the transaction ends.
pub fn lock(tx: &mut Tx<'_>, ids: &[NodeId]) -> Result<()> {
    lock_where(tx, ids, |ids| Box::new(nodes::id.nullable().eq_any(ids)))
}

/// Keeps others from changing the nodes that have one of these as their home, until the transaction ends.
pub fn lock_children(tx: &mut Tx<'_>, homes: &[NodeId]) -> Result<()> {
    lock_where(tx, homes, |homes| Box::new(nodes::home_id.eq_any(homes)))
}

/// Which nodes to lock, for PostgreSQL.
type Locked = Box<dyn BoxableExpression<nodes::table, Pg, SqlType = Nullable<Bool>>>;

fn lock_where(tx: &mut Tx<'_>, ids: &[NodeId], of: impl Fn(Vec<i64>) -> Locked) -> Result<()> {
    match tx.conn {
        AnyConnection::Postgres(conn) => {
            for chunk in ids.chunks(CHUNK) {
                let locked = of(chunk.iter().map(|id| id.0).collect());
                nodes::table.filter(locked).order(nodes::id).select(nodes::id).for_update().load::<i64>(conn)?;
            }
        }
        // A write transaction has the whole database to itself.
        AnyConnection::Sqlite(_) => {}
    }
    Ok(())
}

/// Removes a node and everything that has it as its home. `false` when it is not there.
pub fn delete(tx: &mut Tx<'_>, id: NodeId) -> Result<bool> {
    Ok(diesel::delete(nodes::table.find(id.0)).execute(tx.conn)? > 0)
}

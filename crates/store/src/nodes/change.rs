//! Existing nodes: locked and changed.

use diesel::dsl::sql;
use diesel::prelude::*;
use diesel::sql_types::BigInt;

use super::{MAX_IDS, NodeRow, one};
use crate::cached::CachedStatement;
use crate::connection::{AnyConnection, on_each};
use crate::error::{DatabaseResult as _, database_error, violated_unique};
use crate::filter::seen;
use crate::schema::nodes;
use crate::{Tx, properties};
use modelport_domain::{Error, LogicalType, Millis, Node, NodeId, Result};

/// Increments the revision and dates the change later than the one before, so that a comparison of times shows every change.
macro_rules! counted {
    ($now:expr) => {{
        let later = sql::<BigInt>("CASE WHEN updated_at < ").bind::<BigInt, _>($now).sql(" THEN ");
        let later = later.bind::<BigInt, _>($now).sql(" ELSE updated_at + 1 END");
        (nodes::revision.eq(nodes::revision + 1), nodes::updated_at.eq(later))
    }};
}
pub(super) use counted;

/// Counts one more change of the node and locks it until the transaction ends: the first statement of every change.
///
/// Returns the node as it is then, dated at least a millisecond later than before. `None` when there is none of that type, or it is
/// not at `if_revision`.
pub fn increment_revision(
    tx: &mut Tx<'_>,
    logical: LogicalType,
    id: NodeId,
    if_revision: Option<i64>,
    now: Millis,
) -> Result<Option<Node>> {
    increment_revision_of(tx, logical.id(), id, if_revision, now)
}

/// The same of a node of any type.
pub fn increment_revision_of(
    tx: &mut Tx<'_>,
    type_id: i64,
    id: NodeId,
    if_revision: Option<i64>,
    now: Millis,
) -> Result<Option<Node>> {
    let target = nodes::table.filter(nodes::id.eq(id.0).and(nodes::type_id.eq(type_id)));
    // Every revision is at least 1, so that the lower bound of an unconditional change matches all of them.
    let (least, most) = if_revision.map_or((0, i64::MAX), |revision| (revision, revision));
    let target = target.filter(nodes::revision.between(least, most));
    let row = seen!(tx, target, target => on_each!(tx.conn, conn => {
        let changed = diesel::update(target).set(counted!(now)).returning(NodeRow::as_returning());
        CachedStatement(changed).get_result::<NodeRow>(conn).optional()
    }))
    .db()?;
    one(tx, row)
}

/// The same of those nodes of a type that a home has by these names; returns them without their properties.
pub fn increment_revisions_named(
    tx: &mut Tx<'_>,
    logical: LogicalType,
    home: NodeId,
    names: &[&str],
    now: Millis,
) -> Result<Vec<Node>> {
    let owned = nodes::table.filter(nodes::type_id.eq(logical.id()).and(nodes::home_id.eq(home.0)));
    let target = owned.filter(nodes::name.eq_any(names.to_vec()));
    let rows: Vec<NodeRow> = match tx.conn {
        // The names are one array.
        AnyConnection::Postgres(conn) => {
            let changed = diesel::update(target).set(counted!(now)).returning(NodeRow::as_returning());
            CachedStatement(changed).get_results(conn).db()?
        }
        AnyConnection::Sqlite(conn) => {
            diesel::update(target).set(counted!(now)).returning(NodeRow::as_returning()).get_results(conn).db()?
        }
    };
    Ok(rows.into_iter().map(Node::from).collect())
}

/// Sets the times of nodes that this transaction created for an import.
pub fn date(tx: &mut Tx<'_>, ids: &[NodeId], created_at: Millis, updated_at: Millis) -> Result<()> {
    let target = nodes::table.filter(nodes::id.eq_any(ids.iter().map(|id| id.0)));
    let dates = (nodes::created_at.eq(created_at), nodes::updated_at.eq(updated_at));
    diesel::update(target).set(dates).execute(tx.conn).db()?;
    Ok(())
}

/// Stores what the node is now, after [`increment_revision`] returned it as `before`.
///
/// Errors: AlreadyExists when the external id is taken.
pub fn replace(tx: &mut Tx<'_>, before: &Node, now: &Node) -> Result<()> {
    if (&before.external_id, &before.uri, before.state) != (&now.external_id, &now.uri, now.state) {
        let change = (
            nodes::external_id.eq(now.external_id.as_deref()),
            nodes::uri.eq(now.uri.as_deref()),
            nodes::state.eq(now.state),
        );
        let updated = on_each!(tx.conn, conn => CachedStatement(diesel::update(nodes::table.find(now.id.0)).set(change)).execute(conn));
        updated.map_err(|error| match (violated_unique(&error), &now.external_id) {
            (Some(_), Some(id)) => Error::already_exists(format!("external id `{id}` is taken")).on_field("externalId"),
            _ => database_error(error),
        })?;
    }
    properties::replace(tx, before, now)
}

/// Gives the node another name, after [`increment_revision`] returned it.
///
/// Errors: AlreadyExists when its home, or else its workspace, has one of that type and name.
pub fn rename(tx: &mut Tx<'_>, id: NodeId, new_name: &str) -> Result<()> {
    let renamed = diesel::update(nodes::table.find(id.0)).set(nodes::name.eq(new_name)).execute(tx.conn);
    renamed.map_err(|error| match violated_unique(&error) {
        Some(_) => Error::name_taken(format!("the name `{new_name}` is taken")),
        None => database_error(error),
    })?;
    Ok(())
}

/// Locks these nodes until the transaction ends: others can neither change them nor add children.
pub fn lock(tx: &mut Tx<'_>, ids: &[NodeId]) -> Result<()> {
    match tx.conn {
        AnyConnection::Postgres(conn) => {
            for chunk in ids.chunks(MAX_IDS) {
                let locked: Vec<i64> = chunk.iter().map(|id| id.0).collect();
                let locked = nodes::table.filter(nodes::id.eq_any(locked));
                locked.order(nodes::id).select(nodes::id).for_update().load::<i64>(conn).db()?;
            }
        }
        // SQLite has a single writer: nothing to lock.
        AnyConnection::Sqlite(_) => {}
    }
    Ok(())
}

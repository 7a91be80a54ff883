//! The processes that serve the registry, and when each of them was seen last.

use diesel::prelude::*;

use super::Tx;
use super::connection::on_each;
use super::schema::replicas;
use crate::error::DatabaseResult as _;
use modelport_domain::{Millis, Result};

/// A process that serves the registry.
#[derive(Debug, Clone, PartialEq, Eq, Queryable, Insertable)]
#[diesel(table_name = replicas)]
pub struct ReplicaRow {
    /// Its id, another one each time that it is started.
    pub id: String,
    /// The version of its build.
    pub version: String,
    /// When it started.
    pub started_at: Millis,
    /// When it said last that it is there.
    pub seen_at: Millis,
}

/// Records that a process is there, and forgets those that were seen before `forgotten`.
pub fn beat(tx: &mut Tx<'_>, replica: &ReplicaRow, forgotten: Millis) -> Result<()> {
    diesel::delete(replicas::table.filter(replicas::seen_at.lt(forgotten))).execute(tx.conn).db()?;
    on_each!(tx.conn, conn => {
        diesel::insert_into(replicas::table)
            .values(replica)
            .on_conflict(replicas::id)
            .do_update()
            .set(replicas::seen_at.eq(replica.seen_at))
            .execute(conn)
    })
    .db()?;
    Ok(())
}

/// Up to `limit` processes that were seen then or later, those that started first before the others.
pub fn list(tx: &mut Tx<'_>, since: Millis, limit: i64) -> Result<Vec<ReplicaRow>> {
    replicas::table
        .filter(replicas::seen_at.ge(since))
        .order((replicas::started_at, replicas::id))
        .limit(limit)
        .load(tx.conn)
        .db()
}

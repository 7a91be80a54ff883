//! Tasks of upkeep that one process runs at a time: their leases and their progress.

use diesel::prelude::*;

use super::Tx;
use super::schema::upkeep;
use crate::error::DatabaseResult as _;
use modelport_domain::{Millis, Result};

/// The progress of a pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable)]
pub struct Pass {
    /// When it began; `None` if no pass is running or was interrupted.
    pub began_at: Option<Millis>,
    /// The last row that was processed.
    pub reached: i64,
}

/// A task: whether somebody holds it, and its passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable)]
pub struct TaskRow {
    /// Until when somebody holds it; in the past where nobody does.
    pub lease_until: Millis,
    /// When the pass began that is under way or was interrupted.
    pub began_at: Option<Millis>,
    /// When the last whole pass ended.
    pub ended_at: Option<Millis>,
}

/// The state of a task.
pub fn task(tx: &mut Tx<'_>, task: &str) -> Result<TaskRow> {
    let row = upkeep::table.find(task).select((upkeep::lease_until, upkeep::began_at, upkeep::ended_at));
    row.first(tx.conn).db()
}

/// Acquires the task for `lease` until `until`. `false` when another process holds it, or the last pass ended after
/// `ended_before`.
pub fn acquire(
    tx: &mut Tx<'_>,
    task: &str,
    lease: &str,
    (now, until): (Millis, Millis),
    ended_before: Millis,
) -> Result<bool> {
    let due = upkeep::ended_at.is_null().or(upkeep::ended_at.le(ended_before));
    let free = upkeep::table.find(task).filter(upkeep::lease_until.le(now)).filter(due);
    let taken = (upkeep::lease.eq(lease), upkeep::lease_until.eq(until));
    Ok(diesel::update(free).set(taken).execute(tx.conn).db()? > 0)
}

/// Sets the end of the lease: later to renew it, 0 to release it. `false` when another process holds it.
pub fn renew(tx: &mut Tx<'_>, task: &str, lease: &str, until: Millis) -> Result<bool> {
    let mine = upkeep::table.find(task).filter(upkeep::lease.eq(lease));
    Ok(diesel::update(mine).set(upkeep::lease_until.eq(until)).execute(tx.conn).db()? > 0)
}

/// The progress of the task's pass.
pub fn pass(tx: &mut Tx<'_>, task: &str) -> Result<Pass> {
    let row = upkeep::table.find(task).select((upkeep::began_at, upkeep::reached));
    let (began_at, reached) = row.first(tx.conn).db()?;
    Ok(Pass { began_at, reached })
}

/// Records the progress of the pass. `false` when another process holds the lease.
pub fn advance(tx: &mut Tx<'_>, task: &str, lease: &str, pass: Pass) -> Result<bool> {
    let mine = upkeep::table.find(task).filter(upkeep::lease.eq(lease));
    let step = (upkeep::began_at.eq(pass.began_at), upkeep::reached.eq(pass.reached));
    Ok(diesel::update(mine).set(step).execute(tx.conn).db()? > 0)
}

/// Records that the pass is complete, and releases the lease. `false` when another process holds it.
pub fn end(tx: &mut Tx<'_>, task: &str, lease: &str, now: Millis) -> Result<bool> {
    let mine = upkeep::table.find(task).filter(upkeep::lease.eq(lease));
    let ended = (
        upkeep::began_at.eq(None::<Millis>),
        upkeep::reached.eq(0),
        upkeep::ended_at.eq(now),
        upkeep::lease_until.eq(0),
    );
    Ok(diesel::update(mine).set(ended).execute(tx.conn).db()? > 0)
}

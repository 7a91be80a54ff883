//! Upkeep that one process does at a time: who has it, and how far it is.

use diesel::prelude::*;

use super::Tx;
use super::schema::upkeep;
use crate::domain::{Millis, Result};

/// How far a pass is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Queryable)]
pub struct Pass {
    /// When it began; none where no pass is under way or was cut off.
    pub began_at: Option<Millis>,
    /// The last row that it is done with.
    pub reached: i64,
}

/// Gives the task to `lease` until `until`, unless somebody has it, or the last pass ended after `ended_before`. `false` when
/// it is not given.
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
    Ok(diesel::update(free).set(taken).execute(tx.conn)? > 0)
}

/// Moves the end of the lease: forward to keep it, to 0 to give it back. `false` when somebody else has it.
pub fn renew(tx: &mut Tx<'_>, task: &str, lease: &str, until: Millis) -> Result<bool> {
    let mine = upkeep::table.find(task).filter(upkeep::lease.eq(lease));
    Ok(diesel::update(mine).set(upkeep::lease_until.eq(until)).execute(tx.conn)? > 0)
}

/// How far the task's pass is.
pub fn pass(tx: &mut Tx<'_>, task: &str) -> Result<Pass> {
    let row = upkeep::table.find(task).select((upkeep::began_at, upkeep::reached));
    let (began_at, reached) = row.first(tx.conn)?;
    Ok(Pass { began_at, reached })
}

/// Records how far the pass is. `false` when somebody else has the lease.
pub fn advance(tx: &mut Tx<'_>, task: &str, lease: &str, pass: Pass) -> Result<bool> {
    let mine = upkeep::table.find(task).filter(upkeep::lease.eq(lease));
    let step = (upkeep::began_at.eq(pass.began_at), upkeep::reached.eq(pass.reached));
    Ok(diesel::update(mine).set(step).execute(tx.conn)? > 0)
}

/// Says that the pass is whole; the lease is given back. `false` when somebody else has it.
pub fn end(tx: &mut Tx<'_>, task: &str, lease: &str, now: Millis) -> Result<bool> {
    let mine = upkeep::table.find(task).filter(upkeep::lease.eq(lease));
    let ended = (
        upkeep::began_at.eq(None::<Millis>),
        upkeep::reached.eq(0),
        upkeep::ended_at.eq(now),
        upkeep::lease_until.eq(0),
    );
    Ok(diesel::update(mine).set(ended).execute(tx.conn)? > 0)
}

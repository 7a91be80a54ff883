//! Sessions of browsers. Of their secrets there are only digests.

use diesel::prelude::*;

use crate::Tx;
use crate::error::{DatabaseResult as _, database_error, is_missing_reference};
use crate::schema::sessions;
use modelport_domain::access::{PrincipalId, Session};
use modelport_domain::{Error, Millis, Result};

#[derive(Queryable, Selectable)]
#[diesel(table_name = sessions)]
struct SessionRow {
    hash: String,
    principal_id: i64,
    group_names: String,
    refresh_sealed: Option<String>,
    created_at: i64,
    seen_at: i64,
    renewed_at: i64,
    claimed_until: i64,
    ends_at: i64,
}

impl TryFrom<SessionRow> for Session {
    type Error = Error;

    fn try_from(row: SessionRow) -> Result<Self> {
        let groups = serde_json::from_str(&row.group_names);
        let groups =
            groups.map_err(|error| Error::internal("the groups of a session are not JSON").caused_by(error))?;
        Ok(Self {
            hash: row.hash,
            principal_id: PrincipalId(row.principal_id),
            groups,
            refresh_sealed: row.refresh_sealed,
            created_at: row.created_at,
            seen_at: row.seen_at,
            renewed_at: row.renewed_at,
            claimed_until: row.claimed_until,
            ends_at: row.ends_at,
        })
    }
}

/// Adds a session.
///
/// Errors: NotFound when its principal is gone.
pub fn insert(tx: &mut Tx<'_>, new: &Session) -> Result<()> {
    let values = (
        sessions::hash.eq(&new.hash),
        sessions::principal_id.eq(new.principal_id.0),
        sessions::group_names.eq(write(&new.groups)?),
        sessions::refresh_sealed.eq(new.refresh_sealed.as_deref()),
        sessions::created_at.eq(new.created_at),
        sessions::seen_at.eq(new.seen_at),
        sessions::renewed_at.eq(new.renewed_at),
        sessions::claimed_until.eq(new.claimed_until),
        sessions::ends_at.eq(new.ends_at),
    );
    match diesel::insert_into(sessions::table).values(values).execute(tx.conn) {
        Ok(_) => Ok(()),
        Err(error) if is_missing_reference(&error) => {
            Err(Error::not_found(format!("principal `{}`", new.principal_id)))
        }
        Err(error) => Err(database_error(error)),
    }
}

/// The session of that digest, whether it has ended or not.
pub fn find(tx: &mut Tx<'_>, hash: &str) -> Result<Option<Session>> {
    let row = sessions::table.find(hash).select(SessionRow::as_select()).first(tx.conn).optional().db()?;
    row.map(Session::try_from).transpose()
}

/// Claims the right to ask the issuer until then, of a session that it last said something of at `renewed_at`. `false` when somebody
/// else has it, or the session is gone.
pub fn claim(tx: &mut Tx<'_>, hash: &str, renewed_at: Millis, now: Millis, until: Millis) -> Result<bool> {
    let free = sessions::renewed_at.eq(renewed_at).and(sessions::claimed_until.le(now));
    let claimed = sessions::claimed_until.eq(until);
    Ok(diesel::update(sessions::table.find(hash).filter(free)).set(claimed).execute(tx.conn).db()? > 0)
}

/// Lets nobody ask the issuer before then.
pub fn put_off(tx: &mut Tx<'_>, hash: &str, until: Millis) -> Result<()> {
    let claimed = sessions::claimed_until.eq(until);
    diesel::update(sessions::table.find(hash)).set(claimed).execute(tx.conn).db().map(drop)
}

/// Keeps what the issuer said at that time. `false` when the session is gone.
pub fn renew(
    tx: &mut Tx<'_>,
    hash: &str,
    groups: &[String],
    refresh_sealed: Option<&str>,
    now: Millis,
) -> Result<bool> {
    let said = (
        sessions::group_names.eq(write(groups)?),
        sessions::refresh_sealed.eq(refresh_sealed),
        sessions::renewed_at.eq(now),
        sessions::claimed_until.eq(0),
    );
    Ok(diesel::update(sessions::table.find(hash)).set(said).execute(tx.conn).db()? > 0)
}

/// Notes that the session was used at that time.
pub fn record_seen(tx: &mut Tx<'_>, hash: &str, now: Millis) -> Result<()> {
    let before = sessions::table.find(hash).filter(sessions::seen_at.lt(now));
    diesel::update(before).set(sessions::seen_at.eq(now)).execute(tx.conn).db().map(drop)
}

/// Removes the session. `false` when it is gone.
pub fn delete(tx: &mut Tx<'_>, hash: &str) -> Result<bool> {
    Ok(diesel::delete(sessions::table.find(hash)).execute(tx.conn).db()? > 0)
}

/// Removes all sessions of a principal, and returns how many those were.
pub fn delete_of_principal(tx: &mut Tx<'_>, principal: PrincipalId) -> Result<usize> {
    diesel::delete(sessions::table.filter(sessions::principal_id.eq(principal.0))).execute(tx.conn).db()
}

/// Removes up to `limit` of the sessions that ended by that time, or were last used before `idle_before`, and returns how many those were.
pub fn delete_ended(tx: &mut Tx<'_>, now: Millis, idle_before: Millis, limit: i64) -> Result<usize> {
    let ended = sessions::ends_at.le(now).or(sessions::seen_at.le(idle_before));
    let some: Vec<String> = sessions::table.filter(ended).select(sessions::hash).limit(limit).load(tx.conn).db()?;
    diesel::delete(sessions::table.filter(sessions::hash.eq_any(some))).execute(tx.conn).db()
}

fn write(groups: &[String]) -> Result<String> {
    serde_json::to_string(groups)
        .map_err(|error| Error::internal("the groups of a session are no JSON").caused_by(error))
}

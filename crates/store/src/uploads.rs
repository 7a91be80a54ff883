//! Uploads in progress. The process that deletes or condemns a row owns the object under its key: see `registry::collector`.

use diesel::prelude::*;

use super::Tx;
use super::bulk::{Column, Insert};
use super::connection::AnyConnection;
use super::nodes::MAX_IDS;
use super::schema::{resumable_uploads, uploads};
use crate::error::DatabaseResult as _;
use modelport_domain::{Millis, Result};

/// What `seen_at` says of an upload whose object is being removed.
pub(super) const CONDEMNED: Millis = Millis::MIN;

#[derive(Insertable)]
#[diesel(table_name = uploads, treat_none_as_default_value = false)]
struct NewUpload<'a> {
    key: &'a str,
    created_at: i64,
    seen_at: i64,
}

/// Announces that bytes are about to be written under the key.
pub fn insert(tx: &mut Tx<'_>, key: &str, now: Millis) -> Result<()> {
    let new = NewUpload { key, created_at: now, seen_at: now };
    diesel::insert_into(uploads::table).values(&new).execute(tx.conn).db()?;
    Ok(())
}

/// Announces many uploads, as [`insert`] does with one.
pub fn insert_all(tx: &mut Tx<'_>, keys: &[&str], now: Millis) -> Result<()> {
    for chunk in keys.chunks(MAX_IDS) {
        match tx.conn {
            AnyConnection::Postgres(conn) => {
                let times = vec![now; chunk.len()];
                let columns = vec![
                    ("key", Column::Text(chunk.to_vec())),
                    ("created_at", Column::Int(times.clone())),
                    ("seen_at", Column::Int(times)),
                ];
                Insert { table: "uploads", columns, end: "" }.execute(conn).db()?
            }
            AnyConnection::Sqlite(conn) => {
                let rows: Vec<_> = chunk.iter().map(|key| NewUpload { key, created_at: now, seen_at: now }).collect();
                diesel::insert_into(uploads::table).values(&rows).execute(conn).db()?
            }
        };
    }
    Ok(())
}

/// Records that bytes still arrive. `false` when the collector has condemned the upload as abandoned.
pub fn record_heartbeat(tx: &mut Tx<'_>, key: &str, now: Millis) -> Result<bool> {
    let target = uploads::table.filter(uploads::key.eq(key).and(uploads::seen_at.gt(CONDEMNED)));
    Ok(diesel::update(target).set(uploads::seen_at.eq(now)).execute(tx.conn).db()? > 0)
}

/// Says that the bytes of many uploads still arrive.
pub fn record_heartbeats(tx: &mut Tx<'_>, keys: &[&str], now: Millis) -> Result<()> {
    for chunk in keys.chunks(MAX_IDS) {
        let among = uploads::key.eq_any(chunk.to_vec()).and(uploads::seen_at.gt(CONDEMNED));
        diesel::update(uploads::table.filter(among)).set(uploads::seen_at.eq(now)).execute(tx.conn).db()?;
    }
    Ok(())
}

/// Takes objects over in order to link them. `false` when one of them is linked already, or condemned; what was taken then is
/// to be given back by ending the transaction.
pub fn take_all(tx: &mut Tx<'_>, keys: &[&str]) -> Result<bool> {
    let mut taken = 0;
    for chunk in keys.chunks(MAX_IDS) {
        let among = uploads::key.eq_any(chunk.to_vec()).and(uploads::seen_at.gt(CONDEMNED));
        taken += diesel::delete(uploads::table.filter(among)).execute(tx.conn).db()?;
    }
    Ok(taken == keys.len())
}

/// Condemns the object when its upload was last seen before `before`: nobody can link it any more, and it counts as
/// abandoned until [`remove`] says that it is gone. `false` when the upload continues, or its object is linked.
pub fn condemn(tx: &mut Tx<'_>, key: &str, before: Millis) -> Result<bool> {
    let target = uploads::table.filter(uploads::key.eq(key).and(uploads::seen_at.lt(before)));
    Ok(diesel::update(target).set(uploads::seen_at.eq(CONDEMNED)).execute(tx.conn).db()? > 0)
}

/// Forgets a condemned upload, once its object is gone; a resumable one that has become no file with it, because nobody could
/// continue it.
pub fn remove(tx: &mut Tx<'_>, key: &str) -> Result<()> {
    let target = uploads::table.filter(uploads::key.eq(key).and(uploads::seen_at.eq(CONDEMNED)));
    if diesel::delete(target).execute(tx.conn).db()? > 0 {
        let unfinished = resumable_uploads::key.eq(key).and(resumable_uploads::finished_at.is_null());
        diesel::delete(resumable_uploads::table.filter(unfinished)).execute(tx.conn).db()?;
    }
    Ok(())
}

/// The keys of up to `limit` uploads that were last seen before `before`, or are condemned.
pub fn abandoned(tx: &mut Tx<'_>, before: Millis, limit: i64) -> Result<Vec<String>> {
    uploads::table
        .filter(uploads::seen_at.lt(before))
        .order(uploads::id)
        .limit(limit)
        .select(uploads::key)
        .load(tx.conn)
        .db()
}

/// Which of these keys belong to an upload under way.
pub fn known_keys(tx: &mut Tx<'_>, keys: &[String]) -> Result<Vec<String>> {
    let mut known = Vec::new();
    for chunk in keys.chunks(MAX_IDS) {
        let rows = uploads::table.filter(uploads::key.eq_any(chunk.to_vec())).select(uploads::key);
        known.extend(rows.load::<String>(tx.conn).db()?);
    }
    Ok(known)
}

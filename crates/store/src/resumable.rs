//! Resumable uploads: their offsets, leases, and bytes that are not in the object store yet.

use diesel::prelude::*;

use super::Tx;
use super::connection::on_each;
use super::schema::{resumable_parts, resumable_tails, resumable_uploads};
use crate::error::DatabaseResult as _;
use modelport_domain::{Millis, Result, Sha256};

/// A resumable upload, as the migration documents its columns.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = resumable_uploads)]
#[expect(missing_docs, reason = "the columns are documented where they are made")]
pub struct Resumable {
    pub id: String,
    pub key: String,
    pub model: String,
    pub version: String,
    pub path: String,
    pub media_type: Option<String>,
    pub sha256: Option<String>,
    pub creates: bool,
    pub metadata: String,
    pub length: i64,
    pub position: i64,
    pub digest: Vec<u8>,
    pub sent: i64,
    pub parts: i64,
    pub multipart: Option<String>,
    pub unverified_from: Option<i64>,
    pub lease: String,
    pub lease_until: i64,
    pub created_at: i64,
    pub expires_at: i64,
    pub finished_at: Option<i64>,
    pub direct_part: Option<i64>,
    pub concat: Option<String>,
    pub principal_id: Option<i64>,
    pub workspace_id: i64,
}

/// The progress of an upload.
#[derive(Debug, Clone, AsChangeset)]
#[diesel(table_name = resumable_uploads, treat_none_as_null = true)]
#[expect(missing_docs, reason = "the columns are documented where they are made")]
pub struct Step {
    pub position: i64,
    pub digest: Vec<u8>,
    pub sent: i64,
    pub parts: i64,
    pub multipart: Option<String>,
    pub unverified_from: Option<i64>,
    pub expires_at: i64,
}

/// A part that the object store has: its number, its tag, its checksum.
pub type PartRow = (i64, String, String);

/// Inserts an upload.
pub fn insert(tx: &mut Tx<'_>, new: &Resumable) -> Result<()> {
    on_each!(tx.conn, conn => diesel::insert_into(resumable_uploads::table).values(new).execute(conn)).db()?;
    Ok(())
}

/// The upload of that id.
pub fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<Resumable>> {
    let row = resumable_uploads::table.find(id).select(Resumable::as_select());
    row.first(tx.conn).optional().db()
}

/// Acquires the lease for `lease` until `until`. `false` when another request holds it.
pub fn acquire(tx: &mut Tx<'_>, id: &str, lease: &str, now: Millis, until: Millis) -> Result<bool> {
    let free = resumable_uploads::table.find(id).filter(resumable_uploads::lease_until.le(now));
    let taken = (resumable_uploads::lease.eq(lease), resumable_uploads::lease_until.eq(until));
    Ok(diesel::update(free).set(taken).execute(tx.conn).db()? > 0)
}

/// Sets the end of the lease: later to renew it, 0 to release it. `false` when another request holds it.
pub fn renew(tx: &mut Tx<'_>, id: &str, lease: &str, until: Millis) -> Result<bool> {
    let mine = resumable_uploads::table.find(id).filter(resumable_uploads::lease.eq(lease));
    Ok(diesel::update(mine).set(resumable_uploads::lease_until.eq(until)).execute(tx.conn).db()? > 0)
}

/// Extends the expiry of the upload.
pub fn extend_expiry(tx: &mut Tx<'_>, id: &str, expires_at: Millis) -> Result<()> {
    let target = resumable_uploads::table.find(id);
    diesel::update(target).set(resumable_uploads::expires_at.eq(expires_at)).execute(tx.conn).db()?;
    Ok(())
}

/// Records the progress of the upload. `false` when another request holds the lease.
pub fn advance(tx: &mut Tx<'_>, id: &str, lease: &str, step: &Step) -> Result<bool> {
    let mine = resumable_uploads::table.find(id).filter(resumable_uploads::lease.eq(lease));
    Ok(diesel::update(mine).set(step).execute(tx.conn).db()? > 0)
}

/// Adds parts; the first of them contains the bytes that were too short for a part.
pub fn add_parts(tx: &mut Tx<'_>, id: &str, parts: &[PartRow]) -> Result<()> {
    let rows: Vec<_> = parts
        .iter()
        .map(|(number, tag, checksum)| {
            (
                resumable_parts::upload_id.eq(id.to_owned()),
                resumable_parts::number.eq(*number),
                resumable_parts::tag.eq(tag.clone()),
                resumable_parts::checksum.eq(checksum.clone()),
            )
        })
        .collect();
    if rows.is_empty() {
        return Ok(());
    }
    for chunk in rows.chunks(super::nodes::MAX_IDS) {
        let chunk = chunk.to_vec();
        on_each!(tx.conn, conn => diesel::insert_into(resumable_parts::table).values(chunk).execute(conn)).db()?;
    }
    diesel::delete(resumable_tails::table.filter(resumable_tails::upload_id.eq(id))).execute(tx.conn).db()?;
    Ok(())
}

/// The parts in their order.
pub fn parts(tx: &mut Tx<'_>, id: &str) -> Result<Vec<PartRow>> {
    resumable_parts::table
        .filter(resumable_parts::upload_id.eq(id))
        .order(resumable_parts::number)
        .select((resumable_parts::number, resumable_parts::tag, resumable_parts::checksum))
        .load(tx.conn)
        .db()
}

/// Stores bytes that are too short to be a part.
pub fn add_tail(tx: &mut Tx<'_>, id: &str, start: i64, bytes: &[u8]) -> Result<()> {
    let row = (resumable_tails::upload_id.eq(id), resumable_tails::start.eq(start), resumable_tails::bytes.eq(bytes));
    diesel::insert_into(resumable_tails::table).values(row).execute(tx.conn).db()?;
    Ok(())
}

/// The first of the bytes that are too short to be a part, from `start` on. One row at a time, because what a connection
/// has read at once is memory that it keeps.
pub fn tail(tx: &mut Tx<'_>, id: &str, start: i64) -> Result<Option<Vec<u8>>> {
    let row = resumable_tails::table.find((id, start)).select(resumable_tails::bytes);
    row.first(tx.conn).optional().db()
}

/// Marks the upload as finished, and deletes its parts.
pub fn finish(tx: &mut Tx<'_>, id: &str, sha256: Sha256, now: Millis) -> Result<()> {
    diesel::update(resumable_uploads::table.find(id))
        .set((
            resumable_uploads::finished_at.eq(now),
            resumable_uploads::sha256.eq(sha256.to_string()),
            resumable_uploads::lease_until.eq(0),
        ))
        .execute(tx.conn)
        .db()?;
    diesel::delete(resumable_tails::table.filter(resumable_tails::upload_id.eq(id))).execute(tx.conn).db()?;
    diesel::delete(resumable_parts::table.filter(resumable_parts::upload_id.eq(id))).execute(tx.conn).db()?;
    Ok(())
}

/// Deletes the upload, unless it expires at `before` or later.
pub fn remove(tx: &mut Tx<'_>, id: &str, before: Millis) -> Result<()> {
    let target = resumable_uploads::table.find(id).filter(resumable_uploads::expires_at.lt(before));
    diesel::delete(target).execute(tx.conn).db()?;
    Ok(())
}

/// The ids and keys of up to `limit` uploads that expired before `now` and have no lease.
pub fn expired(tx: &mut Tx<'_>, now: Millis, limit: i64) -> Result<Vec<(String, String)>> {
    resumable_uploads::table
        .filter(resumable_uploads::expires_at.lt(now).and(resumable_uploads::lease_until.le(now)))
        .order((resumable_uploads::expires_at, resumable_uploads::id))
        .limit(limit)
        .select((resumable_uploads::id, resumable_uploads::key))
        .load(tx.conn)
        .db()
}

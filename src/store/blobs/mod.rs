//! Blobs: which bytes there are, and under which key.

mod damage;

use std::ops::RangeInclusive;

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::upsert::excluded;

use super::Tx;
use super::connection::{AnyConnection, on_each};
use super::schema::{blobs, files};
use crate::domain::{Blob, Error, Millis, Result, Sha256};

pub use damage::{Damage, Damaged, after, damaged, total, verified};

#[derive(Queryable, Selectable)]
#[diesel(table_name = blobs, treat_none_as_default_value = false)]
pub(super) struct BlobRow {
    id: i64,
    sha256: String,
    size: i64,
    key: String,
}

#[derive(Insertable)]
#[diesel(table_name = blobs, treat_none_as_default_value = false)]
struct NewBlob<'a> {
    sha256: &'a str,
    size: i64,
    key: &'a str,
    created_at: i64,
}

impl TryFrom<BlobRow> for Blob {
    type Error = Error;

    fn try_from(row: BlobRow) -> Result<Self> {
        let broken = |_| Error::internal(format!("blob `{}` has a broken digest or size", row.id));
        Ok(Self {
            id: row.id,
            sha256: row.sha256.parse().map_err(broken)?,
            size: u64::try_from(row.size).map_err(|_| broken(Error::internal("negative size")))?,
            key: row.key,
        })
    }
}

/// The blob with that digest: the one there is, or a new one under `key`. One that is known to be damaged is under `key`
/// from now on.
///
/// Either way it cannot be removed until the transaction ends.
pub fn get_or_insert(tx: &mut Tx<'_>, sha256: Sha256, size: u64, key: &str, now: Millis) -> Result<Blob> {
    let digest = sha256.to_string();
    let size = i64::try_from(size).map_err(|_| Error::internal("a blob is larger than 2^63 bytes"))?;
    let new = NewBlob { sha256: &digest, size, key, created_at: now };
    // Mostly an update that changes nothing, because DO NOTHING neither returns nor locks the row.
    let row = on_each!(tx.conn, conn => {
        diesel::insert_into(blobs::table)
            .values(&new)
            .on_conflict(blobs::sha256)
            .do_update()
            .set((
                blobs::key.eq(case_when(blobs::damage.is_not_null(), excluded(blobs::key)).otherwise(blobs::key)),
                blobs::damage.eq(None::<String>),
            ))
            .returning(BlobRow::as_returning())
            .get_result::<BlobRow>(conn)
    })?;
    row.try_into()
}

/// The id of the newest blob; 0 when there is none.
pub fn last_id(tx: &mut Tx<'_>) -> Result<i64> {
    Ok(blobs::table.select(diesel::dsl::max(blobs::id)).get_result::<Option<i64>>(tx.conn)?.unwrap_or(0))
}

/// Removes those of [`unreferenced`], and returns them. One that is about to be linked is passed by.
pub fn delete_unreferenced(tx: &mut Tx<'_>, before: Millis, ids: RangeInclusive<i64>) -> Result<Vec<Blob>> {
    let ids = unreferenced(tx, before, ids)?.into_iter().map(|blob| blob.id).collect::<Vec<_>>();
    let ids = lock_free(tx, ids)?;
    let used = files::table.filter(files::blob_id.eq(blobs::id));
    let target = blobs::table.filter(blobs::id.eq_any(ids)).filter(diesel::dsl::not(diesel::dsl::exists(used)));
    let rows: Vec<BlobRow> =
        on_each!(tx.conn, conn => diesel::delete(target).returning(BlobRow::as_returning()).get_results(conn))?;
    rows.into_iter().map(Blob::try_from).collect()
}

/// Locks those of the blobs that nobody else has locked; the next statement sees every file that points at them.
fn lock_free(tx: &mut Tx<'_>, ids: Vec<i64>) -> Result<Vec<i64>> {
    match tx.conn {
        AnyConnection::Postgres(conn) => {
            let free = blobs::table.filter(blobs::id.eq_any(ids)).select(blobs::id).for_update().skip_locked();
            Ok(free.load(conn)?)
        }
        // A write transaction has the whole database to itself.
        AnyConnection::Sqlite(_) => Ok(ids),
    }
}

/// The blobs with such ids that no file points at and that were made before `before`.
pub fn unreferenced(tx: &mut Tx<'_>, before: Millis, ids: RangeInclusive<i64>) -> Result<Vec<Blob>> {
    let used = files::table.filter(files::blob_id.eq(blobs::id));
    let rows: Vec<BlobRow> = blobs::table
        .filter(blobs::id.between(*ids.start(), *ids.end()).and(blobs::created_at.lt(before)))
        .filter(diesel::dsl::not(diesel::dsl::exists(used)))
        .order(blobs::id)
        .select(BlobRow::as_select())
        .load(tx.conn)?;
    rows.into_iter().map(Blob::try_from).collect()
}

/// Which of these keys hold a blob.
pub fn known_keys(tx: &mut Tx<'_>, keys: &[String]) -> Result<Vec<String>> {
    let mut known = Vec::new();
    for chunk in keys.chunks(super::nodes::CHUNK) {
        let rows = blobs::table.filter(blobs::key.eq_any(chunk.to_vec())).select(blobs::key);
        known.extend(rows.load::<String>(tx.conn)?);
    }
    Ok(known)
}

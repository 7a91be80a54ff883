//! Blobs: which bytes there are, and under which key.

mod damage;

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use diesel::dsl::case_when;
use diesel::prelude::*;
use diesel::upsert::excluded;

use super::Tx;
use super::bulk::{Column, Insert};
use super::connection::{AnyConnection, on_each};
use super::schema::{blobs, files};
use crate::error::DatabaseResult as _;
use modelport_domain::{Blob, Error, Millis, Result, Sha256};

pub use damage::{after, damaged, total, verified};

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

/// Gets the blob with that digest, or inserts one under `key`. A blob that is marked as damaged is moved to `key`.
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
    })
    .db()?;
    row.try_into()
}

/// The same for many digests; of two uploads with the same digest the first counts.
pub fn get_or_insert_all(
    tx: &mut Tx<'_>,
    wanted: &[(Sha256, u64, &str)],
    now: Millis,
) -> Result<BTreeMap<Sha256, Blob>> {
    let mut distinct: BTreeMap<Sha256, (u64, &str)> = BTreeMap::new();
    for (digest, size, key) in wanted {
        distinct.entry(*digest).or_insert((*size, *key));
    }
    if let (1, Some((digest, (size, key)))) = (distinct.len(), distinct.iter().next()) {
        return Ok(BTreeMap::from([(*digest, get_or_insert(tx, *digest, *size, key, now)?)]));
    }
    let texts: Vec<String> = distinct.keys().map(Sha256::to_string).collect();
    let sizes = distinct.values().map(|(size, _)| i64::try_from(*size));
    let sizes: Vec<i64> = sizes
        .collect::<std::result::Result<_, _>>()
        .map_err(|_| Error::internal("a blob is larger than 2^63 bytes"))?;
    let keys = distinct.values().map(|(_, key)| *key);
    // In the order of the digests, so that two transactions lock the rows in the same order.
    let rows: Vec<NewBlob<'_>> = texts
        .iter()
        .zip(sizes)
        .zip(keys)
        .map(|((sha256, size), key)| NewBlob { sha256, size, key, created_at: now })
        .collect();
    let mut found = BTreeMap::new();
    for chunk in rows.chunks(super::nodes::MAX_IDS) {
        match tx.conn {
            AnyConnection::Postgres(conn) => bulk(chunk).execute(conn).db()?,
            AnyConnection::Sqlite(conn) => diesel::insert_into(blobs::table)
                .values(chunk)
                .on_conflict(blobs::sha256)
                .do_update()
                .set((
                    blobs::key.eq(case_when(blobs::damage.is_not_null(), excluded(blobs::key)).otherwise(blobs::key)),
                    blobs::damage.eq(None::<String>),
                ))
                .execute(conn)
                .db()?,
        };
        let digests: Vec<&str> = chunk.iter().map(|row| row.sha256).collect();
        let rows: Vec<BlobRow> =
            blobs::table.filter(blobs::sha256.eq_any(digests)).select(BlobRow::as_select()).load(tx.conn).db()?;
        for row in rows {
            let blob: Blob = row.try_into()?;
            found.insert(blob.sha256, blob);
        }
    }
    Ok(found)
}

fn bulk<'a>(rows: &'a [NewBlob<'a>]) -> Insert<'a> {
    let each = rows.iter();
    let columns = vec![
        ("sha256", Column::Text(each.clone().map(|row| row.sha256).collect())),
        ("size", Column::Int(each.clone().map(|row| row.size).collect())),
        ("key", Column::Text(each.clone().map(|row| row.key).collect())),
        ("created_at", Column::Int(each.map(|row| row.created_at).collect())),
    ];
    let end = "ON CONFLICT (sha256) DO UPDATE SET damage = NULL, \
               key = CASE WHEN blobs.damage IS NULL THEN blobs.key ELSE excluded.key END";
    Insert { table: "blobs", columns, end }
}

/// The blobs with these digests that are not known to be damaged.
pub fn find_undamaged(tx: &mut Tx<'_>, digests: &[Sha256]) -> Result<Vec<Blob>> {
    let mut found = Vec::new();
    for chunk in digests.chunks(super::nodes::MAX_IDS) {
        let digests: Vec<String> = chunk.iter().map(Sha256::to_string).collect();
        let rows: Vec<BlobRow> = blobs::table
            .filter(blobs::sha256.eq_any(digests).and(blobs::damage.is_null()))
            .select(BlobRow::as_select())
            .load(tx.conn)
            .db()?;
        found.extend(rows);
    }
    found.into_iter().map(Blob::try_from).collect()
}

/// The id of the newest blob; 0 when there is none.
pub fn last_id(tx: &mut Tx<'_>) -> Result<i64> {
    Ok(blobs::table.select(diesel::dsl::max(blobs::id)).get_result::<Option<i64>>(tx.conn).db()?.unwrap_or(0))
}

/// Removes those of [`unreferenced`], and returns them. A blob that is about to be linked is skipped.
pub fn delete_unreferenced(tx: &mut Tx<'_>, before: Millis, ids: RangeInclusive<i64>) -> Result<Vec<Blob>> {
    let ids = unreferenced(tx, before, ids)?.into_iter().map(|blob| blob.id).collect::<Vec<_>>();
    let ids = lock_free(tx, ids)?;
    let used = files::table.filter(files::blob_id.eq(blobs::id));
    let target = blobs::table.filter(blobs::id.eq_any(ids)).filter(diesel::dsl::not(diesel::dsl::exists(used)));
    let rows: Vec<BlobRow> =
        on_each!(tx.conn, conn => diesel::delete(target).returning(BlobRow::as_returning()).get_results(conn)).db()?;
    rows.into_iter().map(Blob::try_from).collect()
}

/// Locks those of the blobs that are not locked; the next statement sees every file that points at them.
fn lock_free(tx: &mut Tx<'_>, ids: Vec<i64>) -> Result<Vec<i64>> {
    match tx.conn {
        AnyConnection::Postgres(conn) => {
            let free = blobs::table.filter(blobs::id.eq_any(ids)).select(blobs::id).for_update().skip_locked();
            Ok(free.load(conn).db()?)
        }
        // SQLite has a single writer: nothing to lock.
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
        .load(tx.conn)
        .db()?;
    rows.into_iter().map(Blob::try_from).collect()
}

/// Which of these keys hold a blob.
pub fn known_keys(tx: &mut Tx<'_>, keys: &[String]) -> Result<Vec<String>> {
    let mut known = Vec::new();
    for chunk in keys.chunks(super::nodes::MAX_IDS) {
        let rows = blobs::table.filter(blobs::key.eq_any(chunk.to_vec())).select(blobs::key);
        known.extend(rows.load::<String>(tx.conn).db()?);
    }
    Ok(known)
}

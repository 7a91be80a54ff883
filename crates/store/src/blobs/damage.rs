//! Results of verification: which blobs were read again, and which are damaged.

use diesel::prelude::*;

use super::{BlobRow, Tx};
use crate::error::DatabaseResult as _;
use crate::nodes::MAX_IDS;
use crate::schema::{blobs, files};
use modelport_domain::{Blob, Damage, DamagedBlob, Error, Millis, NodeId, Result};

/// How many blobs have ids above `after` and up to `last`, and how many bytes.
pub fn total(tx: &mut Tx<'_>, after: i64, last: i64) -> Result<(u64, u64)> {
    let among = blobs::id.gt(after).and(blobs::id.le(last));
    let count: i64 = blobs::table.filter(among).count().get_result(tx.conn).db()?;
    // A sum of 64-bit numbers is a decimal on PostgreSQL.
    let sum = diesel::dsl::sql::<diesel::sql_types::BigInt>("CAST(COALESCE(sum(size), 0) AS BIGINT)");
    let bytes: i64 = blobs::table.filter(among).select(sum).get_result(tx.conn).db()?;
    Ok((count.unsigned_abs(), bytes.unsigned_abs()))
}

/// The first `limit` blobs with ids above `after` and up to `last`.
pub fn after(tx: &mut Tx<'_>, after: i64, last: i64, limit: u32) -> Result<Vec<Blob>> {
    let rows: Vec<BlobRow> = blobs::table
        .filter(blobs::id.gt(after).and(blobs::id.le(last)))
        .order(blobs::id)
        .limit(i64::from(limit))
        .select(BlobRow::as_select())
        .load(tx.conn)
        .db()?;
    rows.into_iter().map(Blob::try_from).collect()
}

/// Records the result of verifying blobs at `now`. Returns the damaged ones, except those that were removed or repaired meanwhile.
pub fn verified(tx: &mut Tx<'_>, found: &[(Blob, Option<Damage>)], now: Millis) -> Result<Vec<Damage>> {
    let mut wrong = Vec::new();
    let whole: Vec<i64> = found.iter().filter(|(_, damage)| damage.is_none()).map(|(blob, _)| blob.id).collect();
    for chunk in whole.chunks(MAX_IDS) {
        diesel::update(blobs::table.filter(blobs::id.eq_any(chunk.to_vec())))
            .set((blobs::verified_at.eq(now), blobs::damage.eq(None::<String>)))
            .execute(tx.conn)
            .db()?;
    }
    for (blob, damage) in found.iter().filter_map(|(blob, damage)| damage.map(|damage| (blob, damage))) {
        // Still the object that was read.
        let same = blobs::table.filter(blobs::id.eq(blob.id).and(blobs::key.eq(&blob.key)));
        let set = (blobs::verified_at.eq(now), blobs::damage.eq(damage.name()));
        if diesel::update(same).set(set).execute(tx.conn).db()? > 0 {
            wrong.push(damage);
        }
    }
    Ok(wrong)
}

/// Up to `limit` blobs with ids above `after` that are missing or damaged, with their files.
pub fn damaged(tx: &mut Tx<'_>, after: i64, limit: u32) -> Result<Vec<DamagedBlob>> {
    let rows: Vec<(BlobRow, Option<String>)> = blobs::table
        .filter(blobs::damage.is_not_null().and(blobs::id.gt(after)))
        .order(blobs::id)
        .limit(i64::from(limit))
        .select((BlobRow::as_select(), blobs::damage))
        .load(tx.conn)
        .db()?;
    let ids: Vec<i64> = rows.iter().map(|(row, _)| row.id).collect();
    let mut used: Vec<(i64, i64, String)> = Vec::new();
    for chunk in ids.chunks(MAX_IDS) {
        let holders = files::table
            .filter(files::blob_id.eq_any(chunk.to_vec()))
            .order((files::node_id, files::path))
            .select((files::blob_id, files::node_id, files::path));
        used.extend(holders.load::<(i64, i64, String)>(tx.conn).db()?);
    }
    let described = |(row, damage): (BlobRow, Option<String>)| {
        let files = used.iter().filter(|(blob, _, _)| *blob == row.id);
        let files = files.map(|(_, node, path)| Ok((NodeId(*node), path.parse()?))).collect::<Result<_>>()?;
        Ok(DamagedBlob { damage: stored_damage(&damage.unwrap_or_default())?, blob: row.try_into()?, files })
    };
    rows.into_iter().map(described).collect()
}

fn stored_damage(name: &str) -> Result<Damage> {
    Damage::from_name(name).ok_or_else(|| Error::internal(format!("a blob is `{name}`, which nobody knows")))
}

//! Uploads in numbered parts: what each is to become, and which partial upload each part is.

use diesel::prelude::*;

use super::Tx;
use super::connection::on_each;
use super::schema::{multipart_parts, multipart_uploads, resumable_uploads, uploads};
use super::uploads::CONDEMNED;
use crate::error::DatabaseResult as _;
use modelport_domain::{Error, Millis, Result, Sha256};

/// What an upload in parts has beside its row among the resumable ones, as the migration documents its columns.
#[derive(Debug, Clone, Queryable, Selectable, Insertable)]
#[diesel(table_name = multipart_uploads)]
#[expect(missing_docs, reason = "the columns are documented where they are made")]
pub struct Multipart {
    pub upload_id: String,
    pub target: String,
    pub parts: i64,
    pub secret: String,
    pub token_id: Option<i64>,
}

/// A part that has arrived.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArrivedPart {
    /// Its number, from 1.
    pub number: i64,
    /// The id of the partial upload.
    pub id: String,
    /// The key of its object.
    pub key: String,
    /// How many bytes it has.
    pub length: i64,
    /// Their digest.
    pub sha256: Sha256,
}

/// Inserts what an upload has beside its row.
pub fn insert(tx: &mut Tx<'_>, new: &Multipart) -> Result<()> {
    on_each!(tx.conn, conn => diesel::insert_into(multipart_uploads::table).values(new).execute(conn)).db()?;
    Ok(())
}

/// What the upload of that id has, where it is one in parts.
pub fn find(tx: &mut Tx<'_>, id: &str) -> Result<Option<Multipart>> {
    multipart_uploads::table.find(id).select(Multipart::as_select()).first(tx.conn).optional().db()
}

/// Whether the upload takes parts: it is not finished, and nobody holds its lease. Keeps others from taking the lease until the
/// transaction has ended.
pub fn takes_parts(tx: &mut Tx<'_>, id: &str, now: Millis) -> Result<bool> {
    let open = resumable_uploads::finished_at.is_null().and(resumable_uploads::lease_until.le(now));
    let row = resumable_uploads::table.find(id).filter(open);
    let locked = diesel::update(row).set(resumable_uploads::lease_until.eq(resumable_uploads::lease_until));
    Ok(locked.execute(tx.conn).db()? > 0)
}

/// How many bytes the parts have together, but for the one with that number.
pub fn size_of_others(tx: &mut Tx<'_>, id: &str, number: i64) -> Result<i64> {
    // A sum of 64-bit numbers is a decimal on PostgreSQL.
    let sum =
        diesel::dsl::sql::<diesel::sql_types::BigInt>("CAST(COALESCE(sum(resumable_uploads.length), 0) AS BIGINT)");
    multipart_parts::table
        .inner_join(resumable_uploads::table)
        .filter(multipart_parts::upload_id.eq(id).and(multipart_parts::number.ne(number)))
        .select(sum)
        .get_result(tx.conn)
        .db()
}

/// Says which partial upload the part with that number is. Returns the id and the key of the one that it was before.
pub fn set_part(tx: &mut Tx<'_>, id: &str, number: i64, part: &str) -> Result<Option<(String, String)>> {
    let row = multipart_parts::table.find((id, number));
    let before = row
        .inner_join(resumable_uploads::table)
        .select((resumable_uploads::id, resumable_uploads::key))
        .first(tx.conn)
        .optional()
        .db()?;
    if before.is_some() {
        diesel::delete(row).execute(tx.conn).db()?;
    }
    let new =
        (multipart_parts::upload_id.eq(id), multipart_parts::number.eq(number), multipart_parts::part_id.eq(part));
    diesel::insert_into(multipart_parts::table).values(new).execute(tx.conn).db()?;
    Ok(before)
}

/// The parts that have arrived, by their numbers.
pub fn parts(tx: &mut Tx<'_>, id: &str) -> Result<Vec<ArrivedPart>> {
    let rows: Vec<(i64, String, String, i64, Option<String>)> = multipart_parts::table
        .inner_join(resumable_uploads::table)
        .filter(multipart_parts::upload_id.eq(id))
        .order(multipart_parts::number)
        .select((
            multipart_parts::number,
            resumable_uploads::id,
            resumable_uploads::key,
            resumable_uploads::length,
            resumable_uploads::sha256,
        ))
        .load(tx.conn)
        .db()?;
    let part = |(number, id, key, length, sha256): (i64, String, String, i64, Option<String>)| {
        let sha256 = sha256.ok_or_else(|| Error::internal(format!("part `{number}` of an upload has no digest")))?;
        Ok(ArrivedPart { number, id, key, length, sha256: sha256.parse()? })
    };
    rows.into_iter().map(part).collect()
}

/// Lets the parts of an upload expire at that time.
pub fn expire_parts(tx: &mut Tx<'_>, id: &str, at: Millis) -> Result<()> {
    let ids = || multipart_parts::table.filter(multipart_parts::upload_id.eq(id)).select(multipart_parts::part_id);
    let keys = resumable_uploads::table.filter(resumable_uploads::id.eq_any(ids())).select(resumable_uploads::key);
    let objects = uploads::table.filter(uploads::key.eq_any(keys).and(uploads::seen_at.gt(CONDEMNED)));
    diesel::update(objects).set(uploads::seen_at.eq(at)).execute(tx.conn).db()?;
    let rows = resumable_uploads::table.filter(resumable_uploads::id.eq_any(ids()));
    diesel::update(rows).set(resumable_uploads::expires_at.eq(at)).execute(tx.conn).db()?;
    Ok(())
}

/// Marks the upload as finished, with what its parts came to. `false` when it is gone, or finished.
pub fn finish(tx: &mut Tx<'_>, id: &str, (length, sha256): (i64, Sha256), now: Millis) -> Result<bool> {
    let open = resumable_uploads::table.find(id).filter(resumable_uploads::finished_at.is_null());
    let finished = (
        resumable_uploads::finished_at.eq(now),
        resumable_uploads::length.eq(length),
        resumable_uploads::sha256.eq(sha256.to_string()),
    );
    Ok(diesel::update(open).set(finished).execute(tx.conn).db()? > 0)
}

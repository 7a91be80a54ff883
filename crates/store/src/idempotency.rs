//! Idempotency keys: the answers stored under keys that clients chose, until they expire.

use diesel::prelude::*;

use super::Tx;
use super::connection::on_each;
use super::schema::idempotency_keys;
use crate::error::DatabaseResult as _;
use modelport_domain::access::WorkspaceId;
use modelport_domain::{Actor, Error, Millis, Result, Sha256};

#[derive(Insertable)]
#[diesel(table_name = idempotency_keys)]
struct NewKey<'a> {
    actor: &'a str,
    key: &'a str,
    fingerprint: &'a str,
    expires_at: i64,
}

/// The state of an idempotency key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claim {
    /// It was free and is now taken by the caller, which has to [`answer`] in the same transaction.
    New,
    /// The request with that fingerprint was answered so.
    Answered(Sha256, String),
}

/// Takes the key for a request, or returns the answer stored under it. A concurrent request with the same key waits until this
/// transaction ends. Expired keys are deleted.
pub fn claim(
    tx: &mut Tx<'_>,
    actor: &Actor,
    key: &str,
    fingerprint: &Sha256,
    now: Millis,
    expires_at: Millis,
) -> Result<Claim> {
    diesel::delete(idempotency_keys::table.filter(idempotency_keys::expires_at.le(now))).execute(tx.conn).db()?;
    let fingerprint = fingerprint.to_string();
    let caller = caller(tx, actor);
    let new = NewKey { actor: &caller, key, fingerprint: &fingerprint, expires_at };
    let taken = on_each!(tx.conn, conn => {
        diesel::insert_into(idempotency_keys::table).values(&new).on_conflict_do_nothing().execute(conn)
    })
    .db()?;
    if taken > 0 {
        return Ok(Claim::New);
    }
    let (fingerprint, answer): (String, Option<String>) = idempotency_keys::table
        .find((&caller, key))
        .select((idempotency_keys::fingerprint, idempotency_keys::answer))
        .first(tx.conn)
        .db()?;
    let answer = answer.ok_or_else(|| Error::internal(format!("nothing was answered under key `{key}`")))?;
    Ok(Claim::Answered(fingerprint.parse()?, answer))
}

/// Stores the answer under a key that was taken in this transaction.
pub fn answer(tx: &mut Tx<'_>, actor: &Actor, key: &str, answer: &str) -> Result<()> {
    diesel::update(idempotency_keys::table.find((caller(tx, actor), key)))
        .set(idempotency_keys::answer.eq(answer))
        .execute(tx.conn)
        .db()?;
    Ok(())
}

/// Whose keys these are: by the id of the principal, in its workspace, because names are given again.
fn caller(tx: &Tx<'_>, actor: &Actor) -> String {
    match (tx.access().principal(), tx.access().workspace()) {
        (Some(principal), workspace) => format!("{principal} in {workspace}"),
        (None, WorkspaceId::DEFAULT) => actor.name().to_owned(),
        (None, workspace) => format!("{} in {workspace}", actor.name()),
    }
}

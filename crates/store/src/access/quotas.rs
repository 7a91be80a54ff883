//! What workspaces hold, which triggers of the database count, and what they may hold, which triggers check.

use std::collections::BTreeMap;

use diesel::prelude::*;
use diesel::sql_query;
use diesel::sql_types::BigInt;

use crate::Tx;
use crate::connection::{AnyConnection, on_each};
use crate::error::DatabaseResult as _;
use crate::schema::{quotas, usage_deltas, workspace_usage};
use modelport_domain::access::{Counted, Exceeded, Quota, Usage, WorkspaceId};
use modelport_domain::{Error, Result};

type QuotaRow = (i64, Option<i64>, Option<i64>, Option<i64>);

/// The quotas of all workspaces that have one.
pub fn all(tx: &mut Tx<'_>) -> Result<BTreeMap<WorkspaceId, Quota>> {
    let rows: Vec<QuotaRow> = quotas::table.load(tx.conn).db()?;
    Ok(rows.into_iter().map(quota).collect())
}

/// What a workspace may hold.
pub fn find(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<Quota> {
    let row: Option<QuotaRow> = quotas::table.find(workspace.0).first(tx.conn).optional().db()?;
    Ok(row.map(|row| quota(row).1).unwrap_or_default())
}

fn quota((workspace, bytes, files, roots): QuotaRow) -> (WorkspaceId, Quota) {
    let limit = |limit: Option<i64>| limit.map(i64::unsigned_abs);
    (WorkspaceId(workspace), Quota { bytes: limit(bytes), files: limit(files), roots: limit(roots) })
}

/// Sets what a workspace may hold. What it holds stays, and what is added by a transaction that commits after this one is refused where
/// it is too much then.
pub fn set(tx: &mut Tx<'_>, workspace: WorkspaceId, quota: Quota) -> Result<()> {
    if quota.is_unlimited() {
        diesel::delete(quotas::table.find(workspace.0)).execute(tx.conn).db()?;
        return Ok(());
    }
    let limit = |limit: Option<u64>| limit.map(|limit| i64::try_from(limit).unwrap_or(i64::MAX));
    let limits = (
        quotas::bytes.eq(limit(quota.bytes)),
        quotas::files.eq(limit(quota.files)),
        quotas::roots.eq(limit(quota.roots)),
    );
    let row = (quotas::workspace_id.eq(workspace.0), limits);
    on_each!(tx.conn, conn => {
        diesel::insert_into(quotas::table)
            .values(row)
            .on_conflict(quotas::workspace_id)
            .do_update()
            .set(limits)
            .execute(conn)
    })
    .db()?;
    Ok(())
}

#[derive(QueryableByName)]
struct Held {
    #[diesel(sql_type = BigInt)]
    bytes: i64,
    #[diesel(sql_type = BigInt)]
    files: i64,
    #[diesel(sql_type = BigInt)]
    roots: i64,
}

/// What a workspace holds.
pub fn usage(tx: &mut Tx<'_>, workspace: WorkspaceId) -> Result<Usage> {
    let held: Held = sql_query(
        "SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) AS bytes, CAST(coalesce(sum(files), 0) AS BIGINT) AS files, \
         CAST(coalesce(sum(roots), 0) AS BIGINT) AS roots \
         FROM (SELECT bytes, files, roots FROM workspace_usage WHERE workspace_id = $1 \
         UNION ALL SELECT bytes, files, roots FROM usage_deltas WHERE workspace_id = $1) AS counted",
    )
    .bind::<BigInt, _>(workspace.0)
    .get_result(tx.conn)
    .db()?;
    counted(&held, format_args!("workspace `{workspace}`"))
}

/// What all workspaces hold together.
pub fn usage_of_all(tx: &mut Tx<'_>) -> Result<Usage> {
    let held: Held = sql_query(
        "SELECT CAST(coalesce(sum(bytes), 0) AS BIGINT) AS bytes, CAST(coalesce(sum(files), 0) AS BIGINT) AS files, \
         CAST(coalesce(sum(roots), 0) AS BIGINT) AS roots \
         FROM (SELECT bytes, files, roots FROM workspace_usage \
         UNION ALL SELECT bytes, files, roots FROM usage_deltas) AS counted",
    )
    .get_result(tx.conn)
    .db()?;
    counted(&held, format_args!("the registry"))
}

fn counted(held: &Held, whole: std::fmt::Arguments<'_>) -> Result<Usage> {
    let count = |what: &str, count: i64| {
        u64::try_from(count).map_err(|_| Error::internal(format!("{whole} holds {count} {what}")))
    };
    Ok(Usage {
        bytes: count("bytes", held.bytes)?,
        files: count("files", held.files)?,
        roots: count("roots", held.roots)?,
    })
}

/// Adds up to `limit` rows of what was added and removed to what workspaces hold, which does not change by that. Returns how many those
/// were; none on SQLite, which adds at once. Any number of processes may do so at a time.
pub fn fold(tx: &mut Tx<'_>, limit: u32) -> Result<usize> {
    #[derive(QueryableByName)]
    struct Folded {
        #[diesel(sql_type = BigInt)]
        rows: i64,
    }
    let AnyConnection::Postgres(conn) = &mut *tx.conn else { return Ok(0) };
    let folded: Folded = sql_query(
        "WITH folded AS (DELETE FROM usage_deltas WHERE id IN \
         (SELECT id FROM usage_deltas ORDER BY id LIMIT $1 FOR UPDATE SKIP LOCKED) \
         RETURNING workspace_id, bytes, files, roots), \
         sums AS (SELECT workspace_id, CAST(sum(bytes) AS BIGINT) AS bytes, CAST(sum(files) AS BIGINT) AS files, \
         CAST(sum(roots) AS BIGINT) AS roots FROM folded GROUP BY workspace_id), \
         added AS (UPDATE workspace_usage SET bytes = workspace_usage.bytes + sums.bytes, \
         files = workspace_usage.files + sums.files, roots = workspace_usage.roots + sums.roots \
         FROM sums WHERE workspace_usage.workspace_id = sums.workspace_id) \
         SELECT count(*) AS rows FROM folded",
    )
    .bind::<BigInt, _>(i64::from(limit))
    .get_result(conn)
    .db()?;
    Ok(usize::try_from(folded.rows).unwrap_or_default())
}

/// What the transaction that SQLite has just refused would have added, and to what; asked before it is rolled back.
pub(crate) fn exceeded_in(conn: &mut AnyConnection, counted: Counted) -> Option<Exceeded> {
    let AnyConnection::Sqlite(conn) = conn else { return None };
    let last = usage_deltas::table
        .inner_join(quotas::table.on(quotas::workspace_id.eq(usage_deltas::workspace_id)))
        .inner_join(workspace_usage::table.on(workspace_usage::workspace_id.eq(usage_deltas::workspace_id)))
        .order(usage_deltas::id.desc());
    let id = usage_deltas::workspace_id;
    let row: QueryResult<(i64, Option<i64>, i64, i64)> = match counted {
        Counted::Bytes => last.select((id, quotas::bytes, workspace_usage::bytes, usage_deltas::bytes)).first(conn),
        Counted::Files => last.select((id, quotas::files, workspace_usage::files, usage_deltas::files)).first(conn),
        Counted::Roots => last.select((id, quotas::roots, workspace_usage::roots, usage_deltas::roots)).first(conn),
    };
    let (workspace, limit, held, added) = row.ok()?;
    exceeded(counted, [workspace, limit?, held - added, added])
}

/// What a database tells: the workspace, what it may hold, what it holds, and what is added.
pub(crate) fn exceeded(counted: Counted, [workspace, limit, used, added]: [i64; 4]) -> Option<Exceeded> {
    let count = |number: i64| u64::try_from(number).ok();
    let workspace = WorkspaceId(workspace);
    Some(Exceeded { workspace, counted, limit: count(limit)?, used: count(used)?, added: count(added)? })
}

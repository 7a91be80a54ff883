//! The audit trail: entries are added, come to stand for more requests, and are removed when they are old. Triggers refuse anything else.

use std::collections::BTreeSet;

use diesel::prelude::*;
use diesel::sql_types::{Array, BigInt, Text};

use super::Tx;
use super::bulk::{Column, Insert, draw_ids};
use super::connection::AnyConnection;
use super::nodes::{self, MAX_IDS};
use super::schema::{audit, audit_upkeep, nodes as nodes_table, restricted_roots};
use crate::error::DatabaseResult as _;
use modelport_domain::access::{PrincipalId, TokenId, WorkspaceId};
use modelport_domain::audit::{AuditAction, AuditEntry, AuditFilter, AuditPosition, AuditRecord, Outcome};
use modelport_domain::{Error, Millis, NodeId, Result};

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit)]
struct AuditRow {
    id: i64,
    at: i64,
    ended_at: i64,
    action: String,
    outcome: String,
    principal_id: Option<i64>,
    token_id: Option<i64>,
    workspace_id: Option<i64>,
    root_id: Option<i64>,
    node_id: Option<i64>,
    path: Option<String>,
    blob_id: Option<i64>,
    bytes: Option<i64>,
    requests: i64,
    door: Option<String>,
    request_id: Option<String>,
    peer: Option<String>,
    agent: Option<String>,
    details: Option<String>,
}

#[derive(Insertable)]
#[diesel(table_name = audit, treat_none_as_default_value = false)]
struct NewAuditRow<'a> {
    id: i64,
    at: i64,
    ended_at: i64,
    action: &'a str,
    outcome: &'a str,
    principal_id: Option<i64>,
    token_id: Option<i64>,
    workspace_id: Option<i64>,
    root_id: Option<i64>,
    node_id: Option<i64>,
    path: Option<&'a str>,
    blob_id: Option<i64>,
    bytes: Option<i64>,
    requests: i64,
    door: Option<&'a str>,
    request_id: Option<&'a str>,
    peer: Option<String>,
    agent: Option<String>,
    details: Option<String>,
}

impl<'a> NewAuditRow<'a> {
    fn new(id: i64, entry: &'a AuditEntry) -> Self {
        Self {
            id,
            at: entry.at,
            ended_at: entry.ended_at,
            action: entry.action.name(),
            outcome: entry.outcome.name(),
            principal_id: entry.principal_id.map(|id| id.0),
            token_id: entry.token_id.map(|id| id.0),
            workspace_id: entry.workspace_id.map(|id| id.0),
            root_id: entry.root_id.map(|id| id.0),
            node_id: entry.node_id.map(|id| id.0),
            path: entry.path.as_deref(),
            blob_id: entry.blob_id,
            bytes: entry.bytes,
            requests: entry.requests,
            door: entry.door.as_deref(),
            request_id: entry.request_id.as_deref(),
            peer: entry.peer.as_deref().map(storable),
            agent: entry.agent.as_deref().map(storable),
            details: entry.details.as_ref().map(ToString::to_string),
        }
    }
}

/// A text of a client's without the NULs that PostgreSQL refuses.
fn storable(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

/// Adds entries, and returns their ids in the order of the entries. A thousand take one statement.
///
/// An entry about a node that does not say where that is gets it said here, so that no request has to look it up.
pub fn append(tx: &mut Tx<'_>, entries: &[AuditEntry]) -> Result<Vec<i64>> {
    let placed = placed(tx, entries)?;
    let entries = placed.as_deref().unwrap_or(entries);
    let ids = if entries.is_empty() { Vec::new() } else { draw_ids(tx, "audit", entries.len())? };
    let rows: Vec<_> = ids.iter().zip(entries).map(|(id, entry)| NewAuditRow::new(*id, entry)).collect();
    for chunk in rows.chunks(MAX_IDS) {
        match tx.conn {
            AnyConnection::Postgres(conn) => bulk(chunk).execute(conn).db()?,
            AnyConnection::Sqlite(conn) => {
                diesel::insert_into(audit::table).values(chunk.iter().collect::<Vec<_>>()).execute(conn).db()?
            }
        };
    }
    Ok(ids)
}

/// The entries with the places of their nodes; `None` where all have them.
fn placed(tx: &mut Tx<'_>, entries: &[AuditEntry]) -> Result<Option<Vec<AuditEntry>>> {
    let is_unplaced = |entry: &&AuditEntry| entry.root_id.is_none() && entry.node_id.is_some();
    let ids: BTreeSet<NodeId> = entries.iter().filter(is_unplaced).filter_map(|entry| entry.node_id).collect();
    if ids.is_empty() {
        return Ok(None);
    }
    let places = nodes::place_of(tx, &ids.into_iter().collect::<Vec<_>>())?;
    let with_place = |entry: &AuditEntry| match entry.node_id.and_then(|node| places.get(&node)) {
        Some(place) if entry.root_id.is_none() => {
            AuditEntry { workspace_id: Some(place.workspace), root_id: Some(place.root), ..entry.clone() }
        }
        _ => entry.clone(),
    };
    Ok(Some(entries.iter().map(with_place).collect()))
}

fn bulk<'a>(rows: &'a [NewAuditRow<'a>]) -> Insert<'a> {
    macro_rules! columns {
        ($($column:ident: $kind:ident $(($view:ident))?,)+) => {
            vec![$((
                stringify!($column),
                Column::$kind(rows.iter().map(|row| row.$column$(.$view())?).collect()),
            ),)+]
        };
    }
    let columns = columns![
        id: Int,
        at: Int,
        ended_at: Int,
        action: Text,
        outcome: Text,
        principal_id: MaybeInt,
        token_id: MaybeInt,
        workspace_id: MaybeInt,
        root_id: MaybeInt,
        node_id: MaybeInt,
        path: MaybeText,
        blob_id: MaybeInt,
        bytes: MaybeInt,
        requests: Int,
        door: MaybeText,
        request_id: MaybeText,
        peer: MaybeText(as_deref),
        agent: MaybeText(as_deref),
        details: MaybeText(as_deref),
    ];
    Insert { table: "audit", columns, end: "" }
}

/// By how much an entry comes to stand for more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Growth {
    /// The entry.
    pub id: i64,
    /// When the last of its requests was.
    pub ended_at: Millis,
    /// So many requests more.
    pub requests: i64,
    /// So many bytes more.
    pub bytes: i64,
}

/// Lets entries stand for more requests, a thousand in one statement.
pub fn grow(tx: &mut Tx<'_>, growth: &[Growth]) -> Result<()> {
    for chunk in growth.chunks(MAX_IDS) {
        let column = |of: fn(&Growth) -> i64| chunk.iter().map(of).collect::<Vec<_>>();
        let ids = column(|more| more.id);
        let (ended, requests, bytes) =
            (column(|more| more.ended_at), column(|more| more.requests), column(|more| more.bytes));
        match tx.conn {
            AnyConnection::Postgres(conn) => diesel::sql_query(format!(
                "{GROW} FROM unnest($1, $2, $3, $4) AS more (id, ended_at, requests, bytes) WHERE audit.id = more.id"
            ))
            .bind::<Array<BigInt>, _>(ids)
            .bind::<Array<BigInt>, _>(ended)
            .bind::<Array<BigInt>, _>(requests)
            .bind::<Array<BigInt>, _>(bytes)
            .execute(conn)
            .db()?,
            AnyConnection::Sqlite(conn) => {
                let rows: Vec<_> =
                    chunk.iter().map(|more| (more.id, more.ended_at, more.requests, more.bytes)).collect();
                let rows = serde_json::to_string(&rows)
                    .map_err(|error| Error::internal("numbers are no JSON").caused_by(error))?;
                diesel::sql_query(format!(
                    "{GROW} FROM (SELECT value ->> 0 AS id, value ->> 1 AS ended_at, value ->> 2 AS requests,
                        value ->> 3 AS bytes FROM json_each(?)) AS more WHERE audit.id = more.id"
                ))
                .bind::<Text, _>(rows)
                .execute(conn)
                .db()?
            }
        };
    }
    Ok(())
}

const GROW: &str = "UPDATE audit SET
    ended_at = CASE WHEN more.ended_at > audit.ended_at THEN more.ended_at ELSE audit.ended_at END,
    requests = audit.requests + more.requests,
    bytes = CASE WHEN audit.bytes IS NULL AND more.bytes = 0 THEN NULL ELSE coalesce(audit.bytes, 0) + more.bytes END";

/// The first `limit` entries that are wanted and older than the position, the newest first.
pub fn list(
    tx: &mut Tx<'_>,
    filter: &AuditFilter,
    before: Option<AuditPosition>,
    limit: i64,
) -> Result<Vec<AuditRecord>> {
    let mut query = audit::table
        .order((audit::at.desc(), audit::id.desc()))
        .limit(limit)
        .select(AuditRow::as_select())
        .into_boxed();
    if let Some(AuditPosition { at, id }) = before {
        query = query.filter(audit::at.le(at)).filter(audit::at.lt(at).or(audit::id.lt(id)));
    }
    if let Some(workspace) = filter.workspace_id {
        query = query.filter(audit::workspace_id.eq(workspace.0));
    }
    if let Some(root) = filter.root_id {
        query = query.filter(audit::root_id.eq(root.0));
    }
    if let Some(principal) = filter.principal_id {
        query = query.filter(audit::principal_id.eq(principal.0));
    }
    if let Some(action) = filter.action {
        query = query.filter(audit::action.eq(action.name()));
    }
    if let Some(outcome) = filter.outcome {
        query = query.filter(audit::outcome.eq(outcome.name()));
        if outcome != Outcome::Done {
            // The condition of the index of what was not done.
            query = query.filter(diesel::dsl::sql::<diesel::sql_types::Bool>("outcome <> 'done'"));
        }
    }
    if let Some(from) = filter.from {
        query = query.filter(audit::at.ge(from));
    }
    if let Some(to) = filter.to {
        query = query.filter(audit::at.lt(to));
    }
    if let Some(shown) = &filter.restricted {
        let among = restricted_roots::root_id.nullable().eq(audit::root_id);
        let hidden = restricted_roots::table
            .filter(among)
            .filter(restricted_roots::root_id.ne_all(shown.roots.iter().map(|root| root.0).collect::<Vec<_>>()));
        let own = nodes_table::table
            .filter(nodes_table::id.nullable().eq(audit::root_id))
            .filter(nodes_table::owner_id.eq(shown.owner.map(|owner| owner.0)));
        let managed: Vec<i64> = shown.workspaces.iter().map(|workspace| workspace.0).collect();
        query = query.filter(
            diesel::dsl::not(diesel::dsl::exists(hidden))
                .or(diesel::dsl::exists(own))
                .or(audit::workspace_id.is_not_null().and(audit::workspace_id.assume_not_null().eq_any(managed))),
        );
    }
    let rows: Vec<AuditRow> = query.load(tx.conn).db()?;
    rows.into_iter().map(AuditRecord::try_from).collect()
}

/// Removes up to `limit` entries that ended before then, the oldest first, and returns how many those were.
pub fn remove_before(tx: &mut Tx<'_>, before: Millis, limit: i64) -> Result<usize> {
    let old: Vec<i64> = audit::table
        .filter(audit::at.lt(before).and(audit::ended_at.lt(before)))
        .order((audit::at, audit::id))
        .limit(limit)
        .select(audit::id)
        .load(tx.conn)
        .db()?;
    if old.is_empty() {
        return Ok(0);
    }
    diesel::insert_into(audit_upkeep::table).values(audit_upkeep::single.eq(1)).execute(tx.conn).db()?;
    let mut removed = 0;
    for chunk in old.chunks(MAX_IDS) {
        let among = audit::table.filter(audit::id.eq_any(chunk.to_vec()));
        removed += diesel::delete(among).execute(tx.conn).db()?;
    }
    diesel::delete(audit_upkeep::table).execute(tx.conn).db()?;
    Ok(removed)
}

impl TryFrom<AuditRow> for AuditRecord {
    type Error = Error;

    fn try_from(row: AuditRow) -> Result<Self> {
        let broken =
            |error: Error| Error::internal(format!("entry `{}` of the audit trail is broken", row.id)).caused_by(error);
        let details = row.details.as_deref().map(serde_json::from_str).transpose();
        let details = details.map_err(|error| Error::internal("its details are no JSON").caused_by(error));
        let entry = AuditEntry {
            at: row.at,
            ended_at: row.ended_at,
            action: row.action.parse().unwrap_or(AuditAction::Unknown),
            outcome: row.outcome.parse().map_err(broken)?,
            principal_id: row.principal_id.map(PrincipalId),
            token_id: row.token_id.map(TokenId),
            workspace_id: row.workspace_id.map(WorkspaceId),
            root_id: row.root_id.map(NodeId),
            node_id: row.node_id.map(NodeId),
            path: row.path,
            blob_id: row.blob_id,
            bytes: row.bytes,
            requests: row.requests,
            door: row.door,
            request_id: row.request_id,
            peer: row.peer,
            agent: row.agent,
            details: details.map_err(broken)?,
        };
        Ok(Self { id: row.id, entry })
    }
}

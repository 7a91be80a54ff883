//! The record of changes: the audit log, the history of a node, and the feed of all changes.

mod backwards;
mod revisions;

use std::collections::{BTreeSet, HashMap};

use diesel::prelude::*;
use diesel::sql_types::BigInt;
use serde_json::Value as Json;

use super::Tx;
use super::access::principals;
use super::bulk::{Column, Insert};
use super::connection::{AnyConnection, MultiBackend};
use super::filter::narrow;
use super::nodes::MAX_IDS;
use super::schema::changes;
use crate::error::DatabaseResult as _;
use modelport_domain::access::{Place, PrincipalId, WorkspaceId};
use modelport_domain::secrets::mask_document;
use modelport_domain::{Action, Actor, ChangeRecord, Error, Millis, NodeId, Result};

pub use backwards::{BackwardsPage, WantedActor, WantedChanges, backwards, of_node, of_subtree};
pub use revisions::{at_revision, has_changed_files_since};

#[derive(Queryable, Selectable)]
#[diesel(table_name = changes)]
struct ChangeRow {
    id: i64,
    position: Option<i64>,
    at: i64,
    actor: String,
    action: String,
    node_id: i64,
    revision: i64,
    document: String,
    request_id: Option<String>,
    client_request_id: Option<String>,
    workspace_id: i64,
    root_id: Option<i64>,
    actor_id: Option<i64>,
}

#[derive(Insertable)]
#[diesel(table_name = changes, treat_none_as_default_value = false)]
struct NewChangeRow<'a> {
    at: i64,
    actor: &'a str,
    action: String,
    node_id: i64,
    revision: i64,
    document: String,
    request_id: Option<&'a str>,
    client_request_id: Option<&'a str>,
    workspace_id: i64,
    root_id: i64,
    actor_id: Option<i64>,
}

/// A change to be recorded.
#[derive(Debug, Clone)]
pub struct NewChange {
    /// What was done.
    pub action: Action,
    /// To which node.
    pub node_id: NodeId,
    /// Where that is.
    pub place: Place,
    /// The node's revision afterwards.
    pub revision: i64,
    /// The node as it is afterwards.
    pub document: serde_json::Value,
}

/// Records changes, all by one actor at one time. Secrets in them are masked, because the record is kept for ever.
pub fn append(tx: &mut Tx<'_>, actor: &Actor, now: Millis, new: &[NewChange]) -> Result<()> {
    // A person is named by their id, so that they can be forgotten.
    let actor_id = tx.access().principal().map(|principal| principal.0);
    let actor_name = actor_id.map_or_else(|| actor.name().to_owned(), |id| format!("principal {id}"));
    for chunk in new.chunks(MAX_IDS) {
        let rows: Vec<NewChangeRow<'_>> = chunk
            .iter()
            .map(|change| NewChangeRow {
                at: now,
                actor: &actor_name,
                action: change.action.to_string(),
                node_id: change.node_id.0,
                revision: change.revision,
                document: without_secrets(change.document.clone()).to_string(),
                request_id: actor.request_id(),
                client_request_id: actor.client_request_id(),
                workspace_id: change.place.workspace.0,
                root_id: change.place.root.0,
                actor_id,
            })
            .collect();
        match tx.conn {
            AnyConnection::Postgres(conn) => bulk(&rows).execute(conn).db()?,
            AnyConnection::Sqlite(conn) => diesel::insert_into(changes::table).values(&rows).execute(conn).db()?,
        };
    }
    Ok(())
}

fn bulk<'a>(rows: &'a [NewChangeRow<'a>]) -> Insert<'a> {
    let each = rows.iter();
    let columns = vec![
        ("at", Column::Int(each.clone().map(|row| row.at).collect())),
        ("actor", Column::Text(each.clone().map(|row| row.actor).collect())),
        ("action", Column::Text(each.clone().map(|row| row.action.as_str()).collect())),
        ("node_id", Column::Int(each.clone().map(|row| row.node_id).collect())),
        ("revision", Column::Int(each.clone().map(|row| row.revision).collect())),
        ("document", Column::Text(each.clone().map(|row| row.document.as_str()).collect())),
        ("request_id", Column::MaybeText(each.clone().map(|row| row.request_id).collect())),
        ("client_request_id", Column::MaybeText(each.clone().map(|row| row.client_request_id).collect())),
        ("workspace_id", Column::Int(each.clone().map(|row| row.workspace_id).collect())),
        ("root_id", Column::Int(each.clone().map(|row| row.root_id).collect())),
        ("actor_id", Column::MaybeInt(each.map(|row| row.actor_id).collect())),
    ];
    Insert { table: "changes", columns, end: "" }
}

/// A page of the feed.
#[derive(Debug, Clone, PartialEq)]
pub struct FeedPage {
    /// The changes, in the order of their positions.
    pub changes: Vec<ChangeRecord>,
    /// The position after which the next page begins.
    pub next: i64,
    /// Up to where it looked for more changes and found none, where it does not see all of them.
    pub scanned: Option<i64>,
}

/// How many positions one page looks at, where it does not see all of them.
const MAX_SCANNED: i64 = 10_000;

/// The first `limit` changes of the feed after the position `after`, of those that are visible.
pub fn feed(tx: &mut Tx<'_>, after: i64, limit: u32) -> Result<FeedPage> {
    let mut query = changes::table
        .filter(changes::position.gt(after))
        .order(changes::position)
        .limit(i64::from(limit))
        .select(ChangeRow::as_select())
        .into_boxed::<MultiBackend>();
    let last_scanned = after.saturating_add(MAX_SCANNED);
    let visible = tx.listed("changes");
    let is_narrowed = visible.is_some();
    if let Some(visible) = visible {
        query = query.filter(changes::position.le(last_scanned)).filter(visible);
    }
    let rows = query.load::<ChangeRow>(tx.conn).db()?;
    let changes = records(tx, rows)?;
    let last = changes.last().and_then(|change| change.position);
    let is_full = changes.len() >= limit as usize;
    let scanned = (is_narrowed && !is_full).then_some(last_scanned);
    Ok(FeedPage { changes, next: last.unwrap_or(after), scanned })
}

/// The entries by which these nodes were removed, of those that were.
pub fn removals(tx: &mut Tx<'_>, nodes: &[NodeId]) -> Result<Vec<ChangeRecord>> {
    let mut found = Vec::new();
    for chunk in nodes.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let mut query = changes::table
            .filter(changes::node_id.eq_any(ids).and(changes::action.eq(Action::Delete.to_string())))
            .select(ChangeRow::as_select())
            .into_boxed::<MultiBackend>();
        narrow!(query, tx.visible("changes"));
        let rows = query.load::<ChangeRow>(tx.conn).db()?;
        found.extend(records(tx, rows)?);
    }
    Ok(found)
}

/// The entry of that id.
pub fn find(tx: &mut Tx<'_>, id: i64) -> Result<Option<ChangeRecord>> {
    let mut query = changes::table.find(id).select(ChangeRow::as_select()).into_boxed::<MultiBackend>();
    narrow!(query, tx.visible("changes"));
    let rows = query.load::<ChangeRow>(tx.conn).db()?;
    Ok(records(tx, rows)?.pop())
}

/// The last position that was assigned.
pub fn end(tx: &mut Tx<'_>) -> Result<i64> {
    let last: Option<i64> = changes::table.select(diesel::dsl::max(changes::position)).first(tx.conn).db()?;
    Ok(last.unwrap_or(0))
}

/// The last position in the feed; `None` while there are committed changes without one.
pub fn last_position(tx: &mut Tx<'_>) -> Result<Option<i64>> {
    let unplaced = diesel::dsl::exists(changes::table.filter(changes::position.is_null()));
    let last = changes::table.select(diesel::dsl::max(changes::position)).single_value();
    let (any_unplaced, last): (bool, Option<i64>) = diesel::select((unplaced, last)).get_result(tx.conn).db()?;
    Ok((!any_unplaced).then_some(last.unwrap_or(0)))
}

/// Assigns positions in the feed to up to `limit` committed changes, after all existing positions. Returns to how many.
///
/// A change's id is taken before its transaction commits, so a smaller id can become visible after a greater one, and a
/// reader that follows ids would miss it. Positions are assigned to committed changes only, by one transaction at a time.
pub fn assign_positions(tx: &mut Tx<'_>, limit: i64) -> Result<usize> {
    if let AnyConnection::Postgres(conn) = tx.conn {
        diesel::sql_query("SELECT pg_advisory_xact_lock(hashtext('modelport.changes'))").execute(conn).db()?;
    }
    diesel::sql_query(
        "UPDATE changes SET position = placed.position
         FROM (SELECT id,
                      row_number() OVER (ORDER BY id) + (SELECT coalesce(max(position), 0) FROM changes) AS position
               FROM (SELECT id FROM changes WHERE position IS NULL ORDER BY id LIMIT $1) AS unplaced) AS placed
         WHERE changes.id = placed.id",
    )
    .bind::<BigInt, _>(limit)
    .execute(tx.conn)
    .db()
}

fn without_secrets(mut document: Json) -> Json {
    mask_document(&mut document);
    document
}

/// The entries of these rows, with the handles that people have by now.
fn records(tx: &mut Tx<'_>, rows: Vec<ChangeRow>) -> Result<Vec<ChangeRecord>> {
    let ids: BTreeSet<PrincipalId> = rows.iter().filter_map(|row| row.actor_id).map(PrincipalId).collect();
    let by = principals::find_all(tx, &ids.into_iter().collect::<Vec<_>>())?;
    let handles: HashMap<i64, String> = by.into_iter().map(|principal| (principal.id.0, principal.handle)).collect();
    let named = |row: ChangeRow| {
        let handle = row.actor_id.and_then(|id| handles.get(&id).cloned());
        record(ChangeRow { actor: handle.unwrap_or(row.actor), ..row })
    };
    rows.into_iter().map(named).collect()
}

fn record(row: ChangeRow) -> Result<ChangeRecord> {
    let document: Json = serde_json::from_str(&row.document)
        .map_err(|error| Error::internal(format!("change `{}` is not JSON", row.id)).caused_by(error))?;
    Ok(ChangeRecord {
        // Entries from before there was masking are masked now.
        document: without_secrets(document),
        id: row.id,
        position: row.position,
        at: row.at,
        actor: row.actor,
        action: row.action,
        node_id: NodeId(row.node_id),
        place: Place { workspace: WorkspaceId(row.workspace_id), root: NodeId(row.root_id.unwrap_or(row.node_id)) },
        revision: row.revision,
        request_id: row.request_id,
        client_request_id: row.client_request_id,
    })
}

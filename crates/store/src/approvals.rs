//! The approval of versions: the latest step of each, and what follows from it for files.

use diesel::prelude::*;

use super::Tx;
use super::access::principals;
use super::connection::{MultiBackend, on_each};
use super::filter::narrow;
use super::nodes::MAX_IDS;
use super::schema::{approvals, changes, files, members, nodes};
use crate::error::{DatabaseResult as _, database_error, is_missing_reference};
use modelport_domain::access::PrincipalId;
use modelport_domain::approval::ApprovalStep;
use modelport_domain::{Action, Actor, ApprovalState, Error, Millis, NodeId, Result};

#[derive(Queryable, Selectable)]
#[diesel(table_name = approvals, treat_none_as_default_value = false)]
struct ApprovalRow {
    state: String,
    at: i64,
    actor: String,
    actor_id: Option<i64>,
    note: Option<String>,
}

#[derive(Insertable, AsChangeset)]
#[diesel(table_name = approvals, primary_key(version_id))]
#[diesel(treat_none_as_default_value = false, treat_none_as_null = true)]
struct NewApproval<'a> {
    version_id: i64,
    state: &'static str,
    at: i64,
    actor: &'a str,
    actor_id: Option<i64>,
    note: Option<&'a str>,
}

/// The latest step of a version's approval; `None` for one that was always a draft.
pub fn find(tx: &mut Tx<'_>, version: NodeId) -> Result<Option<ApprovalStep>> {
    let row = approvals::table.find(version.0).select(ApprovalRow::as_select()).first(tx.conn).optional().db()?;
    let Some(row) = row else { return Ok(None) };
    // A person is named by their id, so that they can be forgotten.
    let by = row.actor_id.map(|id| principals::find(tx, PrincipalId(id))).transpose()?.flatten();
    let broken = |error| Error::internal(format!("the approval of version `{version}` is broken")).caused_by(error);
    Ok(Some(ApprovalStep {
        state: row.state.parse().map_err(broken)?,
        by: by.map_or(row.actor, |principal| principal.handle),
        at: row.at,
        note: row.note,
    }))
}

/// Sets the state of a version, as `actor` does.
///
/// Errors: NotFound when the version is gone.
pub fn set(
    tx: &mut Tx<'_>,
    version: NodeId,
    (state, note): (ApprovalState, Option<&str>),
    actor: &Actor,
    now: Millis,
) -> Result<()> {
    let actor_id = tx.access().principal().map(|principal| principal.0);
    let actor = actor_id.map_or_else(|| actor.name().to_owned(), |id| format!("principal {id}"));
    let new = NewApproval { version_id: version.0, state: state.name(), at: now, actor: &actor, actor_id, note };
    let set = on_each!(tx.conn, conn => {
        diesel::insert_into(approvals::table)
            .values(&new)
            .on_conflict(approvals::version_id)
            .do_update()
            .set(&new)
            .execute(conn)
    });
    match set {
        Ok(_) => Ok(()),
        Err(error) if is_missing_reference(&error) => Err(Error::not_found(format!("model version `{version}`"))),
        Err(error) => Err(database_error(error)),
    }
}

/// The first approved version that one of these nodes is a member of. Versions that are among `homes` or that belong to `root`, all of
/// which are removed with these nodes, do not count.
pub fn holding(tx: &mut Tx<'_>, held: &[NodeId], homes: &[NodeId], root: Option<NodeId>) -> Result<Option<NodeId>> {
    for chunk in held.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let homes: Vec<i64> = homes.iter().map(|id| id.0).collect();
        let mut query = members::table
            .inner_join(approvals::table.on(approvals::version_id.eq(members::context_id)))
            .inner_join(nodes::table.on(nodes::id.eq(members::context_id)))
            .filter(members::node_id.eq_any(ids))
            .filter(approvals::state.eq(ApprovalState::Approved.name()))
            .select(members::context_id)
            .order(members::context_id)
            .into_boxed::<MultiBackend>();
        if !homes.is_empty() {
            query = query.filter(members::context_id.ne_all(homes));
        }
        if let Some(root) = root {
            query = query.filter(nodes::home_id.ne(root.0));
        }
        if let Some(found) = query.first::<i64>(tx.conn).optional().db()? {
            return Ok(Some(NodeId(found)));
        }
    }
    Ok(None)
}

/// Those of these versions that are approved.
pub fn approved_among(tx: &mut Tx<'_>, versions: &[NodeId]) -> Result<Vec<NodeId>> {
    let mut found = Vec::new();
    for chunk in versions.chunks(MAX_IDS) {
        let ids: Vec<i64> = chunk.iter().map(|id| id.0).collect();
        let rows: Vec<i64> = approvals::table
            .filter(approvals::version_id.eq_any(ids))
            .filter(approvals::state.eq(ApprovalState::Approved.name()))
            .select(approvals::version_id)
            .load(tx.conn)
            .db()?;
        found.extend(rows.into_iter().map(NodeId));
    }
    Ok(found)
}

/// The path of the first quarantined file of a version, of those that are visible.
pub fn quarantined_path(tx: &mut Tx<'_>, version: NodeId) -> Result<Option<String>> {
    let of_version = members::table.filter(members::context_id.eq(version.0)).select(members::node_id);
    let mut query = files::table
        .filter(files::quarantine.is_not_null().and(files::node_id.eq_any(of_version)))
        .select(files::path)
        .order((files::path, files::node_id))
        .into_boxed::<MultiBackend>();
    narrow!(query, tx.visible_by_id("files.node_id"));
    query.first(tx.conn).optional().db()
}

/// Whether they made the version or put files into it. Where nobody presents credentials, everybody is the same nobody.
pub fn is_author(tx: &mut Tx<'_>, version: NodeId, principal: Option<PrincipalId>) -> Result<bool> {
    let of_version = members::table.filter(members::context_id.eq(version.0)).select(members::node_id);
    let made = changes::node_id.eq(version.0).and(changes::action.eq(Action::Create.name()));
    let filled = changes::node_id.eq_any(of_version).and(changes::action.eq(Action::PutFile.name()));
    let query = changes::table.filter(made.or(filled)).select(changes::id).limit(1).into_boxed::<MultiBackend>();
    let query = match principal {
        Some(principal) => query.filter(changes::actor_id.eq(principal.0)),
        None => query.filter(changes::actor_id.is_null()),
    };
    Ok(query.first::<i64>(tx.conn).optional().db()?.is_some())
}

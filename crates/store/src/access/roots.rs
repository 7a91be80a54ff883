//! Models, experiments and environments, as far as access depends on them.

use diesel::prelude::*;

use crate::Tx;
use crate::connection::on_each;
use crate::error::{DatabaseResult as _, database_error, violated_unique};
use crate::nodes::MAX_IDS;
use crate::schema::{changes, nodes, restricted_roots, types};
use modelport_domain::access::{Place, PrincipalId, WorkspaceId};
use modelport_domain::{Action, Error, NodeId, Result};

/// A model, an experiment, an environment, or another node that belongs to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Root {
    /// Where it is.
    pub place: Place,
    /// Who made it.
    pub owner: Option<PrincipalId>,
    /// Whether bindings of its workspace below admin do not reach it.
    pub is_restricted: bool,
}

/// Those of these nodes that are roots.
pub fn find_all(tx: &mut Tx<'_>, ids: &[NodeId]) -> Result<Vec<Root>> {
    let mut found = Vec::new();
    for chunk in ids.chunks(MAX_IDS) {
        let among = nodes::id.eq_any(chunk.iter().map(|id| id.0).collect::<Vec<_>>());
        let restriction = restricted_roots::root_id.nullable();
        let rows: Vec<(i64, i64, Option<i64>, Option<i64>)> = nodes::table
            .left_join(restricted_roots::table.on(restricted_roots::root_id.eq(nodes::id)))
            .filter(among.and(nodes::home_id.is_null()))
            .select((nodes::id, nodes::workspace_id, nodes::owner_id, restriction))
            .load(tx.conn)
            .db()?;
        found.extend(rows.into_iter().map(|(id, workspace, owner, restriction)| Root {
            place: Place { workspace: WorkspaceId(workspace), root: NodeId(id) },
            owner: owner.map(PrincipalId),
            is_restricted: restriction.is_some(),
        }));
    }
    Ok(found)
}

/// A root in that workspace whose owner that is.
pub fn first_owned(tx: &mut Tx<'_>, owner: PrincipalId, workspace: WorkspaceId) -> Result<Option<NodeId>> {
    let owned = nodes::owner_id.eq(owner.0).and(nodes::workspace_id.eq(workspace.0));
    let found: Option<i64> = nodes::table.filter(owned).select(nodes::id).first(tx.conn).optional().db()?;
    Ok(found.map(NodeId))
}

/// Sets who owns a root.
pub fn set_owner(tx: &mut Tx<'_>, root: NodeId, owner: Option<PrincipalId>) -> Result<()> {
    let target = nodes::table.find(root.0);
    diesel::update(target).set(nodes::owner_id.eq(owner.map(|owner| owner.0))).execute(tx.conn).db()?;
    Ok(())
}

/// Sets whether a root is restricted.
pub fn set_restricted(tx: &mut Tx<'_>, root: NodeId, is_restricted: bool) -> Result<()> {
    if is_restricted {
        let row = restricted_roots::root_id.eq(root.0);
        on_each!(tx.conn, conn => {
            diesel::insert_into(restricted_roots::table).values(row).on_conflict_do_nothing().execute(conn)
        })
        .db()?;
    } else {
        diesel::delete(restricted_roots::table.find(root.0)).execute(tx.conn).db()?;
    }
    Ok(())
}

/// Moves a root to another workspace, with everything below it and what was recorded of all that.
///
/// Errors: InvalidState where something of that has a type of the workspace that it is in; NameTaken and AlreadyExists where the other
/// has something of one of their names or external ids.
pub fn move_to(tx: &mut Tx<'_>, from: Place, to: WorkspaceId) -> Result<()> {
    let below = nodes::table.filter(nodes::root_id.eq(from.root.0));
    let own_type: Option<String> = below
        .inner_join(types::table.on(types::id.eq(nodes::type_id)))
        .filter(types::workspace_id.is_not_null())
        .select(types::name)
        .first(tx.conn)
        .optional()
        .db()?;
    if let Some(name) = own_type {
        let message = format!("type `{name}` of something that would move is that of the workspace alone");
        return Err(Error::invalid_state(message).on_field("workspace"));
    }
    diesel::update(below).set(nodes::workspace_id.eq(to.0)).execute(tx.conn).map_err(|error| match violated_unique(
        &error,
    ) {
        Some(constraint) if constraint.contains("external_id") => {
            Error::already_exists("the workspace has something with one of its external ids").on_field("workspace")
        }
        Some(_) => Error::name_taken("the workspace has something of that name").on_field("workspace"),
        None => database_error(error),
    })?;
    // What was removed has an entry that says so.
    let removals = diesel::alias!(changes as removals);
    let removed = removals
        .filter(removals.field(changes::root_id).eq(from.root.0))
        .filter(removals.field(changes::action).eq(Action::Delete.to_string()))
        .select(removals.field(changes::node_id));
    let moved = changes::node_id.eq_any(below.select(nodes::id)).or(changes::node_id.eq_any(removed));
    diesel::update(changes::table.filter(moved)).set(changes::workspace_id.eq(to.0)).execute(tx.conn).db()?;
    Ok(())
}

//! Who may look at an upload, add to it, and begin one that is for no file yet.

use super::concat::is_partial;
use super::{put_file_of, resolve_put};
use crate::domain::access::{Permission, Place, WorkspaceId};
use crate::domain::{ErrorKind, NodeId, Result};
use crate::resolve::model_named;
use crate::store::access::roots;
use crate::store::nodes;
use crate::store::resumable::Resumable;
use crate::transaction::ReadTransaction;

/// Whether the upload is the caller's own, or they manage the model that it goes to, or the workspace. To others it does not exist.
pub(super) fn is_accessible(tx: &mut ReadTransaction<'_, '_>, row: &Resumable) -> Result<bool> {
    let (access, workspace) = (tx.context().access().clone(), WorkspaceId(row.workspace_id));
    if access.confinement().is_some_and(|only| only != workspace) {
        return Ok(false);
    }
    let is_own = access.principal().map(|principal| principal.0) == row.principal_id;
    if is_own || access.rights().in_workspace(workspace).has(Permission::Manage) {
        return Ok(true);
    }
    let Ok(model) = row.model.parse() else { return Ok(false) };
    // The model is that of the upload's workspace, whatever the request's is.
    tx.act_for(&access.in_workspace(workspace));
    let model = model_named(tx, &model);
    tx.act_for(&access);
    match model {
        Ok(model) => Ok(tx.demand(Permission::Manage, model.place).is_ok()),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Refuses a credential that may not do what the upload is to end in. Whatever else prevents that is told at its end.
///
/// Errors: PermissionDenied.
pub(super) fn demand_to_continue(tx: &mut ReadTransaction<'_, '_>, row: &Resumable) -> Result<()> {
    if row.finished_at.is_some() {
        return Ok(());
    }
    if is_partial(row) {
        return demand_to_write_something(tx);
    }
    match resolve_put(tx, &put_file_of(row)?) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(error),
        _ => Ok(()),
    }
}

/// Demands that the caller may write anything in the workspace of the request: into whatever is there, what is bound to them, or what
/// they own.
///
/// Errors: PermissionDenied.
pub(super) fn demand_to_write_something(tx: &mut ReadTransaction<'_, '_>) -> Result<()> {
    let access = tx.context().access();
    let (rights, workspace) = (access.rights(), access.workspace());
    let held = rights.in_workspace(workspace);
    if held.has(Permission::Write) || held.has(Permission::Create) {
        return Ok(());
    }
    let named = rights.limits.iter().filter_map(|limits| limits.roots.as_ref()).flatten();
    let ids: Vec<NodeId> = rights.roots.keys().chain(named).copied().collect();
    let places = nodes::place_of(tx, &ids)?.into_values().filter(|place| place.workspace == workspace);
    for place in places.collect::<Vec<Place>>() {
        if tx.demand(Permission::Write, place).is_ok() {
            return Ok(());
        }
    }
    if let Some(owner) = access.principal()
        && let Some(root) = roots::first_owned(tx, owner, workspace)?
        && rights.of_owner(Place { workspace, root }).has(Permission::Write)
    {
        return Ok(());
    }
    tx.demand_in_workspace(Permission::Write)
}

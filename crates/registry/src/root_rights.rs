//! What a caller may do with a model, an experiment or an environment as such, for what is granted, listed and recorded about it.
//!
//! Who sees none of it learns nothing of it: it is not found.

use super::context::At;
use super::transaction::ReadTransaction;
use crate::domain::access::{Access, Permission, Permissions, denied};
use crate::domain::{Error, NodeId, Result};
use crate::store::access::roots::{self, Root};

/// What the caller may do with a root.
pub(super) fn permissions(access: &Access, root: &Root) -> Permissions {
    if access.confinement().is_some_and(|only| only != root.place.workspace) {
        return Permissions::NONE;
    }
    let rights = access.rights();
    let bound = rights.at(root.place);
    let owns = access.principal().is_some() && access.principal() == root.owner;
    if owns { bound | rights.of_owner(root.place) } else { bound }
}

/// The roots among these nodes of which the caller sees anything.
pub(super) fn seen(tx: &mut ReadTransaction<'_, '_>, ids: &[NodeId]) -> Result<Vec<Root>> {
    let access = tx.context().access();
    let found = roots::find_all(tx, ids)?;
    Ok(found.into_iter().filter(|root| permissions(access, root).has(Permission::See)).collect())
}

/// The root with that id.
///
/// Errors: NotFound where there is none, or the caller does not see it; PermissionDenied where they may not do this to it.
pub(super) fn demand(tx: &mut ReadTransaction<'_, '_>, id: NodeId, permission: Permission) -> Result<Root> {
    let access = tx.context().access();
    let root = seen(tx, &[id])?.pop().ok_or_else(|| not_found(id))?;
    if permissions(access, &root).has(permission) {
        return Ok(root);
    }
    let at = At { workspace: Some(root.place.workspace), root: Some(id) };
    Err(tx.refused(at, denied(permission, format_args!("node `{id}`"))))
}

/// The error for what is no root, or is hidden.
pub(super) fn not_found(id: NodeId) -> Error {
    Error::not_found(format!("model, experiment or environment `{id}`"))
}

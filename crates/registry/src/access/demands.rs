//! What the caller has to have to change who may do what, and where.

use crate::context::At;
use crate::domain::access::{
    BindingScope, Permission, Permissions, Principal, PrincipalId, PrincipalKind, PrincipalRef, Slug, TokenLimits,
    Workspace, denied,
};
use crate::domain::{Error, Result};
use crate::root_rights;
use crate::store::access::{principals, roots, workspaces};
use crate::transaction::ReadTransaction;

/// What the caller may do in a scope.
///
/// Errors: NotFound when its workspace or root is gone, or the caller sees none of it.
pub(super) fn permissions_at(tx: &mut ReadTransaction<'_, '_>, scope: BindingScope) -> Result<Permissions> {
    let rights = tx.context().access().rights();
    match scope {
        BindingScope::Registry => Ok(rights.in_registry()),
        BindingScope::Workspace(id) => Ok(rights.in_workspace(id)),
        BindingScope::Root(id) => {
            let root = root_rights::demand(tx, id, Permission::See)?;
            Ok(root_rights::permissions(tx.context().access(), &root))
        }
    }
}

/// Demands a permission in a scope, and returns all that the caller has there.
///
/// Errors: NotFound as [`permissions_at`]; PermissionDenied.
pub(super) fn demand_at(
    tx: &mut ReadTransaction<'_, '_>,
    scope: BindingScope,
    permission: Permission,
) -> Result<Permissions> {
    let held = permissions_at(tx, scope)?;
    if held.has(permission) {
        return Ok(held);
    }
    let (at, error) = match scope {
        BindingScope::Registry => (At::default(), denied(permission, "the registry")),
        BindingScope::Workspace(id) => {
            (At { workspace: Some(id), root: None }, denied(permission, format_args!("workspace `{id}`")))
        }
        BindingScope::Root(id) => {
            let place = roots::find_all(tx, &[id])?.pop().map(|root| root.place.workspace);
            (At { workspace: place, root: Some(id) }, denied(permission, format_args!("node `{id}`")))
        }
    };
    Err(tx.refused(at, error))
}

/// Refuses to give somebody more than the caller holds in that place.
///
/// Errors: PermissionDenied, with what it is that needs it.
pub(super) fn check_gives(held: Permissions, given: Permissions, what: impl std::fmt::Display) -> Result<()> {
    given.iter().find(|permission| !held.has(*permission)).map_or(Ok(()), |more| Err(denied(more, what)))
}

/// The workspace of that slug, of those that the caller sees anything of.
///
/// Errors: NotFound.
pub(crate) fn seen_workspace(tx: &mut ReadTransaction<'_, '_>, slug: &Slug) -> Result<Workspace> {
    let found = workspaces::find_by_slug(tx, slug)?;
    let seen = super::workspaces::seen(tx);
    let found = match (found, &seen) {
        (Some(workspace), workspaces::Seen::All) => Some(workspace),
        (Some(workspace), _) if tx.context().access().rights().in_workspace(workspace.id).has(Permission::See) => {
            Some(workspace)
        }
        // Perhaps by one of its roots.
        (Some(workspace), seen) => {
            let before = crate::domain::access::WorkspaceId(workspace.id.0 - 1);
            let next = workspaces::list(tx, seen, Some(before), 1)?.pop();
            next.filter(|next| next.id == workspace.id)
        }
        (None, _) => None,
    };
    found.ok_or_else(|| Error::not_found(format!("workspace `{slug}`")))
}

/// The principal of that name.
///
/// Errors: NotFound.
pub(crate) fn find_principal(tx: &mut ReadTransaction<'_, '_>, named: &PrincipalRef) -> Result<Principal> {
    let found = match named {
        PrincipalRef::Id(id) => principals::find(tx, *id)?,
        PrincipalRef::Handle(handle) => principals::find_by_handle(tx, handle)?,
    };
    found.ok_or_else(|| Error::not_found(format!("principal `{named}`")))
}

/// The principal of that name, for whoever may look principals up: themselves, and whoever manages or audits anything.
///
/// Errors: NotFound, also where the caller may look up nobody.
pub(super) fn seen_principal(tx: &mut ReadTransaction<'_, '_>, named: &PrincipalRef) -> Result<Principal> {
    let found = find_principal(tx, named)?;
    if is_self(tx, found.id) || looks_up_principals(tx) {
        return Ok(found);
    }
    Err(Error::not_found(format!("principal `{named}`")))
}

/// Whether the caller manages or audits anything, so that they have to know whom they deal with. The owner of a root looks nobody
/// up: whom they bind they name.
fn looks_up_principals(tx: &ReadTransaction<'_, '_>) -> bool {
    let rights = tx.context().access().rights();
    let limits = rights.limits.as_ref().map_or(Permissions::ALL, |limits| limits.permissions);
    let held = rights.workspaces.values().chain(rights.roots.values()).fold(rights.registry, |all, some| all | *some);
    let held = held & limits;
    held.has(Permission::Manage) || held.has(Permission::Audit)
}

/// Whether the caller is that principal.
pub(super) fn is_self(tx: &ReadTransaction<'_, '_>, id: PrincipalId) -> bool {
    tx.context().access().principal() == Some(id)
}

/// Whether the caller may do all that the principal may with its own account: a token that was narrowed does no more than it is for.
pub(super) fn is_wholly(tx: &ReadTransaction<'_, '_>, id: PrincipalId) -> bool {
    is_self(tx, id) && tx.context().access().rights().limits.as_ref().is_none_or(TokenLimits::are_none)
}

/// Demands that the caller manages a principal: the registry, or the workspace whose service account it is.
///
/// Errors: PermissionDenied.
pub(super) fn demand_manages(tx: &mut ReadTransaction<'_, '_>, principal: &Principal) -> Result<()> {
    let rights = tx.context().access().rights();
    let by_registry = rights.in_registry().has(Permission::Manage);
    let account = principal.workspace_id.filter(|_| principal.kind == PrincipalKind::Service);
    if by_registry || account.is_some_and(|id| rights.in_workspace(id).has(Permission::Manage)) {
        return Ok(());
    }
    Err(denied(Permission::Manage, format_args!("principal `{}`", principal.handle)))
}

//! Models, experiments and environments as what access is granted to: who owns them, whether bindings of their workspace reach them, and
//! which workspace they are in.

use serde_json::json;

use super::demands::{check_gives, demand_at, find_principal, seen_workspace};
use crate::audit_entry::record;
use crate::context::{At, RequestContext};
use crate::domain::access::{
    BindingScope, Permission, Permissions, Place, Principal, PrincipalRef, Role, Slug, Workspace,
};
use crate::domain::audit::AuditAction;
use crate::domain::{Change, Error, NodeId, Result};
use crate::root_rights;
use crate::services::Accounts;
use crate::store::access::roots::{self, Root};
use crate::store::access::{epoch, principals, workspaces};
use crate::transaction::ReadTransaction;

/// What access to a root depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootAccess {
    /// The root.
    pub id: NodeId,
    /// Its workspace.
    pub workspace: Workspace,
    /// Who owns it.
    pub owner: Option<Principal>,
    /// Whether bindings of its workspace and of the registry below admin do not reach it.
    pub is_restricted: bool,
}

/// What is to be changed of it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct RootChange {
    /// Whose it is.
    pub owner: Change<PrincipalRef>,
    /// Whether bindings of its workspace and of the registry below admin do not reach it.
    pub is_restricted: Option<bool>,
    /// The workspace that it moves to, with everything below it.
    pub workspace: Option<Slug>,
}

impl Accounts {
    /// What access to a model, an experiment or an environment depends on.
    ///
    /// Errors: NotFound, also where the caller does not see it.
    pub async fn root_access(&self, context: &RequestContext, id: NodeId) -> Result<RootAccess> {
        self.core
            .read(context, move |tx| {
                let root = root_rights::demand(tx, id, Permission::See)?;
                shown(tx, &root)
            })
            .await
    }

    /// Changes it.
    ///
    /// Errors: NotFound; PermissionDenied without `manage` on it, or, to move it, without `write` on it and `create` in the other
    /// workspace, or when its owner would have more than the caller holds; AlreadyExists where the other workspace has something of its
    /// name, or of the external id of something below it; InvalidState when something below it has a type that the other has not;
    /// QuotaExceeded where that has no room for it.
    pub async fn change_root(&self, context: &RequestContext, id: NodeId, change: RootChange) -> Result<RootAccess> {
        self.change(context, move |tx| {
            let before = root_rights::demand(tx, id, Permission::Manage)?;
            let shown_before = shown(tx, &before)?;
            epoch::raise(tx)?;
            match &change.owner {
                Change::Keep => {}
                Change::Clear => roots::set_owner(tx, id, None)?,
                Change::Set(named) => {
                    let owner = find_principal(tx, named).map_err(|error| error.on_field("owner"))?;
                    roots::set_owner(tx, id, Some(owner.id))?;
                }
            }
            if let Some(is_restricted) = change.is_restricted {
                roots::set_restricted(tx, id, is_restricted)?;
            }
            let held = root_rights::permissions(tx.context().access(), &before);
            if let Some(slug) = &change.workspace {
                let target = seen_workspace(tx, slug).map_err(|error| error.on_field("workspace"))?;
                if target.id != before.place.workspace {
                    // Nothing leaves a workspace that is archived.
                    demand_at(tx, BindingScope::Root(id), Permission::Write)?;
                    demand_at(tx, BindingScope::Workspace(target.id), Permission::Create)?;
                    roots::move_to(tx, before.place, target.id)?;
                }
            }
            let after = roots::find_all(tx, &[id])?.pop().ok_or_else(|| root_rights::not_found(id))?;
            let shown_after = shown(tx, &after)?;
            let is_given = after.owner != before.owner || after.place != before.place;
            if let Some(owner) = shown_after.owner.as_ref().filter(|_| is_given) {
                let what = format!("what principal `{}` has as the owner of node `{id}`", owner.handle);
                let given = shown_after.workspace.owner_role.map_or(Permissions::NONE, Role::permissions);
                check_gives(held, given, what)?;
            }
            let at = At { workspace: Some(after.place.workspace), root: Some(id) };
            let details = json!({ "before": document(&shown_before), "after": document(&shown_after) });
            record(tx, AuditAction::UpdateRoot, at, details)?;
            Ok(shown_after)
        })
        .await
    }
}

fn shown(tx: &mut ReadTransaction<'_, '_>, root: &Root) -> Result<RootAccess> {
    let Root { place: Place { workspace, root: id }, owner, is_restricted } = *root;
    let workspace = workspaces::find(tx, workspace)?
        .ok_or_else(|| Error::internal(format!("the workspace of node `{id}` is not there")))?;
    let owner = owner.map(|owner| principals::find(tx, owner)).transpose()?.flatten();
    Ok(RootAccess { id, workspace, owner, is_restricted })
}

fn document(root: &RootAccess) -> serde_json::Value {
    json!({
        "node": root.id,
        "workspace": root.workspace.id,
        "owner": root.owner.as_ref().map(|owner| owner.id),
        "restricted": root.is_restricted,
    })
}

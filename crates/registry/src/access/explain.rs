//! Why somebody may do something, and who sees a model: by which bindings.

use super::bindings::{BindingView, demand_to_list, find_scope, with_names};
use super::demands::{find_principal, is_self, seen_principal};
use super::slugs::{WithSlugs, with_slug};
use super::{ListPage, ScopeRef};
use crate::context::RequestContext;
use crate::domain::access::{
    ApiToken, BindingId, BindingScope, Group, Permission, Permissions, Principal, PrincipalRef, Role, Slug, Subject,
    WorkspaceId,
};
use crate::domain::{NodeId, Page, PageRequest, Result};
use crate::root_rights;
use crate::services::Accounts;
use crate::store::access::roots::Root;
use crate::store::access::{bindings, tokens, workspaces};
use crate::transaction::ReadTransaction;

/// Why somebody has a permission.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reason {
    /// A binding gives it.
    Binding(BindingView),
    /// They own the root, and its workspace says that owners have it.
    Owner,
    /// The settings make them an administrator.
    Settings,
}

/// A permission, and why somebody has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reasons {
    /// The permission.
    pub permission: Permission,
    /// Each reason would do.
    pub reasons: Vec<Reason>,
}

/// What somebody may do in a scope, and why. What a token takes away of it is not considered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// Who; `None` is somebody unknown.
    pub principal: Option<Principal>,
    /// The groups that were considered. Those of somebody else are known only by their credentials.
    pub groups: Vec<Group>,
    /// What they may do, in the order of the permissions.
    pub permissions: Vec<Reasons>,
    /// Whether the root is restricted, so that bindings of its workspace and of the registry below admin do not reach it.
    pub is_restricted: bool,
    /// Whether the workspace is archived, so that nothing is made or changed in it.
    pub is_archived: bool,
}

/// Who sees a root: its owner, and whom these bindings are for.
#[derive(Debug, Clone, PartialEq)]
pub struct Seers {
    /// Its owner, where owners see what they made.
    pub owner: Option<Principal>,
    /// Whether bindings of its workspace and of the registry below admin do not reach it.
    pub is_restricted: bool,
    /// A page of the bindings, in the order in which they were made.
    pub bindings: Page<BindingView>,
}

/// What there is to say of the caller to themselves.
#[derive(Debug, Clone, PartialEq)]
pub struct OwnAccount {
    /// Who; `None` is somebody unknown.
    pub principal: Option<WithSlugs<Principal>>,
    /// Their groups, of those that matter.
    pub groups: Vec<Group>,
    /// The token that they presented.
    pub token: Option<WithSlugs<ApiToken>>,
    /// What they may do in the registry.
    pub registry: Permissions,
    /// What they may do in single workspaces, as far as that is more than nothing.
    pub workspaces: Vec<(Slug, Permissions)>,
    /// The workspace of this request.
    pub workspace: Option<Slug>,
}

impl Accounts {
    /// What somebody may do in a scope, and why: the caller themselves with their groups, or `who` with `groups`.
    ///
    /// Errors: NotFound when the principal or the scope is hidden; PermissionDenied for whoever asks about somebody else, and neither
    /// manages nor audits the scope.
    pub async fn explain(
        &self,
        context: &RequestContext,
        who: Option<PrincipalRef>,
        groups: Vec<Group>,
        scope: ScopeRef,
    ) -> Result<Explanation> {
        let admins = self.clone();
        let shared = self.shared().await?;
        self.core
            .read(context, move |tx| {
                let own = tx.context().access().principal();
                let scope = find_scope(tx, &scope)?;
                let (principal, groups) = match &who {
                    None => {
                        let own = own.map(|own| find_principal(tx, &PrincipalRef::Id(own))).transpose()?;
                        (own, tx.context().origin().groups.clone())
                    }
                    Some(named) => {
                        let found = seen_principal(tx, named)?;
                        let is_own = is_self(tx, found.id) && groups.is_empty();
                        if !is_own {
                            demand_to_list(tx, scope)?;
                        }
                        (Some(found), groups.clone())
                    }
                };
                let root = match scope {
                    BindingScope::Root(id) => Some(root_rights::demand(tx, id, Permission::See)?),
                    _ => None,
                };
                let workspace = match (scope, &root) {
                    (BindingScope::Workspace(id), _) => Some(id),
                    (_, Some(root)) => Some(root.place.workspace),
                    (_, None) => None,
                };
                let mut reasons = bound(tx, principal.as_ref(), &groups, (workspace, root.as_ref()))?;
                if principal.as_ref().is_some_and(|who| admins.is_admin_by_settings(who, &groups)) {
                    reasons.push((Role::Admin.permissions(), Reason::Settings));
                }
                let owns = root
                    .as_ref()
                    .is_some_and(|root| root.owner.is_some() && root.owner == principal.as_ref().map(|who| who.id));
                if owns {
                    let held = workspace.and_then(|id| shared.owners.get(&id).copied()).unwrap_or(Permissions::ALL);
                    reasons.push((held, Reason::Owner));
                }
                let is_archived = workspace.is_some_and(|id| shared.archived.contains(&id));
                let is_possible = |permission: &Permission| !is_archived || Permissions::OF_ARCHIVED.has(*permission);
                let why = |permission: Permission| {
                    let gives = reasons.iter().filter(|(held, _)| held.has(permission));
                    let reasons: Vec<Reason> = gives.map(|(_, reason)| reason.clone()).collect();
                    (!reasons.is_empty()).then_some(Reasons { permission, reasons })
                };
                let permissions = Permission::ALL.into_iter().filter(is_possible).filter_map(why).collect();
                let is_restricted = root.as_ref().is_some_and(|root| root.is_restricted);
                Ok(Explanation { principal, groups, permissions, is_restricted, is_archived })
            })
            .await
    }

    /// Who sees a model, an experiment or an environment, by which bindings.
    ///
    /// Errors: NotFound when it is hidden; PermissionDenied without `manage` or `audit` for it.
    pub async fn who_sees(&self, context: &RequestContext, root: NodeId, request: PageRequest) -> Result<Seers> {
        let query = ("who", root);
        let page = ListPage::of(&query, &request)?;
        let (after, limit) = (page.after.map(BindingId), page.limit());
        let shared = self.shared().await?;
        let read = self.core.read(context, move |tx| {
            demand_to_list(tx, BindingScope::Root(root))?;
            let root = root_rights::demand(tx, root, Permission::See)?;
            let owners_see = shared.owners.get(&root.place.workspace).is_none_or(|held| held.has(Permission::See));
            let owner = root.owner.filter(|_| owners_see);
            let owner = owner.map(|id| find_principal(tx, &PrincipalRef::Id(id))).transpose()?;
            let place = (root.place.workspace, root.place.root, root.is_restricted);
            let now = tx.context().now();
            let found = bindings::reaching(tx, place, now, after, limit)?;
            Ok((owner, root.is_restricted, with_names(tx, found)?))
        });
        let (owner, is_restricted, found) = read.await?;
        Ok(Seers { owner, is_restricted, bindings: page.page(&query, found, |view| view.binding.id.0) })
    }

    /// What there is to say of the caller to themselves.
    pub async fn whoami(&self, context: &RequestContext) -> Result<OwnAccount> {
        self.core
            .read(context, |tx| {
                let context = tx.context();
                let (access, origin) = (context.access(), context.origin());
                let own = access.principal().map(PrincipalRef::Id);
                let principal = own.map(|own| find_principal(tx, &own)).transpose()?;
                let principal = principal.map(|own| with_slug(tx, own)).transpose()?;
                let token = origin.token.map(|id| tokens::find(tx, id)).transpose()?.flatten();
                let token = token.map(|own| with_slug(tx, own)).transpose()?;
                let rights = access.rights();
                let ids: Vec<WorkspaceId> = rights.workspaces.keys().copied().chain([access.workspace()]).collect();
                let mut found = workspaces::find_all(tx, &ids)?;
                found.sort_by(|one, other| one.slug.cmp(&other.slug));
                // One that the request names says nothing of whether there is one of that name.
                let is_told = access.confinement().is_none_or(|named| !rights.in_workspace(named).is_empty());
                let mine = found.iter().find(|workspace| is_told && workspace.id == access.workspace());
                let workspace = mine.map(|workspace| workspace.slug.clone());
                let held = found.into_iter().map(|workspace| (workspace.slug, rights.in_workspace(workspace.id)));
                Ok(OwnAccount {
                    principal,
                    groups: origin.groups.clone(),
                    token,
                    registry: rights.in_registry(),
                    workspaces: held.filter(|(_, held)| !held.is_empty()).collect(),
                    workspace,
                })
            })
            .await
    }
}

/// The bindings of somebody that reach a place, with what each gives.
fn bound(
    tx: &mut ReadTransaction<'_, '_>,
    principal: Option<&Principal>,
    groups: &[Group],
    (workspace, root): (Option<WorkspaceId>, Option<&Root>),
) -> Result<Vec<(Permissions, Reason)>> {
    let now = tx.context().now();
    let found = bindings::of(tx, principal.map(|principal| principal.id), groups, now)?;
    let reaches = |binding: &crate::domain::access::Binding| {
        let is_wide = binding.role == Role::Admin || !root.is_some_and(|root| root.is_restricted);
        match binding.scope {
            BindingScope::Registry => is_wide,
            BindingScope::Workspace(id) => is_wide && workspace == Some(id),
            BindingScope::Root(id) => root.is_some_and(|root| root.place.root == id),
        }
    };
    let mut found: Vec<_> = found.into_iter().filter(reaches).collect();
    found.sort_by_key(|binding| (matches!(binding.subject, Subject::Authenticated | Subject::Everyone), binding.id));
    let views = with_names(tx, found)?;
    Ok(views.into_iter().map(|view| (view.binding.role.permissions(), Reason::Binding(view))).collect())
}

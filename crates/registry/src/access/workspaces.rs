//! Workspaces: made, looked up, renamed, archived and removed.

use serde_json::json;

use super::demands::{check_gives, demand_at, seen_workspace};
use super::{ListPage, check_title};
use crate::audit_entry::record;
use crate::context::{At, RequestContext};
use crate::domain::access::{BindingScope, Permission, Permissions, Role, Slug, Workspace, WorkspaceId};
use crate::domain::audit::AuditAction;
use crate::domain::{Change, Error, Millis, Page, PageRequest, Result};
use crate::services::Accounts;
use crate::store::access::epoch;
use crate::store::access::workspaces::{self, Seen, WorkspacePatch};
use crate::transaction::ReadTransaction;

/// For how long a workspace has to be archived before it is removed, in milliseconds: what was begun in it has ended by then.
const ARCHIVED_FOR: Millis = 60_000;

/// A workspace to be made.
#[derive(Debug, Clone)]
pub struct NewWorkspace {
    /// Its name in addresses.
    pub slug: Slug,
    /// What people call it.
    pub title: Option<String>,
    /// What those have who make a model, an experiment or an environment in it; `Keep` is what admins have.
    pub owner_role: Change<Role>,
}

/// What is to be changed of a workspace.
#[derive(Debug, Clone, Default)]
pub struct WorkspaceChange {
    /// What people call it.
    pub title: Change<String>,
    /// What those have who make something in it.
    pub owner_role: Change<Role>,
    /// Whether nothing is made or changed in it any more.
    pub archived: Option<bool>,
}

impl Accounts {
    /// Makes a workspace.
    ///
    /// Errors: PermissionDenied without `manage` in the registry; NameTaken; InvalidArgument.
    pub async fn create_workspace(&self, context: &RequestContext, new: NewWorkspace) -> Result<Workspace> {
        if let Some(title) = &new.title {
            check_title("title", title)?;
        }
        let owner_role = match new.owner_role {
            Change::Keep => Some(Role::Admin),
            Change::Clear => None,
            Change::Set(role) => Some(role),
        };
        self.change(context, move |tx| {
            demand_at(tx, BindingScope::Registry, Permission::Manage)?;
            epoch::raise(tx)?;
            let now = tx.now();
            let made = workspaces::insert(tx, &new.slug, new.title.as_deref(), owner_role, now)?;
            record(tx, AuditAction::CreateWorkspace, at(&made), document(&made))?;
            Ok(made)
        })
        .await
    }

    /// A page of the workspaces that the caller sees anything of, in the order in which they were made.
    pub async fn list_workspaces(&self, context: &RequestContext, request: PageRequest) -> Result<Page<Workspace>> {
        const QUERY: &str = "workspaces";
        let page = ListPage::of(&QUERY, &request)?;
        let (after, limit) = (page.after.map(WorkspaceId), page.limit());
        let read = self.core.read(context, move |tx| {
            let seen = seen(tx);
            workspaces::list(tx, &seen, after, limit)
        });
        Ok(page.page(&QUERY, read.await?, |workspace| workspace.id.0))
    }

    /// The workspace of that slug.
    ///
    /// Errors: NotFound, also when the caller sees nothing of it.
    pub async fn get_workspace(&self, context: &RequestContext, slug: &Slug) -> Result<Workspace> {
        let slug = slug.clone();
        self.core.read(context, move |tx| seen_workspace(tx, &slug)).await
    }

    /// Changes a workspace.
    ///
    /// Errors: NotFound; PermissionDenied without `manage` in it, or when owners would have more in it than the caller; InvalidState when it is the default workspace that is to be archived.
    pub async fn change_workspace(
        &self,
        context: &RequestContext,
        slug: &Slug,
        change: WorkspaceChange,
    ) -> Result<Workspace> {
        if let Change::Set(title) = &change.title {
            check_title("title", title)?;
        }
        let slug = slug.clone();
        self.change(context, move |tx| {
            let before = seen_workspace(tx, &slug)?;
            let held = demand_at(tx, BindingScope::Workspace(before.id), Permission::Manage)?;
            if let Change::Set(role) = change.owner_role
                && before.owner_role != Some(role)
            {
                check_gives(held, role.permissions(), format_args!("what owners are to have in workspace `{slug}`"))?;
            }
            if change.archived == Some(true) && before.id == WorkspaceId::DEFAULT {
                return Err(Error::invalid_state("the default workspace cannot be archived"));
            }
            epoch::raise(tx)?;
            let now = tx.now();
            let patch = WorkspacePatch {
                title: change.title.clone(),
                owner_role: change.owner_role.clone(),
                archived_at: match change.archived {
                    None => Change::Keep,
                    Some(false) => Change::Clear,
                    Some(true) => before.archived_at.map_or(Change::Set(now), |_| Change::Keep),
                },
            };
            let after = workspaces::update(tx, before.id, &patch)?;
            let details = json!({ "before": document(&before), "after": document(&after) });
            record(tx, AuditAction::UpdateWorkspace, at(&after), details)?;
            Ok(after)
        })
        .await
    }

    /// Removes a workspace that has been archived for a minute and has nothing in it. Its bindings go with it.
    ///
    /// Errors: NotFound; PermissionDenied without `manage` in the registry; InvalidState when it is the default workspace, or not
    /// archived for long enough; HasDependents when something is in it.
    pub async fn delete_workspace(&self, context: &RequestContext, slug: &Slug) -> Result<()> {
        let slug = slug.clone();
        self.change(context, move |tx| {
            let workspace = seen_workspace(tx, &slug)?;
            demand_at(tx, BindingScope::Registry, Permission::Manage)?;
            if workspace.id == WorkspaceId::DEFAULT {
                return Err(Error::invalid_state("the default workspace cannot be removed"));
            }
            let now = tx.now();
            if workspace.archived_at.is_none_or(|since| now < since.saturating_add(ARCHIVED_FOR)) {
                return Err(Error::invalid_state(format!(
                    "workspace `{slug}` has not been archived for a minute: archive it, and wait until nobody writes to it"
                )));
            }
            epoch::raise(tx)?;
            if let Some(what) = workspaces::contents(tx, workspace.id)? {
                return Err(Error::has_dependents("slug", format!("workspace `{slug}` has {what} in it")));
            }
            workspaces::delete(tx, workspace.id)?;
            record(tx, AuditAction::DeleteWorkspace, at(&workspace), document(&workspace))
        })
        .await
    }
}

/// Which workspaces the caller sees anything of.
pub(super) fn seen(tx: &ReadTransaction<'_, '_>) -> Seen {
    let access = tx.context().access();
    let rights = access.rights();
    let limits = rights.limits.as_ref();
    if rights.in_registry().has(Permission::See) {
        return Seen::All;
    }
    let sees =
        |held: Permissions| (held & limits.map_or(Permissions::ALL, |limits| limits.permissions)).has(Permission::See);
    let all = || rights.workspaces.keys().copied();
    let (workspaces, roots, owner): (Vec<_>, Vec<_>, _) = match limits {
        // A token for single workspaces or roots shows those, as far as its owner sees them.
        Some(limits) if limits.workspaces.is_some() || limits.roots.is_some() => {
            let these = limits.workspaces.iter().flatten().copied();
            let roots = limits.roots.iter().flatten().copied();
            let is_everywhere = sees(rights.registry);
            let these = these.filter(|id| rights.in_workspace(*id).has(Permission::See));
            let roots = roots.filter(|id| is_everywhere || rights.roots.get(id).is_some_and(|held| sees(*held)));
            (these.collect(), roots.collect(), None)
        }
        _ => {
            let roots = rights.roots.iter().filter(|(_, held)| sees(**held)).map(|(id, _)| *id);
            (
                all().filter(|id| rights.in_workspace(*id).has(Permission::See)).collect(),
                roots.collect(),
                access.principal(),
            )
        }
    };
    Seen::Some { workspaces, roots, owner }
}

fn at(workspace: &Workspace) -> At {
    At { workspace: Some(workspace.id), root: None }
}

fn document(workspace: &Workspace) -> serde_json::Value {
    json!({
        "workspace": workspace.id,
        "slug": workspace.slug.as_str(),
        "title": workspace.title,
        "ownerRole": workspace.owner_role.map(Role::name),
        "archivedAt": workspace.archived_at,
    })
}

//! Bindings: roles granted to somebody in a scope, by whoever manages it, and taken back.

use std::collections::HashMap;

use serde_json::json;

use super::ListPage;
use super::demands::{
    check_gives, demand_at, find_principal, is_wholly, permissions_at, seen_principal, seen_workspace,
};
use crate::audit_entry::record;
use crate::context::{At, RequestContext};
use crate::domain::access::{
    Binding, BindingId, BindingScope, Group, Permission, Principal, PrincipalId, PrincipalRef, Role, Slug, Subject,
    WorkspaceId,
};
use crate::domain::audit::AuditAction;
use crate::domain::{Error, Millis, NodeId, Page, PageRequest, Result};
use crate::services::Accounts;
use crate::store::Tx;
use crate::store::access::bindings::{self, BindingFilter, Bound};
use crate::store::access::{epoch, principals, workspaces};
use crate::transaction::{ReadTransaction, WriteTransaction};

/// The longest name of a group, or of its issuer, in characters.
const MAX_GROUP_CHARS: usize = 512;

/// For whom a binding is, as people name them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SubjectRef {
    /// One principal.
    Principal(PrincipalRef),
    /// Everybody in a group.
    Group(Group),
    /// Everybody who says believably who they are.
    Authenticated,
    /// Everybody.
    Everyone,
}

/// Where a binding holds, as people name it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ScopeRef {
    /// Everywhere.
    Registry,
    /// In one workspace.
    Workspace(Slug),
    /// For one model, experiment or environment.
    Root(NodeId),
}

/// A binding to be made.
#[derive(Debug, Clone)]
pub struct NewBinding {
    /// For whom.
    pub subject: SubjectRef,
    /// Which role.
    pub role: Role,
    /// Where.
    pub scope: ScopeRef,
    /// Until when, if it ends.
    pub expires_at: Option<Millis>,
}

/// Which bindings are wanted; what is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct BindingsWanted {
    /// For whom.
    pub subject: Option<SubjectRef>,
    /// Where they hold: just there, neither wider nor narrower.
    pub scope: Option<ScopeRef>,
}

/// A binding with the names of what it is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BindingView {
    /// The binding.
    pub binding: Binding,
    /// The handle of the principal that it is for.
    pub handle: Option<String>,
    /// The slug of the workspace that it holds in.
    pub workspace: Option<Slug>,
}

impl Accounts {
    /// Binds a role.
    ///
    /// Errors: NotFound when the principal or the scope is hidden; PermissionDenied without `manage` in the scope, or when the role has
    /// more than the caller holds there; AlreadyExists, naming the binding that gives the same; InvalidArgument; InvalidState when the
    /// first administrator of the registry would be one only for a while.
    pub async fn create_binding(&self, context: &RequestContext, new: NewBinding) -> Result<BindingView> {
        check_subject(&new.subject, new.role)?;
        let has_named = !self.core.admins.is_empty();
        self.change(context, move |tx| {
            let scope = find_scope(tx, &new.scope)?;
            let held = demand_at(tx, scope, Permission::Manage)?;
            let subject = find_subject(tx, &new.subject, find_principal)?;
            check_gives(held, new.role.permissions(), format_args!("what role `{}` is to be bound for", new.role))?;
            let now = tx.now();
            if new.expires_at.is_some_and(|ends| ends <= now) {
                return Err(Error::invalid("expiresAt", "`expiresAt` is not in the future"));
            }
            epoch::raise(tx)?;
            let is_admin = new.role == Role::Admin && scope == BindingScope::Registry;
            if is_admin && new.expires_at.is_some() && !has_named && !bindings::any_lasting_admin(tx)? {
                return Err(Error::invalid_state(
                    "the first administrator of the registry is bound without an end: there would be none after it",
                ));
            }
            let created_by = tx.context().access().principal();
            let row = bindings::NewBinding { subject, role: new.role, scope, created_by, expires_at: new.expires_at };
            match bindings::insert(tx, &row, now)? {
                Bound::New(binding) => {
                    record_about(tx, AuditAction::CreateBinding, &binding)?;
                    with_names(tx, vec![binding])?.pop().ok_or_else(|| Error::internal("a binding has no names"))
                }
                Bound::Before(id) => {
                    Err(Error::already_exists(format!("binding `{id}` gives the same role to the same already")))
                }
            }
        })
        .await
    }

    /// A page of the bindings that are wanted, in the order in which they were made.
    ///
    /// Errors: NotFound when the principal or the scope is hidden; PermissionDenied for whoever neither manages nor audits the scope,
    /// or the registry where none is named, and asks for bindings of others.
    pub async fn list_bindings(
        &self,
        context: &RequestContext,
        wanted: BindingsWanted,
        request: PageRequest,
    ) -> Result<Page<BindingView>> {
        let page = ListPage::of(&wanted, &request)?;
        let (query, after, limit) = (wanted.clone(), page.after.map(BindingId), page.limit());
        let read = self.core.read(context, move |tx| {
            let subject =
                query.subject.as_ref().map(|subject| find_subject(tx, subject, seen_principal)).transpose()?;
            let scope = query.scope.as_ref().map(|scope| find_scope(tx, scope)).transpose()?;
            let is_own = matches!(subject, Some(Subject::Principal(id)) if is_wholly(tx, id));
            if !is_own {
                demand_to_list(tx, scope.unwrap_or(BindingScope::Registry))?;
            }
            let found = bindings::list(tx, &BindingFilter { subject, scope, role: None }, after, limit)?;
            with_names(tx, found)
        });
        Ok(page.page(&wanted, read.await?, |view| view.binding.id.0))
    }

    /// The binding of that id.
    ///
    /// Errors: NotFound, also for whoever may not list it.
    pub async fn get_binding(&self, context: &RequestContext, id: BindingId) -> Result<BindingView> {
        self.core
            .read(context, move |tx| {
                let found = find(tx, id)?;
                let is_own = matches!(found.subject, Subject::Principal(of) if is_wholly(tx, of));
                if !is_own && demand_to_list(tx, found.scope).is_err() {
                    return Err(not_found(id));
                }
                with_names(tx, vec![found])?.pop().ok_or_else(|| not_found(id))
            })
            .await
    }

    /// Takes a role back.
    ///
    /// Errors: NotFound, also for whoever sees nothing of its scope; PermissionDenied without `manage` there; InvalidState when nobody
    /// would be left who administers the registry.
    pub async fn delete_binding(&self, context: &RequestContext, id: BindingId) -> Result<()> {
        let has_named = !self.core.admins.is_empty();
        self.change(context, move |tx| {
            let found = find(tx, id)?;
            let held = permissions_at(tx, found.scope).map_err(|_| not_found(id))?;
            if !held.has(Permission::See) {
                return Err(not_found(id));
            }
            demand_at(tx, found.scope, Permission::Manage)?;
            epoch::raise(tx)?;
            let admin = LastingAdmin::before(tx, has_named)?;
            if !bindings::delete(tx, id)? {
                return Err(not_found(id));
            }
            admin.check_left(tx)?;
            record_about(tx, AuditAction::DeleteBinding, &found)
        })
        .await
    }
}

/// Whether somebody administers the registry without an end, which is to stay so. The epoch was raised before, so that nobody else
/// changes it meanwhile.
pub(super) struct LastingAdmin(bool);

impl LastingAdmin {
    /// Before the change. It does not matter where the settings name an administrator.
    pub(super) fn before(tx: &mut Tx<'_>, has_named: bool) -> Result<Self> {
        Ok(Self(!has_named && bindings::any_lasting_admin(tx)?))
    }

    /// After the change.
    ///
    /// Errors: InvalidState when it took the last one.
    pub(super) fn check_left(self, tx: &mut Tx<'_>) -> Result<()> {
        if self.0 && !bindings::any_lasting_admin(tx)? {
            return Err(Error::invalid_state(
                "nobody would be left who administers the registry without an end: bind another administrator first",
            ));
        }
        Ok(())
    }
}

/// Refuses whom no role can be bound to.
fn check_subject(subject: &SubjectRef, role: Role) -> Result<()> {
    match subject {
        SubjectRef::Group(group) => {
            for (field, text) in [("group.issuer", &group.issuer), ("group.name", &group.name)] {
                crate::domain::value::check_text(field, text)?;
                if text.is_empty() || text.chars().count() > MAX_GROUP_CHARS {
                    let message = format!("`{field}` is empty, or longer than {MAX_GROUP_CHARS} characters");
                    return Err(Error::invalid(field, message));
                }
            }
            Ok(())
        }
        SubjectRef::Everyone if role.permissions().has(Permission::Audit) => Err(Error::invalid(
            "role",
            format!("role `{role}` cannot be bound to everyone: nobody would know who did what"),
        )),
        SubjectRef::Principal(_) | SubjectRef::Authenticated | SubjectRef::Everyone => Ok(()),
    }
}

/// Demands to manage or audit a scope, to list what is bound there.
pub(super) fn demand_to_list(tx: &mut ReadTransaction<'_, '_>, scope: BindingScope) -> Result<()> {
    let held = permissions_at(tx, scope)?;
    if held.has(Permission::Audit) { Ok(()) } else { demand_at(tx, scope, Permission::Manage).map(drop) }
}

/// Who is meant; whoever manages something may bind anybody there whom they can name.
fn find_subject<'a, 'tx>(
    tx: &mut ReadTransaction<'a, 'tx>,
    subject: &SubjectRef,
    find: impl FnOnce(&mut ReadTransaction<'a, 'tx>, &PrincipalRef) -> Result<Principal>,
) -> Result<Subject> {
    Ok(match subject {
        SubjectRef::Principal(named) => Subject::Principal(find(tx, named)?.id),
        SubjectRef::Group(group) => Subject::Group(group.clone()),
        SubjectRef::Authenticated => Subject::Authenticated,
        SubjectRef::Everyone => Subject::Everyone,
    })
}

/// The scope of that name.
///
/// Errors: NotFound when it is hidden.
pub(super) fn find_scope(tx: &mut ReadTransaction<'_, '_>, scope: &ScopeRef) -> Result<BindingScope> {
    Ok(match scope {
        ScopeRef::Registry => BindingScope::Registry,
        ScopeRef::Workspace(slug) => BindingScope::Workspace(seen_workspace(tx, slug)?.id),
        ScopeRef::Root(id) => BindingScope::Root(*id),
    })
}

fn find(tx: &mut Tx<'_>, id: BindingId) -> Result<Binding> {
    bindings::find(tx, id)?.ok_or_else(|| not_found(id))
}

fn not_found(id: BindingId) -> Error {
    Error::not_found(format!("binding `{id}`"))
}

/// Bindings with the names of what they are about, in two statements.
pub(super) fn with_names(tx: &mut Tx<'_>, found: Vec<Binding>) -> Result<Vec<BindingView>> {
    let of_principal = |binding: &Binding| match binding.subject {
        Subject::Principal(id) => Some(id),
        _ => None,
    };
    let of_workspace = |binding: &Binding| match binding.scope {
        BindingScope::Workspace(id) => Some(id),
        _ => None,
    };
    let ids: Vec<PrincipalId> = found.iter().filter_map(of_principal).collect();
    let handles: HashMap<PrincipalId, String> =
        principals::find_all(tx, &ids)?.into_iter().map(|principal| (principal.id, principal.handle)).collect();
    let ids: Vec<WorkspaceId> = found.iter().filter_map(of_workspace).collect();
    let slugs: HashMap<WorkspaceId, Slug> =
        workspaces::find_all(tx, &ids)?.into_iter().map(|workspace| (workspace.id, workspace.slug)).collect();
    let named = |binding: Binding| BindingView {
        handle: of_principal(&binding).and_then(|id| handles.get(&id).cloned()),
        workspace: of_workspace(&binding).and_then(|id| slugs.get(&id).cloned()),
        binding,
    };
    Ok(found.into_iter().map(named).collect())
}

fn record_about(tx: &mut WriteTransaction<'_, '_>, action: AuditAction, binding: &Binding) -> Result<()> {
    let subject = match &binding.subject {
        Subject::Principal(id) => json!({ "principal": id }),
        Subject::Group(group) => json!({ "group": { "issuer": group.issuer, "name": group.name } }),
        Subject::Authenticated => json!("authenticated"),
        Subject::Everyone => json!("everyone"),
    };
    let (at, scope) = match binding.scope {
        BindingScope::Registry => (At::default(), "registry"),
        BindingScope::Workspace(id) => (At { workspace: Some(id), root: None }, "workspace"),
        BindingScope::Root(id) => {
            let found = crate::store::access::roots::find_all(tx, &[id])?;
            (At { workspace: found.first().map(|root| root.place.workspace), root: Some(id) }, "root")
        }
    };
    let details = json!({
        "binding": binding.id,
        "subject": subject,
        "role": binding.role.name(),
        "scope": scope,
        "expiresAt": binding.expires_at,
    });
    record(tx, action, at, details)
}

//! Principals: service accounts made, and whoever it is looked up, disabled, logged out and forgotten.

use serde_json::json;

use super::bindings::LastingAdmin;
use super::demands::{demand_at, demand_manages, find_principal, is_wholly, seen_principal, seen_workspace};
use super::slugs::{WithSlugs, with_slug, with_slugs};
use super::{ListPage, check_title};
use crate::audit_entry::record;
use crate::context::{At, RequestContext};
use crate::domain::access::{
    BindingScope, Handle, Permission, Principal, PrincipalId, PrincipalKind, PrincipalRef, Slug,
};
use crate::domain::audit::AuditAction;
use crate::domain::{Change, Error, Page, PageRequest, Result};
use crate::services::Accounts;
use crate::store::access::principals::{self, PrincipalFilter};
use crate::store::access::{bindings, epoch, sessions, tokens};
use crate::store::{jobs, saved_views};
use crate::transaction::WriteTransaction;

/// A service account to be made.
#[derive(Debug, Clone)]
pub struct NewServiceAccount {
    /// Its handle.
    pub handle: Handle,
    /// A name to show.
    pub display_name: Option<String>,
    /// The workspace that it belongs to, whose managers manage it; `None` is the registry.
    pub workspace: Option<Slug>,
}

/// Which principals are wanted; what is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct PrincipalsWanted {
    /// Of that workspace.
    pub workspace: Option<Slug>,
    /// Of that kind.
    pub kind: Option<PrincipalKind>,
}

/// What is to be changed of a principal.
#[derive(Debug, Clone, Default)]
pub struct PrincipalChange {
    /// Whether it may do nothing.
    pub disabled: Option<bool>,
    /// The workspace that it works in where a request names none, and of a service account the one that it belongs to.
    pub workspace: Change<Slug>,
}

impl Accounts {
    /// Makes a service account.
    ///
    /// Errors: NotFound when the workspace is hidden; PermissionDenied without `manage` in it; NameTaken when another principal has the
    /// handle.
    pub async fn create_service_account(
        &self,
        context: &RequestContext,
        new: NewServiceAccount,
    ) -> Result<WithSlugs<Principal>> {
        if let Some(name) = &new.display_name {
            check_title("displayName", name)?;
        }
        // Never used again, whatever becomes of the handle.
        let subject = uuid::Uuid::new_v4().to_string();
        self.change(context, move |tx| {
            let workspace = new.workspace.as_ref().map(|slug| seen_workspace(tx, slug)).transpose()?;
            let workspace = workspace.map(|workspace| workspace.id);
            demand_at(tx, workspace.map_or(BindingScope::Registry, BindingScope::Workspace), Permission::Manage)?;
            epoch::raise(tx)?;
            let now = tx.now();
            let row = principals::NewPrincipal {
                kind: PrincipalKind::Service,
                issuer: String::new(),
                subject: subject.clone(),
                handle: new.handle.clone(),
                display_name: new.display_name.clone(),
                email: None,
                workspace_id: workspace,
            };
            let made = principals::insert(tx, &row, now)?.ok_or_else(|| {
                Error::name_taken(format!("there is a principal `{}` already", new.handle)).on_field("handle")
            })?;
            record_about(tx, AuditAction::CreatePrincipal, &made, json!({}))?;
            with_slug(tx, made)
        })
        .await
    }

    /// A page of the principals that are wanted, in the order in which they were made.
    ///
    /// Errors: PermissionDenied without `manage` or `audit` in the registry, or, of one workspace, in that; NotFound when that is hidden.
    pub async fn list_principals(
        &self,
        context: &RequestContext,
        wanted: PrincipalsWanted,
        request: PageRequest,
    ) -> Result<Page<WithSlugs<Principal>>> {
        let page = ListPage::of(&wanted, &request)?;
        let (query, after, limit) = (wanted.clone(), page.after.map(PrincipalId), page.limit());
        let read = self.core.read(context, move |tx| {
            let workspace = query.workspace.as_ref().map(|slug| seen_workspace(tx, slug)).transpose()?;
            let scope = workspace.as_ref().map_or(BindingScope::Registry, |of| BindingScope::Workspace(of.id));
            if demand_at(tx, scope, Permission::Audit).is_err() {
                demand_at(tx, scope, Permission::Manage)?;
            }
            let filter = PrincipalFilter { workspace_id: workspace.map(|of| of.id), kind: query.kind };
            let found = principals::list(tx, &filter, after, limit)?;
            with_slugs(tx, found)
        });
        Ok(page.page(&wanted, read.await?, |principal| principal.id.0))
    }

    /// The principal of that name.
    ///
    /// Errors: NotFound, also for whoever is somebody else and manages and audits nothing.
    pub async fn get_principal(&self, context: &RequestContext, named: &PrincipalRef) -> Result<WithSlugs<Principal>> {
        let named = named.clone();
        self.core
            .read(context, move |tx| {
                let found = seen_principal(tx, &named)?;
                with_slug(tx, found)
            })
            .await
    }

    /// Changes a principal. Its own workspace anybody chooses, unless by a token that was narrowed; the rest needs `manage` in the registry, or in the workspace whose service
    /// account it is.
    ///
    /// Errors: NotFound; PermissionDenied; InvalidState when nobody would be left who administers the registry.
    pub async fn change_principal(
        &self,
        context: &RequestContext,
        named: &PrincipalRef,
        change: PrincipalChange,
    ) -> Result<WithSlugs<Principal>> {
        let named = named.clone();
        let has_named = !self.core.admins.is_empty();
        self.change(context, move |tx| {
            let before = seen_principal(tx, &named)?;
            let chooses_own =
                is_wholly(tx, before.id) && change.disabled.is_none() && before.kind != PrincipalKind::Service;
            if !chooses_own {
                demand_manages(tx, &before)?;
            }
            let mut workspace = before.workspace_id;
            change.workspace.clone().try_map(|slug| Ok(seen_workspace(tx, &slug)?.id))?.apply(&mut workspace);
            if change.workspace != Change::Keep && before.kind == PrincipalKind::Service {
                demand_at(tx, workspace.map_or(BindingScope::Registry, BindingScope::Workspace), Permission::Manage)?;
            }
            epoch::raise(tx)?;
            if let Some(disabled) = change.disabled {
                let since = before.disabled_at.unwrap_or(tx.now());
                let admin = LastingAdmin::before(tx, has_named)?;
                principals::set_disabled(tx, before.id, disabled.then_some(since))?;
                admin.check_left(tx)?;
                if disabled {
                    sessions::delete_of_principal(tx, before.id)?;
                }
            }
            if workspace != before.workspace_id {
                principals::set_workspace(tx, before.id, workspace)?;
            }
            let details = json!({ "disabled": change.disabled, "workspaceAfter": workspace });
            record_about(tx, AuditAction::UpdatePrincipal, &before, details)?;
            let after = find_principal(tx, &PrincipalRef::Id(before.id))?;
            with_slug(tx, after)
        })
        .await
    }

    /// Makes every credential count no longer that was issued to a principal until now, its tokens and sessions among them.
    ///
    /// Errors: NotFound; PermissionDenied for whoever neither is nor manages it, or presents a token that was narrowed.
    pub async fn log_out_everywhere(
        &self,
        context: &RequestContext,
        named: &PrincipalRef,
    ) -> Result<WithSlugs<Principal>> {
        let named = named.clone();
        self.change(context, move |tx| {
            let before = seen_principal(tx, &named)?;
            if !is_wholly(tx, before.id) {
                demand_manages(tx, &before)?;
            }
            epoch::raise(tx)?;
            let now = tx.now();
            principals::set_valid_from(tx, before.id, now)?;
            let revoked = tokens::revoke_all(tx, before.id, now)?;
            let ended = sessions::delete_of_principal(tx, before.id)?;
            let details = json!({ "tokens": revoked, "sessions": ended });
            record_about(tx, AuditAction::LogOutPrincipal, &before, details)?;
            let after = find_principal(tx, &PrincipalRef::Id(before.id))?;
            with_slug(tx, after)
        })
        .await
    }

    /// Removes everything that says who somebody was, with their bindings and tokens. What they did stays, under their id. Whoever
    /// comes with the same credentials is somebody new.
    ///
    /// Errors: NotFound; PermissionDenied; InvalidState when nobody would be left who administers the registry.
    pub async fn forget_principal(
        &self,
        context: &RequestContext,
        named: &PrincipalRef,
    ) -> Result<WithSlugs<Principal>> {
        let named = named.clone();
        let has_named = !self.core.admins.is_empty();
        self.change(context, move |tx| {
            let before = seen_principal(tx, &named)?;
            demand_manages(tx, &before)?;
            epoch::raise(tx)?;
            let now = tx.now();
            let admin = LastingAdmin::before(tx, has_named)?;
            let unbound = bindings::delete_of_principal(tx, before.id)?;
            let revoked = tokens::revoke_all(tx, before.id, now)?;
            tokens::forget_names(tx, before.id)?;
            sessions::delete_of_principal(tx, before.id)?;
            saved_views::delete_of_principal(tx, before.id)?;
            principals::forget(tx, before.id, now)?;
            let after = find_principal(tx, &PrincipalRef::Id(before.id))?;
            jobs::rename_actor(tx, before.id, &after.handle)?;
            admin.check_left(tx)?;
            record_about(tx, AuditAction::ForgetPrincipal, &before, json!({ "bindings": unbound, "tokens": revoked }))?;
            with_slug(tx, after)
        })
        .await
    }
}

fn record_about(
    tx: &mut WriteTransaction<'_, '_>,
    action: AuditAction,
    principal: &Principal,
    mut details: serde_json::Value,
) -> Result<()> {
    if let Some(members) = details.as_object_mut() {
        members.retain(|_, value| !value.is_null());
        members.insert("principal".to_owned(), json!(principal.id));
        members.insert("kind".to_owned(), json!(principal.kind.name()));
    }
    record(tx, action, At { workspace: principal.workspace_id, root: None }, details)
}

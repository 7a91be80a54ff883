//! What somebody may do: the sum of their bindings, remembered for a while.

use std::sync::Arc;

use super::authentication::{Authenticated, still_counts};
use super::bootstrap;
use crate::access_cache::{EPOCH_LASTS, REMEMBERED, RightsKey};
use crate::context::{Origin, RequestContext};
use crate::domain::access::{
    Access, BindingScope, Group, Principal, Rights, Role, Slug, TokenLimits, Workspace, WorkspaceId,
};
use crate::domain::{Millis, Result};
use crate::services::Accounts;
use crate::store::Tx;
use crate::store::access::epoch::{self, Shared};
use crate::store::access::{bindings, workspaces};

impl Accounts {
    /// What somebody may do who is in these groups, is made a writer there by a cluster's rules, and presented a token with these limits;
    /// `None` is somebody unknown. A change is seen at once by the process that made it, and within a second by all others; the end of a
    /// binding within that, too.
    pub async fn rights_of(
        &self,
        context: &RequestContext,
        principal: Option<&Principal>,
        groups: &[Group],
        writer_in: Option<WorkspaceId>,
        limits: Option<&TokenLimits>,
    ) -> Result<Arc<Rights>> {
        let now = context.now();
        let epoch = self.core.access.epoch(&self.core.store, now).await?;
        let mut sorted = groups.to_vec();
        sorted.sort_unstable();
        let key = RightsKey {
            principal: principal.map(|principal| principal.id),
            groups: sorted,
            writer_in,
            limits: limits.cloned(),
        };
        if let Some(known) = self.core.access.rights.get(&key, epoch, now) {
            return Ok(known);
        }
        let (id, groups, known) = (key.principal, key.groups.clone(), self.core.access.shared());
        let (shared, bound) = self
            .core
            .store
            .read(move |tx| {
                let is_known = known.epoch > 0 && epoch::current(tx)? == known.epoch;
                let shared = if is_known { known.clone() } else { epoch::shared(tx)? };
                Ok((shared, bindings::of(tx, id, &groups, now)?))
            })
            .await?;
        self.core.access.set_shared(&shared);
        let mut until = now.saturating_add(REMEMBERED);
        let mut rights = Rights { limits: limits.cloned(), ..unbound(&shared) };
        for binding in bound {
            rights.grant(binding.role, binding.scope);
            until = until.min(binding.expires_at.unwrap_or(Millis::MAX));
        }
        if let Some(workspace) = writer_in {
            rights.grant(Role::Writer, BindingScope::Workspace(workspace));
        }
        if principal.is_some_and(|principal| self.is_admin_by_settings(principal, &key.groups)) {
            rights.grant(Role::Admin, BindingScope::Registry);
        }
        let rights = Arc::new(rights);
        self.core.access.rights.put(key, Arc::clone(&rights), shared.epoch, now, until);
        Ok(rights)
    }

    /// Who asks and what they may, for a request that is about a workspace, or for work where there is none.
    pub async fn access_of(
        &self,
        context: &RequestContext,
        who: Option<&Authenticated>,
        workspace: Option<WorkspaceId>,
    ) -> Result<Access> {
        let Some(who) = who else {
            let rights = self.rights_of(context, None, &[], None, None).await?;
            return Ok(Access::new(None, rights, workspace.unwrap_or(WorkspaceId::DEFAULT)));
        };
        let limits = who.token.as_ref().map(|(_, limits)| limits);
        let rights = self.rights_of(context, Some(&who.principal), &who.groups, who.writer_in, limits).await?;
        Ok(Access::new(Some(who.principal.id), rights, workspace.unwrap_or_else(|| who.workspace())))
    }

    /// The context with what they may do by now, where that was found out more than a second ago: as of an upload that takes its time, or
    /// of a job. Whoever is disabled or was logged out since, or whose token counts no longer, may do nothing.
    pub(crate) async fn of_now(&self, context: &RequestContext) -> Result<RequestContext> {
        let (access, now) = (context.access(), context.now());
        let is_anybody = access.principal().is_none() && access.is_unrestricted();
        if is_anybody || now < context.since().saturating_add(EPOCH_LASTS) {
            return Ok(context.clone());
        }
        let (id, token) = (access.principal(), context.origin().token);
        let since = context.since();
        let find =
            move |tx: &mut Tx<'_>| Ok(id.map(|id| still_counts(tx, id, token, since, now)).transpose()?.flatten());
        let principal = self.core.store.read(find).await?.map(|(principal, _)| principal);
        if id.is_some() && principal.is_none() {
            return Ok(context.with_access(access.of(None, Arc::default())));
        }
        let limits = access.rights().limits.as_ref();
        let Origin { groups, writer_in, .. } = context.origin();
        let rights = self.rights_of(context, principal.as_ref(), groups, *writer_in, limits).await?;
        Ok(context.with_access(access.of(id, rights)))
    }

    /// The workspace of that slug, whoever asks; for requests that name one. Remembered for a while.
    pub async fn find_workspace(&self, context: &RequestContext, slug: &Slug) -> Result<Option<Workspace>> {
        let now = context.now();
        let epoch = self.core.access.epoch(&self.core.store, now).await?;
        if let Some(known) = self.core.access.workspaces.get(slug, epoch, now) {
            return Ok(known);
        }
        let named = slug.clone();
        let read = self.core.store.read(move |tx| Ok((workspaces::find_by_slug(tx, &named)?, epoch::current(tx)?)));
        let (found, as_of) = read.await?;
        self.core.access.workspaces.put(slug.clone(), found.clone(), as_of, now, now.saturating_add(REMEMBERED));
        Ok(found)
    }

    /// What everybody's rights depend on, as of the epoch.
    pub(super) async fn shared(&self) -> Result<Shared> {
        let epoch = self.core.access.epoch(&self.core.store, self.core.now()).await?;
        let known = self.core.access.shared();
        if known.epoch == epoch {
            return Ok(known);
        }
        let shared = self.core.store.read(epoch::shared).await?;
        self.core.access.set_shared(&shared);
        Ok(shared)
    }

    /// Whether somebody is an administrator whatever is bound: the settings say so, or it is the account of the bootstrap token,
    /// which is there for as long as nobody is bound as one.
    pub(super) fn is_admin_by_settings(&self, principal: &Principal, groups: &[Group]) -> bool {
        let is_named = self.core.admins.iter().any(|admin| admin.is(&principal.issuer, &principal.subject, groups));
        is_named || bootstrap::is_bootstrap(principal)
    }
}

/// What somebody has to whom nothing is bound.
fn unbound(shared: &Shared) -> Rights {
    Rights {
        owners: (*shared.owners).clone(),
        restricted: Arc::clone(&shared.restricted),
        archived: Arc::clone(&shared.archived),
        ..Rights::default()
    }
}

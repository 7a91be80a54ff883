//! The audit trail: what is recorded of reads, refusals and changes of who may do what, who may look it up, and for how long it is kept.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{BoxStream, StreamExt as _, try_unfold};

use super::access::demands::{find_principal, seen_workspace};
use super::context::RequestContext;
use super::root_rights;
use super::transaction::ReadTransaction;
use crate::audit_queue::BATCH;
use crate::domain::access::{Access, Permission, Permissions, PrincipalId, PrincipalRef, Slug, WorkspaceId, denied};
use crate::domain::audit::{
    AuditAction, AuditEntry, AuditFilter, AuditPosition, AuditRecord, Outcome, RestrictedShown,
};
use crate::domain::{Cursor, Millis, NodeId, Page, PageRequest, PageSize, PageToken, Result};
use crate::services::Audit;
use crate::store::Tx;
use crate::store::access::{principals, roots, workspaces};
use crate::store::audit;

pub use super::audit_entry::entry;

/// How many entries of an export are read at once.
const EXPORTED_AT_ONCE: u32 = 1000;

/// How many entries one transaction removes. It holds up no other for long.
const REMOVED_AT_ONCE: i64 = 5000;

/// Which entries are wanted, as people name what they are about; what is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct AuditWanted {
    /// Of that workspace.
    pub workspace: Option<Slug>,
    /// Of that model, experiment or environment.
    pub root: Option<NodeId>,
    /// By that principal.
    pub principal: Option<PrincipalRef>,
    /// Of that action.
    pub action: Option<AuditAction>,
    /// That ended so.
    pub outcome: Option<Outcome>,
    /// That began then or later.
    pub from: Option<Millis>,
    /// That began before then.
    pub to: Option<Millis>,
}

/// An entry with the names of what it is about, as far as that is still there.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditView {
    /// The entry.
    pub record: AuditRecord,
    /// The handle of whoever it is by.
    pub handle: Option<String>,
    /// The slug of its workspace.
    pub workspace: Option<Slug>,
}

impl Audit {
    /// Records what was read: before this returns where the trail is strict, and otherwise soon.
    pub async fn record(&self, _context: &RequestContext, entry: AuditEntry) -> Result<()> {
        if self.core.is_audit_strict {
            return self.core.store.write(move |tx| audit::append(tx, std::slice::from_ref(&entry)).map(drop)).await;
        }
        self.core.audit_queue.push(entry);
        Ok(())
    }

    /// Records, soon, what was refused. Nothing waits for it.
    pub fn record_soon(&self, _context: &RequestContext, entry: AuditEntry) {
        self.core.audit_queue.push(entry);
    }

    /// Records, soon, that somebody presented credentials that do not count. Those of one address and minute are one entry.
    pub fn record_failed_login(&self, context: &RequestContext) {
        let entry = entry(context, AuditAction::Login, Outcome::Unauthenticated);
        self.core.audit_queue.push(AuditEntry { principal_id: None, token_id: None, ..entry });
    }

    /// Waits until there is something to be written.
    pub async fn wait_for_entries(&self, _context: &RequestContext) {
        self.core.audit_queue.wait().await;
    }

    /// Writes what waits, a thousand entries in a transaction, and returns how many those were. What cannot be written goes on
    /// waiting. One task at a time calls it.
    pub async fn write_waiting(&self, context: &RequestContext) -> Result<usize> {
        let mut written = 0;
        loop {
            let batch = self.core.audit_queue.take(context.now());
            if batch.is_empty() {
                self.core.audit_queue.written(batch, &[], context.now());
                return Ok(written);
            }
            let is_last = batch.entries.len().max(batch.growth.len()) < BATCH;
            let batch = Arc::new(batch);
            let to_write = Arc::clone(&batch);
            let done = self
                .core
                .store
                .write(move |tx| {
                    audit::grow(tx, &to_write.growth)?;
                    audit::append(tx, &to_write.entries)
                })
                .await;
            // The store has dropped its handle with the closure.
            let Ok(batch) = Arc::try_unwrap(batch) else { return done.map(|ids| written + ids.len()) };
            match done {
                Ok(ids) => {
                    written += ids.len();
                    self.core.audit_queue.written(batch, &ids, context.now());
                }
                Err(error) => {
                    self.core.audit_queue.failed(batch);
                    return Err(error);
                }
            }
            if is_last {
                return Ok(written);
            }
        }
    }

    /// A page of the entries that are wanted, the newest first.
    ///
    /// Errors: NotFound when the model, experiment or environment is hidden; PermissionDenied without `audit` where the entries are
    /// from; InvalidArgument when the token belongs to another list.
    pub async fn list_audit(
        &self,
        context: &RequestContext,
        wanted: AuditWanted,
        page: PageRequest,
    ) -> Result<Page<AuditView>> {
        let before = page.token.map(|token| token.cursor_for(&wanted)).transpose()?;
        let before = before.map(|cursor| AuditPosition { at: cursor.value, id: cursor.id.0 });
        let size = page.size.unwrap_or(PageSize::new(PageSize::MAX)).get();
        let query = wanted.clone();
        let mut items = self
            .core
            .read_long(context, move |tx| {
                let filter = find_filter(tx, &query)?;
                let found = audit::list(tx, &filter, before, i64::from(size) + 1)?;
                with_names(tx, found)
            })
            .await?;
        let more = items.len() > size as usize;
        items.truncate(size as usize);
        let next = items.last().filter(|_| more).map(|last| PageToken::new(&wanted, cursor(&last.record)));
        Ok(Page { items, next, total: None })
    }

    /// All entries that are wanted, the newest first, read a thousand at a time while they are consumed.
    ///
    /// Errors: as [`Audit::list_audit`], with the first ones.
    pub async fn export_audit(
        &self,
        context: &RequestContext,
        wanted: AuditWanted,
    ) -> Result<BoxStream<'static, Result<Vec<AuditView>>>> {
        let size = Some(PageSize::new(EXPORTED_AT_ONCE));
        let page = PageRequest { size, token: None, with_total: false };
        let first = self.list_audit(context, wanted.clone(), page).await?;
        let (service, context) = (self.clone(), context.clone());
        let rest = move |token: Option<PageToken>| {
            let (service, context, wanted) = (service.clone(), context.clone(), wanted.clone());
            async move {
                let Some(token) = token else { return Ok(None) };
                let page = PageRequest { size, token: Some(token), with_total: false };
                let page = service.list_audit(&context, wanted, page).await?;
                Ok(Some((page.items, page.next)))
            }
        };
        let first_items = futures_util::stream::iter([Ok(first.items)]);
        Ok(first_items.chain(try_unfold(first.next, rest)).boxed())
    }

    /// Removes what is older than `kept`, in short transactions, and returns how many entries those were. It may run in more than
    /// one process, but one does.
    pub async fn remove_old(&self, context: &RequestContext, kept: Duration) -> Result<usize> {
        let before = context.now().saturating_sub(Millis::try_from(kept.as_millis()).unwrap_or(Millis::MAX));
        let mut removed = 0;
        loop {
            let some = self.core.store.write(move |tx| audit::remove_before(tx, before, REMOVED_AT_ONCE)).await?;
            removed += some;
            if i64::try_from(some).unwrap_or(i64::MAX) < REMOVED_AT_ONCE {
                return Ok(removed);
            }
        }
    }
}

fn cursor(last: &AuditRecord) -> Cursor {
    Cursor { value: last.entry.at, name: String::new(), id: NodeId(last.id) }
}

/// What is wanted, by ids.
///
/// Errors: NotFound when the workspace, the root or the principal is hidden; PermissionDenied where the caller may not read the trail.
fn find_filter(tx: &mut ReadTransaction<'_, '_>, wanted: &AuditWanted) -> Result<AuditFilter> {
    let workspace = wanted.workspace.as_ref().map(|slug| seen_workspace(tx, slug)).transpose()?;
    let mut filter = AuditFilter {
        workspace_id: workspace.map(|workspace| workspace.id),
        root_id: wanted.root,
        principal_id: None,
        action: wanted.action,
        outcome: wanted.outcome,
        from: wanted.from,
        to: wanted.to,
        restricted: restricted_shown(tx.context().access()),
    };
    check(tx, &filter)?;
    filter.principal_id = match &wanted.principal {
        Some(PrincipalRef::Id(id)) => Some(*id),
        Some(named) => Some(find_principal(tx, named)?.id),
        None => None,
    };
    Ok(filter)
}

/// Of which restricted roots the caller may read the trail: bindings of their workspaces and of the registry do not reach them, unless
/// they are those of who manages there.
fn restricted_shown(access: &Access) -> Option<RestrictedShown> {
    let rights = access.rights();
    if rights.restricted.is_empty() || rights.in_registry().has(Permission::Manage) {
        return None;
    }
    let manages = |workspace: &WorkspaceId| rights.in_workspace(*workspace).has(Permission::Manage);
    let audits = |held: Permissions| held.has(Permission::Audit);
    let bound = rights.roots.iter().filter(|(_, held)| audits(**held)).map(|(root, _)| *root);
    let is_owner_shown = rights.owners.values().all(|held| audits(*held));
    Some(RestrictedShown {
        workspaces: rights.workspaces.keys().copied().filter(manages).collect(),
        roots: bound.collect(),
        owner: access.principal().filter(|_| is_owner_shown),
    })
}

/// Refuses a look at entries from where the caller may not read the trail.
fn check(tx: &mut ReadTransaction<'_, '_>, filter: &AuditFilter) -> Result<()> {
    let access = tx.context().access();
    let rights = access.rights();
    let restricted = filter.root_id.filter(|root| filter.restricted.is_some() && rights.restricted.contains(root));
    if let Some(root) = restricted
        && !roots::find_all(tx, &[root])?.is_empty()
    {
        return root_rights::demand(tx, root, Permission::Audit).map(drop);
    }
    if rights.in_registry().has(Permission::Audit) {
        return Ok(());
    }
    if filter.workspace_id.is_some_and(|workspace| rights.in_workspace(workspace).has(Permission::Audit)) {
        return Ok(());
    }
    match filter.root_id {
        // What was removed is looked up by its workspace.
        Some(root) if !roots::find_all(tx, &[root])?.is_empty() => {
            root_rights::demand(tx, root, Permission::Audit).map(drop)
        }
        Some(root) => Err(root_rights::not_found(root)),
        None => {
            Err(denied(Permission::Audit, "the registry; name a workspace or a model of which you may read the trail"))
        }
    }
}

/// Entries with the names of what they are about, in two statements.
fn with_names(tx: &mut Tx<'_>, found: Vec<AuditRecord>) -> Result<Vec<AuditView>> {
    let ids: BTreeSet<PrincipalId> = found.iter().filter_map(|record| record.entry.principal_id).collect();
    let found_by = principals::find_all(tx, &ids.into_iter().collect::<Vec<_>>())?;
    let handles: HashMap<PrincipalId, String> = found_by.into_iter().map(|by| (by.id, by.handle)).collect();
    let ids: BTreeSet<WorkspaceId> = found.iter().filter_map(|record| record.entry.workspace_id).collect();
    let found_in = workspaces::find_all(tx, &ids.into_iter().collect::<Vec<_>>())?;
    let slugs: HashMap<WorkspaceId, Slug> = found_in.into_iter().map(|of| (of.id, of.slug)).collect();
    let named = |record: AuditRecord| AuditView {
        handle: record.entry.principal_id.and_then(|id| handles.get(&id).cloned()),
        workspace: record.entry.workspace_id.and_then(|id| slugs.get(&id).cloned()),
        record,
    };
    Ok(found.into_iter().map(named).collect())
}

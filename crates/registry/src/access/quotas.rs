//! How much workspaces hold and may hold.

use serde_json::{Value as Json, json};

use super::demands::{demand_at, seen_workspace};
use crate::audit_entry::record;
use crate::context::{At, RequestContext};
use crate::domain::access::{BindingScope, Counted, Permission, Quota, Slug, Usage};
use crate::domain::audit::AuditAction;
use crate::domain::{Error, Result};
use crate::services::Accounts;
use crate::store::access::quotas;

/// What a workspace holds, and what it may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WorkspaceQuota {
    /// What it may hold.
    pub quota: Quota,
    /// What it holds.
    pub usage: Usage,
}

impl Accounts {
    /// What a workspace holds and may hold.
    ///
    /// Errors: NotFound, also when the caller sees nothing of it; PermissionDenied without `manage` in it, because what it holds tells
    /// of restricted models, too.
    pub async fn workspace_quota(&self, context: &RequestContext, slug: &Slug) -> Result<WorkspaceQuota> {
        let slug = slug.clone();
        self.core
            .read(context, move |tx| {
                let workspace = seen_workspace(tx, &slug)?;
                demand_at(tx, BindingScope::Workspace(workspace.id), Permission::Manage)?;
                Ok(WorkspaceQuota { quota: quotas::find(tx, workspace.id)?, usage: quotas::usage(tx, workspace.id)? })
            })
            .await
    }

    /// Sets what a workspace may hold. It may hold more already: then it can only shrink.
    ///
    /// Errors: NotFound; PermissionDenied without `manage` in the registry; InvalidArgument for a number that is too large.
    pub async fn set_workspace_quota(
        &self,
        context: &RequestContext,
        slug: &Slug,
        quota: Quota,
    ) -> Result<WorkspaceQuota> {
        for (counted, limit) in Counted::ALL.into_iter().zip([quota.bytes, quota.files, quota.roots]) {
            if limit.is_some_and(|limit| i64::try_from(limit).is_err()) {
                let name = counted.name();
                return Err(Error::invalid(name, format!("`{name}` is more than {}", i64::MAX)));
            }
        }
        let slug = slug.clone();
        let done = self.core.write(context, move |tx| {
            let workspace = seen_workspace(tx, &slug)?;
            demand_at(tx, BindingScope::Registry, Permission::Manage)?;
            let before = quotas::find(tx, workspace.id)?;
            quotas::set(tx, workspace.id, quota)?;
            let details = json!({ "before": document(before), "after": document(quota) });
            record(tx, AuditAction::SetQuota, At { workspace: Some(workspace.id), root: None }, details)?;
            Ok(WorkspaceQuota { quota, usage: quotas::usage(tx, workspace.id)? })
        });
        let done = done.await;
        // Also when it failed: it may have been committed.
        self.core.quotas.forget();
        done
    }
}

fn document(quota: Quota) -> Json {
    json!({ "bytes": quota.bytes, "files": quota.files, "roots": quota.roots })
}

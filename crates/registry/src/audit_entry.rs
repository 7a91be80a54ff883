//! Entries of the audit trail: about what a request does, and recorded with what it changes.

use serde_json::Value as Json;

use super::context::{At, RequestContext};
use super::transaction::WriteTransaction;
use crate::domain::Result;
use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::store::audit;

/// An entry about what a request does, with who asks and whence. What it is about is added to it.
pub fn entry(context: &RequestContext, action: AuditAction, outcome: Outcome) -> AuditEntry {
    context.audit_entry(context.now(), action, outcome)
}

/// Records in the transaction itself that it changes who may do what. Details name things by their ids.
pub(super) fn record(tx: &mut WriteTransaction<'_, '_>, action: AuditAction, at: At, details: Json) -> Result<()> {
    let mut entry = tx.context().audit_entry(tx.now(), action, Outcome::Done);
    entry.workspace_id = at.workspace;
    entry.root_id = at.root;
    entry.details = Some(details);
    audit::append(tx, &[entry]).map(drop)
}

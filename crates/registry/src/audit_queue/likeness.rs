//! What makes two entries of the audit trail one: the ranges of a file that one principal reads, and the failed logins of one address.

use crate::domain::access::{PrincipalId, TokenId};
use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::{Millis, NodeId};

/// For how long an entry stands for others that are like it, in milliseconds.
pub(super) const WINDOW: Millis = 10 * 60 * 1000;

/// For how long an entry of failed logins does.
pub(super) const LOGIN_WINDOW: Millis = 60 * 1000;

/// What makes two entries alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Likeness {
    action: AuditAction,
    outcome: Outcome,
    principal_id: Option<PrincipalId>,
    token_id: Option<TokenId>,
    node_id: Option<NodeId>,
    path: Option<String>,
    blob_id: Option<i64>,
    door: Option<String>,
    peer: Option<String>,
}

impl Likeness {
    /// What others have to be like to be one entry with this one; `None` where each is an entry of its own.
    pub(super) fn of(entry: &AuditEntry) -> Option<Self> {
        let is_read =
            entry.action == AuditAction::Download && entry.outcome == Outcome::Done && entry.node_id.is_some();
        let is_login = entry.action == AuditAction::Login;
        (is_read || is_login).then(|| Self {
            action: entry.action,
            outcome: entry.outcome,
            principal_id: entry.principal_id,
            token_id: entry.token_id,
            node_id: entry.node_id,
            path: entry.path.clone(),
            blob_id: entry.blob_id,
            door: entry.door.clone(),
            // A principal that is known may read from many addresses.
            peer: entry.peer.clone().filter(|_| entry.principal_id.is_none()),
        })
    }

    /// For how long one of them stands for the others.
    pub(super) fn window(&self) -> Millis {
        if self.action == AuditAction::Login { LOGIN_WINDOW } else { WINDOW }
    }
}

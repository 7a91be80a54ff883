//! The audit trail: who read, was refused, or changed who may do what. What was changed in nodes is in the record of changes.

use std::fmt;
use std::str::FromStr;

use super::access::{PrincipalId, TokenId, WorkspaceId};
use super::value::find_named;
use super::{Error, Millis, NodeId, Result};

macro_rules! actions {
    ($($(#[$documentation:meta])* $action:ident = $name:literal,)+) => {
        /// What was done, or attempted.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum AuditAction {
            $($(#[$documentation])* $action,)+
        }

        impl AuditAction {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$action,)+];

            /// Its name, as the trail has it.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$action => $name,)+
                }
            }
        }
    };
}

actions! {
    /// Bytes of a file were sent.
    Download = "file.download",
    /// A link to the bytes of a file was given.
    Link = "file.link",
    /// Files were sent as an archive.
    Archive = "archive.download",
    /// Metadata was read.
    Metadata = "metadata.read",
    /// Something else was attempted, and refused.
    Access = "access",
    /// Somebody logged in with a browser, or presented credentials that do not count.
    Login = "login",
    /// A session of a browser ended before its time.
    Logout = "logout",
    /// Entries were lost, because more arrived than could be written.
    Loss = "audit.loss",
    /// A workspace was made.
    CreateWorkspace = "workspace.create",
    /// A workspace was renamed, archived or brought back, or its owners' role changed.
    UpdateWorkspace = "workspace.update",
    /// It was set how much a workspace may hold.
    SetQuota = "workspace.quota",
    /// A workspace was removed.
    DeleteWorkspace = "workspace.delete",
    /// A service account was made.
    CreatePrincipal = "principal.create",
    /// A model, an experiment or an environment got another owner, was restricted or opened, or moved to another workspace.
    UpdateRoot = "root.update",
    /// A principal was disabled or enabled, or its workspace changed.
    UpdatePrincipal = "principal.update",
    /// All credentials of a principal that were issued until then were revoked.
    LogOutPrincipal = "principal.logout",
    /// A principal's names were removed.
    ForgetPrincipal = "principal.forget",
    /// A role was bound.
    CreateBinding = "binding.create",
    /// A role was unbound.
    DeleteBinding = "binding.delete",
    /// A token was made.
    CreateToken = "token.create",
    /// A token was given a new secret.
    RotateToken = "token.rotate",
    /// A token was revoked.
    RevokeToken = "token.revoke",
    /// A webhook was made.
    CreateWebhook = "webhook.create",
    /// A webhook was changed.
    UpdateWebhook = "webhook.update",
    /// A webhook was removed.
    DeleteWebhook = "webhook.delete",
    /// What another release has a name for.
    Unknown = "unknown",
}

impl fmt::Display for AuditAction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for AuditAction {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        find_named(Self::ALL, Self::name, "action", text)
    }
}

/// How it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It was done.
    Done,
    /// It was refused: the caller may not.
    Denied,
    /// The caller did not say believably who they are.
    Unauthenticated,
    /// It failed.
    Failed,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Done, Self::Denied, Self::Unauthenticated, Self::Failed];

    /// Its name, as the trail has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Denied => "denied",
            Self::Unauthenticated => "unauthenticated",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Outcome {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        find_named(&Self::ALL, Self::name, "outcome", text)
    }
}

/// What the trail says of one act, or of several like it. It names people by their ids, so that they can be forgotten, and holds
/// no secret.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditEntry {
    /// When; of several, when the first was.
    pub at: Millis,
    /// When the last was.
    pub ended_at: Millis,
    /// What.
    pub action: AuditAction,
    /// How it ended.
    pub outcome: Outcome,
    /// Who; `None` for somebody unknown, and for the server itself.
    pub principal_id: Option<PrincipalId>,
    /// The token that was presented.
    pub token_id: Option<TokenId>,
    /// In which workspace.
    pub workspace_id: Option<WorkspaceId>,
    /// Of which model, experiment or environment.
    pub root_id: Option<NodeId>,
    /// Of which node.
    pub node_id: Option<NodeId>,
    /// Of which file.
    pub path: Option<String>,
    /// Which bytes those were.
    pub blob_id: Option<i64>,
    /// How many bytes were sent, all requests together.
    pub bytes: Option<i64>,
    /// How many requests it stands for.
    pub requests: i64,
    /// Through which protocol.
    pub door: Option<String>,
    /// In which request; of several, in the first.
    pub request_id: Option<String>,
    /// From which address.
    pub peer: Option<String>,
    /// By which program, as that says.
    pub agent: Option<String>,
    /// What else there is to say: an object.
    pub details: Option<serde_json::Value>,
}

impl AuditEntry {
    /// An entry that says of one request no more than when, what and how it ended.
    pub fn new(at: Millis, action: AuditAction, outcome: Outcome) -> Self {
        Self {
            at,
            ended_at: at,
            action,
            outcome,
            principal_id: None,
            token_id: None,
            workspace_id: None,
            root_id: None,
            node_id: None,
            path: None,
            blob_id: None,
            bytes: None,
            requests: 1,
            door: None,
            request_id: None,
            peer: None,
            agent: None,
            details: None,
        }
    }
}

/// An entry of the trail, as it is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    /// Its id.
    pub id: i64,
    /// What it says.
    pub entry: AuditEntry,
}

/// Which entries of the trail are wanted; what is `None` does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct AuditFilter {
    /// Of that workspace.
    pub workspace_id: Option<WorkspaceId>,
    /// Of that model, experiment or environment.
    pub root_id: Option<NodeId>,
    /// By that principal.
    pub principal_id: Option<PrincipalId>,
    /// Of that action.
    pub action: Option<AuditAction>,
    /// That ended so.
    pub outcome: Option<Outcome>,
    /// That began then or later.
    pub from: Option<Millis>,
    /// That began before then.
    pub to: Option<Millis>,
    /// Of which restricted models, experiments and environments; `None` is all.
    pub restricted: Option<RestrictedShown>,
}

/// Of which restricted models, experiments and environments somebody may read the trail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct RestrictedShown {
    /// All in these workspaces.
    pub workspaces: Vec<WorkspaceId>,
    /// These.
    pub roots: Vec<NodeId>,
    /// What that principal owns.
    pub owner: Option<PrincipalId>,
}

/// Where a page of the trail ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AuditPosition {
    /// When the last entry began.
    pub at: Millis,
    /// Its id.
    pub id: i64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for action in AuditAction::ALL {
            assert_eq!(action.name().parse::<AuditAction>().unwrap(), *action);
        }
        for outcome in Outcome::ALL {
            assert_eq!(outcome.name().parse::<Outcome>().unwrap(), outcome);
        }
        assert_eq!("read".parse::<AuditAction>().unwrap_err().field(), Some("action"));
        assert_eq!("ok".parse::<Outcome>().unwrap_err().field(), Some("outcome"));
    }
}

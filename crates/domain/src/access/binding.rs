//! Bindings: who has which role where.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Group, PrincipalId, Role, WorkspaceId};
use crate::{Millis, NodeId};

/// The id of a binding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct BindingId(pub i64);

impl fmt::Display for BindingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Whom a role is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Subject {
    /// One principal.
    Principal(PrincipalId),
    /// Everybody in a group.
    Group(Group),
    /// Everybody who says believably who they are.
    Authenticated,
    /// Everybody, whoever they are.
    Everyone,
}

/// Where a role holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BindingScope {
    /// In all workspaces, and for the registry itself.
    Registry,
    /// In one workspace.
    Workspace(WorkspaceId),
    /// For one model, experiment or environment, and everything below it.
    Root(NodeId),
}

/// A role that is bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// Its id.
    pub id: BindingId,
    /// Whom it is bound to.
    pub subject: Subject,
    /// Which role.
    pub role: Role,
    /// Where it holds.
    pub scope: BindingScope,
    /// Since when.
    pub created_at: Millis,
    /// Who bound it; `None` where the settings or an offline command did.
    pub created_by: Option<PrincipalId>,
    /// Until when, if it ends.
    pub expires_at: Option<Millis>,
}

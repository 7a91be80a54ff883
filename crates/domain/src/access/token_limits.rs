//! What a token leaves of the rights of its owner.

use std::collections::BTreeSet;

use super::{Permissions, Place, WorkspaceId};
use crate::NodeId;

/// What a token leaves of the rights of its owner.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenLimits {
    /// No others than these.
    pub permissions: Permissions,
    /// In no other workspaces than these; `None` is all.
    pub workspaces: Option<BTreeSet<WorkspaceId>>,
    /// For nothing but these models, experiments and environments, and what is below them; `None` is all.
    pub roots: Option<BTreeSet<NodeId>>,
}

impl TokenLimits {
    /// Whether it takes nothing away, so that whoever presents the token is its owner in everything.
    pub fn are_none(&self) -> bool {
        self.in_registry() == Permissions::ALL
    }

    /// What it leaves in the registry as such.
    pub(super) fn in_registry(&self) -> Permissions {
        self.leaving(self.workspaces.is_none() && self.roots.is_none())
    }

    /// What it leaves in a workspace as such.
    pub(super) fn in_workspace(&self, workspace: WorkspaceId) -> Permissions {
        self.leaving(self.is_for_workspace(workspace) && self.roots.is_none())
    }

    /// What it leaves at a place.
    pub(super) fn at(&self, place: Place) -> Permissions {
        let is_for_root = self.roots.as_ref().is_none_or(|these| these.contains(&place.root));
        self.leaving(self.is_for_workspace(place.workspace) && is_for_root)
    }

    fn is_for_workspace(&self, workspace: WorkspaceId) -> bool {
        self.workspaces.as_ref().is_none_or(|these| these.contains(&workspace))
    }

    fn leaving(&self, is_within: bool) -> Permissions {
        if is_within { self.permissions } else { Permissions::NONE }
    }
}

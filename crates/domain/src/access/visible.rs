//! Which nodes somebody sees, in a form that a database can check for each of them.

use std::collections::BTreeSet;

use super::{Permission, PrincipalId, Rights, WorkspaceId};
use crate::NodeId;

/// A set of workspaces.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Workspaces {
    /// Every one.
    All,
    /// These.
    These(BTreeSet<WorkspaceId>),
}

impl Workspaces {
    /// Whether it has that one.
    pub fn has(&self, workspace: WorkspaceId) -> bool {
        match self {
            Self::All => true,
            Self::These(these) => these.contains(&workspace),
        }
    }

    fn of(all: bool, these: impl Iterator<Item = WorkspaceId>) -> Self {
        if all { Self::All } else { Self::These(these.collect()) }
    }
}

/// Which nodes somebody sees: those for which one of the first four says so, of those that the last two allow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visible {
    /// What is in these workspaces, but for restricted roots and what is below them.
    pub open: Workspaces,
    /// What is in these, restricted roots too.
    pub whole: Workspaces,
    /// These roots and what is below them.
    pub roots: BTreeSet<NodeId>,
    /// The roots of that owner and what is below them, but for these workspaces.
    pub owned: Option<(PrincipalId, BTreeSet<WorkspaceId>)>,
    /// Nothing that is not in these workspaces.
    pub within: Workspaces,
    /// Nothing that is not one of these roots or below them.
    pub below: Option<BTreeSet<NodeId>>,
    /// Whether any root is restricted, so that the first two differ.
    pub any_restricted: bool,
}

impl Visible {
    /// What somebody with these rights sees.
    pub fn new(principal: Option<PrincipalId>, rights: &Rights) -> Self {
        let see = Permission::See;
        let limits = rights.limits.as_ref();
        if limits.is_some_and(|limits| !limits.permissions.has(see)) {
            return Self::nothing();
        }
        let with = |permission: Permission| {
            let these = rights.workspaces.iter().filter(move |(_, held)| held.has(permission)).map(|(id, _)| *id);
            Workspaces::of(rights.registry.has(permission), these)
        };
        let ownerless = rights.owners.iter().filter(|(_, held)| !held.has(see)).map(|(id, _)| *id).collect();
        Self {
            open: with(see),
            whole: with(Permission::Manage),
            roots: rights.roots.iter().filter(|(_, held)| held.has(see)).map(|(id, _)| *id).collect(),
            owned: principal.map(|principal| (principal, ownerless)),
            within: limits.and_then(|limits| limits.workspaces.clone()).map_or(Workspaces::All, Workspaces::These),
            below: limits.and_then(|limits| limits.roots.clone()),
            any_restricted: !rights.restricted.is_empty(),
        }
    }

    fn nothing() -> Self {
        let none = Workspaces::These(BTreeSet::new());
        Self {
            open: none.clone(),
            whole: none.clone(),
            roots: BTreeSet::new(),
            owned: None,
            within: none,
            below: None,
            any_restricted: false,
        }
    }

    /// Whether it is every node of these workspaces.
    pub fn is_all_of(&self, workspaces: &Workspaces) -> bool {
        let covers = |set: &Workspaces| match (set, workspaces) {
            (Workspaces::All, _) => true,
            (Workspaces::These(_), Workspaces::All) => false,
            (Workspaces::These(set), Workspaces::These(these)) => these.is_subset(set),
        };
        let seen = covers(&self.whole) || (!self.any_restricted && covers(&self.open));
        seen && covers(&self.within) && self.below.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{BindingScope, Permissions, Role, TokenLimits};
    use super::*;

    fn one(workspace: i64) -> Workspaces {
        Workspaces::These(BTreeSet::from([WorkspaceId(workspace)]))
    }

    #[test]
    fn whoever_sees_everything_needs_no_check() {
        assert!(Visible::new(None, &Rights::all()).is_all_of(&Workspaces::All));
        let mut rights = Rights::default();
        rights.grant(Role::Viewer, BindingScope::Workspace(WorkspaceId(2)));
        let visible = Visible::new(Some(PrincipalId(1)), &rights);
        assert!(visible.is_all_of(&one(2)) && !visible.is_all_of(&one(1)) && !visible.is_all_of(&Workspaces::All));
        rights.restricted = std::sync::Arc::new([NodeId(9)].into());
        assert!(!Visible::new(None, &rights).is_all_of(&one(2)));
        rights.grant(Role::Admin, BindingScope::Workspace(WorkspaceId(2)));
        assert!(Visible::new(None, &rights).is_all_of(&one(2)));
    }

    #[test]
    fn a_token_that_does_not_see_shows_nothing() {
        let limits = TokenLimits { permissions: Permissions::of(&[Permission::Write]), workspaces: None, roots: None };
        let rights = Rights { limits: Some(limits), ..Rights::all() };
        assert_eq!(Visible::new(Some(PrincipalId(1)), &rights), Visible::nothing());
    }
}

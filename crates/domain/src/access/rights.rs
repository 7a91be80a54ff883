//! What somebody may do, and what a request may therefore see.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::{Arc, LazyLock};

use super::{BindingScope, Permission, Permissions, PrincipalId, Role, TokenLimits, Visible, WorkspaceId};
use crate::{Error, NodeId, Result};

/// Where a node belongs, as far as access depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Its workspace.
    pub workspace: WorkspaceId,
    /// The model, experiment or environment that it belongs to, or is; itself where it belongs to none.
    pub root: NodeId,
}

impl Default for Place {
    /// Of a node that has no id yet: in the default workspace, below nothing.
    fn default() -> Self {
        Self { workspace: WorkspaceId::DEFAULT, root: NodeId(0) }
    }
}

/// The roots that are restricted, all of them: bindings of a workspace or of the registry below [`Role::Admin`] do not reach them.
pub type RestrictedRoots = Arc<HashSet<NodeId>>;

/// What somebody was granted, wherever it was: the sum of their bindings.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rights {
    /// Everywhere.
    pub registry: Permissions,
    /// In single workspaces.
    pub workspaces: BTreeMap<WorkspaceId, Permissions>,
    /// For single roots.
    pub roots: BTreeMap<NodeId, Permissions>,
    /// What owners have of their roots, in workspaces where that is not what [`Role::Admin`] has.
    pub owners: BTreeMap<WorkspaceId, Permissions>,
    /// The restricted roots.
    pub restricted: RestrictedRoots,
    /// The workspaces that are archived: nothing is made or changed in them, whoever asks.
    pub archived: Arc<BTreeSet<WorkspaceId>>,
    /// What the token that was presented leaves of all this.
    pub limits: Option<TokenLimits>,
}

/// What rights say of a permission at a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// They have it.
    Granted,
    /// They have not.
    Denied,
    /// They have it if they own the root.
    IfOwner,
}

impl Rights {
    /// Everything, everywhere.
    pub fn all() -> Self {
        Self { registry: Permissions::ALL, ..Self::default() }
    }

    /// Whether there is nothing that they may do anywhere.
    pub fn is_nothing(&self) -> bool {
        let mut held = self.workspaces.values().chain(self.roots.values());
        self.registry.is_empty() && held.all(|held| held.is_empty())
    }

    /// Adds what a role grants in a scope.
    pub fn grant(&mut self, role: Role, scope: BindingScope) {
        let held = match scope {
            BindingScope::Registry => &mut self.registry,
            BindingScope::Workspace(workspace) => self.workspaces.entry(workspace).or_default(),
            BindingScope::Root(root) => self.roots.entry(root).or_default(),
        };
        *held = *held | role.permissions();
    }

    /// What they have in a workspace as such: for what belongs to no root, and for making roots.
    pub fn in_workspace(&self, workspace: WorkspaceId) -> Permissions {
        let held = self.registry | self.workspaces.get(&workspace).copied().unwrap_or_default();
        let held = held & self.possible_in(workspace);
        self.limits.as_ref().map_or(held, |limits| held & limits.in_workspace(workspace))
    }

    /// What they have in the registry as such.
    pub fn in_registry(&self) -> Permissions {
        self.limits.as_ref().map_or(self.registry, |limits| self.registry & limits.in_registry())
    }

    /// What bindings give at a place, whoever owns the root.
    pub fn at(&self, place: Place) -> Permissions {
        let mut wide = self.registry | self.workspaces.get(&place.workspace).copied().unwrap_or_default();
        if !wide.has(Permission::Manage) && self.restricted.contains(&place.root) {
            wide = Permissions::NONE;
        }
        let held = wide | self.roots.get(&place.root).copied().unwrap_or_default();
        let held = held & self.possible_in(place.workspace);
        self.limits.as_ref().map_or(held, |limits| held & limits.at(place))
    }

    /// What bindings of the registry give at a root, as far as they reach it.
    fn of_registry_at(&self, root: NodeId) -> Permissions {
        let reaches = self.registry.has(Permission::Manage) || !self.restricted.contains(&root);
        if reaches { self.registry } else { Permissions::NONE }
    }

    /// What anybody may have in a workspace.
    fn possible_in(&self, workspace: WorkspaceId) -> Permissions {
        if self.archived.contains(&workspace) { Permissions::OF_ARCHIVED } else { Permissions::ALL }
    }

    /// What the owner of a root has at a place below it.
    pub fn of_owner(&self, place: Place) -> Permissions {
        let held = self.owners.get(&place.workspace).copied().unwrap_or(Permissions::ALL);
        let held = held & self.possible_in(place.workspace);
        self.limits.as_ref().map_or(held, |limits| held & limits.at(place))
    }
}

/// How far a request reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reach {
    /// Names and lists are those of its workspace; ids are found wherever they are.
    Workspace,
    /// The request names its workspace: nodes of others do not exist for it.
    Confined,
    /// Lists are those of all workspaces.
    All,
}

/// Who asks, what they may, and in which workspace: what a transaction sees and allows. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Access(Arc<Inner>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Inner {
    principal: Option<PrincipalId>,
    rights: Arc<Rights>,
    visible: Arc<Visible>,
    workspace: WorkspaceId,
    reach: Reach,
    /// Whether it is not known who anybody is, as everybody may do everything.
    open: bool,
}

impl Access {
    /// Of somebody with these rights. `workspace` is where names are looked up and roots are made.
    pub fn new(principal: Option<PrincipalId>, rights: Arc<Rights>, workspace: WorkspaceId) -> Self {
        let visible = Arc::new(Visible::new(principal, &rights));
        Self(Arc::new(Inner { principal, rights, visible, workspace, reach: Reach::Workspace, open: false }))
    }

    /// Of everybody where there are no accounts: everything.
    pub fn unrestricted() -> Self {
        static EVERYBODY: LazyLock<Access> =
            LazyLock::new(|| Access::new(None, Arc::new(Rights::all()), WorkspaceId::DEFAULT).opened());
        EVERYBODY.clone()
    }

    /// Of the server itself, whose lists are those of all workspaces.
    pub fn of_server() -> Self {
        static SERVER: LazyLock<Access> = LazyLock::new(|| Access::unrestricted().reaching(Reach::All));
        SERVER.clone()
    }

    /// The same for a request that names its workspace: nodes of other workspaces do not exist for it.
    #[must_use]
    pub fn confined_to(&self, workspace: WorkspaceId) -> Self {
        self.in_workspace(workspace).reaching(Reach::Confined)
    }

    /// The same request of somebody who may do something else by now.
    #[must_use]
    pub fn of(&self, principal: Option<PrincipalId>, rights: Arc<Rights>) -> Self {
        let visible = Arc::new(Visible::new(principal, &rights));
        Self(Arc::new(Inner { principal, rights, visible, ..Inner::clone(&self.0) }))
    }

    /// The same in another workspace.
    #[must_use]
    pub fn in_workspace(&self, workspace: WorkspaceId) -> Self {
        Self(Arc::new(Inner { workspace, ..Inner::clone(&self.0) }))
    }

    fn opened(&self) -> Self {
        Self(Arc::new(Inner { open: true, ..Inner::clone(&self.0) }))
    }

    /// Whether there are no accounts, so that nobody says who they are and nothing is worth a record of who read it.
    pub fn is_open_to_all(&self) -> bool {
        self.0.open
    }

    fn reaching(&self, reach: Reach) -> Self {
        Self(Arc::new(Inner { reach, ..Inner::clone(&self.0) }))
    }

    /// Who asks; `None` for nobody that is known.
    pub fn principal(&self) -> Option<PrincipalId> {
        self.0.principal
    }

    /// What they may.
    pub fn rights(&self) -> &Rights {
        &self.0.rights
    }

    /// What they see.
    pub fn visible(&self) -> &Visible {
        &self.0.visible
    }

    /// Where names are looked up, and roots are created.
    pub fn workspace(&self) -> WorkspaceId {
        self.0.workspace
    }

    /// The only workspace whose nodes exist for the request, where it names one.
    pub fn confinement(&self) -> Option<WorkspaceId> {
        (self.0.reach == Reach::Confined).then_some(self.0.workspace)
    }

    /// The workspace whose nodes its lists have; `None` for those of all.
    pub fn listed(&self) -> Option<WorkspaceId> {
        (self.0.reach != Reach::All).then_some(self.0.workspace)
    }

    /// What the bindings say of a permission at a place.
    pub fn decide(&self, permission: Permission, place: Place) -> Decision {
        let Inner { principal, rights, reach, workspace, .. } = &*self.0;
        if *reach == Reach::Confined && place.workspace != *workspace {
            Decision::Denied
        } else if rights.at(place).has(permission) {
            Decision::Granted
        } else if principal.is_some() && rights.of_owner(place).has(permission) {
            Decision::IfOwner
        } else {
            Decision::Denied
        }
    }

    /// Whether there is nothing that they may not do.
    pub fn is_unrestricted(&self) -> bool {
        self.rights().registry == Permissions::ALL && self.rights().limits.is_none()
    }

    /// Whether they have a permission for everything that they see, wherever it is.
    pub fn has_wherever_it_sees(&self, permission: Permission) -> bool {
        let rights = self.rights();
        let implied = |held: &Permissions| !held.has(Permission::See) || held.has(permission);
        implied(&rights.registry)
            && rights.workspaces.values().all(|held| implied(&(*held | rights.registry)))
            && rights.roots.iter().all(|(root, held)| implied(&(*held | rights.of_registry_at(*root))))
            && rights.owners.values().all(implied)
            && rights.limits.as_ref().is_none_or(|limits| implied(&limits.permissions))
            && (rights.archived.is_empty() || Permissions::OF_ARCHIVED.has(permission))
    }

    /// Demands a permission in the request's workspace as such: PermissionDenied without it.
    pub fn demand_in_workspace(&self, permission: Permission) -> Result<()> {
        if self.rights().in_workspace(self.workspace()).has(permission) {
            Ok(())
        } else {
            Err(denied(permission, "this workspace"))
        }
    }

    /// Demands a permission in the registry as such: PermissionDenied without it.
    pub fn demand_in_registry(&self, permission: Permission) -> Result<()> {
        if self.rights().in_registry().has(permission) { Ok(()) } else { Err(denied(permission, "the registry")) }
    }
}

/// The error for somebody who sees a thing and may not do this to it.
pub fn denied(permission: Permission, what: impl std::fmt::Display) -> Error {
    Error::permission_denied(format!("this needs the permission `{permission}` for {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place = Place { workspace: WorkspaceId(2), root: NodeId(7) };

    fn rights(bindings: &[(Role, BindingScope)]) -> Rights {
        let mut rights = Rights::default();
        for (role, scope) in bindings {
            rights.grant(*role, *scope);
        }
        rights
    }

    #[test]
    fn bindings_add() {
        let both = rights(&[
            (Role::Viewer, BindingScope::Workspace(WorkspaceId(2))),
            (Role::Writer, BindingScope::Root(NodeId(7))),
        ]);
        assert!(both.at(PLACE).has(Permission::Write));
        assert!(!both.at(Place { root: NodeId(8), ..PLACE }).has(Permission::Write));
        assert!(both.at(Place { root: NodeId(8), ..PLACE }).has(Permission::See));
        assert!(both.at(Place { workspace: WorkspaceId(1), root: NodeId(8) }).is_empty());
    }

    #[test]
    fn a_restricted_root_is_reached_by_its_own_bindings_and_by_admins() {
        let restricted: RestrictedRoots = Arc::new(HashSet::from([NodeId(7)]));
        for (role, scope, sees) in [
            (Role::Maintainer, BindingScope::Workspace(WorkspaceId(2)), false),
            (Role::Auditor, BindingScope::Registry, false),
            (Role::Admin, BindingScope::Workspace(WorkspaceId(2)), true),
            (Role::Admin, BindingScope::Registry, true),
            (Role::Viewer, BindingScope::Root(NodeId(7)), true),
        ] {
            let rights = Rights { restricted: Arc::clone(&restricted), ..rights(&[(role, scope)]) };
            assert_eq!(rights.at(PLACE).has(Permission::See), sees, "{role} {scope:?}");
        }
    }

    #[test]
    fn what_the_registry_gives_is_not_had_for_a_restricted_root() {
        let reader = rights(&[(Role::Reader, BindingScope::Registry), (Role::Viewer, BindingScope::Root(NodeId(7)))]);
        let restricted = Rights { restricted: Arc::new(HashSet::from([NodeId(7)])), ..reader.clone() };
        for (rights, expected) in [(reader, true), (restricted, false)] {
            let access = Access::new(Some(PrincipalId(5)), Arc::new(rights), WorkspaceId(2));
            // Whoever makes something has it all.
            assert_eq!(access.has_wherever_it_sees(Permission::Download), expected);
            let decided = access.rights().at(PLACE).has(Permission::Download);
            assert_eq!(decided, expected);
        }
    }

    #[test]
    fn nothing_is_changed_in_an_archived_workspace() {
        let archived = Arc::new(BTreeSet::from([WorkspaceId(2)]));
        let admin = Rights { archived: Arc::clone(&archived), ..Rights::all() };
        let owner = Rights { archived, ..Rights::default() };
        for held in [admin.at(PLACE), admin.in_workspace(WorkspaceId(2)), owner.of_owner(PLACE)] {
            assert!(held.has(Permission::Download) && held.has(Permission::Manage), "{held:?}");
            assert!(!held.has(Permission::Write) && !held.has(Permission::Delete), "{held:?}");
        }
        assert_eq!(admin.in_workspace(WorkspaceId(1)), Permissions::ALL);
    }

    #[test]
    fn a_token_takes_away() {
        let everything = |limits| Rights { limits: Some(limits), ..Rights::all() };
        let reader = TokenLimits { permissions: Role::Reader.permissions(), workspaces: None, roots: None };
        assert_eq!(everything(reader.clone()).at(PLACE), Role::Reader.permissions());
        assert_eq!(everything(reader.clone()).in_registry(), Role::Reader.permissions());
        let elsewhere = TokenLimits { workspaces: Some(BTreeSet::from([WorkspaceId(3)])), ..reader.clone() };
        assert!(everything(elsewhere.clone()).at(PLACE).is_empty());
        assert!(everything(elsewhere.clone()).in_registry().is_empty());
        assert_eq!(everything(elsewhere).in_workspace(WorkspaceId(3)), Role::Reader.permissions());
        let one_root = TokenLimits { roots: Some(BTreeSet::from([NodeId(7)])), ..reader };
        assert_eq!(everything(one_root.clone()).at(PLACE), Role::Reader.permissions());
        assert!(everything(one_root.clone()).at(Place { root: NodeId(8), ..PLACE }).is_empty());
        assert!(everything(one_root).in_workspace(WorkspaceId(2)).is_empty());
    }

    #[test]
    fn an_owner_has_what_the_workspace_says() {
        let access = |rights| Access::new(Some(PrincipalId(5)), Arc::new(rights), WorkspaceId(2));
        assert_eq!(access(Rights::default()).decide(Permission::Delete, PLACE), Decision::IfOwner);
        let none = Rights { owners: BTreeMap::from([(WorkspaceId(2), Permissions::NONE)]), ..Rights::default() };
        assert_eq!(access(none).decide(Permission::See, PLACE), Decision::Denied);
        let nobody = Access::new(None, Arc::default(), WorkspaceId(2));
        assert_eq!(nobody.decide(Permission::See, PLACE), Decision::Denied);
        assert_eq!(Access::unrestricted().decide(Permission::Manage, PLACE), Decision::Granted);
    }
}

//! What takes away: the workspace of a request, a token, a restriction, what owners are left.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use super::*;
use crate::{ErrorKind, NodeId};

const HERE: WorkspaceId = WorkspaceId(2);
const ELSEWHERE: WorkspaceId = WorkspaceId(3);
const PLACE: Place = Place { workspace: HERE, root: NodeId(7) };
const OTHER_ROOT: Place = Place { workspace: HERE, root: NodeId(8) };
const OTHER_WORKSPACE: Place = Place { workspace: ELSEWHERE, root: NodeId(7) };

fn with(role: Role, scope: BindingScope) -> Rights {
    let mut rights = Rights::default();
    rights.grant(role, scope);
    rights
}

fn access(rights: Rights) -> Access {
    Access::new(Some(PrincipalId(5)), Arc::new(rights), HERE)
}

fn limits(workspaces: Option<WorkspaceId>, roots: Option<NodeId>) -> TokenLimits {
    let (workspaces, roots) = (workspaces.map(|one| [one].into()), roots.map(|one| [one].into()));
    TokenLimits { permissions: Permissions::ALL, workspaces, roots }
}

#[test]
fn a_request_that_names_its_workspace_reaches_no_other() {
    let asks = access(Rights::all()).in_workspace(ELSEWHERE);
    assert_eq!((asks.confinement(), asks.listed()), (None, Some(ELSEWHERE)));
    assert_eq!(asks.decide(Permission::Write, PLACE), Decision::Granted);
    let names = asks.confined_to(ELSEWHERE);
    assert_eq!((names.confinement(), names.listed()), (Some(ELSEWHERE), Some(ELSEWHERE)));
    assert_eq!(names.decide(Permission::Write, PLACE), Decision::Denied);
    assert_eq!(asks.confined_to(HERE).decide(Permission::Write, PLACE), Decision::Granted);
    assert_eq!((Access::of_server().confinement(), Access::of_server().listed()), (None, None));
}

#[test]
fn nothing_is_demanded_in_vain() {
    let here = access(with(Role::Viewer, BindingScope::Workspace(HERE)));
    here.demand_in_workspace(Permission::See).unwrap();
    for refused in [
        here.demand_in_workspace(Permission::Create),
        here.in_workspace(ELSEWHERE).demand_in_workspace(Permission::See),
        here.demand_in_registry(Permission::See),
    ] {
        assert_eq!(refused.unwrap_err().kind(), ErrorKind::PermissionDenied);
    }
    access(with(Role::Viewer, BindingScope::Registry)).demand_in_registry(Permission::See).unwrap();
}

#[test]
fn whoever_may_less_than_everything_is_restricted() {
    assert!(access(Rights::all()).is_unrestricted());
    assert!(!access(Rights { limits: Some(limits(None, None)), ..Rights::all() }).is_unrestricted());
    assert!(!access(with(Role::Maintainer, BindingScope::Registry)).is_unrestricted());
    assert!(!access(with(Role::Admin, BindingScope::Workspace(HERE))).is_unrestricted());
}

#[test]
fn what_is_seen_anywhere_without_a_permission_has_to_be_looked_up() {
    let reader = with(Role::Reader, BindingScope::Registry);
    assert!(access(reader.clone()).has_wherever_it_sees(Permission::Download));
    let view_of_token = TokenLimits { permissions: Role::Viewer.permissions(), ..limits(None, None) };
    for rights in [
        with(Role::Viewer, BindingScope::Registry),
        with(Role::Viewer, BindingScope::Workspace(HERE)),
        with(Role::Viewer, BindingScope::Root(NodeId(7))),
        Rights { owners: BTreeMap::from([(HERE, Role::Viewer.permissions())]), ..reader.clone() },
        Rights { limits: Some(view_of_token), ..reader.clone() },
    ] {
        assert!(!access(rights.clone()).has_wherever_it_sees(Permission::Download), "{rights:?}");
    }
    let archived = Rights { archived: Arc::new([HERE].into()), ..Rights::all() };
    assert!(access(archived.clone()).has_wherever_it_sees(Permission::Download));
    assert!(!access(archived).has_wherever_it_sees(Permission::Write));
    assert!(access(Rights::all()).has_wherever_it_sees(Permission::Write));
}

#[test]
fn a_token_leaves_what_it_is_for() {
    let (all, here, root) = (limits(None, None), limits(Some(HERE), None), limits(None, Some(NodeId(7))));
    assert!(all.are_none() && !here.are_none() && !root.are_none());
    assert!(!TokenLimits { permissions: Role::Viewer.permissions(), ..all.clone() }.are_none());
    // In the registry, here, elsewhere, at a place, at another root, in another workspace.
    for (limits, left) in [
        (all, [true; 6]),
        (here, [false, true, false, true, true, false]),
        (root, [false, false, false, true, false, true]),
        (limits(Some(HERE), Some(NodeId(7))), [false, false, false, true, false, false]),
    ] {
        let owner = Rights { limits: Some(limits), ..Rights::default() };
        let rights = Rights { registry: Permissions::ALL, ..owner.clone() };
        let of_workspace = [rights.in_registry(), rights.in_workspace(HERE), rights.in_workspace(ELSEWHERE)];
        let at = [PLACE, OTHER_ROOT, OTHER_WORKSPACE].map(|place| rights.at(place));
        let found: Vec<bool> = of_workspace.into_iter().chain(at).map(|held| held.has(Permission::Write)).collect();
        assert_eq!(found, left, "{:?}", rights.limits);
        assert_eq!([PLACE, OTHER_ROOT, OTHER_WORKSPACE].map(|place| owner.of_owner(place)), at);
    }
}

#[test]
fn what_is_visible_is_what_the_rights_say() {
    let mut rights = with(Role::Maintainer, BindingScope::Workspace(HERE));
    rights.grant(Role::Admin, BindingScope::Workspace(ELSEWHERE));
    rights.grant(Role::Viewer, BindingScope::Root(NodeId(7)));
    rights.roots.insert(NodeId(8), Permissions::of(&[Permission::Write]));
    rights.workspaces.insert(WorkspaceId(4), Permissions::of(&[Permission::Write]));
    rights.owners = BTreeMap::from([(HERE, Role::Viewer.permissions()), (ELSEWHERE, Permissions::NONE)]);
    rights.restricted = Arc::new(HashSet::from([NodeId(9)]));
    let expected = Visible {
        open: Workspaces::These([HERE, ELSEWHERE].into()),
        whole: Workspaces::These([ELSEWHERE].into()),
        roots: [NodeId(7)].into(),
        owned: Some((PrincipalId(5), BTreeSet::from([ELSEWHERE]))),
        within: Workspaces::All,
        below: None,
        any_restricted: true,
    };
    assert_eq!(Visible::new(Some(PrincipalId(5)), &rights), expected);
    assert_eq!(Visible::new(None, &rights), Visible { owned: None, ..expected.clone() });
    rights.limits = Some(limits(Some(HERE), Some(NodeId(7))));
    let (within, below) = (Workspaces::These([HERE].into()), Some([NodeId(7)].into()));
    assert_eq!(Visible::new(Some(PrincipalId(5)), &rights), Visible { within, below, ..expected });
}

#[test]
fn what_a_token_takes_away_is_not_everything() {
    let here = Workspaces::These([HERE].into());
    for (limits, is_all) in
        [(limits(None, None), true), (limits(Some(ELSEWHERE), None), false), (limits(None, Some(NodeId(7))), false)]
    {
        let rights = Rights { limits: Some(limits), ..Rights::all() };
        assert_eq!(Visible::new(None, &rights).is_all_of(&here), is_all, "{:?}", rights.limits);
    }
    assert!(here.has(HERE) && !here.has(ELSEWHERE));
}

//! Bindings: whom they hold for, where, and until when.

use modelport::domain::access::{BindingId, BindingScope, Group, PrincipalId, Role, Subject, WorkspaceId};
use modelport::domain::{ErrorKind, NodeId};
use modelport::store::access::bindings::{self, BindingFilter, Bound};
use modelport::store::{access::principals, nodes};

use super::{DEFAULT, Scene, of};
use crate::support::{Backend, on_both};

on_both! {
    a_role_is_bound_once,
    two_at_once_bind_once,
    an_expired_binding_gives_way_to_the_same_one,
    what_is_bound_has_to_be_there,
    somebody_has_their_own_bindings_and_those_of_everybody,
    expired_bindings_hold_no_longer,
    many_groups_of_many_issuers_are_found,
    lists_are_paged_and_narrowed,
    a_root_is_reached_by_what_is_wider,
    bindings_go_with_their_root,
    administrators_of_the_registry_are_known,
}

fn group(issuer: &str, name: &str) -> Group {
    Group { issuer: issuer.to_owned(), name: name.to_owned() }
}

/// One subject of each kind.
async fn subjects(scene: &Scene) -> Vec<Subject> {
    let alice = scene.principal("alice").await.id;
    let group = group("oidc", "Gruppe ß/🦀");
    vec![Subject::Principal(alice), Subject::Group(group), Subject::Authenticated, Subject::Everyone]
}

async fn a_role_is_bound_once(backend: Backend) {
    let scene = Scene::new(backend);
    let (a, model) = (scene.workspace("a").await, scene.model("m").await);
    let mut bound = 0;
    for subject in subjects(&scene).await {
        for scope in [BindingScope::Registry, DEFAULT, of(&a), BindingScope::Root(model)] {
            for role in [Role::Reader, Role::Writer] {
                let first = scene.bind(subject.clone(), role, scope).await;
                assert_eq!((&first.subject, first.role, first.scope), (&subject, role, scope));
                let again = scene.try_bind(subject.clone(), role, scope, None, 2).await.unwrap();
                assert_eq!(again, Bound::Before(first.id));
                assert_eq!(scene.store.read(move |tx| bindings::find(tx, first.id)).await.unwrap(), Some(first));
                bound += 1;
            }
        }
    }
    assert_eq!(scene.count("bindings"), bound);
}

async fn two_at_once_bind_once(backend: Backend) {
    let scene = Scene::new(backend);
    let bind = || scene.try_bind(Subject::Everyone, Role::Reader, DEFAULT, None, 1);
    let (one, other) = tokio::join!(bind(), bind());
    let new = [one.unwrap(), other.unwrap()].into_iter().filter(|bound| matches!(bound, Bound::New(_))).count();
    assert_eq!((new, scene.count("bindings")), (1, 1));
}

async fn an_expired_binding_gives_way_to_the_same_one(backend: Backend) {
    let scene = Scene::new(backend);
    let bind = |expires_at, now| scene.try_bind(Subject::Authenticated, Role::Reader, DEFAULT, expires_at, now);
    let Bound::New(first) = bind(Some(10), 1).await.unwrap() else { panic!("not made") };
    assert_eq!(bind(None, 9).await.unwrap(), Bound::Before(first.id));
    let Bound::New(second) = bind(None, 10).await.unwrap() else { panic!("not made") };
    assert!(second.id > first.id && second.expires_at.is_none());
    assert_eq!(scene.count("bindings"), 1);
}

async fn what_is_bound_has_to_be_there(backend: Backend) {
    let scene = Scene::new(backend);
    for (subject, scope) in [
        (Subject::Principal(PrincipalId(99)), DEFAULT),
        (Subject::Everyone, BindingScope::Workspace(WorkspaceId(99))),
        (Subject::Everyone, BindingScope::Root(NodeId(99))),
    ] {
        let bound = scene.try_bind(subject, Role::Reader, scope, None, 1).await;
        assert_eq!(bound.unwrap_err().kind(), ErrorKind::NotFound);
    }
}

impl Scene {
    async fn of(&self, principal: Option<PrincipalId>, groups: &[Group], now: i64) -> Vec<BindingId> {
        let groups = groups.to_vec();
        let found = self.store.read(move |tx| bindings::of(tx, principal, &groups, now)).await.unwrap();
        let mut ids: Vec<_> = found.into_iter().map(|binding| binding.id).collect();
        ids.sort_unstable();
        ids
    }
}

async fn somebody_has_their_own_bindings_and_those_of_everybody(backend: Backend) {
    let scene = Scene::new(backend);
    let mut ids = Vec::new();
    for subject in subjects(&scene).await {
        ids.push(scene.bind(subject, Role::Reader, DEFAULT).await.id);
    }
    let bob = scene.principal("bob").await.id;
    let Subject::Principal(alice) = subjects_of(&scene, ids[0]).await else { panic!("not a principal") };
    let of_group = group("oidc", "Gruppe ß/🦀");
    assert_eq!(scene.of(Some(alice), &[], 1).await, [ids[0], ids[2], ids[3]]);
    assert_eq!(scene.of(Some(alice), std::slice::from_ref(&of_group), 1).await, ids);
    assert_eq!(scene.of(Some(bob), &[group("other", "Gruppe ß/🦀")], 1).await, [ids[2], ids[3]]);
    assert_eq!(scene.of(None, &[], 1).await, [ids[3]]);
}

async fn subjects_of(scene: &Scene, id: BindingId) -> Subject {
    scene.store.read(move |tx| bindings::find(tx, id)).await.unwrap().unwrap().subject
}

async fn expired_bindings_hold_no_longer(backend: Backend) {
    let scene = Scene::new(backend);
    let group = group("oidc", "g");
    for subject in [Subject::Everyone, Subject::Group(group.clone())] {
        scene.try_bind(subject, Role::Reader, DEFAULT, Some(10), 1).await.unwrap();
    }
    assert_eq!(scene.of(None, std::slice::from_ref(&group), 9).await.len(), 2);
    assert_eq!(scene.of(None, &[group], 10).await, []);
}

async fn many_groups_of_many_issuers_are_found(backend: Backend) {
    let scene = Scene::new(backend);
    let named = |issuer: &str, number: i32| group(issuer, &format!("group {number}"));
    for (issuer, number) in [("a", 0), ("a", 1499), ("b", 3)] {
        scene.bind(Subject::Group(named(issuer, number)), Role::Reader, DEFAULT).await;
    }
    scene.bind(Subject::Group(named("c", 0)), Role::Reader, DEFAULT).await;
    let mut groups: Vec<Group> = (0..1500).map(|number| named("a", number)).collect();
    groups.extend((0..5).map(|number| named("b", number)));
    assert_eq!(scene.of(None, &groups, 1).await.len(), 3);
}

async fn lists_are_paged_and_narrowed(backend: Backend) {
    let scene = Scene::new(backend);
    let a = scene.workspace("a").await;
    let subjects = subjects(&scene).await;
    for subject in &subjects {
        for scope in [BindingScope::Registry, DEFAULT, of(&a)] {
            scene.bind(subject.clone(), Role::Reader, scope).await;
        }
    }
    let list = |filter: BindingFilter, after: Option<BindingId>, limit| {
        let store = scene.store.clone();
        async move { store.read(move |tx| bindings::list(tx, &filter, after, limit)).await.unwrap() }
    };
    let mut all = Vec::new();
    loop {
        let page = list(BindingFilter::default(), all.last().copied(), 5).await;
        all.extend(page.iter().map(|binding| binding.id));
        if page.len() < 5 {
            break;
        }
    }
    assert_eq!(all.len(), 12);
    assert!(all.is_sorted());
    for subject in &subjects {
        let filter = BindingFilter { subject: Some(subject.clone()), ..BindingFilter::default() };
        let found = list(filter, None, 100).await;
        assert!(found.len() == 3 && found.iter().all(|binding| binding.subject == *subject), "{found:?}");
    }
    for scope in [BindingScope::Registry, DEFAULT, of(&a)] {
        let found = list(BindingFilter { scope: Some(scope), ..BindingFilter::default() }, None, 100).await;
        assert!(found.len() == 4 && found.iter().all(|binding| binding.scope == scope), "{found:?}");
    }
}

async fn a_root_is_reached_by_what_is_wider(backend: Backend) {
    let scene = Scene::new(backend);
    let (a, model, other) = (scene.workspace("a").await, scene.model("m").await, scene.model("o").await);
    let registry = scene.bind(Subject::Everyone, Role::Viewer, BindingScope::Registry).await.id;
    let admin = scene.bind(Subject::Authenticated, Role::Admin, BindingScope::Registry).await.id;
    let workspace = scene.bind(Subject::Everyone, Role::Reader, DEFAULT).await.id;
    let root = scene.bind(Subject::Everyone, Role::Reader, BindingScope::Root(model)).await.id;
    scene.bind(Subject::Everyone, Role::Reader, BindingScope::Root(other)).await;
    scene.bind(Subject::Everyone, Role::Reader, of(&a)).await;
    scene.try_bind(Subject::Everyone, Role::Writer, DEFAULT, Some(5), 1).await.unwrap();
    let reaching = |is_restricted, after| {
        let place = (WorkspaceId::DEFAULT, model, is_restricted);
        let store = scene.store.clone();
        async move {
            let found = store.read(move |tx| bindings::reaching(tx, place, 5, after, 10)).await.unwrap();
            found.into_iter().map(|binding| binding.id).collect::<Vec<_>>()
        }
    };
    assert_eq!(reaching(false, None).await, [registry, admin, workspace, root]);
    assert_eq!(reaching(false, Some(admin)).await, [workspace, root]);
    assert_eq!(reaching(true, None).await, [admin, root]);
}

async fn bindings_go_with_their_root(backend: Backend) {
    let scene = Scene::new(backend);
    let model = scene.model("m").await;
    scene.bind(Subject::Everyone, Role::Reader, BindingScope::Root(model)).await;
    scene.store.write(move |tx| nodes::delete(tx, model)).await.unwrap();
    assert_eq!(scene.count("bindings"), 0);
}

async fn administrators_of_the_registry_are_known(backend: Backend) {
    let scene = Scene::new(backend);
    let any = |now| scene.store.read(move |tx| Ok((bindings::any_admin(tx, now)?, bindings::any_lasting_admin(tx)?)));
    let alice = scene.principal("alice").await.id;
    scene.bind(Subject::Principal(alice), Role::Maintainer, BindingScope::Registry).await;
    scene.bind(Subject::Principal(alice), Role::Admin, DEFAULT).await;
    assert_eq!(any(1).await.unwrap(), (false, false));
    scene.try_bind(Subject::Authenticated, Role::Admin, BindingScope::Registry, Some(10), 1).await.unwrap();
    assert_eq!(any(9).await.unwrap(), (true, false));
    assert_eq!(any(10).await.unwrap(), (false, false));
    let lasting = scene.bind(Subject::Principal(alice), Role::Admin, BindingScope::Registry).await.id;
    assert_eq!(any(10).await.unwrap(), (true, true));
    scene.store.write(move |tx| principals::set_disabled(tx, alice, Some(11))).await.unwrap();
    assert_eq!(any(12).await.unwrap(), (true, false));
    assert!(scene.store.write(move |tx| bindings::delete(tx, lasting)).await.unwrap());
    assert!(!scene.store.write(move |tx| bindings::delete(tx, lasting)).await.unwrap());
    scene.bind(Subject::Group(group("oidc", "admins")), Role::Admin, BindingScope::Registry).await;
    assert_eq!(any(12).await.unwrap(), (true, true));
}

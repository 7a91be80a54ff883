//! What somebody may do, and how soon a change of it is seen.

use std::time::Duration;

use modelport::domain::access::{Access, Permission, Permissions, Place, Role, WorkspaceId};
use modelport::domain::{Change, Draft, ErrorKind, LogicalType, NodeId};
use modelport::registry::RequestContext;
use modelport::registry::access::{NewBinding, ScopeRef, SubjectRef, WorkspaceChange};

use super::{Scene, group, kind, named, person, principal, slug, workspace};
use crate::support::{Backend, on_both};

on_both! {
    rights_are_the_sum_of_bindings,
    a_change_counts_at_once_here_and_within_a_second_elsewhere,
    a_binding_ends_when_it_says,
    owners_have_what_their_workspace_says,
    nothing_is_made_in_an_archived_workspace,
    restricted_roots_are_known,
    rights_are_looked_up_once,
    the_workspace_of_a_request_is_found,
    who_is_logged_out_stops_what_they_began,
}

async fn held(scene: &Scene, name: &str) -> Access {
    let who = scene.log_in(person(name)).await.unwrap();
    scene.request(&who).await.access().clone()
}

async fn rights_are_the_sum_of_bindings(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.team("team-a").await;
    let model = scene.model("m").await;
    assert_eq!(held(&scene, "alice").await.rights().in_registry(), Permissions::NONE);
    scene.grant("alice", Role::Reader, workspace("team-a")).await;
    scene.grant("alice", Role::Writer, ScopeRef::Root(model)).await;
    scene.bind(&scene.offline(), SubjectRef::Authenticated, Role::Viewer, workspace("default")).await.unwrap();
    scene.bind(&scene.offline(), SubjectRef::Group(group("g")), Role::Maintainer, workspace("team-a")).await.unwrap();
    let access = held(&scene, "alice").await;
    let team = WorkspaceId(2);
    assert_eq!(access.rights().in_workspace(team), Role::Reader.permissions());
    assert_eq!(access.rights().in_workspace(WorkspaceId::DEFAULT), Role::Viewer.permissions());
    let place = Place { workspace: WorkspaceId::DEFAULT, root: model };
    assert_eq!(access.rights().at(place), Role::Writer.permissions());
    let mut in_group = person("alice");
    in_group.groups = vec!["g".to_owned()];
    let who = scene.log_in(in_group).await.unwrap();
    let context = scene.request(&who).await;
    assert_eq!(context.access().rights().in_workspace(team), Role::Maintainer.permissions());
    let nobody = scene.try_request(&scene.registry, None).await.unwrap();
    assert_eq!(nobody.access().rights().in_workspace(WorkspaceId::DEFAULT), Permissions::NONE);
    scene.bind(&scene.offline(), SubjectRef::Everyone, Role::Reader, ScopeRef::Registry).await.unwrap();
    let nobody = scene.try_request(&scene.registry, None).await.unwrap();
    assert_eq!(nobody.access().rights().in_registry(), Role::Reader.permissions());
}

async fn a_change_counts_at_once_here_and_within_a_second_elsewhere(backend: Backend) {
    let scene = Scene::new(backend).await;
    let replica = scene.replica().await;
    let who = scene.log_in(person("alice")).await.unwrap();
    let seen = |context: RequestContext| context.access().rights().in_registry().has(Permission::See);
    let there = || async { seen(scene.try_request(&replica, Some(&who)).await.unwrap()) };
    let here = || async { seen(scene.request(&who).await) };
    assert!(!here().await && !there().await);
    let id = scene.grant("alice", Role::Reader, ScopeRef::Registry).await;
    assert!(here().await && !there().await);
    scene.pass(Duration::from_secs(1));
    assert!(there().await);
    scene.registry.accounts.delete_binding(&scene.offline(), id).await.unwrap();
    assert!(!here().await);
    scene.pass(Duration::from_secs(1));
    assert!(!there().await);
}

async fn a_binding_ends_when_it_says(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.log_in(person("alice")).await.unwrap();
    let new = NewBinding {
        subject: named("alice"),
        role: Role::Reader,
        scope: ScopeRef::Registry,
        expires_at: Some(scene.now() + 5000),
    };
    scene.registry.accounts.create_binding(&scene.offline(), new).await.unwrap();
    for (millis, is_held) in [(0, true), (4999, true), (1, false)] {
        scene.pass(Duration::from_millis(millis));
        let rights = held(&scene, "alice").await;
        assert_eq!(rights.rights().in_registry().has(Permission::Download), is_held, "{millis}");
    }
}

async fn owners_have_what_their_workspace_says(backend: Backend) {
    let scene = Scene::new(backend).await;
    let place = Place { workspace: WorkspaceId::DEFAULT, root: NodeId(7) };
    assert_eq!(held(&scene, "alice").await.rights().of_owner(place), Permissions::ALL);
    for (owner_role, held_then) in [
        (Change::Set(Role::Reader), Role::Reader.permissions()),
        (Change::Clear, Permissions::NONE),
        (Change::Set(Role::Admin), Permissions::ALL),
    ] {
        let change = WorkspaceChange { owner_role, ..WorkspaceChange::default() };
        scene.registry.accounts.change_workspace(&scene.offline(), &slug("default"), change).await.unwrap();
        assert_eq!(held(&scene, "alice").await.rights().of_owner(place), held_then);
    }
}

async fn nothing_is_made_in_an_archived_workspace(backend: Backend) {
    let scene = Scene::new(backend).await;
    let team = scene.team("team-a").await;
    scene.log_in(person("alice")).await.unwrap();
    scene.grant("alice", Role::Writer, workspace("team-a")).await;
    for (archived, held_then) in [(true, Role::Reader.permissions()), (false, Role::Writer.permissions())] {
        let change = WorkspaceChange { archived: Some(archived), ..WorkspaceChange::default() };
        scene.registry.accounts.change_workspace(&scene.offline(), &team, change).await.unwrap();
        assert_eq!(held(&scene, "alice").await.rights().in_workspace(WorkspaceId(2)), held_then);
    }
}

async fn restricted_roots_are_known(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    scene.log_in(person("alice")).await.unwrap();
    scene.database.execute(&format!("INSERT INTO restricted_roots (root_id) VALUES ({model})"));
    scene.grant("alice", Role::Maintainer, ScopeRef::Registry).await;
    let place = Place { workspace: WorkspaceId::DEFAULT, root: model };
    assert!(held(&scene, "alice").await.rights().at(place).is_empty());
    scene.grant("alice", Role::Viewer, ScopeRef::Root(model)).await;
    assert_eq!(held(&scene, "alice").await.rights().at(place), Role::Viewer.permissions());
}

async fn rights_are_looked_up_once(backend: Backend) {
    let scene = Scene::new(backend).await;
    let who = scene.log_in(person("alice")).await.unwrap();
    let context = scene.anybody();
    let rights = || scene.registry.accounts.rights_of(&context, Some(&who.principal), &who.groups, None, None);
    let first = rights().await.unwrap();
    assert!(std::sync::Arc::ptr_eq(&first, &rights().await.unwrap()));
    // Nobody told of it, so that it is found out when what is remembered is too old.
    scene.database.execute(&format!(
        "INSERT INTO bindings (subject_kind, principal_id, role, scope_kind, created_at)
         VALUES ('principal', {}, 'reader', 'registry', 1)",
        who.principal.id
    ));
    scene.pass(Duration::from_millis(29_999));
    assert!(std::sync::Arc::ptr_eq(&first, &rights().await.unwrap()));
    scene.pass(Duration::from_millis(1));
    assert_eq!(rights().await.unwrap().in_registry(), Role::Reader.permissions());
}

async fn the_workspace_of_a_request_is_found(backend: Backend) {
    let scene = Scene::new(backend).await;
    let accounts = &scene.registry.accounts;
    let context = scene.anybody();
    assert_eq!(accounts.find_workspace(&context, &slug("team-a")).await.unwrap(), None);
    scene.team("team-a").await;
    let found = accounts.find_workspace(&context, &slug("team-a")).await.unwrap().unwrap();
    let (who, _) = scene.person("alice").await;
    assert_eq!(who.workspace(), WorkspaceId::DEFAULT);
    let change =
        modelport::registry::access::PrincipalChange { workspace: Change::Set(slug("default")), ..Default::default() };
    let (_, own) = scene.person("alice").await;
    scene.bind(&scene.offline(), named("alice"), Role::Viewer, workspace("team-a")).await.unwrap();
    let hidden = accounts.change_principal(&own, &super::principal("alice"), change).await;
    assert_eq!(super::kind(hidden), modelport::domain::ErrorKind::NotFound);
    let own = scene.request(&scene.log_in(person("alice")).await.unwrap()).await;
    let change =
        modelport::registry::access::PrincipalChange { workspace: Change::Set(slug("team-a")), ..Default::default() };
    accounts.change_principal(&own, &super::principal("alice"), change).await.unwrap();
    let who = scene.log_in(person("alice")).await.unwrap();
    assert_eq!(who.workspace(), found.id);
    assert_eq!(scene.request(&who).await.access().workspace(), found.id);
}

async fn who_is_logged_out_stops_what_they_began(backend: Backend) {
    let scene = Scene::new(backend).await;
    let alice = scene.with_role("alice", Role::Contributor, workspace("default")).await;
    let make = |context: &RequestContext, name: &str| {
        let (registry, context, draft) = (scene.registry.clone(), context.clone(), Draft::named(name.parse().unwrap()));
        async move { registry.entities.create(&context, LogicalType::RegisteredModel, None, draft).await }
    };
    scene.pass(Duration::from_secs(2));
    let own = make(&alice, "before").await.unwrap().id;
    scene.registry.accounts.log_out_everywhere(&scene.offline(), &principal("alice")).await.unwrap();
    assert_eq!(kind(make(&alice, "after").await), ErrorKind::PermissionDenied);
    // What they own is no longer theirs to change either.
    let draft = Draft::named("1".parse().unwrap());
    let below = scene.registry.entities.create(&alice, LogicalType::ModelVersion, Some(own), draft).await;
    assert_eq!(kind(below), ErrorKind::NotFound);
    scene.pass(Duration::from_secs(2));
    let (_, again) = scene.person("alice").await;
    make(&again, "again").await.unwrap();
}

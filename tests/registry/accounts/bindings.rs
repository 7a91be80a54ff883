//! Who grants and takes back what.

use std::time::Duration;

use modelport::domain::access::{BindingId, Group, Permissions, Role};
use modelport::domain::{ErrorKind, NodeId};
use modelport::registry::RegistryOptions;
use modelport::registry::access::{BindingsWanted, NewBinding, PrincipalChange, ScopeRef, SubjectRef};

use super::{Scene, group, kind, kind_and_field, named, page, person, principal, workspace};
use crate::support::{Backend, on_both};

on_both! {
    managers_grant_where_they_manage,
    managers_take_back_where_they_manage,
    nobody_grants_more_than_they_hold,
    what_is_hidden_is_not_found,
    the_owner_of_a_model_grants_it,
    the_same_binding_is_named,
    two_at_once_bind_once,
    what_makes_no_sense_is_refused,
    the_last_administrator_stays,
    two_at_once_do_not_take_the_last_two_administrators,
    administrators_named_by_the_settings_are_enough,
    bindings_are_listed_by_those_who_may,
    lists_are_paged,
}

async fn managers_grant_where_they_manage(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.team("team-a").await;
    scene.team("team-b").await;
    let model = scene.model("m").await;
    scene.person("bob").await;
    let manager = scene.with_role("alice", Role::Admin, workspace("team-a")).await;
    scene.bind(&manager, named("bob"), Role::Writer, workspace("team-a")).await.unwrap();
    for scope in [ScopeRef::Registry, workspace("team-b"), ScopeRef::Root(model)] {
        let refused = kind(scene.bind(&manager, named("bob"), Role::Viewer, scope.clone()).await);
        let expected = if scope == ScopeRef::Registry { ErrorKind::PermissionDenied } else { ErrorKind::NotFound };
        assert_eq!(refused, expected, "{scope:?}");
    }
    let maintainer = scene.with_role("carol", Role::Maintainer, workspace("team-b")).await;
    let refused = scene.bind(&maintainer, named("bob"), Role::Viewer, workspace("team-b")).await;
    assert_eq!(kind(refused), ErrorKind::PermissionDenied);
}

async fn managers_take_back_where_they_manage(backend: Backend) {
    let scene = Scene::new(backend).await;
    let accounts = &scene.registry.accounts;
    let maintainer = scene.with_role("bob", Role::Maintainer, workspace("default")).await;
    let manager = scene.with_role("ann", Role::Admin, workspace("default")).await;
    scene.person("carol").await;
    let binding = scene.grant("carol", Role::Viewer, workspace("default")).await;
    assert_eq!(kind(accounts.delete_binding(&maintainer, binding).await), ErrorKind::PermissionDenied);
    accounts.get_binding(&manager, binding).await.unwrap();
    accounts.delete_binding(&manager, binding).await.unwrap();
    assert_eq!(kind(accounts.get_binding(&manager, binding).await), ErrorKind::NotFound);
}

async fn nobody_grants_more_than_they_hold(backend: Backend) {
    let scene = Scene::new(backend).await;
    let admin = scene.with_role("alice", Role::Admin, ScopeRef::Registry).await;
    scene.person("bob").await;
    let narrow: Permissions =
        Role::Reader.permissions() | Permissions::of(&[modelport::domain::access::Permission::Manage]);
    let (_, by_token) = scene.with_token(&admin, narrow).await;
    let bind = |role| scene.bind(&by_token, named("bob"), role, ScopeRef::Registry);
    bind(Role::Reader).await.unwrap();
    for role in [Role::Contributor, Role::Writer, Role::Maintainer, Role::Admin, Role::Auditor] {
        assert_eq!(kind(bind(role).await), ErrorKind::PermissionDenied, "{role}");
    }
    let (_, by_token) = scene.with_token(&admin, Role::Maintainer.permissions()).await;
    let refused = scene.bind(&by_token, named("bob"), Role::Viewer, workspace("default")).await;
    assert_eq!(kind(refused), ErrorKind::PermissionDenied, "without `manage`");
}

async fn what_is_hidden_is_not_found(backend: Backend) {
    let scene = Scene::new(backend).await;
    let manager = scene.with_role("alice", Role::Admin, workspace("default")).await;
    let id = scene.grant("alice", Role::Viewer, ScopeRef::Registry).await;
    scene.team("team-a").await;
    let (_, nobody) = scene.person("bob").await;
    for (subject, scope) in [
        (named("nobody"), workspace("default")),
        (named("99"), workspace("default")),
        (named("bob"), workspace("team-z")),
        (named("bob"), ScopeRef::Root(NodeId(99))),
    ] {
        assert_eq!(kind(scene.bind(&manager, subject, Role::Viewer, scope).await), ErrorKind::NotFound);
    }
    for (context, id) in [(&nobody, id), (&manager, BindingId(99))] {
        assert_eq!(kind(scene.registry.accounts.get_binding(context, id).await), ErrorKind::NotFound);
        assert_eq!(kind(scene.registry.accounts.delete_binding(context, id).await), ErrorKind::NotFound);
    }
    assert_eq!(kind(scene.bind(&nobody, named("bob"), Role::Viewer, workspace("default")).await), ErrorKind::NotFound);
}

async fn the_owner_of_a_model_grants_it(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let (alice, context) = scene.person("alice").await;
    let (_, bob) = scene.person("bob").await;
    scene.database.execute(&format!("UPDATE nodes SET owner_id = {} WHERE id = {model}", alice.principal.id));
    let root = ScopeRef::Root(model);
    let id = scene.bind(&context, named("bob"), Role::Admin, root.clone()).await.unwrap();
    let refused = scene.bind(&bob, named("alice"), Role::Viewer, root.clone()).await;
    assert_eq!(kind(refused), ErrorKind::NotFound, "what was granted counts from the next request on");
    let bob = scene.request(&scene.log_in(person("bob")).await.unwrap()).await;
    scene.bind(&bob, named("alice"), Role::Viewer, root).await.unwrap();
    scene.registry.accounts.delete_binding(&context, id).await.unwrap();
    let version = modelport::domain::Draft::named("1".parse().unwrap());
    let logical = modelport::domain::LogicalType::ModelVersion;
    let version = scene.registry.entities.create(&scene.offline(), logical, Some(model), version).await.unwrap().id;
    let refused = scene.bind(&scene.offline(), named("bob"), Role::Viewer, ScopeRef::Root(version)).await;
    assert_eq!(kind(refused), ErrorKind::NotFound, "a version is no root");
}

async fn the_same_binding_is_named(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.person("alice").await;
    let id = scene.grant("alice", Role::Reader, workspace("default")).await;
    let again = scene.bind(&scene.offline(), named("alice"), Role::Reader, workspace("default")).await.unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AlreadyExists);
    assert!(again.message().contains(&format!("`{id}`")), "{again}");
}

async fn two_at_once_bind_once(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.person("alice").await;
    let offline = scene.offline();
    let bind = || scene.bind(&offline, named("alice"), Role::Reader, workspace("default"));
    let bound = futures_util::future::join_all((0..6).map(|_| bind())).await;
    let (made, refused): (Vec<_>, Vec<_>) = bound.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    assert!(refused.into_iter().all(|refused| kind(refused) == ErrorKind::AlreadyExists));
}

async fn what_makes_no_sense_is_refused(backend: Backend) {
    let scene = Scene::new(backend).await;
    let of_group =
        |issuer: &str, name: &str| SubjectRef::Group(Group { issuer: issuer.to_owned(), name: name.to_owned() });
    for (subject, role, field) in [
        (of_group("", "g"), Role::Reader, "group.issuer"),
        (of_group("oidc", ""), Role::Reader, "group.name"),
        (of_group("oidc", "a\0"), Role::Reader, "group.name"),
        (of_group("oidc", &"x".repeat(513)), Role::Reader, "group.name"),
        (SubjectRef::Everyone, Role::Admin, "role"),
        (SubjectRef::Everyone, Role::Auditor, "role"),
    ] {
        let refused = scene.bind(&scene.offline(), subject, role, ScopeRef::Registry).await;
        assert_eq!(kind_and_field(refused), (ErrorKind::InvalidArgument, Some(field.to_owned())));
    }
    for expires_at in [i64::MIN, 0, scene.now()] {
        let new = NewBinding {
            subject: SubjectRef::Everyone,
            role: Role::Reader,
            scope: ScopeRef::Registry,
            expires_at: Some(expires_at),
        };
        let refused = scene.registry.accounts.create_binding(&scene.offline(), new).await;
        assert_eq!(kind_and_field(refused), (ErrorKind::InvalidArgument, Some("expiresAt".to_owned())));
    }
    let widest = of_group("oidc", &"ß🦀".repeat(256));
    scene.bind(&scene.offline(), widest, Role::Reader, ScopeRef::Registry).await.unwrap();
}

impl Scene {
    async fn bind_until(&self, handle: &str, until: Option<i64>) -> modelport::domain::Result<BindingId> {
        let (subject, scope) = (named(handle), ScopeRef::Registry);
        let new = NewBinding { subject, role: Role::Admin, scope, expires_at: until };
        Ok(self.registry.accounts.create_binding(&self.offline(), new).await?.binding.id)
    }
}

async fn the_last_administrator_stays(backend: Backend) {
    let scene = Scene::new(backend).await;
    let accounts = &scene.registry.accounts;
    let offline = scene.offline();
    for name in ["alice", "bob"] {
        scene.person(name).await;
    }
    let soon = Some(scene.now() + 60_000);
    assert_eq!(kind(scene.bind_until("alice", soon).await), ErrorKind::InvalidState);
    let alice = scene.bind_until("alice", None).await.unwrap();
    scene.bind_until("bob", soon).await.unwrap();
    let disable = |handle| {
        let change = PrincipalChange { disabled: Some(true), ..PrincipalChange::default() };
        let handle = principal(handle);
        let (accounts, offline) = (accounts.clone(), offline.clone());
        async move { accounts.change_principal(&offline, &handle, change).await }
    };
    assert_eq!(kind(accounts.delete_binding(&offline, alice).await), ErrorKind::InvalidState);
    assert_eq!(kind(disable("alice").await), ErrorKind::InvalidState);
    assert_eq!(kind(accounts.forget_principal(&offline, &principal("alice")).await), ErrorKind::InvalidState);
    assert_eq!(
        scene.lines("SELECT handle AS line FROM principals WHERE disabled_at IS NULL ORDER BY id"),
        ["alice", "bob"]
    );
    disable("bob").await.unwrap();
    scene.pass(Duration::from_secs(60));
    scene.bind(&offline, SubjectRef::Group(group("admins")), Role::Admin, ScopeRef::Registry).await.unwrap();
    accounts.delete_binding(&offline, alice).await.unwrap();
}

async fn two_at_once_do_not_take_the_last_two_administrators(backend: Backend) {
    let scene = Scene::new(backend).await;
    let mut ids = Vec::new();
    for name in ["alice", "bob"] {
        scene.person(name).await;
        ids.push(scene.bind_until(name, None).await.unwrap());
    }
    let offline = scene.offline();
    let delete = |id| scene.registry.accounts.delete_binding(&offline, id);
    let (one, other) = tokio::join!(delete(ids[0]), delete(ids[1]));
    let refused: Vec<_> = [one, other].into_iter().filter_map(|done| done.err().map(|error| error.kind())).collect();
    assert_eq!(refused, [ErrorKind::InvalidState]);
}

async fn administrators_named_by_the_settings_are_enough(backend: Backend) {
    let choose = |options| RegistryOptions { admins: vec!["oidc:root".parse().unwrap()], ..options };
    let scene = Scene::with(backend, choose).await;
    scene.person("alice").await;
    let id = scene.bind_until("alice", Some(scene.now() + 5)).await.unwrap();
    scene.registry.accounts.delete_binding(&scene.offline(), id).await.unwrap();
}

async fn bindings_are_listed_by_those_who_may(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.team("team-a").await;
    let admin = scene.with_role("root", Role::Admin, ScopeRef::Registry).await;
    let auditor = scene.with_role("audra", Role::Auditor, ScopeRef::Registry).await;
    let manager = scene.with_role("alice", Role::Admin, workspace("team-a")).await;
    let reader = scene.with_role("bob", Role::Reader, workspace("team-a")).await;
    let list = |context: &modelport::registry::RequestContext, subject: Option<&str>, scope: Option<ScopeRef>| {
        let wanted = BindingsWanted { subject: subject.map(named), scope };
        let (accounts, context) = (scene.registry.accounts.clone(), context.clone());
        async move {
            let found = accounts.list_bindings(&context, wanted, page(100, None)).await?;
            let line = |view: modelport::registry::access::BindingView| {
                let workspace = view.workspace.map(|slug| format!(" {slug}")).unwrap_or_default();
                format!("{} {}{workspace}", view.handle.unwrap_or_default(), view.binding.role)
            };
            Ok(found.items.into_iter().map(line).collect::<Vec<_>>())
        }
    };
    for context in [&admin, &auditor] {
        let all = list(context, None, None).await.unwrap();
        assert_eq!(all, ["root admin", "audra auditor", "alice admin team-a", "bob reader team-a"]);
        assert_eq!(list(context, Some("bob"), None).await.unwrap(), ["bob reader team-a"]);
    }
    assert_eq!(list(&manager, None, Some(workspace("team-a"))).await.unwrap().len(), 2);
    assert_eq!(kind(list(&manager, None, None).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(list(&manager, Some("bob"), None).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(list(&manager, None, Some(workspace("default"))).await), ErrorKind::NotFound);
    assert_eq!(list(&reader, Some("bob"), None).await.unwrap(), ["bob reader team-a"]);
    assert_eq!(kind(list(&reader, Some("alice"), None).await), ErrorKind::NotFound);
    assert_eq!(kind(list(&reader, None, Some(workspace("team-a"))).await), ErrorKind::PermissionDenied);
}

async fn lists_are_paged(backend: Backend) {
    let scene = Scene::new(backend).await;
    for number in 0..5 {
        let subject = SubjectRef::Group(group(&number.to_string()));
        scene.bind(&scene.offline(), subject, Role::Reader, ScopeRef::Registry).await.unwrap();
    }
    let (mut all, mut token) = (Vec::new(), None);
    loop {
        let wanted = BindingsWanted::default();
        let found = scene.registry.accounts.list_bindings(&scene.offline(), wanted, page(2, token)).await.unwrap();
        all.extend(found.items.into_iter().map(|view| view.binding.id));
        token = found.next;
        if token.is_none() {
            break;
        }
        let other = BindingsWanted { scope: Some(ScopeRef::Registry), subject: None };
        let refused = scene.registry.accounts.list_bindings(&scene.offline(), other, page(2, token.clone())).await;
        assert_eq!(kind_and_field(refused), (ErrorKind::InvalidArgument, Some("nextPageToken".to_owned())));
    }
    assert!(all.len() == 5 && all.is_sorted());
}

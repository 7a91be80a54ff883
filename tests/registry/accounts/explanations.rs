//! Why somebody may do something, and who sees a model.

use modelport::domain::access::{Permission, Permissions, Role};
use modelport::domain::{Change, ErrorKind};
use modelport::registry::access::{Explanation, Reason, ScopeRef, SubjectRef, WorkspaceChange};
use modelport::registry::{RegistryOptions, RequestContext};

use super::{Scene, group, kind, named, page, person, principal, slug, workspace};
use crate::support::{Backend, on_both};

on_both! {
    each_permission_says_what_gives_it,
    others_are_explained_to_managers_and_auditors,
    who_sees_a_model_is_told_to_those_who_may_know,
    no_more_is_explained_than_holds,
    the_caller_is_told_who_they_are,
}

/// `permission: reason, reason`, line by line.
fn lines(explanation: &Explanation) -> Vec<String> {
    let reason = |reason: &Reason| match reason {
        Reason::Binding(view) => format!("binding {}", view.binding.id),
        Reason::Owner => "owner".to_owned(),
        Reason::Settings => "settings".to_owned(),
    };
    let line = |each: &modelport::registry::access::Reasons| {
        format!("{}: {}", each.permission, each.reasons.iter().map(reason).collect::<Vec<_>>().join(", "))
    };
    explanation.permissions.iter().map(line).collect()
}

async fn each_permission_says_what_gives_it(backend: Backend) {
    let choose = |options| RegistryOptions { admins: vec!["oidc:subject of root".parse().unwrap()], ..options };
    let scene = Scene::with(backend, choose).await;
    let model = scene.model("m").await;
    let (alice, _) = scene.person("alice").await;
    let everyone = scene.bind(&scene.offline(), SubjectRef::Everyone, Role::Viewer, ScopeRef::Registry).await.unwrap();
    let own = scene.grant("alice", Role::Reader, workspace("default")).await;
    let of_group =
        scene.bind(&scene.offline(), SubjectRef::Group(group("g")), Role::Reader, ScopeRef::Root(model)).await.unwrap();
    let mut in_group = person("alice");
    in_group.groups = vec!["g".to_owned(), "other".to_owned()];
    let context = scene.request(&scene.log_in(in_group).await.unwrap()).await;
    let explain = |scope| scene.registry.accounts.explain(&context, None, Vec::new(), scope);
    let root = || ScopeRef::Root(model);
    let explained = explain(root()).await.unwrap();
    assert_eq!(explained.groups, [group("g")]);
    assert_eq!(
        lines(&explained),
        [
            format!("see: binding {own}, binding {of_group}, binding {everyone}"),
            format!("download: binding {own}, binding {of_group}")
        ]
    );
    assert_eq!(lines(&explain(ScopeRef::Registry).await.unwrap()), [format!("see: binding {everyone}")]);
    scene.database.execute(&format!("INSERT INTO restricted_roots (root_id) VALUES ({model})"));
    let explained = explain(root()).await.unwrap();
    assert!(explained.is_restricted);
    assert_eq!(lines(&explained), [format!("see: binding {of_group}"), format!("download: binding {of_group}")]);
    scene.database.execute(&format!("UPDATE nodes SET owner_id = {} WHERE id = {model}", alice.principal.id));
    let explained = explain(root()).await.unwrap();
    assert_eq!(lines(&explained)[0], format!("see: binding {of_group}, owner"));
    assert_eq!(explained.permissions.len(), Permission::ALL.len());
    let (_, root_admin) = scene.person("root").await;
    let own = scene.registry.accounts.explain(&root_admin, None, Vec::new(), ScopeRef::Registry).await.unwrap();
    assert!(lines(&own)[0].contains("settings"), "{own:?}");
}

async fn others_are_explained_to_managers_and_auditors(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let manager = scene.with_role("alice", Role::Admin, workspace("default")).await;
    let auditor = scene.with_role("audra", Role::Auditor, ScopeRef::Registry).await;
    let reader = scene.with_role("bob", Role::Reader, workspace("default")).await;
    let id =
        scene.bind(&scene.offline(), SubjectRef::Group(group("g")), Role::Writer, workspace("default")).await.unwrap();
    let explain = |context: &RequestContext, handle: &str, groups, scope| {
        let (accounts, context, who) = (scene.registry.accounts.clone(), context.clone(), principal(handle));
        async move { accounts.explain(&context, Some(who), groups, scope).await }
    };
    for context in [&manager, &auditor] {
        let explained = explain(context, "bob", vec![group("g")], ScopeRef::Root(model)).await.unwrap();
        assert!(lines(&explained).contains(&format!("write: binding {id}")), "{explained:?}");
    }
    let own = explain(&reader, "bob", Vec::new(), ScopeRef::Root(model)).await.unwrap();
    assert_eq!(own.permissions.len(), 2);
    let guessing = explain(&reader, "bob", vec![group("g")], ScopeRef::Root(model)).await;
    assert_eq!(kind(guessing), ErrorKind::PermissionDenied, "what a group has is not everybody's to know");
    assert_eq!(kind(explain(&reader, "alice", Vec::new(), ScopeRef::Root(model)).await), ErrorKind::NotFound);
    assert_eq!(kind(explain(&manager, "bob", Vec::new(), ScopeRef::Registry).await), ErrorKind::PermissionDenied);
    let hidden = explain(&manager, "bob", Vec::new(), ScopeRef::Root(modelport::domain::NodeId(99))).await;
    assert_eq!(kind(hidden), ErrorKind::NotFound);
}

async fn who_sees_a_model_is_told_to_those_who_may_know(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let manager = scene.with_role("alice", Role::Admin, workspace("default")).await;
    let reader = scene.with_role("bob", Role::Reader, ScopeRef::Root(model)).await;
    let (_, nobody) = scene.person("carol").await;
    let who = |context: &RequestContext, size, token| {
        let (accounts, context) = (scene.registry.accounts.clone(), context.clone());
        async move { accounts.who_sees(&context, model, page(size, token)).await }
    };
    let first = who(&manager, 1, None).await.unwrap();
    let second = who(&manager, 1, first.bindings.next.clone()).await.unwrap();
    let handles: Vec<_> =
        first.bindings.items.iter().chain(&second.bindings.items).map(|view| view.handle.clone().unwrap()).collect();
    assert_eq!((handles, second.bindings.next.is_none()), (vec!["alice".to_owned(), "bob".to_owned()], true));
    assert_eq!((first.owner, first.is_restricted), (None, false));
    assert_eq!(kind(who(&reader, 9, None).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(who(&nobody, 9, None).await), ErrorKind::NotFound);
    let carol = nobody.access().principal().unwrap();
    scene.database.execute(&format!("UPDATE nodes SET owner_id = {carol} WHERE id = {model}"));
    assert_eq!(who(&nobody, 9, None).await.unwrap().owner.unwrap().handle, "carol");
}

async fn no_more_is_explained_than_holds(backend: Backend) {
    let scene = Scene::new(backend).await;
    let accounts = &scene.registry.accounts;
    let model = scene.model("m").await;
    let (_, carol) = scene.person("carol").await;
    let of_model = |who: &RequestContext| {
        let (accounts, who) = (accounts.clone(), who.clone());
        async move { accounts.explain(&who, None, Vec::new(), ScopeRef::Root(model)).await }
    };
    assert_eq!(kind(of_model(&carol).await), ErrorKind::NotFound);
    let id = carol.access().principal().unwrap();
    scene.database.execute(&format!("UPDATE nodes SET owner_id = {id} WHERE id = {model}"));
    assert_eq!(lines(&of_model(&carol).await.unwrap()).len(), Permission::ALL.len());
    let manager = scene.with_role("alice", Role::Admin, workspace("default")).await;
    let owner = async || accounts.who_sees(&manager, model, page(9, None)).await.unwrap().owner;
    assert_eq!(owner().await.unwrap().handle, "carol");
    let change = |owner_role| WorkspaceChange { owner_role, ..WorkspaceChange::default() };
    accounts.change_workspace(&manager, &slug("default"), change(Change::Clear)).await.unwrap();
    assert_eq!(owner().await, None, "owners have nothing here");

    let team = scene.team("team-a").await;
    let writer = scene.with_role("bob", Role::Writer, workspace("team-a")).await;
    let archive = WorkspaceChange { archived: Some(true), ..WorkspaceChange::default() };
    accounts.change_workspace(&scene.offline(), &team, archive).await.unwrap();
    let explained = accounts.explain(&writer, None, Vec::new(), workspace("team-a")).await.unwrap();
    let held: Vec<Permission> = explained.permissions.iter().map(|each| each.permission).collect();
    assert_eq!((held, explained.is_archived), (vec![Permission::See, Permission::Download], true));
}

async fn the_caller_is_told_who_they_are(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.team("team-a").await;
    scene.person("alice").await;
    scene.bind(&scene.offline(), named("alice"), Role::Writer, workspace("team-a")).await.unwrap();
    let (_, context) = scene.person("alice").await;
    let (made, by_token) = scene.with_token(&context, Role::Reader.permissions()).await;
    let own = scene.registry.accounts.whoami(&by_token).await.unwrap();
    assert_eq!(own.principal.unwrap().handle, "alice");
    assert_eq!(own.token.unwrap().id, made.token.id);
    assert_eq!(own.registry, Permissions::NONE);
    assert_eq!(own.workspaces, [(slug("team-a"), Role::Reader.permissions())]);
    assert_eq!(own.workspace, Some(slug("default")));
    let nobody = scene.try_request(&scene.registry, None).await.unwrap();
    let own = scene.registry.accounts.whoami(&nobody).await.unwrap();
    assert_eq!((own.principal, own.token, own.workspaces), (None, None, Vec::new()));
}

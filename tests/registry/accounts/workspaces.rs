//! Workspaces.

use std::time::Duration;

use modelport::domain::access::{Permission, Permissions, Role, Workspace};
use modelport::domain::{Change, ErrorKind};
use modelport::registry::RequestContext;
use modelport::registry::access::{NewServiceAccount, NewToken, NewWorkspace, ScopeRef, WorkspaceChange};

use super::{Scene, kind, kind_and_field, page, slug, token, workspace};
use crate::support::{Backend, on_both};

on_both! {
    administrators_make_workspaces,
    a_list_has_what_the_caller_sees,
    a_token_shows_what_its_owner_sees_by_it,
    managers_change_their_workspace,
    an_archived_and_empty_workspace_is_removed,
}

fn new(slug_text: &str) -> NewWorkspace {
    NewWorkspace { slug: slug(slug_text), title: None, owner_role: Change::Keep }
}

async fn administrators_make_workspaces(backend: Backend) {
    let scene = Scene::new(backend).await;
    let admin = scene.with_role("root", Role::Admin, ScopeRef::Registry).await;
    let manager = scene.with_role("alice", Role::Admin, workspace("default")).await;
    let accounts = &scene.registry.accounts;
    let made = accounts.create_workspace(&admin, new("team-a")).await.unwrap();
    assert_eq!((made.owner_role, made.title.as_deref()), (Some(Role::Admin), None));
    let titled = NewWorkspace { title: Some("Team ß 🦀".to_owned()), owner_role: Change::Clear, ..new("team-b") };
    let made = accounts.create_workspace(&admin, titled).await.unwrap();
    assert_eq!((made.owner_role, made.title.as_deref()), (None, Some("Team ß 🦀")));
    let taken = accounts.create_workspace(&admin, new("team-a")).await;
    assert_eq!(kind_and_field(taken), (ErrorKind::NameTaken, Some("slug".to_owned())));
    assert_eq!(kind(accounts.create_workspace(&manager, new("team-c")).await), ErrorKind::PermissionDenied);
    for title in ["a\0".to_owned(), "x".repeat(257)] {
        let refused = accounts.create_workspace(&admin, NewWorkspace { title: Some(title), ..new("team-c") }).await;
        assert_eq!(kind_and_field(refused), (ErrorKind::InvalidArgument, Some("title".to_owned())));
    }
    let at_once =
        futures_util::future::join_all((0..6).map(|_| accounts.create_workspace(&admin, new("team-d")))).await;
    assert_eq!(at_once.iter().filter(|made| made.is_ok()).count(), 1);
}

async fn a_list_has_what_the_caller_sees(backend: Backend) {
    let scene = Scene::new(backend).await;
    for name in ["team-a", "team-b"] {
        scene.team(name).await;
    }
    let model = scene.model("m").await;
    let admin = scene.with_role("root", Role::Admin, ScopeRef::Registry).await;
    let member = scene.with_role("alice", Role::Viewer, workspace("team-b")).await;
    let guest = scene.with_role("bob", Role::Viewer, ScopeRef::Root(model)).await;
    let (_, nobody) = scene.person("carol").await;
    let list = |context: &RequestContext| {
        let (accounts, context) = (scene.registry.accounts.clone(), context.clone());
        async move {
            let found = accounts.list_workspaces(&context, page(100, None)).await.unwrap();
            found.items.into_iter().map(|found| found.slug.to_string()).collect::<Vec<_>>()
        }
    };
    let get = |context: &RequestContext, text: &str| {
        let (accounts, context, slug) = (scene.registry.accounts.clone(), context.clone(), slug(text));
        async move { accounts.get_workspace(&context, &slug).await.map(|found: Workspace| found.id) }
    };
    assert_eq!(list(&admin).await, ["default", "team-a", "team-b"]);
    assert_eq!(list(&member).await, ["team-b"]);
    assert_eq!(list(&guest).await, ["default"]);
    assert!(list(&nobody).await.is_empty());
    get(&member, "team-b").await.unwrap();
    get(&guest, "default").await.unwrap();
    for (context, hidden) in [(&member, "team-a"), (&guest, "team-b"), (&nobody, "default"), (&admin, "team-z")] {
        assert_eq!(kind(get(context, hidden).await), ErrorKind::NotFound, "{hidden}");
    }
    let first = scene.registry.accounts.list_workspaces(&admin, page(2, None)).await.unwrap();
    let second = scene.registry.accounts.list_workspaces(&admin, page(2, first.next)).await.unwrap();
    assert_eq!((first.items.len(), second.items.len(), second.next), (2, 1, None));
}

async fn a_token_shows_what_its_owner_sees_by_it(backend: Backend) {
    let scene = Scene::new(backend).await;
    let accounts = &scene.registry.accounts;
    let team = scene.team("team-a").await;
    let model = scene.model("m").await;
    let guest = scene.with_role("bob", Role::Viewer, ScopeRef::Root(model)).await;
    let who = scene.log_in(super::person("alice")).await.unwrap();
    let binding = scene.grant("alice", Role::Viewer, workspace("team-a")).await;
    let alice = scene.request(&who).await;
    let list = async |context: &RequestContext| {
        let found = accounts.list_workspaces(context, page(9, None)).await.unwrap();
        found.items.into_iter().map(|found| found.slug.to_string()).collect::<Vec<_>>()
    };
    for (owner, sees) in [(&guest, "default"), (&alice, "team-a")] {
        let (_, by_token) = scene.with_token(owner, Permissions::of(&[Permission::See])).await;
        assert_eq!(list(&by_token).await, [sees]);
        let (_, by_token) = scene.with_token(owner, Permissions::of(&[Permission::Write])).await;
        assert_eq!(list(&by_token).await, [""; 0]);
    }
    let there = NewToken { workspaces: Some(vec![team.clone()]), ..token("there", Permissions::ALL) };
    let made = accounts.create_token(&alice, there).await.unwrap();
    let by_token = async || scene.request(&scene.present(&made).await.unwrap()).await;
    assert_eq!(list(&by_token().await).await, ["team-a"]);
    accounts.delete_binding(&scene.offline(), binding).await.unwrap();
    assert_eq!(list(&by_token().await).await, [""; 0]);
    assert_eq!(kind(accounts.delete_workspace(&guest, &team).await), ErrorKind::NotFound);
}

async fn managers_change_their_workspace(backend: Backend) {
    let scene = Scene::new(backend).await;
    for name in ["team-a", "team-b"] {
        scene.team(name).await;
    }
    let manager = scene.with_role("alice", Role::Admin, workspace("team-a")).await;
    let writer = scene.with_role("bob", Role::Maintainer, workspace("team-a")).await;
    let change = |context: &RequestContext, text: &str, change: WorkspaceChange| {
        let (accounts, context, slug) = (scene.registry.accounts.clone(), context.clone(), slug(text));
        async move { accounts.change_workspace(&context, &slug, change).await }
    };
    let renamed = WorkspaceChange { title: Change::Set("A".to_owned()), ..WorkspaceChange::default() };
    assert_eq!(change(&manager, "team-a", renamed.clone()).await.unwrap().title.as_deref(), Some("A"));
    assert_eq!(kind(change(&writer, "team-a", renamed.clone()).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(change(&manager, "team-b", renamed).await), ErrorKind::NotFound);
    let archive = |archived| WorkspaceChange { archived: Some(archived), ..WorkspaceChange::default() };
    let since = change(&manager, "team-a", archive(true)).await.unwrap().archived_at;
    assert_eq!(since, Some(scene.now()));
    scene.pass(Duration::from_secs(5));
    assert_eq!(
        change(&manager, "team-a", archive(true)).await.unwrap().archived_at,
        since,
        "it is archived since then"
    );
    assert_eq!(change(&manager, "team-a", archive(false)).await.unwrap().archived_at, None);
    assert_eq!(kind(change(&scene.offline(), "default", archive(true)).await), ErrorKind::InvalidState);
}

async fn an_archived_and_empty_workspace_is_removed(backend: Backend) {
    let scene = Scene::new(backend).await;
    let accounts = &scene.registry.accounts;
    let team = scene.team("team-a").await;
    let manager = scene.with_role("alice", Role::Admin, workspace("team-a")).await;
    let offline = scene.offline();
    assert_eq!(kind(accounts.delete_workspace(&manager, &team).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(accounts.delete_workspace(&offline, &slug("default")).await), ErrorKind::InvalidState);
    assert_eq!(kind(accounts.delete_workspace(&offline, &team).await), ErrorKind::InvalidState);
    let account =
        NewServiceAccount { handle: "ci".parse().unwrap(), display_name: None, workspace: Some(team.clone()) };
    accounts.create_service_account(&offline, account).await.unwrap();
    let archive = WorkspaceChange { archived: Some(true), ..WorkspaceChange::default() };
    accounts.change_workspace(&offline, &team, archive).await.unwrap();
    scene.pass(Duration::from_millis(59_999));
    assert_eq!(kind(accounts.delete_workspace(&offline, &team).await), ErrorKind::InvalidState);
    scene.pass(Duration::from_millis(1));
    let refused = accounts.delete_workspace(&offline, &team).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::HasDependents);
    assert!(refused.message().contains("service accounts"), "{refused}");
    accounts.forget_principal(&offline, &"ci".parse().unwrap()).await.unwrap();
    accounts.delete_workspace(&offline, &team).await.unwrap();
    assert_eq!(kind(accounts.delete_workspace(&offline, &team).await), ErrorKind::NotFound);
    // The next of that name is another one.
    scene.team("team-a").await;
    let who = scene.log_in(super::person("alice")).await.unwrap();
    let context = scene.request(&who).await;
    assert_eq!(kind(accounts.get_workspace(&context, &team).await), ErrorKind::NotFound);
}

//! Tokens: made, rotated, listed and revoked.

use std::time::Duration;

use modelport::domain::access::{Permission, Permissions, Role, TokenId, WorkspaceId};
use modelport::domain::{ErrorKind, NodeId};
use modelport::registry::RequestContext;
use modelport::registry::access::{NewServiceAccount, NewToken, Rotation, ScopeRef};

use super::{Scene, kind, kind_and_field, named, page, principal, slug, token, workspace};
use crate::support::{Backend, on_both};

on_both! {
    a_token_lasts_ninety_days_unless_it_says,
    what_makes_no_token_is_refused,
    nobody_has_no_tokens,
    a_token_makes_none_that_opens_more,
    a_token_makes_none_of_its_owner_that_lasts_longer,
    managers_make_tokens_for_their_service_accounts,
    nobody_gets_more_by_a_token_of_a_service_account,
    a_narrowed_token_renews_none_that_opens_more,
    a_token_for_one_workspace_works_there,
    a_new_secret_opens_the_same,
    tokens_are_listed_without_their_secrets,
    tokens_are_revoked_by_their_owners_and_managers,
    secrets_are_stored_nowhere,
}

const DAY: i64 = 24 * 60 * 60 * 1000;

async fn a_token_lasts_ninety_days_unless_it_says(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (_, context) = scene.person("alice").await;
    let make = |expires_at| {
        let new = NewToken { expires_at, ..token("t", Permissions::ALL) };
        scene.registry.accounts.create_token(&context, new)
    };
    assert_eq!(make(None).await.unwrap().token.expires_at, scene.now() + 90 * DAY);
    make(Some(scene.now() + 365 * DAY)).await.unwrap();
    for expires_at in [scene.now() + 365 * DAY + 1, i64::MAX, scene.now(), 0, i64::MIN] {
        let refused = make(Some(expires_at)).await;
        assert_eq!(kind_and_field(refused), (ErrorKind::InvalidArgument, Some("expiresAt".to_owned())), "{expires_at}");
    }
}

async fn what_makes_no_token_is_refused(backend: Backend) {
    let scene = Scene::new(backend).await;
    let context = scene.with_role("alice", Role::Reader, workspace("default")).await;
    let make = |new| scene.registry.accounts.create_token(&context, new);
    let fine = || token("ä 🦀", Permissions::ALL);
    make(fine()).await.unwrap();
    let many: Vec<NodeId> = (1..=101).map(NodeId).collect();
    for (new, field) in [
        (NewToken { name: String::new(), ..fine() }, "name"),
        (NewToken { name: "  ".to_owned(), ..fine() }, "name"),
        (NewToken { name: "a\0".to_owned(), ..fine() }, "name"),
        (NewToken { name: "x".repeat(257), ..fine() }, "name"),
        (NewToken { permissions: Permissions::NONE, ..fine() }, "permissions"),
        (NewToken { workspaces: Some(vec![]), ..fine() }, "workspaces"),
        (NewToken { roots: Some(many), ..fine() }, "roots"),
    ] {
        assert_eq!(kind_and_field(make(new).await), (ErrorKind::InvalidArgument, Some(field.to_owned())));
    }
    let hidden = [
        NewToken { workspaces: Some(vec![slug("default"), slug("team-z")]), ..fine() },
        NewToken { roots: Some(vec![NodeId(99)]), ..fine() },
        NewToken { owner: Some(principal("bob")), ..fine() },
    ];
    for new in hidden {
        assert_eq!(kind(make(new).await), ErrorKind::NotFound);
    }
}

async fn nobody_has_no_tokens(backend: Backend) {
    let scene = Scene::new(backend).await;
    let nobody = scene.try_request(&scene.registry, None).await.unwrap();
    let made = scene.registry.accounts.create_token(&nobody, token("t", Permissions::ALL)).await;
    assert_eq!(kind(made), ErrorKind::Unauthenticated);
    assert_eq!(
        kind(scene.registry.accounts.list_tokens(&nobody, None, page(9, None)).await),
        ErrorKind::Unauthenticated
    );
}

async fn a_token_makes_none_that_opens_more(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (model, other) = (scene.model("m").await, scene.model("o").await);
    scene.team("team-a").await;
    let context = scene.with_role("alice", Role::Admin, ScopeRef::Registry).await;
    let present = |new: NewToken| {
        let (scene, context) = (&scene, &context);
        async move {
            let made = scene.registry.accounts.create_token(context, new).await.unwrap();
            scene.request(&scene.present(&made).await.unwrap()).await
        }
    };
    let make = |context: &RequestContext, new: NewToken| {
        let (accounts, context) = (scene.registry.accounts.clone(), context.clone());
        async move { accounts.create_token(&context, new).await }
    };
    let reader = Role::Reader.permissions();
    let by = present(token("t", reader)).await;
    make(&by, token("t", Role::Viewer.permissions())).await.unwrap();
    assert_eq!(kind(make(&by, token("t", Permissions::ALL)).await), ErrorKind::PermissionDenied);

    let in_default = NewToken { workspaces: Some(vec![slug("default")]), ..token("t", reader) };
    let by = present(in_default.clone()).await;
    make(&by, in_default.clone()).await.unwrap();
    assert_eq!(kind(make(&by, token("t", reader)).await), ErrorKind::PermissionDenied);
    let elsewhere = NewToken { workspaces: Some(vec![slug("team-a")]), ..token("t", reader) };
    assert_eq!(kind(make(&by, elsewhere).await), ErrorKind::NotFound);

    let for_model = NewToken { roots: Some(vec![model]), ..token("t", reader) };
    let by = present(for_model.clone()).await;
    make(&by, for_model).await.unwrap();
    assert_eq!(kind(make(&by, token("t", reader)).await), ErrorKind::PermissionDenied);
    let for_other = NewToken { roots: Some(vec![model, other]), ..token("t", reader) };
    assert_eq!(kind(make(&by, for_other).await), ErrorKind::NotFound);
}

async fn a_token_makes_none_of_its_owner_that_lasts_longer(backend: Backend) {
    let scene = Scene::new(backend).await;
    let context = scene.with_role("alice", Role::Admin, ScopeRef::Registry).await;
    let ends = scene.now() + 10 * DAY;
    let new = NewToken { expires_at: Some(ends), ..token("t", Permissions::ALL) };
    let made = scene.registry.accounts.create_token(&context, new).await.unwrap();
    let by = scene.request(&scene.present(&made).await.unwrap()).await;
    let another = scene.registry.accounts.create_token(&by, token("t", Permissions::ALL)).await.unwrap();
    assert_eq!(another.token.expires_at, ends);
    let longer = NewToken { expires_at: Some(ends + 1), ..token("t", Permissions::ALL) };
    let refused = scene.registry.accounts.create_token(&by, longer).await;
    assert_eq!(kind_and_field(refused), (ErrorKind::InvalidArgument, Some("expiresAt".to_owned())));
    let rotated = scene.registry.accounts.rotate_token(&by, made.token.id, Rotation::default()).await.unwrap();
    assert_eq!(rotated.token.expires_at, ends);
    // What it makes for others is theirs.
    scene.service("ci", None).await;
    let new = NewToken { owner: Some(principal("ci")), ..token("t", Permissions::ALL) };
    let by = scene.request(&scene.present(&another).await.unwrap()).await;
    let for_ci = scene.registry.accounts.create_token(&by, new).await.unwrap();
    assert_eq!(for_ci.token.expires_at, scene.now() + 90 * DAY);
}

impl Scene {
    async fn service(&self, handle: &str, of: Option<&str>) {
        let new = NewServiceAccount { handle: handle.parse().unwrap(), display_name: None, workspace: of.map(slug) };
        self.registry.accounts.create_service_account(&self.offline(), new).await.unwrap();
    }
}

async fn managers_make_tokens_for_their_service_accounts(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.team("team-a").await;
    let manager = scene.with_role("alice", Role::Admin, workspace("team-a")).await;
    let member = scene.with_role("bob", Role::Maintainer, workspace("team-a")).await;
    scene.service("ci", Some("team-a")).await;
    scene.service("other", None).await;
    scene.grant("ci", Role::Writer, workspace("team-a")).await;
    let new = |owner: &str| NewToken { owner: Some(principal(owner)), ..token("t", Role::Writer.permissions()) };
    let make = |context: &RequestContext, owner: &str| {
        let (accounts, context, new) = (scene.registry.accounts.clone(), context.clone(), new(owner));
        async move { accounts.create_token(&context, new).await }
    };
    let made = make(&manager, "ci").await.unwrap();
    let who = scene.present(&made).await.unwrap();
    assert_eq!((who.principal.handle.as_str(), who.workspace()), ("ci", WorkspaceId(2)));
    let rights = scene.request(&who).await.access().rights().in_workspace(WorkspaceId(2));
    assert_eq!(rights, Role::Writer.permissions());
    for owner in ["other", "bob"] {
        assert_eq!(kind(make(&manager, owner).await), ErrorKind::PermissionDenied, "{owner}");
    }
    assert_eq!(kind(make(&member, "ci").await), ErrorKind::NotFound);
}

async fn nobody_gets_more_by_a_token_of_a_service_account(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.team("team-a").await;
    let manager = scene.with_role("alice", Role::Admin, workspace("team-a")).await;
    scene.service("ci", Some("team-a")).await;
    let make = |permissions| {
        let new = NewToken { owner: Some(principal("ci")), ..token("t", permissions) };
        scene.registry.accounts.create_token(&manager, new)
    };
    let made = make(Permissions::ALL).await.unwrap();
    let wider = scene.grant("ci", Role::Reader, workspace("default")).await;
    let refused = make(Permissions::ALL).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::PermissionDenied);
    assert!(refused.message().contains(&format!("binding `{wider}`")), "{refused}");
    make(Permissions::of(&[Permission::Write])).await.unwrap();
    let rotated = scene.registry.accounts.rotate_token(&manager, made.token.id, Rotation::default()).await;
    assert_eq!(kind(rotated), ErrorKind::PermissionDenied);
}

async fn a_narrowed_token_renews_none_that_opens_more(backend: Backend) {
    let scene = Scene::new(backend).await;
    let accounts = &scene.registry.accounts;
    let manager = scene.with_role("alice", Role::Admin, ScopeRef::Registry).await;
    let (_, narrowed) = scene.with_token(&manager, Permissions::of(&[Permission::See, Permission::Manage])).await;
    scene.service("ci", None).await;
    let new = NewToken { owner: Some(principal("ci")), ..token("t", Permissions::ALL) };
    let made = accounts.create_token(&manager, new).await.unwrap().token.id;
    let rotate = async |who: &RequestContext| accounts.rotate_token(who, made, Rotation::default()).await;
    assert_eq!(kind(rotate(&narrowed).await), ErrorKind::PermissionDenied);
    rotate(&manager).await.unwrap();
}

async fn a_token_for_one_workspace_works_there(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.team("team-a").await;
    let context = scene.with_role("alice", Role::Admin, ScopeRef::Registry).await;
    let new = NewToken { workspaces: Some(vec![slug("team-a")]), ..token("t", Permissions::ALL) };
    let made = scene.registry.accounts.create_token(&context, new).await.unwrap();
    let who = scene.present(&made).await.unwrap();
    assert_eq!(who.workspace(), WorkspaceId(2));
    let context = scene.request(&who).await;
    let rights = context.access().rights();
    assert_eq!(rights.in_workspace(WorkspaceId(2)), Permissions::ALL);
    assert!(rights.in_workspace(WorkspaceId::DEFAULT).is_empty() && rights.in_registry().is_empty());
    let seen = scene.registry.accounts.list_workspaces(&context, page(9, None)).await.unwrap().items;
    assert_eq!(seen.iter().map(|seen| seen.slug.as_str()).collect::<Vec<_>>(), ["team-a"]);
}

async fn a_new_secret_opens_the_same(backend: Backend) {
    let scene = Scene::new(backend).await;
    let context = scene.with_role("alice", Role::Writer, ScopeRef::Registry).await;
    let (old, _) = scene.with_token(&context, Role::Reader.permissions()).await;
    scene.pass(Duration::from_secs(60));
    let rotate = |id, grace, expires_at| {
        scene.registry.accounts.rotate_token(&context, id, Rotation { grace: Duration::from_secs(grace), expires_at })
    };
    let new = rotate(old.token.id, 3600, None).await.unwrap();
    assert_eq!((&new.token.name, &new.token.limits), (&old.token.name, &old.token.limits));
    assert_eq!(new.token.expires_at, scene.now() + 90 * DAY);
    scene.present(&old).await.unwrap();
    scene.present(&new).await.unwrap();
    scene.pass(Duration::from_secs(3600));
    assert_eq!(kind(scene.present(&old).await), ErrorKind::Unauthenticated);
    assert_eq!(kind(rotate(old.token.id, 0, None).await), ErrorKind::InvalidState);
    let again = rotate(new.token.id, 0, Some(scene.now() + DAY)).await.unwrap();
    assert_eq!(kind(scene.present(&new).await), ErrorKind::Unauthenticated);
    assert_eq!(again.token.expires_at, scene.now() + DAY);
    let long = rotate(again.token.id, 31 * 24 * 3600, None).await;
    assert_eq!(kind_and_field(long), (ErrorKind::InvalidArgument, Some("graceSeconds".to_owned())));
    let late = rotate(again.token.id, 0, Some(i64::MAX)).await;
    assert_eq!(kind_and_field(late), (ErrorKind::InvalidArgument, Some("expiresAt".to_owned())));
    let (_, bob) = scene.person("bob").await;
    let others = scene.registry.accounts.rotate_token(&bob, again.token.id, Rotation::default()).await;
    assert_eq!(kind(others), ErrorKind::NotFound);
}

async fn tokens_are_listed_without_their_secrets(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (_, alice) = scene.person("alice").await;
    let (_, bob) = scene.person("bob").await;
    let mut made = Vec::new();
    for _ in 0..3 {
        made.push(scene.with_token(&alice, Permissions::ALL).await.0);
    }
    let list = |context: &RequestContext, owner: Option<&str>, token| {
        let (accounts, context, owner) = (scene.registry.accounts.clone(), context.clone(), owner.map(principal));
        async move { accounts.list_tokens(&context, owner, page(2, token)).await }
    };
    let first = list(&alice, None, None).await.unwrap();
    let second = list(&alice, None, first.next.clone()).await.unwrap();
    let ids: Vec<TokenId> = first.items.iter().chain(&second.items).map(|token| token.id).collect();
    assert_eq!(ids, made.iter().map(|made| made.token.id).collect::<Vec<_>>());
    assert_eq!(kind_and_field(list(&bob, None, first.next).await).0, ErrorKind::InvalidArgument);
    assert_eq!(kind(list(&bob, Some("alice"), None).await), ErrorKind::NotFound);
    assert_eq!(list(&scene.offline(), Some("alice"), None).await.unwrap().items.len(), 2);
}

async fn tokens_are_revoked_by_their_owners_and_managers(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (_, alice) = scene.person("alice").await;
    let (_, bob) = scene.person("bob").await;
    let (made, _) = scene.with_token(&alice, Permissions::ALL).await;
    let revoke = |context: &RequestContext, id| {
        let (accounts, context) = (scene.registry.accounts.clone(), context.clone());
        async move { accounts.revoke_token(&context, id).await }
    };
    assert_eq!(kind(revoke(&bob, made.token.id).await), ErrorKind::NotFound);
    assert_eq!(kind(revoke(&alice, TokenId(99)).await), ErrorKind::NotFound);
    let revoked = revoke(&alice, made.token.id).await.unwrap();
    assert_eq!(revoked.revoked_at, Some(scene.now()));
    scene.pass(Duration::from_secs(5));
    assert_eq!(revoke(&scene.offline(), made.token.id).await.unwrap(), revoked, "once is enough");
    let (other, _) = scene.with_token(&alice, Permissions::ALL).await;
    revoke(&scene.offline(), other.token.id).await.unwrap();
    assert_eq!(kind(scene.present(&other).await), ErrorKind::Unauthenticated);
}

async fn secrets_are_stored_nowhere(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (_, alice) = scene.person("alice").await;
    let (made, _) = scene.with_token(&alice, Permissions::ALL).await;
    let rotated = scene.registry.accounts.rotate_token(&alice, made.token.id, Rotation::default()).await.unwrap();
    scene.bind(&scene.offline(), named("alice"), Role::Reader, ScopeRef::Registry).await.unwrap();
    let stored = [
        "SELECT public_id || hash || name || permissions AS line FROM api_tokens",
        "SELECT coalesce(details, '') || coalesce(request_id, '') AS line FROM audit",
    ]
    .map(|sql| scene.lines(sql).join("\n"))
    .join("\n");
    for text in [made.text.expose(), rotated.text.expose()] {
        let secret = text.split('_').nth(2).unwrap();
        assert!(!stored.contains(secret), "{stored}");
    }
}

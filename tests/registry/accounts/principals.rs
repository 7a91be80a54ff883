//! Principals: made, looked up, changed and forgotten.

use modelport::domain::access::{PrincipalKind, Role};
use modelport::domain::{Change, Draft, ErrorKind, LogicalType, PageSize};
use modelport::registry::RequestContext;
use modelport::registry::access::{NewServiceAccount, PrincipalChange, PrincipalsWanted, ScopeRef};

use super::{Scene, kind, kind_and_field, page, person, principal, slug, workspace};
use crate::support::{Backend, on_both};

on_both! {
    managers_make_service_accounts_of_their_workspace,
    two_at_once_do_not_share_a_handle,
    principals_are_looked_up_by_those_who_may,
    lists_are_for_managers_and_auditors,
    people_choose_their_own_workspace_and_nothing_else,
    managers_disable_their_service_accounts,
    people_are_managed_by_nobody_where_they_work,
    who_is_forgotten_is_nobody,
}

fn account(handle: &str, of: Option<&str>) -> NewServiceAccount {
    NewServiceAccount { handle: handle.parse().unwrap(), display_name: None, workspace: of.map(slug) }
}

async fn managers_make_service_accounts_of_their_workspace(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.team("team-a").await;
    let manager = scene.with_role("alice", Role::Admin, workspace("team-a")).await;
    let make = |new| scene.registry.accounts.create_service_account(&manager, new);
    let made = make(account("ci", Some("team-a"))).await.unwrap();
    assert_eq!((made.kind, made.handle.as_str(), made.issuer.as_str()), (PrincipalKind::Service, "ci", ""));
    let taken = make(account("ci", Some("team-a"))).await;
    assert_eq!(kind_and_field(taken), (ErrorKind::NameTaken, Some("handle".to_owned())));
    assert_eq!(kind(make(account("ci2", None)).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(make(account("ci2", Some("default"))).await), ErrorKind::NotFound);
    for name in ["a\0".to_owned(), "x".repeat(257)] {
        let new = NewServiceAccount { display_name: Some(name), ..account("ci2", Some("team-a")) };
        assert_eq!(kind_and_field(make(new).await), (ErrorKind::InvalidArgument, Some("displayName".to_owned())));
    }
    let writer = scene.with_role("bob", Role::Maintainer, workspace("team-a")).await;
    let refused = scene.registry.accounts.create_service_account(&writer, account("ci2", Some("team-a"))).await;
    assert_eq!(kind(refused), ErrorKind::PermissionDenied);
    // Whoever logs in under that name gets another one.
    assert_eq!(scene.log_in(person("ci")).await.unwrap().principal.handle, "ci-2");
}

async fn two_at_once_do_not_share_a_handle(backend: Backend) {
    let scene = Scene::new(backend).await;
    let offline = scene.offline();
    let make = || scene.registry.accounts.create_service_account(&offline, account("ci", None));
    let made = futures_util::future::join_all((0..6).map(|_| make())).await;
    let (made, refused): (Vec<_>, Vec<_>) = made.into_iter().partition(Result::is_ok);
    assert_eq!(made.len(), 1);
    assert!(refused.into_iter().all(|refused| kind(refused) == ErrorKind::NameTaken));
}

async fn principals_are_looked_up_by_those_who_may(backend: Backend) {
    let scene = Scene::new(backend).await;
    let model = scene.model("m").await;
    let manager = scene.with_role("alice", Role::Admin, ScopeRef::Root(model)).await;
    let auditor = scene.with_role("audra", Role::Auditor, workspace("default")).await;
    let reader = scene.with_role("bob", Role::Maintainer, ScopeRef::Registry).await;
    let get = |context: &RequestContext, handle: &str| {
        let (accounts, context, named) = (scene.registry.accounts.clone(), context.clone(), principal(handle));
        async move { accounts.get_principal(&context, &named).await }
    };
    for context in [&manager, &auditor] {
        assert_eq!(get(context, "bob").await.unwrap().handle, "bob");
        assert_eq!(kind(get(context, "nobody").await), ErrorKind::NotFound);
    }
    let own = get(&reader, "bob").await.unwrap();
    assert_eq!(get(&reader, &own.id.to_string()).await.unwrap(), own);
    assert_eq!(kind(get(&reader, "alice").await), ErrorKind::NotFound);
    let (_, narrow) = scene.with_token(&manager, Role::Reader.permissions()).await;
    assert_eq!(kind(get(&narrow, "bob").await), ErrorKind::NotFound, "a token that manages nothing");
}

async fn lists_are_for_managers_and_auditors(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.team("team-a").await;
    let admin = scene.with_role("root", Role::Admin, ScopeRef::Registry).await;
    let manager = scene.with_role("alice", Role::Admin, workspace("team-a")).await;
    scene.registry.accounts.create_service_account(&manager, account("ci", Some("team-a"))).await.unwrap();
    let list = |context: &RequestContext, of: Option<&str>, kind: Option<PrincipalKind>| {
        let wanted = PrincipalsWanted { workspace: of.map(slug), kind };
        let (accounts, context) = (scene.registry.accounts.clone(), context.clone());
        async move {
            let found = accounts.list_principals(&context, wanted, page(100, None)).await?;
            Ok(found.items.into_iter().map(|found| found.handle.clone()).collect::<Vec<_>>())
        }
    };
    assert_eq!(list(&admin, None, None).await.unwrap(), ["root", "alice", "ci"]);
    assert_eq!(list(&admin, None, Some(PrincipalKind::Service)).await.unwrap(), ["ci"]);
    assert_eq!(list(&manager, Some("team-a"), None).await.unwrap(), ["ci"]);
    assert_eq!(kind(list(&manager, None, None).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(list(&manager, Some("default"), None).await), ErrorKind::NotFound);
}

async fn people_choose_their_own_workspace_and_nothing_else(backend: Backend) {
    let scene = Scene::new(backend).await;
    let accounts = &scene.registry.accounts;
    let reader = scene.with_role("bob", Role::Reader, workspace("default")).await;
    scene.person("alice").await;
    let choose = PrincipalChange { workspace: Change::Set(slug("default")), disabled: None };
    let changed = accounts.change_principal(&reader, &principal("bob"), choose.clone()).await.unwrap();
    assert!(changed.workspace_id.is_some());
    let cleared = PrincipalChange { workspace: Change::Clear, disabled: None };
    assert_eq!(accounts.change_principal(&reader, &principal("bob"), cleared).await.unwrap().workspace_id, None);
    for disabled in [true, false] {
        let change = PrincipalChange { disabled: Some(disabled), workspace: Change::Keep };
        let refused = accounts.change_principal(&reader, &principal("bob"), change).await;
        assert_eq!(kind(refused), ErrorKind::PermissionDenied);
    }
    assert_eq!(kind(accounts.change_principal(&reader, &principal("alice"), choose).await), ErrorKind::NotFound);
    assert_eq!(kind(accounts.forget_principal(&reader, &principal("bob")).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(accounts.forget_principal(&reader, &principal("alice")).await), ErrorKind::NotFound);
}

async fn managers_disable_their_service_accounts(backend: Backend) {
    let scene = Scene::new(backend).await;
    let accounts = &scene.registry.accounts;
    for name in ["team-a", "team-b"] {
        scene.team(name).await;
    }
    let manager = scene.with_role("alice", Role::Admin, workspace("team-a")).await;
    for (handle, of) in [("mine", "team-a"), ("theirs", "team-b")] {
        accounts.create_service_account(&scene.offline(), account(handle, Some(of))).await.unwrap();
    }
    scene.person("bob").await;
    let disable = PrincipalChange { disabled: Some(true), workspace: Change::Keep };
    let disabled = accounts.change_principal(&manager, &principal("mine"), disable.clone()).await.unwrap();
    assert_eq!(disabled.disabled_at, Some(scene.now()));
    for handle in ["theirs", "bob"] {
        let refused = accounts.change_principal(&manager, &principal(handle), disable.clone()).await;
        assert_eq!(kind(refused), ErrorKind::PermissionDenied, "{handle}");
    }
    let away = PrincipalChange { disabled: None, workspace: Change::Set(slug("team-b")) };
    assert_eq!(kind(accounts.change_principal(&manager, &principal("mine"), away).await), ErrorKind::NotFound);
    let home = PrincipalChange { disabled: None, workspace: Change::Clear };
    let refused = accounts.change_principal(&manager, &principal("mine"), home).await;
    assert_eq!(kind(refused), ErrorKind::PermissionDenied);
}

async fn people_are_managed_by_nobody_where_they_work(backend: Backend) {
    let scene = Scene::new(backend).await;
    let accounts = &scene.registry.accounts;
    scene.team("team-a").await;
    let manager = scene.with_role("alice", Role::Admin, workspace("team-a")).await;
    let own = scene.with_role("bob", Role::Reader, workspace("team-a")).await;
    let bob = principal("bob");
    let choose = PrincipalChange { workspace: Change::Set(slug("team-a")), disabled: None };
    accounts.change_principal(&own, &bob, choose).await.unwrap();
    let disable = PrincipalChange { disabled: Some(true), workspace: Change::Keep };
    assert_eq!(kind(accounts.change_principal(&manager, &bob, disable).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(accounts.log_out_everywhere(&manager, &bob).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(accounts.forget_principal(&manager, &bob).await), ErrorKind::PermissionDenied);
    assert_eq!(kind(accounts.list_tokens(&manager, Some(bob), page(9, None)).await), ErrorKind::PermissionDenied);
}

async fn who_is_forgotten_is_nobody(backend: Backend) {
    let scene = Scene::new(backend).await;
    let accounts = &scene.registry.accounts;
    let context = scene.with_role("alice", Role::Writer, ScopeRef::Registry).await;
    let (made, _) = scene.with_token(&context, Role::Writer.permissions()).await;
    let draft = Draft::named("m".parse().unwrap());
    let model = scene.registry.entities.create(&context, LogicalType::RegisteredModel, None, draft);
    let actors = async |node| {
        let found = scene.registry.history.node_history(&scene.offline(), node, 0, PageSize::new(9)).await.unwrap();
        found.into_iter().map(|entry| entry.actor).collect::<Vec<_>>()
    };
    let model = model.await.unwrap().id;
    assert_eq!(actors(model).await, ["alice"]);
    let forgotten = accounts.forget_principal(&scene.offline(), &principal("alice")).await.unwrap();
    assert_eq!(forgotten.handle, format!("forgotten-{}", forgotten.id));
    assert_eq!(kind(scene.present(&made).await), ErrorKind::Unauthenticated);
    assert_eq!(kind(accounts.get_principal(&scene.offline(), &principal("alice")).await), ErrorKind::NotFound);
    assert_eq!(actors(model).await, [forgotten.handle.as_str()]);
    for table in ["principals", "api_tokens", "bindings", "audit", "changes"] {
        let columns = match table {
            "principals" => "subject || handle || coalesce(display_name, '') || coalesce(email, '')",
            "api_tokens" => "name",
            "bindings" => "role",
            "changes" => "actor || document",
            _ => "coalesce(details, '')",
        };
        let lines = scene.lines(&format!("SELECT {columns} AS line FROM {table}")).join("\n");
        assert!(!lines.to_lowercase().contains("alice"), "{table}: {lines}");
    }
    let again = scene.log_in(person("alice")).await.unwrap();
    assert!(again.principal.id > forgotten.id && again.principal.handle == "alice");
    let rights = scene.request(&again).await.access().rights().in_registry();
    assert!(rights.is_empty(), "what somebody was granted does not pass to the next of that name");
}

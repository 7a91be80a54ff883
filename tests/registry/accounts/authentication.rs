//! Who presents a credential.

use std::time::Duration;

use modelport::domain::ErrorKind;
use modelport::domain::access::{Identity, Permissions, PrincipalKind, Role};
use modelport::registry::access::{Bootstrap, NewServiceAccount, PrincipalChange, ScopeRef, SubjectRef};

use super::{Scene, group, kind, named, person, principal, token};
use crate::support::{Backend, on_both};

on_both! {
    somebody_is_the_same_each_time,
    many_at_once_are_one_person,
    handles_are_never_taken_from_others,
    what_an_issuer_says_is_kept_up_to_date,
    what_cannot_be_stored_is_cut_or_refused,
    groups_that_nothing_names_are_left_out,
    the_disabled_are_refused,
    who_logged_out_everywhere_logs_in_again,
    a_token_opens_until_it_ends,
    a_token_that_does_not_count_is_refused_in_the_same_words,
    a_revoked_token_is_refused_by_other_processes_within_a_second,
    uses_are_recorded_about_once_an_hour,
    the_bootstrap_token_counts_until_there_is_an_administrator,
    a_text_may_be_given_as_the_bootstrap_token,
    no_bootstrap_token_where_the_settings_name_an_administrator,
}

async fn somebody_is_the_same_each_time(backend: Backend) {
    let scene = Scene::new(backend);
    let scene = scene.await;
    let first = scene.log_in(person("alice")).await.unwrap();
    assert_eq!((first.principal.handle.as_str(), first.principal.created_at), ("alice", super::START));
    assert_eq!(scene.log_in(person("alice")).await.unwrap().principal.id, first.principal.id);
    scene.pass(Duration::from_secs(3600));
    assert_eq!(scene.log_in(person("alice")).await.unwrap().principal.id, first.principal.id);
    let elsewhere = Identity { issuer: "other".to_owned(), ..person("alice") };
    let other = scene.log_in(elsewhere).await.unwrap().principal;
    assert_eq!((other.handle.as_str(), other.id == first.principal.id), ("alice-2", false));
    assert_eq!(
        scene.lines("SELECT CAST(epoch AS TEXT) AS line FROM access_epoch"),
        ["1"],
        "seeing somebody is no change"
    );
}

async fn many_at_once_are_one_person(backend: Backend) {
    let scene = Scene::new(backend).await;
    let replica = scene.replica().await;
    let context = scene.anybody();
    let (one, other) = tokio::join!(
        futures_util::future::join_all((0..8).map(|_| scene.log_in(person("alice")))),
        futures_util::future::join_all((0..8).map(|_| replica.accounts.authenticate(&context, person("alice")))),
    );
    let mut ids: Vec<_> = one.into_iter().chain(other).map(|who| who.unwrap().principal.id).collect();
    ids.dedup();
    assert_eq!(ids.len(), 1);
}

async fn handles_are_never_taken_from_others(backend: Backend) {
    let scene = Scene::new(backend).await;
    let mut handles = Vec::new();
    for number in 0..15 {
        let identity = Identity { subject: format!("number {number}"), ..person("alice") };
        handles.push(scene.log_in(identity).await.unwrap().principal.handle.clone());
    }
    assert_eq!(handles[..3], ["alice", "alice-2", "alice-3"]);
    handles.sort();
    handles.dedup();
    assert_eq!(handles.len(), 15);
}

async fn what_an_issuer_says_is_kept_up_to_date(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.log_in(person("alice")).await.unwrap();
    scene.pass(Duration::from_secs(60));
    let renamed = Identity { display_name: Some("Alice Ö".to_owned()), ..person("alice") };
    let found = scene.log_in(renamed).await.unwrap().principal;
    assert_eq!((found.display_name.as_deref(), found.handle.as_str()), (Some("Alice Ö"), "alice"));
    scene.pass(Duration::from_secs(60));
    let silent = Identity { display_name: None, email: None, ..person("alice") };
    let found = scene.log_in(silent).await.unwrap().principal;
    assert_eq!(found.display_name.as_deref(), Some("Alice Ö"), "what a credential does not say stays");
    assert_eq!(found.email.as_deref(), Some("alice@corp.example"));
}

async fn what_cannot_be_stored_is_cut_or_refused(backend: Backend) {
    let scene = Scene::new(backend).await;
    let long = "ä".repeat(100_000);
    let hostile = Identity {
        display_name: Some(format!("a\0b{long}")),
        email: Some("\0".to_owned()),
        groups: vec!["\0".to_owned(), long.clone()],
        ..person("alice")
    };
    let found = scene.log_in(hostile).await.unwrap().principal;
    assert_eq!(found.display_name.as_ref().unwrap().chars().count(), 256);
    assert!(found.display_name.as_ref().unwrap().starts_with("ab"));
    for subject in [String::new(), long, "a\0b".to_owned()] {
        let refused = scene.log_in(Identity { subject, ..person("alice") }).await;
        assert_eq!(kind(refused), ErrorKind::Unauthenticated);
    }
    let widest = Identity { subject: "ß".repeat(512), ..person("bob") };
    scene.log_in(widest).await.unwrap();
}

async fn groups_that_nothing_names_are_left_out(backend: Backend) {
    let admins = |options| modelport::registry::RegistryOptions {
        admins: vec!["group:oidc:break-glass".parse().unwrap()],
        ..options
    };
    let scene = Scene::with(backend, admins).await;
    let in_groups = || {
        let mut groups: Vec<String> = (0..500).map(|number| format!("group {number}")).collect();
        groups.push("break-glass".to_owned());
        Identity { groups, ..person("alice") }
    };
    assert_eq!(scene.log_in(in_groups()).await.unwrap().groups, [group("break-glass")]);
    let of_group = |name: &str| SubjectRef::Group(group(name));
    scene.bind(&scene.offline(), of_group("group 7"), Role::Reader, ScopeRef::Registry).await.unwrap();
    assert_eq!(scene.log_in(in_groups()).await.unwrap().groups, [group("break-glass"), group("group 7")]);
    let elsewhere = Identity { issuer: "other".to_owned(), ..in_groups() };
    assert!(scene.log_in(elsewhere).await.unwrap().groups.is_empty());
}

async fn the_disabled_are_refused(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (_, context) = scene.person("alice").await;
    let (made, _) = scene.with_token(&context, Permissions::ALL).await;
    let disable = |disabled| {
        let change = PrincipalChange { disabled: Some(disabled), ..PrincipalChange::default() };
        let offline = scene.offline();
        let accounts = scene.registry.accounts.clone();
        async move { accounts.change_principal(&offline, &principal("alice"), change).await.unwrap() }
    };
    disable(true).await;
    assert_eq!(kind(scene.log_in(person("alice")).await), ErrorKind::Unauthenticated);
    assert_eq!(kind(scene.present(&made).await), ErrorKind::Unauthenticated);
    let id = disable(false).await.id;
    assert_eq!(scene.log_in(person("alice")).await.unwrap().principal.id, id);
    scene.present(&made).await.unwrap();
    let asked = scene.now();
    assert_eq!(scene.asked_at(id, asked).await.unwrap().groups, [group("g")]);
    disable(true).await;
    assert_eq!(kind(scene.asked_at(id, asked).await), ErrorKind::Unauthenticated);
    disable(false).await;
    scene.pass(Duration::from_secs(1));
    scene.registry.accounts.log_out_everywhere(&scene.offline(), &principal("alice")).await.unwrap();
    assert_eq!(kind(scene.asked_at(id, asked).await), ErrorKind::Unauthenticated, "asked before");
    scene.asked_at(id, scene.now()).await.unwrap();
}

async fn who_logged_out_everywhere_logs_in_again(backend: Backend) {
    let scene = Scene::new(backend).await;
    let issued_at = |at| Identity { issued_at: Some(at), ..person("alice") };
    let before = scene.now();
    let who = scene.log_in(issued_at(before)).await.unwrap();
    let context = scene.request(&who).await;
    let (made, _) = scene.with_token(&context, Permissions::ALL).await;
    scene.pass(Duration::from_secs(5));
    scene.registry.accounts.log_out_everywhere(&context, &principal("alice")).await.unwrap();
    assert_eq!(kind(scene.log_in(issued_at(before)).await), ErrorKind::Unauthenticated);
    assert_eq!(kind(scene.present(&made).await), ErrorKind::Unauthenticated);
    scene.log_in(issued_at(scene.now())).await.unwrap();
    // A certificate does not say when it was issued.
    scene.log_in(Identity { issued_at: None, ..person("alice") }).await.unwrap();
    let (_, bob) = scene.person("bob").await;
    let others = scene.registry.accounts.log_out_everywhere(&bob, &principal("alice")).await;
    assert_eq!(kind(others), ErrorKind::NotFound);
}

async fn a_token_opens_until_it_ends(backend: Backend) {
    let scene = Scene::new(backend).await;
    let context = scene.with_role("alice", Role::Writer, ScopeRef::Registry).await;
    let ends = scene.now() + 10_000;
    let new =
        modelport::registry::access::NewToken { expires_at: Some(ends), ..token("ci", Role::Reader.permissions()) };
    let made = scene.registry.accounts.create_token(&context, new).await.unwrap();
    assert_eq!((made.owner.as_str(), made.token.expires_at), ("alice", ends));
    let who = scene.present(&made).await.unwrap();
    assert_eq!((who.principal.handle.as_str(), who.token.as_ref().unwrap().0), ("alice", made.token.id));
    let rights = scene.request(&who).await.access().rights().in_registry();
    assert_eq!(rights, Role::Reader.permissions());
    scene.pass(Duration::from_millis(9_999));
    scene.present(&made).await.unwrap();
    scene.pass(Duration::from_millis(1));
    assert_eq!(kind(scene.present(&made).await), ErrorKind::Unauthenticated);
}

async fn a_token_that_does_not_count_is_refused_in_the_same_words(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (_, context) = scene.person("alice").await;
    let (made, _) = scene.with_token(&context, Permissions::ALL).await;
    let (revoked, _) = scene.with_token(&context, Permissions::ALL).await;
    scene.registry.accounts.revoke_token(&context, revoked.token.id).await.unwrap();
    let text = made.text.expose();
    // Another's secret, with a checksum that is right.
    let (own, others): (Vec<&str>, Vec<String>) =
        (text.split('_').collect(), revoked.text.expose().split('_').map(str::to_owned).collect());
    let mixed = format!("mp_{}_{}_{}", own[1], others[2], own[3]);
    let texts = [
        revoked.text.expose().to_owned(),
        mixed,
        text[..text.len() - 1].to_owned(),
        format!("{text}x"),
        String::new(),
        "mp_".to_owned(),
        "\0".repeat(100),
        "🦀".repeat(100_000),
        "eyJhbGciOiJub25lIn0.e30.".to_owned(),
        "bootstrap-0123456789abcdef".repeat(3),
    ];
    let mut words = Vec::new();
    for text in texts {
        let refused = scene.registry.accounts.authenticate_token(&scene.anybody(), &text).await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unauthenticated, "{text:.40}");
        words.push(refused.message().to_owned());
    }
    words.dedup();
    assert_eq!(words.len(), 1, "{words:?}");
    scene.present(&made).await.unwrap();
}

async fn a_revoked_token_is_refused_by_other_processes_within_a_second(backend: Backend) {
    let scene = Scene::new(backend).await;
    let replica = scene.replica().await;
    let (_, context) = scene.person("alice").await;
    let (made, _) = scene.with_token(&context, Permissions::ALL).await;
    let text = made.text.expose();
    replica.accounts.authenticate_token(&scene.anybody(), text).await.unwrap();
    scene.registry.accounts.revoke_token(&context, made.token.id).await.unwrap();
    assert_eq!(kind(scene.present(&made).await), ErrorKind::Unauthenticated);
    scene.pass(Duration::from_millis(999));
    replica.accounts.authenticate_token(&scene.anybody(), text).await.unwrap();
    scene.pass(Duration::from_millis(1));
    let refused = replica.accounts.authenticate_token(&scene.anybody(), text).await;
    assert_eq!(kind(refused), ErrorKind::Unauthenticated);
}

async fn uses_are_recorded_about_once_an_hour(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (_, context) = scene.person("alice").await;
    let (made, _) = scene.with_token(&context, Permissions::ALL).await;
    let used = || {
        scene.lines(
            "SELECT coalesce(CAST(t.last_used_at AS TEXT), '-') || ' ' || coalesce(CAST(p.seen_at AS TEXT), '-') AS line
             FROM api_tokens t JOIN principals p ON p.id = t.principal_id",
        )
    };
    assert_eq!(used(), ["- -"], "requests write nothing");
    scene.registry.accounts.record_uses(&scene.registry.own_context()).await.unwrap();
    let first = format!("{0} {0}", scene.now());
    assert_eq!(used(), std::slice::from_ref(&first));
    for (minutes, is_new) in [(10, false), (51, true)] {
        scene.pass(Duration::from_secs(60 * minutes));
        scene.present(&made).await.unwrap();
        scene.registry.accounts.record_uses(&scene.registry.own_context()).await.unwrap();
        assert_eq!(used()[0] != first, is_new, "{minutes}");
    }
}

async fn the_bootstrap_token_counts_until_there_is_an_administrator(backend: Backend) {
    let scene = Scene::new(backend).await;
    let Bootstrap::Made(text) = scene.bootstrap(None).await else { panic!("none was made") };
    let present = || {
        let (accounts, context, text) = (scene.registry.accounts.clone(), scene.anybody(), text.expose().to_owned());
        async move { accounts.authenticate_token(&context, &text).await }
    };
    let who = present().await.unwrap();
    let context = scene.request(&who).await;
    assert_eq!(context.access().rights().in_registry(), Permissions::ALL);
    let Bootstrap::Made(second) = scene.bootstrap(None).await else { panic!("none was made for another replica") };
    assert_ne!(second, text);
    present().await.unwrap();
    scene.person("alice").await;
    scene.bind(&context, named("alice"), Role::Admin, ScopeRef::Registry).await.unwrap();
    assert_eq!(kind(present().await), ErrorKind::Unauthenticated);
    assert_eq!(scene.bootstrap(None).await, Bootstrap::NotNeeded);

    let scene = Scene::new(backend).await;
    let Bootstrap::Made(text) = scene.bootstrap(None).await else { panic!("none was made") };
    scene.pass(Duration::from_secs(3600));
    let late = scene.registry.accounts.authenticate_token(&scene.anybody(), text.expose()).await;
    assert_eq!(kind(late), ErrorKind::Unauthenticated);
}

async fn a_text_may_be_given_as_the_bootstrap_token(backend: Backend) {
    let scene = Scene::new(backend).await;
    let text = "correct horse battery staple, 🦀";
    let short = scene.registry.accounts.bootstrap(&scene.registry.own_context(), Some("too short")).await.unwrap_err();
    assert_eq!((short.kind(), short.field()), (ErrorKind::InvalidArgument, Some("auth.bootstrap_token")));
    let present = |text: &str| {
        let (accounts, context, text) = (scene.registry.accounts.clone(), scene.anybody(), text.to_owned());
        async move { accounts.authenticate_token(&context, &text).await }
    };
    assert_eq!(kind(present(text).await), ErrorKind::Unauthenticated);
    for _ in 0..2 {
        assert_eq!(scene.bootstrap(Some(text)).await, Bootstrap::Given);
    }
    scene.pass(Duration::from_secs(90 * 24 * 3600));
    let who = present(text).await.unwrap();
    assert_eq!(kind(present(&format!("{text}!")).await), ErrorKind::Unauthenticated);
    // Somebody may be called as its account would be.
    let context = scene.request(&who).await;
    let account = NewServiceAccount { handle: "ci".parse().unwrap(), display_name: None, workspace: None };
    scene.registry.accounts.create_service_account(&context, account).await.unwrap();
    scene.bind(&context, named("ci"), Role::Admin, ScopeRef::Registry).await.unwrap();
    assert_eq!(kind(present(text).await), ErrorKind::Unauthenticated);
    assert_eq!(scene.bootstrap(Some(text)).await, Bootstrap::NotNeeded);
    let kinds = scene.lines("SELECT kind || ' ' || handle AS line FROM principals ORDER BY id");
    assert_eq!(kinds, [format!("{} bootstrap", PrincipalKind::Service), "service ci".to_owned()]);
}

async fn no_bootstrap_token_where_the_settings_name_an_administrator(backend: Backend) {
    let named = |options| modelport::registry::RegistryOptions {
        admins: vec!["oidc:subject of alice".parse().unwrap()],
        ..options
    };
    let scene = Scene::with(backend, named).await;
    assert_eq!(scene.bootstrap(None).await, Bootstrap::NotNeeded);
    let (_, context) = scene.person("alice").await;
    assert_eq!(context.access().rights().in_registry(), Permissions::ALL);
    let (_, bob) = scene.person("bob").await;
    assert_eq!(bob.access().rights().in_registry(), Permissions::NONE);
}

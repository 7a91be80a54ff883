//! Sessions of browsers: begun, found, renewed by one server at a time, ended and removed.

use std::sync::Arc;
use std::time::Duration;

use modelport::domain::ErrorKind;
use modelport::domain::access::{KnownSession, SessionState};
use modelport::registry::access::NewSession;

use super::{Scene, kind, person, principal};
use crate::support::{Backend, on_both};

on_both! {
    a_session_is_whose_it_was_begun_by,
    one_server_at_a_time_asks_the_issuer,
    what_the_issuer_says_is_taken,
    an_end_holds_on_every_server,
    accounts_end_with_their_sessions,
    what_has_ended_is_removed,
}

const MINUTES: Duration = Duration::from_secs(60);

impl Scene {
    async fn begin(&self, name: &str, hash: &str, groups: &[&str]) -> Arc<KnownSession> {
        let mut identity = person(name);
        identity.groups = groups.iter().map(|group| (*group).to_owned()).collect();
        let new = NewSession { hash: hash.to_owned(), refresh_sealed: Some(format!("sealed of {hash}")) };
        self.registry.accounts.begin_session(&self.anybody(), identity, new).await.unwrap()
    }

    async fn find(&self, hash: &str) -> Option<Arc<KnownSession>> {
        self.registry.accounts.find_session(&self.anybody(), hash).await.unwrap()
    }

    fn state(&self, known: &KnownSession) -> SessionState {
        self.registry.accounts.session_state(&self.anybody(), known)
    }

    fn sessions(&self) -> Vec<String> {
        self.lines("SELECT hash AS line FROM sessions ORDER BY hash")
    }
}

async fn a_session_is_whose_it_was_begun_by(backend: Backend) {
    let scene = Scene::new(backend).await;
    let begun = scene.begin("alice", "one", &["g"]).await;
    scene.begin("bob", "two", &[]).await;
    let found = scene.find("one").await.unwrap();
    assert_eq!(found, begun);
    assert_eq!(found.principal.subject, "subject of alice");
    assert_eq!(found.session.groups, ["g"]);
    assert!(scene.find("three").await.is_none() && scene.find("").await.is_none());
    let who = scene.registry.accounts.authenticate_session(&scene.anybody(), &found).await.unwrap();
    // Of its groups those count that somebody named.
    assert_eq!((who.principal.id, who.groups.len(), who.session), (found.principal.id, 0, Some(found)));
    // Its use is noted, so that it does not end.
    for _ in 0..10 {
        scene.pass(60 * MINUTES);
        let found = scene.find("one").await.unwrap();
        scene.registry.accounts.authenticate_session(&scene.anybody(), &found).await.unwrap();
    }
    assert!(scene.find("two").await.is_none());
}

async fn one_server_at_a_time_asks_the_issuer(backend: Backend) {
    let scene = Scene::new(backend).await;
    let other = scene.replica().await;
    let known = scene.begin("alice", "one", &[]).await;
    assert_eq!(scene.state(&known), SessionState::Good);
    scene.pass(15 * MINUTES);
    assert_eq!(scene.state(&known), SessionState::Due);
    let context = scene.anybody();
    assert!(scene.registry.accounts.claim_renewal(&context, &known).await.unwrap());
    assert!(!other.accounts.claim_renewal(&context, &known).await.unwrap());
    let (_, is_asked) = other.accounts.find_renewed(&context, &known).await.unwrap().unwrap();
    assert!(is_asked);
    // It could not: nobody asks for a while.
    scene.registry.accounts.put_off_renewal(&context, &known).await.unwrap();
    let (_, is_asked) = other.accounts.find_renewed(&context, &known).await.unwrap().unwrap();
    assert!(!is_asked && !other.accounts.claim_renewal(&context, &known).await.unwrap());
    scene.pass(MINUTES);
    assert!(other.accounts.claim_renewal(&context, &known).await.unwrap());
    // Whoever claimed it and crashed is in the way for a while only.
    scene.pass(MINUTES);
    assert!(scene.registry.accounts.claim_renewal(&context, &known).await.unwrap());
    scene.registry.accounts.renew_session(&context, &known, person("alice"), None).await.unwrap();
    // Nobody asks by what was said before.
    assert!(!other.accounts.claim_renewal(&context, &known).await.unwrap());
}

async fn what_the_issuer_says_is_taken(backend: Backend) {
    let scene = Scene::new(backend).await;
    let known = scene.begin("alice", "one", &["g"]).await;
    let (context, accounts) = (scene.anybody(), &scene.registry.accounts);
    scene.pass(20 * MINUTES);
    let mut identity = person("alice");
    identity.groups = vec!["h".to_owned()];
    let renewed = accounts.renew_session(&context, &known, identity, Some("next".to_owned())).await.unwrap();
    assert_eq!((renewed.session.groups.clone(), scene.state(&renewed)), (vec!["h".to_owned()], SessionState::Good));
    let (stored, _) = accounts.find_renewed(&context, &known).await.unwrap().unwrap();
    assert_eq!(
        (stored.session.groups.clone(), stored.session.refresh_sealed.as_deref()),
        (vec!["h".to_owned()], Some("next"))
    );
    assert_eq!((stored.session.renewed_at, stored.session.ends_at), (scene.now(), known.session.ends_at));
    let stranger = accounts.renew_session(&context, &known, person("mallory"), None).await;
    assert_eq!(kind(stranger), ErrorKind::Unauthenticated);
    accounts.end_session(&context, &known, "logout").await.unwrap();
    assert_eq!(kind(accounts.renew_session(&context, &known, person("alice"), None).await), ErrorKind::Unauthenticated);
}

async fn an_end_holds_on_every_server(backend: Backend) {
    let scene = Scene::new(backend).await;
    let other = scene.replica().await;
    let known = scene.begin("alice", "one", &[]).await;
    let context = scene.anybody();
    assert!(other.accounts.find_session(&context, "one").await.unwrap().is_some());
    scene.registry.accounts.end_session(&context, &known, "logout").await.unwrap();
    assert!(scene.find("one").await.is_none());
    scene.pass(Duration::from_secs(1));
    assert!(other.accounts.find_session(&context, "one").await.unwrap().is_none());
    // A second time is none.
    scene.registry.accounts.end_session(&context, &known, "logout").await.unwrap();
    assert_eq!(
        scene.lines("SELECT action || ' ' || outcome AS line FROM audit WHERE action LIKE 'log%' ORDER BY id"),
        ["login done", "logout done"]
    );
}

async fn accounts_end_with_their_sessions(backend: Backend) {
    let scene = Scene::new(backend).await;
    let (offline, accounts) = (scene.offline(), &scene.registry.accounts);
    scene.begin("bob", "of bob", &[]).await;
    let kept = scene.begin("alice", "one", &[]).await;
    scene.pass(MINUTES);
    accounts.log_out_everywhere(&offline, &principal("alice")).await.unwrap();
    assert_eq!(scene.sessions(), ["of bob"]);
    // Though it were still remembered somewhere.
    scene.pass(MINUTES);
    let found = scene.begin("alice", "two", &[]).await;
    let stale = KnownSession { session: kept.session.clone(), principal: Arc::clone(&found.principal) };
    let refused = accounts.authenticate_session(&scene.anybody(), &Arc::new(stale)).await;
    assert_eq!(kind(refused.map(drop)), ErrorKind::Unauthenticated);
    accounts.forget_principal(&offline, &principal("alice")).await.unwrap();
    assert_eq!(scene.sessions(), ["of bob"]);
}

async fn what_has_ended_is_removed(backend: Backend) {
    let scene = Scene::new(backend).await;
    let context = scene.registry.own_context();
    for index in 0..3 {
        scene.begin("alice", &format!("old {index}"), &[]).await;
    }
    scene.pass(8 * 60 * MINUTES);
    scene.begin("alice", "new", &[]).await;
    let remove = || scene.registry.upkeep.remove_ended_sessions_in_turn(&context, 60 * MINUTES);
    assert_eq!(remove().await.unwrap(), Some(3));
    assert_eq!(scene.sessions(), ["new"]);
    // It is nobody's turn for a while.
    assert_eq!(remove().await.unwrap(), None);
}

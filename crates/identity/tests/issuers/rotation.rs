//! When keys are fetched, and what holds while they cannot be.

use std::sync::Arc;

use modelport_domain::ErrorKind;
use serde_json::json;

use super::signer::Signer;
use super::support::{DISCOVERY, HOUR, KEYS, MINUTE, Provider, SECOND};

/// Lets what was begun beside a request end.
async fn settle(provider: &Provider, requests: usize) {
    provider.server.arrived(requests).await;
    // The answer still has to be read; an unknown key waits for whoever is reading it.
    let unknown = Signer::p256("unknown").token(&provider.claims());
    let _ = provider.verify(&unknown).await;
}

#[tokio::test]
async fn a_new_key_is_fetched_when_its_first_token_comes() {
    let (old, new) = (Signer::p256("old"), Signer::p256("new"));
    let provider = Provider::start(&[&old]).await;
    assert!(provider.verify(&old.token(&provider.claims())).await.is_ok());
    provider.publish(&[&old, &new]);
    provider.time.pass(10 * SECOND);
    assert!(provider.verify(&new.token(&provider.claims())).await.is_ok());
    assert!(provider.verify(&old.token(&provider.claims())).await.is_ok());
    assert_eq!(provider.server.count(KEYS), 2);
}

#[tokio::test]
async fn unknown_keys_cause_one_fetch_in_ten_seconds() {
    let signer = Signer::p256("k");
    let provider = Provider::start(&[&signer]).await;
    assert!(provider.verify(&signer.token(&provider.claims())).await.is_ok());
    let forged = |id| Signer::p256(id).token(&provider.claims());
    provider.time.pass(9_999);
    for id in ["a", "b", "c"] {
        let refusal = provider.refusal(&forged(id)).await;
        assert!(refusal.contains(&format!("the key `{id}`, which the issuer `corp` does not have")), "{refusal}");
    }
    assert_eq!(provider.server.count(KEYS), 1);
    provider.time.pass(1);
    for id in ["a", "b", "c", ""] {
        provider.refusal(&forged(id)).await;
    }
    assert_eq!(provider.server.count(KEYS), 2);
    provider.time.pass(10 * SECOND);
    provider.refusal(&forged("")).await;
    assert_eq!(provider.server.count(KEYS), 3);
}

#[tokio::test]
async fn requests_at_once_share_a_fetch() {
    let signer = Signer::p256("k");
    let provider = Provider::start(&[&signer]).await;
    provider.server.hold(true);
    let verify = |index: usize| {
        let (issuers, subject) = (Arc::clone(&provider.issuers), format!("user-{index}"));
        let token = signer.token(&provider.claims_with("sub", json!(subject)));
        tokio::spawn(async move { issuers.verify(&token).await.map(|identity| identity.subject.clone()) })
    };
    let first = verify(0);
    let others: Vec<_> = (1..50).map(verify).collect();
    provider.server.arrived(1).await;
    // Whoever began it may leave.
    first.abort();
    provider.server.hold(false);
    for (index, other) in others.into_iter().enumerate() {
        assert_eq!(other.await.unwrap().unwrap(), format!("user-{}", index + 1));
    }
    assert_eq!((provider.server.count(DISCOVERY), provider.server.count(KEYS)), (1, 1));
}

#[tokio::test]
async fn keys_are_fetched_again_beside_the_requests() {
    let (old, new) = (Signer::p256("old"), Signer::p256("new"));
    let provider = Provider::start(&[&old]).await;
    assert!(provider.verify(&old.token(&provider.claims())).await.is_ok());
    provider.publish(&[&new]);
    provider.time.pass(15 * MINUTE);
    assert!(provider.verify(&old.token(&provider.claims())).await.is_ok());
    assert_eq!(provider.server.count(KEYS), 1);
    provider.time.pass(SECOND);
    provider.server.hold(true);
    // Not kept waiting.
    assert!(provider.verify(&old.token(&provider.claims())).await.is_ok());
    provider.server.hold(false);
    settle(&provider, 4).await;
    assert_eq!(provider.server.count(KEYS), 2);
    assert!(provider.refusal(&old.token(&provider.claims())).await.contains("the key `old`"));
    assert!(provider.verify(&new.token(&provider.claims())).await.is_ok());
}

#[tokio::test]
async fn known_keys_are_used_for_a_day_while_the_issuer_is_down() {
    let signer = Signer::p256("k");
    let provider = Provider::start(&[&signer]).await;
    assert!(provider.verify(&signer.token(&provider.claims())).await.is_ok());
    provider.go_down();
    provider.time.pass(24 * HOUR);
    assert!(provider.verify(&signer.token(&provider.claims())).await.is_ok());
    // A key that is not known may be a new one: nobody knows.
    provider.time.pass(-HOUR);
    let unknown = Signer::p256("new").token(&provider.claims());
    assert_eq!(provider.verify(&unknown).await.unwrap_err().kind(), ErrorKind::UpstreamUnavailable);
    provider.time.pass(HOUR + SECOND);
    let error = provider.verify(&signer.token(&provider.claims())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamUnavailable);
    assert_eq!(error.message(), "the keys of the issuer `corp` cannot be fetched");
    assert!(error.to_string().contains("answers 503"), "{error}");
}

#[tokio::test]
async fn an_issuer_that_is_down_at_the_start_is_asked_every_ten_seconds() {
    let signer = Signer::p256("k");
    let provider = Provider::start(&[&signer]).await;
    provider.go_down();
    provider.issuers.fetch_keys().await;
    let token = signer.token(&provider.claims());
    for _ in 0..3 {
        assert_eq!(provider.verify(&token).await.unwrap_err().kind(), ErrorKind::UpstreamUnavailable);
    }
    assert_eq!(provider.server.count(DISCOVERY), 1);
    let document = json!({"issuer": provider.server.url, "jwks_uri": format!("{}{KEYS}", provider.server.url)});
    provider.server.answer(DISCOVERY, 200, document);
    provider.publish(&[&signer]);
    provider.time.pass(10 * SECOND);
    assert!(provider.verify(&token).await.is_ok());
}

#[tokio::test]
async fn answers_that_are_not_what_they_should_be_are_not_used() {
    let signer = Signer::p256("k");
    let provider = Provider::start(&[&signer]).await;
    let url = provider.server.url.clone();
    let keys = format!("{url}{KEYS}");
    let good = json!({"issuer": url, "jwks_uri": keys});
    let many = format!("{{\"keys\": [\"{}\"]}}", "x".repeat(2 << 20));
    for (path, status, body, expected) in [
        (DISCOVERY, 200, json!({"issuer": format!("{url}/"), "jwks_uri": keys}).to_string(), "is of the issuer"),
        (DISCOVERY, 200, json!({"jwks_uri": keys}).to_string(), "is of the issuer"),
        (DISCOVERY, 200, json!({"issuer": url}).to_string(), "as its `jwks_uri`"),
        (DISCOVERY, 200, json!({"issuer": url, "jwks_uri": "file:///etc/passwd"}).to_string(), "as its `jwks_uri`"),
        (DISCOVERY, 200, "<html>".to_owned(), "does not answer with JSON"),
        (DISCOVERY, 302, String::new(), "answers 302"),
        (KEYS, 200, many, "more than 1048576 bytes"),
        (KEYS, 200, json!({"keys": []}).to_string(), "none of 0 keys can be used"),
        (KEYS, 200, json!({"keys": [{"kty": "oct", "k": "AAAA"}]}).to_string(), "none of 1 keys can be used"),
        (KEYS, 200, json!({}).to_string(), "there is no list of `keys`"),
    ] {
        provider.server.answer(DISCOVERY, 200, &good);
        provider.server.answer(path, status, body);
        let error = provider.verify(&signer.token(&provider.claims())).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!error.message().contains(&url));
        provider.time.pass(10 * SECOND);
    }
    assert_eq!(provider.server.count("/elsewhere"), 0);
}

#[tokio::test]
async fn an_explicit_url_of_keys_needs_no_discovery() {
    let signer = Signer::p256("k");
    let server = super::server::Server::start().await;
    let keys = format!("{}{KEYS}", server.url);
    let provider = Provider::start_with(&[&signer], |options| options.jwks_url = Some(keys)).await;
    server.answer(KEYS, 200, json!({"keys": [signer.public()]}));
    assert!(provider.verify(&signer.token(&provider.claims())).await.is_ok());
    assert_eq!((server.count(KEYS), provider.server.requests().len()), (1, 0));
}

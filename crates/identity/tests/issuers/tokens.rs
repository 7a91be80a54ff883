//! Which tokens are taken, and what is said of the others.

use modelport_domain::ErrorKind;
use modelport_domain::access::PrincipalKind;
use modelport_identity::{ClaimNames, ClusterOptions, IssuerKind, Issuers, Options};
use serde_json::json;

use super::signer::{Signer, message, with_secret};
use super::support::{DISCOVERY, HOUR, KEYS, MINUTE, Provider, SECOND, issuer};

#[tokio::test]
async fn a_token_of_each_kind_of_key_says_who_it_is() {
    let signers = [Signer::rsa("r"), Signer::p256("e"), Signer::p384("f"), Signer::ed25519("o")];
    let provider = Provider::start(&signers.iter().collect::<Vec<_>>()).await;
    for signer in &signers {
        let mut claims = provider.claims_with("groups", json!(["admins", "ml"]));
        claims["preferred_username"] = json!("Alice");
        claims["email"] = json!("alice@example.org");
        let identity = provider.verify(&signer.token(&claims)).await.unwrap();
        assert_eq!((identity.kind, identity.issuer.as_str()), (PrincipalKind::User, "corp"));
        assert_eq!((identity.subject.as_str(), identity.display_name.as_deref()), ("alice", Some("Alice")));
        assert_eq!(identity.email.as_deref(), Some("alice@example.org"));
        assert_eq!(identity.groups, ["admins", "ml"]);
        assert_eq!(identity.issued_at, Some(provider.time.seconds() * SECOND));
    }
    let pss = signers[0].token_with(&json!({"alg": "PS256", "kid": "r"}), &provider.claims());
    assert!(provider.verify(&pss).await.is_ok());
    assert_eq!((provider.server.count(DISCOVERY), provider.server.count(KEYS)), (1, 1));
}

#[tokio::test]
async fn a_token_for_others_or_another_time_is_refused() {
    let signer = Signer::p256("k");
    let provider = Provider::start(&[&signer]).await;
    let now = provider.time.seconds();
    for (claim, value, expected) in [
        ("iss", json!("https://evil.example"), "issuer `https://evil.example` is not one that is accepted here"),
        ("iss", json!(format!("{}/", provider.server.url)), "is not one that is accepted here"),
        ("iss", json!(null), "it has no `iss`"),
        ("aud", json!("other"), "for the audience `other` instead of `modelport` or `modelport-cli`"),
        ("aud", json!(null), "it has no `aud`"),
        ("exp", json!(now - 100), "the token expired 100 s ago"),
        ("exp", json!(null), "it has no `exp`"),
        ("nbf", json!(now + 100), "not valid yet, but in 100 s"),
        ("sub", json!(null), "it has no text as `sub`"),
        ("_claim_names", json!({"groups": "src1"}), "group overage"),
    ] {
        let refusal = provider.refusal(&signer.token(&provider.claims_with(claim, value))).await;
        assert!(refusal.contains(expected), "{claim}: {refusal}");
    }
    for (claim, value) in [
        ("aud", json!(["other", "modelport-cli"])),
        ("exp", json!(now - 59)),
        ("nbf", json!(now + 60)),
        ("nonce", json!("an ID token")),
    ] {
        assert!(provider.verify(&signer.token(&provider.claims_with(claim, value))).await.is_ok(), "{claim}");
    }
}

#[tokio::test]
async fn a_public_key_is_no_secret_and_none_is_no_algorithm() {
    let signer = Signer::rsa("k");
    let provider = Provider::start(&[&signer]).await;
    let claims = provider.claims();
    let public = signer.public();
    let header = json!({"alg": "HS256", "kid": "k"});
    for secret in [public.to_string(), public["n"].as_str().unwrap().to_owned(), String::new()] {
        let refusal = provider.refusal(&with_secret(secret.as_bytes(), &header, &claims)).await;
        assert!(refusal.contains("`HS256` is not allowed"), "{refusal}");
    }
    for header in [json!({"alg": "none"}), json!({"alg": "none", "kid": "k"})] {
        let refusal = provider.refusal(&format!("{}.", message(&header, &claims))).await;
        assert!(refusal.contains("`none` is not allowed"), "{refusal}");
    }
    // The algorithm is the key's, whatever the token says.
    let other = Signer::p256("k");
    let refusal = provider.refusal(&other.token(&claims)).await;
    assert_eq!(refusal, "the key `k` of the issuer `corp` is not for the algorithm `ES256`");
    assert_eq!(provider.server.count(KEYS), 1);
}

#[tokio::test]
async fn a_key_for_one_algorithm_is_for_no_other() {
    let signer = Signer::rsa("k");
    let provider = Provider::start(&[&signer]).await;
    let mut public = signer.public();
    public["alg"] = json!("RS256");
    provider.server.answer(KEYS, 200, json!({"keys": [public]}));
    assert!(provider.verify(&signer.token(&provider.claims())).await.is_ok());
    let other = signer.token_with(&json!({"alg": "RS512", "kid": "k"}), &provider.claims());
    assert!(provider.refusal(&other).await.contains("is not for the algorithm `RS512`"));
}

#[tokio::test]
async fn a_changed_token_is_refused() {
    let signer = Signer::ed25519("k");
    let provider = Provider::start(&[&signer]).await;
    let token = signer.token(&provider.claims());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let admin = signer.token(&provider.claims_with("sub", json!("admin")));
    let (admin, _) = admin.rsplit_once('.').unwrap();
    for changed in [format!("{admin}.{signature}"), format!("{signed}."), format!("{signed}.{}", "A".repeat(86))] {
        assert_eq!(provider.refusal(&changed).await, "the token's signature is not that of the issuer `corp`");
    }
    // A signature of a key that is known is wrong, however new the keys are.
    provider.time.pass(HOUR / 60);
    provider.refusal(&format!("{admin}.{signature}")).await;
    assert_eq!(provider.server.count(KEYS), 1);
}

#[tokio::test]
async fn a_key_that_the_token_brings_along_is_not_looked_at() {
    let (signer, mine) = (Signer::p256("k"), Signer::p256("k"));
    let provider = Provider::start(&[&signer]).await;
    let header = json!({"alg": "ES256", "kid": "k", "jwk": mine.public(), "jku": provider.server.url, "x5u": provider.server.url});
    let refusal = provider.refusal(&mine.token_with(&header, &provider.claims())).await;
    assert!(refusal.contains("signature"), "{refusal}");
    assert!(provider.verify(&signer.token_with(&header, &provider.claims())).await.is_ok());
}

#[tokio::test]
async fn without_a_key_s_name_all_keys_of_the_family_are_tried() {
    let signers = [Signer::p256(""), Signer::ed25519("o"), Signer::p256("e")];
    let provider = Provider::start(&signers.iter().collect::<Vec<_>>()).await;
    for signer in &signers {
        let nameless = signer.token_with(&json!({"alg": signer.algorithm()}), &provider.claims());
        assert!(provider.verify(&nameless).await.is_ok());
    }
    let other = Signer::p256("");
    assert!(provider.refusal(&other.token(&provider.claims())).await.contains("signature"));
    // A key without a name is not that of a token that names one.
    let named = signers[0].token_with(&json!({"alg": "ES256", "kid": "x"}), &provider.claims());
    assert!(provider.refusal(&named).await.contains("the key `x`"));
}

#[tokio::test]
async fn of_two_issuers_each_has_its_own_keys_and_groups() {
    let (first, second) = (Signer::p256("k"), Signer::p256("k"));
    let (one, two) = (Provider::start(&[&first]).await, Provider::start(&[&second]).await);
    let claims = |roles: &str| ClaimNames { groups: roles.to_owned(), ..ClaimNames::default() };
    let mut other = issuer(&two.server.url, IssuerKind::Oidc);
    (other.name, other.claims) = ("lab".to_owned(), claims("realm_access.roles"));
    let options =
        Options { issuers: vec![issuer(&one.server.url, IssuerKind::Oidc), other], cluster: ClusterOptions::default() };
    let issuers = Issuers::new(options, one.time.clock()).unwrap();
    let identity = issuers.verify(&first.token(&one.claims_with("groups", json!(["a"])))).await.unwrap();
    assert_eq!((identity.issuer.as_str(), identity.groups.as_slice()), ("corp", ["a".to_owned()].as_slice()));
    let identity =
        issuers.verify(&second.token(&two.claims_with("realm_access", json!({"roles": ["b"]})))).await.unwrap();
    assert_eq!((identity.issuer.as_str(), identity.groups.as_slice()), ("lab", ["b".to_owned()].as_slice()));
    let crossed = issuers.verify(&second.token(&one.claims())).await.unwrap_err();
    assert_eq!(crossed.kind(), ErrorKind::Unauthenticated);
}

#[tokio::test]
async fn a_checked_token_is_believed_until_it_expires_and_for_ten_minutes_at_most() {
    let signer = Signer::p256("k");
    let provider = Provider::start(&[&signer]).await;
    let soon = provider.time.seconds() + 120;
    let (long, short) = (signer.token(&provider.claims()), signer.token(&provider.claims_with("exp", json!(soon))));
    assert!(provider.verify(&long).await.is_ok() && provider.verify(&short).await.is_ok());
    // The key is gone at the issuer; this is found out when the keys are asked for again.
    provider.publish(&[&Signer::p256("other")]);
    provider.time.pass(3 * MINUTE);
    assert!(provider.refusal(&short).await.contains("expired"));
    assert!(provider.verify(&long).await.is_ok());
    provider.refusal(&Signer::p256("third").token(&provider.claims())).await;
    assert!(provider.verify(&long).await.is_ok());
    provider.time.pass(7 * MINUTE);
    assert!(provider.refusal(&long).await.contains("the key `k`, which the issuer `corp` does not have"));
}

#[test]
fn options_that_cannot_be_used_are_refused() {
    let clock = || super::support::Time::new().clock();
    let refusal = |issuers| {
        let options = Options { issuers, cluster: ClusterOptions::default() };
        Issuers::new(options, clock()).err().unwrap().message().to_owned()
    };
    let good = || issuer("https://idp.example", IssuerKind::Oidc);
    let mut other = good();
    other.name = "lab".to_owned();
    assert_eq!(refusal(vec![good(), other]), "the issuers `corp` and `lab` have the same URL");
    let mut nobody = good();
    nobody.audiences.clear();
    assert_eq!(refusal(vec![nobody]), "the issuer `corp` has no audiences");
    let folder = tempfile::tempdir().unwrap();
    let (missing, empty) = (folder.path().join("missing.pem"), folder.path().join("empty.pem"));
    std::fs::write(&empty, "no certificates\n").unwrap();
    for (file, expected) in [(missing, "cannot be read"), (empty, "has no certificates")] {
        let mut private = good();
        private.ca_file = Some(file);
        assert!(refusal(vec![private]).contains(expected));
    }
}

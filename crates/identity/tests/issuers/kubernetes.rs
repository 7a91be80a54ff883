//! Service accounts of a cluster whose API server is a server of the test.

use std::sync::Arc;

use modelport_domain::ErrorKind;
use modelport_domain::access::{Identity, PrincipalKind, Verb};
use modelport_identity::{ClusterOptions, IssuerKind, Issuers, Options, Policy, PolicyOptions, Review};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::server::Server;
use super::signer::Signer;
use super::support::{SECOND, Time, issuer};

const URL: &str = "https://kubernetes.default.svc.cluster.local";
const KEYS: &str = "/openid/v1/jwks";
const REVIEWS: &str = "/apis/authentication.k8s.io/v1/tokenreviews";
const ACCESS: &str = "/apis/authorization.k8s.io/v1/subjectaccessreviews";
const TRAINER: &str = "system:serviceaccount:team-a:trainer";

struct Cluster {
    server: Server,
    time: Time,
    signer: Signer,
    folder: TempDir,
    issuers: Arc<Issuers>,
}

impl Cluster {
    async fn start(review: Review, policy: Policy) -> Self {
        let (server, time, signer) = (Server::start().await, Time::new(), Signer::rsa("k"));
        let folder = tempfile::tempdir().unwrap();
        let token_file = folder.path().join("token");
        std::fs::write(&token_file, "own-1\n").unwrap();
        server.answer(KEYS, 200, json!({"keys": [signer.public()]}));
        let resource = "modelregistries.modelregistry.opendatahub.io".to_owned();
        let policy = PolicyOptions { policy, namespace: "models".to_owned(), name: "registry".to_owned(), resource };
        let cluster = ClusterOptions {
            api_server: Some(server.url.clone()),
            ca_file: None,
            token_file: Some(token_file),
            review,
            policy,
        };
        let options = Options { issuers: vec![issuer(URL, IssuerKind::Kubernetes)], cluster };
        let issuers = Arc::new(Issuers::new(options, time.clock()).unwrap());
        Self { server, time, signer, folder, issuers }
    }

    fn token(&self, subject: &str) -> String {
        let now = self.time.seconds();
        let claims = json!({
            "iss": URL, "sub": subject, "aud": ["modelport"], "iat": now, "nbf": now, "exp": now + 3607,
            "kubernetes.io": {"namespace": "team-a", "serviceaccount": {"name": "trainer", "uid": "u"}},
        });
        self.signer.token_with(&json!({"alg": "RS256", "kid": "k"}), &claims)
    }

    fn confirms(&self, status: &Value) {
        let body = json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "status": status});
        self.server.answer(REVIEWS, 201, body);
    }

    async fn trainer(&self) -> Arc<Identity> {
        self.issuers.verify(&self.token(TRAINER)).await.unwrap()
    }
}

fn accepted() -> Value {
    json!({"authenticated": true, "user": {"username": TRAINER}, "audiences": ["modelport"]})
}

#[tokio::test]
async fn a_service_account_is_known_offline() {
    let cluster = Cluster::start(Review::Offline, Policy::None).await;
    let trainer = cluster.trainer().await;
    assert_eq!((trainer.kind, trainer.subject.as_str()), (PrincipalKind::Kubernetes, "team-a/trainer"));
    assert_eq!(trainer.groups, ["system:serviceaccounts", "system:serviceaccounts:team-a"]);
    let requests = cluster.server.requests();
    assert_eq!((requests.len(), requests[0].path.as_str()), (1, KEYS));
    assert_eq!(requests[0].authorization.as_deref(), Some("Bearer own-1"));
    let error = cluster.issuers.verify(&cluster.token("system:node:n1")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert!(cluster.issuers.policy().is_none());
}

#[tokio::test]
async fn a_review_is_kept_for_a_minute() {
    let cluster = Cluster::start(Review::TokenReview, Policy::None).await;
    cluster.confirms(&accepted());
    let token = cluster.token(TRAINER);
    let verify = || {
        let (issuers, token) = (Arc::clone(&cluster.issuers), token.clone());
        tokio::spawn(async move { issuers.verify(&token).await.map(|identity| identity.subject.clone()) })
    };
    let at_once: Vec<_> = (0..100).map(|_| verify()).collect();
    for each in at_once {
        assert_eq!(each.await.unwrap().unwrap(), "team-a/trainer");
    }
    assert_eq!(cluster.server.count(REVIEWS), 1);
    let asked = cluster.server.requests().into_iter().find(|request| request.path == REVIEWS).unwrap();
    assert_eq!(asked.body["spec"], json!({"token": token, "audiences": ["modelport", "modelport-cli"]}));
    assert_eq!(asked.authorization.as_deref(), Some("Bearer own-1"));

    // The account is gone, and this server's own token is another.
    cluster.confirms(&json!({"authenticated": false, "error": "invalid bearer token"}));
    std::fs::write(cluster.folder.path().join("token"), "own-2").unwrap();
    cluster.time.pass(60 * SECOND - 1);
    assert!(verify().await.unwrap().is_ok());
    assert_eq!(cluster.server.count(REVIEWS), 1);
    cluster.time.pass(1);
    let error = verify().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!(error.message(), "the Kubernetes cluster does not accept the token any more");
    assert_eq!(cluster.server.requests().last().unwrap().authorization.as_deref(), Some("Bearer own-2"));
    cluster.confirms(&accepted());
    assert!(verify().await.unwrap().is_err());
    cluster.time.pass(10 * SECOND);
    assert!(verify().await.unwrap().is_ok());
    assert_eq!(cluster.server.count(REVIEWS), 3);
}

#[tokio::test]
async fn a_review_has_to_confirm_audience_and_user() {
    let cluster = Cluster::start(Review::TokenReview, Policy::None).await;
    for (status, expected) in [
        (json!({"authenticated": true, "user": {"username": TRAINER}}), "audience"),
        (json!({"authenticated": true, "user": {"username": TRAINER}, "audiences": ["other"]}), "audience"),
        (json!({"authenticated": true, "user": {"username": "root"}, "audiences": ["modelport"]}), "somebody else's"),
        (json!({"audiences": ["modelport"]}), "does not accept"),
    ] {
        cluster.confirms(&status);
        let error = cluster.issuers.verify(&cluster.token(TRAINER)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert!(error.message().contains(expected), "{error}");
        cluster.time.pass(10 * SECOND);
    }
}

#[tokio::test]
async fn only_tokens_with_a_good_signature_are_reviewed() {
    let cluster = Cluster::start(Review::TokenReview, Policy::None).await;
    cluster.confirms(&accepted());
    let token = cluster.token(TRAINER);
    let (signed, _) = token.rsplit_once('.').unwrap();
    assert!(cluster.issuers.verify(&format!("{signed}.AAAA")).await.is_err());
    assert_eq!(cluster.server.count(REVIEWS), 0);
}

#[tokio::test]
async fn without_an_answer_a_review_is_unavailable_for_some_seconds() {
    let cluster = Cluster::start(Review::TokenReview, Policy::None).await;
    cluster.server.answer(REVIEWS, 500, "{}");
    let token = cluster.token(TRAINER);
    for _ in 0..3 {
        let error = cluster.issuers.verify(&token).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UpstreamUnavailable);
        assert_eq!(error.message(), "the Kubernetes API server cannot be asked");
    }
    assert_eq!(cluster.server.count(REVIEWS), 1);
    cluster.confirms(&accepted());
    cluster.time.pass(5 * SECOND);
    assert!(cluster.issuers.verify(&token).await.is_ok());
}

#[tokio::test]
async fn a_policy_asks_what_its_name_says() {
    for (policy, attributes) in [
        (
            Policy::ServiceGet,
            json!({"namespace": "models", "verb": "get", "group": "", "resource": "services", "name": "registry"}),
        ),
        (
            Policy::ServiceVerb,
            json!({"namespace": "models", "verb": "create", "group": "", "resource": "services", "name": "registry"}),
        ),
        (
            Policy::CustomResource,
            json!({"namespace": "models", "verb": "create", "group": "modelregistry.opendatahub.io",
                   "resource": "modelregistries", "name": "registry"}),
        ),
    ] {
        let cluster = Cluster::start(Review::Offline, policy).await;
        let trainer = cluster.trainer().await;
        cluster.server.answer(ACCESS, 201, json!({"status": {"allowed": true}}));
        let policy = cluster.issuers.policy().unwrap();
        for _ in 0..2 {
            assert!(policy.permits(&trainer.subject, Verb::Create).await.unwrap());
        }
        let requests = cluster.server.requests();
        assert_eq!(requests.len(), 2);
        let groups = ["system:serviceaccounts", "system:serviceaccounts:team-a", "system:authenticated"];
        let expected = json!({"user": TRAINER, "groups": groups, "resourceAttributes": attributes});
        assert_eq!(requests[1].body["spec"], expected);
    }
}

#[tokio::test]
async fn a_policy_denies_and_fails_closed() {
    let cluster = Cluster::start(Review::Offline, Policy::ServiceVerb).await;
    let trainer = cluster.trainer().await;
    let policy = cluster.issuers.policy().unwrap();
    cluster.server.answer(ACCESS, 201, json!({"status": {"allowed": false, "reason": "no"}}));
    assert!(!policy.permits(&trainer.subject, Verb::Delete).await.unwrap());
    cluster.server.answer(ACCESS, 201, json!({"status": {"allowed": true}}));
    assert!(policy.permits(&trainer.subject, Verb::Get).await.unwrap());
    assert!(!policy.permits(&trainer.subject, Verb::Delete).await.unwrap());
    cluster.time.pass(10 * SECOND);
    assert!(policy.permits(&trainer.subject, Verb::Delete).await.unwrap());
    cluster.server.answer(ACCESS, 403, "{}");
    assert!(policy.permits(&trainer.subject, Verb::Get).await.unwrap());
    let error = policy.permits(&trainer.subject, Verb::List).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UpstreamUnavailable);
    // What is no account of a cluster is permitted nothing.
    assert!(!policy.permits("alice", Verb::Get).await.unwrap());
}

#[tokio::test]
async fn reviews_and_policies_need_an_api_server() {
    for (review, policy) in [(Review::TokenReview, Policy::None), (Review::Offline, Policy::ServiceGet)] {
        let policy = PolicyOptions { policy, ..PolicyOptions::default() };
        let cluster = ClusterOptions { review, policy, ..ClusterOptions::default() };
        let options = Options { issuers: vec![issuer(URL, IssuerKind::Kubernetes)], cluster };
        assert!(Issuers::new(options, Time::new().clock()).err().unwrap().message().contains("API server"));
    }
}

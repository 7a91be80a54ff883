//! An issuer on a server of its own, a clock that tests move, and what both give together.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use modelport_domain::access::Identity;
use modelport_domain::{Error, ErrorKind, Millis};
use modelport_identity::{ClaimNames, Clock, ClusterOptions, IssuerKind, IssuerOptions, Issuers, Options};
use serde_json::{Value, json};

use super::server::Server;
use super::signer::Signer;

pub const SECOND: Millis = 1_000;
pub const MINUTE: Millis = 60 * SECOND;
pub const HOUR: Millis = 60 * MINUTE;

pub const DISCOVERY: &str = "/.well-known/openid-configuration";
pub const KEYS: &str = "/keys";

/// The time, which only tests move.
#[derive(Clone)]
pub struct Time(Arc<AtomicI64>);

impl Time {
    pub fn new() -> Self {
        Self(Arc::new(AtomicI64::new(1_800_000_000_000)))
    }

    pub fn clock(&self) -> Clock {
        let now = Arc::clone(&self.0);
        Arc::new(move || now.load(Ordering::SeqCst))
    }

    pub fn pass(&self, time: Millis) {
        self.0.fetch_add(time, Ordering::SeqCst);
    }

    pub fn seconds(&self) -> i64 {
        self.0.load(Ordering::SeqCst) / SECOND
    }
}

pub struct Provider {
    pub server: Server,
    pub time: Time,
    pub issuers: Arc<Issuers>,
}

impl Provider {
    /// An issuer that publishes these keys.
    pub async fn start(signers: &[&Signer]) -> Self {
        Self::start_with(signers, |_| {}).await
    }

    /// The same, with options of its own.
    pub async fn start_with(signers: &[&Signer], change: impl FnOnce(&mut IssuerOptions)) -> Self {
        let (server, time) = (Server::start().await, Time::new());
        let document = json!({"issuer": server.url, "jwks_uri": format!("{}{KEYS}", server.url)});
        server.answer(DISCOVERY, 200, document);
        let mut options = issuer(&server.url, IssuerKind::Oidc);
        change(&mut options);
        let options = Options { issuers: vec![options], cluster: ClusterOptions::default() };
        let issuers = Arc::new(Issuers::new(options, time.clock()).unwrap());
        let provider = Self { server, time, issuers };
        provider.publish(signers);
        provider
    }

    /// Publishes other keys from now on.
    pub fn publish(&self, signers: &[&Signer]) {
        let keys: Vec<_> = signers.iter().map(|signer| signer.public()).collect();
        self.server.answer(KEYS, 200, json!({"keys": keys}));
    }

    /// Fails all requests from now on.
    pub fn go_down(&self) {
        self.server.answer(KEYS, 503, "{}");
        self.server.answer(DISCOVERY, 503, "{}");
    }

    /// What a good token says.
    pub fn claims(&self) -> Value {
        let now = self.time.seconds();
        json!({"iss": self.server.url, "sub": "alice", "aud": "modelport", "iat": now, "exp": now + 86_400 * 2})
    }

    /// The same with another value; `null` leaves the claim out.
    pub fn claims_with(&self, name: &str, value: Value) -> Value {
        let mut claims = self.claims();
        claims[name] = value;
        claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        claims
    }

    pub async fn verify(&self, token: &str) -> Result<Arc<Identity>, Error> {
        self.issuers.verify(token).await
    }

    /// The message of a refusal.
    pub async fn refusal(&self, token: &str) -> String {
        let error = self.verify(token).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated, "{error}");
        for part in token.split('.').filter(|part| part.len() > 20) {
            assert!(!error.to_string().contains(part), "{error}");
        }
        error.message().to_owned()
    }
}

/// The options of an issuer with that URL.
pub fn issuer(url: &str, kind: IssuerKind) -> IssuerOptions {
    IssuerOptions {
        name: "corp".to_owned(),
        url: url.to_owned(),
        audiences: vec!["modelport".to_owned(), "modelport-cli".to_owned()],
        kind,
        jwks_url: None,
        ca_file: None,
        claims: ClaimNames::default(),
        browser: None,
        device: None,
    }
}

//! One issuer: whether a token is one of its own, and who it is about.

use std::sync::Arc;

use super::claims;
use super::cluster::Cluster;
use super::discovery::{Directory, Endpoints};
use super::key_source::{KeySource, Location};
use super::keys::KeySet;
use super::options::{BrowserClient, Clock, IssuerKind, IssuerOptions, Review};
use super::token::{Token, shown};
use super::web::Web;
use crate::domain::access::Identity;
use crate::domain::{Error, Millis, Result};

/// An issuer of the settings.
pub struct Issuer {
    options: IssuerOptions,
    keys: Arc<KeySource>,
    /// Who has to confirm that a token still holds.
    reviewer: Option<Arc<Cluster>>,
    /// Where people log in.
    directory: Directory,
    clock: Clock,
}

impl Issuer {
    pub fn new(options: IssuerOptions, cluster: Option<&Arc<Cluster>>, review: Review, clock: Clock) -> Result<Self> {
        let IssuerOptions { name, url, kind, .. } = &options;
        if options.audiences.is_empty() {
            return Err(Error::invalid("auth", format!("the issuer `{name}` has no audiences")));
        }
        let cluster = cluster.filter(|_| *kind == IssuerKind::Kubernetes);
        let location = match (&options.jwks_url, cluster) {
            (Some(url), _) => Location::At(url.clone(), Web::new(options.ca_file.as_deref())?),
            (None, Some(cluster)) => Location::Cluster(Arc::clone(cluster)),
            (None, None) => Location::Discovered(Web::new(options.ca_file.as_deref())?),
        };
        let reviewer = cluster.filter(|_| review == Review::TokenReview).map(Arc::clone);
        if *kind == IssuerKind::Kubernetes && review == Review::TokenReview && reviewer.is_none() {
            return Err(Error::invalid("auth", "to review the tokens of service accounts, an API server is needed"));
        }
        let directory = Directory::new(name, url, Web::new(options.ca_file.as_deref())?, Arc::clone(&clock));
        let keys = KeySource::new(name, url, location, Arc::clone(&clock));
        Ok(Self { keys, reviewer, directory, clock, options })
    }

    pub fn options(&self) -> &IssuerOptions {
        &self.options
    }

    /// The client by which people log in with a browser.
    pub fn login(&self) -> Option<&BrowserClient> {
        self.options.browser.as_ref()
    }

    /// Where people log in. UpstreamUnavailable where the issuer does not say.
    pub async fn endpoints(&self) -> Result<Arc<Endpoints>> {
        self.directory.endpoints().await
    }

    /// What requests to it are sent with.
    pub fn web(&self) -> &Web {
        self.directory.web()
    }

    /// Fetches the keys, if there are none.
    pub async fn fetch_keys(&self) -> Result<()> {
        self.keys.current().await.map(|_| ())
    }

    /// Who the token is about, and until when that may be relied on without asking again.
    pub async fn verify(&self, text: &str, token: &Token<'_>, now: Millis) -> Result<(Identity, Millis)> {
        let IssuerOptions { name, audiences, kind, claims: names, .. } = &self.options;
        // What costs nothing goes first; nothing of it counts before the signature does.
        let validity = claims::check(token.claims(), audiences, now)?;
        let identity = match kind {
            IssuerKind::Oidc => claims::identity(token.claims(), names, name, validity),
            IssuerKind::Kubernetes => claims::service_account(token.claims(), name, validity),
        };
        self.check_signature(token, false).await?;
        let identity = identity?;
        let Some(cluster) = &self.reviewer else { return Ok((identity, validity.ends)) };
        let user = token.claims().get("sub").and_then(|sub| sub.as_str()).unwrap_or_default();
        cluster.confirm(text, user, audiences).await?;
        Ok((identity, now))
    }

    /// Who an ID token is about that this client was given, and whether it says groups (OpenID Connect Core 1.0 §3.1.3.7).
    pub async fn verify_id_token(
        &self,
        text: &str,
        client: &str,
        nonce: Option<&str>,
        access_token: Option<&str>,
    ) -> Result<(Identity, bool)> {
        let IssuerOptions { name, url, claims: names, .. } = &self.options;
        let token = Token::parse(text)?;
        let said = token.issuer()?;
        if said != url {
            let said = shown(said);
            return Err(Error::unauthenticated(format!("the ID token is of the issuer `{said}` instead of `{url}`")));
        }
        let validity = claims::check(token.claims(), &[client.to_owned()], (self.clock)())?;
        self.check_signature(&token, true).await?;
        claims::check_login(token.claims(), client, nonce)?;
        if let Some(access_token) = access_token {
            token.check_access_token(access_token)?;
        }
        let identity = claims::identity(token.claims(), names, name, validity)?;
        Ok((identity, claims::has_groups(token.claims(), names)))
    }

    /// Tries the keys that fit; where none does, newer ones, if there are any. `is_given`: the issuer itself has just given the token.
    async fn check_signature(&self, token: &Token<'_>, is_given: bool) -> Result<()> {
        let keys = self.keys.current().await?;
        if is_signed(token, &keys) {
            return Ok(());
        }
        // A wrong signature of a key that is known is wrong, however new the keys are.
        let is_known = |keys: &KeySet| token.key_id().is_some_and(|id| keys.has(id));
        if is_known(&keys) {
            return Err(self.refused(token, &keys));
        }
        let newer = self.keys.newer_than(&keys, is_given).await?;
        match &newer {
            Some(newer) if is_signed(token, newer) => Ok(()),
            _ => Err(self.refused(token, newer.as_ref().unwrap_or(&keys))),
        }
    }

    fn refused(&self, token: &Token<'_>, keys: &KeySet) -> Error {
        let (name, algorithm) = (&self.options.name, token.algorithm());
        Error::unauthenticated(match token.key_id() {
            Some(id) if !keys.has(id) => {
                format!("the token is signed with the key `{}`, which the issuer `{name}` does not have", shown(id))
            }
            Some(id) if keys.matching(Some(id), algorithm).next().is_none() => {
                format!("the key `{}` of the issuer `{name}` is not for the algorithm `{algorithm:?}`", shown(id))
            }
            _ => format!("the token's signature is not that of the issuer `{name}`"),
        })
    }
}

fn is_signed(token: &Token<'_>, keys: &KeySet) -> bool {
    keys.matching(token.key_id(), token.algorithm()).any(|key| token.is_signed_with(key))
}

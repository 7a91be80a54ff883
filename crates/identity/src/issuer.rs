//! One issuer: whether a token is one of its own, and who it is about.

use std::sync::Arc;

use super::claims;
use super::cluster::Cluster;
use super::key_source::{KeySource, Location};
use super::keys::KeySet;
use super::options::{Clock, IssuerKind, IssuerOptions, Review};
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
        Ok(Self { keys: KeySource::new(name, url, location, clock), reviewer, options })
    }

    pub fn options(&self) -> &IssuerOptions {
        &self.options
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
        self.check_signature(token).await?;
        let identity = identity?;
        let Some(cluster) = &self.reviewer else { return Ok((identity, validity.ends)) };
        let user = token.claims().get("sub").and_then(|sub| sub.as_str()).unwrap_or_default();
        cluster.confirm(text, user, audiences).await?;
        Ok((identity, now))
    }

    /// Tries the keys that fit; where none does, newer ones, if there are any.
    async fn check_signature(&self, token: &Token<'_>) -> Result<()> {
        let keys = self.keys.current().await?;
        if is_signed(token, &keys) {
            return Ok(());
        }
        // A wrong signature of a key that is known is wrong, however new the keys are.
        let is_known = |keys: &KeySet| token.key_id().is_some_and(|id| keys.has(id));
        if is_known(&keys) {
            return Err(self.refused(token, &keys));
        }
        let newer = self.keys.newer_than(&keys).await?;
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

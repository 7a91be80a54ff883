//! All issuers: picks the one that a token names, and remembers whose tokens were checked.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cache::Expiring;
use super::cluster::Cluster;
use super::device::DeviceClient;
use super::issuer::Issuer;
use super::options::{Clock, Options};
use super::policy::AccessPolicy;
use super::token::{Token, shown};
use crate::domain::access::Identity;
use crate::domain::{Error, Millis, Result, Sha256};

/// How long a token that was checked is believed at most, before it is checked again.
const CHECKED_MS: Millis = 10 * 60_000;
/// The most checked tokens that are remembered.
const CAPACITY: usize = 20_000;

/// The issuers of the settings, whose tokens say who somebody is.
pub struct Issuers {
    by_url: BTreeMap<String, Issuer>,
    checked: Expiring<Sha256, Arc<Identity>>,
    policy: Option<AccessPolicy>,
    clock: Clock,
}

impl Issuers {
    /// Reads the certificates that the options name; asks nobody yet. InvalidArgument where the options cannot be used.
    pub fn new(options: Options, clock: Clock) -> Result<Self> {
        let cluster = Cluster::new(&options.cluster, Arc::clone(&clock))?;
        let policy = AccessPolicy::new(&options.cluster, cluster.as_ref(), Arc::clone(&clock))?;
        let mut by_url = BTreeMap::new();
        for issuer in options.issuers {
            let (name, url) = (issuer.name.clone(), issuer.url.clone());
            let issuer = Issuer::new(issuer, cluster.as_ref(), options.cluster.review, Arc::clone(&clock))?;
            if let Some(other) = by_url.insert(url, issuer) {
                let message = format!("the issuers `{}` and `{name}` have the same URL", other.options().name);
                return Err(Error::invalid("auth", message));
            }
        }
        Ok(Self { by_url, checked: Expiring::new(CAPACITY), policy, clock })
    }

    /// Fetches the keys of all issuers, so that what is wrong with one is in the log before its first token comes.
    pub async fn fetch_keys(&self) {
        for issuer in self.by_url.values() {
            // The failure is logged where it is found.
            let _ = issuer.fetch_keys().await;
        }
    }

    /// The issuers by which people log in with a command line, by name.
    pub fn device_logins(&self) -> impl Iterator<Item = (&str, &DeviceClient)> {
        let options = self.iter().map(Issuer::options);
        options.filter_map(|options| Some((options.name.as_str(), options.device.as_ref()?)))
    }

    /// Each of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Issuer> {
        self.by_url.values()
    }

    /// Whether there are any.
    pub fn is_empty(&self) -> bool {
        self.by_url.is_empty()
    }

    /// Which rules of the Kubernetes cluster have to permit what its service accounts do; `None` where bindings decide alone.
    pub fn policy(&self) -> Option<&AccessPolicy> {
        self.policy.as_ref()
    }

    /// Who a token is about.
    ///
    /// Unauthenticated where it is not valid, with what is wrong with it and without its text; UpstreamUnavailable where the
    /// issuer's keys or the cluster's review are needed and cannot be had.
    pub async fn verify(&self, text: &str) -> Result<Arc<Identity>> {
        let now = (self.clock)();
        let digest = Sha256::of(text.as_bytes());
        if let Some(identity) = self.checked.get(&digest, now) {
            return Ok(identity);
        }
        let token = Token::parse(text)?;
        let issuer = token.issuer()?;
        let issuer = self.by_url.get(issuer).ok_or_else(|| {
            Error::unauthenticated(format!("the token's issuer `{}` is not one that is accepted here", shown(issuer)))
        })?;
        let (identity, ends) = issuer.verify(text, &token, now).await?;
        let identity = Arc::new(identity);
        if now < ends {
            self.checked.put(digest, Arc::clone(&identity), ends.min(now.saturating_add(CHECKED_MS)));
        }
        Ok(identity)
    }
}

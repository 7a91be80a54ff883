//! Where the keys of an issuer come from, and how long they are good for.

use std::sync::{Arc, Mutex, PoisonError};

use super::cluster::Cluster;
use super::discovery;
use super::keys::KeySet;
use super::options::Clock;
use super::web::{Answer, Web};
use crate::domain::{Error, Millis, Result};

/// How old keys may be before they are fetched again beside the requests that use them.
const FRESH_MS: Millis = 15 * 60_000;
/// How long keys are used while no newer ones can be fetched.
const USABLE_MS: Millis = 24 * 3_600_000;
/// How often keys are fetched at most, whatever tokens say.
const PAUSE_MS: Millis = 10_000;

/// Where keys are.
pub enum Location {
    /// Where the issuer says (OpenID Connect Discovery 1.0 §4).
    Discovered(Web),
    /// At a URL.
    At(String, Web),
    /// At the API server of a cluster.
    Cluster(Arc<Cluster>),
}

/// The keys of one issuer.
pub struct KeySource {
    name: String,
    issuer: String,
    location: Location,
    clock: Clock,
    state: Mutex<State>,
    fetching: tokio::sync::Mutex<()>,
}

/// What is known. `attempts` counts, so that whoever waited for a fetch knows that there was one.
#[derive(Clone, Default)]
struct State {
    keys: Option<Arc<KeySet>>,
    fetched_at: Millis,
    tried_at: Option<Millis>,
    attempts: u64,
    failure: Option<String>,
}

impl State {
    fn usable(&self, now: Millis) -> Option<&Arc<KeySet>> {
        self.keys.as_ref().filter(|_| now.saturating_sub(self.fetched_at) <= USABLE_MS)
    }

    fn may_fetch(&self, now: Millis) -> bool {
        // A clock that was set back does not stop it for long.
        self.tried_at.is_none_or(|tried| now.saturating_sub(tried).unsigned_abs() >= PAUSE_MS.unsigned_abs())
    }
}

impl KeySource {
    pub fn new(name: &str, issuer: &str, location: Location, clock: Clock) -> Arc<Self> {
        let (name, issuer) = (name.to_owned(), issuer.to_owned());
        let (state, fetching) = (Mutex::default(), tokio::sync::Mutex::new(()));
        Arc::new(Self { name, issuer, location, clock, state, fetching })
    }

    /// The keys, which are fetched where there are none. UpstreamUnavailable where they cannot be.
    pub async fn current(self: &Arc<Self>) -> Result<Arc<KeySet>> {
        let (state, now) = (self.state(), (self.clock)());
        if let Some(keys) = state.usable(now) {
            let is_old = now.saturating_sub(state.fetched_at) > FRESH_MS;
            if is_old && state.may_fetch(now) && self.fetching.try_lock().is_ok() {
                let this = Arc::clone(self);
                tokio::spawn(async move { this.fetch_after(state.attempts, false).await });
            }
            return Ok(Arc::clone(keys));
        }
        let state = self.fetched_after(state.attempts, false).await?;
        state.usable((self.clock)()).map(Arc::clone).ok_or_else(|| self.unavailable(&state))
    }

    /// Newer keys than these, in which a token's key was not; `None` where there are none. UpstreamUnavailable where nobody knows.
    ///
    /// They are fetched at once where the issuer itself has just given the token, and otherwise as often as others may have it done.
    pub async fn newer_than(self: &Arc<Self>, seen: &Arc<KeySet>, is_given: bool) -> Result<Option<Arc<KeySet>>> {
        let is_newer = |state: &State| state.keys.as_ref().filter(|keys| !Arc::ptr_eq(keys, seen)).map(Arc::clone);
        let state = self.state();
        if let Some(keys) = is_newer(&state) {
            return Ok(Some(keys));
        }
        let state = self.fetched_after(state.attempts, is_given).await?;
        match is_newer(&state) {
            None if state.failure.is_some() => Err(self.unavailable(&state)),
            newer => Ok(newer),
        }
    }

    /// What is known after a fetch, if one may take place. It ends even if its caller leaves, so that others need not begin anew.
    async fn fetched_after(self: &Arc<Self>, attempts: u64, at_once: bool) -> Result<State> {
        let this = Arc::clone(self);
        let fetched = tokio::spawn(async move { this.fetch_after(attempts, at_once).await }).await;
        fetched.map_err(|error| Error::internal("the keys of an issuer were not fetched").caused_by(error))?;
        Ok(self.state())
    }

    /// Fetches, unless there have been more attempts since, or one just before where it need not be at once.
    async fn fetch_after(&self, attempts: u64, at_once: bool) {
        let _alone = self.fetching.lock().await;
        let state = self.state();
        if state.attempts != attempts || !at_once && !state.may_fetch((self.clock)()) {
            return;
        }
        let found = self.fetch().await;
        let now = (self.clock)();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.tried_at = Some(now);
        state.attempts += 1;
        match found {
            Ok(keys) => {
                if state.failure.take().is_some() {
                    log::info!(issuer = self.name.as_str(); "the keys of the issuer can be fetched again");
                }
                state.keys = Some(Arc::new(keys));
                state.fetched_at = now;
            }
            Err(why) => {
                // Repeated by each attempt, this would be a flood.
                if state.failure.as_ref() != Some(&why) {
                    log::warn!(issuer = self.name.as_str(), error = why.as_str(); "the keys of the issuer cannot be fetched");
                }
                state.failure = Some(why);
            }
        }
    }

    async fn fetch(&self) -> Answer<KeySet> {
        let set = match &self.location {
            Location::Cluster(cluster) => cluster.keys().await?,
            Location::At(url, web) => web.get(url, None).await?,
            Location::Discovered(web) => web.get(&self.discover(web).await?, None).await?,
        };
        KeySet::parse(&set).map_err(|why| format!("the keys cannot be used: {why}"))
    }

    /// The URL of the keys, out of the document of an issuer that has exactly the configured name.
    async fn discover(&self, web: &Web) -> Answer<String> {
        discovery::endpoint(&discovery::document(web, &self.issuer).await?, &self.issuer, "jwks_uri")
    }

    fn unavailable(&self, state: &State) -> Error {
        let why = state.failure.clone().unwrap_or_else(|| "they were not fetched".to_owned());
        Error::upstream_unavailable(format!("the keys of the issuer `{}` cannot be fetched", self.name)).caused_by(why)
    }

    fn state(&self) -> State {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

//! What this process remembers of who may do what, for as long as the epoch stays the same.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::bounded_map::BoundedMap;
use crate::domain::access::{
    ApiToken, Group, KnownSession, Principal, PrincipalId, Rights, Slug, TokenId, TokenLimits, Workspace, WorkspaceId,
};
use crate::domain::{Millis, Result};
use crate::store::Store;
use crate::store::access::epoch::{self, Shared};

/// For how long the epoch that was read last is believed, in milliseconds.
pub(crate) const EPOCH_LASTS: Millis = 1000;

/// For how long anything is remembered, in milliseconds, though the epoch stay the same.
pub(crate) const REMEMBERED: Millis = 30_000;

/// Whose rights they are, as far as they depend on it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct RightsKey {
    pub(crate) principal: Option<PrincipalId>,
    /// Sorted.
    pub(crate) groups: Vec<Group>,
    pub(crate) writer_in: Option<WorkspaceId>,
    pub(crate) limits: Option<TokenLimits>,
}

/// A token as it was found, with its owner.
#[derive(Debug)]
pub(crate) struct KnownToken {
    pub(crate) token: ApiToken,
    pub(crate) hash: String,
    pub(crate) owner: Arc<Principal>,
}

/// What is to be written of uses, in a while.
#[derive(Debug, Default)]
pub(crate) struct Uses {
    pub(crate) tokens: HashMap<TokenId, Millis>,
    pub(crate) principals: HashMap<PrincipalId, Millis>,
}

/// The epoch as far as it is known.
#[derive(Debug, Default)]
struct Known {
    epoch: i64,
    /// When it was read; `None` when it is to be read before it is believed.
    read_at: Option<Millis>,
    /// How often this process has changed something.
    changes: u64,
}

/// What this process remembers.
#[derive(Default)]
pub(crate) struct AccessCache {
    known: Mutex<Known>,
    /// Held by whoever reads the epoch, so that one does for all that need it.
    reading: tokio::sync::Mutex<()>,
    shared: Mutex<Shared>,
    pub(crate) rights: BoundedMap<RightsKey, Arc<Rights>>,
    pub(crate) principals: BoundedMap<(String, String), Arc<Principal>>,
    pub(crate) tokens: BoundedMap<String, Arc<KnownToken>>,
    pub(crate) sessions: BoundedMap<String, Arc<KnownSession>>,
    pub(crate) workspaces: BoundedMap<Slug, Option<Workspace>>,
    uses: Mutex<Uses>,
}

impl AccessCache {
    /// The epoch, at most a second old: a change that this process has made counts at once.
    pub(crate) async fn epoch(&self, store: &Store, now: Millis) -> Result<i64> {
        if let Some(epoch) = self.fresh(now) {
            return Ok(epoch);
        }
        let _reading = self.reading.lock().await;
        if let Some(epoch) = self.fresh(now) {
            return Ok(epoch);
        }
        let changes = self.known().changes;
        let epoch = store.read_once(epoch::current).await?;
        let mut known = self.known();
        known.epoch = known.epoch.max(epoch);
        // What was changed meanwhile may not be in it.
        known.read_at = (known.changes == changes).then_some(now);
        Ok(known.epoch)
    }

    fn fresh(&self, now: Millis) -> Option<i64> {
        let known = self.known();
        let read_at = known.read_at?;
        (read_at <= now && now < read_at.saturating_add(EPOCH_LASTS)).then_some(known.epoch)
    }

    /// Says that this process has changed something, or may have.
    pub(crate) fn changed(&self) {
        let mut known = self.known();
        known.changes += 1;
        known.read_at = None;
    }

    /// What everybody's rights depend on, as it was loaded last.
    pub(crate) fn shared(&self) -> Shared {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Keeps what everybody's rights depend on.
    pub(crate) fn set_shared(&self, loaded: &Shared) {
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        if shared.epoch < loaded.epoch {
            *shared = loaded.clone();
        }
    }

    /// What is to be written of uses.
    pub(crate) fn uses(&self) -> MutexGuard<'_, Uses> {
        self.uses.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

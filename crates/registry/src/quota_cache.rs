//! What this process remembers of the quotas of workspaces.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::domain::access::{Quota, WorkspaceId};
use crate::domain::{Millis, Result};
use crate::store::Tx;
use crate::store::access::quotas;

/// For how long the quotas that were read last are believed, in milliseconds.
const LASTS: Millis = 10_000;

type Quotas = Arc<BTreeMap<WorkspaceId, Quota>>;

/// The quotas as this process read them last, so that uploads cost no statement more where there are none.
#[derive(Default)]
pub(crate) struct KnownQuotas(Mutex<Option<(Millis, Quotas)>>);

impl KnownQuotas {
    /// The quotas, at most ten seconds old.
    pub(crate) fn current(&self, tx: &mut Tx<'_>, now: Millis) -> Result<Quotas> {
        let fresh = self.known().as_ref().filter(|(at, _)| *at <= now && now < at.saturating_add(LASTS)).cloned();
        if let Some((_, quotas)) = fresh {
            return Ok(quotas);
        }
        let read = Arc::new(quotas::all(tx)?);
        *self.known() = Some((now, Arc::clone(&read)));
        Ok(read)
    }

    /// Forgets them, because this process has changed one.
    pub(crate) fn forget(&self) {
        *self.known() = None;
    }

    fn known(&self) -> MutexGuard<'_, Option<(Millis, Quotas)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! Counting what the registry holds.

use std::sync::{Arc, Mutex, PoisonError};

use super::Registry;
use super::context::RequestContext;
use crate::domain::{Inventory, Millis, Result};
use crate::store::inventory;

/// What was counted last, and when.
pub(super) type LastInventory = Arc<Mutex<Option<(Millis, Inventory)>>>;

impl Registry {
    /// Counts what the registry holds and remembers it for [`Registry::inventory`]. Reads some indexes whole, which takes a
    /// fraction of a second with a million nodes.
    pub async fn take_inventory(&self, context: &RequestContext) -> Result<Inventory> {
        let counted = self.read(context, |tx| inventory::count(tx)).await?;
        let latest = Some((context.now(), counted.clone()));
        *self.inventory.lock().unwrap_or_else(PoisonError::into_inner) = latest;
        Ok(counted)
    }

    /// What this process counted last, and when; none before the first time.
    pub fn inventory(&self) -> Option<(Millis, Inventory)> {
        self.inventory.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

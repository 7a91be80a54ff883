//! Counting what the registry holds.

use std::sync::PoisonError;

use super::context::RequestContext;
use crate::domain::{Inventory, Millis, Result};
use crate::services::Upkeep;
use crate::store::inventory;

impl Upkeep {
    /// Counts what the registry holds and remembers it for [`Upkeep::inventory`]. Reads some indexes whole, which takes a
    /// fraction of a second with a million nodes.
    pub async fn take_inventory(&self, context: &RequestContext) -> Result<Inventory> {
        let counted = self.core.read(context, |tx| inventory::count(tx)).await?;
        let latest = Some((context.now(), counted.clone()));
        *self.core.inventory.lock().unwrap_or_else(PoisonError::into_inner) = latest;
        Ok(counted)
    }

    /// What this process counted last, and when; none before the first time.
    pub fn inventory(&self) -> Option<(Millis, Inventory)> {
        self.core.inventory.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

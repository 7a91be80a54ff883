//! The history of changes: of one node, and of all nodes.

use super::context::RequestContext;
use crate::domain::{ChangeRecord, Error, NodeId, PageSize, Result};
use crate::services::History;
use crate::store::changes;

/// How many changes get their position in the feed at once.
const MAX_ASSIGNED: i64 = 10_000;

impl History {
    /// The changes of a node after the change with the id `after`, oldest first. A removed node keeps its history.
    ///
    /// Errors: NotFound when there never was such a node.
    pub async fn node_history(
        &self,
        context: &RequestContext,
        node: NodeId,
        after: i64,
        size: PageSize,
    ) -> Result<Vec<ChangeRecord>> {
        self.core
            .read(context, move |tx| {
                let found = changes::of_node(tx, node, after, size.get())?;
                if found.is_empty() && changes::of_node(tx, node, 0, 1)?.is_empty() {
                    return Err(Error::not_found(format!("node `{node}`")));
                }
                Ok(found)
            })
            .await
    }

    /// The changes of all nodes after the position `after`, in the order in which they became visible.
    ///
    /// A reader that follows positions misses nothing: see [`changes::assign_positions`].
    pub async fn changes(&self, context: &RequestContext, after: i64, size: PageSize) -> Result<Vec<ChangeRecord>> {
        let placed = self
            .core
            .read(context, move |tx| {
                let found = changes::feed(tx, after, size.get())?;
                let is_whole = found.len() >= size.get() as usize || !changes::any_without_position(tx)?;
                Ok(is_whole.then_some(found))
            })
            .await?;
        if let Some(found) = placed {
            return Ok(found);
        }
        self.core
            .write(context, move |tx| {
                changes::assign_positions(tx, MAX_ASSIGNED)?;
                changes::feed(tx, after, size.get())
            })
            .await
    }
}

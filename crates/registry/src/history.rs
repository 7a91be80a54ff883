//! The history of changes: of one node, and of all nodes.

use super::context::RequestContext;
use crate::domain::{ChangeRecord, Error, NodeId, PageSize, Result};
use crate::services::History;
use crate::store::changes::{self, FeedPage};

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

    /// The changes in the request's workspace after the position `after`, in the order in which they became visible, and the position
    /// after which the next page begins. A page may be short, or empty, though there are more.
    ///
    /// A reader that follows positions misses nothing: see [`changes::assign_positions`].
    pub async fn changes(
        &self,
        context: &RequestContext,
        after: i64,
        size: PageSize,
    ) -> Result<(Vec<ChangeRecord>, i64)> {
        let placed = self
            .core
            .read(context, move |tx| {
                let page = changes::feed(tx, after, size.get())?;
                if page.changes.len() >= size.get() as usize {
                    return Ok(Some((page.changes, page.next)));
                }
                Ok(changes::last_position(tx)?.map(|last| end_of(page, last)))
            })
            .await?;
        if let Some(found) = placed {
            return Ok(found);
        }
        self.core
            .write(context, move |tx| {
                changes::assign_positions(tx, MAX_ASSIGNED)?;
                let page = changes::feed(tx, after, size.get())?;
                Ok((page.changes, page.next))
            })
            .await
    }
}

/// A page that is not full, and where the next one begins: whoever sees little makes progress past what others changed.
fn end_of(page: FeedPage, last: i64) -> (Vec<ChangeRecord>, i64) {
    let scanned = page.scanned.map_or(page.next, |scanned| last.min(scanned));
    (page.changes, page.next.max(scanned))
}

//! The history of changes: of one node, and of all nodes.

use std::collections::BTreeMap;

use super::context::RequestContext;
use crate::domain::change::ChangesFrom;
use crate::domain::graph::Type;
use crate::domain::{Action, ChangeRecord, Error, LogicalType, Millis, NodeId, PageSize, Result};
use crate::services::History;
use crate::store::access::principals;
use crate::store::changes::{self, BackwardsPage, FeedPage, WantedActor, WantedChanges};
use crate::store::graph::types;
use crate::store::nodes;

/// Which changes of a workspace are wanted; what is `None` narrows nothing.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ChangeListing {
    /// Who made them: a handle, or the name of what is nobody.
    pub actor: Option<String>,
    /// What was done.
    pub action: Option<Action>,
    /// To which node.
    pub node: Option<NodeId>,
    /// Of which type that is.
    pub of_type: Option<LogicalType>,
    /// Not before then.
    pub from: Option<Millis>,
    /// Before then.
    pub to: Option<Millis>,
}

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
                let found = changes::of_node(tx, node, ChangesFrom::After(after), size.get())?;
                if found.is_empty() && changes::of_node(tx, node, ChangesFrom::After(0), 1)?.is_empty() {
                    return Err(Error::not_found(format!("node `{node}`")));
                }
                Ok(found)
            })
            .await
    }

    /// The changes of a node, in that order; `is_subtree` is for those of what belongs to it, too, also of what was removed.
    ///
    /// Errors: NotFound when there never was such a node.
    pub async fn node_history_in(
        &self,
        context: &RequestContext,
        node: NodeId,
        which: ChangesFrom,
        is_subtree: bool,
        size: PageSize,
    ) -> Result<Vec<ChangeRecord>> {
        self.core
            .read_long(context, move |tx| {
                let missing = || Error::not_found(format!("node `{node}`"));
                // What it belongs to, or did until it was removed.
                let place = match nodes::find_bare(tx, node)? {
                    Some(found) => found.place,
                    None => changes::of_node(tx, node, ChangesFrom::After(0), 1)?.first().ok_or_else(missing)?.place,
                };
                if is_subtree {
                    return changes::of_subtree(tx, (node, place.root), which, size.get());
                }
                changes::of_node(tx, node, which, size.get())
            })
            .await
    }

    /// The last changes in the request's workspace before the change of that id, the newest first; and the id before which the next
    /// page is, where there may be one. A page may be short, or empty, though there are more.
    pub async fn last_changes(
        &self,
        context: &RequestContext,
        listing: ChangeListing,
        before: Option<i64>,
        size: PageSize,
    ) -> Result<(Vec<ChangeRecord>, Option<i64>)> {
        self.core
            .read_long(context, move |tx| {
                let ChangeListing { actor, action, node, of_type, from, to } = listing.clone();
                let actor = match actor {
                    None => None,
                    Some(name) => Some(match name.parse().ok().map(|handle| principals::find_by_handle(tx, &handle)) {
                        Some(Ok(Some(found))) => WantedActor::Principal(found.id),
                        Some(Err(error)) => return Err(error),
                        Some(Ok(None)) | None => WantedActor::Named(name),
                    }),
                };
                let type_id = of_type.map(LogicalType::id);
                let wanted = WantedChanges { actor, action, node, type_id, from, to };
                let BackwardsPage { changes, next } = changes::backwards(tx, &wanted, before, size.get())?;
                Ok((changes, next))
            })
            .await
    }

    /// The types that ML Metadata's users made and nodes of these changes were of, by id.
    pub async fn types_of(&self, context: &RequestContext, changes: &[ChangeRecord]) -> Result<BTreeMap<i64, Type>> {
        let said = changes.iter().filter_map(|change| change.document.get("typeId")?.as_i64());
        let mut ids: Vec<i64> = said.filter(|id| LogicalType::from_id(*id).is_none()).collect();
        ids.sort_unstable();
        ids.dedup();
        if ids.is_empty() {
            return Ok(BTreeMap::new());
        }
        self.core.read(context, move |tx| types::load(tx, types::Which::OfNodes(&ids))).await
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
                // Nobody assigns any meanwhile: all up to the last one are seen, if they may be.
                let last = changes::end(tx)?;
                Ok(end_of(page, last))
            })
            .await
    }
}

/// A page that is not full, and where the next one begins: whoever sees little makes progress past what others changed.
fn end_of(page: FeedPage, last: i64) -> (Vec<ChangeRecord>, i64) {
    let scanned = page.scanned.map_or(page.next, |scanned| last.min(scanned));
    (page.changes, page.next.max(scanned))
}

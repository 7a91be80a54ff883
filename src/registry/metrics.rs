//! The history of metrics.

use std::hash::{Hash, Hasher};

use super::Registry;
use super::entities::get;
use crate::domain::{Cursor, LogicalType, Node, OrderBy, Page, PageSize, PageToken, Result};
use crate::store::metrics;

pub use crate::store::metrics::HistorySelection;

/// Without a page size the whole history comes, read in batches of this many.
const BATCH: u32 = 5000;

struct Query<'a>(&'a HistorySelection);

impl Hash for Query<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        format!("{:?}", self.0).hash(state);
    }
}

impl Registry {
    /// A page of the points of a run's metrics, or of every run's; each as its metric was with it.
    ///
    /// Errors: NotFound when the run does not exist, InvalidArgument when the token belongs to another query.
    pub async fn metric_history(
        &self,
        selection: HistorySelection,
        size: Option<PageSize>,
        token: Option<PageToken>,
    ) -> Result<Page<Node>> {
        let mut after = token.map(|token| token.cursor_for(&Query(&selection))).transpose()?;
        let mut items = Vec::new();
        loop {
            let limit = size.map_or(BATCH, PageSize::get);
            let batch_of = selection.clone();
            let mut batch = self
                .store
                .read(move |tx| {
                    if let Some(run) = batch_of.run {
                        get(tx, LogicalType::ExperimentRun, run)?;
                    }
                    metrics::history(tx, &batch_of, after, limit + 1)
                })
                .await?;
            let more = batch.len() > limit as usize;
            batch.truncate(limit as usize);
            after = batch.last().map(|last| Cursor {
                value: if selection.order.by == OrderBy::Id { 0 } else { last.created_at },
                id: last.id,
            });
            items.append(&mut batch);
            match (more, size, after) {
                (true, None, _) => {}
                (true, Some(_), Some(after)) => {
                    return Ok(Page { items, next: Some(PageToken::new(&Query(&selection), after)) });
                }
                _ => return Ok(Page { items, next: None }),
            }
        }
    }
}

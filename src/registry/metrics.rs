//! The history of metrics.

use std::hash::{Hash, Hasher};

use super::Registry;
use super::entities::{cursor, get};
use crate::domain::{LogicalType, Node, Page, PageRequest, PageSize, PageToken, Result};
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
    pub async fn metric_history(&self, selection: HistorySelection, request: PageRequest) -> Result<Page<Node>> {
        let PageRequest { size, token, with_total } = request;
        let mut after = token.map(|token| token.cursor_for(&Query(&selection))).transpose()?;
        let (mut items, mut total) = (Vec::new(), None);
        loop {
            let limit = size.map_or(BATCH, PageSize::get);
            let is_counted = with_total && total.is_none();
            let (batch_of, from) = (selection.clone(), after.take());
            let (mut batch, counted) = self
                .store
                .read(move |tx| {
                    if let Some(run) = batch_of.run {
                        get(tx, LogicalType::ExperimentRun, run)?;
                    }
                    let batch = metrics::history(tx, &batch_of, from.as_ref(), limit + 1)?;
                    let counted = is_counted.then(|| metrics::count(tx, &batch_of)).transpose()?;
                    Ok((batch, counted))
                })
                .await?;
            total = total.or(counted);
            let more = batch.len() > limit as usize;
            batch.truncate(limit as usize);
            let last = batch.last().map(|last| cursor(selection.order.by, last));
            items.append(&mut batch);
            match (more, size, last) {
                (true, None, last) => after = last,
                (true, Some(_), Some(last)) => {
                    return Ok(Page { items, next: Some(PageToken::new(&Query(&selection), last)), total });
                }
                _ => return Ok(Page { items, next: None, total }),
            }
        }
    }
}

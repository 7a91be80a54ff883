//! The history of metrics.

use super::Registry;
use super::entities::get_bare;
use super::pages::{self, List, Pages};
use crate::domain::{Cursor, LogicalType, Node, OrderBy, PageRequest, Result};
use crate::store::{Tx, metrics};

pub use crate::store::metrics::HistorySelection;

impl List for HistorySelection {
    const BATCH: u32 = 5000;

    fn order_by(&self) -> OrderBy {
        self.order.by
    }

    fn check(&self, tx: &mut Tx<'_>) -> Result<()> {
        self.run.map_or(Ok(()), |run| get_bare(tx, LogicalType::ExperimentRun, run).map(drop))
    }

    fn batch(&self, _: &Registry, tx: &mut Tx<'_>, after: Option<&Cursor>, limit: u32) -> Result<Vec<Node>> {
        metrics::history(tx, self, after, limit)
    }

    fn count(&self, tx: &mut Tx<'_>) -> Result<u64> {
        metrics::count(tx, self)
    }
}

impl Registry {
    /// A page of the points of a run's metrics, or of every run's; each as its metric was with it. All of them when no
    /// size is given.
    ///
    /// Errors: NotFound when the run does not exist, InvalidArgument when the token belongs to another query.
    pub async fn metric_history(&self, selection: HistorySelection, request: PageRequest) -> Result<Pages> {
        pages::read(self, selection, request).await
    }
}

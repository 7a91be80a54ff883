//! The histories of many metrics of many runs at once, thinned for charts.

use super::runs::check_there;
use crate::context::RequestContext;
use crate::domain::tracking::{Series, Thinned};
use crate::domain::{LogicalType, Name, NodeId, Result};
use crate::services::Tracking;
use crate::store::tracking::series;

impl Tracking {
    /// The points of those metrics of these names that these runs have, in the order of the runs and of the names: of each those of a range of
    /// steps, and no more than `most`. Of a longer one its peaks are kept, and the first and the last point.
    ///
    /// Errors: NotFound when one of the runs is not there.
    pub async fn series(
        &self,
        context: &RequestContext,
        runs: Vec<NodeId>,
        names: Vec<Name>,
        thinned: Thinned,
    ) -> Result<Vec<Series>> {
        let names: Vec<String> = names.into_iter().map(String::from).collect();
        self.core
            .read_long(context, move |tx| {
                check_there(tx, LogicalType::ExperimentRun, &runs, |_| true)?;
                let mut all = series::of_runs(tx, &runs, &names, thinned)?;
                all.sort_by_key(|each| {
                    let run = runs.iter().position(|run| *run == each.run);
                    (run, names.iter().position(|name| *name == each.metric))
                });
                Ok(all)
            })
            .await
    }
}

//! Histories of metrics: one run's, in pages, and those of many runs, thinned out.

use super::runs::get_run;
use super::tokens::{decoded, encoded};
use crate::context::RequestContext;
use crate::domain::tracking::{RunId, Thinned};
use crate::domain::{Error, LogicalType, MetricPoint, Name, PageSize, Result};
use crate::services::Tracking;
use crate::store::nodes;
use crate::store::tracking::points::{self, PointKey};
use crate::store::tracking::runs;

/// A page of the points of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct PointPage {
    /// The points, ordered by time, step and value.
    pub points: Vec<MetricPoint>,
    /// The token of the next page.
    pub next: Option<String>,
}

/// A point of one of many runs.
#[derive(Debug, Clone, PartialEq)]
pub struct RunPoint {
    /// The run.
    pub run: RunId,
    /// The point.
    pub point: MetricPoint,
}

impl Tracking {
    /// The points of a metric of a run, ordered by time, step and value: a page, or all of them when no size is given. A metric that the
    /// run does not have has none.
    ///
    /// Errors: NotFound when there is no such run; InvalidArgument on `page_token`.
    pub async fn points(
        &self,
        context: &RequestContext,
        run: &RunId,
        metric: &Name,
        size: Option<PageSize>,
        token: Option<String>,
    ) -> Result<PointPage> {
        let (run, metric) = (run.clone(), metric.clone());
        self.core
            .read(context, move |tx| {
                let run = get_run(tx, &run)?;
                let after: Option<PointKey> = token.as_deref().map(decoded).transpose()?;
                let found = nodes::find_named_bare(tx, LogicalType::Metric, Some(run.id), &metric)?;
                let Some(metric) = found else { return Ok(PointPage { points: Vec::new(), next: None }) };
                let limit = size.map_or(i64::MAX, |size| i64::from(size.get()) + 1);
                let mut found = points::of_metric(tx, metric.id, after.as_ref(), limit)?;
                let wanted = size.map_or(usize::MAX, |size| size.get() as usize);
                let has_more = found.len() > wanted;
                found.truncate(wanted);
                let next = found.last().filter(|_| has_more).map(|(key, _)| encoded(key)).transpose()?;
                Ok(PointPage { points: found.into_iter().map(|(_, point)| point).collect(), next })
            })
            .await
    }

    /// The points of the metric of that name of each of these runs, those of each run ordered by step and time: within a range of steps,
    /// and no more of each run than `most`, of which the first and the last are among them.
    ///
    /// Errors: NotFound when one of the runs is not there.
    pub async fn points_of_runs(
        &self,
        context: &RequestContext,
        wanted: Vec<RunId>,
        metric: &Name,
        thinned: Thinned,
    ) -> Result<Vec<RunPoint>> {
        let metric = metric.clone();
        self.core
            .read_long(context, move |tx| {
                let found = runs::find_all_ids(tx, &wanted)?;
                if let Some(missing) = wanted.iter().find(|run| found.iter().all(|(there, _)| there != *run)) {
                    return Err(Error::not_found(format!("run `{missing}`")));
                }
                let ids: Vec<_> = found.iter().map(|(_, node)| *node).collect();
                let points = points::of_runs(tx, &ids, metric.as_str(), thinned)?;
                let run_of = |node| found.iter().find(|(_, there)| *there == node).map(|(run, _)| run.clone());
                Ok(points
                    .into_iter()
                    .filter_map(|(node, point)| Some(RunPoint { run: run_of(node)?, point }))
                    .collect())
            })
            .await
    }
}

//! Metrics: many points at once, and their history.

use std::collections::{BTreeMap, BTreeSet};

use super::context::RequestContext;
use super::entities::get_bare;
use super::owned::make_owned;
use super::pages::{self, List, Pages};
use super::transaction::{ReadTransaction, WriteTransaction};
use crate::domain::access::Permission;
use crate::domain::{
    Action, Cursor, HistorySelection, LogicalType, MetricPoint, Millis, Name, Node, NodeId, OrderBy, PageRequest,
    Properties, Result,
};
use crate::services::Metrics;
use crate::store::metrics::Latest;
use crate::store::{metrics, nodes};

/// What a run measured of the metric of that name.
#[derive(Debug, Clone, PartialEq)]
pub struct NamedPoint {
    /// The metric's name.
    pub name: Name,
    /// The value; NaN and the infinities included.
    pub value: f64,
    /// The step of training.
    pub step: i64,
    /// When it was measured; now if it is `None`.
    pub at: Option<Millis>,
}

impl NamedPoint {
    fn point(&self, now: Millis) -> MetricPoint {
        MetricPoint { value: self.value, step: self.step, at: self.at.unwrap_or(now) }
    }
}

impl List for HistorySelection {
    const BATCH: u32 = 5000;

    fn is_long(&self) -> bool {
        self.filter.is_some() || self.name_contains.is_some()
    }

    fn order_by(&self) -> OrderBy {
        self.order.by
    }

    fn check(&self, tx: &mut ReadTransaction<'_, '_>) -> Result<()> {
        self.run.map_or(Ok(()), |run| get_bare(tx, LogicalType::ExperimentRun, run).map(drop))
    }

    fn is_proven_by_items(&self) -> bool {
        false
    }

    fn batch(&self, tx: &mut ReadTransaction<'_, '_>, after: Option<&Cursor>, limit: u32) -> Result<Vec<Node>> {
        metrics::history(tx, self, after, limit)
    }

    fn count(&self, tx: &mut ReadTransaction<'_, '_>) -> Result<u64> {
        metrics::count(tx, self)
    }
}

impl Metrics {
    /// Appends points to a run's metrics, in their order, and makes those metrics that it does not have: all or nothing.
    ///
    /// Points are their own history: an existing metric's revision is incremented, and nothing else is recorded.
    /// Errors: NotFound when the run does not exist.
    pub async fn measure(&self, context: &RequestContext, run: NodeId, points: Vec<NamedPoint>) -> Result<()> {
        self.core.write(context, move |tx| measure(tx, run, &points)).await
    }

    /// A page of the points of a run's metrics, or of every run's; each as its metric was with it. All of them when no
    /// size is given.
    ///
    /// Errors: NotFound when the run does not exist, InvalidArgument when the token belongs to another query.
    pub async fn metric_history(
        &self,
        context: &RequestContext,
        selection: HistorySelection,
        request: PageRequest,
    ) -> Result<Pages> {
        pages::read(&self.core, context, selection, request).await
    }
}

/// What to do with a point that the metric has already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Repeated {
    /// It is a point of its own.
    Kept,
    /// It is the same one, as that of a request that is sent again.
    Skipped,
}

fn measure(tx: &mut WriteTransaction<'_, '_>, run: NodeId, points: &[NamedPoint]) -> Result<()> {
    let run = get_bare(tx, LogicalType::ExperimentRun, run)?;
    measure_in(tx, &run, points, Repeated::Kept)
}

/// Appends points to the metrics of a run, and makes those that it does not have, with a fixed number of statements.
pub(super) fn measure_in(
    tx: &mut WriteTransaction<'_, '_>,
    run: &Node,
    points: &[NamedPoint],
    repeated: Repeated,
) -> Result<()> {
    let now = tx.now();
    // Points are not recorded, and so ask nobody else.
    tx.demand(Permission::Write, run.place)?;
    // The batches of one run wait for each other here, and not in some other order at its metrics.
    nodes::lock(tx, &[run.id])?;
    let names: BTreeSet<&str> = points.iter().map(|point| point.name.as_str()).collect();
    let names: Vec<&str> = names.into_iter().collect();
    let touched = nodes::increment_revisions_named(tx, LogicalType::Metric, run.id, &names, now)?;
    let mut metrics: BTreeMap<String, Node> =
        touched.into_iter().filter_map(|metric| Some((metric.name.clone()?, metric))).collect();
    let missing: Vec<&str> = names.into_iter().filter(|name| !metrics.contains_key(*name)).collect();
    let made = make_owned(tx, LogicalType::Metric, run, missing.into_iter().map(|name| (name, Properties::new())))?;
    let firsts: BTreeMap<&str, MetricPoint> =
        points.iter().rev().map(|point| (point.name.as_str(), point.point(now))).collect();
    for metric in &made {
        // A metric was made with its first point.
        let first = metric.name.as_deref().and_then(|name| firsts.get(name));
        let mut shown = metric.clone();
        shown.properties.extend(first.into_iter().flat_map(|point| point.properties()));
        tx.record(Action::Create, &shown, None)?;
    }
    metrics.extend(made.into_iter().filter_map(|metric| Some((metric.name.clone()?, metric))));
    let mut all: Vec<(&Node, MetricPoint)> =
        points.iter().filter_map(|point| Some((metrics.get(point.name.as_str())?, point.point(now)))).collect();
    if repeated == Repeated::Skipped {
        let skipped = metrics::repeated(tx, &all)?;
        let mut places = 0..;
        all.retain(|_| places.next().is_none_or(|place| !skipped.contains(&place)));
    }
    metrics::append(tx, &all, Latest::Greatest)
}

//! Metrics: many points at once, and their history.

use std::collections::{BTreeMap, BTreeSet};

use super::context::RequestContext;
use super::entities::{create, get_bare};
use super::pages::{self, List, Pages};
use super::transaction::{ReadTransaction, WriteTransaction};
use crate::domain::access::Permission;
use crate::domain::{
    Cursor, Draft, HistorySelection, LogicalType, MetricPoint, Millis, Name, Node, NodeId, OrderBy, PageRequest,
    Properties, Result,
};
use crate::resolve::created_concurrently;
use crate::services::Metrics;
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

fn measure(tx: &mut WriteTransaction<'_, '_>, run: NodeId, points: &[NamedPoint]) -> Result<()> {
    let now = tx.now();
    let run = get_bare(tx, LogicalType::ExperimentRun, run)?;
    // Points are not recorded, and so ask nobody else.
    tx.demand(Permission::Write, run.place)?;
    let run = run.id;
    // The first point of each metric, by its name.
    let mut firsts: BTreeMap<&str, &NamedPoint> = BTreeMap::new();
    for point in points {
        firsts.entry(point.name.as_str()).or_insert(point);
    }
    let names: Vec<&str> = firsts.keys().copied().collect();
    let touched = nodes::increment_revisions_named(tx, LogicalType::Metric, run, &names, now)?;
    let mut metrics: BTreeMap<String, Node> =
        touched.into_iter().filter_map(|metric| Some((metric.name.clone()?, metric))).collect();
    let mut made = BTreeSet::new();
    for (name, first) in firsts {
        if !metrics.contains_key(name) {
            let properties = Properties::from(first.point(now).properties());
            let draft = Draft { properties, ..Draft::named(first.name.clone()) };
            let metric = create(tx, LogicalType::Metric, Some(run), &draft).map_err(created_concurrently)?;
            metrics.insert(name.to_owned(), metric);
            made.insert(name);
        }
    }
    // A metric was made with its first point.
    let rest = points.iter().filter(|point| !made.remove(point.name.as_str()));
    let rest = rest.filter_map(|point| Some((metrics.get(point.name.as_str())?, point.point(now))));
    metrics::append(tx, &rest.collect::<Vec<_>>())
}

//! What runs measure of logged models.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use super::missing;
use crate::domain::access::Permission;
use crate::domain::tracking::LoggedModelId;
use crate::domain::{MetricPoint, NodeId, Result};
use crate::store::tracking::logged_models::{self, ModelMetric};
use crate::transaction::WriteTransaction;

/// One measurement of a logged model.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelPoint {
    /// The model.
    pub model: LoggedModelId,
    /// The metric.
    pub name: String,
    /// The name and the digest of the data set that it was measured on.
    pub dataset: Option<(String, String)>,
    /// The value, and when it was measured.
    pub point: MetricPoint,
}

/// Keeps the latest of these points, which the run measured, of each metric of the models; inside a transaction.
///
/// Errors: NotFound when one of the models is not there.
pub(crate) fn measure(tx: &mut WriteTransaction<'_, '_>, run: NodeId, points: &[ModelPoint]) -> Result<()> {
    let ids: Vec<LoggedModelId> = points.iter().map(|point| point.model.clone()).collect();
    let models = logged_models::find_all_ids(tx, &ids)?;
    tx.demand_for(Permission::Write, models.values().copied())?;
    let mut latest: BTreeMap<(NodeId, &str, (&str, &str)), MetricPoint> = BTreeMap::new();
    for ModelPoint { model, name, dataset, point } in points {
        let node = models.get(model).ok_or_else(|| missing(model))?;
        let dataset = dataset.as_ref().map_or(("", ""), |(name, digest)| (name, digest));
        let kept = latest.entry((*node, name, dataset)).or_insert(*point);
        if is_later(point, kept) {
            *kept = *point;
        }
    }
    let measured = latest.into_iter().map(|((model, name, (dataset, digest)), point)| ModelMetric {
        model,
        name: name.to_owned(),
        dataset: (dataset.to_owned(), digest.to_owned()),
        run,
        point,
    });
    logged_models::measure(tx, &measured.collect::<Vec<_>>())
}

/// Whether a point counts more than another one: by its step, then its time, then its value, of which NaN is the smallest.
fn is_later(point: &MetricPoint, other: &MetricPoint) -> bool {
    match (point.step, point.at).cmp(&(other.step, other.at)) {
        Ordering::Equal => point.value > other.value || (other.value.is_nan() && !point.value.is_nan()),
        order => order.is_gt(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_later_step_counts_then_the_time_then_the_value() {
        let point = |step, at, value| MetricPoint { value, step, at };
        let ordered = [
            point(1, 9, 9.0),
            point(2, 1, f64::NAN),
            point(2, 1, f64::NEG_INFINITY),
            point(2, 1, 0.0),
            point(2, 1, 1.0),
            point(2, 2, f64::NAN),
        ];
        for (at, earlier) in ordered.iter().enumerate() {
            assert!(!is_later(earlier, earlier), "{earlier:?}");
            for later in &ordered[at + 1..] {
                assert!(is_later(later, earlier) && !is_later(earlier, later), "{later:?} {earlier:?}");
            }
        }
    }
}

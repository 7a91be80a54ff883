//! Runs and their metrics.

use std::hash::{Hash, Hasher};

use super::filter::Expr;
use super::value::{Properties, Value};
use super::{Error, Millis, Node, NodeId, Order, Result};

/// One measurement of a metric.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct MetricPoint {
    /// The value; NaN and the infinities included.
    pub value: f64,
    /// The step of training.
    pub step: i64,
    /// When it was measured.
    pub at: Millis,
}

impl MetricPoint {
    /// Takes the point out of a metric's properties: `value`, `step` (0 when absent) and `timestamp` (now when absent).
    ///
    /// `None` when none of them is there. Errors: InvalidArgument when there is no value.
    pub fn take(properties: &mut Properties, now: Millis) -> Result<Option<Self>> {
        let value = properties.remove("value");
        let mut int = |name: &str| match properties.remove(name) {
            Some(Value::Int(value)) => Some(value),
            _ => None,
        };
        let (step, at) = (int("step"), int("timestamp"));
        match value {
            Some(Value::Double(value)) => Ok(Some(Self { value, step: step.unwrap_or(0), at: at.unwrap_or(now) })),
            _ if step.is_none() && at.is_none() => Ok(None),
            _ => Err(without_value()),
        }
    }

    /// The point as a metric's properties.
    pub fn properties(self) -> [(String, Value); 3] {
        [
            ("value".to_owned(), Value::Double(self.value)),
            ("step".to_owned(), Value::Int(self.step)),
            ("timestamp".to_owned(), Value::Int(self.at)),
        ]
    }
}

/// Selects the points of a history. A page token is tied to it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HistorySelection {
    /// The run whose metrics they belong to; every run if it is `None`.
    pub run: Option<NodeId>,
    /// What the metric's name contains.
    pub name_contains: Option<String>,
    /// The steps; every step when there are none.
    pub steps: Vec<i64>,
    /// What else must be true of them.
    pub filter: Option<Expr>,
    /// Their order.
    pub order: Order,
}

impl Hash for HistorySelection {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { run, name_contains, steps, filter, order } = self;
        (run, name_contains, steps, order).hash(state);
        // A filter has doubles, which have no hash; its debug output tells filters apart as well.
        format!("{filter:?}").hash(state);
    }
}

/// A metric without a value is none.
pub fn without_value() -> Error {
    Error::invalid("value", "a metric needs a `value`")
}

/// Refuses a run that ends before it starts.
pub fn check_times(run: &Node) -> Result<()> {
    let time = |name: &str| match run.properties.get(name) {
        Some(Value::Int(time)) => Some(*time),
        _ => None,
    };
    match (time("start_time_since_epoch"), time("end_time_since_epoch")) {
        (Some(start), Some(end)) if end < start => {
            Err(Error::invalid("endTimeSinceEpoch", format!("the run ends at `{end}`, before it starts at `{start}`")))
        }
        _ => Ok(()),
    }
}

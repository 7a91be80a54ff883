//! Metrics at training speed: many points in one request.

use actix_web::HttpResponse;
use actix_web::web::{Json, Path};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use utoipa::ToSchema;

use super::errors::PointErrors;
use crate::api::caller::Caller;
use crate::api::problem::Problem;
use crate::domain::{Error, Name, NodeId, Result};
use crate::registry::metrics::Measured;

/// How many points a request may have.
const MOST: usize = 1000;

/// The numbers that every client's JSON has whole.
const WHOLE: std::ops::RangeInclusive<i64> = -9_007_199_254_740_991..=9_007_199_254_740_991;

/// Points of a run's metrics, in the order in which they were measured.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Points {
    /// The points; of each metric the last one becomes its latest.
    #[schema(min_items = 1, max_items = 1000)]
    points: Vec<Point>,
}

/// One measurement of a metric.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Point {
    /// The metric's name within its run.
    #[schema(min_length = 1, max_length = 512)]
    name: String,
    /// What was measured.
    value: Measurement,
    /// The step of training; 0 when it is not given.
    #[serde(default, deserialize_with = "whole")]
    #[schema(minimum = -9_007_199_254_740_991i64, maximum = 9_007_199_254_740_991i64)]
    step: i64,
    /// When it was measured, in milliseconds since the epoch; now when it is not given.
    #[serde(default, deserialize_with = "maybe_whole")]
    #[schema(minimum = -9_007_199_254_740_991i64, maximum = 9_007_199_254_740_991i64)]
    timestamp: Option<i64>,
}

/// A whole number, which JSON may also write as `3.0`.
fn whole<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<i64, D::Error> {
    let number = serde_json::Number::deserialize(deserializer)?;
    let unfraction = |value: f64| (value.fract() == 0.0).then(|| format!("{value:.0}"));
    let from_double = || number.as_f64().and_then(unfraction)?.parse().ok();
    number
        .as_i64()
        .or_else(from_double)
        .ok_or_else(|| D::Error::custom(format!("{number} is no whole number of 64 bits")))
}

fn maybe_whole<'de, D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Option<i64>, D::Error> {
    #[derive(Deserialize)]
    struct Whole(#[serde(deserialize_with = "whole")] i64);
    Ok(Option::<Whole>::deserialize(deserializer)?.map(|Whole(number)| number))
}

/// A number, or the name of one that JSON does not have.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(untagged, expecting = "`value` is neither a number nor `NaN`, `Infinity` or `-Infinity`")]
pub enum Measurement {
    /// A number.
    Finite(f64),
    /// One that JSON does not have.
    Other(NotFinite),
}

/// What JSON has no numbers for.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
pub enum NotFinite {
    /// Not a number.
    NaN,
    /// Beyond every number.
    Infinity,
    /// Below every number.
    #[serde(rename = "-Infinity")]
    NegativeInfinity,
}

impl From<Measurement> for f64 {
    fn from(value: Measurement) -> Self {
        match value {
            Measurement::Finite(value) => value,
            Measurement::Other(NotFinite::NaN) => Self::NAN,
            Measurement::Other(NotFinite::Infinity) => Self::INFINITY,
            Measurement::Other(NotFinite::NegativeInfinity) => Self::NEG_INFINITY,
        }
    }
}

/// Appends points to the metrics of an experiment run, all of them or none; a metric that the run does not have is made.
///
/// A metric that is there counts one revision for a request, however many points it gets.
#[utoipa::path(
    post, path = "/experiment-runs/{id}/points", operation_id = "appendMetricPoints", tag = "metrics",
    params(("id" = String, Path, description = "Id of the run.", pattern = "^[1-9][0-9]{0,17}$")),
    request_body = Points,
    responses((status = 204, description = "Appended."), PointErrors),
)]
pub async fn append_metric_points(
    caller: Caller,
    id: Path<String>,
    body: Json<Points>,
) -> Result<HttpResponse, Problem> {
    let run: NodeId = id.parse()?;
    caller.registry.measure(&caller.actor, run, body.into_inner().read()?).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl Points {
    fn read(self) -> Result<Vec<Measured>> {
        if !(1..=MOST).contains(&self.points.len()) {
            return Err(Error::invalid(
                "points",
                format!("`points` has {} points, not 1 to {MOST}", self.points.len()),
            ));
        }
        self.points.into_iter().enumerate().map(|(at, point)| point.read(at)).collect()
    }
}

impl Point {
    fn read(self, at: usize) -> Result<Measured> {
        let field = |name: &str| format!("points[{at}].{name}");
        for (name, number) in [("step", Some(self.step)), ("timestamp", self.timestamp)] {
            if number.is_some_and(|number| !WHOLE.contains(&number)) {
                let field = field(name);
                return Err(Error::invalid(&field, format!("`{field}` is beyond 53 bits")));
            }
        }
        let name: Name = self.name.parse().map_err(|error: Error| error.on_field(&field("name")))?;
        Ok(Measured { name, value: self.value.into(), step: self.step, at: self.timestamp })
    }
}

//! Metrics at training speed: many points in one request.

use actix_web::HttpResponse;
use actix_web::web::{Json, Path};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::Number;
use utoipa::openapi::schema::{KnownFormat, OneOfBuilder, Schema, SchemaFormat, Type};
use utoipa::openapi::{ObjectBuilder, RefOr};
use utoipa::{PartialSchema, ToSchema};

use super::errors::PointErrors;
use crate::domain::{Error, Name, NodeId, Result};
use crate::http::caller::Caller;
use crate::http::integer::parse_integer;
use crate::http::problem::Problem;
use crate::registry::metrics::NamedPoint;

/// How many points a request may have.
const MAX_POINTS: usize = 1000;

/// The integers that every JSON parser reads exactly (RFC 8259 §6).
const SAFE_INTEGERS: std::ops::RangeInclusive<i64> = -9_007_199_254_740_991..=9_007_199_254_740_991;

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
    #[serde(default)]
    #[schema(value_type = i64, minimum = -9_007_199_254_740_991i64, maximum = 9_007_199_254_740_991i64)]
    step: Integer,
    /// When it was measured, in milliseconds since the epoch; now when it is not given.
    #[schema(value_type = Option<i64>, minimum = -9_007_199_254_740_991i64, maximum = 9_007_199_254_740_991i64)]
    timestamp: Option<Integer>,
}

/// A whole number, which JSON may also write as `3.0`.
#[derive(Debug, Clone, Copy, Default)]
struct Integer(i64);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let number = Number::deserialize(deserializer)?;
        parse_integer(&number).map(Self).ok_or_else(|| D::Error::custom(format!("{number} is not a 64-bit integer")))
    }
}

/// A number, or the name of one that JSON does not have.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(untagged, expecting = "`value` is neither a number nor `NaN`, `Infinity` or `-Infinity`")]
pub enum Measurement {
    /// A number.
    Finite(f64),
    /// One that JSON does not have.
    Other(NotFinite),
}

impl ToSchema for Measurement {}

impl PartialSchema for Measurement {
    /// The names stand in it: from a reference to them, openapi-generator makes TypeScript that does not compile.
    fn schema() -> RefOr<Schema> {
        let double = SchemaFormat::KnownFormat(KnownFormat::Double);
        let number = ObjectBuilder::new().schema_type(Type::Number).format(Some(double));
        let name = ObjectBuilder::new().schema_type(Type::String).enum_values(Some(["NaN", "Infinity", "-Infinity"]));
        OneOfBuilder::new()
            .description(Some("A number, or the name of one that JSON does not have."))
            .item(number.description(Some("A number.")))
            .item(name.description(Some("One that JSON does not have.")))
            .into()
    }
}

/// What JSON has no numbers for.
#[derive(Debug, Clone, Copy, Deserialize)]
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
    caller.registry.metrics.measure(&caller.context, run, body.into_inner().read()?).await?;
    Ok(HttpResponse::NoContent().finish())
}

impl Points {
    fn read(self) -> Result<Vec<NamedPoint>> {
        if !(1..=MAX_POINTS).contains(&self.points.len()) {
            return Err(Error::invalid(
                "points",
                format!("`points` has {} points, not 1 to {MAX_POINTS}", self.points.len()),
            ));
        }
        self.points.into_iter().enumerate().map(|(at, point)| point.read(at)).collect()
    }
}

impl Point {
    fn read(self, at: usize) -> Result<NamedPoint> {
        let (Integer(step), timestamp) = (self.step, self.timestamp.map(|Integer(millis)| millis));
        let field = |name: &str| format!("points[{at}].{name}");
        for (name, number) in [("step", Some(step)), ("timestamp", timestamp)] {
            if number.is_some_and(|number| !SAFE_INTEGERS.contains(&number)) {
                let field = field(name);
                return Err(Error::invalid(&field, format!("`{field}` is beyond 53 bits")));
            }
        }
        let name: Name = self.name.parse().map_err(|error: Error| error.on_field(&field("name")))?;
        Ok(NamedPoint { name, value: self.value.into(), step, at: timestamp })
    }
}

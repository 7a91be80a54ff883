//! Histories of metrics for charts: many runs and metrics at once, thinned.

use actix_web::HttpResponse;
use actix_web::web::Json;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as JsonValue};
use utoipa::ToSchema;
use utoipa::openapi::schema::{ArrayBuilder, Type};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};

use super::body::{each_once, read};
use super::errors::SearchErrors;
use super::runs::{Ids, ids};
use super::wire::plain_number;
use crate::domain::thinning::FEWEST_POINTS;
use crate::domain::tracking::{Series, Thinned};
use crate::domain::{Error, Name, NodeId, Result};
use crate::http::caller::Caller;
use crate::http::problem::Problem;

/// How many metrics one request names.
const MAX_METRICS: usize = 50;

/// How many points one series may have.
const MAX_POINTS: usize = 2000;

/// How many points an answer may have: 500 of each of five metrics of a hundred runs.
const MAX_POINTS_IN_ALL: usize = 250_000;

/// Which points are wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SeriesSearch {
    /// The ids of the runs, up to 100.
    #[schema(value_type = Ids)]
    runs: Vec<String>,
    /// The names of the metrics, up to 50.
    #[schema(schema_with = names)]
    metrics: Vec<String>,
    /// At most this many points of each metric of each run. All series together have no more than 250000.
    #[serde(default = "five_hundred")]
    #[schema(value_type = i64, minimum = 10, maximum = 2000)]
    max_points: usize,
    /// Not before this step.
    from_step: Option<i64>,
    /// Not after this step.
    to_step: Option<i64>,
}

fn five_hundred() -> usize {
    500
}

fn names() -> RefOr<Schema> {
    let name = ObjectBuilder::new().schema_type(Type::String).min_length(Some(1)).max_length(Some(512));
    ArrayBuilder::new()
        .description(Some("The names of the metrics, up to 50."))
        .items(name)
        .min_items(Some(1))
        .max_items(Some(MAX_METRICS))
        .into()
}

/// The points of a metric of a run, in columns: the first step is that of the first time and of the first value.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeriesView {
    /// The id of the run.
    pub run: String,
    /// The name of the metric.
    pub metric: String,
    /// How many points there are within these steps, of which the columns have all or some.
    pub total: u64,
    /// The steps of training, in order.
    pub steps: Vec<i64>,
    /// When the points were measured.
    pub timestamps: Vec<i64>,
    /// What was measured. What is no number is a text: `NaN`, `inf`, `-inf`.
    pub values: Vec<JsonValue>,
}

/// The series that were asked for.
#[derive(Debug, Serialize, ToSchema)]
pub struct SeriesList {
    /// The series, in the order in which the runs, and of each run the metrics, are named. What a run has not measured is left out.
    pub items: Vec<SeriesView>,
}

impl From<Series> for SeriesView {
    fn from(series: Series) -> Self {
        let points = || series.points.iter();
        Self {
            steps: points().map(|point| point.step).collect(),
            timestamps: points().map(|point| point.at).collect(),
            values: points().map(|point| plain_number(point.value)).collect(),
            run: series.run.to_string(),
            metric: series.metric,
            total: series.total,
        }
    }
}

impl SeriesSearch {
    fn read(&self) -> Result<(Vec<NodeId>, Vec<Name>, Thinned)> {
        let runs = ids("runs", &self.runs)?;
        let names: Vec<Name> = each_once("metrics", "names", MAX_METRICS, &self.metrics)?;
        let (from, to) = (self.from_step.unwrap_or(i64::MIN), self.to_step.unwrap_or(i64::MAX));
        if from > to {
            return Err(Error::invalid("toStep", format!("`toStep` {to} is before `fromStep` {from}")));
        }
        let points = self.max_points;
        if !(FEWEST_POINTS..=MAX_POINTS).contains(&points) {
            let message = format!("`maxPoints` is {points}, not {FEWEST_POINTS} to {MAX_POINTS}");
            return Err(Error::invalid("maxPoints", message));
        }
        let all = runs.len() * names.len() * points;
        if all > MAX_POINTS_IN_ALL {
            let message = format!(
                "{} metrics of {} runs with {points} points each are {all} points, more than {MAX_POINTS_IN_ALL}",
                names.len(),
                runs.len()
            );
            return Err(Error::invalid("maxPoints", message));
        }
        Ok((runs, names, Thinned { from, to, most: i64::try_from(points).unwrap_or(i64::MAX) }))
    }
}

/// Reads the histories of metrics of runs as charts draw them: in columns, ordered by step and time.
///
/// A history of more than `maxPoints` is thinned: it is cut into equally many steps, or points where there are fewer steps than that, and of
/// each part the smallest and the greatest value are kept, and a NaN where there is one; and the first and the last point.
#[utoipa::path(
    post, path = "/metrics/series", operation_id = "getMetricSeries", tag = "metrics",
    request_body = SeriesSearch,
    responses(
        (status = 200, description = "The series.", body = SeriesList),
        SearchErrors,
    ),
)]
pub async fn get_metric_series(caller: Caller, body: Json<Map<String, JsonValue>>) -> Result<HttpResponse, Problem> {
    let wanted: SeriesSearch = read(body)?;
    let (runs, names, thinned) = wanted.read()?;
    let found = caller.registry.tracking.series(&caller.context, runs, names, thinned).await?;
    Ok(HttpResponse::Ok().json(SeriesList { items: found.into_iter().map(SeriesView::from).collect() }))
}

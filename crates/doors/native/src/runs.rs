//! Runs of experiments, searched by what they measured and were given.

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use actix_web::HttpResponse;
use actix_web::web::Json;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as JsonValue};
use utoipa::openapi::schema::{ArrayBuilder, Type};
use utoipa::openapi::{ObjectBuilder, RefOr, Schema};
use utoipa::{PartialSchema, ToSchema};

use super::body::{each_once, read};
use super::enums::ViewName;
use super::errors::SearchErrors;
use super::experiments::view;
use super::wire::{NodeView, plain_number};
use super::{Paging, hundred};
use crate::domain::filter::mlflow::{clauses, order_keys_of};
use crate::domain::search::{Search, Searched};
use crate::domain::tracking::LatestPoint;
use crate::domain::{ErrorKind, NodeId, Result};
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::tracking::runs::{Run, RunPage};

/// How many experiments, or runs, one request names.
const MAX_IDS: usize = 100;

/// Ids in a body, for the document.
pub struct Ids;

impl ToSchema for Ids {}

impl PartialSchema for Ids {
    fn schema() -> RefOr<Schema> {
        let id = ObjectBuilder::new().schema_type(Type::String).pattern(Some("^[1-9][0-9]{0,17}$"));
        ArrayBuilder::new().items(id).min_items(Some(1)).max_items(Some(MAX_IDS)).into()
    }
}

/// The ids of a member of a body, each once.
pub fn ids(field: &'static str, given: &[String]) -> Result<Vec<NodeId>> {
    each_once(field, "ids", MAX_IDS, given)
}

/// Which runs are wanted, and in which order.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RunSearch {
    /// The ids of their experiments, up to 100.
    #[schema(value_type = Ids)]
    experiments: Vec<String>,
    /// What must be true of them, in the language of MLflow's searches of runs: `metrics.loss < 0.3 AND params.depth = '4'`.
    #[serde(default)]
    filter: String,
    /// What they are ordered by, in the same language, the first key first: `metrics.loss ASC`. The run that started last comes first when it
    /// is not given, and among what is equal.
    #[serde(default)]
    #[schema(max_items = 16)]
    order_by: Vec<String>,
    /// Whether the archived ones are wanted, by themselves or with their experiments; `active` when it is not given.
    #[schema(value_type = Option<ViewName>)]
    view: Option<String>,
    /// At most this many, and never more than 10000.
    #[serde(default = "hundred")]
    #[schema(value_type = i64, minimum = 1, maximum = 4_294_967_295_u32)]
    page_size: NonZeroU32,
    /// Continues a search.
    #[serde(default)]
    next_page_token: String,
}

/// The latest point of a metric.
#[derive(Debug, Serialize, ToSchema)]
pub struct MetricView {
    /// What was measured. What is no number is a text: `NaN`, `inf`, `-inf`.
    pub value: JsonValue,
    /// The step of training.
    pub step: i64,
    /// When it was measured.
    pub timestamp: i64,
}

/// A run with what it measured and was given.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunRow {
    /// The run itself.
    #[serde(flatten)]
    pub run: NodeView,
    /// The id by which MLflow's API knows it.
    pub run_id: String,
    /// The id of its experiment.
    pub experiment_id: String,
    /// The name of its experiment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub experiment: Option<String>,
    /// Its status, where it has one: `RUNNING`, `FINISHED`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// Whether it is archived, by itself or with its experiment.
    pub archived: bool,
    /// When it started.
    pub started_at: i64,
    /// When it ended; absent while it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<i64>,
    /// How many milliseconds it took; absent while it goes on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration: Option<i64>,
    /// The latest points of its metrics, by their names: those of the greatest step.
    pub metrics: BTreeMap<String, MetricView>,
    /// Its parameters, by their names.
    pub parameters: BTreeMap<String, String>,
}

/// A page of runs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RunList {
    /// The runs.
    pub items: Vec<RunRow>,
    /// Continues the search; empty at its end.
    pub next_page_token: String,
}

impl From<&LatestPoint> for MetricView {
    fn from(latest: &LatestPoint) -> Self {
        let point = latest.point;
        Self { value: plain_number(point.value), step: point.step, timestamp: point.at }
    }
}

impl From<&Run> for RunRow {
    fn from(run: &Run) -> Self {
        let (started_at, ended_at) = (run.started_at(), run.ended_at());
        Self {
            run: NodeView::new(&run.node),
            run_id: run.id.to_string(),
            experiment_id: run.experiment.id.to_string(),
            experiment: run.experiment.display_name().map(ToOwned::to_owned),
            status: run.node.text("status").map(ToOwned::to_owned),
            archived: run.is_archived(),
            started_at,
            ended_at,
            duration: ended_at.map(|ended| ended.saturating_sub(started_at)),
            metrics: run.metrics.iter().map(|each| (each.name.clone(), MetricView::from(each))).collect(),
            parameters: run.parameters.iter().cloned().collect(),
        }
    }
}

impl RunSearch {
    fn search(&self) -> Result<Search> {
        let order: Vec<&str> = self.order_by.iter().map(String::as_str).collect();
        Ok(Search {
            of: Searched::Runs,
            experiments: ids("experiments", &self.experiments)?,
            view: view(self.view.as_deref())?,
            clauses: clauses(Searched::Runs, &self.filter)?,
            order: order_keys_of("orderBy", Searched::Runs, &order)?,
            datasets: Vec::new(),
        })
    }
}

/// Searches the runs of experiments, whichever API made them.
///
/// `filter` and `orderBy` are those of MLflow's searches: `metrics.NAME` is the latest value of a metric, `params.NAME` a parameter,
/// `tags.NAME` a tag, `attributes.status`, `attributes.start_time` and the like are attributes, `datasets.name` a data set that a run read.
#[utoipa::path(
    post, path = "/runs/search", operation_id = "searchRuns", tag = "experiments",
    request_body = RunSearch,
    responses(
        (status = 200, description = "A page.", body = RunList),
        SearchErrors,
    ),
)]
pub async fn search_runs(caller: Caller, body: Json<Map<String, JsonValue>>) -> Result<HttpResponse, Problem> {
    let wanted: RunSearch = read(body)?;
    let search = wanted.search()?;
    let paging = Paging { page_size: wanted.page_size, next_page_token: wanted.next_page_token };
    let token = paging.next_page_token()?.map(str::to_owned);
    let found = caller.registry.tracking.search_runs_of(&caller.context, search, paging.size(), token).await;
    // The rest was read before: what is still wrong is the token.
    let RunPage { runs, next } = found.map_err(|error| match error.kind() {
        ErrorKind::InvalidArgument => error.on_field("nextPageToken"),
        _ => error,
    })?;
    let items = runs.iter().map(RunRow::from).collect();
    Ok(HttpResponse::Ok().json(RunList { items, next_page_token: next.unwrap_or_default() }))
}

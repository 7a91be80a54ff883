//! Histories of metrics.

use actix_web::{Resource, web};
use serde_json::{Value as Json, json};

use super::call::{Call, answer};
use super::error::Answer;
use super::runs::run_id;
use super::wire::{PageLimits, given, metric};
use crate::domain::tracking::{RunId, Thinned};
use crate::domain::{Error, Name, Result};

/// How many points a page of a history has.
const PAGES: PageLimits = PageLimits { default: 25_000, most: 25_000 };

/// How many runs' histories one request asks for.
const MAX_RUNS: usize = 100;

/// How many points of each run a chart gets, where nothing is said, and at most.
const THINNED: PageLimits = PageLimits { default: 2500, most: 2500 };

/// The operations.
pub fn resources() -> Vec<Resource> {
    vec![
        web::resource("/mlflow/metrics/get-history").route(web::get().to(history)),
        web::resource("/mlflow/metrics/get-history-bulk").route(web::get().to(bulk)),
        web::resource("/mlflow/metrics/get-history-bulk-interval").route(web::get().to(bulk_interval)),
    ]
}

fn key(call: &Call) -> Result<Name> {
    call.input.required_text("metric_key")?.parse().map_err(|error: Error| error.on_field("metric_key"))
}

async fn history(call: Call) -> Answer {
    let (run, key) = (run_id(&call.input)?, key(&call)?);
    let size = call.input.int("max_results")?.map(|size| PAGES.size(Some(size))).transpose()?;
    let token = call.input.given_text("page_token")?.map(ToOwned::to_owned);
    let page = call.registry.tracking.points(&call.context, &run, &key, size, token).await?;
    answer(json!({
        "metrics": given(page.points.into_iter().map(|point| metric(key.as_str(), point, [])).collect()),
        "next_page_token": page.next,
    }))
}

/// The histories of runs as charts show them.
async fn of_runs(call: &Call, name: &str, thinned: Thinned) -> Result<Vec<Json>> {
    let mut runs: Vec<RunId> = call.input.texts(name)?.into_iter().map(str::parse).collect::<Result<_>>()?;
    if runs.is_empty() {
        return Err(super::input::missing(name));
    }
    if runs.len() > MAX_RUNS {
        let message = format!("`{name}` has {} runs, more than {MAX_RUNS}", runs.len());
        return Err(Error::invalid(name, message));
    }
    runs.sort_unstable();
    runs.dedup();
    let key = key(call)?;
    let points = call.registry.tracking.points_of_runs(&call.context, runs, &key, thinned).await?;
    let shown = points.into_iter();
    Ok(shown.map(|of| metric(key.as_str(), of.point, [("run_id", of.run.as_str().into())])).collect())
}

async fn bulk(call: Call) -> Answer {
    let most = PAGES.size(call.input.int("max_results")?)?;
    let thinned = Thinned { from: i64::MIN, to: i64::MAX, most: most.get().into() };
    let points = of_runs(&call, "run_id", thinned).await?;
    answer(json!({"metrics": points}))
}

async fn bulk_interval(call: Call) -> Answer {
    let points = in_interval(&call).await?;
    answer(json!({"metrics": given(points)}))
}

/// The points of runs that a chart shows.
///
/// Errors: InvalidArgument; NotFound when one of the runs is not there.
pub async fn in_interval(call: &Call) -> Result<Vec<Json>> {
    let (from, to) = (call.input.int("start_step")?, call.input.int("end_step")?);
    if from.is_some() != to.is_some() {
        let message = "`start_step` and `end_step` are given both or neither";
        return Err(Error::invalid("start_step", message));
    }
    let (from, to) = (from.unwrap_or(i64::MIN), to.unwrap_or(i64::MAX));
    if from > to {
        return Err(Error::invalid("end_step", format!("`end_step` {to} is before `start_step` {from}")));
    }
    let most = THINNED.size(call.input.int("max_results")?)?;
    of_runs(call, "run_ids", Thinned { from, to, most: most.get().into() }).await
}

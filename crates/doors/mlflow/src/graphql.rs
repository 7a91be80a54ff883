//! What MLflow's own UI asks in GraphQL: four queries, each known by the name of its operation and answered with all fields of its messages,
//! of which the UI takes those that it wants. Nothing reads the text of a query, so there is nothing that it could cost.

mod shown;

use actix_web::{Resource, web};
use serde_json::{Value as Json, json};

use self::shown::{experiment, points, run_with};
use super::call::{Call, verbatim};
use super::error::{Answer, MlflowError};
use super::input::{Input, missing};
use super::{experiments, metrics, runs};
use crate::domain::filter::mlflow::clauses;
use crate::domain::search::{Search, Searched};
use crate::domain::tracking::View;
use crate::domain::{Error, PageSize, Result};
use crate::registry::numbered::NumberedVersion;
use crate::registry::tracking::runs::Run;

/// How many versions are shown beside the runs of one answer.
const MAX_VERSIONS: u32 = 10_000;

/// What a query asks for.
enum Wanted {
    Experiment,
    Run,
    Runs,
    Points,
}

/// A query: the name of its operation, the field that it asks for and what that has, and the variable with its request.
struct Query {
    wanted: Wanted,
    operation: &'static str,
    field: &'static str,
    response: &'static str,
    member: &'static str,
    variable: &'static str,
}

/// All of them.
const QUERIES: [Query; 4] = [
    Query {
        wanted: Wanted::Experiment,
        operation: "MlflowGetExperimentQuery",
        field: "mlflowGetExperiment",
        response: "MlflowGetExperimentResponse",
        member: "experiment",
        variable: "input",
    },
    Query {
        wanted: Wanted::Run,
        operation: "GetRun",
        field: "mlflowGetRun",
        response: "MlflowGetRunResponse",
        member: "run",
        variable: "data",
    },
    Query {
        wanted: Wanted::Runs,
        operation: "SearchRuns",
        field: "mlflowSearchRuns",
        response: "MlflowSearchRunsResponse",
        member: "runs",
        variable: "data",
    },
    Query {
        wanted: Wanted::Points,
        operation: "GetMetricHistoryBulkInterval",
        field: "mlflowGetMetricHistoryBulkInterval",
        response: "MlflowGetMetricHistoryBulkIntervalResponse",
        member: "metrics",
        variable: "data",
    },
];

/// The route, which is at the server's root.
pub fn resource() -> Resource {
    web::resource("/graphql").route(web::post().to(ask))
}

async fn ask(call: Call) -> Answer {
    let name = call.input.required_text("operationName")?;
    let query = QUERIES.into_iter().find(|query| query.operation == name).ok_or_else(|| unknown(name))?;
    let request = request(&call.input, query.variable)?;
    let call = call.with_input(request);
    let found = match query.wanted {
        Wanted::Experiment => experiments::find(&call).await.map(|found| experiment(&found)),
        Wanted::Run => get_run(&call).await,
        Wanted::Runs => search_runs(&call).await,
        Wanted::Points => metrics::in_interval(&call).await.map(points),
    };
    // The UI tells by `apiError` what is not there from what went wrong.
    let (found, refused) = match found.map_err(|error| MlflowError::from(error).told()) {
        Ok(found) => (found, Json::Null),
        Err(told) => {
            let (code, message) = told?;
            (Json::Null, json!({"code": code, "message": message, "helpUrl": null}))
        }
    };
    verbatim(&json!({"data": {query.field: {
        "__typename": query.response,
        "apiError": refused,
        query.member: found,
    }}}))
}

fn unknown(name: &str) -> Error {
    let known = QUERIES.map(|query| query.operation).join("`, `");
    let message = format!("operation `{}` is none of those that are answered: `{known}`", name.escape_debug());
    Error::invalid("operationName", message)
}

/// The request of a query, in its variable of that name.
fn request(input: &Input, variable: &'static str) -> Result<Input> {
    let variables = input.nested("variables")?.ok_or_else(|| missing("variables"))?;
    variables.nested(variable)?.ok_or_else(|| missing(variable))
}

async fn get_run(call: &Call) -> Result<Json> {
    let found = runs::find(call).await?;
    let versions = versions_of(call, std::slice::from_ref(&found)).await?;
    Ok(run_with(&found, &versions))
}

async fn search_runs(call: &Call) -> Result<Json> {
    let found = runs::find_page(call).await?.runs;
    let versions = versions_of(call, &found).await?;
    Ok(found.iter().map(|run| run_with(run, &versions)).collect())
}

/// The versions of models that came out of these runs.
async fn versions_of(call: &Call, runs: &[Run]) -> Result<Vec<NumberedVersion>> {
    let ids: Vec<_> = runs.iter().map(|run| format!("'{}'", run.id.as_str())).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let search = Search {
        of: Searched::Versions,
        experiments: Vec::new(),
        view: View::Active,
        clauses: clauses(Searched::Versions, &format!("run_id IN ({})", ids.join(", ")))?,
        order: Vec::new(),
        datasets: Vec::new(),
    };
    Ok(call.registry.models.search_versions(&call.context, search, PageSize::new(MAX_VERSIONS), None).await?.versions)
}

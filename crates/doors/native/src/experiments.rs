//! Experiments: listed, read, and what their runs measure and are given.

use actix_web::web::{Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answers;
use super::enums::ViewName;
use super::errors::{ListModelsErrors, ReadErrors};
use super::listed::{ExperimentList, Listing};
use super::request::KnownHeaders;
use super::wire::NodeView;
use crate::domain::tracking::View;
use crate::domain::value::find_named;
use crate::domain::{Error, LogicalType, Result};
use crate::http::caller::Caller;
use crate::http::conditional::unless_known;
use crate::http::problem::Problem;
use crate::registry::etags::model_tag;
use crate::registry::listed::experiments::ExperimentListing;
use crate::registry::tracking::experiments::{ExperimentRef, RunKeys};

/// What stands before the name of an experiment, where one is addressed by its id otherwise: a name may be a number, too.
const NAMED: &str = "@name:";

/// The experiment that a segment of a path means.
fn experiment_segment(text: &str) -> Result<ExperimentRef> {
    let found = match text.strip_prefix(NAMED) {
        Some(name) => name.parse().map(ExperimentRef::Named),
        None => text.parse().map(ExperimentRef::Id),
    };
    found.map_err(|error: Error| error.on_field("experiment"))
}

/// Whether what is archived is wanted; `active` when it is not said.
pub fn view(given: Option<&str>) -> Result<View> {
    const VIEWS: [(&str, View); 3] = [("active", View::Active), ("archived", View::Archived), ("all", View::All)];
    let (_, view) = find_named(&VIEWS, |(name, _)| name, "view", given.unwrap_or("active"))?;
    Ok(view)
}

/// Which experiments are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ExperimentOptions {
    /// Whether the archived ones are wanted; `active` when it is not given.
    #[param(inline, value_type = Option<ViewName>)]
    view: Option<String>,
}

/// The names of what the runs of an experiment measure and are given, archived runs among them.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ExperimentKeys {
    /// The names of their metrics, in alphabetical order, the first thousand of them.
    pub metrics: Vec<String>,
    /// Whether there are more.
    pub more_metrics: bool,
    /// The names of their parameters, in alphabetical order, the first thousand of them.
    pub parameters: Vec<String>,
    /// Whether there are more.
    pub more_parameters: bool,
}

impl From<RunKeys> for ExperimentKeys {
    fn from(keys: RunKeys) -> Self {
        let RunKeys { metrics, parameters } = keys;
        Self {
            metrics: metrics.names,
            more_metrics: metrics.has_more,
            parameters: parameters.names,
            more_parameters: parameters.has_more,
        }
    }
}

/// Lists the experiments of a workspace, whichever API made them, each with the number of its runs.
///
/// `filter` knows `name`, `externalId`, `createdAt`, `updatedAt` and every declared property (`owner`, `description`, `state`,
/// `artifactLocation`); every other name is that of a custom property, which is what MLflow's tags are.
#[utoipa::path(
    get, path = "/experiments", operation_id = "listExperiments", tag = "experiments",
    params(ExperimentOptions, Listing, KnownHeaders),
    responses(
        (status = 200, description = "A page.", body = ExperimentList),
        (status = 304, description = "The client has it."),
        ListModelsErrors,
    ),
)]
pub async fn list_experiments(
    caller: Caller,
    options: Query<ExperimentOptions>,
    listing: Query<Listing>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let listing = ExperimentListing {
        filter: listing.filter(LogicalType::Experiment)?,
        view: view(options.view.as_deref())?,
        order: listing.order()?,
        request: listing.request()?,
    };
    let page = caller.registry.tracking.list_experiments(&caller.context, listing).await?;
    Ok(answers::json(&request, &ExperimentList::from(&page))?)
}

/// Shows an experiment, archived or not; its ETag is its revision.
#[utoipa::path(
    get, path = "/experiments/{experiment}", operation_id = "getExperiment", tag = "experiments",
    params(
        (
            "experiment" = String, Path, description = "Id of the experiment, or `@name:` and its name.",
            pattern = "^([1-9][0-9]{0,17}|@name:.{1,512})$",
        ),
        KnownHeaders,
    ),
    responses(
        (status = 200, description = "The experiment.", body = NodeView),
        (status = 304, description = "The client has it."),
        ReadErrors,
    ),
)]
pub async fn get_experiment(
    caller: Caller,
    experiment: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let wanted = experiment_segment(&experiment)?;
    let experiment = caller.registry.tracking.get_experiment(&caller.context, &wanted).await?;
    Ok(unless_known(&request, model_tag(&experiment), &NodeView::new(&experiment)))
}

/// Lists the names of the metrics and of the parameters that the runs of an experiment have: what a search of its runs can be filtered and
/// ordered by.
#[utoipa::path(
    get, path = "/experiments/{experiment}/keys", operation_id = "getExperimentKeys", tag = "experiments",
    params((
        "experiment" = String, Path, description = "Id of the experiment, or `@name:` and its name.",
        pattern = "^([1-9][0-9]{0,17}|@name:.{1,512})$",
    )),
    responses(
        (status = 200, description = "The names.", body = ExperimentKeys),
        ReadErrors,
    ),
)]
pub async fn get_experiment_keys(caller: Caller, experiment: Path<String>) -> Result<HttpResponse, Problem> {
    let wanted = experiment_segment(&experiment)?;
    let keys = caller.registry.tracking.keys_of_runs(&caller.context, wanted).await?;
    Ok(HttpResponse::Ok().json(ExperimentKeys::from(keys)))
}

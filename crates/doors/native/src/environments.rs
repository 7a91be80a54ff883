//! Where models are served: serving environments, listed and read by name.

use actix_web::web::{Path, Query};
use actix_web::{HttpRequest, HttpResponse};

use super::answers;
use super::errors::{ListModelsErrors, ReadErrors};
use super::listed::{EnvironmentList, EnvironmentRow, Listing};
use super::request::KnownHeaders;
use crate::domain::{Error, LogicalType, Name, Result};
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::listed::environments::EnvironmentListing;

/// Lists the serving environments of a workspace, each with the number of its deployments; `GET /deployments?environment=` lists those.
///
/// `filter` knows `name`, `externalId`, `createdAt`, `updatedAt` and every declared property (`description`); every other name is that of a
/// custom property.
#[utoipa::path(
    get, path = "/environments", operation_id = "listEnvironments", tag = "serving",
    params(Listing, KnownHeaders),
    responses(
        (status = 200, description = "A page.", body = EnvironmentList),
        (status = 304, description = "The client has it."),
        ListModelsErrors,
    ),
)]
pub async fn list_environments(
    caller: Caller,
    listing: Query<Listing>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let filter = listing.filter(LogicalType::ServingEnvironment)?;
    let listing = EnvironmentListing { filter, order: listing.order()?, request: listing.request()? };
    let page = caller.registry.entities.list_environments(&caller.context, listing).await?;
    Ok(answers::json(&request, &EnvironmentList::from(&page))?)
}

/// Shows a serving environment with the number of its deployments.
#[utoipa::path(
    get, path = "/environments/{environment}", operation_id = "getEnvironment", tag = "serving",
    params(("environment" = String, Path, description = "Name of the environment."), KnownHeaders),
    responses(
        (status = 200, description = "The environment.", body = EnvironmentRow),
        (status = 304, description = "The client has it."),
        ReadErrors,
    ),
)]
pub async fn get_environment(
    caller: Caller,
    environment: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let name: Name = environment.parse().map_err(|error: Error| error.on_field("environment"))?;
    let found = caller.registry.entities.get_environment(&caller.context, &name).await?;
    Ok(answers::json(&request, &EnvironmentRow::from(&found))?)
}

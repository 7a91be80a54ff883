//! Lists of models, of a model's versions and aliases, and of a version's artifacts.

use actix_web::HttpResponse;
use actix_web::web::{Path, Query};

use super::errors::{ListModelsErrors, ReadErrors};
use super::listed::{AliasList, Listing, ModelList, ShownMetrics, VersionList};
use super::models::{model_segment, version_segments};
use super::wire::{AliasView, NodeList, NodeView};
use super::{Paging, cut, next_token};
use crate::domain::{Alias, Error, LogicalType, Result};
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::listed::models::ModelListing;
use crate::registry::listed::versions::VersionListing;

/// Lists the models of a workspace, each with its latest version, its aliases, and what is known of the latest version's files.
///
/// `filter` knows `name`, `externalId`, `createdAt`, `updatedAt` and every declared property, and besides them `alias`, `format` and
/// `verdict`; every other name is that of a custom property. Of several aliases or formats one has to meet the condition, and `!=` holds
/// where all are other ones. `format` and `verdict` are about the latest version. Prompts are not listed.
#[utoipa::path(
    get, path = "/models", operation_id = "listModels", tag = "models",
    params(Listing),
    responses(
        (status = 200, description = "A page.", body = ModelList),
        ListModelsErrors,
    ),
)]
pub async fn list_models(caller: Caller, listing: Query<Listing>) -> Result<HttpResponse, Problem> {
    let filter = listing.filter(LogicalType::RegisteredModel)?;
    let listing = ModelListing { filter, order: listing.order()?, request: listing.request()? };
    let page = caller.registry.models.list_models(&caller.context, listing).await?;
    Ok(HttpResponse::Ok().json(ModelList::from(&page)))
}

/// Lists the versions of a model, the newest first unless another order is asked for.
///
/// `filter` knows what it knows of models; `alias`, `format` and `verdict` are about the version itself.
#[utoipa::path(
    get, path = "/models/{model}/versions", operation_id = "listVersions", tag = "models",
    params(("model" = String, Path, description = "Name of the registered model."), Listing, ShownMetrics),
    responses(
        (status = 200, description = "A page.", body = VersionList),
        ReadErrors,
    ),
)]
pub async fn list_versions(
    caller: Caller,
    model: Path<String>,
    listing: Query<Listing>,
    shown: Query<ShownMetrics>,
) -> Result<HttpResponse, Problem> {
    let (filter, order) = (listing.filter(LogicalType::ModelVersion)?, listing.order()?);
    let listing = VersionListing { filter, order, metrics: shown.names()?, request: listing.request()? };
    let (_, page) = caller.registry.models.list_versions_of(&caller.context, &model_segment(&model)?, listing).await?;
    Ok(HttpResponse::Ok().json(VersionList::from(&page)))
}

/// Lists the aliases of a model, in alphabetical order.
#[utoipa::path(
    get, path = "/models/{model}/aliases", operation_id = "listAliases", tag = "models",
    params(("model" = String, Path, description = "Name of the registered model."), Paging),
    responses(
        (status = 200, description = "A page.", body = AliasList),
        ReadErrors,
    ),
)]
pub async fn list_aliases(caller: Caller, model: Path<String>, paging: Query<Paging>) -> Result<HttpResponse, Problem> {
    let broken = |error: Error| error.on_field("nextPageToken");
    let after: Option<Alias> = paging.next_page_token()?.map(str::parse).transpose().map_err(broken)?;
    let (model, after, size) = (model_segment(&model)?, after.map(String::from), paging.size());
    let mut found = caller.registry.models.list_aliases_named(&caller.context, &model, after, size.get() + 1).await?;
    // Every alias fits a URL as it is.
    let next_page_token = cut(&mut found, size, |last| last.alias.clone());
    let items = found.iter().map(AliasView::from).collect();
    Ok(HttpResponse::Ok().json(AliasList { items, next_page_token }))
}

/// Lists the artifacts of a version, its own and those attached to it, the oldest first.
#[utoipa::path(
    get, path = "/models/{model}/versions/{version}/artifacts", operation_id = "listVersionArtifacts", tag = "models",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("version" = String, Path, description = "Name of the version, `latest`, `@` and an alias, or `@name:` and a name."),
        Paging,
    ),
    responses(
        (status = 200, description = "A page.", body = NodeList),
        ReadErrors,
    ),
)]
pub async fn list_version_artifacts(
    caller: Caller,
    segments: Path<(String, String)>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let (model, version) = version_segments(segments)?;
    let request = paging.list_request()?;
    let models = &caller.registry.models;
    let (page, types) = models.list_version_artifacts(&caller.context, &model, &version, request).await?;
    Ok(HttpResponse::Ok().json(NodeList {
        items: page.items.iter().map(|node| NodeView::among(node, &types)).collect(),
        next_page_token: next_token(page.next.as_ref()),
    }))
}

//! Lists of models, of a model's versions and aliases, and of a version's artifacts.

use actix_web::web::{Path, Query};
use actix_web::{HttpRequest, HttpResponse};

use super::answers;
use super::errors::{ListModelsErrors, ReadErrors};
use super::listed::{AliasList, Listing, ModelList, ShownMetrics, VersionList};
use super::models::{model_segment, version_segments};
use super::request::KnownHeaders;
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
    params(Listing, KnownHeaders),
    responses(
        (status = 200, description = "A page.", content(
            (ModelList = "application/json"), (String = "application/x-ndjson"), (String = "text/csv"),
        )),
        (status = 304, description = "The client has it."),
        ListModelsErrors,
    ),
)]
pub async fn list_models(
    caller: Caller,
    listing: Query<Listing>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let filter = listing.filter(LogicalType::RegisteredModel)?;
    let listing = ModelListing { filter, order: listing.order()?, request: listing.request()? };
    let page = caller.registry.models.list_models(&caller.context, listing).await?;
    let list = ModelList::from(&page);
    Ok(answers::page(&request, &list, &list.items, &list.next_page_token)?)
}

/// Lists the versions of a model, the newest first unless another order is asked for.
///
/// `filter` knows what it knows of models; `alias`, `format` and `verdict` are about the version itself.
#[utoipa::path(
    get, path = "/models/{model}/versions", operation_id = "listVersions", tag = "models",
    params(("model" = String, Path, description = "Name of the registered model."), Listing, ShownMetrics, KnownHeaders),
    responses(
        (status = 200, description = "A page.", content(
            (VersionList = "application/json"), (String = "application/x-ndjson"), (String = "text/csv"),
        )),
        (status = 304, description = "The client has it."),
        ReadErrors,
    ),
)]
pub async fn list_versions(
    caller: Caller,
    model: Path<String>,
    listing: Query<Listing>,
    shown: Query<ShownMetrics>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (filter, order) = (listing.filter(LogicalType::ModelVersion)?, listing.order()?);
    let listing = VersionListing { filter, order, metrics: shown.names()?, request: listing.request()? };
    let (_, page) = caller.registry.models.list_versions_of(&caller.context, &model_segment(&model)?, listing).await?;
    let list = VersionList::from(&page);
    Ok(answers::page(&request, &list, &list.items, &list.next_page_token)?)
}

/// Lists the aliases of a model, in alphabetical order.
#[utoipa::path(
    get, path = "/models/{model}/aliases", operation_id = "listAliases", tag = "models",
    params(("model" = String, Path, description = "Name of the registered model."), Paging, KnownHeaders),
    responses(
        (status = 200, description = "A page.", body = AliasList),
        (status = 304, description = "The client has it."),
        ReadErrors,
    ),
)]
pub async fn list_aliases(
    caller: Caller,
    model: Path<String>,
    paging: Query<Paging>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let broken = |error: Error| error.on_field("nextPageToken");
    let after: Option<Alias> = paging.next_page_token()?.map(str::parse).transpose().map_err(broken)?;
    let (model, after, size) = (model_segment(&model)?, after.map(String::from), paging.size());
    let mut found = caller.registry.models.list_aliases_named(&caller.context, &model, after, size.get() + 1).await?;
    // Every alias fits a URL as it is.
    let next_page_token = cut(&mut found, size, |last| last.alias.clone());
    let items = found.iter().map(AliasView::from).collect();
    Ok(answers::json(&request, &AliasList { items, next_page_token })?)
}

/// Lists the artifacts of a version, its own and those attached to it, the oldest first.
#[utoipa::path(
    get, path = "/models/{model}/versions/{version}/artifacts", operation_id = "listVersionArtifacts", tag = "models",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("version" = String, Path, description = "Name of the version, `latest`, `@` and an alias, or `@name:` and a name."),
        Paging,
        KnownHeaders,
    ),
    responses(
        (status = 200, description = "A page.", body = NodeList),
        (status = 304, description = "The client has it."),
        ReadErrors,
    ),
)]
pub async fn list_version_artifacts(
    caller: Caller,
    segments: Path<(String, String)>,
    paging: Query<Paging>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (model, version) = version_segments(segments)?;
    let wanted = paging.list_request()?;
    let models = &caller.registry.models;
    let (page, types) = models.list_version_artifacts(&caller.context, &model, &version, wanted).await?;
    let list = NodeList {
        items: page.items.iter().map(|node| NodeView::among(node, &types)).collect(),
        next_page_token: next_token(page.next.as_ref()),
    };
    Ok(answers::json(&request, &list)?)
}

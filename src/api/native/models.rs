//! Models, versions and aliases, by name.

use actix_web::HttpResponse;
use actix_web::web::{Json, Path, Query};
use serde::Deserialize;
use utoipa::IntoParams;

use super::Paging;
use super::errors::{AliasErrors, DeleteModelErrors, ReadErrors};
use super::wire::{AliasView, NodeList, NodeView, SetAlias, VersionView};
use crate::api::caller::Caller;
use crate::api::problem::Problem;
use crate::domain::{Alias, Error, LogicalType, Name, Order, OrderBy, PageToken, Result, VersionRef};
use crate::registry::removal::Removal;

pub(super) fn model_segment(model: &str) -> Result<Name> {
    model.parse().map_err(|error: Error| error.on_field("model"))
}

pub(super) fn version_segments(segments: Path<(String, String)>) -> Result<(Name, VersionRef)> {
    let (model, version) = segments.into_inner();
    Ok((model_segment(&model)?, version.parse().map_err(|error: Error| error.on_field("version"))?))
}

/// What a removal may ask for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeleteOptions {
    /// Removes a model together with its versions.
    #[serde(default)]
    recursive: bool,
}

/// Shows a version with its files, aliases, artifacts and properties.
#[utoipa::path(
    get, path = "/models/{model}/versions/{version}", operation_id = "getVersion", tag = "models",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("version" = String, Path, description = "Name of the version, `latest`, or `@` and an alias."),
    ),
    responses(
        (status = 200, description = "The version.", body = VersionView),
        ReadErrors,
    ),
)]
pub async fn get_version(caller: Caller, segments: Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (model, version) = version_segments(segments)?;
    let summary = caller.registry.version_summary(&model, &version).await?;
    Ok(HttpResponse::Ok()
        .insert_header(("ETag", format!("\"{}\"", summary.version.revision)))
        .json(VersionView::new(&caller.registry, &summary)))
}

/// Lists the versions of a model, the newest first.
#[utoipa::path(
    get, path = "/models/{model}/versions", operation_id = "listVersions", tag = "models",
    params(("model" = String, Path, description = "Name of the registered model."), Paging),
    responses(
        (status = 200, description = "A page.", body = NodeList),
        ReadErrors,
    ),
)]
pub async fn list_versions(
    caller: Caller,
    model: Path<String>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let newest_first = Order { by: OrderBy::CreateTime, descending: true };
    let token = paging.next_page_token()?.map(PageToken::decode).transpose()?;
    let model = model_segment(&model)?;
    let (_, page) = caller.registry.list_versions(&model, newest_first, paging.size(), token).await?;
    Ok(HttpResponse::Ok().json(NodeList {
        items: page.items.iter().map(NodeView::new).collect(),
        next_page_token: page.next.map(|token| token.encode()).unwrap_or_default(),
    }))
}

/// Removes a model; one that has versions only with `recursive=true`.
#[utoipa::path(
    delete, path = "/models/{model}", operation_id = "deleteModel", tag = "models",
    params(("model" = String, Path, description = "Name of the registered model."), DeleteOptions),
    responses(
        (status = 204, description = "Removed; its history is kept."),
        DeleteModelErrors,
    ),
)]
pub async fn delete_model(
    caller: Caller,
    model: Path<String>,
    options: Query<DeleteOptions>,
) -> Result<HttpResponse, Problem> {
    let model = caller.registry.get_model(&model_segment(&model)?).await?;
    let logical = LogicalType::RegisteredModel;
    let removal = Removal { recursive: options.recursive, if_revision: None };
    caller.registry.delete(&caller.actor, logical, model.id, removal).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Removes a version with its artifacts and files.
#[utoipa::path(
    delete, path = "/models/{model}/versions/{version}", operation_id = "deleteVersion", tag = "models",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("version" = String, Path, description = "Name of the version, `latest`, or `@` and an alias."),
    ),
    responses(
        (status = 204, description = "Removed; its history is kept."),
        ReadErrors,
    ),
)]
pub async fn delete_version(caller: Caller, segments: Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (model, version) = version_segments(segments)?;
    let (_, version) = caller.registry.resolve_version(&model, &version).await?;
    caller.registry.delete(&caller.actor, LogicalType::ModelVersion, version.id, Removal::RECURSIVE).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Points an alias at a version, wherever it pointed before.
#[utoipa::path(
    put, path = "/models/{model}/aliases/{alias}", operation_id = "setAlias", tag = "models",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("alias" = String, Path, description = "Name of the alias; not `latest`.", pattern = "^[A-Za-z0-9._-]{1,128}$"),
    ),
    request_body = SetAlias,
    responses(
        (status = 200, description = "Where it points now.", body = AliasView),
        AliasErrors,
    ),
)]
pub async fn set_alias(
    caller: Caller,
    segments: Path<(String, String)>,
    body: Json<SetAlias>,
) -> Result<HttpResponse, Problem> {
    let (model, alias) = segments.into_inner();
    let alias: Alias = alias.parse()?;
    let version = body.version.parse().map_err(|error: Error| error.on_field("version"))?;
    let version = caller.registry.set_alias(&caller.actor, &model_segment(&model)?, &alias, &version).await?;
    Ok(HttpResponse::Ok().json(AliasView {
        alias: alias.into(),
        version_id: version.id.to_string(),
        version: version.name.unwrap_or_default(),
    }))
}

/// Removes an alias.
#[utoipa::path(
    delete, path = "/models/{model}/aliases/{alias}", operation_id = "deleteAlias", tag = "models",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("alias" = String, Path, description = "Name of the alias.", pattern = "^[A-Za-z0-9._-]{1,128}$"),
    ),
    responses(
        (status = 204, description = "Removed."),
        ReadErrors,
    ),
)]
pub async fn delete_alias(caller: Caller, segments: Path<(String, String)>) -> Result<HttpResponse, Problem> {
    let (model, alias) = segments.into_inner();
    caller.registry.delete_alias(&caller.actor, &model_segment(&model)?, &alias.parse()?).await?;
    Ok(HttpResponse::NoContent().finish())
}

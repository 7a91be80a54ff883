//! Models, versions and aliases, by name.

use actix_web::web::{Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use utoipa::IntoParams;

use super::errors::{AliasErrors, DeleteAliasErrors, DeleteModelErrors, DeleteVersionErrors, ReadErrors};
use super::request::{ConditionHeaders, KnownHeaders};
use super::wire::{AliasView, NodeView, SetAlias, VersionView};
use crate::domain::{Alias, Error, Name, Node, Result, VersionRef};
use crate::http::caller::Caller;
use crate::http::conditional::{conditions, unless_known, with_etag};
use crate::http::problem::Problem;
use crate::registry::aliases::alias_tag;
use crate::registry::etags::model_tag;
use crate::registry::named_removal::NamedRemovalOptions;

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
    /// Removes it also where a version is served or has aliases.
    #[serde(default)]
    force: bool,
}

/// What the removal of a version may ask for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ForceOption {
    /// Removes it also where it is served or has aliases.
    #[serde(default)]
    force: bool,
}

/// Shows a model; its ETag is its revision.
#[utoipa::path(
    get, path = "/models/{model}", operation_id = "getModel", tag = "models",
    params(("model" = String, Path, description = "Name of the registered model."), KnownHeaders),
    responses(
        (status = 200, description = "The model.", body = NodeView),
        (status = 304, description = "The client has it."),
        ReadErrors,
    ),
)]
pub async fn get_model(caller: Caller, model: Path<String>, request: HttpRequest) -> Result<HttpResponse, Problem> {
    let model = caller.registry.models.get_model(&caller.context, &model_segment(&model)?).await?;
    Ok(unless_known(&request, model_tag(&model), &NodeView::new(&model)))
}

/// Shows a version with its files, aliases, artifacts and properties. Its ETag changes with any of them.
#[utoipa::path(
    get, path = "/models/{model}/versions/{version}", operation_id = "getVersion", tag = "models",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("version" = String, Path, description = "Name of the version, `latest`, `@` and an alias, or `@name:` and a name."),
        KnownHeaders,
    ),
    responses(
        (status = 200, description = "The version.", body = VersionView),
        (status = 304, description = "The client has it."),
        ReadErrors,
    ),
)]
pub async fn get_version(
    caller: Caller,
    segments: Path<(String, String)>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (model, version) = version_segments(segments)?;
    let summary = caller.registry.models.version_summary(&caller.context, &model, &version).await?;
    Ok(unless_known(&request, summary.tag.clone(), &VersionView::new(&caller.context, &summary)))
}

/// Removes a model; one that has versions only with `recursive=true`, and one whose versions are served or have aliases only
/// with `force=true`, too.
#[utoipa::path(
    delete, path = "/models/{model}", operation_id = "deleteModel", tag = "models",
    params(("model" = String, Path, description = "Name of the registered model."), DeleteOptions, ConditionHeaders),
    responses(
        (status = 204, description = "Removed; its history is kept."),
        DeleteModelErrors,
    ),
)]
pub async fn delete_model(
    caller: Caller,
    model: Path<String>,
    options: Query<DeleteOptions>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let DeleteOptions { recursive, force } = options.into_inner();
    let how = NamedRemovalOptions { recursive, force, conditions: conditions(&request)? };
    caller.registry.models.remove_model(&caller.context, &model_segment(&model)?, how).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Removes a version with its artifacts and files; one that is served or has aliases only with `force=true`.
#[utoipa::path(
    delete, path = "/models/{model}/versions/{version}", operation_id = "deleteVersion", tag = "models",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("version" = String, Path, description = "Name of the version, `latest`, `@` and an alias, or `@name:` and a name."),
        ForceOption,
        ConditionHeaders,
    ),
    responses(
        (status = 204, description = "Removed; its history is kept."),
        DeleteVersionErrors,
    ),
)]
pub async fn delete_version(
    caller: Caller,
    segments: Path<(String, String)>,
    options: Query<ForceOption>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (model, version) = version_segments(segments)?;
    let how = NamedRemovalOptions { recursive: true, force: options.force, conditions: conditions(&request)? };
    caller.registry.models.remove_version(&caller.context, &model, &version, how).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Shows where an alias points; its ETag changes when it is moved.
#[utoipa::path(
    get, path = "/models/{model}/aliases/{alias}", operation_id = "getAlias", tag = "models",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("alias" = String, Path, description = "Name of the alias.", pattern = r"^[\w.-]{1,255}$"),
        KnownHeaders,
    ),
    responses(
        (status = 200, description = "Where it points.", body = AliasView),
        (status = 304, description = "The client has it."),
        ReadErrors,
    ),
)]
pub async fn get_alias(
    caller: Caller,
    segments: Path<(String, String)>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (model, alias) = segments.into_inner();
    let alias: Alias = alias.parse()?;
    let version = caller.registry.models.alias_of(&caller.context, &model_segment(&model)?, &alias).await?;
    Ok(unless_known(&request, alias_tag(version.id), &alias_view(alias, version)))
}

fn alias_view(alias: Alias, version: Node) -> AliasView {
    let version_id = version.id.to_string();
    AliasView { alias: alias.into(), version_id, version: version.name.unwrap_or_default() }
}

/// Points an alias at a version, wherever it pointed before. A version with a quarantined file gets none, and one that is not approved no
/// alias that the policy of the model protects.
#[utoipa::path(
    put, path = "/models/{model}/aliases/{alias}", operation_id = "setAlias", tag = "models",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("alias" = String, Path, description = "Name of the alias; not `latest`.", pattern = r"^[\w.-]{1,255}$"),
        ConditionHeaders,
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
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (model, alias) = segments.into_inner();
    let alias: Alias = alias.parse()?;
    let version = body.version.parse().map_err(|error: Error| error.on_field("version"))?;
    let (model, conditions) = (model_segment(&model)?, conditions(&request)?);
    let version = caller.registry.models.set_alias(&caller.context, &model, &alias, &version, conditions).await?;
    Ok(with_etag(alias_tag(version.id), &alias_view(alias, version)))
}

/// Removes an alias.
#[utoipa::path(
    delete, path = "/models/{model}/aliases/{alias}", operation_id = "deleteAlias", tag = "models",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("alias" = String, Path, description = "Name of the alias.", pattern = r"^[\w.-]{1,255}$"),
        ConditionHeaders,
    ),
    responses(
        (status = 204, description = "Removed."),
        DeleteAliasErrors,
    ),
)]
pub async fn delete_alias(
    caller: Caller,
    segments: Path<(String, String)>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (model, alias) = segments.into_inner();
    let (model, alias) = (model_segment(&model)?, alias.parse()?);
    caller.registry.models.delete_alias(&caller.context, &model, &alias, conditions(&request)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

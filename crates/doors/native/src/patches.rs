//! Models and versions changed by name, by JSON merge patches (RFC 7396) of what a GET shows.

use std::collections::BTreeMap;

use actix_web::web::{Json, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Map, Value as JsonValue};
use utoipa::ToSchema;

use super::body::read;
use super::errors::{ChangeErrors, RenameErrors};
use super::models::{model_segment, version_segments};
use super::register::{declared, free, one_of};
use super::request::ConditionHeaders;
use super::wire::{NodeView, VersionView};
use crate::domain::{Change, Error, LogicalType, Name, Result, Value, VersionRef};
use crate::http::caller::Caller;
use crate::http::conditional::{conditions, with_etag};
use crate::http::problem::Problem;
use crate::registry::etags::model_tag;
use crate::registry::tracking::change::NodeChanges;

/// What to change of a model or version. What is not named stays; a property that is null goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NodePatch {
    /// Another name.
    #[schema(min_length = 1, max_length = 512)]
    name: Option<String>,
    /// Declared properties, such as `description`, `owner` or `state`.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Option<serde_json::Value>>)]
    properties: BTreeMap<String, JsonValue>,
    /// Free properties.
    #[serde(default)]
    #[schema(value_type = BTreeMap<String, Option<serde_json::Value>>)]
    custom_properties: BTreeMap<String, JsonValue>,
}

impl NodePatch {
    fn changes(self, logical: LogicalType) -> Result<NodeChanges> {
        let (removed, set) = split(self.properties);
        if let Some(name) = removed.iter().find(|name| logical.declared(name).is_none()) {
            let shown = name.escape_debug();
            return Err(Error::invalid(name, format!("a {} has no property `{shown}`", logical.noun())));
        }
        let set = declared(logical, set)?;
        if let Some(state) = set.get("state") {
            one_of("state", state, &["LIVE", "ARCHIVED"])?;
        }
        let (removed_free, set_free) = split(self.custom_properties);
        Ok(NodeChanges {
            name: self.name.as_deref().map(str::parse::<Name>).transpose().map_err(|error| error.on_field("name"))?,
            properties: changes(removed, set),
            custom: changes(removed_free, free(set_free)?),
        })
    }
}

/// What is null, and what is not.
fn split(given: BTreeMap<String, JsonValue>) -> (Vec<String>, BTreeMap<String, JsonValue>) {
    let (removed, set): (BTreeMap<_, _>, BTreeMap<_, _>) = given.into_iter().partition(|(_, json)| json.is_null());
    (removed.into_keys().collect(), set)
}

fn changes(removed: Vec<String>, set: BTreeMap<String, Value>) -> BTreeMap<String, Change<Value>> {
    let set = set.into_iter().map(|(name, value)| (name, Change::Set(value)));
    set.chain(removed.into_iter().map(|name| (name, Change::Clear))).collect()
}

/// Changes a model: another name, single properties. Everything that it has stays with it.
#[utoipa::path(
    patch, path = "/models/{model}", operation_id = "updateModel", tag = "models",
    params(("model" = String, Path, description = "Name of the registered model."), ConditionHeaders),
    request_body(content = NodePatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The model as it is now.", body = NodeView),
        ChangeErrors,
    ),
)]
pub async fn update_model(
    caller: Caller,
    model: Path<String>,
    body: Json<Map<String, JsonValue>>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let changes = read::<NodePatch>(body)?.changes(LogicalType::RegisteredModel)?;
    let (model, conditions) = (model_segment(&model)?, conditions(&request)?);
    let changed = caller.registry.models.change_named_model(&caller.context, &model, changes, conditions).await?;
    Ok(with_etag(model_tag(&changed), &NodeView::new(&changed)))
}

/// Another name.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// The name that it is to have.
    #[schema(min_length = 1, max_length = 512)]
    name: String,
}

/// Gives a model another name. Everything that it has stays with it, and nothing is found under the old name any more.
#[utoipa::path(
    post, path = "/models/{model}/rename", operation_id = "renameModel", tag = "models",
    params(("model" = String, Path, description = "Name of the registered model."), ConditionHeaders),
    request_body = Rename,
    responses(
        (status = 200, description = "The model as it is now.", body = NodeView),
        RenameErrors,
    ),
)]
pub async fn rename_model(
    caller: Caller,
    model: Path<String>,
    body: Json<Map<String, JsonValue>>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let Rename { name } = read(body)?;
    let name = name.parse::<Name>().map_err(|error| error.on_field("name"))?;
    let changes = NodeChanges { name: Some(name), ..NodeChanges::default() };
    let (model, conditions) = (model_segment(&model)?, conditions(&request)?);
    let changed = caller.registry.models.change_named_model(&caller.context, &model, changes, conditions).await?;
    Ok(with_etag(model_tag(&changed), &NodeView::new(&changed)))
}

/// Changes a version: another name, single properties.
#[utoipa::path(
    patch, path = "/models/{model}/versions/{version}", operation_id = "updateVersion", tag = "models",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("version" = String, Path, description = "Name of the version, `latest`, `@` and an alias, or `@name:` and a name."),
        ConditionHeaders,
    ),
    request_body(content = NodePatch, content_type = "application/merge-patch+json"),
    responses(
        (status = 200, description = "The version as it is now.", body = VersionView),
        ChangeErrors,
    ),
)]
pub async fn update_version(
    caller: Caller,
    segments: Path<(String, String)>,
    body: Json<Map<String, JsonValue>>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (model, version) = version_segments(segments)?;
    let changes = read::<NodePatch>(body)?.changes(LogicalType::ModelVersion)?;
    let (context, models, conditions) = (&caller.context, &caller.registry.models, conditions(&request)?);
    let (home, changed) = models.change_named_version(context, &model, &version, changes, conditions).await?;
    let names = home.name.as_deref().zip(changed.name.as_deref());
    let (home, named) = names.ok_or_else(|| Error::internal("a version has no name"))?;
    let version = VersionRef::Named(named.parse()?);
    let summary = models.version_summary(context, &home.parse()?, &version).await?;
    Ok(with_etag(summary.tag.clone(), &VersionView::new(context, &summary)))
}

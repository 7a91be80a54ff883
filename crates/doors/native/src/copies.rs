//! Versions copied to other models, which is how they are promoted from one to the next.

use actix_web::http::header::{ETAG, EntityTag};
use actix_web::web::{Json, Path};
use actix_web::{HttpRequest, HttpResponse};
use serde::Deserialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::body::read;
use super::errors::CopyErrors;
use super::models::version_segments;
use super::request::ConditionHeaders;
use super::wire::VersionView;
use crate::domain::{Error, Name, Node, Result, VersionRef};
use crate::http::caller::Caller;
use crate::http::conditional::conditions;
use crate::http::problem::Problem;
use crate::registry::version_copies::VersionCopy;

/// Where a copy of a version goes.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CopyVersion {
    /// The name of the model that it becomes a version of; it may be the model of the version that is copied.
    #[schema(min_length = 1, max_length = 512)]
    model: String,
    /// The name of the copy; its number where it is absent.
    #[schema(min_length = 1, max_length = 512)]
    version: Option<String>,
    /// An alias of that model to point at the copy, wherever it pointed before.
    #[schema(pattern = r"^[\w.-]{1,255}$")]
    alias: Option<String>,
    /// Whether the model is made where there is none of that name; otherwise that is a 404.
    #[serde(default)]
    create_model: bool,
}

impl CopyVersion {
    fn copy(self, request: &HttpRequest) -> Result<VersionCopy> {
        let name = |name: &str, field: &'static str| name.parse::<Name>().map_err(|error| error.on_field(field));
        let alias = self.alias.as_deref().map(str::parse).transpose();
        Ok(VersionCopy {
            model: name(&self.model, "model")?,
            version: self.version.as_deref().map(|version| name(version, "version")).transpose()?,
            alias: alias.map_err(|error: Error| error.on_field("alias"))?,
            create_model: self.create_model,
            conditions: conditions(request)?,
        })
    }
}

/// Copies a version to another model, or within its own: its properties, its artifacts and its files, whose bytes are shared. The
/// policy of the model that it goes to decides about the files.
///
/// All of it is done, or nothing. The copy is `LIVE`, in no stage, and names the version that it was made of in its custom properties `copied_from`
/// and `copied_from_id`. External ids, aliases and the histories of metrics are not copied. `If-Match` is about the version that is copied.
#[utoipa::path(
    post, path = "/models/{model}/versions/{version}/copy", operation_id = "copyVersion", tag = "models",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("version" = String, Path, description = "Name of the version, `latest`, `@` and an alias, or `@name:` and a name."),
        ConditionHeaders,
    ),
    request_body = CopyVersion,
    responses(
        (status = 201, description = "The copy.", body = VersionView),
        CopyErrors,
    ),
)]
pub async fn copy_version(
    caller: Caller,
    segments: Path<(String, String)>,
    body: Json<Map<String, Value>>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (model, version) = version_segments(segments)?;
    let copy = read::<CopyVersion>(body)?.copy(&request)?;
    let (context, models) = (&caller.context, &caller.registry.models);
    let (home, made) = models.copy_named_version(context, &model, &version, copy).await?;
    let version = VersionRef::Named(named(&made)?);
    let summary = models.version_summary(context, &named(&home)?, &version).await?;
    let tag = EntityTag::new_strong(summary.tag.clone());
    Ok(HttpResponse::Created().insert_header((ETAG, tag)).json(VersionView::new(context, &summary)))
}

fn named(node: &Node) -> Result<Name> {
    node.name.as_deref().ok_or_else(|| Error::internal("a model or version has no name"))?.parse()
}

//! Uploads whose bytes the client sends to the bucket itself.

use actix_web::HttpResponse;
use actix_web::web::{Json, Path, Query};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Number;
use utoipa::{IntoParams, ToSchema};

use super::errors::{CreateDirectErrors, DirectErrors};
use super::request::media_type;
use crate::domain::{Error, Sha256};
use crate::http::caller::Caller;
use crate::http::integer::parse_integer;
use crate::http::problem::Problem;
use crate::registry::direct::{DirectUpload, PART, PartLink};
use crate::registry::resumable::UploadState;
use crate::registry::target::{Precondition, Target};
use crate::registry::upload::PutFile;

/// The largest integer up to which every integer is an exact `f64`.
const MAX_EXACT: u64 = 9_007_199_254_740_992;

/// A file to be sent to the bucket.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewDirectUpload {
    /// Name of the registered model.
    #[schema(min_length = 1, max_length = 512)]
    model: String,
    /// Name of the version, `latest`, `@` and an alias, or `@name:` and a name.
    #[schema(min_length = 1, max_length = 512)]
    version: String,
    /// Path of the file.
    #[schema(min_length = 1, max_length = 1024)]
    path: String,
    /// Its media type; guessed from the path when it is not given.
    media_type: Option<String>,
    /// How many bytes it has.
    #[schema(value_type = u64, minimum = 1)]
    size: Size,
    /// Their SHA-256 in hexadecimal.
    #[schema(pattern = "^[0-9A-Fa-f]{64}$")]
    sha256: String,
    /// About how many bytes each part has: a file that is not larger is sent at once.
    #[schema(value_type = Option<u64>, minimum = 1)]
    part_size: Option<Size>,
    /// Whether a missing model or version is made.
    #[serde(default = "yes")]
    create: bool,
}

/// A whole number of bytes, which JSON may also write as in `5.0`.
#[derive(Debug, Clone, Copy)]
struct Size(u64);

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = Number::deserialize(deserializer)?;
        let exact =
            || parse_integer(&number).and_then(|size| u64::try_from(size).ok()).filter(|size| *size < MAX_EXACT);
        let size = number.as_u64().or_else(exact);
        size.map(Self).ok_or_else(|| D::Error::custom(format!("`{number}` is not a whole number of bytes")))
    }
}

fn yes() -> bool {
    true
}

/// How a direct upload stands, and how parts of it are sent.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DirectUploadView {
    /// Its id.
    id: String,
    /// Name of the registered model.
    model: String,
    /// Name of the version.
    version: String,
    /// Path of the file.
    path: String,
    /// How many bytes it has.
    size: u64,
    /// Their SHA-256.
    sha256: Option<String>,
    /// Whether it has become the file.
    finished: bool,
    /// When it is forgotten, in milliseconds since the epoch.
    expires_at: i64,
    /// How many bytes each part has; the last may have fewer.
    part_size: u64,
    /// How many parts there are.
    part_count: u64,
    /// How some of them are sent, in their order.
    parts: Vec<PartView>,
    /// After how many parts the next links begin; none where these are the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_after: Option<u64>,
    /// For how long the links are valid, in seconds.
    valid_seconds: u64,
}

/// How one part is sent: by PUT.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PartView {
    /// Its number, from 1.
    number: u64,
    /// Where it begins in the file.
    offset: u64,
    /// How many bytes it has.
    size: u64,
    /// Where it goes.
    url: String,
    /// The headers that the request must have.
    headers: std::collections::BTreeMap<String, String>,
}

impl From<DirectUpload> for DirectUploadView {
    fn from(upload: DirectUpload) -> Self {
        let UploadState { id, length, file, expires_at, finished_at, sha256, .. } = upload.state;
        let (model, version, path) = file.unwrap_or_default();
        let last = upload.links.last().map(|link| link.number);
        let part = |PartLink { number, offset, size, url, headers }: PartLink| PartView {
            number,
            offset,
            size,
            url,
            headers: headers.into_iter().collect(),
        };
        Self {
            id,
            model,
            version,
            path,
            size: length,
            sha256,
            finished: finished_at.is_some(),
            expires_at,
            part_size: upload.part,
            part_count: upload.parts,
            next_after: last.filter(|last| *last < upload.parts),
            parts: upload.links.into_iter().map(part).collect(),
            valid_seconds: upload.valid.as_secs(),
        }
    }
}

/// After which part the links begin.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PartsAfter {
    /// After how many parts the links begin.
    #[param(minimum = 0, maximum = 10_000)]
    after: Option<u16>,
}

/// Begins an upload whose bytes the client sends to the bucket itself, and returns the links by which it does.
#[utoipa::path(
    post, path = "/direct-uploads", operation_id = "createDirectUpload", tag = "direct uploads",
    request_body = NewDirectUpload,
    responses((status = 201, description = "Started.", body = DirectUploadView), CreateDirectErrors),
)]
pub async fn create_direct_upload(caller: Caller, body: Json<NewDirectUpload>) -> HttpResponse {
    answer(create(&caller, body.into_inner()).await)
}

async fn create(caller: &Caller, new: NewDirectUpload) -> Result<HttpResponse, Error> {
    let on = |field: &'static str| move |error: Error| error.on_field(field);
    let target = Target::Version {
        model: new.model.parse().map_err(on("model"))?,
        version: new.version.parse().map_err(on("version"))?,
    };
    let put = PutFile {
        target,
        path: new.path.parse().map_err(on("path"))?,
        media_type: new.media_type.as_deref().map(|given| media_type(given, "mediaType")).transpose()?,
        length: Some(new.size.0),
        sha256: Some(Sha256::from_hex(&new.sha256)?),
        precondition: Precondition::None,
        create: new.create,
    };
    let upload = caller
        .registry
        .files
        .create_direct(&caller.context, put, new.part_size.map_or(PART, |Size(size)| size))
        .await?;
    Ok(HttpResponse::Created().json(DirectUploadView::from(upload)))
}

/// Shows a direct upload, with new links to its parts.
#[utoipa::path(
    get, path = "/direct-uploads/{id}", operation_id = "getDirectUpload", tag = "direct uploads",
    params(("id" = String, Path, description = "Id of the upload."), PartsAfter),
    responses((status = 200, description = "The state of the upload.", body = DirectUploadView), DirectErrors),
)]
pub async fn get_direct_upload(caller: Caller, id: Path<String>, after: Query<PartsAfter>) -> HttpResponse {
    let after = after.after.unwrap_or_default().into();
    let shown = caller.registry.files.direct(&caller.context, &id, after).await;
    answer(shown.map(|upload| HttpResponse::Ok().json(DirectUploadView::from(upload))))
}

/// Makes the file, once all parts have arrived, and compares size and SHA-256. May be asked again.
#[utoipa::path(
    post, path = "/direct-uploads/{id}/complete", operation_id = "completeDirectUpload", tag = "direct uploads",
    params(("id" = String, Path, description = "Id of the upload.")),
    responses((status = 200, description = "It is a file.", body = DirectUploadView), DirectErrors),
)]
pub async fn complete_direct_upload(caller: Caller, id: Path<String>) -> HttpResponse {
    let completed = async {
        caller.registry.files.complete_direct(&caller.context, &id).await?;
        caller.registry.files.direct(&caller.context, &id, 0).await
    };
    answer(completed.await.map(|upload| HttpResponse::Ok().json(DirectUploadView::from(upload))))
}

/// Aborts a direct upload and discards its bytes. If it has become a file, the file stays.
#[utoipa::path(
    delete, path = "/direct-uploads/{id}", operation_id = "deleteDirectUpload", tag = "direct uploads",
    params(("id" = String, Path, description = "Id of the upload.")),
    responses((status = 204, description = "Gone."), DirectErrors),
)]
pub async fn delete_direct_upload(caller: Caller, id: Path<String>) -> HttpResponse {
    answer(caller.registry.files.delete_direct(&caller.context, &id).await.map(|()| HttpResponse::NoContent().finish()))
}

fn answer(result: Result<HttpResponse, Error>) -> HttpResponse {
    result.unwrap_or_else(|error| actix_web::ResponseError::error_response(&Problem::from(error)))
}

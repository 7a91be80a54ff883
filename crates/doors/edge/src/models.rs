//! Models: listed, read, registered with their archives, changed, removed, downloaded.

use actix_web::http::header::{self, ContentType};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Data, Payload};
use actix_web::{HttpRequest, HttpResponse};
use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::form_urlencoded;
use utoipa::{IntoParams, ToSchema};

use super::errors::{EdgeError, TEXT};
use super::form::{self, FileReceiver, MemoryLimit};
use super::wire::RegisteredModelOut;
use super::{EdgeOptions, fields};
use crate::domain::Error;
use crate::domain::record::{Record, RecordId};
use crate::http::answer;
use crate::http::caller::Caller;
use crate::http::disposition::disposition;
use crate::memory::Memory;
use crate::registry::records::{RecordFilter, Written};
use crate::registry::target::Target;

/// Which models are wanted.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[allow(dead_code, reason = "read from the query as it is, because an unknown key has an answer of its own")]
pub struct Filters {
    /// Within the name, whatever the case.
    name: Option<String>,
    /// Within the project's name, whatever the case.
    project_name: Option<String>,
    /// Within the category, whatever the case.
    category: Option<String>,
    /// Within the architecture, whatever the case.
    architecture: Option<String>,
    /// Within a precision, whatever the case.
    precision: Option<String>,
    /// The version.
    version: Option<String>,
}

/// What a new model is made from. `file` may stand anywhere among the other fields.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the form is streamed")]
pub struct NewModel {
    /// A zip archive, sent as `application/zip` or a like media type.
    #[schema(value_type = String, format = Binary)]
    file: Vec<u8>,
    #[schema(min_length = 1, max_length = 512)]
    name: String,
    #[schema(min_length = 1, max_length = 255)]
    version: String,
    #[schema(default = "CPU")]
    target_device: Option<String>,
    /// `fp32`, `fp16`, `int8` or `int4`, in any case.
    #[schema(default = "fp32")]
    precision: Option<String>,
    format: Option<String>,
    #[schema(default = 0.0)]
    score: Option<f64>,
    /// 16 to 256 letters, digits, `_` and `-`; a new UUID when there is none.
    #[schema(min_length = 16, max_length = 256, pattern = "^[A-Za-z0-9_-]+$")]
    id: Option<String>,
    created_date: Option<String>,
    /// Ignored: the size is that of the file.
    size: Option<i64>,
    origin: Option<String>,
    project_id: Option<String>,
    project_name: Option<String>,
    category: Option<String>,
    target_device_type: Option<String>,
    /// A JSON object.
    overview: Option<String>,
    /// A JSON object.
    optimization_capabilities: Option<String>,
    /// A list of texts or objects, as JSON or as Python writes it.
    labels: Option<String>,
    architecture: Option<String>,
}

/// What to change of a model. A field without text is cleared.
#[derive(ToSchema)]
#[allow(dead_code, reason = "the form is read by hand")]
pub struct ModelChange {
    #[schema(max_length = 512)]
    name: Option<String>,
    #[schema(max_length = 255)]
    version: Option<String>,
    target_device: Option<String>,
    precision: Option<String>,
    format: Option<String>,
    score: Option<f64>,
    created_date: Option<String>,
    size: Option<i64>,
    origin: Option<String>,
    project_id: Option<String>,
    project_name: Option<String>,
    category: Option<String>,
    target_device_type: Option<String>,
    overview: Option<String>,
    optimization_capabilities: Option<String>,
    labels: Option<String>,
    architecture: Option<String>,
}

/// The outcome of a change.
#[derive(Serialize, ToSchema)]
pub struct Status {
    /// `completed`.
    status: &'static str,
}

/// Which of a request's models is meant.
fn id(request: &HttpRequest) -> Result<RecordId, EdgeError> {
    let invalid_id = |_| EdgeError::detail(StatusCode::BAD_REQUEST, "Invalid format for model ID.");
    request.match_info().get("model_id").unwrap_or_default().parse().map_err(invalid_id)
}

/// Lists models.
///
/// With a filter that no model meets the answer is 404, without one it is an empty list.
#[utoipa::path(
    get, path = "/models", operation_id = "listModels", tag = "models", params(Filters),
    responses(
        (status = 200, description = "The models, ordered by id.", body = Vec<RegisteredModelOut>),
        (status = 400, description = "A value has a `<`, `%` or `'`.", body = String, content_type = "text/plain"),
        (status = 404, description = "No model meets the filters.", body = String, content_type = "text/plain"),
        (status = 422, description = "An unknown parameter.", body = String, content_type = "text/plain"),
    ),
)]
pub async fn list(caller: Caller, request: HttpRequest, options: Data<EdgeOptions>) -> Result<HttpResponse, EdgeError> {
    let (filter, is_findable) = filter(request.query_string())?;
    let is_filtered = filter != RecordFilter::default();
    let mut found = if is_findable {
        caller.registry.records.list_records(&caller.context, filter)
    } else {
        stream::empty().boxed()
    };
    let Some(first) = found.try_next().await? else {
        if is_filtered {
            return Err(EdgeError::line(StatusCode::NOT_FOUND, "Model(s) not found."));
        }
        return Ok(HttpResponse::Ok().json(json!([])));
    };
    let first = items(b'[', first, &options)?;
    let mut response = HttpResponse::Ok();
    response.content_type(ContentType::json());
    let Some(second) = found.try_next().await? else {
        return Ok(response.body([first, b"]".to_vec()].concat()));
    };
    // An error in the middle aborts the response, so that it cannot be mistaken for the complete list.
    let rest = stream::once(async { Ok(second) }).chain(found);
    let rest = answer::logged(rest.map(move |batch| items(b',', batch?, &options)));
    let whole = stream::once(async { Ok(first) }).chain(rest).chain(stream::once(async { Ok(b"]".to_vec()) }));
    Ok(response.streaming(whole.map_ok(Bytes::from)))
}

/// Models as they stand in a list, each preceded by a comma, or the first by the list's beginning.
fn items(start: u8, records: Vec<Record>, options: &EdgeOptions) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    for record in records {
        text.push(if text.is_empty() { start } else { b',' });
        serde_json::to_writer(&mut text, &RegisteredModelOut::new(record, &options.bucket))
            .map_err(|error| Error::internal("a list cannot be written as JSON").caused_by(error))?;
    }
    Ok(text)
}

/// The filter, and whether anything can meet it: no stored text has a NUL.
fn filter(query: &str) -> Result<(RecordFilter, bool), EdgeError> {
    let mut filter = RecordFilter::default();
    let mut unknown = Vec::new();
    let mut odd = Vec::new();
    let mut is_findable = true;
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        let wanted = match &*key {
            "name" => &mut filter.name,
            "project_name" => &mut filter.project_name,
            "category" => &mut filter.category,
            "architecture" => &mut filter.architecture,
            "precision" => &mut filter.precision,
            "version" => &mut filter.version,
            _ => {
                unknown.push(key.into_owned());
                continue;
            }
        };
        if value.contains(['<', '%', '\'']) {
            odd.push(key.into_owned());
        }
        is_findable &= !value.contains('\0');
        *wanted = Some(value.into_owned()).filter(|value| !value.is_empty());
    }
    unknown.sort_unstable();
    unknown.dedup();
    if !unknown.is_empty() {
        let text = format!("Invalid query parameter(s): {}", unknown.join(", "));
        return Err(EdgeError::line(StatusCode::UNPROCESSABLE_ENTITY, text));
    }
    if let Some(key) = odd.first() {
        let text = format!("The value provided for '{key}' must not contain special characters like <, %, '.");
        return Err(EdgeError::Text(StatusCode::BAD_REQUEST, text));
    }
    Ok((filter, is_findable))
}

/// Reads a model.
#[utoipa::path(
    get, path = "/models/{model_id}", operation_id = "getModel", tag = "models",
    params(("model_id" = String, Path, description = "The model's id.", min_length = 16, max_length = 256, pattern = "^[A-Za-z0-9_-]+$")),
    responses(
        (status = 200, description = "The model.", body = RegisteredModelOut),
        (status = 400, description = "The id is malformed.", body = super::document::Detail),
        (status = 404, description = "There is no such model.", body = String, content_type = "text/plain"),
    ),
)]
pub async fn get(caller: Caller, request: HttpRequest, options: Data<EdgeOptions>) -> Result<HttpResponse, EdgeError> {
    let record = caller.registry.records.get_record(&caller.context, &id(&request)?).await?;
    Ok(HttpResponse::Ok().json(RegisteredModelOut::new(record, &options.bucket)))
}

/// Registers a model with its archive, streamed.
#[utoipa::path(
    post, path = "/models", operation_id = "createModel", tag = "models",
    request_body(content = NewModel, content_type = "multipart/form-data"),
    responses(
        (status = 201, description = "The model's id.", body = String, content_type = "text/plain"),
        (status = 400, description = "An unknown precision, a bad id, or a form that cannot be read.", body = super::document::Detail),
        (status = 409, description = "There is such a model already.", body = String, content_type = "text/plain"),
        (status = 413, description = "The file or the fields are too large.", body = String, content_type = "text/plain"),
        (status = 422, description = "A field is missing, unknown or wrong, or the file is not a zip archive.", body = super::document::Detail),
    ),
)]
pub async fn create(
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
    options: Data<EdgeOptions>,
    memory: Data<Memory>,
) -> Result<HttpResponse, EdgeError> {
    let receiver = FileReceiver { caller: &caller, check_fields: &fields::check_fields };
    let limit = MemoryLimit { limit: options.form_limit_bytes, memory: &memory };
    let (said, upload) = form::read(&request, payload, limit, Some(receiver)).await?;
    let draft = match (fields::draft(&said, upload.is_some()), upload) {
        (Ok(draft), Some(upload)) => {
            let checked = options.check_archives;
            let form::Upload { file, path } = upload;
            caller.registry.records.create_record(&caller.context, draft, path, file, !checked).await?
        }
        (parsed, Some(upload)) => {
            caller.registry.files.discard_file(&caller.context, upload.file).await;
            return Err(parsed.err().unwrap_or_else(EdgeError::no_model));
        }
        (parsed, None) => return Err(parsed.err().unwrap_or_else(EdgeError::no_model)),
    };
    match draft {
        Written::Done(id) => Ok(HttpResponse::Created().content_type(TEXT).body(id.to_string())),
        Written::Duplicate(id) => Err(EdgeError::duplicate(id)),
    }
}

/// Changes a model: the fields that are sent, all of them or none.
#[utoipa::path(
    put, path = "/models/{model_id}", operation_id = "updateModel", tag = "models",
    params(("model_id" = String, Path, description = "The model's id.", min_length = 16, max_length = 256, pattern = "^[A-Za-z0-9_-]+$")),
    request_body(content = ModelChange, content_type = "application/x-www-form-urlencoded"),
    responses(
        (status = 200, description = "It is changed.", body = Status),
        (status = 400, description = "No field to change, an unknown precision, or no id.", body = super::document::ErrorBody),
        (status = 404, description = "There is no such model.", body = String, content_type = "text/plain"),
        (status = 409, description = "Another model has these values.", body = String, content_type = "text/plain"),
        (status = 413, description = "The fields are too large.", body = super::document::Detail),
        (status = 422, description = "A field is wrong.", body = super::document::Detail),
    ),
)]
pub async fn update(
    caller: Caller,
    request: HttpRequest,
    payload: Payload,
    options: Data<EdgeOptions>,
    memory: Data<Memory>,
) -> Result<HttpResponse, EdgeError> {
    let id = id(&request)?;
    let limit = MemoryLimit { limit: options.form_limit_bytes, memory: &memory };
    let (said, _) = form::read(&request, payload, limit, None).await?;
    match caller.registry.records.update_record(&caller.context, &id, fields::patch(&said)?).await? {
        Written::Done(_) => Ok(HttpResponse::Ok().json(Status { status: "completed" })),
        Written::Duplicate(other) => Err(EdgeError::duplicate(other)),
    }
}

/// Removes a model with its archive.
#[utoipa::path(
    delete, path = "/models/{model_id}", operation_id = "deleteModel", tag = "models",
    params(("model_id" = String, Path, description = "The model's id.", min_length = 16, max_length = 256, pattern = "^[A-Za-z0-9_-]+$")),
    responses(
        (status = 204, description = "It is gone."),
        (status = 400, description = "The id is malformed.", body = super::document::Detail),
        (status = 404, description = "There is no such model.", body = String, content_type = "text/plain"),
    ),
)]
pub async fn delete(caller: Caller, request: HttpRequest) -> Result<HttpResponse, EdgeError> {
    caller.registry.records.delete_record(&caller.context, &id(&request)?).await?;
    Ok(HttpResponse::NoContent().content_type(TEXT).finish())
}

/// Downloads a model's archive, streamed.
#[utoipa::path(
    get, path = "/models/{model_id}/files", operation_id = "getModelFiles", tag = "models",
    params(("model_id" = String, Path, description = "The model's id.", min_length = 16, max_length = 256, pattern = "^[A-Za-z0-9_-]+$")),
    responses(
        (status = 200, description = "The archive as it was sent.", body = Vec<u8>, content_type = "application/zip"),
        (status = 400, description = "The id is malformed.", body = super::document::Detail),
        (status = 403, description = "The archive is quarantined.", body = String, content_type = "text/plain"),
        (status = 404, description = "There is no such model.", body = String, content_type = "text/plain"),
    ),
)]
pub async fn files(caller: Caller, request: HttpRequest) -> Result<HttpResponse, EdgeError> {
    let record = caller.registry.records.get_record(&caller.context, &id(&request)?).await?;
    let file = record.file.ok_or_else(EdgeError::no_model)?;
    let target = Target::Artifact(record.nodes.artifact);
    let file = caller.registry.files.get_served_file(&caller.context, &target, &file.path, false).await?;
    // Swagger UI offers a download of nothing else.
    let referer = request.headers().get(header::REFERER).and_then(|from| from.to_str().ok()).unwrap_or_default();
    let media_type = if referer.ends_with("/docs") { "application/octet-stream" } else { "application/zip" };
    let mut response = HttpResponse::Ok();
    response
        .content_type(media_type)
        // Untrusted bytes: saved as a download, never rendered as a page of this origin.
        .insert_header((header::CONTENT_DISPOSITION, disposition(file.path.file_name(), "")))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if request.method() == Method::HEAD {
        return Ok(answer::without_bytes(response, file.blob.size));
    }
    let chunks = caller.registry.files.open_file(&caller.context, &file, None).await?;
    Ok(answer::sized(response, file.blob.size, chunks))
}

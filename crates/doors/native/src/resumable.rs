//! Resumable uploads by the tus protocol, version 1.0.0: creation, creation-with-upload, checksum, concatenation, expiration,
//! termination.

mod concat;
mod headers;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, HttpDate, LOCATION};
use actix_web::web::{Path, Payload};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use serde::Serialize;
use utoipa::ToSchema;

use self::concat::Concat;
use self::headers::{CreateHeaders, PatchHeaders, VersionHeader};
use super::errors::{CreateUploadErrors, FeedErrors, PatchUploadErrors, ResumableErrors};
use super::location::relative;
use crate::domain::{Error, ErrorKind, Result};
use crate::http::body;
use crate::http::caller::Caller;
use crate::http::problem::{self, problem_response, report};
use crate::registry::resumable::{ALGORITHMS, CONCAT, Patch, UploadState};

const VERSION: &str = "1.0.0";
const EXTENSIONS: &str = "creation,creation-with-upload,checksum,concatenation,expiration,termination";

/// A resumable upload as JSON, which the protocol does not have.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UploadView {
    /// Its id.
    id: String,
    /// Name of the registered model; none of a partial upload.
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    /// Name of the version; none of a partial upload.
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    /// Path of the file; none of a partial upload.
    #[serde(skip_serializing_if = "Option::is_none")]
    path: Option<String>,
    /// `partial` for a part of a file, `final;` and its parts for a file that was put together; none for a whole file.
    #[serde(skip_serializing_if = "Option::is_none")]
    concat: Option<String>,
    /// How many bytes are there.
    offset: u64,
    /// How many there will be.
    length: u64,
    /// Whether it has become the file, or a partial upload has all its bytes.
    finished: bool,
    /// The SHA-256: announced, or once it is finished that of the bytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    /// When it was made.
    created_at: i64,
    /// When it is forgotten.
    expires_at: i64,
}

/// Says what of the tus protocol there is.
#[utoipa::path(
    options, path = "/uploads", operation_id = "uploadOptions", tag = "resumable uploads",
    responses((status = 204, description = "Version, extensions, checksum algorithms and the largest size, in headers."), FeedErrors),
)]
pub async fn upload_options(caller: Caller) -> HttpResponse {
    let mut response = HttpResponse::NoContent();
    response
        .insert_header(("Tus-Resumable", VERSION))
        .insert_header(("Tus-Version", VERSION))
        .insert_header(("Tus-Extension", EXTENSIONS))
        .insert_header(("Tus-Checksum-Algorithm", ALGORITHMS));
    if let Some(limit) = caller.registry.max_file_bytes() {
        response.insert_header(("Tus-Max-Size", limit));
    }
    response.finish()
}

/// Makes a resumable upload, and takes its first bytes where the request has some.
///
/// `Upload-Metadata` has `model`, `version` and `path`, and may have `mediatype` (or `filetype`), `sha256` in hexadecimal,
/// and `create`, which is `false` where a missing model or version must not be made. A partial upload
/// (`Upload-Concat: partial`) needs none of it: it goes nowhere until a request with `Upload-Concat: final;` and the URLs of
/// partial uploads, separated by spaces, makes a file of them.
#[utoipa::path(
    post, path = "/uploads", operation_id = "createUpload", tag = "resumable uploads",
    params(CreateHeaders),
    request_body(
        content = Option<Vec<u8>>, content_type = "application/offset+octet-stream", description = "The first bytes."
    ),
    responses((status = 201, description = "Made; `Location` says where the bytes go."), CreateUploadErrors),
)]
pub async fn create_upload(caller: Caller, request: HttpRequest, payload: Payload) -> HttpResponse {
    answer(create(&caller, &request, payload).await)
}

async fn create(caller: &Caller, request: &HttpRequest, payload: Payload) -> Result<HttpResponse> {
    if let Some(refusal) = headers::other_version(request) {
        return Ok(refusal);
    }
    headers::check_extensions(request)?;
    let concat = concat::parse(request)?;
    let length = headers::number(request, "content-length")?;
    let chunked = request.headers().contains_key("transfer-encoding");
    let brings_bytes = length.is_some_and(|length| length > 0) || (chunked && headers::has_media_type(request));
    if brings_bytes && let Some(refusal) = headers::other_media_type(request) {
        return Ok(refusal);
    }
    let checksums = headers::checksums(request)?;
    if !brings_bytes {
        checksums.clone().check_digests()?;
    }
    let mut state = match concat {
        Concat::Whole => {
            let (put, metadata) = headers::creation(request)?;
            caller.registry.files.create_resumable(&caller.context, put, metadata).await?
        }
        Concat::Partial => {
            let (length, metadata) = headers::partial(request)?;
            caller.registry.files.create_partial(&caller.context, length, metadata).await?
        }
        Concat::Final(_) if brings_bytes => {
            return Err(Error::invalid(CONCAT, "a final upload is made of its parts and brings no bytes"));
        }
        Concat::Final(parts) => {
            let (put, metadata) = headers::of_parts(request)?;
            let words = (headers::text(request, CONCAT)?.unwrap_or_default(), metadata);
            caller.registry.files.concatenate(&caller.context, put, parts, words).await?
        }
    };
    if brings_bytes && state.finished_at.is_none() {
        let patch = Patch { offset: 0, length, checksums };
        let id = state.id.clone();
        state = caller.registry.files.append_resumable(&caller.context, &id, patch, body::chunks(payload)).await?;
    }
    let location = relative(request, &format!("uploads/{}", state.id));
    let mut response = progress(StatusCode::CREATED, &state);
    Ok(response.insert_header((LOCATION, location)).finish())
}

/// Adds bytes to a resumable upload; the last one makes it a file.
#[utoipa::path(
    patch, path = "/uploads/{id}", operation_id = "patchUpload", tag = "resumable uploads",
    params(("id" = String, Path, description = "Id of the upload."), PatchHeaders),
    request_body(
        content = Vec<u8>, content_type = "application/offset+octet-stream", description = "The bytes after the offset."
    ),
    responses((status = 204, description = "Stored; `Upload-Offset` says how many there are."), PatchUploadErrors),
)]
pub async fn patch_upload(caller: Caller, id: Path<String>, request: HttpRequest, payload: Payload) -> HttpResponse {
    answer(patch(&caller, &id, &request, payload).await)
}

async fn patch(caller: &Caller, id: &str, request: &HttpRequest, payload: Payload) -> Result<HttpResponse> {
    if let Some(refusal) = headers::other_version(request).or_else(|| headers::other_media_type(request)) {
        return Ok(refusal);
    }
    headers::check_extensions(request)?;
    let missing = || Error::invalid("Upload-Offset", "`Upload-Offset` is missing");
    let patch = Patch {
        offset: headers::number(request, "Upload-Offset")?.ok_or_else(missing)?,
        length: headers::number(request, "content-length")?,
        checksums: headers::checksums(request)?,
    };
    let state = caller.registry.files.append_resumable(&caller.context, id, patch, body::chunks(payload)).await?;
    Ok(progress(StatusCode::NO_CONTENT, &state).finish())
}

/// Returns the offset of a resumable upload.
pub async fn head_upload(caller: Caller, id: Path<String>, request: HttpRequest) -> HttpResponse {
    answer(head(&caller, &id, &request).await)
}

async fn head(caller: &Caller, id: &str, request: &HttpRequest) -> Result<HttpResponse> {
    if let Some(refusal) = headers::other_version(request) {
        return Ok(refusal);
    }
    let state = caller.registry.files.resumable(&caller.context, id).await?;
    let mut response = progress(StatusCode::OK, &state);
    if let Some(concat) = &state.concat {
        response.insert_header((CONCAT, concat.as_str()));
    }
    if !state.metadata.is_empty() {
        response.insert_header(("Upload-Metadata", state.metadata.as_str()));
    }
    Ok(response.insert_header(("Upload-Length", state.length)).finish())
}

/// Shows a resumable upload as JSON; HEAD returns its offset in `Upload-Offset` and `Upload-Length`.
#[utoipa::path(
    get, path = "/uploads/{id}", operation_id = "getUpload", tag = "resumable uploads",
    params(("id" = String, Path, description = "Id of the upload.")),
    responses((status = 200, description = "Its offset.", body = UploadView), ResumableErrors),
)]
pub async fn get_upload(caller: Caller, id: Path<String>) -> HttpResponse {
    answer(caller.registry.files.resumable(&caller.context, &id).await.map(|state| {
        let mut response = progress(StatusCode::OK, &state);
        let (model, version, path) =
            state.file.map_or((None, None, None), |(model, version, path)| (Some(model), Some(version), Some(path)));
        response.json(UploadView {
            id: state.id,
            model,
            version,
            path,
            concat: state.concat,
            offset: state.offset,
            length: state.length,
            finished: state.finished_at.is_some(),
            sha256: state.sha256,
            created_at: state.created_at,
            expires_at: state.expires_at,
        })
    }))
}

/// Terminates a resumable upload. If it has become a file, the file stays.
#[utoipa::path(
    delete, path = "/uploads/{id}", operation_id = "deleteUpload", tag = "resumable uploads",
    params(("id" = String, Path, description = "Id of the upload."), VersionHeader),
    responses((status = 204, description = "Gone."), ResumableErrors),
)]
pub async fn delete_upload(caller: Caller, id: Path<String>, request: HttpRequest) -> HttpResponse {
    answer(delete(&caller, &id, &request).await)
}

async fn delete(caller: &Caller, id: &str, request: &HttpRequest) -> Result<HttpResponse> {
    if let Some(refusal) = headers::other_version(request) {
        return Ok(refusal);
    }
    caller.registry.files.delete_resumable(&caller.context, id).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// A request whose client, or what stands between, knows POST alone: `X-HTTP-Method-Override` names what is meant.
#[utoipa::path(
    post, path = "/uploads/{id}", operation_id = "overrideUpload", tag = "resumable uploads",
    params(
        ("id" = String, Path, description = "Id of the upload."),
        ("X-HTTP-Method-Override" = String, Header, description = "`PATCH`, `DELETE` or `HEAD`."),
        PatchHeaders,
    ),
    request_body(content = Vec<u8>, content_type = "application/offset+octet-stream", description = "As that has it."),
    responses(
        (status = 200, description = "As HEAD."),
        (status = 204, description = "As PATCH or DELETE."),
        (status = 405, description = "No such method is meant."),
        PatchUploadErrors,
    ),
)]
pub async fn overridden(caller: Caller, id: Path<String>, request: HttpRequest, payload: Payload) -> HttpResponse {
    let meant = request.headers().get("x-http-method-override").map(|name| name.as_bytes());
    answer(match meant {
        Some(b"PATCH") => patch(&caller, &id, &request, payload).await,
        Some(b"DELETE") => delete(&caller, &id, &request).await,
        Some(b"HEAD") => head(&caller, &id, &request).await,
        _ => {
            let detail = "POST here needs `X-HTTP-Method-Override: PATCH`, `DELETE` or `HEAD`";
            Ok(problem_response(StatusCode::METHOD_NOT_ALLOWED, detail, Some("X-HTTP-Method-Override")))
        }
    })
}

fn progress(status: StatusCode, state: &UploadState) -> HttpResponseBuilder {
    let mut response = HttpResponseBuilder::new(status);
    let expires = std::time::UNIX_EPOCH + std::time::Duration::from_millis(state.expires_at.unsigned_abs());
    response
        .insert_header(("Upload-Offset", state.offset))
        .insert_header(("Upload-Expires", HttpDate::from(expires).to_string()))
        .insert_header((CACHE_CONTROL, "no-store"));
    response
}

/// Every answer says which version of the protocol it is of.
fn answer(result: Result<HttpResponse>) -> HttpResponse {
    let mut response = result.unwrap_or_else(refusal);
    let name = actix_web::http::header::HeaderName::from_static("tus-resumable");
    response.headers_mut().insert(name, actix_web::http::header::HeaderValue::from_static(VERSION));
    response
}

fn refusal(error: Error) -> HttpResponse {
    problem_response(status(error.kind()), report(&error), error.field())
}

/// The protocol has statuses of its own for two kinds of errors; the others are as elsewhere in the native API.
#[deny(clippy::wildcard_enum_match_arm)]
fn status(kind: ErrorKind) -> StatusCode {
    match kind {
        ErrorKind::Locked => StatusCode::LOCKED,
        ErrorKind::ChecksumMismatch => headers::checksum_mismatch(),
        ErrorKind::InvalidArgument
        | ErrorKind::InvalidBody
        | ErrorKind::DigestMismatch
        | ErrorKind::Unsupported
        | ErrorKind::NotFound
        | ErrorKind::Gone
        | ErrorKind::AlreadyExists
        | ErrorKind::NameTaken
        | ErrorKind::InvalidState
        | ErrorKind::Incomplete
        | ErrorKind::PreconditionFailed
        | ErrorKind::HasDependents
        | ErrorKind::Conflict
        | ErrorKind::TooLarge
        | ErrorKind::QuotaExceeded
        | ErrorKind::TooManyRequests
        | ErrorKind::Unauthenticated
        | ErrorKind::PermissionDenied
        | ErrorKind::Quarantined
        | ErrorKind::Upstream
        | ErrorKind::UpstreamUnavailable
        | ErrorKind::Unavailable
        | ErrorKind::Unimplemented
        | ErrorKind::Internal => problem::status(kind),
    }
}

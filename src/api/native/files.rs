//! Files: bytes in and out, below a version or an artifact.

use actix_web::body::SizedStream;
use actix_web::http::header::{
    ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, Charset, ContentDisposition, DispositionParam,
    DispositionType, ETAG, ExtendedValue, HttpDate, LAST_MODIFIED, LOCATION,
};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Path, Payload, Query};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures_util::{TryStreamExt as _, stream};
use serde::Deserialize;
use utoipa::IntoParams;

use super::conditional::{Selected, etag, if_match, precondition, select};
use super::errors::{DeleteFileErrors, DownloadErrors, ReadErrors, UploadErrors};
use super::wire::{FileList, StoredFile};
use super::{Paging, body};
use crate::api::caller::Caller;
use crate::api::problem::{Problem, problem_response, report};
use crate::domain::{Error, File, FilePath, NodeId, Result, Sha256};
use crate::registry::files::FileToken;
use crate::registry::files::Target;
use crate::registry::upload::{Outcome, PutFile};

/// What an upload may ask for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PutOptions {
    /// Whether a missing model, version or model artifact is made; `true` unless given.
    #[serde(default = "yes")]
    create: bool,
}

fn yes() -> bool {
    true
}

type InVersion = Path<(String, String, String)>;
type InArtifact = Path<(String, String)>;

fn in_version(segments: InVersion) -> Result<(Target, FilePath)> {
    let (model, version, path) = segments.into_inner();
    let target = Target::Version {
        model: model.parse().map_err(|error: Error| error.on_field("model"))?,
        version: version.parse().map_err(|error: Error| error.on_field("version"))?,
    };
    Ok((target, path.parse()?))
}

fn in_artifact(segments: InArtifact) -> Result<(Target, FilePath)> {
    let (id, path) = segments.into_inner();
    Ok((Target::Artifact(id.parse()?), path.parse()?))
}

/// Stores a file of a version, streamed.
///
/// Makes the model, the version and its model artifact when they are missing. The same bytes again change nothing; other
/// bytes need `If-Match` with the current ETag. A `Content-Digest` with sha-256 is verified.
#[utoipa::path(
    put, path = "/models/{model}/versions/{version}/files/{path}", operation_id = "putVersionFile", tag = "files",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("version" = String, Path, description = "Name of the version, `latest`, or `@` and an alias."),
        ("path" = String, Path, description = "Path of the file; may have slashes."),
        PutOptions,
        ("If-Match" = Option<String>, Header, description = "ETag of the file to be replaced, or `*`."),
        ("If-None-Match" = Option<String>, Header, pattern = r"^\*$", description = "`*`: only when there is no such file."),
        ("Content-Digest" = Option<String>, Header, description = "`sha-256=:…:`, RFC 9530."),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The bytes."),
    responses(
        (status = 201, description = "Stored.", body = StoredFile),
        (status = 200, description = "Replaced, or the same bytes were there.", body = StoredFile),
        UploadErrors,
    ),
)]
pub async fn put_version_file(
    caller: Caller,
    segments: InVersion,
    options: Query<PutOptions>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    put(caller, in_version(segments)?, options.create, &request, payload).await
}

/// Stores a file of an artifact, streamed.
#[utoipa::path(
    put, path = "/artifacts/{id}/files/{path}", operation_id = "putArtifactFile", tag = "files",
    params(
        ("id" = String, Path, description = "Id of the model artifact.", pattern = "^[1-9][0-9]{0,18}$"),
        ("path" = String, Path, description = "Path of the file; may have slashes."),
        ("If-Match" = Option<String>, Header, description = "ETag of the file to be replaced, or `*`."),
        ("If-None-Match" = Option<String>, Header, pattern = r"^\*$", description = "`*`: only when there is no such file."),
        ("Content-Digest" = Option<String>, Header, description = "`sha-256=:…:`, RFC 9530."),
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The bytes."),
    responses(
        (status = 201, description = "Stored.", body = StoredFile),
        (status = 200, description = "Replaced, or the same bytes were there.", body = StoredFile),
        UploadErrors,
    ),
)]
pub async fn put_artifact_file(
    caller: Caller,
    segments: InArtifact,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    put(caller, in_artifact(segments)?, false, &request, payload).await
}

async fn put(
    caller: Caller,
    (target, path): (Target, FilePath),
    create: bool,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    if request.headers().contains_key(CONTENT_RANGE) {
        return Err(Error::invalid("Content-Range", "a file is stored as a whole, not in parts").into());
    }
    let put = PutFile {
        target,
        path,
        media_type: media_type(request)?,
        length: header(request, "content-length")?.and_then(|length| length.parse().ok()),
        sha256: content_digest(request)?,
        precondition: precondition(request)?,
        create,
    };
    let result = caller.registry.put_file(&caller.actor, put, body::chunks(payload)).await?;
    let stored = StoredFile::new(&caller.registry, &result);
    let status = match result.outcome {
        Outcome::Created => StatusCode::CREATED,
        Outcome::Replaced | Outcome::Unchanged => StatusCode::OK,
    };
    Ok(HttpResponseBuilder::new(status)
        .insert_header((ETAG, etag(&result.file)))
        .insert_header((LOCATION, stored.file.url.as_str()))
        .json(stored))
}

fn header<'a>(request: &'a HttpRequest, name: &str) -> Result<Option<&'a str>> {
    let value = request.headers().get(name).map(|value| value.to_str());
    value.transpose().map_err(|_| Error::invalid(name, format!("header `{name}` is not ASCII")))
}

/// The sha-256 that the client announced, in whichever of the field's lines.
fn content_digest(request: &HttpRequest) -> Result<Option<Sha256>> {
    let lines: std::result::Result<Vec<_>, _> =
        request.headers().get_all("content-digest").map(|line| line.to_str()).collect();
    match lines {
        Ok(lines) if lines.is_empty() => Ok(None),
        Ok(lines) => Sha256::from_digest_field(&lines.join(", ")),
        Err(_) => Err(Error::invalid("Content-Digest", "header `Content-Digest` is not ASCII")),
    }
}

/// The media type the client gave; not the one that curl gives to every body it was not told about.
fn media_type(request: &HttpRequest) -> Result<Option<String>> {
    let given = header(request, "content-type")?.map(str::trim);
    let given = given.filter(|given| !given.is_empty() && *given != "application/x-www-form-urlencoded");
    match given {
        Some(given) if given.len() > 255 => {
            Err(Error::invalid("Content-Type", "`Content-Type` is longer than 255 bytes"))
        }
        given => Ok(given.map(ToOwned::to_owned)),
    }
}

/// Reads a file of a version, whole or in part.
#[utoipa::path(
    get, path = "/models/{model}/versions/{version}/files/{path}", operation_id = "getVersionFile", tag = "files",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("version" = String, Path, description = "Name of the version, `latest`, or `@` and an alias."),
        ("path" = String, Path, description = "Path of the file; may have slashes."),
        ("Range" = Option<String>, Header, description = "One range of bytes."),
        ("If-Range" = Option<String>, Header, description = "ETag for which the range is wanted."),
        ("If-None-Match" = Option<String>, Header, description = "ETag of the file that the client has."),
    ),
    responses(
        (status = 200, description = "The bytes.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "The client has it."),
        DownloadErrors,
    ),
)]
pub async fn get_version_file(
    caller: Caller,
    segments: InVersion,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    get(caller, in_version(segments)?, &request).await
}

/// Reads a file of an artifact, whole or in part.
#[utoipa::path(
    get, path = "/artifacts/{id}/files/{path}", operation_id = "getArtifactFile", tag = "files",
    params(
        ("id" = String, Path, description = "Id of the model artifact.", pattern = "^[1-9][0-9]{0,18}$"),
        ("path" = String, Path, description = "Path of the file; may have slashes."),
        ("Range" = Option<String>, Header, description = "One range of bytes."),
        ("If-Range" = Option<String>, Header, description = "ETag for which the range is wanted."),
        ("If-None-Match" = Option<String>, Header, description = "ETag of the file that the client has."),
    ),
    responses(
        (status = 200, description = "The bytes.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 206, description = "The range.", body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "The client has it."),
        DownloadErrors,
    ),
)]
pub async fn get_artifact_file(
    caller: Caller,
    segments: InArtifact,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    get(caller, in_artifact(segments)?, &request).await
}

async fn get(
    caller: Caller,
    (target, path): (Target, FilePath),
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let file = caller.registry.get_file(&target, &path).await?;
    if_match(request)?.check(Some(&file))?;
    let size = file.blob.size;
    let (first, length, mut response) = match select(request, &file) {
        Selected::Whole => (0, size, HttpResponse::Ok()),
        Selected::Part(first, last) => {
            let mut response = HttpResponse::PartialContent();
            response.insert_header((CONTENT_RANGE, format!("bytes {first}-{last}/{size}")));
            (first, last - first + 1, response)
        }
        Selected::NotModified => return Ok(HttpResponse::NotModified().insert_header((ETAG, etag(&file))).finish()),
        Selected::Unsatisfiable => {
            let detail = format!("the range is beyond the file's {size} bytes");
            let mut response = problem_response(StatusCode::RANGE_NOT_SATISFIABLE, &detail, Some("Range"));
            let range = format!("bytes */{size}").parse().map_err(|_| Error::internal("a number is no header"))?;
            response.headers_mut().insert(CONTENT_RANGE, range);
            return Ok(response);
        }
    };
    describe(&mut response, &file);
    if request.method() == Method::HEAD {
        return Ok(response.body(SizedStream::new(length, stream::empty::<Result<_>>())));
    }
    let chunks = caller.registry.open_file(&file, Some(first..first + length)).await?;
    let logged = chunks.inspect_err(|error| {
        report(error);
    });
    Ok(response.body(SizedStream::new(length, logged)))
}

fn describe(response: &mut HttpResponseBuilder, file: &File) {
    let media_type = if file.media_type.is_empty() { "application/octet-stream" } else { &file.media_type };
    let modified = std::time::UNIX_EPOCH + std::time::Duration::from_millis(file.created_at.unsigned_abs());
    response
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((ETAG, etag(file)))
        .insert_header((LAST_MODIFIED, HttpDate::from(modified).to_string()))
        .insert_header((ACCEPT_RANGES, "bytes"))
        .insert_header(("Repr-Digest", file.blob.sha256.to_digest_field()))
        // Somebody else's bytes: to be saved, never to be run as a page of this origin.
        .insert_header((CONTENT_DISPOSITION, disposition(&file.path)))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .insert_header(("Content-Security-Policy", "sandbox; default-src 'none'"));
}

fn disposition(path: &FilePath) -> ContentDisposition {
    let name = path.file_name();
    let plain: String = name
        .chars()
        .map(|each| if each.is_ascii_graphic() && !"\"\\%".contains(each) || each == ' ' { each } else { '_' })
        .collect();
    let mut parameters = vec![DispositionParam::Filename(plain.clone())];
    if plain != name {
        parameters.push(DispositionParam::FilenameExt(ExtendedValue {
            charset: Charset::Ext("UTF-8".to_owned()),
            language_tag: None,
            value: name.as_bytes().to_vec(),
        }));
    }
    ContentDisposition { disposition: DispositionType::Attachment, parameters }
}

/// Removes a file of a version.
#[utoipa::path(
    delete, path = "/models/{model}/versions/{version}/files/{path}", operation_id = "deleteVersionFile", tag = "files",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("version" = String, Path, description = "Name of the version, `latest`, or `@` and an alias."),
        ("path" = String, Path, description = "Path of the file; may have slashes."),
        ("If-Match" = Option<String>, Header, description = "ETag of the file to be removed, or `*`."),
    ),
    responses(
        (status = 204, description = "Removed."),
        DeleteFileErrors,
    ),
)]
pub async fn delete_version_file(
    caller: Caller,
    segments: InVersion,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    delete(caller, in_version(segments)?, &request).await
}

/// Removes a file of an artifact.
#[utoipa::path(
    delete, path = "/artifacts/{id}/files/{path}", operation_id = "deleteArtifactFile", tag = "files",
    params(
        ("id" = String, Path, description = "Id of the model artifact.", pattern = "^[1-9][0-9]{0,18}$"),
        ("path" = String, Path, description = "Path of the file; may have slashes."),
        ("If-Match" = Option<String>, Header, description = "ETag of the file to be removed, or `*`."),
    ),
    responses(
        (status = 204, description = "Removed."),
        DeleteFileErrors,
    ),
)]
pub async fn delete_artifact_file(
    caller: Caller,
    segments: InArtifact,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    delete(caller, in_artifact(segments)?, &request).await
}

async fn delete(
    caller: Caller,
    (target, path): (Target, FilePath),
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    caller.registry.delete_file(&caller.actor, &target, &path, precondition(request)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Lists the files of a version, ordered by path.
#[utoipa::path(
    get, path = "/models/{model}/versions/{version}/files", operation_id = "listVersionFiles", tag = "files",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("version" = String, Path, description = "Name of the version, `latest`, or `@` and an alias."),
        Paging,
    ),
    responses(
        (status = 200, description = "A page.", body = FileList),
        ReadErrors,
    ),
)]
pub async fn list_version_files(
    caller: Caller,
    segments: Path<(String, String)>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let (model, version) = super::models::version_segments(segments)?;
    let token = paging.next_page_token()?.map(FileToken::decode).transpose()?;
    let page = caller.registry.list_version_files(&model, &version, paging.size(), token).await?;
    Ok(HttpResponse::Ok().json(FileList::new(&caller.registry, &page)))
}

/// Lists the files of an artifact, ordered by path.
#[utoipa::path(
    get, path = "/artifacts/{id}/files", operation_id = "listArtifactFiles", tag = "files",
    params(("id" = String, Path, description = "Id of the model artifact.", pattern = "^[1-9][0-9]{0,18}$"), Paging),
    responses(
        (status = 200, description = "A page.", body = FileList),
        ReadErrors,
    ),
)]
pub async fn list_artifact_files(
    caller: Caller,
    id: Path<String>,
    paging: Query<Paging>,
) -> Result<HttpResponse, Problem> {
    let id: NodeId = id.parse()?;
    let token = paging.next_page_token()?.map(FileToken::decode).transpose()?;
    let page = caller.registry.list_artifact_files(id, paging.size(), token).await?;
    Ok(HttpResponse::Ok().json(FileList::new(&caller.registry, &page)))
}

//! Files: bytes in and out, below a version or an artifact.

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_RANGE, ETAG, LOCATION};
use actix_web::web::{Path, Payload, Query};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

use super::Paging;
use super::answers;
use super::archives::{self, ArchiveOptions};
use super::errors::{DeleteFileErrors, DownloadErrors, ListErrors, UploadErrors};
use super::location::relative;
use super::request::{
    ArtifactFilePath, DownloadHeaders, DownloadResponses, GetOptions, KnownHeaders, PutOptions, RemovalHeaders,
    UploadHeaders, UploadResponses, VersionFilePath,
};
use super::wire::{FileList, StoredFile};
use crate::domain::{Error, FilePath, NodeId, Result};
use crate::http::body;
use crate::http::caller::Caller;
use crate::http::conditional::{etag, precondition};
use crate::http::digests::Digests;
use crate::http::download::{serve, stored_media_type};
use crate::http::media_type::essence;
use crate::http::problem::{Problem, problem_response};
use crate::registry::files::FileToken;
use crate::registry::link::Outcome;
use crate::registry::target::Target;
use crate::registry::upload::PutFile;
use crate::registry::uris::file_path;

/// Stores a file of a version, streamed.
///
/// Makes the model, the version and its model artifact when they are missing. The same bytes again change nothing; other
/// bytes need `If-Match` with the current ETag. `Content-Digest` and `Repr-Digest` with sha-256 or sha-512 are verified.
#[utoipa::path(
    put, path = "/models/{model}/versions/{version}/files/{path}", operation_id = "putVersionFile", tag = "files",
    params(
        VersionFilePath,
        PutOptions,
        UploadHeaders,
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The bytes."),
    responses(
        UploadResponses,
        UploadErrors,
    ),
)]
pub async fn put_version_file(
    caller: Caller,
    segments: Path<VersionFilePath>,
    options: Query<PutOptions>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    put(caller, segments.target()?, options.create, &request, payload).await
}

/// Stores a file of an artifact, streamed.
#[utoipa::path(
    put, path = "/artifacts/{id}/files/{path}", operation_id = "putArtifactFile", tag = "files",
    params(
        ArtifactFilePath,
        UploadHeaders,
    ),
    request_body(content = Vec<u8>, content_type = "application/octet-stream", description = "The bytes."),
    responses(
        UploadResponses,
        UploadErrors,
    ),
)]
pub async fn put_artifact_file(
    caller: Caller,
    segments: Path<ArtifactFilePath>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    put(caller, segments.target()?, false, &request, payload).await
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
    let digests = Digests::of(request.headers())?;
    let put = PutFile {
        target,
        path,
        media_type: media_type(request)?,
        length: header(request, "content-length")?.and_then(|length| length.parse().ok()),
        sha256: digests.sha256(),
        precondition: precondition(request)?,
        create,
    };
    let body = digests.check_sha512(body::chunks(payload));
    let result =
        caller.registry.files.put_file(&caller.context, put, body).await.map_err(|error| digests.named(error))?;
    let stored = StoredFile::new(&caller.context, &result);
    let status = match result.outcome {
        Outcome::Created => StatusCode::CREATED,
        Outcome::Replaced | Outcome::Unchanged => StatusCode::OK,
    };
    Ok(HttpResponseBuilder::new(status)
        .insert_header((ETAG, etag(&result.file)))
        .insert_header((LOCATION, relative(request, &file_path(result.file.node_id, &result.file.path))))
        .json(stored))
}

pub(super) fn header<'a>(request: &'a HttpRequest, name: &str) -> Result<Option<&'a str>> {
    let value = request.headers().get(name).map(|value| value.to_str());
    value.transpose().map_err(|_| Error::invalid(name, format!("header `{name}` is not ASCII")))
}

/// The media type of the request, unless it is curl's default.
fn media_type(request: &HttpRequest) -> Result<Option<String>> {
    let given = header(request, "content-type")?.map(str::trim);
    let given = given.filter(|given| !given.is_empty() && essence(given) != "application/x-www-form-urlencoded");
    match given {
        Some(given) if given.len() > 255 => {
            Err(Error::invalid("Content-Type", "`Content-Type` is longer than 255 bytes"))
        }
        given => Ok(given.map(ToOwned::to_owned)),
    }
}

/// Reads a file of a version, whole or in part.
#[utoipa::path(
    get,
    path = "/models/{model}/versions/{version}/files/{path}",
    operation_id = "getVersionFile",
    tag = "files",
    params(VersionFilePath, GetOptions, DownloadHeaders,),
    responses(DownloadResponses, DownloadErrors,)
)]
pub async fn get_version_file(
    caller: Caller,
    segments: Path<VersionFilePath>,
    options: Query<GetOptions>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    get(caller, segments.target()?, options.quarantined, &request).await
}

/// Reads a file of an artifact, whole or in part.
#[utoipa::path(
    get,
    path = "/artifacts/{id}/files/{path}",
    operation_id = "getArtifactFile",
    tag = "files",
    params(ArtifactFilePath, GetOptions, DownloadHeaders,),
    responses(DownloadResponses, DownloadErrors,)
)]
pub async fn get_artifact_file(
    caller: Caller,
    segments: Path<ArtifactFilePath>,
    options: Query<GetOptions>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    get(caller, segments.target()?, options.quarantined, &request).await
}

async fn get(
    caller: Caller,
    (target, path): (Target, FilePath),
    quarantined: bool,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let file = caller.registry.files.get_served_file(&caller.context, &target, &path, quarantined).await?;
    let refuse = |status, detail: &str| problem_response(status, detail, Some("Range"));
    Ok(serve(&caller, request, &file, stored_media_type(&file), refuse).await?)
}

/// Removes a file of a version.
#[utoipa::path(
    delete, path = "/models/{model}/versions/{version}/files/{path}", operation_id = "deleteVersionFile", tag = "files",
    params(
        VersionFilePath,
        RemovalHeaders,
    ),
    responses(
        (status = 204, description = "Removed."),
        DeleteFileErrors,
    ),
)]
pub async fn delete_version_file(
    caller: Caller,
    segments: Path<VersionFilePath>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    delete(caller, segments.target()?, &request).await
}

/// Removes a file of an artifact.
#[utoipa::path(
    delete, path = "/artifacts/{id}/files/{path}", operation_id = "deleteArtifactFile", tag = "files",
    params(
        ArtifactFilePath,
        RemovalHeaders,
    ),
    responses(
        (status = 204, description = "Removed."),
        DeleteFileErrors,
    ),
)]
pub async fn delete_artifact_file(
    caller: Caller,
    segments: Path<ArtifactFilePath>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    delete(caller, segments.target()?, &request).await
}

async fn delete(
    caller: Caller,
    (target, path): (Target, FilePath),
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    caller.registry.files.delete_file(&caller.context, &target, &path, precondition(request)?).await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Lists the files of a version, ordered by path; or, with `archive`, sends all of them in one archive, or the digests of all.
#[utoipa::path(
    get, path = "/models/{model}/versions/{version}/files", operation_id = "listVersionFiles", tag = "files",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("version" = String, Path, description = "Name of the version, `latest`, `@` and an alias, or `@name:` and a name."),
        Paging,
        ArchiveOptions,
        KnownHeaders,
    ),
    responses(
        (status = 200, description = "A page, or with `archive` all files.", content(
            (FileList = "application/json"), (Vec<u8> = "application/zip"), (Vec<u8> = "application/x-tar"),
            (String = "text/plain"),
        )),
        (status = 304, description = "The client has it."),
        ListErrors,
    ),
)]
pub async fn list_version_files(
    caller: Caller,
    segments: Path<(String, String)>,
    paging: Query<Paging>,
    options: Query<ArchiveOptions>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (model, version) = super::models::version_segments(segments)?;
    if let Some(format) = options.archive {
        let folder =
            caller.registry.files.version_folder(&caller.context, &model, &version, options.quarantined).await?;
        return archives::send(&caller, folder, format, &request).await;
    }
    let token = paging.next_page_token()?.map(FileToken::decode).transpose()?;
    let page =
        caller.registry.models.list_version_files(&caller.context, &model, &version, paging.size(), token).await?;
    Ok(answers::json(&request, &FileList::new(&caller.context, &page))?)
}

/// Lists the files of an artifact, ordered by path; or, with `archive`, sends all of them in one archive, or the digests of all.
#[utoipa::path(
    get, path = "/artifacts/{id}/files", operation_id = "listArtifactFiles", tag = "files",
    params(("id" = String, Path, description = "Id of the artifact.", pattern = "^[1-9][0-9]{0,17}$"), Paging, ArchiveOptions, KnownHeaders),
    responses(
        (status = 200, description = "A page, or with `archive` all files.", content(
            (FileList = "application/json"), (Vec<u8> = "application/zip"), (Vec<u8> = "application/x-tar"),
            (String = "text/plain"),
        )),
        (status = 304, description = "The client has it."),
        ListErrors,
    ),
)]
pub async fn list_artifact_files(
    caller: Caller,
    id: Path<String>,
    paging: Query<Paging>,
    options: Query<ArchiveOptions>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let id: NodeId = id.parse()?;
    if let Some(format) = options.archive {
        let folder = caller.registry.files.artifact_folder(&caller.context, id, options.quarantined).await?;
        return archives::send(&caller, folder, format, &request).await;
    }
    let token = paging.next_page_token()?.map(FileToken::decode).transpose()?;
    let page = caller.registry.files.list_artifact_files(&caller.context, id, paging.size(), token).await?;
    Ok(answers::json(&request, &FileList::new(&caller.context, &page))?)
}

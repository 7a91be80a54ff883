//! Whole folders: all files of a version or an artifact as one archive, out and in.

use actix_web::body::SizedStream;
use actix_web::http::header::{ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, EntityTag, IfNoneMatch};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Path, Payload, Query};
use actix_web::{HttpMessage as _, HttpRequest, HttpResponse, HttpResponseBuilder};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, IntoResponses, ToSchema};

use super::asked::PutOptions;
use super::conditional::precondition;
use super::errors::UnpackErrors;
use super::files::{disposition, header};
use super::wire::StoredFile;
use crate::api::caller::Caller;
use crate::api::problem::{Problem, problem_response, report};
use crate::domain::{Error, NodeId, Result};
use crate::registry::Registry;
use crate::registry::archive::Packing;
use crate::registry::files::{Precondition, Target};
use crate::registry::pack::Folder;
use crate::registry::unpack::{Packed, Unpack};
use crate::registry::upload::Outcome;

/// How much of a body is looked at to tell what it is.
const MAGIC: usize = 512;

/// The formats that files are sent together in.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ArchiveFormat {
    /// Without compression.
    Zip,
    /// Without compression.
    Tar,
}

/// Whether files are wanted in one archive.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ArchiveOptions {
    /// All files in one archive, in place of a list.
    #[param(inline)]
    pub archive: Option<ArchiveFormat>,
    /// Whether quarantined files are wanted in the archive all the same.
    #[serde(default)]
    pub quarantined: bool,
}

/// What the body is.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UnpackOptions {
    /// Has to be `true`: the body is an archive, whose files are stored one by one.
    #[serde(default)]
    #[param(required = true)]
    pub unpack: bool,
}

/// The archive's headers, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "they are read from the request, by name")]
pub struct UnpackHeaders {
    /// `*`: each of the files is to replace one.
    #[param(rename = "If-Match", pattern = r"^\*$")]
    if_match: Option<String>,
    /// `*`: only when there is none of the files.
    #[param(rename = "If-None-Match", pattern = r"^\*$")]
    if_none_match: Option<String>,
}

/// A file that came out of an archive.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnpackedFile {
    /// What came of it: `created`, `replaced` or `unchanged`.
    pub outcome: &'static str,
    /// The file.
    #[serde(flatten)]
    pub file: StoredFile,
}

/// The files that came out of an archive.
#[derive(Debug, Serialize, ToSchema)]
pub struct UnpackedFiles {
    /// The files, in the archive's order.
    pub items: Vec<UnpackedFile>,
}

/// The successes of an archive that is unpacked, for the document.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "for the document alone")]
pub enum Unpacked {
    /// Stored; at least one path is new.
    #[response(status = 201)]
    Created(UnpackedFiles),
    /// Replaced, or the same bytes were there.
    #[response(status = 200)]
    Replaced(UnpackedFiles),
}

/// Answers with the folder as an archive.
pub async fn send(
    registry: &Registry,
    folder: Folder,
    format: ArchiveFormat,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (packing, ending, media_type) = match format {
        ArchiveFormat::Zip => (Packing::Zip, "zip", "application/zip"),
        ArchiveFormat::Tar => (Packing::Tar, "tar", "application/x-tar"),
    };
    let etag = EntityTag::new_strong(format!("{}.{ending}", folder.digest()));
    let has_it = match request.get_header::<IfNoneMatch>() {
        Some(IfNoneMatch::Any) => true,
        Some(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(&etag)),
        None => false,
    };
    if has_it {
        return Ok(HttpResponse::NotModified().insert_header((ETAG, etag)).finish());
    }
    let length = folder.length(packing).await?;
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((ETAG, etag))
        .insert_header((ACCEPT_RANGES, "none"))
        .insert_header((CONTENT_DISPOSITION, disposition(&format!("{}.{ending}", folder.name))))
        .insert_header(("X-Content-Type-Options", "nosniff"));
    if request.method() == Method::HEAD {
        return Ok(response.body(SizedStream::new(length, stream::empty::<Result<_>>())));
    }
    let logged = registry.pack(folder, packing).inspect_err(|error| {
        report(error);
    });
    Ok(response.body(SizedStream::new(length, logged)))
}

/// Stores the files of an archive in a version: all of them, or none.
///
/// A tar, a gzipped tar or a zip, by its `Content-Type` or, without one, by its first bytes. Makes the model, the version
/// and its model artifact when they are missing. The same files again change nothing.
#[utoipa::path(
    put, path = "/models/{model}/versions/{version}/files", operation_id = "unpackVersionFiles", tag = "files",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("version" = String, Path, description = "Name of the version, `latest`, or `@` and an alias."),
        UnpackOptions,
        PutOptions,
        UnpackHeaders,
    ),
    request_body(content(
        (Vec<u8> = "application/zip"), (Vec<u8> = "application/x-tar"), (Vec<u8> = "application/gzip"),
    ), description = "The archive."),
    responses(Unpacked, UnpackErrors),
)]
pub async fn unpack_version_files(
    caller: Caller,
    segments: Path<(String, String)>,
    unpack: Query<UnpackOptions>,
    options: Query<PutOptions>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let (model, version) = super::models::version_segments(segments)?;
    put(caller, Target::Version { model, version }, unpack.unpack, options.create, &request, payload).await
}

/// Stores the files of an archive in an artifact: all of them, or none.
#[utoipa::path(
    put, path = "/artifacts/{id}/files", operation_id = "unpackArtifactFiles", tag = "files",
    params(
        ("id" = String, Path, description = "Id of the model artifact.", pattern = "^[1-9][0-9]{0,17}$"),
        UnpackOptions,
        UnpackHeaders,
    ),
    request_body(content(
        (Vec<u8> = "application/zip"), (Vec<u8> = "application/x-tar"), (Vec<u8> = "application/gzip"),
    ), description = "The archive."),
    responses(Unpacked, UnpackErrors),
)]
pub async fn unpack_artifact_files(
    caller: Caller,
    id: Path<String>,
    unpack: Query<UnpackOptions>,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    let id: NodeId = id.parse()?;
    put(caller, Target::Artifact(id), unpack.unpack, false, &request, payload).await
}

async fn put(
    caller: Caller,
    target: Target,
    unpack: bool,
    create: bool,
    request: &HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Problem> {
    if !unpack {
        return Err(Error::invalid("unpack", "a folder is stored as an archive, with `unpack=true`").into());
    }
    let precondition = precondition(request)?;
    if matches!(precondition, Precondition::Is(_)) {
        return Err(Error::invalid("If-Match", "only `If-Match: *` means something for several files").into());
    }
    let (start, body) = peek(super::body::chunks(payload)).await?;
    let Some(packed) = packed(request.content_type(), &start) else {
        let detail = "the body is neither a zip, nor a tar, nor a gzipped tar";
        return Ok(problem_response(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail, Some("Content-Type")));
    };
    let length = header(request, "content-length")?.and_then(|length| length.parse().ok());
    let unpack = Unpack { target, packed, length, precondition, create };
    let results = Box::pin(caller.registry.unpack_files(&caller.actor, unpack, body)).await?;
    let created = results.iter().any(|result| result.outcome == Outcome::Created);
    let items = results.iter().map(|result| UnpackedFile {
        outcome: match result.outcome {
            Outcome::Created => "created",
            Outcome::Replaced => "replaced",
            Outcome::Unchanged => "unchanged",
        },
        file: StoredFile::new(&caller.registry, result),
    });
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(HttpResponseBuilder::new(status).json(UnpackedFiles { items: items.collect() }))
}

/// The body's first bytes, and the whole body.
async fn peek<B>(body: B) -> Result<(Vec<u8>, impl Stream<Item = Result<Bytes>> + Unpin)>
where
    B: Stream<Item = Result<Bytes>> + Unpin,
{
    // Whoever reads an archive may ask for more after its end.
    let mut body = body.fuse();
    let (mut start, mut chunks) = (Vec::new(), Vec::new());
    while start.len() < MAGIC {
        let Some(chunk) = body.next().await.transpose()? else { break };
        start.extend(chunk.iter().take(MAGIC));
        chunks.push(Ok(chunk));
    }
    Ok((start, stream::iter(chunks).chain(body)))
}

/// What a body is that says to be of that type and starts like this.
fn packed(media_type: &str, start: &[u8]) -> Option<Packed> {
    match media_type {
        "application/zip" | "application/x-zip-compressed" => return Some(Packed::Zip),
        "application/x-tar" | "application/tar" => return Some(Packed::Tar),
        "application/gzip" | "application/x-gzip" | "application/x-gtar-compressed" => return Some(Packed::TarGz),
        // What curl and others say of every body.
        "" | "application/octet-stream" | "application/x-www-form-urlencoded" => {}
        _ => return None,
    }
    if start.starts_with(b"PK\x03\x04") || start.starts_with(b"PK\x05\x06") {
        Some(Packed::Zip)
    } else if start.starts_with(b"\x1f\x8b") {
        Some(Packed::TarGz)
    } else if start.get(257..262) == Some(b"ustar") {
        Some(Packed::Tar)
    } else {
        None
    }
}

//! Whole folders: all files of a version or an artifact as one archive, out and in.

use actix_web::http::header::{ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, EntityTag};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{Bytes, Path, Payload, Query};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use futures_util::{Stream, StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, IntoResponses, ToSchema};

use super::errors::UnpackErrors;
use super::files::header;
use super::request::PutOptions;
use super::wire::StoredFile;
use crate::domain::{Error, NodeId, Result};
use crate::http::caller::Caller;
use crate::http::conditional::{is_known, precondition};
use crate::http::digests::Digests;
use crate::http::disposition::disposition;
use crate::http::media_type::of_body;
use crate::http::problem::{Problem, problem_response};
use crate::http::{answer, body};
use crate::registry::archive::{Packing, is_tar};
use crate::registry::link::Outcome;
use crate::registry::pack::Folder;
use crate::registry::target::{Precondition, Target};
use crate::registry::unpack::{Packed, Unpack};

/// The bytes of a body by which its format is detected.
const MAGIC_BYTES: usize = 512;

/// The first bytes of formats that are not supported.
const UNSUPPORTED: [(&[u8], &str); 8] = [
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\0", "xz"),
    (b"\x28\xb5\x2f\xfd", "zstd"),
    (b"\x04\x22\x4d\x18", "lz4"),
    (b"\x1f\x9d", "compress"),
    (b"LZIP", "lzip"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip"),
    (b"Rar!\x1a\x07", "RAR"),
];

/// The formats that files are sent together in.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum ArchiveFormat {
    /// Without compression.
    Zip,
    /// Without compression.
    Tar,
    /// No archive: the digests of the files, as `sha256sum -c` reads them.
    Sha256,
}

/// Whether files are wanted in one archive.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct ArchiveOptions {
    /// All files in one archive, or their digests, in place of a list.
    #[param(inline)]
    pub archive: Option<ArchiveFormat>,
    /// Whether to include quarantined files in the archive.
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
    /// The outcome: `created`, `replaced` or `unchanged`.
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

/// Answers with the folder as an archive, or with its digests.
pub async fn send(
    caller: &Caller,
    folder: Folder,
    format: ArchiveFormat,
    request: &HttpRequest,
) -> Result<HttpResponse, Problem> {
    let (packing, ending, media_type) = match format {
        ArchiveFormat::Zip => (Some(Packing::Zip), "zip", "application/zip"),
        ArchiveFormat::Tar => (Some(Packing::Tar), "tar", "application/x-tar"),
        ArchiveFormat::Sha256 => (None, "sha256", "text/plain; charset=utf-8"),
    };
    let etag = EntityTag::new_strong(format!("{}.{ending}", folder.digest()));
    if is_known(request, &etag) {
        return Ok(HttpResponse::NotModified().insert_header((ETAG, etag)).finish());
    }
    let mut response = HttpResponse::Ok();
    response
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((ETAG, etag))
        .insert_header((ACCEPT_RANGES, "none"))
        .insert_header((CONTENT_DISPOSITION, disposition(&folder.name, ending)))
        .insert_header(("X-Content-Type-Options", "nosniff"));
    let Some(packing) = packing else { return Ok(response.body(folder.sums())) };
    let length = folder.length(packing).await?;
    if request.method() == Method::HEAD {
        return Ok(answer::without_bytes(response, length));
    }
    Ok(answer::sized(response, length, caller.registry.files.pack(&caller.context, folder, packing)))
}

/// Stores the files of an archive in a version: all of them, or none.
///
/// A tar, a gzipped tar or a zip, by its first bytes or else by its `Content-Type`. Makes the model, the version
/// and its model artifact when they are missing. The same files again change nothing.
#[utoipa::path(
    put, path = "/models/{model}/versions/{version}/files", operation_id = "unpackVersionFiles", tag = "files",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("version" = String, Path, description = "Name of the version, `latest`, `@` and an alias, or `@name:` and a name."),
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
        ("id" = String, Path, description = "Id of the artifact.", pattern = "^[1-9][0-9]{0,17}$"),
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
        return Err(Error::invalid("If-Match", "only `If-Match: *` is supported for several files").into());
    }
    let digests = Digests::of(request.headers())?;
    let (start, body) = read_start(digests.check(body::chunks(payload))).await?;
    let packed = match packed(&of_body(request), &start) {
        Ok(packed) => packed,
        Err(why) => return Ok(problem_response(StatusCode::UNSUPPORTED_MEDIA_TYPE, &why, Some("Content-Type"))),
    };
    let length = header(request, "content-length")?.and_then(|length| length.parse().ok());
    let unpack = Unpack { target, packed, length, precondition, create };
    let results = Box::pin(caller.registry.files.unpack_files(&caller.context, unpack, body)).await?;
    let created = results.iter().any(|result| result.outcome == Outcome::Created);
    let items = results.iter().map(|result| UnpackedFile {
        outcome: match result.outcome {
            Outcome::Created => "created",
            Outcome::Replaced => "replaced",
            Outcome::Unchanged => "unchanged",
        },
        file: StoredFile::new(&caller.context, result),
    });
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok(HttpResponseBuilder::new(status).json(UnpackedFiles { items: items.collect() }))
}

/// The body's first bytes, and the whole body.
async fn read_start<B>(body: B) -> Result<(Vec<u8>, impl Stream<Item = Result<Bytes>> + Unpin)>
where
    B: Stream<Item = Result<Bytes>> + Unpin,
{
    // An archive reader may poll again after the end.
    let mut body = body.fuse();
    let (mut start, mut chunks) = (Vec::new(), Vec::new());
    while start.len() < MAGIC_BYTES {
        let Some(chunk) = body.next().await.transpose()? else { break };
        start.extend(chunk.iter().take(MAGIC_BYTES));
        chunks.push(Ok(chunk));
    }
    Ok((start, stream::iter(chunks).chain(body)))
}

/// The format of a body by its first bytes and media type, or why it is not supported.
///
/// The first bytes decide, because clients guess types by names or not at all. Where they say nothing, as in an archive that
/// extracts itself, the type does.
fn packed(media_type: &str, start: &[u8]) -> std::result::Result<Packed, String> {
    let begins = |magic: &[u8]| start.starts_with(magic);
    // A zip that was to be split over several volumes has a marker before its first member.
    if [b"PK\x03\x04".as_slice(), b"PK\x05\x06", b"PK\x07\x08PK\x03\x04", b"PK00PK\x03\x04"].into_iter().any(begins) {
        return Ok(Packed::Zip);
    }
    if begins(b"\x1f\x8b") {
        return Ok(Packed::TarGz);
    }
    let is_empty_tar = start.len() >= MAGIC_BYTES && start.iter().all(|byte| *byte == 0);
    if is_tar(start) || start.get(257..262) == Some(b"ustar") || is_empty_tar {
        return Ok(Packed::Tar);
    }
    if let Some((_, name)) = UNSUPPORTED.iter().find(|(magic, _)| begins(magic)) {
        return Err(format!("the body is packed by {name}; known are zip, tar and gzipped tar"));
    }
    match media_type {
        "application/zip"
        | "application/x-zip"
        | "application/x-zip-compressed"
        | "application/zip-compressed"
        | "multipart/x-zip" => Ok(Packed::Zip),
        "application/x-tar" | "application/tar" | "application/x-gtar" | "application/x-ustar" => Ok(Packed::Tar),
        "application/gzip"
        | "application/x-gzip"
        | "application/x-tgz"
        | "application/x-gtar-compressed"
        | "application/x-compressed-tar"
        | "application/tar+gzip"
        | "application/x-tar-gz" => Ok(Packed::TarGz),
        _ => Err("the body is neither a zip, nor a tar, nor a gzipped tar".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_bytes_decide_and_else_the_type() {
        let mut tar = vec![0; 512];
        tar[257..262].copy_from_slice(b"ustar");
        for media_type in ["application/zip", "application/x-tar", "application/octet-stream", "text/plain", ""] {
            assert_eq!(packed(media_type, b"PK\x03\x04..."), Ok(Packed::Zip), "{media_type}");
            assert_eq!(packed(media_type, b"PK00PK\x03\x04..."), Ok(Packed::Zip), "{media_type}");
            assert_eq!(packed(media_type, b"\x1f\x8b..."), Ok(Packed::TarGz), "{media_type}");
            assert_eq!(packed(media_type, &tar), Ok(Packed::Tar), "{media_type}");
            assert!(packed(media_type, b"BZh9...").unwrap_err().contains("bzip2"), "{media_type}");
        }
        assert_eq!(packed("application/zip", b"#!/bin/sh"), Ok(Packed::Zip));
        assert_eq!(packed("application/x-compressed-tar", b"?"), Ok(Packed::TarGz));
        assert_eq!(packed("application/x-gtar", b"?"), Ok(Packed::Tar));
        assert!(packed("application/octet-stream", b"?").is_err());
        assert!(packed("text/plain", b"").is_err());
    }
}

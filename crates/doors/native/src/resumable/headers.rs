//! What the protocol's requests say in their headers.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use actix_web::{HttpRequest, HttpResponse};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use utoipa::IntoParams;

use crate::domain::{Error, Result, Sha256};
use crate::http::digests::Digests;
use crate::http::media_type::of_body;
use crate::http::problem::problem_response;
use crate::registry::resumable::{ALGORITHMS, CHECKSUM, Checksums};
use crate::registry::target::{Precondition, Target};
use crate::registry::upload::PutFile;

const MEDIA_TYPE: &str = "application/offset+octet-stream";
const METADATA: &str = "Upload-Metadata";
/// How long the metadata may be, in bytes: a path and two names in base64, and some.
const MAX_METADATA_BYTES: usize = 8192;

/// The version, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "it is read from the request, by name")]
pub struct VersionHeader {
    /// Version of the protocol: `1.0.0`.
    #[param(rename = "Tus-Resumable", pattern = r"^1\.0\.0$")]
    tus_resumable: String,
}

/// The headers of a creation, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "they are read from the request, by name")]
pub struct CreateHeaders {
    /// Version of the protocol: `1.0.0`.
    #[param(rename = "Tus-Resumable", pattern = r"^1\.0\.0$")]
    tus_resumable: String,
    /// How many bytes the file has.
    #[param(rename = "Upload-Length", minimum = 0)]
    upload_length: Option<i64>,
    /// Names and base64 values, as in `model bQ==,version MQ==,path Zg==`.
    #[param(rename = "Upload-Metadata")]
    upload_metadata: Option<String>,
    /// `partial` for a part of a file, or `final;` and the URLs of its parts, which then have the length.
    #[param(rename = "Upload-Concat", pattern = "^(partial|final;.+)$")]
    upload_concat: Option<String>,
    /// Algorithm and base64 checksum of the bytes in this request: `sha256 …`.
    #[param(rename = "Upload-Checksum")]
    upload_checksum: Option<String>,
    /// `sha-256=:…:` or `sha-512=:…:` of the bytes in this request, RFC 9530.
    #[param(rename = "Content-Digest")]
    content_digest: Option<String>,
    /// The same.
    #[param(rename = "Repr-Digest")]
    repr_digest: Option<String>,
}

/// The headers of an addition, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "they are read from the request, by name")]
pub struct PatchHeaders {
    /// Version of the protocol: `1.0.0`.
    #[param(rename = "Tus-Resumable", pattern = r"^1\.0\.0$")]
    tus_resumable: String,
    /// After how many bytes these go.
    #[param(rename = "Upload-Offset", minimum = 0)]
    upload_offset: i64,
    /// Algorithm and base64 checksum of the bytes in this request: `sha256 …`.
    #[param(rename = "Upload-Checksum")]
    upload_checksum: Option<String>,
    /// `sha-256=:…:` or `sha-512=:…:` of the bytes in this request, RFC 9530.
    #[param(rename = "Content-Digest")]
    content_digest: Option<String>,
    /// The same.
    #[param(rename = "Repr-Digest")]
    repr_digest: Option<String>,
}

/// The protocol's own status for bytes that are not what their checksum says.
pub fn checksum_mismatch() -> StatusCode {
    StatusCode::from_u16(460).unwrap_or(StatusCode::BAD_REQUEST)
}

/// The refusal of a request that is of another version of the protocol, or of none.
pub fn other_version(request: &HttpRequest) -> Option<HttpResponse> {
    let asked = request.headers().get("tus-resumable");
    if asked.is_some_and(|asked| asked == super::VERSION) {
        return None;
    }
    let detail = "`Tus-Resumable` has to be `1.0.0`";
    let mut refusal = problem_response(StatusCode::PRECONDITION_FAILED, detail, Some("Tus-Resumable"));
    let name = HeaderName::from_static("tus-version");
    refusal.headers_mut().insert(name, HeaderValue::from_static(super::VERSION));
    Some(refusal)
}

/// The refusal of bytes that do not say that they are an upload's.
pub fn other_media_type(request: &HttpRequest) -> Option<HttpResponse> {
    let sent = of_body(request);
    if sent == MEDIA_TYPE {
        return None;
    }
    let detail = format!("media type `{}` is not `{MEDIA_TYPE}`", sent.escape_debug());
    Some(problem_response(StatusCode::UNSUPPORTED_MEDIA_TYPE, &detail, Some("Content-Type")))
}

/// Whether the request says of what type its bytes are.
pub fn has_media_type(request: &HttpRequest) -> bool {
    request.headers().contains_key(CONTENT_TYPE)
}

/// A header that is a number.
pub fn number(request: &HttpRequest, name: &str) -> Result<Option<u64>> {
    let Some(value) = text(request, name)? else { return Ok(None) };
    let digits = !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit());
    let number = value.parse().ok().filter(|number| digits && *number <= i64::MAX as u64);
    let refused = || Error::invalid(name, format!("`{name}` is not a number of bytes: `{}`", value.escape_debug()));
    number.map(Some).ok_or_else(refused)
}

pub fn text<'a>(request: &'a HttpRequest, name: &str) -> Result<Option<&'a str>> {
    let value = request.headers().get(name).map(|value| value.to_str());
    value.transpose().map_err(|_| Error::invalid(name, format!("header `{name}` is not ASCII")))
}

/// What the bytes of this request should come to: by the protocol's own header, and by those of HTTP, which are of these
/// bytes too (RFC 9530 §3, of a PATCH).
pub fn checksums(request: &HttpRequest) -> Result<Checksums> {
    let mut sums = Checksums::default();
    Digests::of(request.headers())?.add_to(&mut sums);
    let Some(value) = text(request, CHECKSUM)? else { return Ok(sums) };
    let added = value.split_once(' ').and_then(|(algorithm, sum)| {
        let expected = BASE64.decode(sum.trim()).ok()?;
        sums.add(algorithm, expected)
    });
    let refused = || {
        let message = format!("`{}` is not one of `{ALGORITHMS}` and a checksum in base64", value.escape_debug());
        Error::invalid(CHECKSUM, message)
    };
    added.ok_or_else(refused)?;
    Ok(sums)
}

/// The headers of the extensions that this server has; those whose names begin so and that are not among them belong to
/// extensions that it has not, or to another protocol.
const EXTENSION_HEADERS: [&str; 7] = [
    "upload-length",
    "upload-defer-length",
    "upload-offset",
    "upload-metadata",
    "upload-checksum",
    "upload-concat",
    "upload-expires",
];

/// Refuses what belongs to an extension that this server does not have: to ignore it would make something else of the upload.
pub fn check_extensions(request: &HttpRequest) -> Result<()> {
    let names = request.headers().keys().map(HeaderName::as_str);
    let unknown = names.filter(|name| name.starts_with("upload-") && !EXTENSION_HEADERS.contains(name)).min();
    match unknown {
        Some(name) => {
            let message = format!("`{name}` belongs to no supported extension; supported are `{}`", super::EXTENSIONS);
            Err(Error::invalid(name, message))
        }
        None if request.headers().contains_key("upload-defer-length") => {
            Err(Error::invalid("Upload-Defer-Length", "the length has to be known: send `Upload-Length`"))
        }
        None => Ok(()),
    }
}

fn length(request: &HttpRequest) -> Result<u64> {
    let missing = || Error::invalid("Upload-Length", "`Upload-Length` is missing");
    number(request, "Upload-Length")?.ok_or_else(missing)
}

/// How long a partial upload is, and its metadata in the client's words, which mean nothing here.
pub fn partial(request: &HttpRequest) -> Result<(u64, &str)> {
    let written = text(request, METADATA)?.unwrap_or_default();
    check_size(written)?;
    Ok((length(request)?, written))
}

/// The file that a final upload makes of its parts, which have its length, and the metadata in the client's words.
pub fn of_parts(request: &HttpRequest) -> Result<(PutFile, &str)> {
    if request.headers().contains_key("upload-length") {
        return Err(Error::invalid(
            "Upload-Length",
            "a final upload takes its length from its parts: omit `Upload-Length`",
        ));
    }
    described(request, None)
}

/// What is to be uploaded, and the metadata in the client's words.
pub fn creation(request: &HttpRequest) -> Result<(PutFile, &str)> {
    let length = length(request)?;
    described(request, Some(length))
}

fn described(request: &HttpRequest, length: Option<u64>) -> Result<(PutFile, &str)> {
    let written = text(request, METADATA)?.unwrap_or_default();
    let metadata = metadata(written)?;
    let wanted = |key: &str| {
        let missing = || Error::invalid(key, format!("`{METADATA}` has no `{key}`"));
        metadata.get(key).map(String::as_str).ok_or_else(missing)
    };
    let target = Target::Version {
        model: wanted("model")?.parse().map_err(|error: Error| error.on_field("model"))?,
        version: wanted("version")?.parse().map_err(|error: Error| error.on_field("version"))?,
    };
    let media_type = metadata.get("mediatype").or_else(|| metadata.get("filetype"));
    let media_type = media_type.filter(|given| !given.is_empty());
    let media_type = media_type.map(|given| super::super::request::media_type(given, "mediatype")).transpose()?;
    let create = match metadata.get("create").map(String::as_str) {
        None | Some("true") => true,
        Some("false") => false,
        Some(other) => {
            let message = format!("`create` is `true` or `false`, not `{}`", other.escape_debug());
            return Err(Error::invalid("create", message));
        }
    };
    let put = PutFile {
        target,
        path: wanted("path")?.parse()?,
        media_type,
        length,
        sha256: metadata.get("sha256").map(|digest| Sha256::from_hex(digest)).transpose()?,
        precondition: Precondition::None,
        create,
    };
    Ok((put, written))
}

fn check_size(written: &str) -> Result<()> {
    if written.len() > MAX_METADATA_BYTES {
        return Err(Error::invalid(METADATA, format!("`{METADATA}` is longer than {MAX_METADATA_BYTES} bytes")));
    }
    Ok(())
}

/// Keys and their values.
fn metadata(written: &str) -> Result<BTreeMap<&str, String>> {
    check_size(written)?;
    let mut found = BTreeMap::new();
    for pair in written.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
        let (key, value) = pair.split_once(' ').unwrap_or((pair, ""));
        let value = BASE64.decode(value.trim()).ok().and_then(|value| String::from_utf8(value).ok());
        let broken = || Error::invalid(key, format!("the value of `{key}` is not text in base64"));
        if found.insert(key, value.ok_or_else(broken)?).is_some() {
            return Err(Error::invalid(key, format!("`{METADATA}` has `{key}` twice")));
        }
    }
    Ok(found)
}

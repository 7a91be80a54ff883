//! What the operations on files are asked with and answer, for both places where a file can be.

use serde::Deserialize;
use utoipa::{IntoParams, IntoResponses};

use super::wire::StoredFile;
use crate::domain::{Error, FilePath, Result};
use crate::registry::target::Target;

/// A file of a version.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct VersionFilePath {
    /// Name of the registered model.
    model: String,
    /// Name of the version, `latest`, `@` and an alias, or `@name:` and a name.
    version: String,
    /// Path of the file; may have slashes.
    path: String,
}

impl VersionFilePath {
    /// Where the file is.
    pub fn target(&self) -> Result<(Target, FilePath)> {
        let target = Target::Version {
            model: self.model.parse().map_err(|error: Error| error.on_field("model"))?,
            version: self.version.parse().map_err(|error: Error| error.on_field("version"))?,
        };
        Ok((target, self.path.parse()?))
    }
}

/// A file of an artifact.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Path)]
pub struct ArtifactFilePath {
    /// Id of the artifact.
    #[param(pattern = "^[1-9][0-9]{0,17}$")]
    id: String,
    /// Path of the file; may have slashes.
    path: String,
}

impl ArtifactFilePath {
    /// Where the file is.
    pub fn target(&self) -> Result<(Target, FilePath)> {
        Ok((Target::Artifact(self.id.parse()?), self.path.parse()?))
    }
}

/// A media type that can be a header's value.
pub fn media_type(given: &str, field: &'static str) -> Result<String> {
    if given.len() > 255 || actix_web::http::header::HeaderValue::from_str(given).is_err() {
        return Err(Error::invalid(field, format!("`{field}` is not a media type of at most 255 bytes")));
    }
    Ok(given.to_owned())
}

/// What an upload may ask for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PutOptions {
    /// Whether a missing model, version or model artifact is made; `true` unless given.
    #[serde(default = "yes")]
    pub create: bool,
}

fn yes() -> bool {
    true
}

/// What a download may ask for.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct GetOptions {
    /// Whether to serve the file even if it is quarantined.
    #[serde(default)]
    pub quarantined: bool,
}

/// The headers of an upload, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "they are read from the request, by name")]
pub struct UploadHeaders {
    /// ETag of the file to be replaced, or `*`.
    #[param(rename = "If-Match")]
    if_match: Option<String>,
    /// `*`: only when there is no such file.
    #[param(rename = "If-None-Match", pattern = r"^\*$")]
    if_none_match: Option<String>,
    /// `sha-256=:…:` or `sha-512=:…:`, RFC 9530.
    #[param(rename = "Content-Digest")]
    content_digest: Option<String>,
    /// The same, of the file: its bytes are not encoded, so both say the same.
    #[param(rename = "Repr-Digest")]
    repr_digest: Option<String>,
}

/// The headers of a download, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "they are read from the request, by name")]
pub struct DownloadHeaders {
    /// One range of bytes.
    #[param(rename = "Range")]
    range: Option<String>,
    /// ETag for which the range is wanted.
    #[param(rename = "If-Range")]
    if_range: Option<String>,
    /// ETag of the file that the client has.
    #[param(rename = "If-None-Match")]
    if_none_match: Option<String>,
}

/// The headers of a removal, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "they are read from the request, by name")]
pub struct RemovalHeaders {
    /// ETag of the file to be removed, or `*`.
    #[param(rename = "If-Match")]
    if_match: Option<String>,
}

/// The headers of a change that may depend on what is there, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "they are read from the request, by name")]
pub struct ConditionHeaders {
    /// ETags of which what is there must have one, or `*` for whatever is there.
    #[param(rename = "If-Match")]
    if_match: Option<String>,
    /// ETags of which what is there must have none, or `*` where nothing may be there.
    #[param(rename = "If-None-Match")]
    if_none_match: Option<String>,
}

/// The headers of a read that need not be answered again, for the document.
#[derive(IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "they are read from the request, by name")]
pub struct KnownHeaders {
    /// ETags of what the client has, which is then not sent again.
    #[param(rename = "If-None-Match")]
    if_none_match: Option<String>,
}

/// The successes of an upload, for the document.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "for the document alone")]
pub enum UploadResponses {
    /// Stored.
    #[response(status = 201)]
    Created(StoredFile),
    /// Replaced, or the same bytes were there.
    #[response(status = 200)]
    Replaced(StoredFile),
}

/// The successes of a download, for the document.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "for the document alone")]
pub enum DownloadResponses {
    /// The bytes.
    #[response(status = 200, content_type = "application/octet-stream")]
    Whole(Vec<u8>),
    /// The range.
    #[response(status = 206, content_type = "application/octet-stream")]
    Part(Vec<u8>),
    /// The object store has it, at `Location`, for a while; only where the server is set up so.
    #[response(status = 307)]
    Elsewhere,
    /// The client has it.
    #[response(status = 304)]
    NotModified,
}

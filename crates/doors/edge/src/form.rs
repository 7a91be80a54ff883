//! Forms as clients send them: multipart, of which a file goes straight into the store wherever among the fields it
//! stands, or URL-encoded.

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::error::PayloadError;
use actix_web::http::header::HeaderMap;
use actix_web::http::{StatusCode, header};
use actix_web::web::Payload;
use actix_web::{HttpRequest, web::Bytes};
use futures_util::{Stream, StreamExt as _, stream};
use url::form_urlencoded;

use super::body::Body;
use super::errors::EdgeError;
use crate::domain::{Error, FilePath, Result};
use crate::http::body::{BufferShare, within_silence};
use crate::http::caller::Caller;
use crate::http::digests::Digests;
use crate::http::media_type::essence;
use crate::http::middleware::content_coding;
use crate::memory::{Memory, Share, silent};
use crate::registry::staged::StagedFile;

/// The most fields of a form, as Starlette counts them.
const MAX_FIELDS: usize = 1000;

/// The media types of archives.
const ARCHIVE_TYPES: [&str; 5] = [
    "application/zip",
    "multipart/x-zip",
    "application/zip-compressed",
    "application/x-zip-compressed",
    "application/x-zip",
];

/// The fields of a form, in their order, and what they take of memory.
#[derive(Debug, Default)]
pub struct Fields(
    Vec<(String, String)>,
    #[expect(dead_code, reason = "it is held for as long as the fields are")] Option<Share>,
);

impl Fields {
    /// The names, in their order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// The value; of several the last one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().rev().find(|(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// All values, in their order.
    pub fn all(&self, name: &str) -> Vec<&str> {
        self.0.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect()
    }
}

/// A file that is stored, and what it is called.
pub struct Upload {
    /// Its bytes.
    pub file: StagedFile,
    /// Its name, without folders.
    pub path: FilePath,
}

/// Receives the file of a form.
pub struct FileReceiver<'a> {
    /// Where to.
    pub caller: &'a Caller,
    /// Checks the fields before the file, so that no file is stored for an invalid form.
    pub check_fields: &'a dyn Fn(&Fields) -> Result<(), EdgeError>,
}

/// The limit of the fields of a form, and the memory that all requests share.
pub struct MemoryLimit<'a> {
    /// The maximum number of bytes.
    pub limit: usize,
    /// The memory that it is taken from.
    pub memory: &'a Memory,
}

/// What is used of the limit.
struct MemoryUse<'a> {
    limit: MemoryLimit<'a>,
    left: usize,
    buffer: BufferShare,
}

impl<'a> MemoryUse<'a> {
    fn none(limit: MemoryLimit<'a>) -> Self {
        Self { left: limit.limit, buffer: BufferShare::new(limit.memory), limit }
    }

    async fn take(&mut self, bytes: usize) -> Result<(), EdgeError> {
        self.left = self.left.checked_sub(bytes).ok_or_else(|| too_large(self.limit.limit))?;
        Ok(self.buffer.add(bytes).await?)
    }

    /// What comes next, unless nothing does for too long.
    async fn with_read_timeout<T>(&mut self, next: impl Future<Output = T>) -> Result<T, EdgeError> {
        self.buffer.await_client(next).await.ok_or_else(read_timed_out)
    }
}

/// Reads a form whose fields have no more bytes together than `limit` allows. A file is skipped unless there is a receiver
/// for it. A body of another media type is an empty form, and is not read.
pub async fn read(
    request: &HttpRequest,
    payload: Payload,
    limit: MemoryLimit<'_>,
    receiver: Option<FileReceiver<'_>>,
) -> Result<(Fields, Option<Upload>), EdgeError> {
    let mut memory_use = MemoryUse::none(limit);
    let body = Body::new(payload, &digests(request.headers())?);
    let sent = request.headers().get(header::CONTENT_TYPE).and_then(|sent| sent.to_str().ok()).unwrap_or_default();
    match essence(sent).as_str() {
        "multipart/form-data" => {
            let mut upload = None;
            let multipart = Multipart::new(request.headers(), body.clone());
            let read = multipart_fields(multipart, &mut memory_use, receiver.as_ref(), &mut upload).await;
            match (body.verified(read).await, upload, receiver) {
                (Ok(fields), upload, _) => Ok((Fields(fields.0, Some(memory_use.buffer.into_share())), upload)),
                (Err(error), Some(Upload { file, .. }), Some(receiver)) => {
                    receiver.caller.registry.files.discard_file(&receiver.caller.context, file).await;
                    Err(error)
                }
                (Err(error), ..) => Err(error),
            }
        }
        "application/x-www-form-urlencoded" => {
            let read = urlencoded(body.clone(), &mut memory_use).await;
            let read = body.verified(read).await?;
            let pairs = form_urlencoded::parse(&read).map(|(name, value)| (name.into_owned(), value.into_owned()));
            Ok((check_field_count(Fields(pairs.collect(), Some(memory_use.buffer.into_share())))?, None))
        }
        _ => Ok((Fields::default(), None)),
    }
}

async fn urlencoded(mut body: Body, memory_use: &mut MemoryUse<'_>) -> Result<Vec<u8>, EdgeError> {
    let mut read = Vec::new();
    while let Some(chunk) = memory_use.with_read_timeout(body.next()).await? {
        let chunk = chunk.map_err(|_| malformed_body())?;
        memory_use.take(chunk.len()).await?;
        read.extend_from_slice(&chunk);
    }
    Ok(read)
}

async fn multipart_fields(
    mut multipart: Multipart,
    memory_use: &mut MemoryUse<'_>,
    receiver: Option<&FileReceiver<'_>>,
    upload: &mut Option<Upload>,
) -> Result<Fields, EdgeError> {
    let mut fields = Fields::default();
    while let Some(field) = memory_use.with_read_timeout(multipart.next()).await? {
        let mut field = field.map_err(malformed)?;
        let name = field.name().unwrap_or_default().to_owned();
        let file = file_name(&field);
        match (file, receiver) {
            (Some(file), Some(receiver)) if name == "file" => {
                if upload.is_some() {
                    return Err(EdgeError::detail(StatusCode::UNPROCESSABLE_ENTITY, "file is given more than once."));
                }
                check_type(&field)?;
                check_coding(&field)?;
                (receiver.check_fields)(&fields)?;
                let path = file.parse::<FilePath>().map_err(invalid_path)?;
                let digests = digests(field.headers())?;
                let file = digests.check(chunks(field, memory_use.buffer.share()));
                let file = receiver.caller.registry.files.stage_file(&receiver.caller.context, None, file).await?;
                *upload = Some(Upload { file, path });
            }
            (Some(_), _) if name == "file" => while chunk(&mut field, memory_use).await?.is_some() {},
            _ => {
                let mut value = Vec::new();
                memory_use.take(name.len()).await?;
                while let Some(bytes) = chunk(&mut field, memory_use).await? {
                    memory_use.take(bytes.len()).await?;
                    value.extend_from_slice(&bytes);
                }
                fields.0.push((name, String::from_utf8_lossy(&value).into_owned()));
                fields = check_field_count(fields)?;
            }
        }
    }
    Ok(fields)
}

fn digests(headers: &HeaderMap) -> Result<Digests, EdgeError> {
    Digests::of(headers).map_err(|error| EdgeError::detail(StatusCode::BAD_REQUEST, error.message()))
}

fn invalid_path(error: Error) -> EdgeError {
    EdgeError::detail(StatusCode::UNPROCESSABLE_ENTITY, error.message())
}

fn check_field_count(fields: Fields) -> Result<Fields, EdgeError> {
    if fields.0.len() > MAX_FIELDS {
        let sentence = format!("Too many fields. Maximum number of fields is {MAX_FIELDS}.");
        return Err(EdgeError::detail(StatusCode::BAD_REQUEST, sentence));
    }
    Ok(fields)
}

/// The name of a file without its folders; `None` of a field that is none.
fn file_name(field: &Field) -> Option<String> {
    let disposition = field.content_disposition()?;
    let extended = disposition.get_filename_ext().map(|name| String::from_utf8_lossy(&name.value).into_owned());
    let name = extended.or_else(|| disposition.get_filename().map(ToOwned::to_owned))?;
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    Some(last.to_owned()).filter(|name| !name.is_empty())
}

fn check_type(field: &Field) -> Result<(), EdgeError> {
    let sent = field.headers().get(header::CONTENT_TYPE).map(|sent| String::from_utf8_lossy(sent.as_bytes()));
    let sent = sent.as_deref().unwrap_or("None").trim();
    if ARCHIVE_TYPES.contains(&essence(sent).as_str()) {
        return Ok(());
    }
    let text = format!("Unsupported file type found: {sent}");
    Err(EdgeError::line(StatusCode::UNPROCESSABLE_ENTITY, text))
}

/// Refuses a file whose bytes are encoded, by HTTP's or by MIME's header (RFC 7578 §4.7).
fn check_coding(field: &Field) -> Result<(), EdgeError> {
    let transfer =
        field.headers().get("content-transfer-encoding").map(|sent| String::from_utf8_lossy(sent.as_bytes()));
    let encodes = |word: &str| !["7bit", "8bit", "binary"].iter().any(|plain| plain.eq_ignore_ascii_case(word.trim()));
    let transfer = transfer.filter(|word| encodes(word)).map(std::borrow::Cow::into_owned);
    match content_coding(field.headers()).or(transfer) {
        Some(coding) => {
            let text = format!("Unsupported file encoding found: {}", coding.escape_debug());
            Err(EdgeError::line(StatusCode::UNSUPPORTED_MEDIA_TYPE, text))
        }
        None => Ok(()),
    }
}

async fn chunk(field: &mut Field, memory_use: &mut MemoryUse<'_>) -> Result<Option<Bytes>, EdgeError> {
    memory_use.with_read_timeout(field.next()).await?.transpose().map_err(malformed)
}

/// The bytes of a file as the registry takes them. What the fields before it take is held as long as they come.
fn chunks<'a>(field: Field, share: &'a mut Share) -> impl Stream<Item = Result<Bytes>> + Unpin + 'a {
    Box::pin(stream::unfold((field, share), |(mut field, share)| async {
        let chunk = match share.await_client_bytes(field.next()).await {
            Some(chunk) => chunk?.map_err(|error| {
                Error::invalid_body("There was an error parsing the body").caused_by(error.to_string())
            }),
            None => Err(silent()),
        };
        share.record_received_uncovered(chunk.as_ref().map_or(0, Bytes::len));
        Some((chunk, (field, share)))
    }))
}

/// What comes next, unless nothing does for too long.
pub(super) async fn with_read_timeout<T>(next: impl Future<Output = T>) -> Result<T, EdgeError> {
    within_silence(next).await.ok_or_else(read_timed_out)
}

fn read_timed_out() -> EdgeError {
    EdgeError::detail(StatusCode::BAD_REQUEST, silent().message())
}

fn malformed(error: MultipartError) -> EdgeError {
    match error {
        MultipartError::BoundaryMissing => EdgeError::detail(StatusCode::BAD_REQUEST, "Missing boundary in multipart."),
        MultipartError::Payload(PayloadError::Overflow) => {
            EdgeError::detail(StatusCode::PAYLOAD_TOO_LARGE, "The headers of a part are too large.")
        }
        _ => malformed_body(),
    }
}

pub(super) fn malformed_body() -> EdgeError {
    EdgeError::detail(StatusCode::BAD_REQUEST, "There was an error parsing the body")
}

fn too_large(limit: usize) -> EdgeError {
    EdgeError::detail(StatusCode::PAYLOAD_TOO_LARGE, format!("The fields have more than {limit} bytes."))
}

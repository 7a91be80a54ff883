//! Forms as clients send them: multipart, of which a file goes straight into the store wherever among the fields it
//! stands, or URL-encoded.

use std::time::Duration;

use actix_multipart::{Field, Multipart, MultipartError};
use actix_web::error::PayloadError;
use actix_web::http::{StatusCode, header};
use actix_web::web::Payload;
use actix_web::{HttpRequest, web::Bytes};
use futures_util::{Stream, StreamExt as _, stream};
use url::form_urlencoded;

use super::errors::Refusal;
use crate::domain::{Error, FilePath, Result};
use crate::registry::Registry;
use crate::registry::staged::StagedFile;

/// How long a client may send nothing in the middle of a body.
const SILENCE: Duration = Duration::from_secs(60);

/// The most fields of a form, as Starlette counts them.
const MOST_FIELDS: usize = 1000;

/// The media types of archives.
const ARCHIVES: [&str; 5] = [
    "application/zip",
    "multipart/x-zip",
    "application/zip-compressed",
    "application/x-zip-compressed",
    "application/x-zip",
];

/// The fields of a form, in their order.
#[derive(Debug, Default)]
pub struct Fields(Vec<(String, String)>);

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

/// Takes the file of a form in.
pub struct Intake<'a> {
    /// Where to.
    pub registry: &'a Registry,
    /// Refuses a form by the fields before its file, so that a file is not taken in vain.
    pub early: &'a dyn Fn(&Fields) -> Result<(), Refusal>,
}

/// Reads a form whose fields have at most `limit` bytes together. A file is passed over unless there is an intake for it.
/// A body of another media type is an empty form, and is not read.
pub async fn read(
    request: &HttpRequest,
    payload: Payload,
    limit: usize,
    intake: Option<Intake<'_>>,
) -> Result<(Fields, Option<Upload>), Refusal> {
    let sent = request.headers().get(header::CONTENT_TYPE).and_then(|sent| sent.to_str().ok()).unwrap_or_default();
    let essence = sent.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "multipart/form-data" => {
            let mut upload = None;
            let multipart = Multipart::new(request.headers(), payload);
            let read = multipart_fields(multipart, limit, intake.as_ref(), &mut upload).await;
            match (read, upload, intake) {
                (Ok(fields), upload, _) => Ok((fields, upload)),
                (Err(refusal), Some(Upload { file, .. }), Some(intake)) => {
                    intake.registry.discard_file(file).await;
                    Err(refusal)
                }
                (Err(refusal), ..) => Err(refusal),
            }
        }
        "application/x-www-form-urlencoded" => {
            let mut body = Vec::new();
            let mut payload = payload;
            while let Some(chunk) = heard(payload.next()).await? {
                body.extend_from_slice(&chunk.map_err(|_| broken())?);
                if body.len() > limit {
                    return Err(too_large(limit));
                }
            }
            let pairs = form_urlencoded::parse(&body).map(|(name, value)| (name.into_owned(), value.into_owned()));
            Ok((counted(Fields(pairs.collect()))?, None))
        }
        _ => Ok((Fields::default(), None)),
    }
}

async fn multipart_fields(
    mut multipart: Multipart,
    limit: usize,
    intake: Option<&Intake<'_>>,
    upload: &mut Option<Upload>,
) -> Result<Fields, Refusal> {
    let mut fields = Fields::default();
    let mut left = limit;
    while let Some(field) = heard(multipart.next()).await? {
        let mut field = field.map_err(malformed)?;
        let name = field.name().unwrap_or_default().to_owned();
        let file = file_name(&field);
        match (file, intake) {
            (Some(file), Some(intake)) if name == "file" => {
                if upload.is_some() {
                    return Err(Refusal::detail(StatusCode::UNPROCESSABLE_ENTITY, "file is given more than once."));
                }
                check_type(&field)?;
                (intake.early)(&fields)?;
                let path = file.parse::<FilePath>()?;
                let file = intake.registry.stage_file(None, chunks(field)).await?;
                *upload = Some(Upload { file, path });
            }
            (Some(_), _) if name == "file" => while chunk(&mut field).await?.is_some() {},
            _ => {
                let mut value = Vec::new();
                left = left.checked_sub(name.len()).ok_or_else(|| too_large(limit))?;
                while let Some(bytes) = chunk(&mut field).await? {
                    left = left.checked_sub(bytes.len()).ok_or_else(|| too_large(limit))?;
                    value.extend_from_slice(&bytes);
                }
                fields.0.push((name, String::from_utf8_lossy(&value).into_owned()));
                fields = counted(fields)?;
            }
        }
    }
    Ok(fields)
}

fn counted(fields: Fields) -> Result<Fields, Refusal> {
    if fields.0.len() > MOST_FIELDS {
        let sentence = format!("Too many fields. Maximum number of fields is {MOST_FIELDS}.");
        return Err(Refusal::detail(StatusCode::BAD_REQUEST, sentence));
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

fn check_type(field: &Field) -> Result<(), Refusal> {
    let sent = field.headers().get(header::CONTENT_TYPE).map(|sent| String::from_utf8_lossy(sent.as_bytes()));
    let sent = sent.as_deref().unwrap_or("None").trim();
    let essence = sent.split(';').next().unwrap_or_default().trim_end();
    if ARCHIVES.iter().any(|archive| essence.eq_ignore_ascii_case(archive)) {
        return Ok(());
    }
    let text = format!("Unsupported file type found: {sent}");
    Err(Refusal::line(StatusCode::UNPROCESSABLE_ENTITY, text))
}

async fn chunk(field: &mut Field) -> Result<Option<Bytes>, Refusal> {
    heard(field.next()).await?.transpose().map_err(malformed)
}

/// The bytes of a file as the registry takes them.
fn chunks(field: Field) -> impl Stream<Item = Result<Bytes>> + Unpin {
    Box::pin(stream::unfold(field, |mut field| async {
        let chunk = match tokio::time::timeout(SILENCE, field.next()).await {
            Ok(chunk) => chunk?.map_err(|error| {
                Error::invalid("body", "There was an error parsing the body").caused_by(error.to_string())
            }),
            Err(_) => Err(Error::invalid("body", silent())),
        };
        Some((chunk, field))
    }))
}

/// What comes next, unless nothing does for too long.
async fn heard<T>(next: impl Future<Output = T>) -> Result<T, Refusal> {
    tokio::time::timeout(SILENCE, next).await.map_err(|_| Refusal::detail(StatusCode::BAD_REQUEST, silent()))
}

fn silent() -> String {
    format!("no byte of the body came for {} seconds", SILENCE.as_secs())
}

fn malformed(error: MultipartError) -> Refusal {
    match error {
        MultipartError::BoundaryMissing => Refusal::detail(StatusCode::BAD_REQUEST, "Missing boundary in multipart."),
        MultipartError::Payload(PayloadError::Overflow) => {
            Refusal::detail(StatusCode::PAYLOAD_TOO_LARGE, "The headers of a part are too large.")
        }
        _ => broken(),
    }
}

fn broken() -> Refusal {
    Refusal::detail(StatusCode::BAD_REQUEST, "There was an error parsing the body")
}

fn too_large(limit: usize) -> Refusal {
    Refusal::detail(StatusCode::PAYLOAD_TOO_LARGE, format!("The fields have more than {limit} bytes."))
}

//! A file sent to a client: whole or in part, as its conditions and its range ask for it (RFC 9110 §13, §14), or by a link to the object
//! store.

use std::time::{Duration, UNIX_EPOCH};

use actix_web::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_RANGE, CONTENT_TYPE, ETAG, HttpDate, LAST_MODIFIED,
    LOCATION,
};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};

use super::answer;
use super::caller::Caller;
use super::conditional::{Selected, etag, if_match, select};
use super::disposition::disposition;
use crate::domain::{Error, File, Result};
use crate::registry::inspection::ServedFile;

/// The media type of a file of which nobody said any.
const OCTETS: &str = "application/octet-stream";

/// The media type that a file was stored with.
pub fn stored_media_type(file: &File) -> &str {
    if file.media_type.is_empty() { OCTETS } else { &file.media_type }
}

/// The answer to a GET or a HEAD of a file that its reader may have, with this media type.
///
/// `refuse` makes the answer to a range beyond the file's end. Errors: PreconditionFailed; as those of opening a file.
pub async fn serve(
    caller: &Caller,
    request: &HttpRequest,
    file: &ServedFile,
    media_type: &str,
    refuse: impl FnOnce(StatusCode, &str) -> HttpResponse,
) -> Result<HttpResponse> {
    if_match(request)?.check(Some(file))?;
    let selected = select(request, file);
    if request.method() == Method::GET && !matches!(selected, Selected::NotModified) {
        let disposition = disposition(file.path.file_name(), "").to_string();
        let headers = (media_type, disposition.as_str());
        if let Some(link) = caller.registry.files.file_link(&caller.context, file, headers).await? {
            // The link expires, and the file may be replaced before.
            let mut response = HttpResponse::TemporaryRedirect();
            response.insert_header((LOCATION, link)).insert_header((CACHE_CONTROL, "no-store"));
            return Ok(response.insert_header((ETAG, etag(file))).finish());
        }
    }
    let size = file.blob.size;
    let (first, length, mut response) = match selected {
        Selected::Whole => (0, size, HttpResponse::Ok()),
        Selected::Part(first, last) => {
            let mut response = HttpResponse::PartialContent();
            response.insert_header((CONTENT_RANGE, format!("bytes {first}-{last}/{size}")));
            (first, last - first + 1, response)
        }
        Selected::NotModified => return Ok(HttpResponse::NotModified().insert_header((ETAG, etag(file))).finish()),
        Selected::Unsatisfiable => {
            let detail = format!("the range is beyond the file's {size} bytes");
            let mut response = refuse(StatusCode::RANGE_NOT_SATISFIABLE, &detail);
            let range =
                format!("bytes */{size}").parse().map_err(|_| Error::internal("a number is not a header value"))?;
            response.headers_mut().insert(CONTENT_RANGE, range);
            return Ok(response);
        }
    };
    describe(&mut response, file, media_type);
    if request.method() == Method::HEAD {
        return Ok(answer::without_bytes(response, length));
    }
    let chunks = caller.registry.files.open_file(&caller.context, file, Some(first..first + length)).await?;
    Ok(answer::sized(response, length, chunks))
}

fn describe(response: &mut HttpResponseBuilder, file: &File, media_type: &str) {
    let modified = UNIX_EPOCH + Duration::from_millis(file.created_at.unsigned_abs());
    response
        .insert_header((CONTENT_TYPE, media_type))
        .insert_header((ETAG, etag(file)))
        .insert_header((LAST_MODIFIED, HttpDate::from(modified).to_string()))
        .insert_header((ACCEPT_RANGES, "bytes"))
        .insert_header(("Repr-Digest", file.blob.sha256.to_digest_field()))
        // Untrusted bytes: saved as a download, never rendered as a page of this origin.
        .insert_header((CONTENT_DISPOSITION, disposition(file.path.file_name(), "")))
        .insert_header(("X-Content-Type-Options", "nosniff"))
        .insert_header(("Content-Security-Policy", "sandbox; default-src 'none'"));
}

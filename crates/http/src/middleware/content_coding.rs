//! Bodies that are encoded: none is decoded here, and none may be taken for what it decodes to (RFC 9110 §8.4). A few routes decode theirs.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, HeaderMap, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;

use crate::door::Doors;

/// What the first coding other than `identity` is called that the headers of a body, or of a part of a form, name.
pub fn content_coding(headers: &HeaderMap) -> Option<String> {
    let lines = headers.get_all(CONTENT_ENCODING).map(|line| String::from_utf8_lossy(line.as_bytes()));
    let named = lines.flat_map(|line| line.split(',').map(|word| word.trim().to_owned()).collect::<Vec<_>>());
    named.filter(|word| !word.is_empty()).find(|word| !word.eq_ignore_ascii_case("identity"))
}

/// Refuses a request whose body is encoded with 415, unless its route decodes it.
pub(super) async fn refuse_content_coding<B: MessageBody + 'static>(
    doors: Doors,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let has_body = ![Method::GET, Method::HEAD, Method::DELETE, Method::OPTIONS].contains(request.method());
    let is_decoded = || request.match_pattern().is_some_and(|pattern| doors.decodes(&pattern));
    let Some(coding) = content_coding(request.headers()).filter(|_| has_body && !is_decoded()) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let detail = format!("`Content-Encoding` `{}` is not supported; send the bytes as they are", coding.escape_debug());
    let mut response = doors.refuse(request.path(), StatusCode::UNSUPPORTED_MEDIA_TYPE, &detail);
    response.headers_mut().insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    Ok(request.into_response(response))
}

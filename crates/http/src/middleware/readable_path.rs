//! Paths whose escapes are not UTF-8. The router would put a replacement character in their place, and two different
//! names would become one.

use actix_web::Error;
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use percent_encoding::percent_decode_str;

use crate::door::Doors;

/// Refuses a path that is not percent-encoded UTF-8.
pub(super) async fn readable_path<B: MessageBody + 'static>(
    doors: Doors,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    let path = request.uri().path();
    if percent_decode_str(path).decode_utf8().is_ok() {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let detail = format!("path `{path}` is not percent-encoded UTF-8");
    let response = doors.refuse(path, StatusCode::BAD_REQUEST, &detail);
    Ok(request.into_response(response))
}

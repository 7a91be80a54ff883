//! The check of where a request was sent to and by whom, before anything of its body is read; and what keeps pages of ours
//! out of pages of others.

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, HttpMessage, HttpRequest};

use crate::door::Doors;
use crate::hosts::{Authority, HostError, Hosts, RequestSource};

/// What machines ask by whatever name they know; it shows no more than that the server runs.
const EXEMPT: [&str; 4] = ["/health", "/health/live", "/health/ready", "/metrics"];

/// The host and port that a request named, which is one of this server's. None where it named none, and on paths that are
/// exempt from the check.
pub fn checked_host(request: &HttpRequest) -> Option<Authority> {
    request.extensions().get::<Authority>().cloned()
}

/// Refuses what [`Hosts::check`] refuses, and marks pages so that no other page shows them in a frame.
pub(super) async fn same_origin<B: MessageBody + 'static>(
    hosts: Hosts,
    doors: Doors,
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, Error> {
    if !EXEMPT.contains(&request.path()) {
        match hosts.check(&request_source(&request)) {
            Ok(Some(host)) => drop(request.extensions_mut().insert(host)),
            Ok(None) => {}
            Err(error) => {
                let status = match error {
                    HostError::Invalid(_) => StatusCode::BAD_REQUEST,
                    HostError::Forbidden(_) => StatusCode::FORBIDDEN,
                };
                let response = doors.refuse(request.path(), status, error.message());
                return Ok(request.into_response(response));
            }
        }
    }
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    let media_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    if media_type.starts_with(b"text/html") && !headers.contains_key(header::CONTENT_SECURITY_POLICY) {
        headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("frame-ancestors 'none'"));
    }
    Ok(response.map_into_boxed_body())
}

fn request_source(request: &ServiceRequest) -> RequestSource<'_> {
    let target = request.uri().authority().map(|authority| authority.as_str());
    let all = |name| request.headers().get_all(name).map(HeaderValue::as_bytes).collect();
    RequestSource::of(request.method().is_safe(), target, all)
}

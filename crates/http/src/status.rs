//! How an answer with a status begins.

use actix_web::HttpResponseBuilder;
use actix_web::http::{StatusCode, header};

/// The beginning of an answer with that status. One of 503 says when to try again (RFC 9110 §10.2.3).
pub fn with_status(status: StatusCode) -> HttpResponseBuilder {
    let mut response = HttpResponseBuilder::new(status);
    if status == StatusCode::SERVICE_UNAVAILABLE {
        response.insert_header((header::RETRY_AFTER, "1"));
    }
    response
}

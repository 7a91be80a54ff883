//! Media types as RFC 9110 §8.3.1 compares them: whatever the case, and without their parameters.

use actix_web::HttpRequest;
use actix_web::http::header::CONTENT_TYPE;

/// The type and subtype in lower case.
pub fn essence(media_type: &str) -> String {
    media_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The type and subtype of a request's body; empty where it does not say.
pub fn of_body(request: &HttpRequest) -> String {
    let sent = request.headers().get(CONTENT_TYPE).and_then(|sent| sent.to_str().ok());
    essence(sent.unwrap_or_default())
}

//! Answers whose bytes come from the registry while they are sent.

use actix_web::body::SizedStream;
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use futures_util::{Stream, TryStreamExt as _, stream};

use super::problem::report;
use crate::domain::{Error, Result};

/// The stream, whose failure is logged: the head of the answer is sent by then, and all that is left is to break it off, so that
/// nobody takes it for complete.
pub fn logged<T>(items: impl Stream<Item = Result<T>>) -> impl Stream<Item = Result<T>> {
    items.inspect_err(|error: &Error| {
        report(error);
    })
}

/// An answer of that many bytes.
pub fn sized(
    mut response: HttpResponseBuilder,
    length: u64,
    chunks: impl Stream<Item = Result<Bytes>> + 'static,
) -> HttpResponse {
    response.body(SizedStream::new(length, logged(chunks)))
}

/// The answer to HEAD in the place of one of that many bytes.
pub fn without_bytes(response: HttpResponseBuilder, length: u64) -> HttpResponse {
    sized(response, length, stream::empty())
}

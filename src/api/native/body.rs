//! The body of an upload as the registry takes it: a client that falls silent does not hold it for ever.

use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt, stream};

use crate::domain::{Error, Result};
use crate::memory::{SILENCE, silent};

/// The chunks of the body; an error when the client goes away or falls silent.
pub fn chunks(payload: Payload) -> impl Stream<Item = Result<Bytes>> + Unpin {
    Box::pin(stream::unfold(payload, |mut payload| async {
        let chunk = match tokio::time::timeout(SILENCE, payload.next()).await {
            Ok(None) => return None,
            Ok(Some(chunk)) => chunk.map_err(incomplete_body),
            Err(_) => Err(silent()),
        };
        Some((chunk, payload))
    }))
}

fn incomplete_body(error: PayloadError) -> Error {
    Error::invalid_body("the body ended before it was complete").caused_by(error.to_string())
}

//! The body of an upload as the registry takes it: a client that falls silent does not hold it for ever.

use std::time::Duration;

use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt, stream};

use crate::domain::{Error, Result};

/// How long a client may send nothing in the middle of a body.
const SILENCE: Duration = Duration::from_secs(60);

/// The chunks of the body; an error when the client goes away or falls silent.
pub fn chunks(payload: Payload) -> impl Stream<Item = Result<Bytes>> + Unpin {
    Box::pin(stream::unfold(payload, |mut payload| async {
        let chunk = match tokio::time::timeout(SILENCE, payload.next()).await {
            Ok(None) => return None,
            Ok(Some(chunk)) => chunk.map_err(broken),
            Err(_) => {
                Err(Error::invalid("body", format!("no byte of the body came for {} seconds", SILENCE.as_secs())))
            }
        };
        Some((chunk, payload))
    }))
}

fn broken(error: PayloadError) -> Error {
    Error::invalid("body", "the body ended before it was complete").caused_by(error.to_string())
}

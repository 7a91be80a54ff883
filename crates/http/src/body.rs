//! The bodies of requests: a client that falls silent does not hold what it has taken for ever.

use actix_web::error::PayloadError;
use actix_web::web::{Bytes, Payload};
use futures_util::{Stream, StreamExt, stream};

use crate::domain::{Error, Result};
use crate::memory::{Memory, SILENCE, Share, silent};

/// Bodies up to this size take no share of the memory, so that they do not wait for large ones.
const UNCOUNTED_BYTES: u64 = 16 << 10;

/// Memory per byte of a body while it is received: the buffer doubles when it is full.
const BUFFER_FACTOR: u64 = 2;

/// The chunks of a body that is streamed; an error when the client goes away or falls silent.
pub fn chunks(payload: Payload) -> impl Stream<Item = Result<Bytes>> + Unpin {
    Box::pin(stream::unfold(payload, |mut payload| async {
        let chunk = match within_silence(payload.next()).await {
            Some(None) => return None,
            Some(Some(chunk)) => chunk.map_err(incomplete_body),
            None => Err(silent()),
        };
        Some((chunk, payload))
    }))
}

fn incomplete_body(error: PayloadError) -> Error {
    Error::invalid_body("the body ended before it was complete").caused_by(error.to_string())
}

/// What the client sends next; `None` when it sends nothing for too long.
pub async fn within_silence<T>(next: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(SILENCE, next).await.ok()
}

/// What a body takes of the memory of all requests while it is kept as a whole.
#[derive(Debug)]
pub struct BufferShare {
    share: Share,
    taken: u64,
    /// How much of it may have arrived before more memory is asked for.
    covered: u64,
}

impl BufferShare {
    /// Nothing yet.
    pub fn new(memory: &Memory) -> Self {
        Self { share: memory.request(), taken: 0, covered: UNCOUNTED_BYTES }
    }

    /// What the client sends next; `None` when it sends nothing for too long, or has lost its share to those who wait.
    pub async fn await_client<T>(&mut self, next: impl Future<Output = T>) -> Option<T> {
        self.share.await_client_bytes(next).await
    }

    /// So many more bytes have arrived and are kept. Errors: Unavailable when there is no memory for too long.
    pub async fn add(&mut self, bytes: usize) -> Result<()> {
        self.share.record_received(bytes);
        self.taken += bytes as u64;
        if self.taken > self.covered {
            // Twice as much each time: memory is reserved in a few steps, and at most half of it is never used.
            let more = self.taken.max(2 * self.covered) - self.covered;
            self.share.grow(BUFFER_FACTOR * more).await?;
            self.covered += more;
        }
        Ok(())
    }

    /// How many bytes are kept.
    pub fn taken(&self) -> u64 {
        self.taken
    }

    /// The share itself, for bytes beside those that are kept.
    pub fn share(&mut self) -> &mut Share {
        &mut self.share
    }

    /// The share, to be held for as long as the bytes are.
    pub fn into_share(self) -> Share {
        self.share
    }
}

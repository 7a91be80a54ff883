//! The memory limit of all requests together. Code that is about to receive bytes acquires a share first, and waits while there is
//! none left. It must not know what the bytes are.
//!
//! A share grows with the bytes that arrive, so that a client that announces much and sends little blocks nobody. All clients may
//! then hold half of what they need, with no memory left for the other halves. To prevent a deadlock:
//!
//! - Of the requests that hold a share and wait for more, one at a time may exceed the limit until it releases its share. So one of
//!   them always proceeds, and memory use is bounded by the limit plus the needs of one request or part of a file.
//! - No request waits for ever for another's client. While others wait, a client that is silent or too slow loses its share; a
//!   share whose bytes have all arrived waits for no client.
//! - An answer acquires a share while it is read from the database. If there is no memory, it releases its connection, waits, and is
//!   read again. It loses the share if its client stops reading while others wait.
//! - Only the time spent waiting for the client counts against it, not the time spent waiting for memory.

mod answer;
mod share;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use tokio::sync::Semaphore;

use modelport_domain::{Error, Result};
use share::WaitPolicy;

pub use answer::{Answer, Lost};
pub use share::Share;

/// The limit where none is set.
pub const DEFAULT_BYTES: usize = 96 << 20;

/// How long a client may send nothing in the middle of a body.
pub const SILENCE: Duration = Duration::from_secs(30);

/// How long a request waits for a share, and how long a file does: its client is paused meanwhile, and not refused.
const REQUEST_WAITS: Duration = Duration::from_secs(10);
const FILE_WAITS: Duration = Duration::from_secs(60);

/// The unit of shares, and their greatest number: a tebibyte in all.
const UNIT: usize = 1 << 10;
const MAX_UNITS: u32 = 1 << 30;

/// The memory of all bodies, messages and parts of files that are on their way through this process. Cloning shares it.
///
/// Arriving bytes and what is decoded from them are counted apart: decoded bytes wait for no client, so that they are always
/// released.
#[derive(Debug, Clone)]
pub struct Memory {
    arriving: Pool,
    decoded: Pool,
    answers: Pool,
}

#[derive(Debug, Clone)]
struct Pool {
    units: u32,
    free: Arc<Semaphore>,
    /// The one permit to exceed the limit.
    overcommit: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
}

const REQUEST: WaitPolicy = WaitPolicy { timeout: REQUEST_WAITS, may_overcommit: false };
const FILE: WaitPolicy = WaitPolicy { timeout: FILE_WAITS, may_overcommit: true };

impl Default for Memory {
    fn default() -> Self {
        Self::new(DEFAULT_BYTES)
    }
}

impl Memory {
    /// Memory of that many bytes for arriving bytes, half as many for decoded ones, and half as many for answers.
    pub fn new(bytes: usize) -> Self {
        Self { arriving: Pool::new(bytes), decoded: Pool::new(bytes / 2), answers: Pool::new(bytes / 2) }
    }

    /// An empty share for the bytes of a request. It waits for memory for some seconds.
    pub fn request(&self) -> Share {
        self.arriving.share(REQUEST)
    }

    /// An empty share for the bytes of a file. It waits for memory for a minute.
    pub fn file(&self) -> Share {
        self.arriving.share(FILE)
    }

    /// A share for what is decoded from bytes that have arrived. Errors: Unavailable when the wait times out.
    pub async fn for_decoded(&self, bytes: u64) -> Result<Share> {
        let mut share = self.decoded.share(REQUEST);
        share.grow(bytes).await?;
        Ok(share)
    }

    /// An empty share for an answer. It waits for memory for some seconds.
    fn answer(&self) -> Share {
        self.answers.share(REQUEST)
    }

    /// The most that one request may be decoded to. A request beyond the limit blocks all others meanwhile.
    pub fn max_decoded(&self) -> u64 {
        2 * u64::from(self.decoded.units) * UNIT as u64
    }
}

impl Pool {
    fn new(bytes: usize) -> Self {
        let units = u32::try_from(bytes / UNIT).unwrap_or(u32::MAX).clamp(1, MAX_UNITS);
        let (free, overcommit) = (Arc::new(Semaphore::new(units as usize)), Arc::new(Semaphore::new(1)));
        Self { units, free, overcommit, waiting: Arc::default() }
    }

    fn share(&self, policy: WaitPolicy) -> Share {
        Share::none(self.clone(), policy)
    }
}

/// The error of a request for which there is no memory.
fn no_memory() -> Error {
    Error::unavailable("the server has no memory left for this request; try again later")
}

/// The error of a client that sent nothing for too long in the middle of a body.
pub fn silent() -> Error {
    Error::invalid_body(format!("no byte of the body arrived for {} seconds", SILENCE.as_secs()))
}

/// The error of a client whose body came too slowly.
pub fn too_slow() -> Error {
    let silence = SILENCE.as_secs();
    let why = "or other requests were waiting for memory";
    Error::invalid("body", format!("the body arrived too slowly: no byte for {silence} seconds, {why}"))
}

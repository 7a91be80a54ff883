//! A stored object as inspection reads it: by ranges, some blocks at a time, from a thread that may block.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use tokio::runtime::Handle;

use crate::blobs::{Blobs, Key};
use crate::domain::inspect::Source;
use crate::domain::{Error, ErrorKind, Result};

/// How much is read together.
const BLOCK: u64 = 256 * 1024;

/// How many blocks are kept.
const BLOCKS: usize = 16;

/// The object under a key. Reads block, so it is for the blocking pool alone.
pub(in crate::registry) struct StoredObject {
    blobs: Blobs,
    key: Key,
    size: u64,
    runtime: Handle,
    /// Set when nobody waits for the inspection any more.
    given_up: Arc<AtomicBool>,
    /// The last used at the back.
    kept: RefCell<VecDeque<(u64, Bytes)>>,
}

impl StoredObject {
    /// The object of `size` bytes under `key`.
    pub(in crate::registry) fn new(
        blobs: Blobs,
        key: Key,
        size: u64,
        runtime: Handle,
        given_up: Arc<AtomicBool>,
    ) -> Self {
        Self { blobs, key, size, runtime, given_up, kept: RefCell::default() }
    }

    fn block(&self, number: u64) -> Result<Bytes> {
        let mut kept = self.kept.borrow_mut();
        if let Some(at) = kept.iter().position(|(kept, _)| *kept == number)
            && let Some(block) = kept.remove(at)
        {
            let bytes = block.1.clone();
            kept.push_back(block);
            return Ok(bytes);
        }
        if self.given_up.load(Ordering::Relaxed) {
            return Err(Error::unavailable("nobody waits for the inspection any more"));
        }
        let start = number.saturating_mul(BLOCK);
        let end = start.saturating_add(BLOCK).min(self.size);
        let bytes = self.runtime.block_on(async {
            let chunks: Vec<Bytes> = self.blobs.get(&self.key, Some(start..end)).await?.try_collect().await?;
            match <[Bytes; 1]>::try_from(chunks) {
                Ok([whole]) => Ok(whole),
                Err(chunks) => Ok(Bytes::from(chunks.concat())),
            }
        });
        // Whatever keeps the bytes from being read says nothing about them, nor about what the client sent.
        let bytes = bytes.map_err(|error: Error| match error.kind() {
            ErrorKind::Unavailable => error,
            _ => Error::unavailable("the stored bytes cannot be read right now").caused_by(error),
        })?;
        if kept.len() >= BLOCKS {
            kept.pop_front();
        }
        kept.push_back((number, bytes.clone()));
        Ok(bytes)
    }
}

impl Source for StoredObject {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, at: u64, buf: &mut [u8]) -> Result<usize> {
        if at >= self.size || buf.is_empty() {
            return Ok(0);
        }
        let block = self.block(at / BLOCK)?;
        let within = usize::try_from(at % BLOCK).unwrap_or(usize::MAX);
        let rest = block.get(within..).unwrap_or_default();
        let length = rest.len().min(buf.len());
        match (buf.get_mut(..length), rest.get(..length)) {
            (Some(into), Some(bytes)) if length > 0 => into.copy_from_slice(bytes),
            _ => return Err(Error::unavailable("the stored object is shorter than it was")),
        }
        Ok(length)
    }
}

//! A stored object as parsers read it: by ranges, some blocks at a time, from a thread that may block.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use futures_util::TryStreamExt as _;
use modelport_inspect::{BlockReader, LoadBlock};
use tokio::runtime::Handle;

use crate::blobs::{Blobs, Key};
use crate::domain::{Error, ErrorKind, Result};

/// The object under a key. Reads block, so it is for the blocking pool alone.
pub(crate) type StoredObject = BlockReader<StoredBlocks>;

/// Where the blocks of a [`StoredObject`] are.
pub(crate) struct StoredBlocks {
    pub(crate) blobs: Blobs,
    pub(crate) key: Key,
    pub(crate) runtime: Handle,
    /// Set when nobody waits for what is read any more.
    pub(crate) cancelled: Arc<AtomicBool>,
}

impl StoredBlocks {
    fn get(&self, range: Range<u64>) -> Result<Bytes> {
        if self.cancelled.load(Ordering::Relaxed) {
            return Err(Error::unavailable("nobody waits for the inspection any more"));
        }
        let length = range.end - range.start;
        let bytes = self.runtime.block_on(async {
            let chunks: Vec<Bytes> = self.blobs.get(&self.key, Some(range)).await?.try_collect().await?;
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
        if bytes.len() as u64 != length {
            return Err(Error::unavailable("the stored object is shorter than it was"));
        }
        Ok(bytes)
    }
}

impl LoadBlock for StoredBlocks {
    type Block = Bytes;

    fn load(&self, range: Range<u64>) -> io::Result<Bytes> {
        self.get(range).map_err(io::Error::other)
    }
}

/// Why a [`StoredObject`] could not be read, as it was before it passed through a reader.
pub(crate) fn source_error(error: io::Error) -> Error {
    error
        .downcast::<Error>()
        .unwrap_or_else(|error| Error::internal("a stored object could not be read").caused_by(error))
}

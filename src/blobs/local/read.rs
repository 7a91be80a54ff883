//! Reading a file in chunks, one chunk ahead of whoever takes them.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use tokio::task::{JoinHandle, spawn_blocking};

use super::folder::Folder;
use crate::blobs::lane::lost;
use crate::blobs::{Chunks, Key};
use crate::domain::{Error, Result};

const CHUNK: u64 = 512 << 10;

/// An open file and what is left to read of it.
pub(super) struct Reader {
    folder: Arc<Folder>,
    file: File,
    left: u64,
}

type Job = JoinHandle<Result<(Bytes, Reader)>>;

impl Reader {
    /// Opens the object under `key` at the start of `range`. Blocking.
    pub(super) fn open(folder: Arc<Folder>, key: &Key, range: Option<Range<u64>>) -> Result<Self> {
        let mut file = File::open(folder.object(key)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::not_found(format!("blob `{key}`")).caused_by(error),
            _ => folder.fault(error),
        })?;
        let size = file.metadata().map_err(|error| folder.fault(error))?.len();
        let range = range.unwrap_or(0..size);
        if range.start > range.end || range.end > size {
            let (start, end) = (range.start, range.end);
            return Err(Error::invalid("range", format!("range `{start}..{end}` is not within the `{size}` bytes")));
        }
        file.seek(SeekFrom::Start(range.start)).map_err(|error| folder.fault(error))?;
        Ok(Self { folder, file, left: range.end - range.start })
    }

    /// The rest of the file, read on the blocking pool.
    pub(super) fn into_chunks(self) -> Chunks {
        stream::unfold(self.start(), |job| async {
            match job?.await.map_err(lost).flatten() {
                Ok((chunk, rest)) => Some((Ok(chunk), rest.start())),
                Err(error) => Some((Err(error), None)),
            }
        })
        .boxed()
    }

    fn start(self) -> Option<Job> {
        (self.left > 0).then(|| spawn_blocking(move || self.read()))
    }

    fn read(mut self) -> Result<(Bytes, Self)> {
        let length = self.left.min(CHUNK);
        let mut chunk = Vec::with_capacity(length as usize);
        let read = (&mut self.file).take(length).read_to_end(&mut chunk).map_err(|error| self.folder.fault(error))?;
        if (read as u64) < length {
            return Err(Error::internal(format!("a file in {} has shrunk while it was read", self.folder)));
        }
        self.left -= length;
        Ok((chunk.into(), self))
    }
}

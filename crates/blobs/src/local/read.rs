//! Reading a file in chunks: at once what the page cache holds, the rest on the blocking pool.

use std::fs::File;
use std::io::{self, IoSliceMut};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use rustix::io::{ReadWriteFlags, preadv2};
use tokio::task::spawn_blocking;

use super::folder::Folder;
use crate::Chunks;
use crate::Key;
use crate::serial_task::lost;
use modelport_domain::{Error, Result};

/// What is read at once from the page cache: small enough that the copy to the socket finds it in the processor's cache.
const CACHED_CHUNK: usize = 64 << 10;

/// What is read at once from the disk, where each read costs a change of threads: as much as Linux reads ahead. Each download holds
/// one, and an archive three.
const DISK_CHUNK: usize = 128 << 10;

/// An open file and what is left to read of it.
pub(super) struct Reader {
    folder: Arc<Folder>,
    file: Arc<File>,
    left: Range<u64>,
}

impl Reader {
    /// Opens the object under `key` at the start of `range`. Blocking.
    pub(super) fn open(folder: Arc<Folder>, key: &Key, range: Option<Range<u64>>) -> Result<Self> {
        let file = File::open(folder.object(key)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => Error::not_found(format!("blob `{key}`")).caused_by(error),
            _ => folder.io_error(error),
        })?;
        let size = file.metadata().map_err(|error| folder.io_error(error))?.len();
        let range = range.unwrap_or(0..size);
        if range.start > range.end || range.end > size {
            let (start, end) = (range.start, range.end);
            return Err(Error::invalid("range", format!("range `{start}..{end}` is not within the `{size}` bytes")));
        }
        Ok(Self { folder, file: Arc::new(file), left: range })
    }

    /// The rest of the file.
    pub(super) fn into_chunks(self) -> Chunks {
        stream::try_unfold(self, |mut reader| async move {
            let chunk = match reader.read_cached() {
                _ if reader.left.is_empty() => return Ok(None),
                Some(chunk) => chunk,
                None => reader.read_from_disk().await?,
            };
            reader.left.start += chunk.len() as u64;
            Ok(Some((chunk, reader)))
        })
        .boxed()
    }

    /// The next bytes as far as they are in the page cache; `None` where reading them could block.
    fn read_cached(&self) -> Option<Bytes> {
        let mut chunk = vec![0; self.length(CACHED_CHUNK)];
        let read = preadv2(&*self.file, &mut [IoSliceMut::new(&mut chunk)], self.left.start, ReadWriteFlags::NOWAIT);
        // An error is met again, and reported, by the read that may block.
        let read = read.ok().filter(|read| *read > 0)?;
        chunk.truncate(read);
        Some(chunk.into())
    }

    async fn read_from_disk(&self) -> Result<Bytes> {
        let (folder, file, start) = (Arc::clone(&self.folder), Arc::clone(&self.file), self.left.start);
        let mut chunk = vec![0; self.length(DISK_CHUNK)];
        let read = move || {
            file.read_exact_at(&mut chunk, start).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => {
                    Error::internal(format!("a file in {folder} has shrunk while it was read"))
                }
                _ => folder.io_error(error),
            })?;
            Ok(Bytes::from(chunk))
        };
        spawn_blocking(read).await.map_err(lost)?
    }

    fn length(&self, most: usize) -> usize {
        usize::try_from(self.left.end - self.left.start).map_or(most, |left| left.min(most))
    }
}

//! Digests of stored objects.

use futures_util::TryStreamExt as _;
use sha2::Digest as _;

use crate::blobs::{Blobs, Chunks, Key};
use crate::domain::{Error, Result, Sha256};

/// How many bytes are hashed at once.
const HASH_BLOCK_BYTES: usize = 1 << 20;

/// How many bytes the object under `key` has, and their digest.
pub(crate) async fn digest_of(blobs: &Blobs, key: &Key) -> Result<(u64, Sha256)> {
    let (mut chunks, mut digest) = (blobs.get(key, None).await?, Digesting::default());
    while digest.take(&mut chunks).await? {}
    Ok(digest.end())
}

/// The digest of an object that is being read.
#[derive(Default)]
pub(crate) struct Digesting {
    digest: sha2::Sha256,
    size: u64,
    ended: bool,
}

impl Digesting {
    /// How many bytes were read.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Reads and hashes the next chunk. `false` at the end.
    pub(crate) async fn take(&mut self, chunks: &mut Chunks) -> Result<bool> {
        let (mut piece, mut size) = (Vec::new(), 0);
        while size < HASH_BLOCK_BYTES && !self.ended {
            match chunks.try_next().await? {
                Some(chunk) => {
                    size += chunk.len();
                    piece.push(chunk);
                }
                None => self.ended = true,
            }
        }
        self.size = self.size.saturating_add(size as u64);
        let mut digest = std::mem::take(&mut self.digest);
        let hashed = tokio::task::spawn_blocking(move || {
            piece.iter().for_each(|bytes| digest.update(bytes));
            digest
        });
        self.digest = hashed.await.map_err(|error| Error::internal("a digest was not computed").caused_by(error))?;
        Ok(!self.ended)
    }

    /// How many bytes were read, and their digest.
    pub(crate) fn end(self) -> (u64, Sha256) {
        (self.size, Sha256::from_bytes(self.digest.finalize().into()))
    }
}

//! Resumable uploads: the state between two requests, and one interface to both stores.

use bytes::Bytes;
use sha2::digest::common::hazmat::SerializableState as _;

use super::local::LocalAppend;
use super::s3::S3Append;
use super::{Blobs, Key};
use modelport_domain::{Error, Result, Sha256};
use modelport_memory::Share;

/// The progress of a resumable upload. The caller stores it and passes it in to continue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadProgress {
    /// How many bytes the whole will have.
    pub length: u64,
    /// How many bytes `digest` covers. In a bucket this is how many there are; a local file may have more.
    pub position: u64,
    /// The state of the SHA-256 after `position` bytes.
    pub digest: Vec<u8>,
    /// How many bytes are in parts of the multipart upload.
    pub sent: u64,
    /// In how many parts.
    pub parts: u64,
    /// The id of the multipart upload, once there is one.
    pub multipart: Option<String>,
}

impl UploadProgress {
    /// Of an object of `length` bytes of which there is none yet.
    pub fn start(length: u64) -> Self {
        Self { length, position: 0, digest: save(&sha2::Sha256::default()), sent: 0, parts: 0, multipart: None }
    }

    /// The digest of all bytes. Internal when they are not all there.
    pub fn sha256(&self) -> Result<Sha256> {
        use sha2::Digest as _;
        if self.position != self.length {
            return Err(Error::internal("the digest of an unfinished upload was asked for"));
        }
        Ok(Sha256::from_bytes(restore(&self.digest)?.finalize().into()))
    }

    /// The number of bytes after the last full part, which the caller stores.
    pub fn tail(&self) -> u64 {
        self.position.saturating_sub(self.sent)
    }
}

/// A part that the bucket has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentPart {
    /// Its number, from 1.
    pub number: u64,
    /// Its ETag.
    pub tag: String,
    /// Its CRC-32, in base64.
    pub checksum: String,
}

/// What is durable; it must be recorded before a client is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The progress of the object.
    pub progress: UploadProgress,
    /// The parts that came since the last checkpoint; they hold every tail recorded before.
    pub parts: Vec<SentPart>,
    /// The bytes before `position` that are neither in a part nor in a tail recorded before.
    pub tail: Vec<Bytes>,
}

/// The bytes after the last full part, and their share of the memory, taken with [`Blobs::share`] before they are fetched.
pub struct Tail {
    /// The bytes, in order.
    pub bytes: Vec<Bytes>,
    /// Their memory.
    pub share: Share,
}

/// An object that is being appended to, by one writer at a time.
pub enum Append {
    /// A local file.
    Local(Box<LocalAppend>),
    /// A multipart upload.
    S3(Box<S3Append>),
}

impl Append {
    /// The memory of bytes that were passed in and are not written yet. It must grow before more are passed in.
    pub fn share(&mut self) -> &mut Share {
        match self {
            Self::Local(append) => append.share(),
            Self::S3(append) => append.share(),
        }
    }

    /// Takes the next bytes. Returns a checkpoint where one is due.
    pub async fn write(&mut self, bytes: Bytes) -> Result<Option<Checkpoint>> {
        match self {
            Self::Local(append) => append.write(bytes).await,
            Self::S3(append) => append.write(bytes).await,
        }
    }

    /// Makes all bytes that were passed in durable.
    pub async fn flush(&mut self) -> Result<Checkpoint> {
        match self {
            Self::Local(append) => append.flush().await,
            Self::S3(append) => append.flush().await,
        }
    }

    /// Discards everything after the first `size` bytes, which is not recorded yet.
    pub async fn discard(self, size: u64) -> Result<()> {
        match self {
            Self::Local(append) => append.discard(size).await,
            Self::S3(append) => append.discard().await,
        }
    }
}

impl Blobs {
    /// Memory for bytes of an upload, of none yet.
    pub fn share(&self) -> Share {
        match self {
            Self::Local(blobs) => blobs.memory().file(),
            Self::S3(blobs) => blobs.memory().file(),
        }
    }

    /// How many bytes of the object under `key` are there, where the store knows better than the recorded progress.
    ///
    /// What it says is durable. `None` where the progress says it.
    pub async fn appended(&self, key: &Key) -> Result<Option<u64>> {
        match self {
            Self::Local(blobs) => blobs.appended(key).await.map(Some),
            Self::S3(_) => Ok(None),
        }
    }

    /// Continues the object under `key` after its first `offset` bytes; what a file has beyond them is cut off.
    ///
    /// - `tail` are the bytes between `sent` and `position`. Without them no part can be sent: for requests that are too
    ///   short to fill one.
    /// - An object with another writer on this machine is `Conflict`.
    /// - Memory does not grow with the object.
    pub async fn append(&self, key: &Key, progress: UploadProgress, offset: u64, tail: Option<Tail>) -> Result<Append> {
        match self {
            Self::Local(blobs) => {
                blobs.append(key, progress, offset).await.map(|append| Append::Local(Box::new(append)))
            }
            Self::S3(blobs) => blobs.append(key, progress, tail).map(|append| Append::S3(Box::new(append))),
        }
    }

    /// Whether a request that brings `bytes` may have to send a part, and so needs the tail.
    pub fn needs_tail(&self, progress: &UploadProgress, bytes: Option<u64>) -> bool {
        match self {
            Self::Local(_) => false,
            Self::S3(blobs) => blobs.needs_tail(progress, bytes),
        }
    }

    /// Sends what is left as the last part; to be recorded before [`Blobs::assemble`]. `None` where no part is needed.
    pub async fn seal(&self, key: &Key, progress: &UploadProgress, tail: Tail) -> Result<Option<Checkpoint>> {
        match self {
            Self::Local(_) => Ok(None),
            Self::S3(blobs) => blobs.seal(key, progress, tail).await,
        }
    }

    /// Makes the object visible, whole and durable. Can be called again after a crash.
    pub async fn assemble(&self, key: &Key, progress: &UploadProgress, parts: Vec<SentPart>) -> Result<()> {
        match self {
            Self::Local(blobs) => blobs.assemble(key, progress.length).await,
            Self::S3(blobs) => blobs.assemble(key, progress, parts).await,
        }
    }
}

/// The state of a digest as bytes, which every release 0.11 of its crate can read.
pub(super) fn save(digest: &sha2::Sha256) -> Vec<u8> {
    digest.serialize().to_vec()
}

/// The digest of a saved state.
pub(super) fn restore(state: &[u8]) -> Result<sha2::Sha256> {
    let invalid_state = || Error::internal("the saved state of a digest cannot be read");
    let state = state.try_into().map_err(|_| invalid_state())?;
    sha2::Sha256::deserialize(&state).map_err(|error| invalid_state().caused_by(error))
}

#[cfg(test)]
mod tests {
    use sha2::Digest as _;

    use super::*;

    #[test]
    fn a_saved_digest_continues_where_it_was() {
        for size in [0, 1, 63, 64, 65, 1000] {
            let mut first = sha2::Sha256::default();
            first.update(vec![7; size]);
            let mut second = restore(&save(&first)).unwrap();
            second.update(b"more");
            first.update(b"more");
            assert_eq!(first.finalize(), second.finalize());
        }
        assert!(restore(b"short").is_err());
    }
}

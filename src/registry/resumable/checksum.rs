//! The checksums that a request may carry for its own bytes.

use bytes::Bytes;
use sha2::Digest as _;

use crate::domain::{Error, ErrorKind, Result};

/// The names of the algorithms, as the protocol lists them.
pub const ALGORITHMS: &str = "sha1,sha256,md5";

/// A checksum that is computed, and what it should be.
#[derive(Debug, Clone)]
pub struct Checksum {
    hash: Hash,
    expected: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Hash {
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Md5(md5::Md5),
}

impl Checksum {
    /// The checksum of that algorithm that should come to `expected`. `None` when there is no such algorithm.
    pub fn new(algorithm: &str, expected: Vec<u8>) -> Option<Self> {
        let hash = match algorithm {
            "sha1" => Hash::Sha1(sha1::Sha1::default()),
            "sha256" => Hash::Sha256(sha2::Sha256::default()),
            "md5" => Hash::Md5(md5::Md5::default()),
            _ => return None,
        };
        Some(Self { hash, expected })
    }

    /// Takes the next bytes in, off the async thread.
    pub(super) async fn update(self, bytes: Bytes) -> Result<Self> {
        let updated = tokio::task::spawn_blocking(move || {
            let mut sum = self;
            match &mut sum.hash {
                Hash::Sha1(hash) => hash.update(&bytes),
                Hash::Sha256(hash) => hash.update(&bytes),
                Hash::Md5(hash) => hash.update(&bytes),
            }
            sum
        });
        updated.await.map_err(|error| Error::unavailable("the server is stopping").caused_by(error))
    }

    /// FailedPrecondition on the header's field when the bytes are others.
    pub(super) fn check(self) -> Result<()> {
        let found = match self.hash {
            Hash::Sha1(hash) => hash.finalize().to_vec(),
            Hash::Sha256(hash) => hash.finalize().to_vec(),
            Hash::Md5(hash) => hash.finalize().to_vec(),
        };
        if found == self.expected {
            return Ok(());
        }
        let message = "the bytes of this request have another checksum than it says; they were thrown away";
        Err(Error::new(ErrorKind::FailedPrecondition, message).on_field(super::CHECKSUM))
    }
}

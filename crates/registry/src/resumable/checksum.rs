//! The checksums that a request may carry for its own bytes.

use bytes::Bytes;
use sha2::Digest as _;

use crate::domain::{Error, ErrorKind, Result, Sha256};

/// The names of the algorithms, as the protocol lists them.
pub const ALGORITHMS: &str = "sha1,sha256,md5";

/// What the bytes of a request should come to, by each checksum that it carries.
#[derive(Debug, Clone, Default)]
pub struct Checksums(Vec<Checksum>);

/// A checksum that is computed, what it should be, and the header that says so.
#[derive(Debug, Clone)]
struct Checksum {
    hash: Hash,
    expected: Vec<u8>,
    field: &'static str,
    /// The kind of error when the bytes are others.
    mismatch: ErrorKind,
}

#[derive(Debug, Clone)]
enum Hash {
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
    Sha512(sha2::Sha512),
    Md5(md5::Md5),
}

impl Checksums {
    /// The protocol's own checksum, of that algorithm. `None` when there is no such algorithm.
    pub fn add(&mut self, algorithm: &str, expected: Vec<u8>) -> Option<()> {
        let hash = match algorithm {
            "sha1" => Hash::Sha1(sha1::Sha1::default()),
            "sha256" => Hash::Sha256(sha2::Sha256::default()),
            "md5" => Hash::Md5(md5::Md5::default()),
            _ => return None,
        };
        let (field, mismatch) = (super::CHECKSUM, ErrorKind::ChecksumMismatch);
        self.0.push(Checksum { hash, expected, field, mismatch });
        Some(())
    }

    /// A SHA-256 that another header announces.
    pub fn add_sha256(&mut self, expected: Sha256, field: &'static str) {
        let (hash, mismatch) = (Hash::Sha256(sha2::Sha256::default()), ErrorKind::DigestMismatch);
        self.0.push(Checksum { hash, expected: expected.as_bytes().to_vec(), field, mismatch });
    }

    /// A SHA-512 that another header announces.
    pub fn add_sha512(&mut self, expected: Vec<u8>, field: &'static str) {
        let (hash, mismatch) = (Hash::Sha512(sha2::Sha512::default()), ErrorKind::DigestMismatch);
        self.0.push(Checksum { hash, expected, field, mismatch });
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Takes the next bytes in, off the async thread.
    pub(super) async fn update(self, bytes: Bytes) -> Result<Self> {
        let updated = tokio::task::spawn_blocking(move || {
            let mut sums = self;
            for sum in &mut sums.0 {
                match &mut sum.hash {
                    Hash::Sha1(hash) => hash.update(&bytes),
                    Hash::Sha256(hash) => hash.update(&bytes),
                    Hash::Sha512(hash) => hash.update(&bytes),
                    Hash::Md5(hash) => hash.update(&bytes),
                }
            }
            sums
        });
        updated.await.map_err(|error| Error::unavailable("the server is stopping").caused_by(error))
    }

    /// Errors: when the bytes are others ChecksumMismatch by the protocol's header, DigestMismatch by another one.
    pub(super) fn check(self) -> Result<()> {
        self.0.into_iter().try_for_each(Checksum::check)
    }

    /// The same but for the protocol's own, which says nothing of a request that brings no bytes.
    pub fn check_digests(mut self) -> Result<()> {
        self.0.retain(|sum| sum.mismatch == ErrorKind::DigestMismatch);
        self.check()
    }
}

impl Checksum {
    fn check(self) -> Result<()> {
        let found = match self.hash {
            Hash::Sha1(hash) => hash.finalize().to_vec(),
            Hash::Sha256(hash) => hash.finalize().to_vec(),
            Hash::Sha512(hash) => hash.finalize().to_vec(),
            Hash::Md5(hash) => hash.finalize().to_vec(),
        };
        if found == self.expected {
            return Ok(());
        }
        let field = self.field;
        let message = format!("the bytes of this request do not match the checksum in `{field}`; they were discarded");
        Err(Error::new(self.mismatch, message).on_field(field))
    }
}

//! Objects that a client sends to the bucket itself, by links that the server signs.

use std::time::Duration;

use super::{Blobs, Key};
use modelport_domain::{Error, Result, Sha256};

/// An object that a client sends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Direct {
    /// How many bytes it will have.
    pub length: u64,
    /// Their digest.
    pub sha256: Sha256,
    /// How many bytes each part has; the last may have fewer.
    pub part: u64,
    /// The id of the multipart upload; none where the whole is sent at once.
    pub multipart: Option<String>,
}

impl Direct {
    /// How many parts there are.
    pub fn parts(&self) -> u64 {
        self.length.div_ceil(self.part.max(1)).max(1)
    }

    /// The size of part `number`, counted from 1.
    pub fn size_of(&self, number: u64) -> u64 {
        self.length.saturating_sub(number.saturating_sub(1).saturating_mul(self.part)).min(self.part)
    }
}

/// A request that sends one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// The URL, for PUT.
    pub url: String,
    /// The headers that the request must have.
    pub headers: Vec<(String, String)>,
}

/// The outcome of a direct upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CompletedUpload {
    /// Whether the bucket has compared the bytes with the digest.
    pub compared: bool,
}

impl Blobs {
    /// Begins an object of `length` bytes that a client sends: as a whole where S3 can take and check that, in parts of about
    /// `part` bytes where it is larger than one.
    ///
    /// InvalidState where the store is not one that clients can reach; TooLarge where it takes no such object.
    pub async fn begin_direct(&self, key: &Key, length: u64, sha256: Sha256, part: u64) -> Result<Direct> {
        match self {
            Self::Local(_) => Err(unreachable()),
            Self::S3(blobs) => blobs.begin_direct(key, length, sha256, part).await,
        }
    }

    /// The request that sends part `number`, counted from 1, for as long as `valid` says. Sends nothing to the store.
    pub async fn direct_link(&self, key: &Key, direct: &Direct, number: u64, valid: Duration) -> Result<Link> {
        match self {
            Self::Local(_) => Err(unreachable()),
            Self::S3(blobs) => blobs.direct_link(key, direct, number, valid).await,
        }
    }

    /// Makes the object visible, whole and durable, once all of it has arrived. Can be called again.
    ///
    /// Incomplete when a part is missing or has another size.
    pub async fn complete_direct(&self, key: &Key, direct: &Direct) -> Result<CompletedUpload> {
        match self {
            Self::Local(_) => Err(unreachable()),
            Self::S3(blobs) => blobs.complete_direct(key, direct).await,
        }
    }
}

fn unreachable() -> Error {
    Error::invalid_state("the object store does not support direct uploads")
}

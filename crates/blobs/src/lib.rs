//! The object store: one interface to local files and S3. Knows nothing of names, nodes or databases.

mod batched_body;
mod direct;
mod key;
pub mod local;
mod location;
mod resumable;
pub mod s3;
mod serial_task;

use std::fmt;
use std::ops::Range;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::BoxStream;

use modelport_domain::{Error, Result, Sha256};
use modelport_memory::Memory;

pub use batched_body::BodySize;
pub use direct::{CompletedUpload, Direct, Link};
pub use key::Key;
pub use local::LocalBlobs;
pub use location::{Location, S3Location};
pub use resumable::{Append, Checkpoint, SentPart, Tail, UploadProgress};
pub use s3::{ForeignBucket, ForeignObject, S3Blobs};

/// The location of the store, and how it is prepared.
#[derive(Debug, Clone)]
pub struct BlobsConfig {
    /// The folder or the bucket.
    pub location: Location,
    /// Creates the bucket when it is missing. A folder is always created.
    pub create_bucket: bool,
}

/// The name of the file or object with the store's id, beside the folder or prefix of the blobs.
pub const ID_NAME: &str = "store-id";

/// The maximum length of a store's id, in bytes.
const MAX_ID_BYTES: u64 = 256;

/// The content of an object: chunks of at most 1 MiB, in order.
///
/// A stream that ends without an error was complete; after an error nothing more follows.
pub type Chunks = BoxStream<'static, Result<Bytes>>;

/// What [`Blobs::put`] stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stored {
    /// The number of bytes.
    pub size: u64,
    /// The digest of the bytes.
    pub sha256: Sha256,
}

/// The response headers of a [`Blobs::link`].
#[derive(Debug, Clone, Copy)]
pub struct LinkHeaders<'a> {
    /// The answer's `Content-Type`.
    pub media_type: &'a str,
    /// The answer's `Content-Disposition`.
    pub disposition: &'a str,
}

/// One object, or one unfinished upload, as [`Blobs::list`] finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key of the object, or the key that the upload was for.
    pub key: Key,
    /// The number of bytes; for an unfinished upload those that have arrived.
    pub size: u64,
    /// When the bytes were last written, by the store's clock.
    pub modified: SystemTime,
    /// Whether this is what an upload left behind, which [`Blobs::discard`] removes.
    pub partial: bool,
}

/// One page of [`Blobs::list`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ObjectPage {
    /// The entries, in the order of their keys.
    pub entries: Vec<Entry>,
    /// Where the next page starts; `None` on the last page.
    pub next: Option<Key>,
}

/// A store of immutable objects under [`Key`]s. Cloning shares the store.
///
/// What holds for every operation: a store that cannot be reached, is overloaded, full or not permitted to be written is
/// an `Unavailable` error with the cause kept, and is reported within a bounded time. No message carries credentials.
#[derive(Debug, Clone)]
pub enum Blobs {
    /// Files below one folder.
    Local(LocalBlobs),
    /// Objects in one S3 bucket.
    S3(S3Blobs),
}

/// The credentials of a bucket. No `Debug`, because they are secret.
#[derive(Clone)]
pub struct AccessKeys {
    /// The id of the key.
    pub id: String,
    /// The key.
    pub secret: String,
}

impl Blobs {
    /// Opens the store and makes sure that it can be used.
    ///
    /// A missing folder is created; a missing bucket is created when the configuration says so, also when several
    /// processes do so at once. A store that cannot be used is `Unavailable`, and the message says which store and why.
    pub async fn open(config: &BlobsConfig) -> Result<Self> {
        Self::open_with(config, None).await
    }

    /// Opens a store as [`Blobs::open`] does, with these keys for a bucket instead of those that AWS's variables hold.
    pub async fn open_with(config: &BlobsConfig, keys: Option<&AccessKeys>) -> Result<Self> {
        match &config.location {
            Location::Local(folder) => LocalBlobs::open(folder).await.map(Self::Local),
            Location::S3(location) => S3Blobs::open(location, config.create_bucket, keys).await.map(Self::S3),
        }
    }

    /// The same store; its uploads share that memory.
    #[must_use]
    pub fn within(self, memory: Memory) -> Self {
        match self {
            Self::Local(blobs) => Self::Local(blobs.within(memory)),
            Self::S3(blobs) => Self::S3(blobs.within(memory)),
        }
    }

    /// Streams `body` into a new object under `key`, and returns its size and digest.
    ///
    /// - The object becomes visible whole, and is durable, when this returns; before that nothing is visible under `key`.
    /// - A body that is shorter or longer than [`BodySize::exact`] is `InvalidBody`; one that is larger than
    ///   [`BodySize::at_most`] is `TooLarge`, as soon as the excess has arrived.
    /// - An error of the body is returned unchanged.
    /// - On an error, or when the future is dropped, nothing stays visible, and what was stored so far is removed as far as
    ///   the store can be reached, a dropped upload in the background; what cannot be removed is left for
    ///   [`Blobs::discard`].
    /// - An object that was there before is replaced at once; when the replacement fails it may be gone. A key is meant for
    ///   one upload, so two uploads under one key at once may be refused with `Conflict`.
    /// - Memory is taken as bytes arrive. Where all uploads together have what they may have, it waits, and is `Unavailable` after a
    ///   minute. A client that holds memory and sends little or nothing while others wait is `InvalidBody`.
    /// - Memory does not grow with the body while it stays below 16 GiB, or below 70 GiB where its length is known;
    ///   beyond that S3's limit of 10,000 parts asks for larger parts.
    pub async fn put<B, E>(&self, key: &Key, size: BodySize, body: B) -> Result<Stored>
    where
        B: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Error>,
    {
        match self {
            Self::Local(blobs) => blobs.put(key, size, body).await,
            Self::S3(blobs) => blobs.put(key, size, body).await,
        }
    }

    /// The bytes of the object under `key`, or those of the half-open `range` of it.
    ///
    /// - A missing object is `NotFound`, before the stream starts.
    /// - A range that ends past the end of the object is `InvalidArgument`, before the stream starts; an empty one returns an
    ///   empty stream.
    /// - An object that is deleted while it is read is either read to its end, or its stream ends with an error.
    pub async fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Chunks> {
        match self {
            Self::Local(blobs) => blobs.get(key, range).await,
            Self::S3(blobs) => blobs.get(key, range).await,
        }
    }

    /// Whether the store is one that clients can reach, so that [`Blobs::link`] gives links.
    pub fn has_links(&self) -> bool {
        match self {
            Self::Local(_) => false,
            Self::S3(_) => true,
        }
    }

    /// A presigned URL of the object under `key`, valid for `valid`.
    ///
    /// - `None` where the store is not one that clients can reach.
    /// - Sends nothing to the store: a link to a missing object is no error.
    pub async fn link(&self, key: &Key, valid: Duration, headers: LinkHeaders<'_>) -> Result<Option<String>> {
        match self {
            Self::Local(_) => Ok(None),
            Self::S3(blobs) => blobs.link(key, valid, headers).await.map(Some),
        }
    }

    /// How many bytes the object under `key` has. A missing object is `NotFound`.
    pub async fn size(&self, key: &Key) -> Result<u64> {
        match self {
            Self::Local(blobs) => blobs.size(key).await,
            Self::S3(blobs) => blobs.size(key).await,
        }
    }

    /// The id of the store; `None` if it has none. Answers within a few seconds.
    pub async fn id(&self) -> Result<Option<String>> {
        match self {
            Self::Local(blobs) => blobs.id().await,
            Self::S3(blobs) => blobs.id().await,
        }
    }

    /// Writes an id to the store unless it has one, and returns the id of the store. Of several processes that do so at
    /// once, all get the same one where the store has conditional writes.
    pub async fn set_id(&self, id: &str) -> Result<String> {
        match self {
            Self::Local(blobs) => blobs.set_id(id).await,
            Self::S3(blobs) => blobs.set_id(id).await,
        }?;
        self.id().await?.ok_or_else(|| Error::unavailable(format!("{self} does not keep its id")))
    }

    /// Deletes the object under `key`, durably. A missing object is no error.
    pub async fn delete(&self, key: &Key) -> Result<()> {
        match self {
            Self::Local(blobs) => blobs.delete(key).await,
            Self::S3(blobs) => blobs.delete(key).await,
        }
    }

    /// Deletes the object under `key` and whatever an unfinished upload under `key` left behind.
    ///
    /// Nothing to remove is no error. Not for a key whose upload is still under way: that upload then fails.
    pub async fn discard(&self, key: &Key) -> Result<()> {
        match self {
            Self::Local(blobs) => blobs.discard(key).await,
            Self::S3(blobs) => blobs.discard(key).await,
        }
    }

    /// The objects whose keys follow `after`, in the order of their keys, about `limit` of them.
    ///
    /// - A page is never empty while there is a next one, and ends where [`ObjectPage::next`] says.
    /// - A local store also lists unfinished uploads. An S3 store does not, because MinIO cannot list them: a caller has to
    ///   know the keys it started to upload under.
    /// - Whatever in the folder or bucket is not under a valid [`Key`] is skipped.
    /// - An object that is stored or deleted meanwhile may or may not be listed.
    pub async fn list(&self, after: Option<&Key>, limit: usize) -> Result<ObjectPage> {
        match self {
            Self::Local(blobs) => blobs.list(after, limit).await,
            Self::S3(blobs) => blobs.list(after, limit).await,
        }
    }

    /// Checks that the store can be used, within a few seconds.
    ///
    /// A store that cannot be used is `Unavailable`, and the message says which store and why.
    pub async fn check(&self) -> Result<()> {
        match self {
            Self::Local(blobs) => blobs.check().await,
            Self::S3(blobs) => blobs.check().await,
        }
    }
}

/// Names the store for a log line or an error; never with credentials.
impl fmt::Display for Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Local(blobs) => blobs.fmt(f),
            Self::S3(blobs) => blobs.fmt(f),
        }
    }
}

//! Bytes as objects in one S3 bucket. The only place that knows AWS; keeps nothing on disk.

mod append;
mod body;
mod bucket;
mod client;
mod direct;
mod error;
mod foreign;
mod http;
mod id;
mod part;
mod put;
mod read;
mod sizes;
mod upload;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_sdk_s3::Client;
use aws_sdk_s3::presigning::PresigningConfig;
use aws_sdk_s3::types::Object;

pub use self::append::S3Append;
use self::error::S3Error;
pub use self::foreign::{ForeignBucket, ForeignObject};
use super::{AccessKeys, Chunks, Entry, Key, LinkHeaders, ObjectPage, S3Location};
use modelport_domain::{Error, Result};
use modelport_memory::Memory;

/// The maximum number of keys that S3 lists at once.
const PAGE: usize = 1000;

/// A store in one bucket, below the prefix of its location: the object of a key is the key below that prefix.
#[derive(Debug, Clone)]
pub struct S3Blobs(Arc<Bucket>);

/// The bucket and the way to it.
#[derive(Debug)]
struct Bucket {
    client: Client,
    location: S3Location,
    /// What all uploads together may have of memory.
    memory: Memory,
}

impl S3Blobs {
    /// Opens the store in the bucket of `location`, which is created when it is missing and `create` says so.
    pub async fn open(location: &S3Location, create: bool, keys: Option<&AccessKeys>) -> Result<Self> {
        let bucket = Bucket::connect(location, keys).await?;
        bucket.prepare(create).await?;
        Ok(Self(Arc::new(bucket)))
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.0.memory
    }

    pub(super) fn within(self, memory: Memory) -> Self {
        let Bucket { client, location, .. } = &*self.0;
        Self(Arc::new(Bucket { client: client.clone(), location: location.clone(), memory }))
    }

    pub(super) async fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Chunks> {
        read::chunks(Arc::clone(&self.0), key, range).await
    }

    pub(super) async fn link(&self, key: &Key, valid: Duration, headers: LinkHeaders<'_>) -> Result<String> {
        let bucket = &self.0;
        let unsigned = |error| Error::internal(format!("{self} cannot be linked to")).caused_by(error);
        let valid = PresigningConfig::expires_in(valid).map_err(|error| unsigned(error.to_string()))?;
        let request = bucket.client.get_object().bucket(bucket.name()).key(bucket.object(key));
        let request =
            request.response_content_type(headers.media_type).response_content_disposition(headers.disposition);
        let signed = request.presigned(valid).await.map_err(|error| bucket.bucket_error(error))?;
        Ok(signed.uri().to_owned())
    }

    pub(super) async fn size(&self, key: &Key) -> Result<u64> {
        self.0.size(key).await
    }

    pub(super) async fn id(&self) -> Result<Option<String>> {
        self.0.id().await
    }

    pub(super) async fn set_id(&self, id: &str) -> Result<()> {
        self.0.set_id(id).await
    }

    pub(super) async fn delete(&self, key: &Key) -> Result<()> {
        self.0.delete(key).await
    }

    pub(super) async fn discard(&self, key: &Key) -> Result<()> {
        self.0.abort_uploads(key).await?;
        self.0.delete(key).await
    }

    pub(super) async fn list(&self, after: Option<&Key>, limit: usize) -> Result<ObjectPage> {
        let bucket = &self.0;
        let limit = limit.clamp(1, PAGE);
        let mut entries: Vec<Entry> = Vec::new();
        let mut start = after.map(|key| bucket.object(key));
        loop {
            let request = bucket.client.list_objects_v2().bucket(bucket.name()).prefix(bucket.root());
            let wanted = i32::try_from(limit - entries.len()).unwrap_or(i32::MAX);
            let listed = request.max_keys(wanted).set_start_after(start.take()).send().await;
            let listed = listed.map_err(|error| bucket.bucket_error(error))?;
            entries.extend(listed.contents().iter().filter_map(|object| bucket.entry(object)));
            let more = listed.is_truncated() == Some(true);
            start = listed.contents().last().and_then(Object::key).map(str::to_owned).filter(|_| more);
            if start.is_none() || entries.len() == limit {
                let next = entries.last().map(|entry| entry.key.clone()).filter(|_| start.is_some());
                return Ok(ObjectPage { entries, next });
            }
        }
    }

    pub(super) async fn check(&self) -> Result<()> {
        self.0.check().await
    }
}

impl Bucket {
    async fn connect(location: &S3Location, keys: Option<&AccessKeys>) -> Result<Self> {
        let client = client::connect(location, keys).await?;
        Ok(Self { client, location: location.clone(), memory: Memory::default() })
    }

    fn name(&self) -> &str {
        &self.location.bucket
    }

    /// The name of the object under `key`.
    fn object(&self, key: &Key) -> String {
        self.below_prefix(key.as_str())
    }

    /// What the names of all objects start with.
    fn root(&self) -> String {
        self.below_prefix(&format!("{}/", Key::ROOT))
    }

    fn below_prefix(&self, name: &str) -> String {
        match self.location.prefix.as_str() {
            "" => name.to_owned(),
            prefix => format!("{prefix}/{name}"),
        }
    }

    fn entry(&self, object: &Object) -> Option<Entry> {
        let name = object.key()?;
        let name = match self.location.prefix.as_str() {
            "" => name,
            prefix => name.strip_prefix(prefix)?.strip_prefix('/')?,
        };
        Some(Entry {
            key: name.parse().ok()?,
            size: u64::try_from(object.size()?).ok()?,
            modified: SystemTime::try_from(*object.last_modified()?).ok()?,
            partial: false,
        })
    }

    /// The size of the object under `key`.
    async fn size(&self, key: &Key) -> Result<u64> {
        let request = self.client.head_object().bucket(self.name()).key(self.object(key));
        let called = format!("blob `{key}`");
        let head = request.send().await.map_err(|error| self.object_error(&called, S3Error::of(&error), error))?;
        head.content_length()
            .and_then(|size| u64::try_from(size).ok())
            .ok_or_else(|| Error::internal(format!("{self} does not say how large blob `{key}` is")))
    }

    async fn delete(&self, key: &Key) -> Result<()> {
        let request = self.client.delete_object().bucket(self.name()).key(self.object(key));
        request.send().await.map(|_| ()).map_err(|error| self.bucket_error(error))
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bucket `{}` at `{}`", self.location.bucket, self.location.server())
    }
}

impl fmt::Display for S3Blobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

//! The requests that carry an object's bytes: as a whole, or part by part.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::types::{ChecksumAlgorithm, CompletedMultipartUpload, CompletedPart};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::Bucket;
use super::body::replayable;
use super::client::{carrying, patient};
use super::error::S3Error;
use crate::Key;
use crate::batched_body::BATCH;
use modelport_domain::{Error, Result};
use modelport_memory::{Memory, Share};

/// Putting thousands of parts together takes its time on the server.
const COMPLETE_TIMEOUT: Duration = Duration::from_secs(300);

/// How much room a part begins with. It doubles each time, up to a batch, so that a client which sends little takes little.
const FIRST: u64 = 64 << 10;

/// A run of bytes that is sent by one request.
pub(super) struct Part {
    pub(super) size: u64,
    pub(super) last: bool,
    /// What gives the next part of its upload its turn when this one has been sent.
    pub(super) ahead: Option<OwnedSemaphorePermit>,
    /// The memory that it takes, until it has been sent.
    pub(super) share: Share,
    batches: Vec<Bytes>,
    crc32: u32,
}

impl Part {
    /// A part without bytes, and without memory.
    pub(super) fn empty(memory: &Memory) -> Self {
        Self::of(memory.file())
    }

    /// A part that takes no memory but that, of none of the bytes yet.
    pub(super) fn of(share: Share) -> Self {
        Self { size: 0, last: false, ahead: None, share, batches: Vec::new(), crc32: 0 }
    }

    /// A part that lacks its first `size` bytes, and so cannot be sent.
    pub(super) fn without_beginning(memory: &Memory, size: u64) -> Self {
        Self { size, ..Self::empty(memory) }
    }

    /// Takes memory for the next bytes of a part that has at most `most` bytes. Returns for how many there is room then.
    pub(super) async fn make_room(&mut self, most: u64) -> Result<usize> {
        let room = self.size.clamp(FIRST, BATCH as u64).min(most.saturating_sub(self.size)).max(1);
        self.share.grow(room).await?;
        Ok(usize::try_from(room).unwrap_or(BATCH))
    }

    pub(super) fn push(&mut self, batch: Bytes) {
        self.size += batch.len() as u64;
        self.batches.push(batch);
    }

    /// Fixes the checksum, and whether this is the last part.
    pub(super) fn end(&mut self, crc32: u32, last: bool) {
        self.crc32 = crc32;
        self.last = last;
    }

    fn checksum(&self) -> String {
        BASE64.encode(self.crc32.to_be_bytes())
    }
}

/// The bytes are not signed: the signature would be a second SHA-256 over all of them, and the checksum protects them.
impl Bucket {
    /// Stores `part` as the whole object under `key`.
    pub(super) async fn put_object(&self, key: &Key, part: Part) -> Result<()> {
        let request = self
            .client
            .put_object()
            .bucket(self.name())
            .key(self.object(key))
            .checksum_crc32(part.checksum())
            .body(replayable(part.batches));
        let request = request.customize().disable_payload_signing().config_override(carrying(part.size));
        request.send().await.map(|_| ()).map_err(|error| self.bucket_error(error))
    }

    /// Starts a multipart upload to the object under `key`, and returns its id.
    pub(super) async fn create_upload(&self, key: &Key) -> Result<String> {
        let request = self.client.create_multipart_upload().bucket(self.name()).key(self.object(key));
        let created = request.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await;
        created
            .map_err(|error| self.bucket_error(error))?
            .upload_id
            .ok_or_else(|| Error::internal(format!("{self} started an upload without an id")))
    }

    /// Sends `part` as part `number`, counted from 1, of the multipart upload `id`.
    pub(super) async fn upload_part(
        self: Arc<Self>,
        key: Key,
        id: String,
        number: usize,
        part: Part,
    ) -> Result<CompletedPart> {
        let number = i32::try_from(number).map_err(|error| Error::internal("too many parts").caused_by(error))?;
        let checksum = part.checksum();
        let request = self
            .client
            .upload_part()
            .bucket(self.name())
            .key(self.object(&key))
            .upload_id(id)
            .part_number(number)
            .checksum_crc32(&checksum)
            .body(replayable(part.batches));
        let request = request.customize().disable_payload_signing().config_override(carrying(part.size));
        let sent = request.send().await.map_err(|error| self.bucket_error(error))?;
        Ok(CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag).checksum_crc32(checksum).build())
    }

    /// Puts the `parts` of the multipart upload `id` together to the object under `key`, which then has `size` bytes.
    pub(super) async fn complete_upload(
        &self,
        key: &Key,
        id: String,
        parts: Vec<CompletedPart>,
        size: u64,
    ) -> Result<()> {
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = self.client.complete_multipart_upload().bucket(self.name()).key(self.object(key));
        let request = request.upload_id(id).multipart_upload(parts).customize();
        match request.config_override(patient(COMPLETE_TIMEOUT)).send().await {
            // An attempt whose answer was lost may have done it; the next one then finds no upload.
            Err(error) if S3Error::of(&error) == S3Error::NoUpload => match self.size(key).await {
                Ok(found) if found == size => Ok(()),
                _ => Err(self.bucket_error(error)),
            },
            completed => completed.map(|_| ()).map_err(|error| self.bucket_error(error)),
        }
    }
}

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
use super::fault::Fault;
use crate::blobs::Key;
use crate::domain::{Error, Result};

/// Putting thousands of parts together takes its time on the server.
const COMPLETE_TIMEOUT: Duration = Duration::from_secs(300);

/// A run of bytes that is sent by one request.
#[derive(Default)]
pub(super) struct Part {
    pub(super) size: u64,
    pub(super) last: bool,
    /// What gives other parts their turn when this one has been sent.
    pub(super) permits: Option<(OwnedSemaphorePermit, OwnedSemaphorePermit)>,
    /// The same for a part of an upload that sends one at a time.
    pub(super) in_flight: Option<OwnedSemaphorePermit>,
    batches: Vec<Bytes>,
    crc32: u32,
}

impl Part {
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
        request.send().await.map(|_| ()).map_err(|error| self.fault(error))
    }

    /// Starts a multipart upload to the object under `key`, and returns its id.
    pub(super) async fn create_upload(&self, key: &Key) -> Result<String> {
        let request = self.client.create_multipart_upload().bucket(self.name()).key(self.object(key));
        let created = request.checksum_algorithm(ChecksumAlgorithm::Crc32).send().await;
        created
            .map_err(|error| self.fault(error))?
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
        let sent = request.send().await.map_err(|error| self.fault(error))?;
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
            Err(error) if Fault::of(&error) == Fault::NoUpload => match self.size(key).await {
                Ok(found) if found == size => Ok(()),
                _ => Err(self.fault(error)),
            },
            completed => completed.map(|_| ()).map_err(|error| self.fault(error)),
        }
    }
}

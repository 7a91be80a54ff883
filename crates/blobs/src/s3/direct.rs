//! Presigned requests with which a client sends an object: as a whole, whose SHA-256 S3 compares, or in parts.

use std::time::Duration;

use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use aws_sdk_s3::types::{ChecksumMode, CompletedPart};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::error::S3Error;
use super::{Bucket, S3Blobs};
use crate::{CompletedUpload, Direct, Key, Link};
use modelport_domain::{Error, Result, Sha256};

/// The smallest part that S3 takes, but for the last.
const MIN_PART: u64 = 5 << 20;
/// The largest that it takes at once.
const MAX_PART: u64 = 5 << 30;
/// The maximum number of parts of one object.
const MAX_PARTS: u64 = 10_000;

impl S3Blobs {
    pub(crate) async fn begin_direct(&self, key: &Key, length: u64, sha256: Sha256, part: u64) -> Result<Direct> {
        let part = part.max(length.div_ceil(MAX_PARTS)).clamp(MIN_PART, MAX_PART);
        if length.div_ceil(part) > MAX_PARTS {
            let message = format!("the bucket takes no object of `{length}` bytes");
            return Err(Error::too_large(message));
        }
        if length <= part {
            return Ok(Direct { length, sha256, part, multipart: None });
        }
        let bucket = &self.0;
        let request = bucket.client.create_multipart_upload().bucket(bucket.name()).key(bucket.object(key));
        let created = request.send().await.map_err(|error| bucket.bucket_error(error))?;
        let nameless = || Error::internal(format!("{bucket} started an upload without an id"));
        Ok(Direct { length, sha256, part, multipart: Some(created.upload_id.ok_or_else(nameless)?) })
    }

    pub(crate) async fn direct_link(&self, key: &Key, direct: &Direct, number: u64, valid: Duration) -> Result<Link> {
        let bucket = &self.0;
        let unsigned = |error: String| Error::internal(format!("{self} cannot be linked to")).caused_by(error);
        let valid = PresigningConfig::expires_in(valid).map_err(|error| unsigned(error.to_string()))?;
        let size = i64::try_from(direct.size_of(number)).map_err(|error| unsigned(error.to_string()))?;
        let signed = match &direct.multipart {
            None => {
                // Signed, so that the link stores no other bytes.
                let request = bucket.client.put_object().bucket(bucket.name()).key(bucket.object(key));
                let request = request.content_length(size).checksum_sha256(in_base64(direct.sha256));
                request.presigned(valid).await.map_err(|error| bucket.bucket_error(error))?
            }
            Some(id) => {
                let number = i32::try_from(number).map_err(|error| unsigned(error.to_string()))?;
                let request = bucket.client.upload_part().bucket(bucket.name()).key(bucket.object(key));
                let request = request.upload_id(id).part_number(number).content_length(size);
                request.presigned(valid).await.map_err(|error| bucket.bucket_error(error))?
            }
        };
        Ok(link(&signed))
    }

    pub(crate) async fn complete_direct(&self, key: &Key, direct: &Direct) -> Result<CompletedUpload> {
        let Some(id) = &direct.multipart else { return self.0.complete_single(key, direct).await };
        match self.0.sent_parts(key, id, direct).await? {
            Some(parts) => self.0.complete_upload(key, id.clone(), parts, direct.length).await?,
            // Completed before, by a request whose answer was lost.
            None if self.0.size(key).await.ok() == Some(direct.length) => {}
            None => return Err(lacking("the multipart upload has been aborted")),
        }
        Ok(CompletedUpload { compared: false })
    }
}

impl Bucket {
    /// Looks at an object that was sent at once.
    async fn complete_single(&self, key: &Key, direct: &Direct) -> Result<CompletedUpload> {
        let request = self.client.head_object().bucket(self.name()).key(self.object(key));
        let head = match request.checksum_mode(ChecksumMode::Enabled).send().await {
            Ok(head) => head,
            Err(error) if S3Error::of(&error) == S3Error::Missing => return Err(lacking("no bytes have arrived")),
            Err(error) => return Err(self.bucket_error(error)),
        };
        let size = head.content_length().and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
        if size != direct.length {
            return Err(lacking(&format!("`{size}` bytes have arrived, not `{}`", direct.length)));
        }
        Ok(CompletedUpload { compared: head.checksum_sha256() == Some(in_base64(direct.sha256).as_str()) })
    }

    /// The parts that have arrived, which must be all, each of its size. `None` when there is no such upload.
    async fn sent_parts(&self, key: &Key, id: &str, direct: &Direct) -> Result<Option<Vec<CompletedPart>>> {
        let (mut parts, mut after) = (Vec::new(), None);
        loop {
            let request = self.client.list_parts().bucket(self.name()).key(self.object(key)).upload_id(id);
            let listed = match request.set_part_number_marker(after.take()).send().await {
                Ok(listed) => listed,
                Err(error) if S3Error::of(&error) == S3Error::NoUpload => return Ok(None),
                Err(error) => return Err(self.bucket_error(error)),
            };
            for part in listed.parts() {
                let wanted = parts.len() as u64 + 1;
                let number = part.part_number().and_then(|number| u64::try_from(number).ok()).unwrap_or_default();
                let size = part.size().and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
                if number != wanted || size != direct.size_of(wanted) {
                    return Err(lacking(&format!("part `{wanted}` has not arrived whole")));
                }
                let built = CompletedPart::builder().set_part_number(part.part_number());
                parts.push(built.set_e_tag(part.e_tag().map(str::to_owned)).build());
            }
            after = listed.next_part_number_marker().map(str::to_owned);
            if listed.is_truncated() != Some(true) || after.is_none() {
                break;
            }
        }
        let arrived = parts.len() as u64;
        if arrived != direct.parts() {
            return Err(lacking(&format!("part `{}` has not arrived", arrived + 1)));
        }
        Ok(Some(parts))
    }
}

fn link(signed: &PresignedRequest) -> Link {
    let headers = signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    Link { url: signed.uri().to_owned(), headers }
}

fn in_base64(sha256: Sha256) -> String {
    BASE64.encode(sha256.as_bytes())
}

fn lacking(what: &str) -> Error {
    Error::incomplete("parts", what)
}

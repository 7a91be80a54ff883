//! Reading an object, and resuming where the connection broke off.

use std::ops::Range;
use std::sync::Arc;

use aws_sdk_s3::operation::get_object::GetObjectOutput;
use bytes::Bytes;
use futures_util::{StreamExt, stream};

use super::Bucket;
use super::error::S3Error;
use crate::{Chunks, Key};
use modelport_domain::{Error, Result};

/// How often a download is taken up again without a single byte arriving in between.
const RESUMES: u32 = 2;

/// How many bytes are handed out at once: what a client has not taken is held in a buffer that the bytes are copied to.
const PIECE: usize = 64 << 10;

/// An object of the bucket, and what messages call it.
#[derive(Clone)]
pub(super) struct Named {
    pub(super) object: String,
    pub(super) called: String,
}

/// The bytes of the object under `key`, or those of `range` of it.
pub(super) async fn chunks(bucket: Arc<Bucket>, key: &Key, range: Option<Range<u64>>) -> Result<Chunks> {
    let range = match range {
        Some(Range { start, end }) if start >= end => {
            let size = bucket.size(key).await?;
            return if start == end && end <= size {
                Ok(stream::empty().boxed())
            } else {
                Err(unsatisfiable(start, end))
            };
        }
        range => range,
    };
    let named = Named { object: bucket.object(key), called: format!("blob `{key}`") };
    open(bucket, named, range).await.map(|(_, chunks)| chunks)
}

/// The bytes of an object, or those of `range` of it, and how many they are.
pub(super) async fn open(bucket: Arc<Bucket>, named: Named, range: Option<Range<u64>>) -> Result<(u64, Chunks)> {
    let object = bucket.get_object(&named, range.as_ref(), None).await?;
    let length = object.content_length().and_then(|length| u64::try_from(length).ok());
    let length =
        length.ok_or_else(|| Error::internal(format!("{bucket} does not say how large {} is", named.called)))?;
    let range = match range {
        Some(Range { start, end }) if length != end - start => return Err(unsatisfiable(start, end)),
        Some(range) => range,
        None => 0..length,
    };
    let download = Download { bucket, named, left: range, object, chunk: Bytes::new(), resumes: 0 };
    Ok((length, stream::unfold(Some(download), |download| async { download?.next().await }).boxed()))
}

/// An object that is being read, and what is left to read of it.
struct Download {
    bucket: Arc<Bucket>,
    named: Named,
    left: Range<u64>,
    object: GetObjectOutput,
    /// What has arrived and is not handed out.
    chunk: Bytes,
    resumes: u32,
}

impl Download {
    /// A server may hang up on a client that reads slowly, or be restarted: neither has to fail a long download.
    async fn next(mut self) -> Option<(Result<Bytes>, Option<Self>)> {
        loop {
            if !self.chunk.is_empty() {
                let piece = self.chunk.split_to(PIECE.min(self.chunk.len()));
                return Some((Ok(piece), Some(self)));
            }
            if self.left.is_empty() {
                return None;
            }
            let broken = match self.object.body.next().await {
                Some(Ok(chunk)) => {
                    self.left.start += chunk.len() as u64;
                    self.resumes = 0;
                    self.chunk = chunk;
                    continue;
                }
                Some(Err(error)) => self.interrupted_read().caused_by(error),
                None => self.interrupted_read(),
            };
            if self.resumes == RESUMES {
                return Some((Err(broken), None));
            }
            let (object, at) = (self.named.object.as_str(), self.left.start);
            log::debug!(object, at, error:% = broken; "a download is taken up again");
            self.resumes += 1;
            match self.bucket.get_object(&self.named, Some(&self.left), self.object.e_tag.take()).await {
                Ok(object) => self.object = object,
                Err(error) => return Some((Err(error), None)),
            }
        }
    }

    fn interrupted_read(&self) -> Error {
        Error::unavailable(format!("{} broke off while {} was read", self.bucket, self.named.called))
    }
}

impl Bucket {
    /// Starts to read `range`, which is not empty; of the object with `tag` and no other, where there is one.
    async fn get_object(
        &self,
        named: &Named,
        range: Option<&Range<u64>>,
        tag: Option<String>,
    ) -> Result<GetObjectOutput> {
        let wanted = range.map(|range| format!("bytes={}-{}", range.start, range.end - 1));
        let request = self.client.get_object().bucket(self.name()).key(&named.object);
        request.set_range(wanted).set_if_match(tag).send().await.map_err(|error| match (S3Error::of(&error), range) {
            (S3Error::Range, Some(range)) => unsatisfiable(range.start, range.end),
            (kind, _) => self.object_error(&named.called, kind, error),
        })
    }
}

fn unsatisfiable(start: u64, end: u64) -> Error {
    Error::invalid("range", format!("range `{start}..{end}` is not within the object"))
}

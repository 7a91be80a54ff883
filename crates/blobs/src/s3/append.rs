//! A multipart upload that arrives over many requests: full parts go to the bucket, the rest is the caller's to keep.

use std::sync::Arc;

use aws_sdk_s3::types::CompletedPart;
use bytes::Bytes;
use tokio::task::JoinHandle;

use super::part::Part;
use super::{Bucket, S3Blobs, sizes};
use crate::batched_body::Digest;
use crate::serial_task::{SerialTask, lost};
use crate::{Checkpoint, Key, SentPart, Tail, UploadProgress};
use modelport_domain::{Error, Result};
use modelport_memory::Share;

/// An object that is being appended to.
pub struct S3Append {
    bucket: Arc<Bucket>,
    key: Key,
    digest: SerialTask<Digest>,
    /// The progress of the object with everything that was taken; `sent` and `parts` count what is on its way, too.
    progress: UploadProgress,
    part: Part,
    /// The bytes of `part` that the caller has not kept.
    fresh: Vec<Bytes>,
    whole: bool,
    sending: Option<Sending>,
}

/// A part that is being sent, and the progress once it has arrived.
struct Sending {
    task: JoinHandle<Result<CompletedPart>>,
    then: UploadProgress,
}

impl S3Blobs {
    pub(crate) fn needs_tail(&self, progress: &UploadProgress, bytes: Option<u64>) -> bool {
        let size = sizes::part_size(progress.parts, Some(progress.length));
        progress.tail() > 0 && bytes.is_none_or(|bytes| progress.tail().saturating_add(bytes) >= size)
    }

    pub(crate) fn append(&self, key: &Key, progress: UploadProgress, tail: Option<Tail>) -> Result<S3Append> {
        let mut digest = Digest::resume(&progress.digest)?;
        let whole = tail.is_some() || progress.tail() == 0;
        let part = match tail {
            Some(tail) => kept(tail, &progress, &mut digest)?,
            None => Part::without_beginning(&self.0.memory, progress.tail()),
        };
        Ok(S3Append {
            bucket: Arc::clone(&self.0),
            key: key.clone(),
            digest: SerialTask::new(digest),
            progress,
            part,
            fresh: Vec::new(),
            whole,
            sending: None,
        })
    }

    pub(crate) async fn seal(&self, key: &Key, progress: &UploadProgress, tail: Tail) -> Result<Option<Checkpoint>> {
        if progress.sent == progress.length && progress.length > 0 {
            return Ok(None);
        }
        let mut digest = Digest::default();
        let mut part = kept(tail, progress, &mut digest)?;
        part.end(digest.end_part(), true);
        let Some(id) = progress.multipart.clone() else {
            return self.0.put_object(key, part).await.map(|()| None);
        };
        let number = progress.parts + 1;
        let sent = Arc::clone(&self.0).upload_part(key.clone(), id, number as usize, part).await?;
        let progress = UploadProgress { sent: progress.length, parts: number, ..progress.clone() };
        Ok(Some(Checkpoint { progress, parts: vec![sent_part(&sent)?], tail: Vec::new() }))
    }

    pub(crate) async fn assemble(&self, key: &Key, progress: &UploadProgress, parts: Vec<SentPart>) -> Result<()> {
        let Some(id) = progress.multipart.clone() else { return Ok(()) };
        let parts = parts.into_iter().map(|part| {
            let number =
                i32::try_from(part.number).map_err(|error| Error::internal("too many parts").caused_by(error))?;
            let built = CompletedPart::builder().part_number(number).e_tag(part.tag);
            Ok(built.checksum_crc32(part.checksum).build())
        });
        self.0.complete_upload(key, id, parts.collect::<Result<_>>()?, progress.length).await?;
        // A writer that ended before it could record the multipart upload it had started left that one behind.
        self.0.abort_uploads(key).await
    }
}

/// A part that begins with what the caller kept.
fn kept(tail: Tail, progress: &UploadProgress, digest: &mut Digest) -> Result<Part> {
    let mut part = Part::of(tail.share);
    for bytes in tail.bytes {
        digest.check_part(&bytes);
        part.push(bytes);
    }
    if part.size == progress.tail() {
        return Ok(part);
    }
    Err(Error::internal("what was kept of an upload is not what its parts lack"))
}

fn sent_part(part: &CompletedPart) -> Result<SentPart> {
    let incomplete = || Error::internal("the bucket took a part without saying so");
    Ok(SentPart {
        number: part.part_number().and_then(|number| u64::try_from(number).ok()).ok_or_else(incomplete)?,
        tag: part.e_tag().ok_or_else(incomplete)?.to_owned(),
        checksum: part.checksum_crc32().ok_or_else(incomplete)?.to_owned(),
    })
}

impl S3Append {
    pub(crate) fn share(&mut self) -> &mut Share {
        &mut self.part.share
    }

    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<Option<Checkpoint>> {
        let update = bytes.clone();
        self.digest.run(move |digest| digest.update_part(&update)).await?;
        self.progress.position += bytes.len() as u64;
        self.fresh.push(bytes.clone());
        self.part.push(bytes);
        self.part.share.shrink_to(self.part.size);
        if self.part.size < sizes::part_size(self.progress.parts, Some(self.progress.length)) {
            return Ok(None);
        }
        let arrived = self.arrived().await?;
        self.send().await?;
        Ok(arrived)
    }

    pub(crate) async fn flush(&mut self) -> Result<Checkpoint> {
        let mut checkpoint = match self.arrived().await? {
            Some(checkpoint) => checkpoint,
            None => Checkpoint { progress: self.progress.clone(), parts: Vec::new(), tail: Vec::new() },
        };
        self.progress.digest = self.digest.idle().await?.save();
        checkpoint.progress = self.progress.clone();
        checkpoint.tail = std::mem::take(&mut self.fresh);
        Ok(checkpoint)
    }

    pub(crate) async fn discard(mut self) -> Result<()> {
        // A part that was not recorded is replaced by the next one with its number.
        self.arrived().await.map(drop)
    }

    /// Starts to send the part.
    async fn send(&mut self) -> Result<()> {
        if !self.whole {
            return Err(Error::internal("the beginning of a part was not given back"));
        }
        let id = match &self.progress.multipart {
            Some(id) => id.clone(),
            None => {
                let id = self.bucket.create_upload(&self.key).await?;
                self.progress.multipart.insert(id).clone()
            }
        };
        let digest = self.digest.idle().await?;
        self.part.end(digest.end_part(), false);
        self.progress.digest = digest.save();
        self.progress.parts += 1;
        self.progress.sent = self.progress.position;
        let part = std::mem::replace(&mut self.part, Part::empty(&self.bucket.memory));
        self.fresh.clear();
        let number = self.progress.parts as usize;
        let task = tokio::spawn(Arc::clone(&self.bucket).upload_part(self.key.clone(), id, number, part));
        self.sending = Some(Sending { task, then: self.progress.clone() });
        Ok(())
    }

    /// Waits for the part that is on its way.
    async fn arrived(&mut self) -> Result<Option<Checkpoint>> {
        let Some(Sending { task, then }) = self.sending.take() else { return Ok(None) };
        let part = task.await.map_err(lost)??;
        Ok(Some(Checkpoint { progress: then, parts: vec![sent_part(&part)?], tail: Vec::new() }))
    }
}

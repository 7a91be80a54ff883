//! Appends bytes to a resumable upload, in a task of its own, so that what has arrived is kept when the client goes away.

use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::lease::{Lease, RENEWAL};
use super::{Checksums, OFFSET, UploadState, progress, unsigned};
use crate::blobs::{Append, Checkpoint};
use crate::context::RequestContext;
use crate::domain::{Error, ErrorKind, Result};
use crate::services::Files;
use crate::store::resumable::Resumable;

/// The most chunks that wait for the task.
const MAX_QUEUED_CHUNKS: usize = 4;
/// How many bytes are hashed and written at once.
const BATCH: usize = 1 << 20;
/// How long to wait for a full batch once it has [`MIN_BATCH`] bytes.
const BATCH_TIMEOUT: Duration = Duration::from_millis(20);
const MIN_BATCH: usize = 64 << 10;
/// Until the sender is gone, which ends when its client is silent.
const FOREVER: Duration = Duration::MAX;

/// The offset of a chunk, its length and its checksums.
#[derive(Debug, Clone)]
pub struct Patch {
    /// After how many bytes.
    pub offset: u64,
    /// How many bytes, when the client said so.
    pub length: Option<u64>,
    /// What they should come to.
    pub checksums: Checksums,
}

/// What the request passes to the task.
enum BodyEvent {
    Bytes(Bytes),
    /// The request was complete.
    End,
}

impl Files {
    /// Adds `body` to the upload; the last byte makes it a file.
    ///
    /// - The returned offset counts durable bytes only.
    /// - What arrived of an interrupted body is kept, unless it has a checksum.
    ///
    /// Errors: those of [`Files::resumable`]; InvalidState for another offset; ChecksumMismatch or DigestMismatch, and
    /// then nothing of the body is kept; TooLarge when it is longer than the upload.
    pub async fn append_resumable<B>(
        &self,
        context: &RequestContext,
        id: &str,
        patch: Patch,
        mut body: B,
    ) -> Result<UploadState>
    where
        B: Stream<Item = Result<Bytes>> + Unpin,
    {
        let (events, inbox) = mpsc::channel(MAX_QUEUED_CHUNKS);
        let task = PatchTask { files: self.clone(), context: context.clone(), id: id.to_owned(), patch };
        let task = tokio::spawn(task.run(inbox));
        let mut broken = None;
        loop {
            let event = match body.next().await {
                Some(Ok(bytes)) => BodyEvent::Bytes(bytes),
                Some(Err(error)) => {
                    broken = Some(error);
                    break;
                }
                None => BodyEvent::End,
            };
            let last = matches!(event, BodyEvent::End);
            if events.send(event).await.is_err() || last {
                break;
            }
        }
        drop(events);
        let written = task.await.map_err(|error| Error::unavailable("the server is stopping").caused_by(error))?;
        match (written, broken) {
            (Ok(_), Some(error)) | (Err(error), _) => Err(error),
            (Ok(state), None) => Ok(state),
        }
    }
}

struct PatchTask {
    files: Files,
    context: RequestContext,
    id: String,
    patch: Patch,
}

impl PatchTask {
    async fn run(self, mut inbox: mpsc::Receiver<BodyEvent>) -> Result<UploadState> {
        let row = self.files.resumable_row(&self.context, &self.id).await?;
        if row.direct_part.is_some() {
            let message = "the bytes of a direct upload go to the bucket, not to the server";
            return Err(Error::invalid_state(message).on_field(OFFSET));
        }
        super::concat::refuse_final(&row)?;
        if row.finished_at.is_some() {
            return self.files.already_whole(&row, &self.patch);
        }
        self.files.demand_to_continue(&self.context, &row).await?;
        let lease = self.files.lease(&self.context, &self.id).await?;
        let written = self.write(&lease, &mut inbox).await;
        if written.as_ref().is_ok_and(|offset| *offset == unsigned(row.length)) {
            return self.files.finish_leased(&self.context, &self.id, lease).await;
        }
        lease.release().await;
        let offset = written?;
        let row = self.files.resumable_row(&self.context, &self.id).await?;
        Ok(UploadState::new(&row, offset))
    }

    /// Writes what arrives. Returns the upload's offset afterwards.
    async fn write(&self, lease: &Lease, inbox: &mut mpsc::Receiver<BodyEvent>) -> Result<u64> {
        // Read under the lease: whoever had it before may have written.
        let row = self.files.resumable_row(&self.context, &self.id).await?;
        let offset = self.files.offset(&row).await?;
        if offset != self.patch.offset {
            let start = self.patch.offset;
            let message = format!("the upload is at offset {offset}, but the request starts at offset {start}");
            return Err(Error::invalid_state(message).on_field(OFFSET));
        }
        let left = unsigned(row.length).saturating_sub(offset);
        if self.patch.length.is_some_and(|length| length > left) {
            return Err(too_long(left));
        }
        let mut append = lease.with_heartbeats(self.open(&row, offset)).await?;
        let sums = Some(&self.patch.checksums).filter(|sums| !sums.is_empty());
        if sums.is_some() {
            let start = Checkpoint { progress: progress(&row), parts: Vec::new(), tail: Vec::new() };
            lease.record(start, Some(offset)).await?;
        }
        let mut writer = BodyWriter { lease, left, sums: sums.cloned(), unrecorded: None };
        let taken = writer.all(&mut append, inbox).await;
        match (taken, writer.sums) {
            (Ok(ended), Some(sums)) => {
                let checked = if ended { sums.check() } else { Err(broke_off()) };
                if let Err(error) = checked {
                    lease.with_heartbeats(append.discard(offset)).await?;
                    return Err(error);
                }
            }
            (Ok(_), None) => {}
            (Err(error), sums) => {
                if sums.is_some() {
                    lease.with_heartbeats(append.discard(offset)).await?;
                }
                return Err(error);
            }
        }
        let checkpoint = merged(writer.unrecorded, lease.with_heartbeats(append.flush()).await?);
        let position = checkpoint.progress.position;
        lease.record(checkpoint, None).await?;
        Ok(position)
    }

    async fn open(&self, row: &Resumable, offset: u64) -> Result<Append> {
        let progress = progress(row);
        let blobs = &self.files.core.blobs;
        let tail = if blobs.needs_tail(&progress, self.patch.length) {
            Some(self.files.tail(&self.context, &row.id, &progress).await?)
        } else {
            None
        };
        let opened = blobs.append(&row.key.parse()?, progress, offset, tail).await;
        opened.map_err(|error| match error.kind() {
            ErrorKind::Locked => error.on_field(super::LOCKED),
            _ => error,
        })
    }
}

struct BodyWriter<'a> {
    lease: &'a Lease,
    left: u64,
    sums: Option<Checksums>,
    /// What is durable and not recorded, because its checksums are not known to be right.
    unrecorded: Option<Checkpoint>,
}

impl BodyWriter<'_> {
    /// Writes the whole body. Returns whether the request was complete.
    async fn all(&mut self, append: &mut Append, inbox: &mut mpsc::Receiver<BodyEvent>) -> Result<bool> {
        let mut renewed = tokio::time::Instant::now();
        let (mut batch, mut room) = (Vec::new(), 0);
        let ended = loop {
            // What a slow client has sent is passed on, so that it takes little memory while nothing arrives.
            let patience = if batch.len() < MIN_BATCH { FOREVER } else { BATCH_TIMEOUT };
            // Others wait for the memory: what has arrived is kept, and the client resumes later.
            let Some(event) = append.share().await_client(timeout(patience, inbox.recv())).await else { break false };
            let Ok(event) = event else {
                self.batch(append, std::mem::take(&mut batch).into()).await?;
                room = 0;
                continue;
            };
            let bytes = match event {
                Some(BodyEvent::Bytes(bytes)) => bytes,
                Some(BodyEvent::End) => break true,
                None => break false,
            };
            let size = bytes.len() as u64;
            self.left = self.left.checked_sub(size).ok_or_else(|| too_long(self.left))?;
            append.share().record_received(bytes.len());
            if batch.len() + bytes.len() > room {
                let more = batch.len().clamp(MIN_BATCH, BATCH).max(bytes.len());
                append.share().grow(more as u64).await?;
                room += more;
                batch.reserve_exact(room - batch.len());
            }
            batch.extend_from_slice(&bytes);
            if batch.len() >= BATCH {
                self.batch(append, std::mem::take(&mut batch).into()).await?;
                room = 0;
            }
            if renewed.elapsed() >= RENEWAL {
                self.lease.renew().await?;
                renewed = tokio::time::Instant::now();
            }
        };
        if !batch.is_empty() {
            self.batch(append, batch.into()).await?;
        }
        Ok(ended)
    }

    async fn batch(&mut self, append: &mut Append, bytes: Bytes) -> Result<()> {
        if let Some(sums) = self.sums.take() {
            self.sums = Some(sums.update(bytes.clone()).await?);
        }
        let Some(checkpoint) = self.lease.with_heartbeats(append.write(bytes)).await? else { return Ok(()) };
        if self.sums.is_some() {
            self.unrecorded = Some(merged(self.unrecorded.take(), checkpoint));
            return Ok(());
        }
        self.lease.record(checkpoint, None).await
    }
}

/// Both checkpoints as one.
fn merged(earlier: Option<Checkpoint>, mut later: Checkpoint) -> Checkpoint {
    if let Some(mut earlier) = earlier {
        earlier.parts.append(&mut later.parts);
        later.parts = earlier.parts;
    }
    later
}

fn too_long(left: u64) -> Error {
    let message = format!("the request has more than the `{left}` bytes that remain of the upload");
    Error::too_large(message).on_field("Content-Length")
}

fn broke_off() -> Error {
    Error::invalid_body("the body ended before it was complete, so its checksum cannot be verified")
}

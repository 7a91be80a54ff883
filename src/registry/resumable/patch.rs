//! Bytes that are added to a resumable upload. They are taken by a task of its own, so that what has arrived is kept when
//! the client goes away.

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use tokio::sync::mpsc;

use super::lease::{Lease, RENEWAL};
use super::{Checksum, OFFSET, UploadState, progress, unsigned};
use crate::blobs::{Append, Checkpoint};
use crate::domain::{Actor, Error, ErrorKind, Result};
use crate::registry::Registry;
use crate::store::resumable::Resumable;

/// How many chunks may wait for the task.
const AHEAD: usize = 4;
/// How much is hashed and written in one go.
const BATCH: usize = 1 << 20;

/// Where bytes go, and what is known of them.
#[derive(Debug, Clone)]
pub struct Patch {
    /// After how many bytes.
    pub offset: u64,
    /// How many bytes, when the client said so.
    pub length: Option<u64>,
    /// What they should come to.
    pub checksum: Option<Checksum>,
}

/// What the client's side tells the task.
enum Sign {
    Bytes(Bytes),
    /// The request was complete.
    End,
}

impl Registry {
    /// Adds `body` to the upload; the last byte makes it a file.
    ///
    /// - The offset that is answered counts what is durable, and never more.
    /// - What arrived of a body that broke off is kept, unless it has a checksum.
    ///
    /// Errors: those of [`Registry::resumable`]; FailedPrecondition on field [`OFFSET`], or on field
    /// [`super::CHECKSUM`], and then nothing of the body is kept; ResourceExhausted when it is longer than the upload.
    pub async fn append_resumable<B>(&self, actor: &Actor, id: &str, patch: Patch, mut body: B) -> Result<UploadState>
    where
        B: Stream<Item = Result<Bytes>> + Unpin,
    {
        let (signs, inbox) = mpsc::channel(AHEAD);
        let task = Writing { registry: self.clone(), actor: actor.clone(), id: id.to_owned(), patch };
        let task = tokio::spawn(task.run(inbox));
        let mut broken = None;
        loop {
            let sign = match body.next().await {
                Some(Ok(bytes)) => Sign::Bytes(bytes),
                Some(Err(error)) => {
                    broken = Some(error);
                    break;
                }
                None => Sign::End,
            };
            let last = matches!(sign, Sign::End);
            if signs.send(sign).await.is_err() || last {
                break;
            }
        }
        drop(signs);
        let written = task.await.map_err(|error| Error::unavailable("the server is stopping").caused_by(error))?;
        match (written, broken) {
            (Ok(_), Some(error)) | (Err(error), _) => Err(error),
            (Ok(state), None) => Ok(state),
        }
    }
}

struct Writing {
    registry: Registry,
    actor: Actor,
    id: String,
    patch: Patch,
}

impl Writing {
    async fn run(self, mut inbox: mpsc::Receiver<Sign>) -> Result<UploadState> {
        let row = self.registry.resumable_row(&self.id).await?;
        if row.direct_part.is_some() {
            let message = "the bytes of a direct upload go to the bucket, not to the server";
            return Err(Error::new(ErrorKind::FailedPrecondition, message).on_field(OFFSET));
        }
        if row.finished_at.is_some() {
            return self.registry.already_whole(&row, &self.patch);
        }
        let lease = self.registry.lease(&self.id).await?;
        let written = self.write(&lease, &mut inbox).await;
        let complete = match &written {
            Ok(offset) => *offset == unsigned(row.length),
            Err(_) => false,
        };
        if complete {
            return self.registry.finish_leased(&self.actor, &self.id, lease).await;
        }
        lease.release().await;
        let offset = written?;
        let row = self.registry.resumable_row(&self.id).await?;
        Ok(UploadState::new(&row, offset))
    }

    /// Takes what arrives. Gives how many bytes there are then.
    async fn write(&self, lease: &Lease, inbox: &mut mpsc::Receiver<Sign>) -> Result<u64> {
        // Read under the lease: whoever had it before may have written.
        let row = self.registry.resumable_row(&self.id).await?;
        let offset = self.registry.offset(&row).await?;
        if offset != self.patch.offset {
            let message = format!("the upload has {offset} bytes, the request goes on after {}", self.patch.offset);
            return Err(Error::new(ErrorKind::FailedPrecondition, message).on_field(OFFSET));
        }
        let left = unsigned(row.length).saturating_sub(offset);
        if self.patch.length.is_some_and(|length| length > left) {
            return Err(too_long(left));
        }
        let mut append = lease.keep(self.open(&row, offset)).await?;
        if self.patch.checksum.is_some() {
            let start = Checkpoint { progress: progress(&row), parts: Vec::new(), tail: Vec::new() };
            lease.record(start, Some(offset)).await?;
        }
        let mut taking = Taking { lease, left, sum: self.patch.checksum.clone(), unrecorded: None };
        let taken = taking.all(&mut append, inbox).await;
        match (taken, taking.sum) {
            (Ok(ended), Some(sum)) => {
                let checked = if ended { sum.check() } else { Err(broke_off()) };
                if let Err(error) = checked {
                    append.discard(offset).await?;
                    return Err(error);
                }
            }
            (Ok(_), None) => {}
            (Err(error), sum) => {
                if sum.is_some() {
                    append.discard(offset).await?;
                }
                return Err(error);
            }
        }
        let checkpoint = merged(taking.unrecorded, lease.keep(append.flush()).await?);
        let position = checkpoint.progress.position;
        lease.record(checkpoint, None).await?;
        Ok(position)
    }

    async fn open(&self, row: &Resumable, offset: u64) -> Result<Append> {
        let progress = progress(row);
        let blobs = &self.registry.blobs;
        let tail = if blobs.needs_tail(&progress, self.patch.length) {
            Some(self.registry.tail(&row.id, &progress).await?)
        } else {
            None
        };
        blobs.append(&row.key.parse()?, progress, offset, tail).await.map_err(|error| match error.kind() {
            ErrorKind::Conflict => error.on_field(super::LOCKED),
            _ => error,
        })
    }
}

struct Taking<'a> {
    lease: &'a Lease,
    left: u64,
    sum: Option<Checksum>,
    /// What is durable and not recorded, because its checksum is not known to be right.
    unrecorded: Option<Checkpoint>,
}

impl Taking<'_> {
    /// Takes everything in. Whether the request came to its end.
    async fn all(&mut self, append: &mut Append, inbox: &mut mpsc::Receiver<Sign>) -> Result<bool> {
        let mut renewed = tokio::time::Instant::now();
        let mut batch: Vec<u8> = Vec::new();
        let ended = loop {
            let bytes = match inbox.recv().await {
                Some(Sign::Bytes(bytes)) => bytes,
                Some(Sign::End) => break true,
                None => break false,
            };
            let size = bytes.len() as u64;
            self.left = self.left.checked_sub(size).ok_or_else(|| too_long(self.left))?;
            batch.extend_from_slice(&bytes);
            if batch.len() >= BATCH {
                let full = std::mem::replace(&mut batch, Vec::with_capacity(BATCH + (64 << 10)));
                self.batch(append, full.into()).await?;
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
        if let Some(sum) = self.sum.take() {
            self.sum = Some(sum.update(bytes.clone()).await?);
        }
        let Some(checkpoint) = self.lease.keep(append.write(bytes)).await? else { return Ok(()) };
        if self.sum.is_some() {
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
    let message = format!("the request has more bytes than the `{left}` that the upload lacks");
    Error::new(ErrorKind::ResourceExhausted, message).on_field("Content-Length")
}

fn broke_off() -> Error {
    Error::invalid("body", "the body ended before it was complete, so its checksum says nothing")
}

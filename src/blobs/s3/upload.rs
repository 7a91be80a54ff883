//! Sending the parts of one object: a task of its own, so that it can clean up when its caller has gone.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_s3::types::CompletedPart;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::sync::{Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::Bucket;
use super::part::Part;
use crate::blobs::Key;
use crate::domain::{Error, Result};

/// What all uploads together may have on the way to the server, in MiB.
///
/// A part asks for its share when it is full, and holds it while it is sent, which the server or a timeout ends. A client
/// that is slow to fill a part holds nothing, so it keeps nobody waiting.
pub(super) const IN_FLIGHT: u32 = 128;
/// The parts of one upload that may be on the way at once, beside the one that is being filled.
const AHEAD: usize = 2;
/// How long a failed upload waits for its clean-up, which goes on behind it.
const ABANDON_TIMEOUT: Duration = Duration::from_secs(5);

/// Tells the task that its caller has learned of the object, which otherwise would be nobody's.
type Seen = oneshot::Sender<()>;

/// The caller's end of an upload. Dropping it before it is finished makes the task remove what it has sent.
pub(super) struct Upload {
    bucket: Arc<Bucket>,
    ahead: Arc<Semaphore>,
    parts: mpsc::UnboundedSender<Part>,
    answer: oneshot::Receiver<Result<Seen>>,
    task: JoinHandle<()>,
}

impl Upload {
    pub(super) fn start(bucket: Arc<Bucket>, key: &Key) -> Self {
        let (parts, inbox) = mpsc::unbounded_channel();
        let (reply, answer) = oneshot::channel();
        let task = Task { bucket: Arc::clone(&bucket), key: key.clone(), id: None, ending: false };
        let task = tokio::spawn(task.run(inbox, reply));
        Self { bucket, ahead: Arc::new(Semaphore::new(AHEAD)), parts, answer, task }
    }

    /// Hands `part` on as soon as there is room for it.
    pub(super) async fn send(&mut self, mut part: Part) -> Result<()> {
        let share = part.size.div_ceil(1 << 20).clamp(1, IN_FLIGHT.into()) as u32;
        let ahead = Arc::clone(&self.ahead).acquire_owned().await.map_err(cut_off)?;
        let in_flight = Arc::clone(&self.bucket.in_flight).acquire_many_owned(share).await.map_err(cut_off)?;
        part.permits = Some((ahead, in_flight));
        match self.parts.send(part) {
            Ok(()) => Ok(()),
            Err(unsent) => self.answer().await.and_then(|()| Err(cut_off(unsent))),
        }
    }

    /// Waits until the object is visible.
    pub(super) async fn finish(mut self) -> Result<()> {
        self.answer().await
    }

    /// Gives the upload up, and waits a moment for its clean-up.
    pub(super) async fn abandon(self) {
        let Self { parts, answer, task, .. } = self;
        drop((parts, answer));
        if timeout(ABANDON_TIMEOUT, task).await.is_err() {
            log::warn!("an upload that was given up is still being removed");
        }
    }

    async fn answer(&mut self) -> Result<()> {
        (&mut self.answer).await.map_err(cut_off)??.send(()).map_err(cut_off)
    }
}

fn cut_off(_: impl std::any::Any) -> Error {
    Error::unavailable("an upload was cut off, the server is stopping")
}

/// The task's end of an upload, and what it has to remove when it comes to nothing.
struct Task {
    bucket: Arc<Bucket>,
    key: Key,
    /// The multipart upload that has been started.
    id: Option<String>,
    /// Whether the request that makes the object visible has been sent.
    ending: bool,
}

type Sending = FuturesUnordered<BoxFuture<'static, Result<CompletedPart>>>;

impl Task {
    async fn run(mut self, mut inbox: mpsc::UnboundedReceiver<Part>, reply: oneshot::Sender<Result<Seen>>) {
        let mut sending = Sending::new();
        let sent = self.send(&mut inbox, &mut sending).await;
        drop(inbox);
        let (seen, was_seen) = oneshot::channel();
        let told = reply.send(sent.map(|()| seen)).is_ok();
        if told && was_seen.await.is_ok() {
            return;
        }
        // A part that arrives after its upload has been aborted would stay, so those under way are waited for.
        while sending.next().await.is_some() {}
        drop(sending);
        if let Err(error) = self.clean_up().await {
            log::warn!(key:% = self.key, error:%; "an unfinished upload could not be removed");
        }
    }

    /// A request that failed may still have been carried out, so what it would have made visible is removed as well.
    async fn clean_up(&self) -> Result<()> {
        if let Some(id) = &self.id {
            self.bucket.abort_upload(&self.key, id).await?;
        }
        if self.ending { self.bucket.delete(&self.key).await } else { Ok(()) }
    }

    async fn send(&mut self, inbox: &mut mpsc::UnboundedReceiver<Part>, sending: &mut Sending) -> Result<()> {
        let first = inbox.recv().await.ok_or_else(|| cut_off(()))?;
        if first.last {
            self.ending = true;
            return self.bucket.put_object(&self.key, first).await;
        }
        let id = self.bucket.create_upload(&self.key).await?;
        self.id = Some(id.clone());
        let mut size = 0;
        let mut sent = Vec::new();
        let mut next = Some(first);
        let mut open = true;
        loop {
            if let Some(part) = next.take() {
                size += part.size;
                open = !part.last;
                let number = sent.len() + sending.len() + 1;
                sending.push(Arc::clone(&self.bucket).upload_part(self.key.clone(), id.clone(), number, part).boxed());
            }
            tokio::select! {
                part = inbox.recv(), if open => next = Some(part.ok_or_else(|| cut_off(()))?),
                Some(part) = sending.next() => sent.push(part?),
                else => break,
            }
        }
        sent.sort_unstable_by_key(CompletedPart::part_number);
        self.ending = true;
        self.bucket.complete_upload(&self.key, id, sent, size).await
    }
}

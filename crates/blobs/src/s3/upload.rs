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
use crate::Key;
use modelport_domain::{Error, Result};

/// The parts of one upload that are sent at the same time, beside the one that is being filled.
const MAX_PARTS_IN_FLIGHT: usize = 2;
/// How long a failed upload waits for its clean-up, which then continues in the background.
const ABANDON_TIMEOUT: Duration = Duration::from_secs(5);

/// Tells the task that its caller received the result; otherwise the task removes the object.
type Seen = oneshot::Sender<()>;

/// The caller's end of an upload. Dropping it before it is finished makes the task remove what it has sent.
pub(super) struct Upload {
    ahead: Arc<Semaphore>,
    parts: mpsc::UnboundedSender<Part>,
    answer: oneshot::Receiver<Result<Seen>>,
    task: JoinHandle<()>,
}

impl Upload {
    pub(super) fn start(bucket: Arc<Bucket>, key: &Key) -> Self {
        let (parts, inbox) = mpsc::unbounded_channel();
        let (reply, answer) = oneshot::channel();
        let task = Task { bucket, key: key.clone(), id: None, ending: false };
        let task = tokio::spawn(task.run(inbox, reply));
        Self { ahead: Arc::new(Semaphore::new(MAX_PARTS_IN_FLIGHT)), parts, answer, task }
    }

    /// Hands `part` on as soon as it is its turn.
    pub(super) async fn send(&mut self, mut part: Part) -> Result<()> {
        part.ahead = Some(Arc::clone(&self.ahead).acquire_owned().await.map_err(cut_off)?);
        match self.parts.send(part) {
            Ok(()) => Ok(()),
            Err(unsent) => self.answer().await.and_then(|()| Err(cut_off(unsent))),
        }
    }

    /// Waits until the object is visible.
    pub(super) async fn finish(mut self) -> Result<()> {
        self.answer().await
    }

    /// Aborts the upload, and waits a moment for its clean-up.
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
    Error::unavailable("an upload was interrupted: the server is stopping")
}

/// The task's end of an upload, and what it has to remove on failure.
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

//! The right to write to an upload: one holder at a time, on whichever replica, and no longer than bytes arrive.

use std::time::Duration;

use bytes::Bytes;

use super::LOCKED;
use crate::blobs::Checkpoint;
use crate::context::RequestContext;
use crate::domain::{Error, ErrorKind, Millis, Result};
use crate::heartbeats::with_heartbeats_every;
use crate::services::Files;
use crate::store::resumable::{self, Step};
use crate::store::uploads;

/// How long an upload's lease lasts without a byte or a heartbeat of its replica.
pub(super) const LEASE: Duration = Duration::from_secs(10);
/// How often bytes that arrive extend the lease.
pub(super) const RENEWAL: Duration = Duration::from_secs(3);

/// A lease that is held.
#[derive(Clone)]
pub(super) struct Lease {
    files: Files,
    context: RequestContext,
    id: String,
    token: String,
}

impl Files {
    /// Takes the lease of the upload. Locked while another request has it.
    pub(super) async fn lease(&self, context: &RequestContext, id: &str) -> Result<Lease> {
        let token = uuid::Uuid::new_v4().simple().to_string();
        let lease = Lease { files: self.clone(), context: context.clone(), id: id.to_owned(), token };
        let (row, token, now) = (lease.id.clone(), lease.token.clone(), context.now());
        if self.core.write(context, move |tx| resumable::acquire(tx, &row, &token, now, until(now))).await? {
            Ok(lease)
        } else {
            Err(locked())
        }
    }
}

impl Lease {
    /// Prolongs the lease. NotFound or Gone where the upload is gone, Locked where another request has it meanwhile.
    pub(super) async fn renew(&self) -> Result<()> {
        let (row, token, until) = (self.id.clone(), self.token.clone(), until(self.context.now()));
        let held = self.files.core.write(&self.context, move |tx| resumable::renew(tx, &row, &token, until)).await?;
        if held { Ok(()) } else { Err(self.lost().await) }
    }

    /// Does `work` on the upload, however long it takes, and prolongs the lease meanwhile. Errors as those of
    /// [`with_heartbeats_of`].
    pub(super) async fn with_heartbeats<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        with_heartbeats_of(std::slice::from_ref(self), std::convert::identity, work).await
    }

    /// Why the lease is not held any more: NotFound or Gone where the upload is gone, and Locked where it is not.
    async fn lost(&self) -> Error {
        self.files.any_row(&self.context, &self.id).await.err().unwrap_or_else(locked)
    }

    /// Releases the lease. Where that fails it ends by itself.
    pub(super) async fn release(self) {
        let Self { files, context, id, token } = self;
        if let Err(error) = files.core.write(&context, move |tx| resumable::renew(tx, &id, &token, 0)).await {
            log::warn!(error:%; "the lease of an upload was not given back");
        }
    }

    /// Records the durable bytes, and extends the upload's expiry.
    pub(super) async fn record(&self, checkpoint: Checkpoint, unverified_from: Option<u64>) -> Result<()> {
        let Checkpoint { progress, parts, tail } = checkpoint;
        let expires_at = self.context.now().saturating_add(self.files.expiry());
        let (row, token) = (self.id.clone(), self.token.clone());
        let step = Step {
            position: super::signed(progress.position),
            digest: progress.digest,
            sent: super::signed(progress.sent),
            parts: super::signed(progress.parts),
            multipart: progress.multipart,
            unverified_from: unverified_from.map(super::signed),
            expires_at,
        };
        let parts: Vec<_> =
            parts.into_iter().map(|part| (super::signed(part.number), part.tag, part.checksum)).collect();
        let held = self
            .files
            .core
            .write(&self.context, move |tx| {
                if !resumable::advance(tx, &row, &token, &step)? {
                    return Ok(false);
                }
                resumable::add_parts(tx, &row, &parts)?;
                let size: usize = tail.iter().map(Bytes::len).sum();
                let mut start = step.position.saturating_sub(super::signed(size as u64));
                // One by one, because what a connection has sent at once is memory that it keeps.
                for bytes in &tail {
                    resumable::add_tail(tx, &row, start, bytes)?;
                    start = start.saturating_add(super::signed(bytes.len() as u64));
                }
                let found = resumable::find(tx, &row)?;
                found.map_or(Ok(false), |found| uploads::record_heartbeat(tx, &found.key, expires_at))
            })
            .await?;
        if held { Ok(()) } else { Err(self.lost().await) }
    }
}

/// Does `work` on the uploads, however long it takes, and prolongs all of the leases meanwhile.
///
/// Errors: those of `work`. A fault of ours met without a lease only says that another holder has removed or replaced the bytes: it
/// becomes what [`Lease::renew`] says. `about` makes of that what it is to the caller.
pub(super) async fn with_heartbeats_of<T>(
    leases: &[Lease],
    about: fn(Error) -> Error,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let beat = || async move {
        for lease in leases {
            lease.renew().await.map_err(about)?;
        }
        Ok(())
    };
    let error = match with_heartbeats_every(RENEWAL, beat, work).await {
        Err(error) if error.kind() == ErrorKind::Internal => error,
        done => return done,
    };
    for lease in leases {
        match lease.renew().await {
            Err(lost) if matches!(lost.kind(), ErrorKind::NotFound | ErrorKind::Gone | ErrorKind::Locked) => {
                log::info!(upload = lease.id, error:%; "an upload was taken over by another holder of its lease");
                return Err(about(lost));
            }
            Ok(()) | Err(_) => {}
        }
    }
    Err(error)
}

fn until(now: Millis) -> Millis {
    now.saturating_add(Millis::try_from(LEASE.as_millis()).unwrap_or(Millis::MAX))
}

pub(super) fn locked() -> Error {
    Error::locked("another request is writing this upload").on_field(LOCKED)
}

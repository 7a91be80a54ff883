//! The end of a resumable upload, which is the end of every upload.

use bytes::Bytes;

use super::lease::Lease;
use super::{OFFSET, Patch, UploadState, direct_of, progress, put_file_of, signed, unsigned};
use crate::blobs::{Key, SentPart, Stored, Tail, UploadProgress};
use crate::context::RequestContext;
use crate::domain::access::WorkspaceId;
use crate::domain::{Error, ErrorKind, Millis, Result};
use crate::services::Files;
use crate::store::resumable::{self, Resumable};
use crate::upload::{ResumableUpdate, check_digest};

impl Files {
    /// Makes a file of an upload whose bytes are all there.
    pub(crate) async fn finish_resumable(&self, context: &RequestContext, id: &str) -> Result<UploadState> {
        let lease = self.lease(context, id).await?;
        self.finish_leased(context, id, lease).await
    }

    /// The same for the holder of the lease, which is released.
    ///
    /// What can never become a file leaves nothing behind; what a fault of ours prevented can be tried again.
    pub(super) async fn finish_leased(&self, context: &RequestContext, id: &str, lease: Lease) -> Result<UploadState> {
        let row = self.resumable_row(context, id).await?;
        let finished = if row.finished_at.is_some() {
            Ok(())
        } else {
            lease.with_heartbeats(self.link_resumable(context, &row, &lease)).await
        };
        match finished {
            Ok(()) => {
                lease.release().await;
                let row = self.resumable_row(context, id).await?;
                Ok(UploadState::new(&row, unsigned(row.length)))
            }
            Err(error) => {
                if !may_finish_later(error.kind())
                    && let Err(left) = self.remove_resumable(context, id, &row.key, Millis::MAX).await
                {
                    log::warn!(upload = id, error:% = left; "a refused upload is left for the collector");
                }
                lease.release().await;
                Err(error)
            }
        }
    }

    async fn link_resumable(&self, context: &RequestContext, row: &Resumable, lease: &Lease) -> Result<()> {
        // Where the upload was begun, whatever the request that ends it says.
        let context = &context.in_workspace(WorkspaceId(row.workspace_id));
        let key = row.key.parse::<Key>()?;
        if super::concat::is_partial(row) {
            return self.keep_partial(context, row, &key, lease).await;
        }
        let (put, update) = (put_file_of(row)?, ResumableUpdate::MarkFinished(row.id.clone()));
        if let Some(direct) = direct_of(row)? {
            self.whole_direct(row, &direct).await?;
            let stored = Stored { size: direct.length, sha256: direct.sha256 };
            return self.finish_upload(context, &put, &key, stored, update).await.map(drop);
        }
        let recorded = self.whole(&key, row, lease).await?;
        let stored = Stored { size: recorded.length, sha256: recorded.sha256()? };
        check_digest(put.sha256, stored).map_err(|error| error.on_field("sha256"))?;
        self.assemble(context, row, &key, recorded, lease).await?;
        self.finish_upload(context, &put, &key, stored, update).await.map(drop)
    }

    /// Makes a partial upload an object of its own, which its row continues to hold until it expires.
    async fn keep_partial(&self, context: &RequestContext, row: &Resumable, key: &Key, lease: &Lease) -> Result<()> {
        let recorded = self.whole(key, row, lease).await?;
        let sha256 = recorded.sha256()?;
        self.assemble(context, row, key, recorded, lease).await?;
        let (id, now) = (row.id.clone(), context.now());
        self.core.write(context, move |tx| resumable::finish(tx, &id, sha256, now)).await
    }

    /// Makes one object of all that has arrived.
    async fn assemble(
        &self,
        context: &RequestContext,
        row: &Resumable,
        key: &Key,
        recorded: UploadProgress,
        lease: &Lease,
    ) -> Result<()> {
        let tail = self.tail(context, &row.id, &recorded).await?;
        let recorded = match self.core.blobs.seal(key, &recorded, tail).await? {
            Some(checkpoint) => {
                let sealed = checkpoint.progress.clone();
                lease.record(checkpoint, None).await?;
                sealed
            }
            None => recorded,
        };
        let id = row.id.clone();
        let parts = self.core.read(context, move |tx| resumable::parts(tx, &id)).await?;
        let parts =
            parts.into_iter().map(|(number, tag, checksum)| SentPart { number: unsigned(number), tag, checksum });
        self.core.blobs.assemble(key, &recorded, parts.collect()).await
    }

    /// The bytes that are too few for a part.
    pub(super) async fn tail(&self, context: &RequestContext, id: &str, progress: &UploadProgress) -> Result<Tail> {
        let (mut tail, mut start) = (Tail { bytes: Vec::new(), share: self.core.blobs.share() }, progress.sent);
        if !self.core.blobs.needs_tail(progress, None) {
            return Ok(tail);
        }
        tail.share.grow(progress.tail()).await?;
        while start < progress.position {
            let (row, at) = (id.to_owned(), signed(start));
            let bytes = self.core.read(context, move |tx| resumable::tail(tx, &row, at)).await?;
            let bytes = Bytes::from(bytes.unwrap_or_default());
            if bytes.is_empty() {
                return Err(Error::internal(format!("upload `{id}` lacks bytes that were kept")));
            }
            start += bytes.len() as u64;
            tail.bytes.push(bytes);
        }
        Ok(tail)
    }

    /// The progress of the upload, which has to be at its end. A file that a crash left ahead of its row is read from
    /// there.
    async fn whole(&self, key: &Key, row: &Resumable, lease: &Lease) -> Result<UploadProgress> {
        let recorded = progress(row);
        // An empty file has yet to be made.
        if recorded.position == recorded.length && recorded.length > 0 {
            return Ok(recorded);
        }
        let mut append = self.core.blobs.append(key, recorded.clone(), recorded.length, None).await?;
        let checkpoint = append.flush().await?;
        let reached = checkpoint.progress.clone();
        lease.record(checkpoint, None).await?;
        Ok(reached)
    }

    /// What a request gets that adds to an upload which is a file already: a repeated last one may have nothing to add.
    pub(super) fn already_whole(&self, row: &Resumable, patch: &Patch) -> Result<UploadState> {
        let length = unsigned(row.length);
        if patch.offset == length && patch.length.is_none_or(|added| added == 0) {
            return Ok(UploadState::new(row, length));
        }
        let message = format!("the upload is complete, with {length} bytes");
        Err(Error::invalid_state(message).on_field(OFFSET))
    }
}

/// Whether the bytes are kept after an error, because the end of the upload may be asked for again.
fn may_finish_later(kind: ErrorKind) -> bool {
    kind.is_transient() || matches!(kind, ErrorKind::Incomplete | ErrorKind::Internal | ErrorKind::Unauthenticated)
}

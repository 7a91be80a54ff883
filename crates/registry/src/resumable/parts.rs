//! The parts of an upload in parts: each is a partial upload that arrives at once.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;

use super::lease::locked;
use super::multipart::with_secret;
use super::{PARTIAL, check_expiry, signed, unsigned, without_target};
use crate::access::still_counts;
use crate::blobs::{BodySize, Key, Stored};
use crate::context::RequestContext;
use crate::domain::access::{PrincipalId, TokenId, WorkspaceId};
use crate::domain::{Error, FilePath, Millis, Result, Sha256};
use crate::link::upload_expired;
use crate::placement::limit;
use crate::quotas::check_room;
use crate::services::Files;
use crate::store::multipart::{self as rows, Multipart};
use crate::store::resumable::{self, Resumable};
use crate::store::uploads;
use crate::target::Target;
use crate::transaction::ReadTransaction;
use crate::upload::{check_digest, check_length};

/// A part to store, without its bytes.
#[derive(Debug, Clone)]
pub struct NewPart {
    /// The id of the upload.
    pub upload: String,
    /// What its parts are sent with.
    pub secret: String,
    /// The part's number, from 1.
    pub number: u64,
    /// How many bytes, when the client said so.
    pub length: Option<u64>,
    /// Their digest, when the client said so.
    pub sha256: Option<Sha256>,
}

impl Files {
    /// Stores a part in the place of one with the same number. Returns the digest of its bytes, which is its tag.
    ///
    /// Who asks is not looked at: the secret says that whoever began the upload lets them. Errors: NotFound for another secret or no upload; Gone
    /// where it has expired; PermissionDenied where whoever began it counts no longer; InvalidArgument for a number that it does not have; InvalidState
    /// once it has become a file; Locked while it becomes one; InvalidBody, DigestMismatch, TooLarge and QuotaExceeded, with the
    /// parts that have arrived, as of any upload. On any of them nothing is kept.
    pub async fn put_part<B>(&self, context: &RequestContext, part: NewPart, body: B) -> Result<Sha256>
    where
        B: Stream<Item = Result<Bytes>> + Unpin,
    {
        self.core.check_store()?;
        // Whoever has no secret costs no more than this.
        let (id, secret) = (part.upload.clone(), part.secret.clone());
        let (row, _) = self.core.read(context, move |tx| with_secret(tx, &id, &secret)).await?;
        let context = &context.in_workspace(WorkspaceId(row.workspace_id));
        let key = Key::new_upload();
        let at_most = self.begin_part(context, &part, &key).await?;
        let kept = async {
            let size = BodySize { exact: part.length, at_most };
            let stored = self.with_heartbeat(&key, self.core.blobs.put(&key, size, body)).await?;
            check_digest(part.sha256, stored)?;
            self.keep_part(context, &part, &key, stored).await?;
            Ok(stored.sha256)
        };
        self.with_guard(&key, kept).await
    }

    /// Announces the bytes of a part. Returns how many there may be.
    async fn begin_part(&self, context: &RequestContext, part: &NewPart, key: &Key) -> Result<Option<u64>> {
        let (policy, quotas) = (Arc::clone(&self.core.policy), Arc::clone(&self.core.quotas));
        let (part, key, now) = (part.clone(), key.to_string(), context.now());
        self.core
            .write(context, move |tx| {
                let (row, multipart) = with_secret(tx, &part.upload, &part.secret)?;
                check_open(tx, &row, &multipart, now)?;
                let total = unsigned(multipart.parts);
                if !(1..=total).contains(&part.number) {
                    let message = format!("there is no part `{}`: the upload has {total}", part.number);
                    return Err(Error::invalid("part_number", message));
                }
                let others = unsigned(rows::size_of_others(tx, &row.id, signed(part.number))?);
                let (target, path) = (Target::of_stored(&multipart.target)?, row.path.parse::<FilePath>()?);
                let limit = limit(tx, &policy, &target)?;
                let whole = part.length.map(|length| length.saturating_add(others));
                check_length(whole, limit)?;
                check_room(tx, &quotas, (&target, &path), whole)?;
                uploads::insert(tx, &key, now)?;
                Ok(limit.map(|limit| limit.saturating_sub(others)))
            })
            .await
    }

    /// Makes stored bytes a part of their upload, and removes what was the part before.
    async fn keep_part(&self, context: &RequestContext, part: &NewPart, key: &Key, stored: Stored) -> Result<()> {
        let (part, key, now) = (part.clone(), key.clone(), context.now());
        let replaced = self
            .core
            .write(context, move |tx| {
                let is_open = rows::takes_parts(tx, &part.upload, now)?;
                // Read under its lock: it may have been given up meanwhile.
                let (row, multipart) = with_secret(tx, &part.upload, &part.secret)?;
                check_open(tx, &row, &multipart, now)?;
                if !is_open {
                    return Err(locked());
                }
                if !uploads::record_heartbeat(tx, key.as_str(), row.expires_at)? {
                    return Err(upload_expired());
                }
                let length = signed(stored.size);
                let new = Resumable {
                    concat: Some(PARTIAL.to_owned()),
                    position: length,
                    sha256: Some(stored.sha256.to_string()),
                    finished_at: Some(now),
                    principal_id: row.principal_id,
                    workspace_id: row.workspace_id,
                    ..without_target(&key, length, (now, row.expires_at))
                };
                resumable::insert(tx, &new)?;
                rows::set_part(tx, &row.id, signed(part.number), &new.id)
            })
            .await?;
        if let Some((id, key)) = replaced
            && let Err(error) = self.remove_resumable(context, &id, &key, Millis::MAX).await
        {
            log::warn!(upload = id, error:%; "a part that was sent again is left for the collector");
        }
        Ok(())
    }
}

/// Errors: Gone, InvalidState, PermissionDenied.
fn check_open(tx: &mut ReadTransaction<'_, '_>, row: &Resumable, multipart: &Multipart, now: Millis) -> Result<()> {
    check_expiry(row, now)?;
    if row.finished_at.is_some() {
        return Err(Error::invalid_state(format!("upload `{}` has become a file", row.id)));
    }
    let Some(principal) = row.principal_id.map(PrincipalId) else { return Ok(()) };
    if still_counts(tx, principal, multipart.token_id.map(TokenId), row.created_at, now)?.is_none() {
        return Err(Error::permission_denied("whoever began the upload is disabled, or their token counts no longer"));
    }
    Ok(())
}

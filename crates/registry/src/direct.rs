//! Uploads whose bytes a client sends to the bucket itself. They are resumable uploads of another kind: the same rows hold,
//! expire and finish them.

use std::sync::Arc;
use std::time::Duration;

use super::context::RequestContext;
use super::hashing::digest_of;
use super::placement::limit;
use super::quotas::check_room;
use super::resumable::{UploadState, direct_of, new_row, owned, resolve_put, signed};
use super::upload::{PutFile, check_length};
use crate::blobs::{Direct, Key, Link};
use crate::domain::{Error, ErrorKind, Result};
use crate::services::Files;
use crate::store::resumable::{self as rows, Resumable};
use crate::store::uploads;

/// The most links that one answer has.
pub const MAX_LINKS: u64 = 1000;
/// The default size of parts.
pub const PART: u64 = 64 << 20;

/// The state of a direct upload, and the links for its next parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectUpload {
    /// The upload.
    pub state: UploadState,
    /// How many bytes each part has; the last may have fewer.
    pub part: u64,
    /// How many parts there are.
    pub parts: u64,
    /// The requests that send parts, in the parts' order.
    pub links: Vec<PartLink>,
    /// For how long the links are valid.
    pub valid: Duration,
}

/// The request that sends one part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PartLink {
    /// The part's number, from 1.
    pub number: u64,
    /// Where the part begins in the file.
    pub offset: u64,
    /// How many bytes it has.
    pub size: u64,
    /// The URL, for PUT.
    pub url: String,
    /// The headers that the request must have.
    pub headers: Vec<(String, String)>,
}

impl Files {
    /// Begins an upload of `put`, whose length and digest must be known and whose target must be a version, in parts of about
    /// `part` bytes. Returns the links of its first parts.
    ///
    /// Errors: as those of a plain upload, on the field that is wrong; InvalidState where clients cannot send to the
    /// store, or may not.
    pub async fn create_direct(&self, context: &RequestContext, put: PutFile, part: u64) -> Result<DirectUpload> {
        let valid = self.direct_valid()?;
        let missing = |field: &str| Error::invalid(field, format!("`{field}` is missing"));
        let length = put.length.filter(|length| *length > 0).ok_or_else(|| missing("size"))?;
        let sha256 = put.sha256.ok_or_else(|| missing("sha256"))?;
        let too_large = |error: Error| error.on_field("size");
        check_length(Some(length), self.core.policy.max_file_bytes).map_err(too_large)?;
        let (policy, quotas) = (Arc::clone(&self.core.policy), Arc::clone(&self.core.quotas));
        let (key, now) = (Key::new_upload(), context.now());
        let expires_at = now.saturating_add(self.expiry());
        let row = key.to_string();
        let asked = put.clone();
        // The row first, so that the collector knows the key whatever happens next.
        let file = self
            .core
            .write(context, move |tx| {
                let resolved = resolve_put(tx, &asked)?;
                check_length(asked.length, limit(tx, &policy, &asked.target)?).map_err(too_large)?;
                check_room(tx, &quotas, (&asked.target, &asked.path), asked.length)?;
                uploads::insert(tx, &row, expires_at)?;
                Ok(resolved)
            })
            .await?;
        let direct =
            self.core.blobs.begin_direct(&key, length, sha256, part).await.map_err(|error| match error.kind() {
                ErrorKind::TooLarge => too_large(error),
                _ => error,
            });
        let direct = match direct {
            Ok(direct) => direct,
            Err(error) => {
                let forgotten = self.discard_upload(&key, i64::MAX).await;
                if let Err(left) = forgotten {
                    log::warn!(key = key.as_str(), error:% = left; "an upload that never started is left for the collector");
                }
                return Err(error);
            }
        };
        let row = Resumable {
            multipart: direct.multipart.clone(),
            direct_part: Some(signed(direct.part)),
            ..new_row(&put, &key, file, signed(length), (now, expires_at))
        };
        let row = owned(context, row);
        let inserted = row.clone();
        self.core.write(context, move |tx| rows::insert(tx, &inserted)).await?;
        self.linked(&row, &direct, 0, valid).await
    }

    /// The state of a direct upload, with the links of the parts after that one. Extends its expiry.
    ///
    /// Errors: NotFound; Gone where it has expired.
    pub async fn direct(&self, context: &RequestContext, id: &str, after: u64) -> Result<DirectUpload> {
        let valid = self.direct_valid()?;
        let (mut row, direct) = self.direct_row(context, id).await?;
        if row.finished_at.is_none() {
            // The links let whoever has them write.
            self.demand_to_continue(context, &row).await?;
            row.expires_at = context.now().saturating_add(self.expiry());
            let (id, key, expires_at) = (row.id.clone(), row.key.clone(), row.expires_at);
            self.core
                .write(context, move |tx| {
                    if uploads::record_heartbeat(tx, &key, expires_at)? {
                        rows::extend_expiry(tx, &id, expires_at)?;
                    }
                    Ok(())
                })
                .await?;
        }
        self.linked(&row, &direct, after, valid).await
    }

    /// Makes the upload's file once its parts have arrived. Continues when the caller has gone, who can then ask again.
    ///
    /// Errors: Incomplete while a part is missing; Locked while another request does the same; those of the end of
    /// any upload, after which nothing is left.
    pub async fn complete_direct(&self, context: &RequestContext, id: &str) -> Result<UploadState> {
        let (files, context, id) = (self.clone(), context.clone(), id.to_owned());
        let task = tokio::spawn(async move {
            let (row, _) = files.direct_row(&context, &id).await?;
            files.demand_to_continue(&context, &row).await?;
            files.finish_resumable(&context, &id).await
        });
        task.await.map_err(|error| Error::unavailable("the server is stopping").caused_by(error))?
    }

    /// Ends a direct upload without a file, or forgets one that has become a file.
    pub async fn delete_direct(&self, context: &RequestContext, id: &str) -> Result<()> {
        self.direct_row(context, id).await?;
        self.delete_resumable(context, id).await
    }

    /// The object of a direct upload, whole, and compared with its digest: by the bucket where that is possible, otherwise by
    /// reading it.
    pub(super) async fn whole_direct(&self, row: &Resumable, direct: &Direct) -> Result<()> {
        let key: Key = row.key.parse()?;
        let arrived = self.core.blobs.complete_direct(&key, direct).await?;
        if !arrived.compared {
            let (size, sha256) = digest_of(&self.core.blobs, &key).await?;
            if (size, sha256) != (direct.length, direct.sha256) {
                let message = format!("the bytes have sha256 `{sha256}`, not `{}` as announced", direct.sha256);
                return Err(Error::digest_mismatch(message).on_field("sha256"));
            }
        }
        Ok(())
    }

    async fn linked(&self, row: &Resumable, direct: &Direct, after: u64, valid: Duration) -> Result<DirectUpload> {
        let (key, mut links) = (row.key.parse::<Key>()?, Vec::new());
        if row.finished_at.is_none() {
            for number in after.saturating_add(1)..=direct.parts().min(after.saturating_add(MAX_LINKS)) {
                let Link { url, headers } = self.core.blobs.direct_link(&key, direct, number, valid).await?;
                let (offset, size) = ((number - 1) * direct.part, direct.size_of(number));
                links.push(PartLink { number, offset, size, url, headers });
            }
        }
        let offset = if row.finished_at.is_some() { direct.length } else { 0 };
        let state = UploadState::new(row, offset);
        Ok(DirectUpload { state, part: direct.part, parts: direct.parts(), links, valid })
    }

    async fn direct_row(&self, context: &RequestContext, id: &str) -> Result<(Resumable, Direct)> {
        let row = self.resumable_row(context, id).await?;
        let other = || Error::not_found(format!("direct upload `{}`", id.escape_debug()));
        let direct = direct_of(&row)?.ok_or_else(other)?;
        Ok((row, direct))
    }

    fn direct_valid(&self) -> Result<Duration> {
        let off = "direct uploads are disabled: `artifacts.direct_upload_seconds` is 0";
        self.core.direct.ok_or_else(|| Error::invalid_state(off))
    }
}

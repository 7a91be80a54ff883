//! Files that arrive in parts, several at once: each part is a partial upload, and a final upload puts them together
//! (tus 1.0, Concatenation).

use std::collections::BTreeSet;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::{self, BoxStream};
use futures_util::{StreamExt as _, TryStreamExt as _};

use super::demands::demand_to_write_something;
use super::lease::{Lease, with_heartbeats_of};
use super::{CONCAT, UploadState, new_row, owned, resolve_put, signed, unsigned, without_target};
use crate::blobs::{BodySize, Key};
use crate::context::RequestContext;
use crate::domain::{Error, ErrorKind, Result, VersionRef};
use crate::placement::limit;
use crate::quotas::check_room;
use crate::services::Files;
use crate::store::resumable::{self as rows, Resumable};
use crate::store::uploads;
use crate::target::Target;
use crate::upload::{PutFile, ResumableUpdate, check_digest, check_length};

/// What `Upload-Concat` says of a partial upload.
pub const PARTIAL: &str = "partial";
/// How many parts a file may be put together from.
const MAX_PARTS: usize = 1000;

/// Whether the upload is part of a file and never one itself.
pub(super) fn is_partial(row: &Resumable) -> bool {
    row.concat.as_deref() == Some(PARTIAL)
}

/// Refuses to add to an upload that was put together. Errors: PermissionDenied, as the protocol has it.
pub(super) fn refuse_final(row: &Resumable) -> Result<()> {
    if row.concat.is_none() || is_partial(row) {
        return Ok(());
    }
    let message = format!("upload `{}` was concatenated from partial uploads and cannot be appended to", row.id);
    Err(Error::new(ErrorKind::PermissionDenied, message).on_field(CONCAT))
}

impl Files {
    /// Creates a partial upload of that many bytes. It expires as every resumable upload does, and is never a file.
    ///
    /// Errors: TooLarge when it is larger than any file may be; PermissionDenied for whoever may write nothing in the workspace.
    pub async fn create_partial(&self, context: &RequestContext, length: u64, metadata: &str) -> Result<UploadState> {
        let too_large = |error: Error| error.on_field("Upload-Length");
        check_length(Some(length), self.core.policy.max_file_bytes).map_err(too_large)?;
        let now = context.now();
        let expires_at = now.saturating_add(self.expiry());
        let new_row = without_target(&Key::new_upload(), signed(length), (now, expires_at));
        let row =
            owned(context, Resumable { metadata: metadata.to_owned(), concat: Some(PARTIAL.to_owned()), ..new_row });
        let new = row.clone();
        self.core
            .write(context, move |tx| {
                demand_to_write_something(tx)?;
                uploads::insert(tx, &new.key, expires_at)?;
                rows::insert(tx, &new)
            })
            .await?;
        if length == 0 { self.finish_resumable(context, &row.id).await } else { Ok(UploadState::new(&row, 0)) }
    }

    /// Makes a file of the partial uploads with these ids, one after the other, and an upload that stands for it. They are
    /// kept until they expire. Continues when the caller has gone.
    ///
    /// `concat` and `metadata` are the client's words. Errors: NotFound for a part that is not there; InvalidArgument for an
    /// upload that is no part; Incomplete for one that lacks bytes; Locked while another request uses a
    /// part; those of the end of any upload.
    pub async fn concatenate(
        &self,
        context: &RequestContext,
        put: PutFile,
        ids: Vec<String>,
        (concat, metadata): (&str, &str),
    ) -> Result<UploadState> {
        if !(1..=MAX_PARTS).contains(&ids.len()) {
            let message = format!("a final upload has 1 to {MAX_PARTS} parts, not {}", ids.len());
            return Err(Error::invalid(CONCAT, message));
        }
        let (files, context) = (self.clone(), context.clone());
        let (concat, metadata) = (concat.to_owned(), metadata.to_owned());
        let task = tokio::spawn(async move {
            let distinct: BTreeSet<&String> = ids.iter().collect();
            for id in &distinct {
                // Makes an object of one whose bytes are all there, where a crash prevented that.
                files.resumable(&context, id).await.map_err(about_parts)?;
            }
            let leases = files.lease_all(&context, &distinct).await?;
            let put_together = files.put_together(&context, put, &ids, (concat, metadata));
            let made = with_heartbeats_of(&leases, about_parts, put_together).await;
            for lease in leases {
                lease.release().await;
            }
            made
        });
        task.await.map_err(|error| Error::unavailable("the server is stopping").caused_by(error))?
    }

    /// Takes the leases of all of these uploads, or none.
    async fn lease_all(&self, context: &RequestContext, ids: &BTreeSet<&String>) -> Result<Vec<Lease>> {
        let mut leases = Vec::new();
        for id in ids {
            match self.lease(context, id).await {
                Ok(lease) => leases.push(lease),
                Err(error) => {
                    for lease in leases {
                        lease.release().await;
                    }
                    return Err(error);
                }
            }
        }
        Ok(leases)
    }

    async fn put_together(
        &self,
        context: &RequestContext,
        mut put: PutFile,
        ids: &[String],
        (concat, metadata): (String, String),
    ) -> Result<UploadState> {
        let mut parts = Vec::new();
        for id in ids {
            parts.push(self.whole_part(context, id).await?);
        }
        let length = parts.iter().try_fold(0_u64, |sum, part| sum.checked_add(unsigned(part.length)));
        let length = length.ok_or_else(|| Error::invalid(CONCAT, "the parts have more bytes than any file"))?;
        put.length = Some(length);
        let too_large = |error: Error| error.on_field(CONCAT);
        check_length(put.length, self.core.policy.max_file_bytes).map_err(too_large)?;
        let (policy, quotas) = (Arc::clone(&self.core.policy), Arc::clone(&self.core.quotas));
        let (key, now) = (Key::new_upload(), context.now());
        let (row, asked) = (key.to_string(), put.clone());
        let (model, version) = self
            .core
            .write(context, move |tx| {
                let resolved = resolve_put(tx, &asked)?;
                check_length(asked.length, limit(tx, &policy, &asked.target)?).map_err(too_large)?;
                check_room(tx, &quotas, (&asked.target, &asked.path), asked.length)?;
                uploads::insert(tx, &row, now)?;
                Ok(resolved)
            })
            .await?;
        put.target = Target::Version { model: model.parse()?, version: VersionRef::Named(version.parse()?) };
        let times = (now, now.saturating_add(self.expiry()));
        let row = Resumable {
            metadata,
            concat: Some(concat),
            finished_at: Some(now),
            ..owned(context, new_row(&put, &key, (model, version), signed(length), times))
        };
        self.with_guard(&key, self.copy_and_finish(context, &put, &key, &parts, row)).await
    }

    /// A SHA-256 cannot be put together from those of parts, so their bytes are read once, whatever the store.
    async fn copy_and_finish(
        &self,
        context: &RequestContext,
        put: &PutFile,
        key: &Key,
        parts: &[Resumable],
        row: Resumable,
    ) -> Result<UploadState> {
        let size = BodySize { exact: put.length, at_most: None };
        let keys = parts.iter().filter(|part| part.length > 0).map(|part| part.key.parse::<Key>());
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let stored = self.with_heartbeat(key, self.core.blobs.put(key, size, self.bytes_of(keys))).await?;
        check_digest(put.sha256, stored).map_err(|error| error.on_field("sha256"))?;
        let sha256 = Some(stored.sha256.to_string());
        let row = Resumable { sha256, position: row.length, ..row };
        let state = UploadState::new(&row, unsigned(row.length));
        self.finish_upload(context, put, key, stored, ResumableUpdate::InsertFinished(Box::new(row))).await?;
        Ok(state)
    }

    /// The bytes of these objects, which are parts, one after the other.
    pub(super) fn bytes_of(&self, keys: Vec<Key>) -> BoxStream<'static, Result<Bytes>> {
        let blobs = self.core.blobs.clone();
        let opened = stream::iter(keys).then(move |key| {
            let blobs = blobs.clone();
            async move {
                let lost = |error: Error| match error.kind() {
                    ErrorKind::NotFound => Error::internal("the bytes of a partial upload are lost").caused_by(error),
                    _ => error,
                };
                blobs.get(&key, None).await.map_err(lost)
            }
        });
        opened.try_flatten().boxed()
    }

    /// A partial upload whose bytes are all there, read under its lease.
    async fn whole_part(&self, context: &RequestContext, id: &str) -> Result<Resumable> {
        let row = self.resumable_row(context, id).await.map_err(about_parts)?;
        if !is_partial(&row) {
            return Err(Error::invalid(CONCAT, format!("upload `{id}` is not a partial one")));
        }
        if row.finished_at.is_none() {
            let length = row.length;
            let message = format!("partial upload `{id}` is incomplete: not all of its {length} bytes have arrived");
            return Err(Error::incomplete(CONCAT, message));
        }
        Ok(row)
    }
}

/// An error about one of the parts: its field says so, unless the field says more.
fn about_parts(error: Error) -> Error {
    error.or_on_field(CONCAT)
}

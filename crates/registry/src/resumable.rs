//! Resumable uploads: created by one request and filled by many, on any replica, until they become a file of a version.
//!
//! The row of a resumable upload has its offset and its lease. Its row in `uploads`, under the same key, owns the object as that
//! of every upload does, and counts as seen until the upload expires.

mod checksum;
mod concat;
mod demands;
mod finish;
mod lease;
pub mod multipart;
mod parts;
mod patch;

use std::sync::Arc;

use super::context::RequestContext;
use super::files::find;
use super::placement::{limit, resolve_target};
use super::quotas::check_room;
use super::resolve::model_named;
use super::target::{Precondition, Target};
use super::transaction::ReadTransaction;
use super::upload::{PutFile, check_length};
use crate::blobs::{Direct, Key, UploadProgress};
use crate::domain::access::WorkspaceId;
use crate::domain::{Error, ErrorKind, Millis, Result, Sha256, VersionRef};
use crate::services::Files;
use crate::store::resumable::{self, Resumable};
use crate::store::uploads;

pub use checksum::{ALGORITHMS, Checksums};
pub use concat::PARTIAL;
pub use parts::NewPart;
pub use patch::Patch;

/// The field of an error about an upload that another request is writing.
pub const LOCKED: &str = "upload";
/// The field of an error about an upload that has expired.
pub const EXPIRES: &str = "Upload-Expires";
/// The field of an error about where the bytes go.
pub const OFFSET: &str = "Upload-Offset";
/// The field of an error about bytes that are not what their checksum says.
pub const CHECKSUM: &str = "Upload-Checksum";
/// The field of an error about the parts that an upload is put together from.
pub const CONCAT: &str = "Upload-Concat";

/// The state of a resumable upload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadState {
    /// Its id.
    pub id: String,
    /// How many bytes are durable.
    pub offset: u64,
    /// Its total length.
    pub length: u64,
    /// The client's `Upload-Metadata`, unchanged.
    pub metadata: String,
    /// The names of model and version, and the path; `None` for a partial upload, which is no file.
    pub file: Option<(String, String, String)>,
    /// What `Upload-Concat` said: `partial`, or `final;` and the parts. `None` for an upload of a whole file.
    pub concat: Option<String>,
    /// When it was created.
    pub created_at: Millis,
    /// When it expires.
    pub expires_at: Millis,
    /// When it became a file.
    pub finished_at: Option<Millis>,
    /// The digest: the announced one, or that of the file's bytes.
    pub sha256: Option<String>,
}

impl UploadState {
    pub(super) fn new(row: &Resumable, offset: u64) -> Self {
        Self {
            id: row.id.clone(),
            offset,
            length: unsigned(row.length),
            metadata: row.metadata.clone(),
            file: (!concat::is_partial(row)).then(|| (row.model.clone(), row.version.clone(), row.path.clone())),
            concat: row.concat.clone(),
            created_at: row.created_at,
            expires_at: row.expires_at,
            finished_at: row.finished_at,
            sha256: row.sha256.clone(),
        }
    }
}

impl Files {
    /// Creates a resumable upload of `put`, whose length must be known and whose target must be a version.
    ///
    /// Errors: as those of a plain upload, on the field that is wrong.
    pub async fn create_resumable(
        &self,
        context: &RequestContext,
        put: PutFile,
        metadata: &str,
    ) -> Result<UploadState> {
        let length = put.length.ok_or_else(|| Error::invalid("Upload-Length", "`Upload-Length` is missing"))?;
        let too_large = |error: Error| error.on_field("Upload-Length");
        check_length(Some(length), self.core.policy.max_file_bytes).map_err(too_large)?;
        let (policy, quotas) = (Arc::clone(&self.core.policy), Arc::clone(&self.core.quotas));
        let length = i64::try_from(length).map_err(|_| Error::invalid("Upload-Length", "more than any file has"))?;
        let now = context.now();
        let expires_at = now.saturating_add(self.expiry());
        let metadata = metadata.to_owned();
        let row = self
            .core
            .write(context, move |tx| {
                let file = resolve_put(tx, &put)?;
                check_length(put.length, limit(tx, &policy, &put.target)?).map_err(too_large)?;
                check_room(tx, &quotas, (&put.target, &put.path), put.length)?;
                let new_row = new_row(&put, &Key::new_upload(), file, length, (now, expires_at));
                let row = owned(tx.context(), Resumable { metadata: metadata.clone(), ..new_row });
                uploads::insert(tx, &row.key, expires_at)?;
                resumable::insert(tx, &row)?;
                Ok(row)
            })
            .await?;
        if length == 0 { self.finish_resumable(context, &row.id).await } else { Ok(UploadState::new(&row, 0)) }
    }

    /// The state of a resumable upload. If it is complete and a crash kept it from becoming a file, it becomes one first.
    ///
    /// Errors: NotFound; Gone where it has expired; Locked; those of the end.
    pub async fn resumable(&self, context: &RequestContext, id: &str) -> Result<UploadState> {
        let row = self.resumable_row(context, id).await?;
        let offset = self.offset(&row).await?;
        if row.finished_at.is_none() && offset == unsigned(row.length) {
            self.demand_to_continue(context, &row).await?;
            return self.finish_resumable(context, id).await;
        }
        Ok(UploadState::new(&row, offset))
    }

    /// Aborts a resumable upload, or deletes the row of one that has become a file.
    ///
    /// Errors: as those of [`Files::resumable`].
    pub async fn delete_resumable(&self, context: &RequestContext, id: &str) -> Result<()> {
        let row = self.resumable_row(context, id).await?;
        // Whoever may write no longer may still give up what they began.
        if context.access().rights().limits.is_some() {
            self.demand_to_continue(context, &row).await?;
        }
        // The lease is kept: later requests no longer find the upload.
        let lease = self.lease(context, id).await?;
        let removed = self.remove_resumable(context, id, &row.key, Millis::MAX).await;
        if removed.is_err() {
            lease.release().await;
        }
        removed
    }

    /// Removes the upload and its bytes, unless it has become a file or is still being written.
    pub(super) async fn remove_resumable(
        &self,
        context: &RequestContext,
        id: &str,
        key: &str,
        before: Millis,
    ) -> Result<()> {
        self.discard_upload(&key.parse()?, before).await?;
        let id = id.to_owned();
        self.core.write(context, move |tx| resumable::remove(tx, &id, before)).await
    }

    /// Removes an upload that expired before `now`. One that is being written or finished has been seen since.
    pub(super) async fn remove_expired(
        &self,
        context: &RequestContext,
        id: &str,
        key: &str,
        now: Millis,
    ) -> Result<()> {
        match self.lease(context, id).await {
            Ok(lease) => {
                let removed = self.remove_resumable(context, id, key, now).await;
                lease.release().await;
                removed
            }
            Err(error) if error.kind() == ErrorKind::Locked => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// The row of an upload that clients resume. Those in parts are found by [`Files::any_row`] alone.
    pub(super) async fn resumable_row(&self, context: &RequestContext, id: &str) -> Result<Resumable> {
        let row = self.any_row(context, id).await?;
        if multipart::is_multipart(&row) { Err(not_found(id)) } else { Ok(row) }
    }

    /// The row of that id, whatever kind of upload it is.
    async fn any_row(&self, context: &RequestContext, id: &str) -> Result<Resumable> {
        let (wanted, missing) = (id.to_owned(), not_found(id));
        if !is_upload_id(id) {
            return Err(missing);
        }
        let found = self.core.read(context, move |tx| {
            let Some(row) = resumable::find(tx, &wanted)? else { return Ok(None) };
            Ok(demands::is_accessible(tx, &row)?.then_some(row))
        });
        let row = found.await?.ok_or(missing)?;
        check_expiry(&row, context.now())?;
        Ok(row)
    }

    /// Refuses a credential that may not do what the upload is to end in, before its bytes are read.
    ///
    /// Errors: PermissionDenied.
    pub(super) async fn demand_to_continue(&self, context: &RequestContext, row: &Resumable) -> Result<()> {
        if context.access().is_unrestricted() {
            return Ok(());
        }
        let (context, row) = (context.in_workspace(WorkspaceId(row.workspace_id)), row.clone());
        self.core.read(&context, move |tx| demands::demand_to_continue(tx, &row)).await
    }

    /// How many bytes are durable.
    async fn offset(&self, row: &Resumable) -> Result<u64> {
        if row.finished_at.is_some() {
            return Ok(unsigned(row.length));
        }
        let there = self.core.blobs.appended(&row.key.parse()?).await?.unwrap_or_else(|| unsigned(row.position));
        Ok(row.unverified_from.map_or(there, |verified| there.min(unsigned(verified))))
    }

    pub(super) fn expiry(&self) -> Millis {
        Millis::try_from(self.core.resumable_expiry.as_millis()).unwrap_or(Millis::MAX)
    }
}

fn not_found(id: &str) -> Error {
    Error::not_found(format!("upload `{}`", id.escape_debug()))
}

/// Errors: Gone for an upload that has expired.
fn check_expiry(row: &Resumable, now: Millis) -> Result<()> {
    if row.expires_at < now {
        return Err(Error::gone(format!("upload `{}` has expired and is not found", row.id)).on_field(EXPIRES));
    }
    Ok(())
}

/// Whether an upload can have that id: a UUID's digits, as [`new_row`] writes them. PostgreSQL refuses a NUL in a text.
fn is_upload_id(id: &str) -> bool {
    id.len() == 32 && id.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Resolves the names of the model and version, and refuses early what finishing the upload would refuse anyway.
pub(super) fn resolve_put(tx: &mut ReadTransaction<'_, '_>, put: &PutFile) -> Result<(String, String)> {
    if let Target::Version { model, .. } = &put.target
        && !put.create
    {
        model_named(tx, model).map_err(|error| error.on_field("model"))?;
    }
    let target = resolve_target(tx, &put.target, put.create).map_err(|error| error.on_field("version"))?;
    let Target::Version { model, version: VersionRef::Named(version) } = &target else {
        return Err(Error::invalid("version", "the target of a resumable upload must be a version"));
    };
    match (find(tx, &target, &put.path), put.sha256) {
        (Ok(file), Some(announced)) if file.blob.sha256 != announced => {
            let message = format!("file `{}` has sha256 `{}` already", put.path, file.blob.sha256);
            return Err(Error::already_exists(message).on_field("path"));
        }
        (Err(error), _) if error.kind() != ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    Ok((model.to_string(), version.to_string()))
}

/// The row of a new upload of `put` to that version of that model.
pub(super) fn new_row(
    put: &PutFile,
    key: &Key,
    (model, version): (String, String),
    length: i64,
    (now, expires_at): (Millis, Millis),
) -> Resumable {
    Resumable {
        model,
        version,
        path: put.path.to_string(),
        media_type: put.media_type.clone(),
        sha256: put.sha256.map(|sha256| sha256.to_string()),
        creates: put.create,
        ..without_target(key, length, (now, expires_at))
    }
}

/// The row of a new upload without a target.
fn without_target(key: &Key, length: i64, (now, expires_at): (Millis, Millis)) -> Resumable {
    Resumable {
        id: uuid::Uuid::new_v4().simple().to_string(),
        key: key.to_string(),
        model: String::new(),
        version: String::new(),
        path: String::new(),
        media_type: None,
        sha256: None,
        creates: false,
        metadata: String::new(),
        length,
        position: 0,
        digest: UploadProgress::start(unsigned(length)).digest,
        sent: 0,
        parts: 0,
        multipart: None,
        unverified_from: None,
        lease: String::new(),
        lease_until: 0,
        created_at: now,
        expires_at,
        finished_at: None,
        direct_part: None,
        concat: None,
        principal_id: None,
        workspace_id: WorkspaceId::DEFAULT.0,
    }
}

/// The row as an upload of whoever asks, to the workspace of the request.
pub(super) fn owned(context: &RequestContext, row: Resumable) -> Resumable {
    let access = context.access();
    Resumable {
        principal_id: access.principal().map(|principal| principal.0),
        workspace_id: access.workspace().0,
        ..row
    }
}

pub(super) fn put_file_of(row: &Resumable) -> Result<PutFile> {
    Ok(PutFile {
        // The row has the resolved name, which may look like a reserved word or an alias.
        target: Target::Version { model: row.model.parse()?, version: VersionRef::Named(row.version.parse()?) },
        path: row.path.parse()?,
        media_type: row.media_type.clone(),
        length: Some(unsigned(row.length)),
        sha256: row.sha256.as_deref().map(str::parse).transpose()?,
        precondition: Precondition::None,
        create: row.creates,
    })
}

/// The object of the row, where a client sends it to the bucket.
pub(super) fn direct_of(row: &Resumable) -> Result<Option<Direct>> {
    let Some(part) = row.direct_part else { return Ok(None) };
    let sha256: Option<Sha256> = put_file_of(row)?.sha256;
    let sha256 = sha256.ok_or_else(|| Error::internal("a direct upload has no digest"))?;
    Ok(Some(Direct { length: unsigned(row.length), sha256, part: unsigned(part), multipart: row.multipart.clone() }))
}

fn progress(row: &Resumable) -> UploadProgress {
    UploadProgress {
        length: unsigned(row.length),
        position: unsigned(row.position),
        digest: row.digest.clone(),
        sent: unsigned(row.sent),
        parts: unsigned(row.parts),
        multipart: row.multipart.clone(),
    }
}

pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or_default()
}

pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

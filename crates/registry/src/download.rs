//! Files read back: found, listed, opened, removed.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream::BoxStream;

use super::context::RequestContext;
use super::files::{FilePage, FileToken, find, missing, page, record_file};
use super::holders::{get_holder, increment_holder_revision};
use super::inspection::{ServedFile, check_served, on_files_changed, policy_of};
use super::protection::check_unlocked;
use super::target::{Precondition, Target};
use crate::audit;
use crate::blobs::LinkHeaders;
use crate::domain::audit::{AuditAction, AuditEntry, Outcome};
use crate::domain::{Action, Damage, Error, ErrorKind, File, FilePath, NodeId, PageSize, Result};
use crate::services::Files;
use crate::store::files;
use crate::store::files::Holder;

/// Bytes as they are read, in pieces.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

impl Files {
    /// The file at that path.
    pub async fn get_file(&self, context: &RequestContext, target: &Target, path: &FilePath) -> Result<File> {
        let (target, path) = (target.clone(), path.clone());
        self.core.read(context, move |tx| find(tx, &target, &path)).await
    }

    /// The file at that path, to be served: one that is quarantined only with `quarantined`.
    ///
    /// Errors: NotFound, PermissionDenied with the reason.
    pub async fn get_served_file(
        &self,
        context: &RequestContext,
        target: &Target,
        path: &FilePath,
        quarantined: bool,
    ) -> Result<ServedFile> {
        let (target, path) = (target.clone(), path.clone());
        self.core
            .read(context, move |tx| {
                let file = find(tx, &target, &path)?;
                check_served(tx, vec![file], quarantined)?.pop().ok_or_else(|| missing(&path))
            })
            .await
    }

    /// The bytes of a file, or those of a half-open range within its size. A blob whose object is lost is marked, so that an
    /// upload of its bytes repairs it.
    pub async fn open_file(
        &self,
        context: &RequestContext,
        file: &ServedFile,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream> {
        let size = range.as_ref().map_or(file.blob.size, |range| range.end.saturating_sub(range.start));
        self.record_read(context, AuditAction::Download, file, size).await?;
        self.open(context, file, range).await
    }

    /// Records that bytes of a file are read, or a link to them is given, where callers say who they are.
    pub(super) async fn record_read(
        &self,
        context: &RequestContext,
        action: AuditAction,
        file: &File,
        bytes: u64,
    ) -> Result<()> {
        if context.access().is_open_to_all() {
            return Ok(());
        }
        let entry = AuditEntry {
            node_id: Some(file.node_id),
            path: Some(file.path.to_string()),
            blob_id: Some(file.blob.id),
            bytes: Some(i64::try_from(bytes).unwrap_or(i64::MAX)),
            ..audit::entry(context, action, Outcome::Done)
        };
        self.core.audit().record(context, entry).await
    }

    pub(super) async fn open(
        &self,
        context: &RequestContext,
        file: &File,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream> {
        // The whole as a range, too, so that an object that has become shorter is noticed before the first byte is sent.
        let range = range.unwrap_or(0..file.blob.size);
        let is_within = range.end <= file.blob.size;
        let error = match self.core.blobs.get(&file.blob.key.parse()?, Some(range)).await {
            Err(error) => error,
            Ok(opened) => return Ok(opened),
        };
        let damage = match error.kind() {
            ErrorKind::NotFound => Damage::Missing,
            ErrorKind::InvalidArgument if is_within => Damage::Damaged,
            _ => return Err(error),
        };
        // Either the file went while it was being opened, or the store lost an object that a file needs.
        self.get_file(context, &Target::Artifact(file.node_id), &file.path).await?;
        self.core.check_store_id().await?;
        self.core.mark_damaged(file, damage).await;
        let message = format!("the object of blob `{}` is {}", file.blob.sha256, damage.name());
        Err(Error::internal(message).caused_by(error))
    }

    /// Where the object store gives the file to anybody for a while, with this `Content-Type` and this `Content-Disposition`; `None`
    /// where it is read from here.
    pub async fn file_link(
        &self,
        context: &RequestContext,
        file: &ServedFile,
        (media_type, disposition): (&str, &str),
    ) -> Result<Option<String>> {
        match self.core.redirect {
            Some(valid) => {
                self.record_read(context, AuditAction::Link, file, file.blob.size).await?;
                let headers = LinkHeaders { media_type, disposition };
                self.core.blobs.link(&file.blob.key.parse()?, valid, headers).await
            }
            None => Ok(None),
        }
    }

    /// Whether files are read from the object store by links.
    pub fn gives_links(&self, _context: &RequestContext) -> bool {
        self.core.redirect.is_some() && self.core.blobs.has_links()
    }

    /// The files of an artifact, in pages, ordered by path.
    pub async fn list_artifact_files(
        &self,
        context: &RequestContext,
        artifact: NodeId,
        size: PageSize,
        token: Option<FileToken>,
    ) -> Result<FilePage> {
        self.core
            .read(context, move |tx| {
                get_holder(tx, artifact)?;
                page(tx, artifact, Holder::Node(artifact), token.as_ref(), size)
            })
            .await
    }

    /// Removes a file; its bytes are collected when nothing else points at them.
    ///
    /// Errors: NotFound; PreconditionFailed; InvalidState when it is part of an approved version.
    pub async fn delete_file(
        &self,
        context: &RequestContext,
        target: &Target,
        path: &FilePath,
        precondition: Precondition,
    ) -> Result<()> {
        let (target, path) = (target.clone(), path.clone());
        let policy = Arc::clone(&self.core.policy);
        self.core
            .write(context, move |tx| {
                let found = find(tx, &target, &path)?;
                let artifact = increment_holder_revision(tx, found.node_id)?;
                let file = files::find(tx, artifact.id, &path)?;
                precondition.check(file.as_ref())?;
                let Some(file) = file else { return Err(missing(&path)) };
                check_unlocked(tx, &[artifact.id])?;
                files::delete(tx, artifact.id, &path)?;
                let policy = policy_of(tx, &policy, &artifact)?;
                let after = on_files_changed(tx, &policy, &artifact)?;
                record_file(tx, Action::DeleteFile, (&artifact, &after), (&file, None))
            })
            .await
    }
}

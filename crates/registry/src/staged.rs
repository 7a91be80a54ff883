//! Staged files: bytes that are stored before it is known what they become.

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::BoxStream;
use tokio::sync::mpsc;

use super::archive::{nest, streamed};
use super::context::RequestContext;
use super::upload::{Guard, PutFile, PutResult, abandon};
use crate::blobs::{BodySize, Key, Stored};
use crate::domain::{Error, FilePath, Result};
use crate::services::Files;
use crate::store::uploads;

/// Stored bytes that belong to no file yet. They are removed when it is dropped.
pub struct StagedFile {
    pub(super) key: Key,
    pub(super) stored: Stored,
    pub(super) guard: Guard,
}

impl Files {
    /// Stores bytes that become a file later, of this `length` if it is known. Errors: InvalidBody when the length differs,
    /// TooLarge when it is too large.
    pub async fn stage_file<B, E>(&self, context: &RequestContext, length: Option<u64>, body: B) -> Result<StagedFile>
    where
        B: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Error>,
    {
        self.core.check_store()?;
        let key = Key::new_upload();
        let (row, now) = (key.to_string(), context.now());
        self.core.write(context, move |tx| uploads::insert(tx, &row, now)).await?;
        let guard = Guard::new(self, &key);
        let size = BodySize { exact: length, at_most: self.core.policy.max_file_bytes };
        match self.with_heartbeat(&key, self.core.blobs.put(&key, size, body)).await {
            Ok(stored) => Ok(StagedFile { key, stored, guard }),
            Err(error) => {
                guard.disarm();
                abandon(self, &key).await;
                Err(error)
            }
        }
    }

    /// Why these bytes cannot be unpacked as a zip archive; `None` if they can.
    pub async fn check_archive(&self, _context: &RequestContext, file: &StagedFile) -> Result<Option<String>> {
        self.with_heartbeat(&file.key, self.core.inspections().unusable_archive(&file.key, file.stored.size)).await
    }

    /// Removes staged bytes.
    pub async fn discard_file(&self, _context: &RequestContext, file: StagedFile) {
        file.guard.disarm();
        abandon(self, &file.key).await;
    }

    /// Stores a zip as [`Files::put_file`] does, with all of its members below one `folder`, which is the first of them.
    /// One that cannot be unpacked without harm is stored as it came.
    pub async fn put_nested<B>(
        &self,
        context: &RequestContext,
        put: PutFile,
        folder: &FilePath,
        body: B,
    ) -> Result<PutResult>
    where
        B: Stream<Item = Result<Bytes>> + Unpin,
    {
        let file = self.stage_file(context, put.length, body).await?;
        let put = PutFile { length: None, ..put };
        let result = self.put_staged(context, put, folder, &file).await;
        self.discard_file(context, file).await;
        result
    }

    async fn put_staged(
        &self,
        context: &RequestContext,
        put: PutFile,
        folder: &FilePath,
        file: &StagedFile,
    ) -> Result<PutResult> {
        let body = match self.check_archive(context, file).await? {
            None => self.nested(file, folder),
            Some(_) => self.core.blobs.get(&file.key, None).await?,
        };
        self.with_heartbeat(&file.key, self.put_file(context, put, body)).await
    }

    fn nested<'a>(&self, file: &'a StagedFile, folder: &FilePath) -> BoxStream<'a, Result<Bytes>> {
        let (sender, receiver) = mpsc::channel(2);
        let folder = folder.clone();
        let inspections = self.core.inspections();
        let written = async move {
            inspections.in_object(&file.key, file.stored.size, move |object| nest(object, &folder, &sender)).await
        };
        streamed(written, receiver)
    }
}

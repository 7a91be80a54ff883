//! Bytes in files below one folder. No file is touched on the async thread, and nothing outside the folder.

mod append;
mod folder;
mod id;
mod list;
mod part;
mod read;

use std::fmt;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::Semaphore;
use tokio::time::timeout;

pub use self::append::LocalAppend;
use self::folder::Folder;
use self::part::PartFile;
use self::read::Reader;
use super::batched_body::{BatchedBody, Digest};
use super::serial_task::{SerialTask, blocking};
use super::{BodySize, Chunks, Key, ObjectPage, Stored};
use modelport_domain::{Error, Result};
use modelport_memory::Memory;

const CHECK_TIMEOUT: Duration = Duration::from_secs(3);

/// A store in one folder of the local file system: the file of a key is the key below that folder.
#[derive(Debug, Clone)]
pub struct LocalBlobs {
    folder: Arc<Folder>,
    /// One check at a time, so that a file system that hangs takes one thread and not one for every check.
    checking: Arc<Semaphore>,
    /// What all uploads together may have of memory.
    memory: Memory,
}

impl LocalBlobs {
    /// Opens the store in `folder`, which is created when it is missing.
    pub async fn open(folder: &Path) -> Result<Self> {
        let path = folder.to_owned();
        let folder = Arc::new(blocking(move || Folder::create(path)).await?);
        let blobs = Self { folder, checking: Arc::new(Semaphore::new(1)), memory: Memory::default() };
        blobs.check().await?;
        Ok(blobs)
    }

    pub(super) fn within(self, memory: Memory) -> Self {
        Self { memory, ..self }
    }

    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    pub(super) async fn put<B, E>(&self, key: &Key, size: BodySize, body: B) -> Result<Stored>
    where
        B: Stream<Item = Result<Bytes, E>> + Unpin,
        E: Into<Error>,
    {
        let mut body = BatchedBody::new(body, size)?;
        let mut digest = SerialTask::new(Digest::default());
        let key = key.clone();
        let mut part = SerialTask::new(self.run(move |folder| PartFile::create(folder, &key)).await?);
        let received = async {
            while let Some((batch, share)) = body.next_within(&self.memory).await? {
                let bytes = batch.clone();
                digest.run(move |digest| digest.update(&bytes)).await?;
                part.run(move |part| {
                    let _share = share;
                    part.write(&batch)
                })
                .await?;
            }
            Ok(())
        };
        if let Err(error) = received.await {
            if let Ok(part) = part.finish().await {
                blocking(move || part.discard()).await?;
            }
            return Err(error);
        }
        let part = part.finish().await?;
        let part = blocking(move || part.commit()).await?;
        let stored = Stored { size: body.taken(), sha256: digest.finish().await?.end() };
        part.keep();
        Ok(stored)
    }

    pub(super) async fn get(&self, key: &Key, range: Option<Range<u64>>) -> Result<Chunks> {
        let key = key.clone();
        let reader = self.run(move |folder| Reader::open(folder, &key, range)).await?;
        Ok(reader.into_chunks())
    }

    pub(super) async fn size(&self, key: &Key) -> Result<u64> {
        let key = key.clone();
        self.run(move |folder| folder.size(&key)).await
    }

    pub(super) async fn id(&self) -> Result<Option<String>> {
        self.in_time(|folder| folder.id()).await
    }

    pub(super) async fn set_id(&self, id: &str) -> Result<()> {
        let id = id.to_owned();
        self.run(move |folder| folder.set_id(&id)).await
    }

    pub(super) async fn delete(&self, key: &Key) -> Result<()> {
        let key = key.clone();
        self.run(move |folder| folder.remove(&key, &[folder.object(&key)])).await
    }

    pub(super) async fn discard(&self, key: &Key) -> Result<()> {
        let key = key.clone();
        self.run(move |folder| folder.remove(&key, &[folder.partial(&key), folder.object(&key)])).await
    }

    pub(super) async fn list(&self, after: Option<&Key>, limit: usize) -> Result<ObjectPage> {
        let after = after.cloned();
        self.run(move |folder| list::list(&folder, after.as_ref(), limit)).await
    }

    pub(super) async fn check(&self) -> Result<()> {
        self.in_time(|folder| folder.probe()).await
    }

    /// Asks the file system something that it should answer at once.
    async fn in_time<T: Send + 'static>(&self, ask: impl FnOnce(&Folder) -> Result<T> + Send + 'static) -> Result<T> {
        let checked = async {
            let checking = Arc::clone(&self.checking).acquire_owned().await;
            self.run(move |folder| {
                let _checking = checking;
                ask(&folder)
            })
            .await
        };
        let late = || Error::unavailable(format!("{self} does not answer within {CHECK_TIMEOUT:?}"));
        timeout(CHECK_TIMEOUT, checked).await.map_err(|elapsed| late().caused_by(elapsed))?
    }

    async fn run<T: Send + 'static>(&self, job: impl FnOnce(Arc<Folder>) -> Result<T> + Send + 'static) -> Result<T> {
        let folder = Arc::clone(&self.folder);
        blocking(move || job(folder)).await
    }
}

impl fmt::Display for LocalBlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.folder.fmt(f)
    }
}

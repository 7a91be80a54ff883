//! The file of an upload that arrives over many requests. The file itself says its offset.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::sync::Arc;

use bytes::Bytes;
use sha2::Digest as _;

use super::LocalBlobs;
use super::folder::{Folder, sync_folder};
use crate::batched_body::BATCH;
use crate::resumable::{restore, save};
use crate::serial_task::SerialTask;
use crate::{Checkpoint, Key, UploadProgress};
use modelport_domain::{Error, Result};
use modelport_memory::Share;

/// After how many bytes the state of the digest is recorded: a crash makes at most these be read again.
const CHECKPOINT_BYTES: u64 = 64 << 20;

/// A file that is being appended to.
pub struct LocalAppend {
    task: SerialTask<Open>,
    progress: UploadProgress,
    written: u64,
    /// The memory that the bytes take which are being written.
    share: Share,
}

struct Open {
    folder: Arc<Folder>,
    file: File,
    digest: sha2::Sha256,
}

impl LocalBlobs {
    pub(crate) async fn appended(&self, key: &Key) -> Result<u64> {
        let key = key.clone();
        self.run(move |folder| match File::open(folder.partial(&key)) {
            Ok(file) => size_of(&file).map_err(|error| folder.io_error(error)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::metadata(folder.object(&key)) {
                Ok(whole) => Ok(whole.len()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
                Err(error) => Err(folder.io_error(error)),
            },
            Err(error) => Err(folder.io_error(error)),
        })
        .await
    }

    pub(crate) async fn append(&self, key: &Key, progress: UploadProgress, offset: u64) -> Result<LocalAppend> {
        let (key, recorded) = (key.clone(), progress.clone());
        let open = self.run(move |folder| open(folder, &key, &recorded, offset)).await?;
        let progress = UploadProgress { position: offset, ..progress };
        Ok(LocalAppend { task: SerialTask::new(open), progress, written: 0, share: self.memory.file() })
    }

    pub(crate) async fn assemble(&self, key: &Key, length: u64) -> Result<()> {
        let key = key.clone();
        self.run(move |folder| {
            let (part, whole) = (folder.partial(&key), folder.object(&key));
            let renamed = File::open(&part).and_then(|file| file.sync_all()).and_then(|()| fs::rename(&part, &whole));
            match renamed {
                // An earlier call crashed after the rename.
                Err(error) if error.kind() == io::ErrorKind::NotFound => match fs::metadata(&whole) {
                    Ok(metadata) if metadata.len() == length => Ok(()),
                    _ => Err(error),
                },
                renamed => renamed,
            }
            .and_then(|()| sync_folder(&folder.shard(&key)))
            .map_err(|error| folder.io_error(error))
        })
        .await
    }
}

/// Opens the file for its only writer, cuts it to `offset` bytes, and brings the digest up to there.
fn open(folder: Arc<Folder>, key: &Key, recorded: &UploadProgress, offset: u64) -> Result<Open> {
    let (part, whole) = (folder.partial(key), folder.object(key));
    let opened = || OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&part);
    let opened = if whole.exists() {
        File::open(&whole)
    } else {
        match opened() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => folder.create_shard(key).and_then(|()| {
                let file = opened()?;
                sync_folder(&folder.shard(key))?;
                Ok(file)
            }),
            opened => opened,
        }
    };
    let mut file = opened.map_err(|error| folder.io_error(error))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(Error::locked("another request is writing this upload"));
        }
        Err(TryLockError::Error(error)) => return Err(folder.io_error(error)),
    }
    let digest = catch_up(&mut file, recorded, offset)
        .map_err(|error| folder.io_error(error))?
        .map_or_else(|| Err(Error::internal("an upload's file is shorter than it was")), Ok)??;
    Ok(Open { folder, file, digest })
}

/// The digest of the first `offset` bytes, of which those that the recorded state covers are not read again.
fn catch_up(file: &mut File, recorded: &UploadProgress, offset: u64) -> io::Result<Option<Result<sha2::Sha256>>> {
    if file.metadata()?.len() < offset {
        return Ok(None);
    }
    if file.metadata()?.len() > offset {
        file.set_len(offset)?;
    }
    let (mut at, state) = if recorded.position <= offset {
        (recorded.position, restore(&recorded.digest))
    } else {
        (0, Ok(sha2::Sha256::default()))
    };
    let mut digest = match state {
        Ok(digest) => digest,
        Err(error) => return Ok(Some(Err(error))),
    };
    file.seek(SeekFrom::Start(at))?;
    let mut buffer = vec![0; BATCH];
    while at < offset {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok(None);
        }
        digest.update(buffer.get(..read).unwrap_or_default());
        at += read as u64;
    }
    Ok(Some(Ok(digest)))
}

/// The size of the file, of which every byte is durable.
fn size_of(file: &File) -> io::Result<u64> {
    file.sync_data()?;
    Ok(file.metadata()?.len())
}

impl LocalAppend {
    pub(crate) fn share(&mut self) -> &mut Share {
        &mut self.share
    }

    pub(crate) async fn write(&mut self, bytes: Bytes) -> Result<Option<Checkpoint>> {
        let size = bytes.len() as u64;
        let share = self.share.take_all();
        let job = move |open: &mut Open| {
            let _share = share;
            open.digest.update(&bytes);
            open.file.write_all(&bytes).map_err(|error| open.folder.io_error(error))
        };
        self.task.run(job).await?;
        self.progress.position += size;
        self.written += size;
        if self.written < CHECKPOINT_BYTES { Ok(None) } else { self.flush().await.map(Some) }
    }

    pub(crate) async fn flush(&mut self) -> Result<Checkpoint> {
        self.task.run(|open| open.file.sync_data().map_err(|error| open.folder.io_error(error))).await?;
        self.progress.digest = save(&self.task.idle().await?.digest);
        self.written = 0;
        Ok(Checkpoint { progress: self.progress.clone(), parts: Vec::new(), tail: Vec::new() })
    }

    pub(crate) async fn discard(mut self, size: u64) -> Result<()> {
        let job = move |open: &mut Open| {
            let cut = open.file.set_len(size).and_then(|()| open.file.sync_data());
            cut.map_err(|error| open.folder.io_error(error))
        };
        self.task.run(job).await?;
        self.task.finish().await.map(drop)
    }
}

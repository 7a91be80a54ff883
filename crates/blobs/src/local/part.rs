//! The file of an upload that is in progress. It removes itself unless it is kept. Blocking.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use tokio::runtime::Handle;

use super::folder::{Folder, sync_folder};
use crate::Key;
use modelport_domain::{Error, Result};

/// A file that becomes the object of its key on commit, and is removed on drop unless it was kept.
///
/// Dropping it before removes it, so a job that outlives its upload cleans up after itself.
pub(super) struct PartFile {
    folder: Arc<Folder>,
    key: Key,
    leftover: Option<Leftover>,
}

struct Leftover {
    path: PathBuf,
    file: File,
    kept: bool,
}

impl PartFile {
    /// Creates the file. `Conflict` when there is one already: an upload under the same key is under way, or crashed.
    pub(super) fn create(folder: Arc<Folder>, key: &Key) -> Result<Self> {
        let path = folder.partial(key);
        let created = match File::create_new(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                folder.create_shard(key).and_then(|()| File::create_new(&path))
            }
            created => created,
        };
        let file = created.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => {
                Error::locked(format!("an upload under key `{key}` is under way")).caused_by(error)
            }
            _ => folder.io_error(error),
        })?;
        Ok(Self { folder, key: key.clone(), leftover: Some(Leftover { path, file, kept: false }) })
    }

    /// Appends `bytes`.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.leftover().and_then(|leftover| leftover.file.write_all(bytes)).map_err(|error| self.folder.io_error(error))
    }

    /// Makes the file durable and visible under its key.
    pub(super) fn commit(mut self) -> Result<Self> {
        let whole = self.folder.object(&self.key);
        let committed = self.leftover().and_then(|leftover| {
            leftover.file.sync_all()?;
            fs::rename(&leftover.path, &whole)?;
            leftover.path = whole;
            Ok(())
        });
        committed
            .and_then(|()| sync_folder(&self.folder.shard(&self.key)))
            .map_err(|error| self.folder.io_error(error))?;
        Ok(self)
    }

    /// Lets the file stay.
    pub(super) fn keep(mut self) {
        if let Some(mut leftover) = self.leftover.take() {
            leftover.kept = true;
        }
    }

    /// Removes the file here and now.
    pub(super) fn discard(mut self) -> Result<()> {
        drop(self.leftover.take());
        Ok(())
    }

    fn leftover(&mut self) -> io::Result<&mut Leftover> {
        self.leftover.as_mut().ok_or_else(|| io::Error::other("the file has been given up"))
    }
}

impl Drop for Leftover {
    fn drop(&mut self) {
        if self.kept {
            return;
        }
        if let Err(error) = fs::remove_file(&self.path) {
            log::warn!(file:? = self.path, error:% = error; "an unfinished upload could not be removed");
        }
    }
}

impl Drop for PartFile {
    fn drop(&mut self) {
        // Freeing the blocks of a large file takes long enough to be kept off the async thread.
        if let (Some(leftover), Ok(runtime)) = (self.leftover.take(), Handle::try_current()) {
            runtime.spawn_blocking(move || drop(leftover));
        }
    }
}

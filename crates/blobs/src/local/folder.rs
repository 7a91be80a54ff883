//! The folder of a local store: the paths of a key, and the mapping of its errors. Blocking, so never called on the
//! async thread.

use std::fmt;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::Key;
use modelport_domain::{Error, Result};

/// The ending of the file of an upload that is in progress, or that a crash left behind.
pub(super) const PARTIAL: &str = ".part";

/// The root folder.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    /// The folder at `path`, created with its parents when it is missing.
    pub(super) fn create(path: PathBuf) -> Result<Self> {
        let folder = Self(std::path::absolute(&path).unwrap_or(path));
        fs::create_dir_all(&folder.0).map_err(|error| folder.io_error(error))?;
        Ok(folder)
    }

    /// The file of the object under `key`.
    pub(super) fn object(&self, key: &Key) -> PathBuf {
        self.0.join(key.as_str())
    }

    /// The folder itself.
    pub(super) fn root(&self) -> &Path {
        &self.0
    }

    /// The size of the object under `key`.
    pub(super) fn size(&self, key: &Key) -> Result<u64> {
        match fs::metadata(self.object(key)) {
            Ok(file) => Ok(file.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                Err(Error::not_found(format!("blob `{key}`")).caused_by(error))
            }
            Err(error) => Err(self.io_error(error)),
        }
    }

    /// The file of an upload under `key` that is not whole.
    pub(super) fn partial(&self, key: &Key) -> PathBuf {
        self.0.join(format!("{key}{PARTIAL}"))
    }

    /// The folder that has one folder for each shard.
    pub(super) fn shards(&self) -> PathBuf {
        self.0.join(Key::ROOT)
    }

    /// The folder that the files of `key` are in.
    pub(super) fn shard(&self, key: &Key) -> PathBuf {
        let mut path = self.object(key);
        path.pop();
        path
    }

    /// Creates the folder that the files of `key` are in, durably. The root has to be there: where it is not, a volume
    /// may be missing, and bytes must not go to what lies below.
    pub(super) fn create_shard(&self, key: &Key) -> io::Result<()> {
        for (folder, parent) in [(self.shards(), self.0.clone()), (self.shard(key), self.shards())] {
            match fs::create_dir(folder) {
                Ok(()) => sync_folder(&parent)?,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Removes `files`, which are files of `key`, durably. What is missing is no error.
    pub(super) fn remove(&self, key: &Key, files: &[PathBuf]) -> Result<()> {
        let mut removed = false;
        for file in files {
            match fs::remove_file(file) {
                Ok(()) => removed = true,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(self.io_error(error)),
            }
        }
        if removed { sync_folder(&self.shard(key)).map_err(|error| self.io_error(error)) } else { Ok(()) }
    }

    /// Makes sure that a file can be created. It has no name where the file system allows that, so that no crash leaves it.
    pub(super) fn probe(&self) -> Result<()> {
        tempfile::tempfile_in(&self.0).map(drop).map_err(|error| self.io_error(error))
    }

    /// An error of the file system as a domain error: always Unavailable.
    pub(super) fn io_error(&self, error: io::Error) -> Error {
        let why = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "is missing or is not a folder",
            io::ErrorKind::PermissionDenied => "does not permit this server to use it",
            io::ErrorKind::ReadOnlyFilesystem => "is on a read-only file system",
            io::ErrorKind::StorageFull => "is on a full file system",
            io::ErrorKind::QuotaExceeded => "is at its quota",
            _ => "cannot be used",
        };
        Error::unavailable(format!("{self} {why}")).caused_by(error)
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "artifact folder `{}`", self.0.display())
    }
}

/// Makes the names in a folder durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

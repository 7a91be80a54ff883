//! The id that a folder carries, in a file beside the objects. Blocking.

use std::fs::{self, Permissions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;

use super::folder::{Folder, sync_folder};
use crate::{ID_NAME, MAX_ID_BYTES};
use modelport_domain::Result;

impl Folder {
    /// The id; `None` where the folder has none.
    pub(super) fn id(&self) -> Result<Option<String>> {
        let file = match fs::File::open(self.root().join(ID_NAME)) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.io_error(error)),
        };
        let mut text = Vec::new();
        file.take(MAX_ID_BYTES).read_to_end(&mut text).map_err(|error| self.io_error(error))?;
        Ok(Some(String::from_utf8_lossy(&text).trim().to_owned()))
    }

    /// Gives the folder an id, durably, unless it has one.
    pub(super) fn set_id(&self, id: &str) -> Result<()> {
        let written = || {
            let root = self.root();
            let readable = Permissions::from_mode(0o644);
            let mut file = tempfile::Builder::new().permissions(readable).tempfile_in(root)?;
            file.write_all(format!("{id}\n").as_bytes())?;
            file.as_file().sync_all()?;
            match file.persist_noclobber(root.join(ID_NAME)) {
                Ok(_) => sync_folder(root),
                Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
                Err(error) => Err(error.error),
            }
        };
        written().map_err(|error| self.io_error(error))
    }
}

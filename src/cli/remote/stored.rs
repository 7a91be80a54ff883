//! The logins of a user: a file that nobody else reads.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::domain::{Error, Result};
use crate::identity::Renewal;

/// All logins, by the URLs of their servers.
#[derive(Default, Serialize, Deserialize)]
pub struct Logins {
    /// The server that was logged in to last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// What opens each.
    #[serde(default)]
    pub servers: BTreeMap<String, Login>,
}

/// What opens a server.
#[derive(Clone, Serialize, Deserialize)]
pub struct Login {
    /// The token.
    pub token: String,
    /// How to get another one when it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub renewal: Option<Renewal>,
}

impl Logins {
    /// Those that are stored; none where there is no file.
    pub fn read() -> Result<Self> {
        let file = place()?;
        let text = match fs::read_to_string(&file) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                return Err(Error::internal(format!("`{}` cannot be read: {error}", file.display())));
            }
        };
        serde_json::from_str(&text)
            .map_err(|error| Error::internal(format!("`{}` has no logins, remove it: {error}", file.display())))
    }

    /// Stores them in the place of those that were, whole or not at all.
    pub fn write(&self) -> Result<()> {
        let file = place()?;
        let failed =
            |error: std::io::Error| Error::internal(format!("`{}` cannot be written: {error}", file.display()));
        let text = serde_json::to_string_pretty(self)
            .map_err(|error| Error::internal("the logins cannot be written").caused_by(error))?;
        if let Some(folder) = file.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        }
        let new = file.with_extension(format!("{}.new", std::process::id()));
        let written = || {
            let mut open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&new)?;
            open.write_all(text.as_bytes())?;
            open.sync_all()?;
            fs::rename(&new, &file)
        };
        written().inspect_err(|_| drop(fs::remove_file(&new))).map_err(failed)
    }
}

/// Where they are (XDG Base Directory Specification).
fn place() -> Result<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = folder("XDG_CONFIG_HOME").or_else(|| folder("HOME").map(|home| home.join(".config")));
    let config = config.ok_or_else(|| Error::invalid_state("neither `XDG_CONFIG_HOME` nor `HOME` is set"))?;
    Ok(config.join("modelport/logins.json"))
}

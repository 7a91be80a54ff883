//! The keys that seal secrets: those of the settings, or one that this server made and keeps.

use std::fs;
use std::io::ErrorKind;

use super::accounts::write_secret;
use crate::config::{SealingKey, Settings};
use crate::domain::{Error, Result};
use crate::identity::{Keyring, random_secret};

/// The file below `data.dir` with the key that a server makes.
const KEY_FILE: &str = "auth-key";

/// The keys, where something is to be sealed: where people log in with a browser.
pub(super) fn keys(settings: &Settings) -> Result<Option<Keyring>> {
    let auth = &settings.auth;
    if auth.issuers.values().all(|issuer| issuer.browser_client_id.is_empty()) {
        return Ok(None);
    }
    if !auth.keys.is_empty() {
        return Keyring::new(auth.keys.iter().map(SealingKey::expose)).map(Some);
    }
    let file = settings.data.dir.join(KEY_FILE);
    let key = match fs::read_to_string(&file) {
        Ok(key) if key.trim().chars().count() >= SealingKey::MIN_CHARACTERS => key.trim().to_owned(),
        Ok(_) => return Err(Error::invalid("auth.keys", format!("{} does not have a key", file.display()))),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let key = random_secret()?;
            write_secret(&file, &key)?;
            key
        }
        Err(error) => {
            return Err(Error::internal(format!("{} cannot be read", file.display())).caused_by(error));
        }
    };
    log::info!(
        target: "modelport",
        "sessions are sealed with the key in {}; several servers need `auth.keys`, the same for all",
        file.display()
    );
    Keyring::new([key.as_str()]).map(Some)
}

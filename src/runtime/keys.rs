//! The keys that seal secrets: those of the settings, or one that this server made and keeps.

use std::fs;
use std::io::ErrorKind;

use super::accounts::write_secret;
use crate::config::{SealingKey, Settings};
use crate::domain::{Error, Result};
use crate::identity::{Keyring, random_secret};
use crate::store;

/// The file below `data.dir` with the key that a server makes.
const KEY_FILE: &str = "auth-key";

/// The keys, where something is to be sealed: where people log in with a browser.
pub(super) fn keys(settings: &Settings) -> Result<Option<Keyring>> {
    let auth = &settings.auth;
    if auth.issuers.values().all(|issuer| issuer.browser_client_id.is_empty()) {
        return Ok(None);
    }
    if let Some(keys) = of_settings(settings)? {
        return Ok(Some(keys));
    }
    let keys = of_file(settings)?;
    log::info!(
        target: "modelport",
        "sessions are sealed with the key in {}; several servers need `auth.keys`, the same for all",
        settings.data.dir.join(KEY_FILE).display()
    );
    Ok(Some(keys))
}

/// The keys that seal the secrets of webhooks. Errors: InvalidArgument where there may be several servers without common keys.
pub(super) fn of_webhooks(settings: &Settings) -> Result<Keyring> {
    if let Some(keys) = of_settings(settings)? {
        return Ok(keys);
    }
    if let store::Location::Postgres(_) = settings.database.url.as_str().parse()? {
        let message = "a secret is sealed by `auth.keys`, which the settings of this server do not have";
        return Err(Error::invalid("secret", message));
    }
    of_file(settings)
}

fn of_settings(settings: &Settings) -> Result<Option<Keyring>> {
    let keys = &settings.auth.keys;
    if keys.is_empty() {
        return Ok(None);
    }
    Keyring::new(keys.iter().map(SealingKey::expose)).map(Some)
}

/// The key that this server made, or makes now.
fn of_file(settings: &Settings) -> Result<Keyring> {
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
    Keyring::new([key.as_str()])
}

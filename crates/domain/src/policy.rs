//! What may be done with a stored file, and the words that policies use.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Alias, Error, Result};

/// The name that stands for every file of no known format.
pub const OTHER: &str = "other";

/// The field of an error about a file that a policy refuses.
pub const FIELD: &str = "policy";

/// What is done with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// Served as any other.
    Allow,
    /// Served, and marked.
    Warn,
    /// Stored and listed, and served only on explicit request.
    Quarantine,
    /// Not stored.
    Refuse,
}

impl Act {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Warn => "warn",
            Self::Quarantine => "quarantine",
            Self::Refuse => "refuse",
        }
    }

    /// The act of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Allow, Self::Warn, Self::Quarantine, Self::Refuse].into_iter().find(|act| act.name() == name)
    }
}

impl fmt::Display for Act {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Refuses what cannot be the name of an alias.
pub fn check_protected(field: &str, aliases: &[String]) -> Result<()> {
    const MAX: usize = 100;
    if aliases.len() > MAX {
        return Err(Error::invalid(field, format!("there are more than {MAX} protected aliases")));
    }
    for (at, alias) in aliases.iter().enumerate() {
        alias.parse::<Alias>().map_err(|error| error.on_field(&format!("{field}[{at}]")))?;
    }
    Ok(())
}

/// Refuses what cannot be the name of a format.
pub fn check_formats(field: &str, formats: &[String]) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let sound = |format: &&String| (1..=64).contains(&format.len()) && format.bytes().all(plain);
    match formats.iter().find(|format| !sound(format)) {
        Some(bad) => Err(Error::invalid(field, format!("`{}` is not the name of a format", bad.escape_debug()))),
        None if formats.len() > 100 => Err(Error::invalid(field, "there are more than 100 formats")),
        None => Ok(()),
    }
}

//! The stages of a model version on its way to production.

use std::fmt;
use std::str::FromStr;

use super::{Error, Node, Result};

/// The stage of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub enum Stage {
    /// It is in no stage.
    #[default]
    None,
    /// It is tried out.
    Staging,
    /// It is used.
    Production,
    /// It was used.
    Archived,
}

impl Stage {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::None, Self::Staging, Self::Production, Self::Archived];

    /// The property of a version that says its stage.
    pub const PROPERTY: &str = "stage";

    /// Its name, as it is stored and shown.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "None",
            Self::Staging => "Staging",
            Self::Production => "Production",
            Self::Archived => "Archived",
        }
    }

    /// The stage of a version: one that is archived as such is in that stage, whichever it was in before.
    pub fn of(version: &Node) -> Self {
        if version.text("state") == Some("ARCHIVED") {
            return Self::Archived;
        }
        version.text(Self::PROPERTY).and_then(|stage| stage.parse().ok()).unwrap_or_default()
    }

    /// Whether versions in it are used.
    pub fn is_active(self) -> bool {
        matches!(self, Self::Staging | Self::Production)
    }
}

impl FromStr for Stage {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.into_iter().find(|stage| stage.name().eq_ignore_ascii_case(text)).ok_or_else(|| {
            let (text, names) = (text.escape_debug(), Self::ALL.map(Self::name).join("`, `"));
            Error::invalid(Self::PROPERTY, format!("stage `{text}` is none of `{names}`"))
        })
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_are_known_in_any_case() {
        for stage in Stage::ALL {
            assert_eq!(stage.name().to_uppercase().parse::<Stage>().unwrap(), stage);
        }
        for bad in ["", "Live", "Deleted_Internal", "production "] {
            assert_eq!(bad.parse::<Stage>().unwrap_err().field(), Some("stage"), "{bad}");
        }
    }
}

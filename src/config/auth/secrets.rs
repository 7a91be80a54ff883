//! Secrets of the settings that have a least length. None of them is ever shown.

use serde::{Deserialize, Serialize, Serializer};

use super::super::values::Secret;
use crate::domain::access::BootstrapToken;

/// The token of the first administrator; none for one that the server makes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct BootstrapSetting(Option<BootstrapToken>);

impl BootstrapSetting {
    /// The token.
    pub fn token(&self) -> Option<&BootstrapToken> {
        self.0.as_ref()
    }
}

impl TryFrom<String> for BootstrapSetting {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        text.parse().map(|token| Self(Some(token))).map_err(|error: crate::domain::Error| error.message().to_owned())
    }
}

impl Serialize for BootstrapSetting {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0.is_some() { "***" } else { "" })
    }
}

/// A key that secrets are sealed with: a text that is long enough to be guessed by nobody.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String")]
pub struct SealingKey(Secret);

impl SealingKey {
    /// The fewest characters, which are 192 bits in base 64.
    pub const MIN_CHARACTERS: usize = 32;

    /// The text, from which keys of the right length are derived.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl TryFrom<String> for SealingKey {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.chars().count() < Self::MIN_CHARACTERS {
            return Err(format!("a key has {} characters or more", Self::MIN_CHARACTERS));
        }
        Ok(Self(Secret::from(text)))
    }
}

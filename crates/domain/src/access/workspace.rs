//! Workspaces: the spaces of teams, in which names are unique.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Role;
use crate::{Error, Millis, Result};

/// The id of a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WorkspaceId(pub i64);

impl WorkspaceId {
    /// The workspace that every registry has, for clients that know of none. Its slug is `default`.
    pub const DEFAULT: Self = Self(1);
}

impl fmt::Display for WorkspaceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The name of a workspace in addresses: a label of DNS (RFC 1123), so that it can be a namespace of Kubernetes, too.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Slug(String);

impl Slug {
    /// The longest, as in DNS.
    pub const MAX_BYTES: usize = 63;

    /// The slug as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Slug {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let plain = text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        let ends = text.starts_with('-') || text.ends_with('-');
        if text.is_empty() || text.len() > Self::MAX_BYTES || !plain || ends {
            return Err(Error::invalid(
                "slug",
                format!(
                    "slug `{}` is not 1 to {} lower-case letters, digits or `-`, with a letter or digit at either end",
                    text.escape_debug(),
                    Self::MAX_BYTES
                ),
            ));
        }
        Ok(Self(text.to_owned()))
    }
}

/// A workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Its id.
    pub id: WorkspaceId,
    /// Its name in addresses; unique.
    pub slug: Slug,
    /// What people call it.
    pub title: Option<String>,
    /// When it was made.
    pub created_at: Millis,
    /// Since when nothing can be made or changed in it.
    pub archived_at: Option<Millis>,
    /// The role of whoever makes a model, an experiment or an environment in it, on that; `None` is none.
    pub owner_role: Option<Role>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slugs_are_labels_of_dns() {
        for good in ["a", "team-a", "0", &"x".repeat(63)] {
            assert_eq!(good.parse::<Slug>().unwrap().as_str(), good);
        }
        for bad in ["", "-a", "a-", "A", "a.b", "a_b", "ä", "a b", "a/b", &"x".repeat(64)] {
            assert_eq!(bad.parse::<Slug>().unwrap_err().field(), Some("slug"), "{bad}");
        }
    }
}

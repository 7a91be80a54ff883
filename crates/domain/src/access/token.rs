//! Tokens of this registry: what is known of them. Their secrets are known to nobody but their owners.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{PrincipalId, TokenLimits};
use crate::Millis;

/// The id of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenId(pub i64);

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A token, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiToken {
    /// Its id.
    pub id: TokenId,
    /// The part of its text that is no secret, by which it is found.
    pub public_id: String,
    /// Whose rights it has.
    pub principal_id: PrincipalId,
    /// What its owner calls it.
    pub name: String,
    /// What it leaves of its owner's rights.
    pub limits: TokenLimits,
    /// When it was made.
    pub created_at: Millis,
    /// Who made it; `None` where an offline command did.
    pub created_by: Option<PrincipalId>,
    /// When it ends.
    pub expires_at: Millis,
    /// Since when it counts no longer, where it was revoked.
    pub revoked_at: Option<Millis>,
    /// When it was last used, about to the hour.
    pub last_used_at: Option<Millis>,
}

impl ApiToken {
    /// Whether it counts at that time.
    pub fn is_valid_at(&self, now: Millis) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }
}

//! The sessions of browsers.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// `[auth.sessions]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Sessions {
    /// A session ends that is not used for so long.
    pub idle_seconds: NonZeroU32,
    /// A session ends after so long, however much it is used.
    pub max_seconds: NonZeroU32,
    /// After so long the issuer is asked again who somebody is, and in which groups.
    pub renewal_seconds: NonZeroU32,
    /// For so long what it said counts while it does not answer.
    pub stale_seconds: NonZeroU32,
}

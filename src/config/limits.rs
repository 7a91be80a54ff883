//! How many requests callers may send.

use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// `[limits]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// How many a principal may send in a second, on average; 0 is any number.
    pub principal_requests_per_second: u32,
    /// How many may come from an address in a second, on average; 0 is any number.
    pub peer_requests_per_second: u32,
    /// For how many seconds they may come at once, after as long a pause.
    pub burst_seconds: NonZeroU32,
    /// How many with credentials that do not count may come from an address in a minute; 0 is any number.
    pub failed_logins_per_minute: u32,
}

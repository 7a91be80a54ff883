//! Who may use the server, and how they say who they are.

mod check;
mod issuers;
mod kubernetes;
mod list;
mod names;
mod proxy;
mod secrets;
mod sessions;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::values::from_words;

pub use issuers::{Issuer, IssuerKind, IssuerUrl, KeysUrl};
pub use kubernetes::{Kubernetes, KubernetesPolicy, KubernetesReview};
pub use names::{Admin, HeaderName};
pub use proxy::Proxy;
pub use secrets::{BootstrapSetting, SealingKey};
pub use sessions::Sessions;

/// `[auth]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Auth {
    /// Whether callers have to say who they are.
    pub mode: AuthMode,
    /// Whether a listener that is not on loopback may serve anybody, which it does without authentication.
    pub allow_anybody: bool,
    /// Who may do everything, whatever the database says.
    #[serde(deserialize_with = "list::deserialize")]
    pub admins: Vec<Admin>,
    /// The token of the first administrator; empty to have one made.
    pub bootstrap_token: BootstrapSetting,
    /// What seals secrets in the database and signs cookies, newest first.
    #[serde(deserialize_with = "list::deserialize")]
    pub keys: Vec<SealingKey>,
    /// Whose tokens are accepted, by the names of their issuers.
    pub issuers: BTreeMap<String, Issuer>,
    /// The sessions of browsers.
    pub sessions: Sessions,
    /// The cluster that service accounts belong to.
    pub kubernetes: Kubernetes,
    /// The proxy that says who is calling.
    pub proxy: Proxy,
}

/// Whether callers have to say who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(try_from = "String", rename_all = "lowercase")]
pub enum AuthMode {
    /// Everybody may do everything.
    Off,
    /// Everybody may do what was granted to them.
    On,
}

from_words!(AuthMode, "expected `off` or `on`", "off" => Off, "on" => On);

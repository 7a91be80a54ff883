//! The settings of a registry.

use std::sync::Arc;
use std::time::Duration;

use super::archive::Bounds;
use super::context::{Clock, wall_clock};
use super::import_source::ImportSource;
use super::policy::Policy;
use super::webhook_sender::WebhookSender;
use crate::domain::access::{NamedAdmin, SessionTimes};

/// What the settings let clients do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Feature {
    /// Send bytes to the bucket themselves.
    DirectUploads,
    /// Read bytes from the bucket themselves.
    DirectDownloads,
    /// Import models from another system.
    Imports,
}

impl Feature {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::DirectUploads, Self::DirectDownloads, Self::Imports];

    /// The word by which clients know it.
    pub fn name(self) -> &'static str {
        match self {
            Self::DirectUploads => "directUploads",
            Self::DirectDownloads => "directDownloads",
            Self::Imports => "imports",
        }
    }
}

/// How a registry works. What is not said is as in [`RegistryOptions::default`].
#[derive(Clone)]
pub struct RegistryOptions {
    /// The clock; the wall clock by default.
    pub clock: Clock,
    /// What file URLs begin with, with or without a slash at its end. Empty by default, which makes them paths.
    pub public_url: String,
    /// The port of the HTTP listener, where file URLs begin with what each request was addressed to; with `public_url` then
    /// only where a request does not say. `None` by default: they always begin with `public_url`.
    pub follows_hosts: Option<u16>,
    /// Whether that listener speaks TLS, so that such URLs begin with `https://`. `false` by default.
    pub is_tls: bool,
    /// What holds for files of models that say nothing else. [`Policy::default`] by default.
    pub policy: Policy,
    /// Sends clients to the object store to read files, where it is one that they can reach, by links that are valid for so
    /// long. `None`, the default, sends nobody there.
    pub redirect: Option<Duration>,
    /// Lets clients send bytes to the bucket themselves, by links that are valid for so long. `None`, the default, lets nobody.
    pub direct_uploads: Option<Duration>,
    /// For how long a resumable upload is kept after its last byte. A day by default.
    pub resumable_expiry: Duration,
    /// What an archive that is unpacked may come to. [`Bounds::default`] by default.
    pub unpack_bounds: Bounds,
    /// Where models can be imported from; nowhere by default.
    pub imports_from: Option<Arc<dyn ImportSource>>,
    /// The names of the tracking servers that experiments, runs and models can be imported from; none by default.
    pub tracking_servers: Vec<String>,
    /// Who is an administrator of the registry, whatever is bound. Nobody by default.
    pub admins: Vec<NamedAdmin>,
    /// The longest that a token may last. A year by default.
    pub max_token_lifetime: Duration,
    /// How long sessions of browsers last. [`SessionTimes::default`] by default.
    pub session_times: SessionTimes,
    /// Whether what is read is in the audit trail before its first byte is sent. Otherwise, as by default, it is soon after.
    pub is_audit_strict: bool,
    /// What sends to webhooks; nothing by default.
    pub webhook_sender: Option<Arc<dyn WebhookSender>>,
    /// How long a webhook is left alone after a delivery failed; each failure after that doubles it. Five seconds by default.
    pub webhook_pause: Duration,
}

impl Default for RegistryOptions {
    fn default() -> Self {
        Self {
            clock: wall_clock(),
            public_url: String::new(),
            follows_hosts: None,
            is_tls: false,
            policy: Policy::default(),
            redirect: None,
            direct_uploads: None,
            resumable_expiry: Duration::from_secs(24 * 60 * 60),
            unpack_bounds: Bounds::default(),
            imports_from: None,
            tracking_servers: Vec::new(),
            admins: Vec::new(),
            max_token_lifetime: Duration::from_secs(365 * 24 * 60 * 60),
            session_times: SessionTimes::default(),
            is_audit_strict: false,
            webhook_sender: None,
            webhook_pause: Duration::from_secs(5),
        }
    }
}

//! The files of a listener's TLS.

use std::path::PathBuf;

use config::Config;
use serde::{Deserialize, Serialize};

/// `[server.tls]`
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct ServerTls {
    /// The file of the HTTP listener's certificates; empty for no TLS.
    pub certificate: PathBuf,
    /// The file of the certificate's key.
    pub private_key: PathBuf,
}

/// The files of a listener's TLS, as its section says; empty ones are not said.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct TlsFiles {
    /// The section.
    #[serde(skip)]
    pub section: &'static str,
    /// The certificates, the listener's own first.
    pub certificate: PathBuf,
    /// The certificate's key.
    pub private_key: PathBuf,
    /// The authorities of clients' certificates.
    #[serde(default)]
    pub client_ca: PathBuf,
}

/// The sections with the files of a listener's TLS, in the order of `[TlsFiles; 3]`.
pub(super) const SECTIONS: [&str; 3] = ["server.tls", "grpc", "edge"];

impl TlsFiles {
    /// What the settings say, of all listeners. Those of which they say something wrong are left out.
    pub(super) fn all(settings: &Config) -> Vec<Self> {
        let read = |section| settings.get::<Self>(section).ok().map(|files| Self { section, ..files });
        SECTIONS.into_iter().filter_map(read).collect()
    }

    /// Whether the listener speaks TLS.
    pub fn is_on(&self) -> bool {
        !self.certificate.as_os_str().is_empty()
    }

    /// Whether it asks clients for certificates.
    pub fn asks_clients(&self) -> bool {
        !self.client_ca.as_os_str().is_empty()
    }

    /// What is missing.
    pub(super) fn problems(&self) -> Vec<String> {
        let (section, has_key) = (self.section, !self.private_key.as_os_str().is_empty());
        let mut problems = Vec::new();
        if self.is_on() != has_key {
            problems.push(format!("`{section}.certificate` and `{section}.private_key` go together only"));
        }
        if self.asks_clients() && !self.is_on() && !has_key {
            problems.push(format!(
                "`{section}.client_ca` needs TLS: `{section}.certificate` and `{section}.private_key` are empty"
            ));
        }
        problems
    }
}

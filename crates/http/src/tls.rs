//! TLS for a listener: its certificate and key, and the authorities whose clients' certificates it accepts, from PEM files that
//! are read again when they change.

mod client_certificate;
mod files;
mod handshake;
mod probe;
mod reload;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;

pub use client_certificate::ClientCertificate;
pub(crate) use client_certificate::remember as remember_client;
pub(crate) use handshake::AcceptorFactory;
pub use handshake::{Encrypted, HANDSHAKE_TIMEOUT};
pub use probe::unchecked;
pub use reload::{LOOK_INTERVAL, Watcher};

use files::Contents;

/// The files of a listener's TLS, and what is done with clients' certificates.
#[derive(Debug, Clone)]
pub struct TlsOptions {
    /// The section of the settings that names the files, for errors and the log.
    pub section: &'static str,
    /// The chain of certificates, the listener's own first.
    pub certificate: PathBuf,
    /// The key of its own.
    pub private_key: PathBuf,
    /// Whether clients are asked for certificates.
    pub clients: ClientCertificates,
    /// What is spoken inside.
    pub protocol: Protocol,
}

/// What is done with the certificates of clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClientCertificates {
    /// They are not asked for.
    Ignored,
    /// They are asked for; who has none may connect, and who has one of no authority in this file may not.
    Accepted(PathBuf),
    /// Nobody connects without one of an authority in this file.
    Required(PathBuf),
}

impl ClientCertificates {
    fn authorities(&self) -> Option<&PathBuf> {
        match self {
            Self::Ignored => None,
            Self::Accepted(file) | Self::Required(file) => Some(file),
        }
    }
}

/// What is spoken inside, which the handshake agrees upon (ALPN, RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1 alone.
    Http,
    /// gRPC over HTTP/2, and gRPC-web over HTTP/1.1 for who cannot speak that.
    Grpc,
}

impl Protocol {
    /// The names of its protocols, the preferred one first.
    fn names(self) -> Vec<Vec<u8>> {
        match self {
            Self::Http => vec![b"http/1.1".to_vec()],
            Self::Grpc => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        }
    }
}

/// The TLS of a listener. Clones share what is in use, which changes with the files.
#[derive(Clone)]
pub struct Tls(Arc<Shared>);

struct Shared {
    options: TlsOptions,
    in_use: RwLock<InUse>,
}

struct InUse {
    contents: Contents,
    config: Arc<ServerConfig>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tls").field(&self.0.options).finish()
    }
}

impl Tls {
    /// Reads the files.
    ///
    /// Errors: everything that is wrong with them, a sentence each, which names the setting and the file.
    pub fn open(options: TlsOptions) -> Result<Self, Vec<String>> {
        let contents = Contents::read(&options);
        let config = contents.config(&options)?;
        Ok(Self(Arc::new(Shared { options, in_use: RwLock::new(InUse { contents, config: Arc::new(config) }) })))
    }

    /// What a connection that begins now is served with.
    fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.0.in_use.read().unwrap_or_else(PoisonError::into_inner).config)
    }
}

//! The TLS of the listeners.

use crate::api::http::tls::{ClientCertificates, Protocol, Tls, TlsOptions};
use crate::api::server::ListenersTls;
use crate::config::{AuthMode, Settings, TlsFiles};
use crate::domain::{Error, Result};

/// The TLS of the listeners, as the settings say.
pub(super) fn listeners(settings: &Settings) -> Result<ListenersTls> {
    let [http, grpc, edge] = settings.tls_files();
    let (mode, mut problems) = (settings.auth.mode, Vec::new());
    let mut open = |files: &TlsFiles, protocol| {
        options(files, mode, protocol)
            .and_then(|options| Tls::open(options).map_err(|found| problems.extend(found)).ok())
    };
    let opened = ListenersTls {
        http: open(&http, Protocol::Http),
        grpc: open(&grpc, Protocol::Grpc),
        edge: open(&edge, Protocol::Http),
    };
    if problems.is_empty() { Ok(opened) } else { Err(Error::invalid("tls", problems.join("; "))) }
}

/// What is wrong with the files of a listener, a sentence each.
pub fn tls_problems(files: &TlsFiles, mode: AuthMode) -> Vec<String> {
    // What is spoken inside is no matter of the files.
    options(files, mode, Protocol::Http).and_then(|options| Tls::open(options).err()).unwrap_or_default()
}

/// `None` where there is to be no TLS.
fn options(files: &TlsFiles, mode: AuthMode, protocol: Protocol) -> Option<TlsOptions> {
    let clients = match mode {
        _ if !files.asks_clients() => ClientCertificates::Ignored,
        // There are other credentials.
        AuthMode::On => ClientCertificates::Accepted(files.client_ca.clone()),
        AuthMode::Off => ClientCertificates::Required(files.client_ca.clone()),
    };
    let (certificate, private_key) = (files.certificate.clone(), files.private_key.clone());
    files.is_on().then_some(TlsOptions { section: files.section, certificate, private_key, clients, protocol })
}

//! What the files hold, and whether it can be used.

use std::path::Path;
use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{InconsistentKeys, RootCertStore, ServerConfig};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use super::{ClientCertificates, TlsOptions};

/// What a file holds, or why it cannot be read.
type Read = Result<Vec<u8>, String>;

/// What the files of a listener hold. No `Debug`: one of them is the key.
#[derive(PartialEq)]
pub(super) struct Contents {
    certificate: Read,
    private_key: Read,
    authorities: Option<Read>,
}

impl Contents {
    pub(super) fn read(options: &TlsOptions) -> Self {
        let read = |path: &Path| std::fs::read(path).map_err(|error| format!("cannot be read: {error}"));
        Self {
            certificate: read(&options.certificate),
            private_key: read(&options.private_key),
            authorities: options.clients.authorities().map(|path| read(path)),
        }
    }

    /// How to serve with them.
    ///
    /// Errors: everything that is wrong with them, a sentence each.
    pub(super) fn config(&self, options: &TlsOptions) -> Result<ServerConfig, Vec<String>> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let say = |setting: &str, path: &Path, why: String| {
            format!("`{}.{setting}`: `{}` {why}", options.section, path.display())
        };
        let chain = self.chain().map_err(|why| say("certificate", &options.certificate, why));
        let key = self.key().map_err(|why| say("private_key", &options.private_key, why));
        let verifier = match (&self.authorities, options.clients.authorities()) {
            (Some(authorities), Some(path)) => {
                let is_required = matches!(options.clients, ClientCertificates::Required(_));
                verifier(authorities, is_required, &provider).map_err(|why| say("client_ca", path, why))
            }
            _ => Ok(WebPkiClientVerifier::no_client_auth()),
        };
        let (chain, key, verifier) = match (chain, key, verifier) {
            (Ok(chain), Ok(key), Ok(verifier)) => (chain, key, verifier),
            (chain, key, verifier) => {
                return Err([chain.err(), key.err(), verifier.err()].into_iter().flatten().collect());
            }
        };
        let asks_clients = verifier.offer_client_auth();
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_client_cert_verifier(verifier).with_single_cert(chain, key));
        let mut config = config.map_err(|error| {
            let certificate = options.certificate.display();
            let why = match error {
                rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                    format!("is not the key of the certificate in `{certificate}`")
                }
                error => format!("cannot be used with `{certificate}`: {error}"),
            };
            vec![say("private_key", &options.private_key, why)]
        })?;
        config.alpn_protocols = options.protocol.names();
        if asks_clients {
            // A session that is resumed shows no certificate again, so an expired or distrusted one would go on to count.
            config.session_storage = Arc::new(NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(config)
    }

    /// The chain of the listener, its own certificate first.
    pub(super) fn chain(&self) -> Result<Vec<CertificateDer<'static>>, String> {
        certificates(&self.certificate)
    }

    fn key(&self) -> Result<PrivateKeyDer<'static>, String> {
        let pem = self.private_key.as_ref().map_err(Clone::clone)?;
        PrivateKeyDer::from_pem_slice(pem).map_err(|_| "holds no private key in PEM".to_owned())
    }
}

/// The certificates of a file: one at least.
fn certificates(file: &Read) -> Result<Vec<CertificateDer<'static>>, String> {
    let pem = file.as_ref().map_err(Clone::clone)?;
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    match found {
        Ok(found) if !found.is_empty() => Ok(found),
        _ => Err("holds no certificate in PEM".to_owned()),
    }
}

/// Accepts the certificates of these authorities.
fn verifier(
    authorities: &Read,
    is_required: bool,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, String> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(authorities)? {
        let added = roots.add(authority);
        added.map_err(|error| format!("holds a certificate that is of no use as an authority: {error}"))?;
    }
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let verifier = if is_required { verifier } else { verifier.allow_unauthenticated() };
    verifier.build().map_err(|error| error.to_string())
}

//! TLS for a listener: a certificate with its chain, and its key, as PEM.

use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::domain::{Error, Result};

/// What a listener shows for itself.
#[derive(Debug, Clone)]
pub struct Tls(ServerConfig);

impl Tls {
    /// From a chain of certificates, the listener's own first, and its key. No clients' certificates are asked for.
    ///
    /// Errors: InvalidArgument on `certificate` or `private_key` of `section`, the listener's section of the settings.
    pub fn from_pem(section: &str, certificates: &[u8], key: &[u8]) -> Result<Self> {
        let refused = |setting: &str, why: &str| Error::invalid(&format!("{section}.{setting}"), why);
        let chain: Vec<_> = CertificateDer::pem_slice_iter(certificates)
            .collect::<std::result::Result<_, _>>()
            .map_err(|error| refused("certificate", "the certificate is not PEM").caused_by(error))?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|error| refused("private_key", "the private key is not PEM").caused_by(error))?;
        let config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key));
        let unfit = "the certificate and the private key cannot be used together";
        let mut config = config.map_err(|error| refused("certificate", unfit).caused_by(error))?;
        // The listener speaks nothing else.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(config))
    }

    /// For the server.
    pub(super) fn into_config(self) -> ServerConfig {
        self.0
    }
}

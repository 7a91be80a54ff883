//! Whom the certificate of a client names.

use std::any::Any;

use actix_tls::accept::rustls_0_23::TlsStream;
use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use rustls::ServerConnection;
use rustls_pki_types::CertificateDer;
use x509_cert::Certificate;
use x509_cert::der::Decode as _;
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;

use crate::domain::{Error, Millis, Result};

/// The certificate of a client, whose chain the handshake has checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate {
    /// Whom it names; `None` where that is nobody, or not clear.
    subject: Option<String>,
    /// Its last moment.
    valid_until: Millis,
}

impl ClientCertificate {
    /// Reads it of a connection; `None` where the client has shown none.
    pub(super) fn of(connection: &ServerConnection) -> Option<Self> {
        connection.peer_certificates().and_then(<[_]>::first).map(Self::read)
    }

    /// The one URI among its alternative names, as SPIFFE has it; where there is none, its common name.
    fn read(certificate: &CertificateDer<'_>) -> Self {
        let Ok(parsed) = Certificate::from_der(certificate) else { return Self { subject: None, valid_until: 0 } };
        let parsed = parsed.tbs_certificate();
        let valid_until = parsed.validity().not_after.to_unix_duration().as_millis();
        let names = parsed.get_extension::<SubjectAltName>().ok().flatten().map(|(_, SubjectAltName(names))| names);
        let uris: Vec<_> = names.iter().flatten().filter_map(uri).collect();
        let subject = match uris.as_slice() {
            [uri] => Some((*uri).to_owned()),
            // Authorities check URIs and let people choose common names, so none may pass for the other.
            [] => common_name(parsed.subject()).filter(|name| !name.contains("://")),
            _ => None,
        };
        let subject = subject.filter(|subject| !subject.trim().is_empty());
        Self { subject, valid_until: Millis::try_from(valid_until).unwrap_or(Millis::MAX) }
    }

    /// Whom it names, while it is valid: a connection may outlive it.
    ///
    /// Errors: Unauthenticated.
    pub fn subject(&self, now: Millis) -> Result<&str> {
        if now > self.valid_until {
            return Err(Error::unauthenticated("the client certificate has expired: connect with a new one"));
        }
        self.subject.as_deref().ok_or_else(|| {
            Error::unauthenticated(
                "the client certificate names nobody: it needs one URI among its alternative names, or a common name",
            )
        })
    }
}

fn uri(name: &GeneralName) -> Option<&str> {
    match name {
        GeneralName::UniformResourceIdentifier(uri) => Some(uri.as_str()),
        _ => None,
    }
}

fn common_name(name: &x509_cert::name::Name) -> Option<String> {
    name.common_name().ok().flatten().map(|name| name.value().into_owned())
}

/// Keeps the certificate of the client of a connection for its requests.
pub(crate) fn remember(connection: &dyn Any, data: &mut Extensions) {
    let tls = connection.downcast_ref::<TlsStream<TcpStream>>();
    if let Some(certificate) = tls.and_then(|tls| ClientCertificate::of(tls.get_ref().1)) {
        data.insert(certificate);
    }
}

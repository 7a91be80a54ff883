//! Handshakes: with what is in use when a connection begins, and within a time.

use std::cell::RefCell;
use std::future::{Ready, ready};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_service::{Service, ServiceFactory};
use actix_tls::accept::TlsError;
use actix_tls::accept::rustls_0_23::{Acceptor, AcceptorService, TlsStream};
use futures_util::FutureExt as _;
use futures_util::future::LocalBoxFuture;
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::{ClientCertificate, Tls};

/// How long a client may take for its handshake.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);

/// A connection after its handshake.
pub type Encrypted = tokio_rustls::server::TlsStream<TcpStream>;

impl Tls {
    /// The handshake with a client, and the certificate that it has shown.
    ///
    /// Errors: what the client did wrong, or that it was too slow; logged here.
    pub async fn accept(&self, connection: TcpStream) -> io::Result<(Encrypted, Option<ClientCertificate>)> {
        let peer = connection.peer_addr().ok();
        let handshake = TlsAcceptor::from(self.config()).accept(connection);
        let accepted = match tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await {
            Ok(accepted) => accepted,
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        };
        let accepted = accepted.inspect_err(|error| log_failure(peer, error))?;
        let certificate = ClientCertificate::of(accepted.get_ref().1);
        Ok((accepted, certificate))
    }
}

/// Whoever configures a client learns from its own log that a certificate is refused, and from this one why.
fn log_failure(peer: Option<SocketAddr>, error: &io::Error) {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    let is_about_certificates = matches!(
        cause,
        Some(
            rustls::Error::InvalidCertificate(_)
                | rustls::Error::NoCertificatesPresented
                | rustls::Error::InvalidCertRevocationList(_)
        )
    );
    let peer = peer.map(|peer| peer.to_string()).unwrap_or_default();
    if is_about_certificates {
        log::info!(peer; "refused a client certificate: {error}");
    } else {
        // Whoever looks for open ports fails here.
        log::debug!(peer; "a TLS handshake failed: {error}");
    }
}

/// Makes what does the handshakes of one thread of an HTTP listener.
pub(crate) struct AcceptorFactory(pub(crate) Tls);

impl ServiceFactory<TcpStream> for AcceptorFactory {
    type Response = TlsStream<TcpStream>;
    type Error = TlsError<io::Error, std::convert::Infallible>;
    type Config = ();
    type Service = ReloadedAcceptor;
    type InitError = ();
    type Future = Ready<Result<Self::Service, ()>>;

    fn new_service(&self, (): ()) -> Self::Future {
        let config = self.0.config();
        let made = made_of(&config);
        ready(made.map(|service| ReloadedAcceptor { tls: self.0.clone(), made: RefCell::new((config, service)) }))
    }
}

/// The framework's acceptor, which bounds the handshakes of a thread, made anew whenever the files have changed.
pub(crate) struct ReloadedAcceptor {
    tls: Tls,
    made: RefCell<(Arc<ServerConfig>, AcceptorService)>,
}

fn made_of(config: &ServerConfig) -> Result<AcceptorService, ()> {
    let mut acceptor = Acceptor::new(config.clone());
    acceptor.set_handshake_timeout(HANDSHAKE_TIMEOUT);
    let made: Option<Result<AcceptorService, ()>> =
        ServiceFactory::<TcpStream>::new_service(&acceptor, ()).now_or_never();
    made.unwrap_or(Err(()))
}

impl Service<TcpStream> for ReloadedAcceptor {
    type Response = TlsStream<TcpStream>;
    type Error = TlsError<io::Error, std::convert::Infallible>;
    type Future = LocalBoxFuture<'static, Result<Self::Response, Self::Error>>;

    fn poll_ready(&self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Service::<TcpStream>::poll_ready(&self.made.borrow().1, context)
    }

    fn call(&self, connection: TcpStream) -> Self::Future {
        let current = self.tls.config();
        let is_old = !Arc::ptr_eq(&current, &self.made.borrow().0);
        if is_old && let Ok(service) = made_of(&current) {
            self.made.replace((current, service));
        }
        let peer = connection.peer_addr().ok();
        let handshake = self.made.borrow().1.call(connection);
        Box::pin(async move {
            handshake.await.inspect_err(|error| match error {
                TlsError::Tls(error) => log_failure(peer, error),
                TlsError::Timeout => log_failure(peer, &io::ErrorKind::TimedOut.into()),
                TlsError::Service(never) => match *never {},
            })
        })
    }
}

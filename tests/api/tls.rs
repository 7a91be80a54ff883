//! TLS, over real connections: whom clients are by their certificates, and certificates that are replaced.

mod clients;
mod reload;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use modelport::api::http::authentication::{Authentication, Credentials};
use modelport::api::http::health::Draining;
use modelport::api::http::hosts::Hosts;
use modelport::api::http::listener::{self, ListenerOptions};
use modelport::api::http::middleware::Metrics;
use modelport::api::http::tls::{ClientCertificates, HANDSHAKE_TIMEOUT, Protocol, Tls, TlsOptions};
use modelport::api::mlmd;
use modelport::memory::Memory;
use reqwest::{Certificate, Client, Identity, StatusCode};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;

use super::app::TestApp;
use crate::support::certificates::{Authority, Certified};

/// What a listener's TLS is made of.
struct Files {
    folder: TempDir,
    certificate: PathBuf,
    private_key: PathBuf,
    client_ca: PathBuf,
}

impl Files {
    /// A certificate of `servers`, for clients that have theirs of `clients`.
    fn new(servers: &Authority, clients: &Authority) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (certificate, private_key) = servers.server().write(folder.path());
        let client_ca = folder.path().join("ca.crt");
        std::fs::write(&client_ca, clients.pem()).unwrap();
        Self { folder, certificate, private_key, client_ca }
    }

    fn options(&self, clients: ClientCertificates, protocol: Protocol) -> TlsOptions {
        let (certificate, private_key) = (self.certificate.clone(), self.private_key.clone());
        TlsOptions { section: "edge", certificate, private_key, clients, protocol }
    }

    /// TLS that asks clients for certificates.
    fn mutual(&self, protocol: Protocol) -> Tls {
        Tls::open(self.options(ClientCertificates::Accepted(self.client_ca.clone()), protocol)).unwrap()
    }
}

/// Callers say who they are, and nobody else is believed.
fn accounts() -> Authentication {
    Authentication::by(Credentials::default())
}

/// The edge registry's API over TLS.
fn serve_edge(app: &TestApp, tls: Tls) -> (String, SocketAddr, ServerHandle) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let service = app.service.clone().with_authentication(accounts());
    let options = ListenerOptions { workers: 1, shutdown_grace: Duration::from_secs(1), tls: Some(tls) };
    let server = listener::serve(listener, options, move || service.edge_app()).unwrap();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (format!("https://{address}"), address, handle)
}

/// ML Metadata's API over TLS.
fn serve_grpc(app: &TestApp, tls: Tls) -> (String, SocketAddr, mlmd::RunningGrpcServer) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let parts = mlmd::GrpcParts {
        registry: app.registry().clone(),
        metrics: Arc::new(Metrics::new().unwrap()),
        draining: Draining::default(),
        hosts: Hosts::default(),
        memory: Memory::default(),
        authentication: accounts(),
        principal: None,
        tls: Some(tls),
    };
    let options = mlmd::GrpcOptions { workers: 2, max_message_bytes: 64 * 1024 };
    (format!("https://{address}"), address, mlmd::start(listener, options, parts).unwrap())
}

/// A client that trusts `servers`, and shows that certificate if there is one.
fn client(servers: &Authority, own: Option<&Certified>) -> Client {
    let trusted = Certificate::from_pem(servers.pem().as_bytes()).unwrap();
    let builder = Client::builder().no_proxy().tls_certs_only([trusted]).timeout(Duration::from_secs(60));
    let builder = match own {
        Some(own) => {
            let pem = format!("{}{}", own.certificate, own.key);
            builder.identity(Identity::from_pem(pem.as_bytes()).unwrap())
        }
        None => builder,
    };
    builder.build().unwrap()
}

/// Everybody who has been seen, by their issuer.
fn principals(app: &TestApp) -> Vec<String> {
    app.lines("SELECT kind || ' ' || issuer || ' ' || subject AS line FROM principals ORDER BY id")
}

#[test]
fn everything_that_is_wrong_with_the_files_is_said_at_once() {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let files = Files::new(&servers, &clients);
    let folder = files.folder.path();
    let shown = |path: &Path| path.display().to_string().replace(&folder.display().to_string(), "");
    let problems = |options: TlsOptions| -> Vec<String> {
        let found = Tls::open(options).err().unwrap_or_default();
        found.iter().map(|line| line.replace(&folder.display().to_string(), "")).collect()
    };
    let missing = folder.join("missing");
    let nothing = TlsOptions {
        certificate: missing.clone(),
        private_key: missing.clone(),
        ..files.options(ClientCertificates::Accepted(missing), Protocol::Http)
    };
    let error = "cannot be read: No such file or directory (os error 2)";
    let names = ["certificate", "private_key", "client_ca"];
    assert_eq!(problems(nothing), names.map(|name| format!("`edge.{name}`: `/missing` {error}")));
    let text = folder.join("text");
    std::fs::write(&text, "no PEM").unwrap();
    let garbage = TlsOptions {
        certificate: text.clone(),
        private_key: text.clone(),
        ..files.options(ClientCertificates::Required(text), Protocol::Http)
    };
    assert_eq!(
        problems(garbage),
        [
            "`edge.certificate`: `/text` holds no certificate in PEM",
            "`edge.private_key`: `/text` holds no private key in PEM",
            "`edge.client_ca`: `/text` holds no certificate in PEM",
        ]
    );
    std::fs::write(&files.private_key, servers.server().key).unwrap();
    let says = format!(
        "`edge.private_key`: `{}` is not the key of the certificate in `{}`",
        shown(&files.private_key),
        shown(&files.certificate)
    );
    assert_eq!(problems(files.options(ClientCertificates::Ignored, Protocol::Http)), [says]);
}

#[actix_web::test]
async fn a_client_that_says_nothing_is_left() {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let files = Files::new(&servers, &clients);
    let app = TestApp::new().await;
    let (_, edge, stop) = serve_edge(&app, files.mutual(Protocol::Http));
    let (_, grpc, running) = serve_grpc(&app, files.mutual(Protocol::Grpc));
    let left = async |address: SocketAddr| {
        let mut connection = TcpStream::connect(address).await.unwrap();
        let read = tokio::time::timeout(2 * HANDSHAKE_TIMEOUT, connection.read(&mut [0])).await;
        assert_eq!(read.expect("the connection stays open").unwrap_or_default(), 0);
    };
    tokio::join!(left(edge), left(grpc));
    // Whoever speaks no TLS is nobody either.
    let plain = Client::builder().no_proxy().build().unwrap();
    plain.get(format!("http://{edge}/health")).send().await.unwrap_err();
    plain.get(format!("http://{grpc}/")).send().await.unwrap_err();
    let health = client(&servers, None).get(format!("https://{edge}/health")).send().await.unwrap();
    assert_eq!(health.status(), StatusCode::OK);
    running.stop(Duration::from_secs(1)).await;
    stop.stop(false).await;
}

//! Who a client is by its certificate, and who gets in without one.

use std::net::TcpStream;

use modelport::api::mlmd::pb;
use prost::Message as _;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::*;

const UNAUTHENTICATED: &str = "16";

/// The status of a call that asks for the types of contexts.
async fn call(client: &Client, url: &str) -> Result<String, reqwest::Error> {
    let message = pb::GetContextTypesRequest::default().encode_to_vec();
    let mut body = vec![0];
    body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
    body.extend(message);
    let request = client.post(format!("{url}/ml_metadata.MetadataStoreService/GetContextTypes")).body(body);
    let answer = request.header("content-type", "application/grpc-web+proto").send().await?;
    if let Some(status) = answer.headers().get("grpc-status") {
        return Ok(status.to_str().unwrap().to_owned());
    }
    let body = String::from_utf8_lossy(&answer.bytes().await?).into_owned();
    Ok(body.split_once("grpc-status:").unwrap().1.lines().next().unwrap().trim().to_owned())
}

#[actix_web::test]
async fn a_certificate_says_who_its_client_is() {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let files = Files::new(&servers, &clients);
    let app = TestApp::new().await;
    let (edge, _, stop) = serve_edge(&app, files.mutual(Protocol::Http));
    let (grpc, _, running) = serve_grpc(&app, files.mutual(Protocol::Grpc));
    let spiffe = "spiffe://example.org/ns/kubeflow/sa/pipeline-runner";
    for (name, uris, is_somebody) in [
        ("device-7", &[][..], true),
        ("ignored", &[spiffe][..], true),
        ("ambiguous", &["spiffe://example.org/a", "spiffe://example.org/b"], false),
        (spiffe, &[], false),
        (" ", &[], false),
    ] {
        let own = clients.client(name, uris, 2999);
        let client = client(&servers, Some(&own));
        let status = client.get(format!("{edge}/models")).send().await.unwrap().status();
        assert_eq!(status, if is_somebody { StatusCode::OK } else { StatusCode::UNAUTHORIZED }, "{name}");
        assert_eq!(call(&client, &grpc).await.unwrap(), if is_somebody { "0" } else { UNAUTHENTICATED }, "{name}");
    }
    let seen = principals(&app);
    assert_eq!(seen, ["certificate certificate device-7".to_owned(), format!("certificate certificate {spiffe}")]);
    running.stop(Duration::from_secs(1)).await;
    stop.stop(false).await;
}

#[actix_web::test]
async fn who_shows_none_has_to_say_otherwise_who_it_is() {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let files = Files::new(&servers, &clients);
    let app = TestApp::new().await;
    let (edge, _, stop) = serve_edge(&app, files.mutual(Protocol::Http));
    let (grpc, _, running) = serve_grpc(&app, files.mutual(Protocol::Grpc));
    let stranger = client(&servers, None);
    let refused = stranger.get(format!("{edge}/models")).send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(call(&stranger, &grpc).await.unwrap(), UNAUTHENTICATED);
    // A token comes first, and a wrong one is never taken for none.
    let somebody = client(&servers, Some(&clients.client("device-7", &[], 2999)));
    let refused = somebody.get(format!("{edge}/models")).bearer_auth("wrong").send().await.unwrap();
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(principals(&app), Vec::<String>::new());
    running.stop(Duration::from_secs(1)).await;
    stop.stop(false).await;
}

#[actix_web::test]
async fn a_wrong_certificate_makes_no_connection() {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let files = Files::new(&servers, &clients);
    let app = TestApp::new().await;
    let (edge, _, stop) = serve_edge(&app, files.mutual(Protocol::Http));
    let (grpc, _, running) = serve_grpc(&app, files.mutual(Protocol::Grpc));
    let strangers = Authority::new("clients");
    for (what, own) in [
        ("of another authority", strangers.client("device-7", &[], 2999)),
        ("expired", clients.client("device-7", &[], 2020)),
        ("of a server", clients.server()),
    ] {
        let client = client(&servers, Some(&own));
        assert!(client.get(format!("{edge}/health")).send().await.is_err(), "{what}");
        assert!(call(&client, &grpc).await.is_err(), "{what}");
    }
    assert_eq!(principals(&app), Vec::<String>::new());
    running.stop(Duration::from_secs(1)).await;
    stop.stop(false).await;
}

#[actix_web::test]
async fn nobody_connects_without_one_where_it_is_required() {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let files = Files::new(&servers, &clients);
    let app = TestApp::new().await;
    let options = files.options(ClientCertificates::Required(files.client_ca.clone()), Protocol::Http);
    let (edge, _, stop) = serve_edge(&app, Tls::open(options).unwrap());
    client(&servers, None).get(format!("{edge}/health")).send().await.unwrap_err();
    let somebody = client(&servers, Some(&clients.client("device-7", &[], 2999)));
    assert_eq!(somebody.get(format!("{edge}/health")).send().await.unwrap().status(), StatusCode::OK);
    stop.stop(false).await;
}

#[actix_web::test]
async fn a_connection_that_outlives_its_certificate_is_nobodys() {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let files = Files::new(&servers, &clients);
    let app = TestApp::new().await;
    let (edge, _, stop) = serve_edge(&app, files.mutual(Protocol::Http));
    let somebody = client(&servers, Some(&clients.client("device-7", &[], 2998)));
    let ask = async || somebody.get(format!("{edge}/models")).send().await.unwrap();
    assert_eq!(ask().await.status(), StatusCode::OK);
    app.advance(1000 * 365 * 24 * 3600 * 1000);
    let refused = ask().await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(refused.text().await.unwrap().contains("the client certificate has expired"));
    stop.stop(false).await;
}

/// What the server and a client agree to speak, of what that offers.
fn agreed(address: SocketAddr, servers: &Authority, offers: &[&str]) -> Option<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(servers.pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = offers.iter().map(|name| name.as_bytes().to_vec()).collect();
    let name = ServerName::IpAddress(address.ip().into());
    let mut client = ClientConnection::new(Arc::new(config), name).unwrap();
    client.complete_io(&mut TcpStream::connect(address).unwrap()).ok()?;
    client.alpn_protocol().map(|name| String::from_utf8(name.to_vec()).unwrap())
}

#[actix_web::test]
async fn listeners_agree_to_what_they_speak() {
    let (servers, clients) = (Authority::new("servers"), Authority::new("clients"));
    let files = Files::new(&servers, &clients);
    let app = TestApp::new().await;
    let (_, edge, stop) = serve_edge(&app, files.mutual(Protocol::Http));
    let (_, grpc, running) = serve_grpc(&app, files.mutual(Protocol::Grpc));
    let asked = tokio::task::spawn_blocking(move || {
        let both = ["http/1.1", "h2"];
        [
            agreed(edge, &servers, &both),
            agreed(grpc, &servers, &both),
            agreed(grpc, &servers, &["http/1.1"]),
            agreed(edge, &servers, &["h2"]),
        ]
    });
    let asked = asked.await.unwrap();
    assert_eq!(asked.each_ref().map(Option::as_deref), [Some("http/1.1"), Some("h2"), Some("http/1.1"), None]);
    running.stop(Duration::from_secs(1)).await;
    stop.stop(false).await;
}

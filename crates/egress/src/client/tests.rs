use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::*;
use crate::{Allowed, EgressOptions};

const LIMITS: Limits =
    Limits { connect: Duration::from_secs(5), silence: Duration::from_secs(5), whole: Duration::from_secs(10) };

/// A server that gives every connection that answer; its port, and how many connections it had.
async fn server(answer: String) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let connections = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&connections);
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            counted.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 4096];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (port, connections)
}

fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}connection: close\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

fn allowing(allow: &[Allowed]) -> Egress {
    Egress::new(EgressOptions { allow: allow.to_vec(), ..EgressOptions::default() })
}

fn localhost() -> Allowed {
    Allowed::Host("localhost".to_owned())
}

async fn get(client: &Client, url: &str) -> Result<Response> {
    client.send("url", client.request("url", Method::GET, url)?).await
}

#[tokio::test]
async fn a_name_that_leads_to_loopback_is_refused_without_a_connection() {
    let (port, connections) = server(answer("200 OK", "", "hello")).await;
    let client = allowing(&[]).client(LIMITS).unwrap();
    for url in ["localhost", "127.0.0.1", "[::ffff:127.0.0.1]"] {
        for scheme in ["http", "https"] {
            let error = get(&client, &format!("{scheme}://{url}:{port}/")).await.unwrap_err();
            assert!(error.message().contains("egress.allow"), "{error}");
            assert_eq!(error.field(), Some("url"));
        }
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn an_allowed_host_is_asked_by_its_name_or_network() {
    let (port, connections) = server(answer("200 OK", "", "hello")).await;
    let by_name = allowing(&[localhost()]).client(LIMITS).unwrap();
    let networks = ["127.0.0.0/8", "::1/128"].map(|network| Allowed::Network(network.parse().unwrap()));
    let by_network = allowing(&networks).client(LIMITS).unwrap();
    for client in [&by_name, &by_network] {
        let response = get(client, &format!("http://localhost:{port}/")).await.unwrap();
        assert_eq!(client.read_start(response, 5).await.unwrap(), b"hello");
    }
    let response = get(&by_network, &format!("http://127.0.0.1:{port}/")).await.unwrap();
    assert_eq!(by_network.read_start(response, 4).await.unwrap(), b"hell");
    // A name opens no address that is written out.
    assert!(get(&by_name, &format!("http://127.0.0.1:{port}/")).await.is_err());
    assert_eq!(connections.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_its_place_is_checked() {
    let (inner, asked) = server(answer("200 OK", "", "secret")).await;
    let place = format!("http://127.0.0.1:{inner}/");
    let (port, _) = server(answer("302 Found", &format!("location: {place}\r\n"), "")).await;
    let client = allowing(&[localhost()]).client(LIMITS).unwrap();
    let response = get(&client, &format!("http://localhost:{port}/")).await.unwrap();
    assert_eq!(response.status(), 302);
    assert!(client.request("url", Method::GET, response.headers()["location"].to_str().unwrap()).is_err());
    assert_eq!(asked.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_silent_server_is_given_up_and_its_url_is_not_shown() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let client = allowing(&[localhost()]).client(Limits { whole: Duration::from_millis(200), ..LIMITS }).unwrap();
    let error = get(&client, &format!("http://localhost:{port}/?token=hunter2")).await.unwrap_err();
    assert!(error.message().contains("in time"), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    drop(listener);
    let error = get(&client, &format!("http://localhost:{port}/?token=hunter2")).await.unwrap_err();
    assert!(error.message().contains("cannot be reached"), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
}

#[tokio::test]
async fn the_addresses_of_a_name_are_checked_early() {
    let egress = allowing(&[]);
    let at_most = Duration::from_secs(5);
    let refused = egress.check_resolved("url", "https://localhost/x", at_most).await.unwrap_err();
    assert!(refused.message().contains("not public"), "{refused}");
    let unknown = egress.check_resolved("url", "https://no-such-host.invalid/x", at_most).await.unwrap_err();
    assert!(unknown.message().contains("no address"), "{unknown}");
    let named = allowing(&[localhost()]);
    assert!(named.check_resolved("url", "https://localhost/x", at_most).await.is_ok());
    assert!(egress.check_resolved("url", "https://8.8.8.8/", at_most).await.is_ok());
}

//! Bodies that are refused while they are still being sent, over a real connection: the client sends all of it and
//! only then reads, as many do, and still sees why.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::dev::ServerHandle;
use modelport::api::http::listener::{self, ListenerOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::app::TestApp;

/// More than the buffers of both ends hold.
const CHUNKS: usize = 32;
static CHUNK: [u8; 1 << 20] = [b'x'; 1 << 20];

fn serve(app: &TestApp) -> (SocketAddr, ServerHandle) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let service = app.service.clone();
    let options = ListenerOptions { workers: 1, shutdown_grace: Duration::from_secs(1), tls: None };
    let server = listener::serve(listener, options, move || service.app()).unwrap();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (address, handle)
}

async fn answer_to(address: SocketAddr, request: &str, chunked: bool) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let framing =
        if chunked { "Transfer-Encoding: chunked".to_owned() } else { format!("Content-Length: {}", CHUNKS << 20) };
    connection
        .write_all(format!("{request} HTTP/1.1\r\nHost: localhost\r\n{framing}\r\n\r\n").as_bytes())
        .await
        .unwrap();
    for _ in 0..CHUNKS {
        if chunked {
            connection.write_all(b"100000\r\n").await.unwrap();
        }
        connection.write_all(&CHUNK).await.unwrap();
        if chunked {
            connection.write_all(b"\r\n").await.unwrap();
        }
    }
    if chunked {
        connection.write_all(b"0\r\n\r\n").await.unwrap();
    }
    connection.shutdown().await.unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await.unwrap();
    answer
}

/// What is answered to a client that waits to be asked for its body (RFC 9110 §10.1.1), and never sends it.
async fn answer_to_waiting(address: SocketAddr, request: &str, length: usize, headers: &str) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let head = format!("{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n{headers}");
    connection.write_all(format!("{head}Expect: 100-continue\r\n\r\n").as_bytes()).await.unwrap();
    let (mut answer, mut buffer) = (String::new(), [0; 4096]);
    while !answer.ends_with('}') {
        let read = connection.read(&mut buffer).await.unwrap();
        assert_ne!(read, 0, "{answer}");
        answer.push_str(str::from_utf8(&buffer[..read]).unwrap());
    }
    answer
}

#[actix_web::test]
async fn a_client_that_waits_is_refused_without_its_body() {
    let app = TestApp::with_limits(1024, 1 << 20).await;
    app.put("/api/v1/models/demo/versions/1/files/a", "a").await.expect(201);
    let (address, server) = serve(&app);
    for (request, length, headers, status) in [
        ("PUT /api/v1/models/none/versions/1/files/a?create=false", 9, "", 404),
        ("PUT /api/v1/artifacts/999/files/a", 9, "", 404),
        ("PUT /api/v1/models/demo/versions/1/files/b", 2 << 20, "", 413),
        ("PUT /api/v1/models/demo/versions/1/files/b", 9, "Content-Encoding: gzip\r\n", 415),
        ("PUT /api/v1/models/demo/versions/1/files/a", 9, "If-None-Match: *\r\n", 412),
        ("POST /api/model_registry/v1alpha3/registered_models", 2 << 20, "Content-Type: application/json\r\n", 413),
        ("PUT /api/v1/models/demo/versions/1/files/..%2Fa", 9, "", 400),
        ("PUT /nonsense", 9, "", 404),
        ("PUT /health/live", 9, "", 405),
        ("PUT /api/v1/models/demo/versions/1/files/b", 9, "Sec-Fetch-Site: cross-site\r\n", 403),
    ] {
        let sent = timeout(Duration::from_secs(60), answer_to_waiting(address, request, length, headers));
        let answer = sent.await.expect("the server waits for the body");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
    server.stop(false).await;
}

#[actix_web::test]
async fn a_client_that_waits_is_asked_for_a_body_that_is_wanted() {
    let app = TestApp::new().await;
    let (address, server) = serve(&app);
    let model = "POST /api/model_registry/v1alpha3/registered_models";
    for (request, headers, body, status) in [
        ("PUT /api/v1/models/demo/versions/1/files/a", "", "nine bytes".repeat(100_000), 201),
        (model, "Content-Type: application/json\r\n", r#"{"name": "m"}"#.to_owned(), 201),
        (model, "Content-Type: application/json\r\n", r#"{"name": "#.to_owned(), 400),
    ] {
        let asked = timeout(Duration::from_secs(60), async {
            let mut connection = TcpStream::connect(address).await.unwrap();
            let head = format!("{request} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n{headers}", body.len());
            connection.write_all(format!("{head}Expect: 100-continue\r\n\r\n").as_bytes()).await.unwrap();
            let mut asked = [0; 25];
            connection.read_exact(&mut asked).await.unwrap();
            assert_eq!(&asked, b"HTTP/1.1 100 Continue\r\n\r\n", "{request}");
            connection.write_all(body.as_bytes()).await.unwrap();
            // A request after it on the same connection is answered, too.
            connection
                .write_all(b"GET /health/live HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                .await
                .unwrap();
            let mut answers = String::new();
            connection.read_to_string(&mut answers).await.unwrap();
            answers
        });
        let answers = asked.await.expect("the server waits for a body that it does not ask for");
        assert!(answers.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answers}");
        assert!(answers.contains("HTTP/1.1 200 "), "{request}: {answers}");
    }
    server.stop(true).await;
}

#[actix_web::test]
async fn a_client_that_is_still_sending_sees_why_its_body_is_refused() {
    let app = TestApp::with_limits(1024, 1 << 30).await;
    app.put("/api/v1/models/demo/versions/1/files/a", "a").await.expect(201);
    let (address, server) = serve(&app);
    for (request, status) in [
        ("PUT /api/v1/models/none/versions/1/files/a?create=false", 404),
        ("PUT /api/v1/models/demo/versions/1/files/..%2Fa", 400),
        ("PUT /api/v1/models/demo/versions/1/files/a", 409),
        ("PUT /health/live", 405),
        ("PUT /nonsense", 404),
        ("POST /api/model_registry/v1alpha3/registered_models", 413),
    ] {
        for chunked in [false, true] {
            let sent = timeout(Duration::from_secs(60), answer_to(address, request, chunked));
            let answer = sent.await.expect("the server stands still");
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}, chunked {chunked}: {answer}");
            assert!(answer.ends_with('}'), "{request}, chunked {chunked}: {answer}");
        }
    }
    server.stop(false).await;
}

//! Bodies that are refused while they are still being sent, over a real connection: the client sends all of it and
//! only then reads, as many do, and still sees why.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::dev::ServerHandle;
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
    let server = HttpServer::new(move || service.app()).workers(1).disable_signals().shutdown_timeout(1);
    let server = server.client_disconnect_timeout(Duration::from_secs(60)).listen(listener).unwrap().run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    (address, handle)
}

async fn answer_to(address: SocketAddr, request: &str, chunked: bool) -> String {
    let mut connection = TcpStream::connect(address).await.unwrap();
    let framing =
        if chunked { "Transfer-Encoding: chunked".to_owned() } else { format!("Content-Length: {}", CHUNKS << 20) };
    connection.write_all(format!("{request} HTTP/1.1\r\nHost: test\r\n{framing}\r\n\r\n").as_bytes()).await.unwrap();
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

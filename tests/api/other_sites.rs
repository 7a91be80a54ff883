//! What a web page of another site can make a browser send here: to a name of the page's own that leads here, or across
//! origins. Every API refuses it, in its own shape and before it reads the body.

use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use actix_web::HttpServer;
use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::app::{Answer, TestApp, request};

const KUBEFLOW: &str = "/api/model_registry/v1alpha3/registered_models";
const EVIL: [(&str, &str); 2] = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];

fn with(request: TestRequest, headers: &[(&str, &str)]) -> TestRequest {
    headers.iter().fold(request, |request, header| request.append_header(*header))
}

/// The names of the models, and of the records.
async fn kept(app: &TestApp) -> (Value, Value) {
    let models = app.get(KUBEFLOW).await.expect(200).json();
    let records = app.send_edge(TestRequest::get().uri("/models")).await.expect(200).json();
    (models["size"].clone(), records)
}

#[track_caller]
fn refused(answer: Answer, says: &str) {
    let (kind, text) = (answer.content_type().to_owned(), answer.text());
    assert_eq!(answer.status, 403, "{text}");
    let body = answer.json();
    let members: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    let message = match (kind.as_str(), members.as_slice()) {
        ("application/json; charset=UTF-8", ["code", "message"]) => &body["message"],
        ("application/problem+json", ["detail", "requestId", "status", "title", "type"]) => &body["detail"],
        ("application/json", ["detail"]) => &body["detail"],
        _ => panic!("no shape of an API: {kind} {text}"),
    };
    assert!(message.as_str().unwrap().contains(says), "{text}");
}

#[actix_web::test]
async fn another_host_is_refused_by_every_api() {
    let app = TestApp::new().await;
    app.put("/api/v1/models/demo/versions/1/files/a", "a").await.expect(201);
    for (method, path) in [
        (Method::GET, KUBEFLOW),
        (Method::POST, "/api/model_registry/v1/registered_models"),
        (Method::GET, "/api/v1/changes"),
        (Method::DELETE, "/api/v1/models/demo?recursive=true"),
        (Method::OPTIONS, "/api/v1/uploads"),
        (Method::GET, "/docs/native.json"),
        (Method::GET, "/docs/"),
        (Method::GET, "/nonsense"),
        (Method::GET, "/health/"),
        (Method::GET, "/metrics/"),
    ] {
        for host in ["evil.example", "evil.example:8080", "localhost.evil.example"] {
            let answer = app.send(request(method.clone(), path).insert_header(("host", host))).await;
            refused(answer, "is not one of this server's names; set `server.public_url` or");
        }
        app.send(request(method.clone(), path).insert_header(("host", "a b"))).await.expect(400);
    }
    for (method, path) in
        [(Method::GET, "/models"), (Method::DELETE, "/models/0123456789abcdef"), (Method::GET, "/docs")]
    {
        let answer = app.send_edge(request(method, path).insert_header(("host", "evil.example"))).await;
        refused(answer, "host `evil.example` is not one of this server's names");
    }
    for host in ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "192.168.0.7"] {
        app.send(TestRequest::get().uri("/api/v1/models/demo/versions").insert_header(("host", host)))
            .await
            .expect(200);
        app.send_edge(TestRequest::get().uri("/models").insert_header(("host", host))).await.expect(200);
    }
}

#[actix_web::test]
async fn probes_and_metrics_are_answered_by_any_name() {
    let app = TestApp::new().await;
    for path in ["/health/live", "/health/ready", "/metrics"] {
        app.send(TestRequest::get().uri(path).insert_header(("host", "modelport.svc:8080"))).await.expect(200);
    }
    app.send_edge(TestRequest::get().uri("/health").insert_header(("host", "modelport.svc"))).await.expect(200);
}

#[actix_web::test]
async fn a_page_of_another_origin_writes_nothing() {
    let app = TestApp::new().await;
    app.put("/api/v1/models/demo/versions/1/files/a", "a").await.expect(201);
    let before = kept(&app).await;
    let form = "--b\r\ncontent-disposition: form-data; name=\"name\"\r\n\r\nx\r\n--b--\r\n";
    for headers in [&EVIL[..], &EVIL[..1], &EVIL[1..], &[("origin", "null")], &[("sec-fetch-site", "same-site")]] {
        for (method, path, media_type, body) in [
            (Method::POST, KUBEFLOW, "text/plain", r#"{"name":"csrf"}"#),
            (Method::POST, KUBEFLOW, "application/x-www-form-urlencoded", r#"{"name":"csrf"}"#),
            (Method::PATCH, "/api/model_registry/v1alpha3/registered_models/1", "text/plain", "{}"),
            (Method::POST, "/api/v1/register", "application/json", "{}"),
            (Method::PUT, "/api/v1/models/demo/versions/1/files/b", "text/plain", "b"),
            (Method::POST, "/api/v1/uploads", "text/plain", ""),
            (Method::DELETE, "/api/v1/models/demo?recursive=true", "text/plain", ""),
        ] {
            let sent = with(request(method, path), headers).insert_header(("content-type", media_type));
            refused(app.send(sent.set_payload(body)).await, "requests from pages of another origin");
        }
        for (method, path, media_type) in [
            (Method::POST, "/models", "multipart/form-data; boundary=b"),
            (Method::PUT, "/models/0123456789abcdef", "application/x-www-form-urlencoded"),
            (Method::DELETE, "/models/0123456789abcdef", "text/plain"),
            (Method::POST, "/projects/0123456789abcdef/geti-models/download", "text/plain"),
        ] {
            let sent = with(request(method, path), headers).insert_header(("content-type", media_type));
            refused(app.send_edge(sent.set_payload(form)).await, "requests from pages of another origin");
        }
    }
    assert_eq!(kept(&app).await, before);
}

#[actix_web::test]
async fn a_page_of_another_origin_reads_nothing_but_links_lead_here() {
    let app = TestApp::new().await;
    for headers in [&EVIL[..], &EVIL[..1], &EVIL[1..]] {
        for path in [KUBEFLOW, "/api/v1/changes", "/docs/native.json"] {
            refused(
                app.send(with(TestRequest::get().uri(path), headers)).await,
                "requests from pages of another origin",
            );
        }
        refused(
            app.send_edge(with(TestRequest::get().uri("/models"), headers)).await,
            "requests from pages of another origin",
        );
    }
    let followed = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "document")];
    app.send(with(TestRequest::get().uri("/docs/"), &followed)).await.expect(200);
    let framed = [("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")];
    refused(app.send(with(TestRequest::get().uri("/docs/"), &framed)).await, "requests from pages of another origin");
}

/// `curl -d` says nothing of a page, and sends a form's media type.
#[actix_web::test]
async fn non_browser_clients_may_write() {
    let app = TestApp::new().await;
    let media_type = ("content-type", "application/x-www-form-urlencoded");
    for (name, headers) in [
        ("curl", &[("host", "localhost:8080")][..]),
        ("page", &[("host", "localhost:8080"), ("origin", "http://localhost:8080"), ("sec-fetch-site", "same-origin")]),
        ("old-page", &[("host", "10.0.0.7:8080"), ("origin", "http://10.0.0.7:8080")]),
    ] {
        let sent = with(TestRequest::post().uri(KUBEFLOW), headers).insert_header(media_type);
        app.send(sent.set_payload(json!({"name": name}).to_string())).await.expect(201);
    }
}

#[actix_web::test]
async fn pages_are_shown_in_no_frame_of_others() {
    let app = TestApp::new().await;
    let expected = Some("frame-ancestors 'none'");
    assert_eq!(app.get("/docs/").await.expect(200).header("content-security-policy"), expected);
    let edge = app.send_edge(TestRequest::get().uri("/docs")).await.expect(200);
    assert_eq!(edge.header("content-security-policy"), expected);
    assert_eq!(app.get("/docs/native.json").await.expect(200).header("content-security-policy"), None);
}

/// The client announces a gigabyte, sends none of it, and is answered.
#[actix_web::test]
async fn the_body_is_not_waited_for() {
    let app = TestApp::new().await;
    for (is_edge, head) in [
        (false, "POST /api/model_registry/v1alpha3/registered_models HTTP/1.1\r\nContent-Type: text/plain"),
        (false, "PATCH /api/model_registry/v1/registered_models/1 HTTP/1.1\r\nContent-Type: text/plain"),
        (true, "POST /models HTTP/1.1\r\nContent-Type: multipart/form-data; boundary=b"),
    ] {
        for page in ["Host: localhost\r\nOrigin: https://evil.example", "Host: evil.example"] {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let address = listener.local_addr().unwrap();
            let service = app.service.clone();
            macro_rules! serve {
                ($app:expr) => {{
                    let server = HttpServer::new($app).workers(1).disable_signals().shutdown_timeout(1);
                    let server = server.listen(listener).unwrap().run();
                    let handle = server.handle();
                    actix_web::rt::spawn(server);
                    handle
                }};
            }
            let server = if is_edge { serve!(move || service.edge_app()) } else { serve!(move || service.app()) };
            let mut connection = TcpStream::connect(address).await.unwrap();
            let head = format!("{head}\r\n{page}\r\nContent-Length: 1073741824\r\n\r\n");
            connection.write_all(head.as_bytes()).await.unwrap();
            let mut status = [0; 12];
            timeout(Duration::from_secs(60), connection.read_exact(&mut status)).await.expect("no answer").unwrap();
            assert_eq!(&status, b"HTTP/1.1 403", "{head}");
            drop(connection);
            server.stop(false).await;
        }
    }
}

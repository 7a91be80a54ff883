//! What is around the protocols: the documents' pages, health, metrics, and paths that belong to nobody.

use actix_web::http::Method;
use insta::assert_snapshot;

use super::app::{TestApp, request};
use super::transcript::{Transcript, TranscriptRequest};

#[actix_web::test]
async fn paths_of_the_server_itself() {
    let app = TestApp::new().await;
    let mut transcript = Transcript::new(&app, "");
    for path in ["/health/live", "/health/ready", "/", "/nonsense", "/api", "/api/", "/api/v2/models", "/docs"] {
        transcript.get(path).await;
    }
    transcript.get("/api/model_registry/v1alpha2/registered_models").await;
    for (method, path) in [("POST", "/health/live"), ("POST", "/metrics"), ("DELETE", "/")] {
        transcript.send(TranscriptRequest { method, path, ..TranscriptRequest::default() }).await;
    }
    assert_snapshot!(transcript);
}

#[actix_web::test]
async fn the_pages_over_the_documents() {
    let app = TestApp::new().await;
    let page = app.get("/docs/").await.expect(200);
    assert!(page.content_type().starts_with("text/html"), "{}", page.content_type());
    for path in ["/docs/swagger-ui-bundle.js", "/docs/swagger-ui.css", "/docs/swagger-initializer.js"] {
        assert!(!app.get(path).await.expect(200).body.is_empty(), "{path}");
    }
    let initializer = app.get("/docs/swagger-initializer.js").await.text();
    for document in ["/docs/kubeflow.json", "/docs/native.json"] {
        // Relative to the page, so that it works below a proxy's path.
        let name = document.rsplit('/').next().unwrap();
        assert!(initializer.contains(&format!("\"{name}\"")), "{initializer}");
        let answer = app.get(document).await.expect(200);
        assert_eq!((answer.content_type(), &answer.json()["openapi"]), ("application/json", &"3.1.0".into()));
    }
    app.get("/docs/nonsense.json").await.expect(404);
    app.get("/docs/%2e%2e/Cargo.toml").await.expect(404);
}

#[actix_web::test]
async fn metrics_count_by_route_and_status() {
    let app = TestApp::new().await;
    app.put("/api/v1/models/demo/versions/1/files/a", "0123456789").await.expect(201);
    app.get("/api/v1/models/demo/versions/1/files/a").await.expect(200);
    app.get("/api/v1/models/demo/versions/1/files/b").await.expect(404);
    app.get("/api/model_registry/v1alpha3/registered_models/abc").await.expect(400);
    app.get("/no/such/path").await.expect(404);
    app.send(request(Method::from_bytes(b"FROBNICATE").unwrap(), "/")).await;
    let metrics = app.get("/metrics").await.expect(200);
    assert_eq!(metrics.content_type(), "text/plain; version=0.0.4");
    let text = metrics.text();
    let counted: Vec<_> = text.lines().filter(|line| line.starts_with("modelport_http_requests_total")).collect();
    assert_snapshot!(counted.join("\n"));
    for name in [
        "modelport_http_request_duration_seconds_bucket",
        "modelport_http_bytes_received_total 10",
        "modelport_http_bytes_sent_total",
        "modelport_http_requests_in_flight 1",
        "modelport_build_info{version=",
        "modelport_database_connections{pool=",
        "modelport_collector_passes_total{outcome=",
    ] {
        assert!(text.lines().any(|line| line.starts_with(name)), "no `{name}` in\n{text}");
    }
}

#[actix_web::test]
async fn a_request_id_comes_back() {
    let app = TestApp::new().await;
    let answer = app.get("/api/v1/models/none/versions").await.expect(404);
    assert_eq!((answer.header("x-request-id"), answer.json()["requestId"].as_str()), (Some("test"), Some("test")));
}

//! What the old service's own tests asked of it: the pairs of requests and answers that clients rely on.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use insta::assert_json_snapshot;

use super::{Client, Form, RequestAndAnswer, archive, pair};
use crate::api::app::TestApp;
use crate::support::Backend;

const ID: &str = "0123456789abcdef-model_1";
const OTHER: &str = "00000000-0000-4000-8000-000000000000";

async fn pairs(backend: Backend) -> Vec<RequestAndAnswer> {
    let client = Client(TestApp::on(backend).await);
    let mut pairs = Vec::new();
    let full = [
        ("id", ID),
        ("name", "Full"),
        ("version", "1"),
        ("target_device", "GPU"),
        ("precision", "INT8"),
        ("format", "openvino"),
        ("score", "0.5"),
        ("created_date", "yesterday, about noon"),
        ("size", "3"),
        ("origin", "Geti"),
        ("project_id", "p1"),
        ("project_name", "Project One"),
        ("category", "Detection"),
        ("target_device_type", "iGPU"),
        ("overview", r#"{"a": true, "b": [null, 1.5]}"#),
        ("optimization_capabilities", r#"{"pot": false}"#),
        ("labels", "['cat', 'dog']"),
        ("architecture", "SSD"),
    ];
    for path in ["/health", "/models", "/models?name=", "/models?name=none"] {
        pairs.push(pair(&format!("GET {path}"), client.get(path).await));
    }
    pairs.push(pair("POST a full form", client.post(&full).await));
    pairs.push(pair("POST it again", client.post(&full).await));
    pairs.push(pair("POST the same under another id", client.post(&[&[("id", OTHER)], &full[1..]].concat()).await));
    pairs.push(pair("POST a minimal form", client.post(&[("name", "minimal"), ("version", "2"), ("id", OTHER)]).await));
    for path in [
        "/models?format=x&foo=y&name=Full",
        "/models?name=fu&precision=int&project_name=one&category=detect&architecture=ssd&version=1",
        "/models?version=1&name=minimal",
        "/models?name=a%3Cb",
        "/models?version=%25",
        "/models?category=it%27s",
        "/models",
        &format!("/models/{ID}"),
        "/models/short",
        "/models/0123456789abcdef%20",
        "/models/0123456789abcdef-none",
        "/models/short/files",
        "/models/0123456789abcdef-none/files",
    ] {
        pairs.push(pair(&format!("GET {path}"), client.get(path).await));
    }
    let zipped = client.get(&format!("/models/{ID}/files")).await.expect(200);
    assert_eq!(zipped.content_type(), "application/zip");
    assert_eq!(zipped.body, archive());
    assert_eq!(zipped.size, format!("Sized({})", archive().len()));
    let docs = TestRequest::get().uri(&format!("/models/{ID}/files")).insert_header(("Referer", "http://x/docs"));
    assert_eq!(client.0.send_edge(docs).await.expect(200).content_type(), "application/octet-stream");
    let named = [("name", "n"), ("version", "1")];
    let form = |fields: &[(&str, &str)]| Form::new(fields).file(&archive());
    for (what, form) in [
        ("an unknown key", form(&[("name", "n"), ("version", "1"), ("bogus", "x"), ("also", "y")])),
        ("another media type", Form::new(&named).file_of("text/plain", "m.txt", b"hello")),
        ("another precision", form(&[("name", "n"), ("version", "1"), ("precision", "BF16")])),
        ("a bad score", form(&[("name", "n"), ("version", "1"), ("score", "good")])),
        ("a bad overview", form(&[("name", "n"), ("version", "1"), ("overview", "{'a': 1}")])),
        ("no version", form(&[("name", "n")])),
        ("no file", Form::new(&named)),
    ] {
        pairs.push(pair(&format!("POST a form with {what}"), client.send(form).await));
    }
    let json = client.0.send_edge(TestRequest::post().uri("/models").set_json(serde_json::json!({"name": "n"}))).await;
    pairs.push(pair("POST JSON", json));
    for form in ["name=Renamed&score=0.25", "", "bogus=1", "id=0123456789abcdef", "precision=bf16", "overview=x"] {
        pairs.push(pair(&format!("PUT {form}"), client.put(ID, form).await));
    }
    let json = TestRequest::put().uri(&format!("/models/{ID}")).set_json(serde_json::json!({"name": "n"}));
    pairs.push(pair("PUT JSON", client.0.send_edge(json).await));
    pairs.push(pair("GET it", client.get(&format!("/models/{ID}")).await));
    pairs.push(pair("PUT with no id", client.put("short", "name=x").await));
    pairs.push(pair("PUT of none", client.put("0123456789abcdef-none", "name=x").await));
    let same = "name=Renamed&version=1&precision=INT8&project_id=p1&project_name=Project+One";
    pairs.push(pair("PUT what another is", client.put(OTHER, same).await));
    let multipart = Form::new(&[("architecture", "YOLO")]).request(Method::PUT, &format!("/models/{ID}"));
    pairs.push(pair("PUT a multipart form", client.0.send_edge(multipart).await));
    client.0.lose_objects();
    pairs.push(pair("GET files that the store lost", client.get(&format!("/models/{ID}/files")).await));
    pairs.push(pair("DELETE with no id", client.delete("/models/short").await));
    for _ in 0..2 {
        pairs.push(pair("DELETE it", client.delete(&format!("/models/{ID}")).await));
    }
    for (method, path) in [
        ("HEAD", "/models"),
        ("OPTIONS", "/models"),
        ("PATCH", "/models/0123456789abcdef"),
        ("POST", "/health"),
        ("GET", "/models/"),
        ("GET", "/models/0123456789abcdef/?name=a%20b"),
        ("GET", "/nothing"),
        ("GET", "/nothing/"),
        ("OPTIONS", "/nothing"),
        ("GET", "//models/"),
        ("GET", "/docs/../models"),
    ] {
        let request = TestRequest::default().method(method.parse().unwrap()).uri(path);
        pairs.push(pair(&format!("{method} {path}"), client.0.send_edge(request).await));
    }
    pairs
}

#[actix_web::test]
async fn on_sqlite() {
    assert_json_snapshot!("pairs", pairs(Backend::Sqlite).await);
}

#[actix_web::test]
async fn on_postgres() {
    assert_json_snapshot!("pairs", pairs(Backend::Postgres).await);
}

#[actix_web::test]
async fn the_documents_are_there() {
    let client = Client(TestApp::new().await);
    assert!(client.get("/docs").await.expect(200).text().contains("docs/swagger-ui-bundle.js"));
    client.get("/docs/swagger-ui-bundle.js").await.expect(200);
    client.get("/docs/swagger-ui.css").await.expect(200);
    assert_eq!(client.get("/docs/").await.expect(307).header("location"), Some("../docs"));
    assert_eq!(client.get("/redoc").await.expect(307).header("location"), Some("docs"));
    let document = client.get("/openapi.json").await.expect(200).json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_json_snapshot!("document", document);
}

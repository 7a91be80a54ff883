//! Where answers say that something is: relative to the request, or below what clients address.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use crate::api::app::{TestApp, request};

const KUBEFLOW: &str = "/api/model_registry/v1alpha3";
const FILE: &str = "/api/v1/models/org%2Fdemo/versions/1/files/dir/a";

fn put(host: &str) -> TestRequest {
    request(Method::PUT, FILE).insert_header(("Host", host)).set_payload("x")
}

#[actix_web::test]
async fn urls_begin_with_what_a_request_is_addressed_to() {
    let app = TestApp::following_hosts().await;
    for (host, base) in [
        ("models.example.org", "http://models.example.org"),
        ("[::1]:9000", "http://[::1]:9000"),
        ("10.0.0.7:8080", "http://10.0.0.7:8080"),
        ("Models.Example.Org.:8080", "http://models.example.org:8080"),
    ] {
        let stored = app.send(put(host).insert_header(("X-Forwarded-Host", "evil.example"))).await;
        assert_eq!(stored.member("url"), format!("{base}/api/v1/artifacts/3/files/dir/a"));
        let shown = TestRequest::get().uri(&format!("{KUBEFLOW}/model_artifacts/3")).insert_header(("Host", host));
        assert_eq!(app.send(shown).await.expect(200).member("uri"), stored.member("url"));
    }
    for host in ["user@models.example.org", "a b"] {
        app.send(put(host)).await.expect(400);
    }
    let nobody = TestRequest::get().uri(&format!("{KUBEFLOW}/model_artifacts/3"));
    assert_eq!(app.send(nobody).await.member("uri"), "https://models.example/api/v1/artifacts/3/files/dir/a");
}

#[actix_web::test]
async fn a_url_that_is_set_is_the_same_for_everybody() {
    let app = TestApp::new().await;
    let stored = app.send(put("10.0.0.7:8080")).await.expect(201);
    assert_eq!(stored.member("url"), "https://models.example/api/v1/artifacts/3/files/dir/a");
    assert_eq!(stored.header("location"), Some("../../../../../../artifacts/3/files/dir/a"));
    assert_eq!(stored.location_from(FILE), "/api/v1/artifacts/3/files/dir/a");
    assert_eq!(stored.location_from(&format!("/registry{FILE}")), "/registry/api/v1/artifacts/3/files/dir/a");
}

#[actix_web::test]
async fn a_uri_that_is_sent_back_is_not_the_clients_own_however_the_server_was_addressed() {
    let app = TestApp::following_hosts().await;
    app.send(put("one.example")).await.expect(201);
    let path = format!("{KUBEFLOW}/model_artifacts/3");
    let shown = |host: &'static str| TestRequest::get().uri(&path).insert_header(("Host", host));
    let body = app.send(shown("one.example")).await.expect(200).json();
    let back =
        request(Method::PATCH, &path).insert_header(("Host", "two.example")).set_json(json!({"uri": body["uri"]}));
    app.send(back).await.expect(200);
    let uri = app.send(shown("three.example")).await.expect(200).member("uri");
    assert_eq!(uri, "http://three.example/api/v1/artifacts/3/files/dir/a");
    // Another one is.
    for own in ["http://one.example/api/v1/artifacts/4/files/dir/a", "s3://bucket/api/v1/artifacts/3/files/dir/a"] {
        let patch = request(Method::PATCH, &path).set_json(json!({"uri": own}));
        assert_eq!(app.send(patch).await.expect(200).member("uri"), own);
    }
}

#[actix_web::test]
async fn the_documents_name_a_server_that_is_there() {
    for (app, expected) in [(TestApp::new().await, "https://models.example"), (TestApp::following_hosts().await, "..")]
    {
        for name in ["kubeflow", "kubeflow-v1", "native"] {
            let document = app.get(&format!("/docs/{name}.json")).await.expect(200).json();
            assert_eq!(document["servers"], json!([{"url": expected}]), "{name}");
        }
        assert_eq!(app.get("/docs").await.expect(307).location_from("/registry/docs"), "/registry/docs/");
        let document: Value = app.send_edge(request(Method::GET, "/openapi.json")).await.expect(200).json();
        assert_eq!(document["servers"], json!([{"url": "."}]));
        let redirected = app.send_edge(request(Method::GET, "/models/?name=a")).await.expect(307);
        assert_eq!(redirected.location_from("/edge/models/"), "/edge/models");
    }
}

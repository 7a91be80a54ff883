//! Aliases: set, moved, removed.

use insta::assert_snapshot;
use serde_json::json;

use super::transcript;
use crate::api::app::TestApp;
use crate::api::transcript::TranscriptRequest;

async fn two_versions() -> TestApp {
    let app = TestApp::new().await;
    for version in ["1", "2"] {
        app.put(&format!("/api/v1/models/demo/versions/{version}/files/a"), version).await.expect(201);
    }
    app
}

#[actix_web::test]
async fn an_alias_is_set_moved_and_removed() {
    let app = two_versions().await;
    let mut transcript = transcript(&app);
    transcript.raw("PUT", "/models/demo/aliases/champion", "{\"version\":\"1\"}").await.expect(200);
    transcript.raw("PUT", "/models/demo/aliases/champion", "{\"version\":\"1\"}").await.expect(200);
    assert_eq!(app.get("/api/v1/models/demo/versions/@champion/files/a").await.body, "1");
    transcript.raw("PUT", "/models/demo/aliases/champion", "{\"version\":\"latest\"}").await.expect(200);
    assert_eq!(app.get("/api/v1/models/demo/versions/@champion/files/a").await.body, "2");
    transcript.raw("PUT", "/models/demo/aliases/other", "{\"version\":\"@champion\"}").await.expect(200);
    transcript.delete("/models/demo/aliases/champion").await.expect(204);
    transcript.delete("/models/demo/aliases/champion").await.expect(404);
    transcript.get("/models/demo/versions/@champion").await.expect(404);
    assert_snapshot!(transcript);
    assert_eq!(app.get("/api/v1/models/demo/versions/2").await.json()["aliases"], json!(["other"]));
    // An alias goes with its version.
    app.delete("/api/v1/models/demo/versions/2").await.expect(409);
    app.delete("/api/v1/models/demo/versions/2?force=true").await.expect(204);
    app.get("/api/v1/models/demo/versions/@other").await.expect(404);
}

#[actix_web::test]
async fn an_upload_to_an_alias_goes_to_its_version() {
    let app = two_versions().await;
    let path = "/api/v1/models/demo/aliases/champion";
    app.json(actix_web::http::Method::PUT, path, &json!({"version": "1"})).await.expect(200);
    let stored = app.put("/api/v1/models/demo/versions/@champion/files/b", "b").await.expect(201);
    assert_eq!(stored.member("versionId"), "2");
    app.get("/api/v1/models/demo/versions/1/files/b").await.expect(200);
    app.delete("/api/v1/models/demo/versions/@champion/files/b").await.expect(204);
}

#[actix_web::test]
async fn names_that_are_no_alias() {
    let app = two_versions().await;
    let long = "a".repeat(256);
    let mut transcript = transcript(&app);
    for alias in ["latest", "LATEST", "a%20b", "a%2Fb", "%00", "@a", "%F0%9F%8F%86", &long, "%FF"] {
        let path = format!("/models/demo/aliases/{alias}");
        transcript.raw("PUT", &path, "{\"version\":\"1\"}").await.expect(400);
        transcript.delete(&path).await.expect(400);
    }
    transcript
        .raw("PUT", &format!("/models/demo/aliases/{}", "a".repeat(255)), "{\"version\":\"1\"}")
        .await
        .expect(200);
    assert_snapshot!(transcript);
}

#[actix_web::test]
async fn bodies_that_are_refused() {
    let app = two_versions().await;
    let mut transcript = transcript(&app);
    for body in [
        "",
        "{",
        "[]",
        "null",
        "{}",
        "{\"version\":1}",
        "{\"version\":null}",
        "{\"version\":\"\"}",
        "{\"version\":\"a\\u0000\"}",
        "{\"version\":\"@\"}",
        "{\"version\":\"1\",\"other\":1}",
    ] {
        transcript.raw("PUT", "/models/demo/aliases/a", body).await.expect(400);
    }
    for media_type in ["text/plain", "application/x-www-form-urlencoded", ""] {
        let headers = [("Content-Type", media_type)];
        transcript.put("/models/demo/aliases/a", &headers, b"{\"version\":\"1\"}").await.expect(415);
    }
    transcript.put("/models/demo/aliases/a", &[], b"{\"version\":\"1\"}").await.expect(415);
    let headers = [("Content-Type", "application/json; charset=utf-8")];
    transcript.put("/models/demo/aliases/a", &headers, b"{\"version\":\"1\"}").await.expect(200);
    transcript.put("/models/demo/aliases/a", &headers, b"{\"version\":\"\xff\"}").await.expect(400);
    assert_snapshot!(transcript);
}

#[actix_web::test]
async fn what_is_not_there() {
    let app = two_versions().await;
    let mut transcript = transcript(&app);
    transcript.raw("PUT", "/models/other/aliases/a", "{\"version\":\"1\"}").await.expect(404);
    transcript.raw("PUT", "/models/demo/aliases/a", "{\"version\":\"3\"}").await.expect(404);
    transcript.raw("PUT", "/models/demo/aliases/a", "{\"version\":\"@none\"}").await.expect(404);
    transcript.delete("/models/demo/aliases/a").await.expect(404);
    transcript.delete("/models/other/aliases/a").await.expect(404);
    assert_snapshot!(transcript);
}

#[actix_web::test]
async fn a_body_over_the_limit_is_refused() {
    let app = TestApp::with_limits(64, 1000).await;
    let mut transcript = transcript(&app);
    let body = format!("{{\"version\":\"{}\"}}", "x".repeat(100));
    transcript.raw("PUT", "/models/demo/aliases/a", &body).await.expect(413);
    let headers = [("Content-Type", "application/json"), ("Content-Length", "118")];
    transcript
        .send(TranscriptRequest {
            method: "PUT",
            path: "/models/demo/aliases/a",
            headers: &headers,
            body: body.as_bytes(),
        })
        .await;
    assert_snapshot!(transcript);
}

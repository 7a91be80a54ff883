//! Models and versions changed by name, and read again only where they changed.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use insta::assert_snapshot;
use serde_json::json;

use super::transcript;
use crate::api::app::TestApp;
use crate::api::transcript::TranscriptRequest;
use crate::support::Backend;

async fn what_patches_change(backend: Backend) -> String {
    let app = TestApp::on(backend).await;
    for version in ["1", "2"] {
        app.put(&format!("/api/v1/models/demo/versions/{version}/files/a"), version).await.expect(201);
    }
    app.json(Method::PUT, "/api/v1/models/demo/aliases/best", &json!({"version": "1"})).await.expect(200);
    let mut transcript = transcript(&app);
    let properties = json!({"description": "First.", "owner": "risk", "tasks": ["a"], "state": "ARCHIVED"});
    let free = json!({"team": "blue", "count": 3, "rate": 0.5, "on": true, "list": [1, null]});
    let body = json!({"properties": properties, "customProperties": free});
    transcript.patch("/models/demo", body).await.expect(200);
    let body = json!({"properties": {"owner": null}, "customProperties": {"count": null, "none": null}});
    transcript.patch("/models/demo", body).await.expect(200);
    transcript.patch("/models/demo", json!({})).await.expect(200);
    transcript.patch("/models/demo", json!({"name": "renamed"})).await.expect(200);
    transcript.get("/models/demo").await.expect(404);
    let body = json!({"name": "one", "properties": {"author": "me"}, "customProperties": {"x": "y"}});
    transcript.patch("/models/renamed/versions/@best", body).await.expect(200);
    transcript.get("/models/renamed/aliases").await.expect(200);
    transcript.patch("/models/renamed/versions/latest", json!({"name": "one"})).await.expect(409);
    // What its last change was, is recorded.
    let history = app.get("/api/v1/nodes/1/history?order=desc&limit=1").await.expect(200).json();
    assert_eq!(
        (&history["items"][0]["action"], &history["items"][0]["node"]["name"]),
        (&json!("update"), &json!("renamed"))
    );
    assert_eq!(history["items"][0]["document"]["before"], json!({"name": "demo"}));
    transcript.to_string()
}

#[actix_web::test]
async fn on_sqlite() {
    assert_snapshot!("what_patches_change", what_patches_change(Backend::Sqlite).await);
}

#[actix_web::test]
async fn on_postgres() {
    assert_snapshot!("what_patches_change", what_patches_change(Backend::Postgres).await);
}

#[actix_web::test]
async fn conditions_hold_or_nothing_is_changed() {
    let app = TestApp::new().await;
    app.put("/api/v1/models/demo/versions/1/files/a", "a").await.expect(201);
    for path in ["/api/v1/models/demo", "/api/v1/models/demo/versions/1"] {
        let shown = app.get(path).await.expect(200);
        let tag = shown.header("etag").unwrap().to_owned();
        let patch = |tag: &str| {
            let request = TestRequest::patch().uri(path).insert_header(("If-Match", tag));
            request.set_json(json!({"properties": {"description": "new"}}))
        };
        let other = "\"0\"";
        assert_eq!(app.send(patch(other)).await.expect(412).member("field"), "If-Match");
        assert_eq!(app.get(path).await.json(), shown.json());
        let known = |tag: &str| TestRequest::get().uri(path).insert_header(("If-None-Match", tag));
        let again = app.send(known(&tag)).await.expect(304);
        assert_eq!((again.header("etag"), again.body.len()), (Some(tag.as_str()), 0));
        let changed = app.send(patch(&tag)).await.expect(200);
        assert_ne!(changed.header("etag"), Some(tag.as_str()));
        assert_eq!(changed.json(), app.get(path).await.json());
        app.send(known(&tag)).await.expect(200);
        app.send(patch(&tag)).await.expect(412);
    }
}

#[actix_web::test]
async fn what_is_no_patch() {
    let app = TestApp::new().await;
    for model in ["demo", "other"] {
        app.put(&format!("/api/v1/models/{model}/versions/1/files/a"), "a").await.expect(201);
    }
    let mut transcript = transcript(&app);
    for body in [
        json!({"name": null}),
        json!({"name": ""}),
        json!({"name": "other"}),
        json!({"id": "2"}),
        json!({"properties": {"author": "me"}}),
        json!({"properties": {"none": null}}),
        json!({"properties": {"owner": 1}}),
        json!({"properties": {"owner": "a\u{0}b"}}),
        json!({"properties": {"state": "GONE"}}),
        json!({"properties": {"state": null}}),
        json!({"properties": {"tasks": [1]}}),
        json!({"customProperties": {"a\u{0}": 1}}),
        json!({"customProperties": []}),
        json!([]),
        json!("x"),
    ] {
        let status = if body == json!({"name": "other"}) || body == json!({"name": null}) { 0 } else { 400 };
        let answer = transcript.patch("/models/demo", body).await;
        if status > 0 {
            answer.expect(status);
        }
    }
    for name in ["latest", "@best", ""] {
        transcript.patch("/models/demo/versions/1", json!({"name": name})).await.expect(400);
    }
    transcript.patch("/models/none", json!({})).await.expect(404);
    transcript.patch("/models/demo/versions/9", json!({})).await.expect(404);
    let plain =
        TranscriptRequest { method: "PATCH", path: "/models/demo", body: b"{}", ..TranscriptRequest::default() };
    transcript.send(plain).await.expect(415);
    let headers = [("Content-Type", "application/merge-patch+json")];
    transcript.send(TranscriptRequest { headers: &headers, ..plain }).await.expect(200);
    assert_snapshot!(transcript);
}

#[actix_web::test]
async fn a_model_is_renamed_under_its_conditions() {
    let app = TestApp::new().await;
    for model in ["demo", "other"] {
        app.put(&format!("/api/v1/models/{model}/versions/1/files/a"), "a").await.expect(201);
    }
    app.json(Method::PUT, "/api/v1/models/demo/aliases/best", &json!({"version": "1"})).await.expect(200);
    let tag = app.get("/api/v1/models/demo").await.header("etag").unwrap().to_owned();
    let rename = |tag: &str, name: &str| {
        let request = TestRequest::post().uri("/api/v1/models/demo/rename").insert_header(("If-Match", tag));
        request.set_json(json!({"name": name}))
    };
    assert_eq!(app.send(rename("\"0\"", "new")).await.expect(412).member("field"), "If-Match");
    let renamed = app.send(rename(&tag, "neu/\u{fc}")).await.expect(200);
    let shown = app.get("/api/v1/models/neu%2F%C3%BC").await.expect(200);
    assert_eq!((renamed.json(), renamed.header("etag")), (shown.json(), shown.header("etag")));
    assert_eq!((shown.member("name").as_str(), shown.member("id").as_str()), ("neu/\u{fc}", "1"));
    app.get("/api/v1/models/neu%2F%C3%BC/versions/@best/files/a").await.expect(200);
    app.get("/api/v1/models/demo").await.expect(404);
    let history = app.get("/api/v1/nodes/1/history?order=desc&limit=1").await.expect(200).json();
    assert_eq!(history["items"][0]["document"]["before"], json!({"name": "demo"}));
    let mut transcript = transcript(&app);
    let path = "/models/other/rename";
    for body in [
        json!({}),
        json!({"name": null}),
        json!({"name": ""}),
        json!({"name": 1}),
        json!({"name": "a\u{0}"}),
        json!({"name": "n".repeat(513)}),
        json!({"name": "a", "properties": {}}),
        json!(["a"]),
    ] {
        transcript.post(path, body).await.expect(400);
    }
    transcript.post(path, json!({"name": "neu/\u{fc}"})).await.expect(409);
    transcript.post("/models/none/rename", json!({"name": "a"})).await.expect(404);
    let plain = TranscriptRequest { method: "POST", path, body: b"{}", ..TranscriptRequest::default() };
    transcript.send(plain).await.expect(415);
    assert_snapshot!(transcript);
}

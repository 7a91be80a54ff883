//! Nodes set back to what they were.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::transcript;
use crate::api::app::TestApp;
use crate::support::Backend;

/// A model at its fourth revision, and a version at its second.
async fn registry(backend: Backend) -> TestApp {
    let app = TestApp::on(backend).await;
    let body = json!({
        "model": {"name": "demo", "properties": {"description": "Ü", "owner": "risk", "tasks": ["a"]},
                  "customProperties": {"team": "blue", "count": 3, "rate": 0.5, "on": true, "list": [1, null]}},
        "version": {"name": "1", "properties": {"author": "me"}},
    });
    app.json(Method::POST, "/api/v1/register", &body).await.expect(201);
    let first = json!({"properties": {"description": null, "owner": "sales", "license": "MIT"}});
    let second = json!({"name": "renamed", "customProperties": {"team": null, "count": "three", "more": 1}});
    app.json(Method::PATCH, "/api/v1/models/demo", &first).await.expect(200);
    app.json(Method::PATCH, "/api/v1/models/demo", &second).await.expect(200);
    app.json(Method::PUT, "/api/v1/models/renamed/aliases/best", &json!({"version": "1"})).await.expect(200);
    let body = json!({"name": "one", "properties": {"author": "you"}});
    app.json(Method::PATCH, "/api/v1/models/renamed/versions/1", &body).await.expect(200);
    app
}

async fn what_reverts_change(backend: Backend) -> String {
    let app = registry(backend).await;
    let history = app.get("/api/v1/nodes/1/history").await.expect(200).json();
    let mut transcript = transcript(&app);
    for revision in [1, 3, 4, 2] {
        let shown = transcript.post("/nodes/1/revert", json!({"revision": revision})).await.expect(200);
        let then = history["items"].as_array().unwrap().iter().find(|each| each["revision"] == revision).unwrap();
        for member in ["properties", "customProperties"] {
            assert_eq!(shown.json()[member], then["node"][member], "{member} at {revision}");
        }
        assert_eq!(shown.json()["name"], "renamed");
        assert_eq!(shown.header("etag"), app.get("/api/v1/models/renamed").await.header("etag"));
    }
    transcript.post("/nodes/2/revert", json!({"revision": 1})).await.expect(200);
    let version = app.get("/api/v1/models/renamed/versions/one").await.expect(200).json();
    assert_eq!((&version["properties"]["author"], &version["aliases"]), (&json!("me"), &json!(["best"])));
    // Each was a change of its own, which says what it changed.
    let history = app.get("/api/v1/nodes/1/history?order=desc&limit=4").await.expect(200).json();
    let changes: Vec<(&Value, &Value)> =
        history["items"].as_array().unwrap().iter().map(|each| (&each["action"], &each["revision"])).collect();
    let update = json!("update");
    assert_eq!(changes, [8, 7, 6, 5].map(|revision| (update.clone(), json!(revision))).each_ref().map(|(a, b)| (a, b)));
    assert_eq!(history["items"][1]["document"]["before"], json!({}), "4 is what 3 was");
    transcript.to_string()
}

#[actix_web::test]
async fn on_sqlite() {
    assert_snapshot!("what_reverts_change", what_reverts_change(Backend::Sqlite).await);
}

#[actix_web::test]
async fn on_postgres() {
    assert_snapshot!("what_reverts_change", what_reverts_change(Backend::Postgres).await);
}

#[actix_web::test]
async fn what_cannot_be_reverted() {
    let app = registry(Backend::Sqlite).await;
    let mut transcript = transcript(&app);
    for body in [
        json!({}),
        json!({"revision": 0}),
        json!({"revision": -1}),
        json!({"revision": "1"}),
        json!({"revision": 1.5}),
        json!({"revision": null}),
        json!({"revision": 9_223_372_036_854_775_808_u64}),
        json!({"revision": 1, "name": "x"}),
        json!([1]),
    ] {
        transcript.post("/nodes/1/revert", body).await.expect(400);
    }
    for id in ["0", "abc", "99999999999999999999"] {
        transcript.post(&format!("/nodes/{id}/revert"), json!({"revision": 1})).await.expect(400);
    }
    transcript.post("/nodes/1/revert", json!({"revision": 5})).await.expect(404);
    transcript.post("/nodes/1/revert", json!({"revision": i64::MAX})).await.expect(404);
    transcript.post("/nodes/99/revert", json!({"revision": 1})).await.expect(404);
    let metric = json!({"artifactType": "metric", "name": "auc", "value": 0.5});
    let artifacts = format!("{}/model_versions/2/artifacts", crate::api::kubeflow::API);
    let metric = app.json(Method::POST, &artifacts, &metric).await.expect(200).member("id");
    transcript.post(&format!("/nodes/{metric}/revert"), json!({"revision": 1})).await.expect(409);
    app.delete("/api/v1/models/renamed?recursive=true&force=true").await.expect(204);
    transcript.post("/nodes/1/revert", json!({"revision": 1})).await.expect(404);
    assert_snapshot!(transcript);
}

#[actix_web::test]
async fn conditions_hold_or_nothing_is_changed() {
    let app = registry(Backend::Sqlite).await;
    for (id, path) in [("1", "/api/v1/models/renamed"), ("2", "/api/v1/models/renamed/versions/one")] {
        let shown = app.get(path).await.expect(200);
        let tag = shown.header("etag").unwrap().to_owned();
        let revert = |tag: &str| {
            let request = TestRequest::post().uri(&format!("/api/v1/nodes/{id}/revert"));
            app.send(request.insert_header(("If-Match", tag.to_owned())).set_json(json!({"revision": 1})))
        };
        assert_eq!(revert("\"0\"").await.expect(412).member("field"), "If-Match");
        assert_eq!(app.get(path).await.json(), shown.json());
        let changed = revert(&tag).await.expect(200);
        assert_eq!(changed.header("etag"), app.get(path).await.header("etag"));
        revert(&tag).await.expect(412);
    }
}

#[actix_web::test]
async fn secrets_and_what_inspection_says_stay() {
    let app = TestApp::new().await;
    let made = app
        .put("/api/v1/models/m/versions/1/files/a.pkl", b"cos\nsystem\n(S'true'\ntR.".as_slice())
        .await
        .expect(201)
        .json();
    let artifact = made["artifactId"].as_str().unwrap();
    let path = format!("/api/v1/nodes/{artifact}/revert");
    let history = format!("/api/v1/nodes/{artifact}/history?order=desc&limit=1");
    let revision = |history: Value| history["items"][0]["revision"].as_i64().unwrap();
    let with_file = revision(app.get(&history).await.json());
    let patch = async |body: Value| {
        let path = format!("{}/model_artifacts/{artifact}", crate::api::kubeflow::API);
        app.json(Method::PATCH, &path, &body).await.expect(200)
    };
    let text = |text: &str| json!({"metadataType": "MetadataStringValue", "string_value": text});
    let before = app.get("/api/v1/models/m/versions/1/artifacts").await.json()["items"][0].clone();
    assert_eq!(before["customProperties"]["scan_verdict"], "danger");
    let mut custom = json!({"link": text("https://h/?sig=abc"), "plain": text("x")});
    for (name, value) in before["customProperties"].as_object().unwrap() {
        custom[name] = match value.as_i64() {
            Some(number) => json!({"metadataType": "MetadataIntValue", "int_value": number.to_string()}),
            None => text(value.as_str().unwrap()),
        };
    }
    patch(json!({"artifactType": "model-artifact", "description": "d", "customProperties": custom})).await;
    let with_link = revision(app.get(&history).await.json());
    custom["link"] = text("https://h/?sig=new");
    custom["plain"] = text("y");
    patch(json!({"artifactType": "model-artifact", "customProperties": custom})).await;
    let shown = app.json(Method::POST, &path, &json!({"revision": with_link})).await.expect(200).json();
    assert_eq!(shown["keptProperties"], json!(["link"]));
    let custom = &shown["customProperties"];
    assert_eq!((&custom["link"], &custom["plain"]), (&json!("https://h/?sig=new"), &json!("x")));
    let shown = app.json(Method::POST, &path, &json!({"revision": with_file})).await.expect(200).json();
    assert_eq!((&shown["keptProperties"], &shown["customProperties"]), (&json!([]), &before["customProperties"]));
    assert_eq!(shown["properties"], before["properties"]);
    // It describes files that were not there then.
    app.put("/api/v1/models/m/versions/1/files/b", "b").await.expect(201);
    app.json(Method::POST, &path, &json!({"revision": with_link})).await.expect(409);
}

//! A model, a version and its artifacts in one request.

use actix_web::http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{API, transcript};
use crate::api::app::{Answer, TestApp, request};
use crate::api::transcript::Transcript;
use crate::support::Backend;

fn body() -> Value {
    json!({
        "model": {"name": "demo", "properties": {"owner": "me", "language": ["en"]}},
        "version": {"name": "1", "externalId": "run-7", "properties": {"author": "me"}, "customProperties": {"accuracy": 0.9}},
        "artifacts": [
            {"name": "weights", "uri": "s3://bucket/w", "state": "LIVE", "properties": {"model_format_name": "onnx"}},
            {"type": "kf.DataSet", "name": "data", "customProperties": {"rows": 5, "tags": {"a": true}, "clean": false}},
            {"type": "kf.Metric", "name": "loss", "properties": {"value": 1, "step": 3}},
            {"type": "kf.Parameter", "name": "rate", "properties": {"value": "0.1", "parameter_type": "number"}},
        ],
    })
}

async fn register(app: &TestApp, key: &str, body: &Value) -> Answer {
    let sent = request(Method::POST, &format!("{API}/register")).insert_header(("Idempotency-Key", key));
    app.send(sent.set_json(body)).await
}

/// How many changes there were.
async fn changes(app: &TestApp) -> usize {
    app.get("/api/v1/changes?limit=1000").await.expect(200).json()["items"].as_array().unwrap().len()
}

async fn all_at_once_or_not_at_all(backend: Backend) -> String {
    let app = TestApp::on(backend).await;
    let mut transcript = transcript(&app);
    transcript.post("/register", body()).await.expect(201);
    let before = changes(&app).await;
    // The version is taken. Of a name and an external id that both are, each database names another one first.
    let mut again = body();
    again["version"]["externalId"] = json!(null);
    transcript.post("/register", again).await.expect(409);
    // The last artifact has the name of another: neither it nor what came before is there.
    let twice = json!([{"name": "a"}, {"name": "b"}, {"name": "a"}]);
    let other = json!({"model": {"name": "other"}, "version": {"name": "1"}, "artifacts": twice});
    transcript.post("/register", other).await.expect(409);
    transcript.get("/models/other/versions").await.expect(404);
    assert_eq!(changes(&app).await, before);
    let next = json!({"model": {"name": "demo", "properties": {"owner": "you"}}, "version": {"name": "2"}});
    let next = transcript.post("/register", next).await.expect(201).json();
    assert_eq!(next["model"]["properties"]["owner"], "me", "a model that is there stays as it is");
    transcript.to_string()
}

#[actix_web::test]
async fn all_at_once_or_not_at_all_on_sqlite() {
    assert_snapshot!("registered", without_ids(&all_at_once_or_not_at_all(Backend::Sqlite).await));
}

#[actix_web::test]
async fn all_at_once_or_not_at_all_on_postgres() {
    assert_snapshot!("registered", without_ids(&all_at_once_or_not_at_all(Backend::Postgres).await));
}

/// PostgreSQL does not take back the ids that a refused request has drawn.
fn without_ids(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(at) = rest.find("\"id\":\"") {
        let (before, after) = rest.split_at(at + 6);
        shown.push_str(before);
        rest = after.trim_start_matches(|each: char| each.is_ascii_digit());
    }
    shown + rest
}

async fn the_same_key_is_done_once(backend: Backend) {
    let app = TestApp::on(backend).await;
    let first = register(&app, "k", &body()).await.expect(201);
    assert_eq!(first.header("idempotency-replayed"), None);
    let before = changes(&app).await;
    let again = register(&app, "k", &body()).await.expect(201);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.body, first.body);
    // Changed meanwhile: the answer is the one that was given.
    app.json(Method::PATCH, "/api/model_registry/v1alpha3/registered_models/1", &json!({"owner": "you"}))
        .await
        .expect(200);
    assert_eq!(register(&app, "k", &body()).await.expect(201).body, first.body);
    let mut other = body();
    other["version"]["name"] = "2".into();
    register(&app, "k", &other).await.expect(409);
    assert_eq!(changes(&app).await, before + 1);
    register(&app, "another", &body()).await.expect(409);
    // What failed leaves its key free.
    other["version"] = json!({"name": "2"});
    register(&app, "another", &other).await.expect(201);
}

#[actix_web::test]
async fn the_same_key_is_done_once_on_sqlite() {
    the_same_key_is_done_once(Backend::Sqlite).await;
}

#[actix_web::test]
async fn the_same_key_is_done_once_on_postgres() {
    the_same_key_is_done_once(Backend::Postgres).await;
}

async fn many_at_once_are_one(backend: Backend) {
    let app = TestApp::on(backend).await;
    let body = body();
    let answers = futures_util::future::join_all((0..8).map(|_| register(&app, "k", &body))).await;
    let first = &answers[0];
    for answer in &answers {
        assert_eq!((answer.status, &answer.body), (201, &first.body), "{}", answer.text());
    }
    assert_eq!(changes(&app).await, 6);
}

#[actix_web::test]
async fn many_at_once_are_one_on_sqlite() {
    many_at_once_are_one(Backend::Sqlite).await;
}

#[actix_web::test]
async fn many_at_once_are_one_on_postgres() {
    many_at_once_are_one(Backend::Postgres).await;
}

#[actix_web::test]
async fn a_key_is_forgotten_after_a_day() {
    let app = TestApp::new().await;
    register(&app, "k", &body()).await.expect(201);
    app.advance(24 * 60 * 60 * 1000);
    register(&app, "k", &body()).await.expect(409);
    let mut other = body();
    other["version"] = json!({"name": "2"});
    let answer = register(&app, "k", &other).await.expect(201);
    assert_eq!(answer.header("idempotency-replayed"), None);
}

#[actix_web::test]
async fn bad_bodies_and_keys() {
    let app = TestApp::new().await;
    let mut transcript: Transcript<'_> = transcript(&app);
    for (place, value) in [
        ("/model/name", json!("")),
        ("/model/name", json!(null)),
        ("/model/properties", json!({"state": "GONE"})),
        ("/model/properties", json!({"language": "en"})),
        ("/model/properties", json!({"colour": "red"})),
        ("/version/name", json!("a\u{0}")),
        ("/version/properties", json!({"author": 1})),
        ("/version/externalId", json!("")),
        ("/version/customProperties", json!({"a": null})),
        ("/version/customProperties", json!({"a": 18446744073709551615_u64})),
        ("/artifacts/0", json!({"type": "kf.ModelVersion"})),
        ("/artifacts/0", json!({"state": "GONE"})),
        ("/artifacts/0", json!({"properties": {"experiment_run_id": 1}})),
        ("/artifacts/0", json!({"name": "a", "size": 1})),
        ("/artifacts/0", json!({"type": "kf.Metric", "name": "loss"})),
        ("/artifacts/0", json!({"type": "kf.Parameter", "properties": {"parameter_type": "x"}})),
    ] {
        let mut body = json!({
            "model": {"name": "m", "properties": {}},
            "version": {"name": "v", "externalId": "e", "properties": {}, "customProperties": {}},
            "artifacts": [{}],
        });
        *body.pointer_mut(place).unwrap() = value;
        transcript.post("/register", body).await.expect(400);
    }
    transcript.raw("POST", "/register", "{").await.expect(400);
    transcript.post("/register", json!({"model": {"name": "m"}})).await.expect(400);
    let text = app.put(&format!("{API}/register"), "{}").await;
    assert_eq!(text.status, 405);
    app.send(request(Method::POST, &format!("{API}/register")).set_payload("{}")).await.expect(415);
    for key in [String::new(), "k".repeat(256)] {
        register(&app, &key, &body()).await.expect(400);
    }
    assert_eq!(changes(&app).await, 0);
    register(&app, &"k".repeat(255), &body()).await.expect(201);
    assert_snapshot!(transcript);
}

//! Versions copied to other models, whole or not at all.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{API, transcript};
use crate::api::app::{Answer, TestApp};
use crate::api::kubeflow;
use crate::support::{Backend, on_both_in_actix};

/// A pickle that runs a command.
const DANGER: &[u8] = b"cos\nsystem\n(S'true'\ntR.";

/// A pickle of `None`.
const HARMLESS: &[u8] = b"N.";

/// A file of safetensors without tensors.
const SAFE: &[u8] = b"\x02\x00\x00\x00\x00\x00\x00\x00{}";

/// A model `dev` with a version `1.0` that has files, of which one is dangerous, properties and a metric, and a model `prod`.
async fn registry(backend: Backend) -> TestApp {
    registry_with(backend, DANGER).await
}

/// The same with these bytes in `a/ü.pkl`: of a version with a quarantined file there is no alias.
async fn registry_with(backend: Backend, pickle: &'static [u8]) -> TestApp {
    let app = TestApp::on(backend).await;
    let body = json!({
        "model": {"name": "dev"},
        "version": {"name": "1.0", "externalId": "run-7", "properties": {"author": "me", "description": "Ü"},
                    "customProperties": {"team": "blau", "count": 3, "rate": 0.5, "tags": ["a"]}},
        "artifacts": [
            {"name": "weights", "externalId": "w", "state": "LIVE", "properties": {"storage_key": "k"},
             "customProperties": {"note": "mine"}},
            {"name": "elsewhere", "uri": "s3://bucket/x"},
            {"type": "kf.DocArtifact", "name": "card"},
            {"type": "kf.DataSet", "name": "data", "properties": {"digest": "d"}},
            {"type": "kf.Parameter", "name": "depth", "properties": {"value": "3"}},
        ],
    });
    let made = app.json(Method::POST, "/api/v1/register", &body).await.expect(201).json();
    let id = |artifact: usize| made["artifacts"][artifact]["id"].as_str().unwrap().to_owned();
    for (artifact, path, bytes) in
        [(0, "model.safetensors", SAFE), (0, "a/ü.pkl", pickle), (2, "README.md", "# Ü".as_bytes())]
    {
        app.put(&format!("{API}/artifacts/{}/files/{}", id(artifact), path.replace('ü', "%C3%BC")), bytes)
            .await
            .expect(201);
    }
    let metric = json!({"artifactType": "metric", "name": "auc", "value": 0.5, "step": 4});
    let version = made["version"]["id"].as_str().unwrap();
    app.json(Method::POST, &format!("{}/model_versions/{version}/artifacts", kubeflow::API), &metric).await.expect(200);
    let body = json!({"model": {"name": "prod"}, "version": {"name": "1"}});
    app.json(Method::POST, "/api/v1/register", &body).await.expect(201);
    app
}

async fn copy(app: &TestApp, body: Value) -> Answer {
    app.json(Method::POST, "/api/v1/models/dev/versions/1.0/copy", &body).await
}

/// What does not differ between a version and its copy.
fn compared(version: &Value) -> Value {
    let mut shown = version.clone();
    let members = shown.as_object_mut().unwrap();
    for own in ["id", "name", "externalId", "createdAt", "updatedAt", "revision", "model", "modelId", "aliases"] {
        members.remove(own);
    }
    for name in ["copied_from", "copied_from_id"] {
        members["customProperties"].as_object_mut().unwrap().remove(name);
    }
    for list in ["artifacts", "files"] {
        for item in members[list].as_array_mut().unwrap() {
            let item = item.as_object_mut().unwrap();
            for own in ["id", "externalId", "createdAt", "updatedAt", "revision", "artifactId", "url"] {
                item.remove(own);
            }
            item.retain(|name, value| name != "uri" || value == "s3://bucket/x");
        }
    }
    shown
}

async fn a_copy_has_what_the_version_has(backend: Backend) {
    let app = registry_with(backend, HARMLESS).await;
    let (before, objects) = (app.get("/api/v1/models/dev/versions/1.0").await.expect(200).json(), app.objects());
    let made = copy(&app, json!({"model": "prod", "alias": "champion"})).await.expect(201);
    let shown = app.get("/api/v1/models/prod/versions/2").await.expect(200);
    assert_eq!((made.json(), made.header("etag")), (shown.json(), shown.header("etag")));
    let copied = made.json();
    assert_eq!(compared(&copied), compared(&before));
    assert_eq!((copied["artifacts"].as_array().unwrap().len(), copied["files"].as_array().unwrap().len()), (6, 3));
    assert_eq!(
        (&copied["name"], &copied["model"], &copied["aliases"]),
        (&json!("2"), &json!("prod"), &json!(["champion"]))
    );
    let custom = &copied["customProperties"];
    assert_eq!((&custom["copied_from"], &custom["copied_from_id"]), (&json!("models:/dev/1.0"), &json!(2)));
    assert_eq!(app.objects(), objects, "the bytes are shared");
    let file = "/api/v1/models/prod/versions/@champion/files/model.safetensors";
    assert_eq!(app.get(file).await.expect(200).body, SAFE);
    assert_eq!(app.get("/api/v1/models/prod/versions/2/files/a/%C3%BC.pkl").await.expect(200).body, HARMLESS);
    // What happens to one does not happen to the other.
    assert_eq!(app.get("/api/v1/models/dev/versions/1.0").await.json(), before);
    app.delete("/api/v1/models/dev?recursive=true&force=true").await.expect(204);
    assert_eq!(app.get(file).await.expect(200).body, SAFE);
    let changed = json!({"properties": {"description": null}});
    app.json(Method::PATCH, "/api/v1/models/prod/versions/2", &changed).await.expect(200);
    // What inspection said of the files is still inspection's: it goes with them.
    app.delete("/api/v1/models/prod/versions/2/files/model.safetensors").await.expect(204);
    app.delete("/api/v1/models/prod/versions/2/files/a/%C3%BC.pkl").await.expect(204);
    let left = app.get("/api/v1/models/prod/versions/2").await.json();
    let weights = left["artifacts"].as_array().unwrap().iter().find(|each| each["name"] == "weights").unwrap().clone();
    assert_eq!(weights["customProperties"], json!({"note": "mine"}));
    assert_eq!(weights["properties"], json!({"storage_key": "k"}));
}

async fn what_is_recorded_of_a_copy(backend: Backend) {
    let app = registry_with(backend, HARMLESS).await;
    let last = app.get("/api/v1/changes?order=desc&limit=1").await.json()["items"][0]["id"].as_i64().unwrap();
    copy(&app, json!({"model": "prod", "version": "blau", "alias": "champion"})).await.expect(201);
    let all = app.get("/api/v1/changes?limit=1000").await.expect(200).json();
    let new: Vec<_> = all["items"].as_array().unwrap().iter().filter(|each| each["id"].as_i64() > Some(last)).collect();
    let actions: Vec<_> = new.iter().map(|each| each["action"].as_str().unwrap()).collect();
    assert_eq!(actions.iter().filter(|action| **action == "create").count(), 7, "{actions:?}");
    assert_eq!(actions.iter().filter(|action| **action == "file.put").count(), 3, "{actions:?}");
    assert_eq!(actions.last(), Some(&"alias.set"));
}

async fn versions_are_copied_by_alias_and_within_their_model(backend: Backend) {
    let app = registry_with(backend, HARMLESS).await;
    app.json(Method::PUT, "/api/v1/models/dev/aliases/best", &json!({"version": "1.0"})).await.expect(200);
    for (version, to) in [("@best", json!("second")), ("latest", json!("third")), ("1.0", Value::Null)] {
        let path = format!("/api/v1/models/dev/versions/{version}/copy");
        let made = app.json(Method::POST, &path, &json!({"model": "dev", "version": to})).await.expect(201).json();
        assert_eq!(made["files"].as_array().unwrap().len(), 3, "{version}");
    }
    let made = app.get("/api/v1/models/dev/versions/third").await.json();
    assert_eq!(made["customProperties"]["copied_from"], "models:/dev/second");
    // Its number, which those before have, too.
    app.get("/api/v1/models/dev/versions/4").await.expect(200);
    // An alias moves with it, or stays where it was.
    copy(&app, json!({"model": "dev", "version": "fifth", "alias": "best"})).await.expect(201);
    assert_eq!(app.get("/api/v1/models/dev/aliases/best").await.json()["version"], "fifth");
}

async fn a_policy_refuses_the_whole_copy(backend: Backend) {
    let app = registry(backend).await;
    let policy = json!({"findings": {"danger": "refuse"}});
    app.json(Method::PUT, "/api/v1/models/prod/policy", &policy).await.expect(200);
    let before = app.get("/api/v1/changes?limit=1000").await.json();
    let refused = copy(&app, json!({"model": "prod", "alias": "champion"})).await.expect(400).json();
    assert_eq!(refused["field"], "policy");
    app.get("/api/v1/models/prod/versions/2").await.expect(404);
    app.get("/api/v1/models/prod/aliases/champion").await.expect(404);
    assert_eq!(app.get("/api/v1/changes?limit=1000").await.json(), before);
    let policy = json!({"findings": {"danger": "allow"}});
    app.json(Method::PUT, "/api/v1/models/prod/policy", &policy).await.expect(200);
    copy(&app, json!({"model": "prod"})).await.expect(201);
    let file = "versions/2/files/a/%C3%BC.pkl";
    assert_eq!(app.get(&format!("/api/v1/models/prod/{file}")).await.expect(200).body, DANGER);
}

async fn what_a_copy_does_not_take_over(backend: Backend) {
    let app = registry(backend).await;
    let body = json!({"properties": {"state": "ARCHIVED", "stage": "Production"}});
    app.json(Method::PATCH, "/api/v1/models/dev/versions/1.0", &body).await.expect(200);
    let made = copy(&app, json!({"model": "new", "createModel": true})).await.expect(201).json();
    assert_eq!((&made["name"], &made["properties"]["state"]), (&json!("1"), &json!("LIVE")));
    app.get("/api/v1/models/new/versions/1/files/a/%C3%BC.pkl").await.expect(403);
    assert_eq!((&made["properties"]["stage"], &made["externalId"]), (&Value::Null, &Value::Null));
    assert_eq!(app.get("/api/v1/models/new").await.expect(200).json()["properties"], json!({"state": "LIVE"}));
}

on_both_in_actix! {
    a_copy_has_what_the_version_has,
    what_is_recorded_of_a_copy,
    versions_are_copied_by_alias_and_within_their_model,
    a_policy_refuses_the_whole_copy,
    what_a_copy_does_not_take_over,
}

#[actix_web::test]
async fn what_is_no_copy() {
    let app = registry(Backend::Sqlite).await;
    let before = app.get("/api/v1/changes?limit=1000").await.json();
    let mut transcript = transcript(&app);
    let path = "/models/dev/versions/1.0/copy";
    for body in [
        json!({}),
        json!({"model": ""}),
        json!({"model": 1}),
        json!({"model": "a\u{0}"}),
        json!({"model": "n".repeat(513)}),
        json!({"model": "prod", "version": "latest"}),
        json!({"model": "prod", "version": "@x"}),
        json!({"model": "prod", "version": 2}),
        json!({"model": "prod", "alias": "latest"}),
        json!({"model": "prod", "alias": "a b"}),
        json!({"model": "prod", "createModel": "yes"}),
        json!({"model": "prod", "other": 1}),
        json!([]),
    ] {
        transcript.post(path, body).await.expect(400);
    }
    transcript.raw("POST", path, "{").await.expect(400);
    transcript.post(path, json!({"model": "none"})).await.expect(404);
    transcript.post("/models/none/versions/1/copy", json!({"model": "prod"})).await.expect(404);
    transcript.post("/models/dev/versions/9/copy", json!({"model": "prod"})).await.expect(404);
    transcript.post("/models/dev/versions/@none/copy", json!({"model": "prod"})).await.expect(404);
    transcript.post(path, json!({"model": "prod", "version": "1"})).await.expect(409);
    assert_eq!(app.get("/api/v1/changes?limit=1000").await.json(), before);
    assert_snapshot!(transcript);
}

#[actix_web::test]
async fn a_condition_is_about_the_version_that_is_copied() {
    let app = registry_with(Backend::Sqlite, HARMLESS).await;
    let tag = app.get("/api/v1/models/dev/versions/1.0").await.header("etag").unwrap().to_owned();
    let copy = |tag: &str| {
        let request = TestRequest::post().uri("/api/v1/models/dev/versions/1.0/copy").insert_header(("If-Match", tag));
        app.send(request.set_json(json!({"model": "prod"})))
    };
    copy(&tag).await.expect(201);
    app.json(Method::PUT, "/api/v1/models/dev/aliases/new", &json!({"version": "1.0"})).await.expect(200);
    assert_eq!(copy(&tag).await.expect(412).member("field"), "If-Match");
    copy("*").await.expect(201);
}

#[actix_web::test]
async fn prompts_are_copied_to_prompts() {
    let app = registry(Backend::Sqlite).await;
    let prompt = json!({"mlflow.prompt.is_prompt": "true"});
    for name in ["greeting", "farewell"] {
        let body = json!({"model": {"name": name, "customProperties": prompt}, "version": {"name": "1"}});
        app.json(Method::POST, "/api/v1/register", &body).await.expect(201);
    }
    let path = "/api/v1/models/greeting/versions/1/copy";
    assert_eq!(app.json(Method::POST, path, &json!({"model": "prod"})).await.expect(400).member("field"), "model");
    app.json(Method::POST, path, &json!({"model": "farewell"})).await.expect(201);
    copy(&app, json!({"model": "farewell"})).await.expect(400);
}

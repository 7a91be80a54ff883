//! Policies tried out on the files that are there.

use actix_web::http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{API, transcript};
use crate::api::app::{Answer, TestApp};
use crate::support::Backend;

/// A pickle that runs a command.
const DANGER: &[u8] = b"cos\nsystem\n(S'true'\ntR.";

/// A file of safetensors without tensors.
const SAFE: &[u8] = b"\x02\x00\x00\x00\x00\x00\x00\x00{}";

async fn registry(backend: Backend) -> TestApp {
    let app = TestApp::on(backend).await;
    for (path, bytes) in [
        ("m/versions/1/files/b.pkl", DANGER),
        ("m/versions/1/files/a.safetensors", SAFE),
        ("m/versions/2/files/%C3%BC.txt", b"hello".as_slice()),
        ("m/versions/2/files/b.pkl", DANGER),
        ("other/versions/1/files/b.pkl", DANGER),
    ] {
        app.put(&format!("{API}/models/{path}"), bytes).await.expect(201);
    }
    app
}

async fn tried(app: &TestApp, query: &str, policy: &Value) -> Answer {
    app.json(Method::POST, &format!("{API}/models/m/policy/dry-run{query}"), policy).await
}

async fn what_a_policy_would_do(backend: Backend) -> String {
    let app = registry(backend).await;
    let before = app.get("/api/v1/changes?limit=1000").await.json();
    let mut transcript = transcript(&app);
    let path = "/models/m/policy/dry-run";
    for policy in [
        json!({}),
        json!({"findings": {"danger": "refuse"}}),
        json!({"findings": {"danger": "warn"}}),
        json!({"allowedFormats": ["safetensors"], "rules": {"pickle-dangerous-import": "allow"}}),
        json!({"maxFileBytes": 9}),
    ] {
        transcript.post(path, policy).await.expect(200);
    }
    assert_eq!(app.get("/api/v1/changes?limit=1000").await.json(), before);
    assert_eq!(app.get("/api/v1/jobs").await.json()["items"], json!([]));
    app.get("/api/v1/models/m/versions/1/files/b.pkl").await.expect(403);
    // What it says is what comes of it.
    let policy = json!({"findings": {"danger": "allow"}, "allowedFormats": ["safetensors", "pickle"]});
    let said = tried(&app, "", &policy).await.expect(200).json();
    app.json(Method::PUT, "/api/v1/models/m/policy", &policy).await.expect(200);
    app.run_policy_job().await;
    for item in said["items"].as_array().unwrap() {
        let file = format!(
            "{API}/artifacts/{}/files/{}",
            item["artifactId"].as_str().unwrap(),
            item["path"].as_str().unwrap()
        );
        let is_served = ["allow", "warn"].contains(&item["act"].as_str().unwrap());
        app.get(&file.replace('ü', "%C3%BC")).await.expect(if is_served { 200 } else { 403 });
    }
    transcript.to_string()
}

#[actix_web::test]
async fn on_sqlite() {
    assert_snapshot!("what_a_policy_would_do", what_a_policy_would_do(Backend::Sqlite).await);
}

#[actix_web::test]
async fn on_postgres() {
    assert_snapshot!("what_a_policy_would_do", what_a_policy_would_do(Backend::Postgres).await);
}

#[actix_web::test]
async fn the_files_are_paged() {
    let app = registry(Backend::Sqlite).await;
    let policy = json!({"findings": {"danger": "refuse"}});
    let whole = tried(&app, "?pageSize=10000", &policy).await.expect(200).json();
    assert_eq!(whole["counts"], json!({"allow": 2, "warn": 0, "quarantine": 0, "refuse": 2}));
    for size in 1..=5 {
        let (mut followed, mut token) = (Vec::new(), String::new());
        loop {
            let page =
                tried(&app, &format!("?pageSize={size}&nextPageToken={token}"), &policy).await.expect(200).json();
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= size);
            followed.extend(items.clone());
            token = page["nextPageToken"].as_str().unwrap().to_owned();
            if token.is_empty() {
                break;
            }
        }
        assert_eq!(json!(followed), whole["items"], "{size}");
    }
    let token = tried(&app, "?pageSize=1", &policy).await.json()["nextPageToken"].as_str().unwrap().to_owned();
    let other = json!({"findings": {"danger": "warn"}});
    for (policy, token) in [(&other, token.as_str()), (&policy, "x"), (&policy, "e30")] {
        let refused = tried(&app, &format!("?nextPageToken={token}"), policy).await.expect(400);
        assert_eq!(refused.member("field"), "nextPageToken");
    }
}

#[actix_web::test]
async fn what_is_no_policy() {
    let app = registry(Backend::Sqlite).await;
    for (body, field) in [
        (json!({"findings": {"fatal": "warn"}}), "findings"),
        (json!({"findings": {"danger": "explode"}}), "findings"),
        (json!({"rules": {"no-such-rule": "warn"}}), "rules"),
        (json!({"allowedFormats": ["Not A Format"]}), "allowedFormats"),
        (json!({"maxFileBytes": u64::MAX}), "maxFileBytes"),
    ] {
        assert_eq!(tried(&app, "", &body).await.expect(400).member("field"), field);
    }
    for body in [json!([]), json!({"other": 1}), json!({"findings": 1})] {
        tried(&app, "", &body).await.expect(400);
    }
    tried(&app, "?pageSize=0", &json!({})).await.expect(400);
    app.json(Method::POST, "/api/v1/models/none/policy/dry-run", &json!({})).await.expect(404);
}

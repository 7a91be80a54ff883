//! The audit trail, page by page and as lines.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::known;
use crate::api::app::TestApp;
use crate::api::native::transcript;

#[actix_web::test]
async fn the_trail_says_who_changed_what_and_how() {
    let (app, bootstrap) = TestApp::with_accounts().await;
    app.by(&bootstrap, "POST", "/workspaces", json!({"slug": "team-a"})).await.expect(201);
    app.by(&bootstrap, "POST", "/principals", json!({"handle": "ci", "workspace": "team-a"})).await.expect(201);
    app.by(&bootstrap, "POST", "/tokens", json!({"name": "t", "owner": "ci"})).await.expect(201);
    let bind = json!({"subject": {"principal": "ci"}, "role": "reader", "scope": {"workspace": "team-a"}});
    app.by(&bootstrap, "POST", "/bindings", bind).await.expect(201);
    let listed = app.by(&bootstrap, "GET", "/audit", Value::Null).await.expect(200);
    assert_snapshot!(known(&serde_json::to_string_pretty(&listed.json()).unwrap().replace("\": \"", "\":\"")));
    let exported = app.by(&bootstrap, "GET", "/audit/export", Value::Null).await.expect(200);
    assert_eq!(exported.content_type(), "application/x-ndjson");
    let lines: Vec<Value> = exported.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(json!(lines), listed.json()["items"]);
    for (query, count) in [
        ("?principal=bootstrap", 4),
        ("?principal=ci", 0),
        ("?workspace=team-a", 4),
        ("?workspace=default", 0),
        ("?action=binding.create", 1),
        ("?outcome=done", 4),
        ("?outcome=denied", 0),
        ("?root=7", 0),
        ("?from=0&to=1", 0),
    ] {
        let found = app.by(&bootstrap, "GET", &format!("/audit{query}"), Value::Null).await.expect(200).json();
        assert_eq!(found["items"].as_array().unwrap().len(), count, "{query}");
    }
    let first = app.by(&bootstrap, "GET", "/audit?pageSize=3", Value::Null).await.expect(200).json();
    let token = first["nextPageToken"].as_str().unwrap();
    let second = app.by(&bootstrap, "GET", &format!("/audit?pageSize=3&nextPageToken={token}"), Value::Null).await;
    assert_eq!(second.expect(200).json()["items"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn failed_logins_are_in_the_trail() {
    let (app, bootstrap) = TestApp::with_accounts().await;
    for _ in 0..3 {
        app.by("nonsense", "GET", "/whoami", Value::Null).await.expect(401);
    }
    let registry = app.registry();
    registry.audit.write_waiting(&registry.own_context()).await.unwrap();
    let found = app.by(&bootstrap, "GET", "/audit?action=login", Value::Null).await.expect(200).json();
    assert_eq!((&found["items"][0]["requests"], &found["items"][0]["outcome"]), (&json!(3), &json!("unauthenticated")));
    assert_eq!(found["items"].as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn without_accounts_the_trail_is_everybodys() {
    let app = TestApp::new().await;
    let mut transcript = transcript(&app);
    transcript.get("/audit").await.expect(200);
    transcript.get("/audit/export").await.expect(200);
    assert_snapshot!(transcript);
}

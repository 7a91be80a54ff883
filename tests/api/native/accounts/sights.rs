//! Numbers of what is there, of which everybody is told those of what they see; and the state of the server, which few are told.

use serde_json::{Value, json};

use super::callers::account;
use crate::api::app::{TestApp, request};

#[actix_web::test]
async fn what_is_hidden_is_not_counted() {
    let (app, bootstrap) = TestApp::with_accounts().await;
    for (model, body) in [("seen", "0123456789"), ("hidden", "0123"), ("hidden-2", "01234")] {
        let path = format!("/api/v1/models/{model}/versions/1/files/a.txt");
        let sent = request(actix_web::http::Method::PUT, &path);
        let sent = sent.insert_header(("Authorization", format!("Bearer {bootstrap}"))).set_payload(body);
        app.send(sent).await.expect(201);
    }
    let seen = app.by(&bootstrap, "GET", "/models/seen", Value::Null).await.expect(200).member("id");
    let hidden = app.by(&bootstrap, "GET", "/models/hidden", Value::Null).await.expect(200).member("id");
    let of_root = account(&app, &bootstrap, "one").await;
    let of_workspace = account(&app, &bootstrap, "all").await;
    let nobody = account(&app, &bootstrap, "none").await;
    for (who, scope) in [("one", json!({"root": seen})), ("all", json!({"workspace": "default"}))] {
        let binding = json!({"subject": {"principal": who}, "role": "viewer", "scope": scope});
        app.by(&bootstrap, "POST", "/bindings", binding).await.expect(201);
    }
    let told = async |token: &str| {
        let summary = app.by(token, "GET", "/summary", Value::Null).await.expect(200).json();
        let number = |name: &str| summary[name]["count"].as_u64().unwrap();
        let verdicts = summary["verdicts"].as_array().unwrap().iter();
        let inspected = verdicts.map(|each| each["count"].as_u64().unwrap()).sum::<u64>();
        (number("models"), number("versions"), number("files"), number("bytes"), inspected)
    };
    assert_eq!(told(bootstrap.as_str()).await, (3, 3, 3, 19, 3));
    assert_eq!(told(of_workspace.as_str()).await, (3, 3, 3, 19, 3));
    assert_eq!(told(of_root.as_str()).await, (1, 1, 1, 10, 1));
    assert_eq!(told(nobody.as_str()).await, (0, 0, 0, 0, 0));
    // What is restricted is out of the sight of whoever sees the rest of the workspace, and so of what is counted exactly.
    app.by(&bootstrap, "PATCH", &format!("/roots/{hidden}"), json!({"restricted": true})).await.expect(200);
    assert_eq!(told(bootstrap.as_str()).await, (3, 3, 3, 19, 3));
    assert_eq!(told(of_workspace.as_str()).await, (2, 2, 2, 15, 2));
    app.get("/api/v1/summary").await.expect(401);
}

#[actix_web::test]
async fn only_who_manages_the_registry_is_told_of_the_server() {
    let (app, bootstrap) = TestApp::with_accounts().await;
    let (manager, auditor) = (account(&app, &bootstrap, "alice").await, account(&app, &bootstrap, "bob").await);
    for (who, role, scope) in [("alice", "admin", json!({"workspace": "default"})), ("bob", "auditor", json!({}))] {
        let binding = json!({"subject": {"principal": who}, "role": role, "scope": scope});
        app.by(&bootstrap, "POST", "/bindings", binding).await.expect(201);
    }
    app.by(&bootstrap, "GET", "/system", Value::Null).await.expect(200);
    for token in [manager.as_str(), auditor.as_str()] {
        app.by(token, "GET", "/system", Value::Null).await.expect(403);
    }
    app.get("/api/v1/system").await.expect(401);
}

//! Callers who have to say who they are: what they are told of themselves, and what they may not.

use serde_json::{Value, json};

use crate::api::app::TestApp;

#[actix_web::test]
async fn the_first_administrator_makes_others() {
    let (app, bootstrap) = TestApp::with_accounts().await;
    let whoami = app.get("/api/v1/whoami").await.expect(401);
    assert!(whoami.header("www-authenticate").unwrap().contains("Bearer"), "{:?}", whoami.headers);
    let own = app.by(&bootstrap, "GET", "/whoami", Value::Null).await.expect(200).json();
    assert_eq!(own["principal"]["handle"], "bootstrap");
    assert_eq!(own["permissions"].as_array().unwrap().len(), 8);
    app.by(&bootstrap, "POST", "/principals", json!({"handle": "ops"})).await.expect(201);
    let made = app.by(&bootstrap, "POST", "/tokens", json!({"name": "ops", "owner": "ops"})).await.expect(201).json();
    let ops = made["secret"].as_str().unwrap();
    app.by(ops, "GET", "/workspaces", Value::Null).await.expect(200);
    app.by(ops, "POST", "/workspaces", json!({"slug": "team-a"})).await.expect(403);
    let admin = json!({"subject": {"principal": "ops"}, "role": "admin"});
    app.by(&bootstrap, "POST", "/bindings", admin).await.expect(201);
    app.by(&bootstrap, "GET", "/whoami", Value::Null).await.expect(401);
    app.by(ops, "POST", "/workspaces", json!({"slug": "team-a"})).await.expect(201);
    app.by(ops, "DELETE", "/bindings/1", Value::Null).await.expect(409);
    app.by(ops, "PATCH", "/principals/ops", json!({"disabled": true})).await.expect(409);
}

#[actix_web::test]
async fn a_manager_of_a_workspace_manages_that_alone() {
    let (app, bootstrap) = TestApp::with_accounts().await;
    for slug in ["team-a", "team-b"] {
        app.by(&bootstrap, "POST", "/workspaces", json!({"slug": slug})).await.expect(201);
    }
    let manager = account(&app, &bootstrap, "alice").await;
    let member = account(&app, &bootstrap, "bob").await;
    let bind = |who: &str, role: &str, slug: &str| json!({"subject": {"principal": who}, "role": role, "scope": {"workspace": slug}});
    app.by(&bootstrap, "POST", "/bindings", bind("alice", "admin", "team-a")).await.expect(201);
    app.by(&manager, "POST", "/bindings", bind("bob", "reader", "team-a")).await.expect(201);
    app.by(&manager, "POST", "/bindings", bind("bob", "reader", "team-b")).await.expect(404);
    app.by(&manager, "POST", "/bindings", json!({"subject": {"principal": "bob"}, "role": "viewer"})).await.expect(403);
    app.by(&member, "POST", "/bindings", bind("bob", "writer", "team-a")).await.expect(403);
    app.by(&member, "GET", "/bindings?workspace=team-a", Value::Null).await.expect(403);
    app.by(&member, "GET", "/bindings?principal=bob", Value::Null).await.expect(200);
    app.by(&member, "GET", "/principals/alice", Value::Null).await.expect(404);
    app.by(&member, "GET", "/principals", Value::Null).await.expect(403);
    app.by(&member, "GET", "/audit", Value::Null).await.expect(403);
    app.by(&manager, "GET", "/audit?workspace=team-a", Value::Null).await.expect(200);
    app.by(&member, "GET", "/workspaces/team-b", Value::Null).await.expect(404);
    let explained = app.by(&member, "GET", "/access/explain?workspace=team-a", Value::Null).await.expect(200).json();
    let permissions: Vec<_> =
        explained["permissions"].as_array().unwrap().iter().map(|each| each["permission"].as_str().unwrap()).collect();
    assert_eq!(permissions, ["see", "download"]);
    assert_eq!(explained["permissions"][0]["bindings"][0]["role"], "reader");
    let narrow = json!({"name": "narrow", "permissions": ["see"], "workspaces": ["team-a"]});
    let made = app.by(&member, "POST", "/tokens", narrow).await.expect(201).json();
    let own = app.by(made["secret"].as_str().unwrap(), "GET", "/whoami", Value::Null).await.expect(200).json();
    assert_eq!(own["workspaces"], json!([{"workspace": "team-a", "permissions": ["see"]}]));
    assert_eq!((&own["token"]["name"], &own["token"]["workspaces"]), (&json!("narrow"), &json!(["team-a"])));
    assert_eq!(own["workspace"], "team-a");
    let wider = json!({"name": "wider"});
    app.by(made["secret"].as_str().unwrap(), "POST", "/tokens", wider).await.expect(403);
}

#[actix_web::test]
async fn who_sees_a_model_is_told_with_its_bindings() {
    let app = TestApp::new().await;
    app.put("/api/v1/models/demo/versions/1/files/a", "a").await.expect(201);
    let post = |path: &'static str, body| app.json(actix_web::http::Method::POST, path, body);
    let everyone = json!({"subject": {"all": "everyone"}, "role": "viewer"});
    post("/api/v1/bindings", &everyone).await.expect(201);
    let group =
        json!({"subject": {"group": {"issuer": "oidc", "name": "g"}}, "role": "writer", "scope": {"root": "1"}});
    post("/api/v1/bindings", &group).await.expect(201);
    let first = app.get("/api/v1/access/who?root=1&pageSize=1").await.expect(200).json();
    let token = first["nextPageToken"].as_str().unwrap();
    let second =
        app.get(&format!("/api/v1/access/who?root=1&pageSize=1&nextPageToken={token}")).await.expect(200).json();
    assert_eq!(first["items"][0]["subject"], json!({"all": "everyone"}));
    assert_eq!(second["items"][0]["subject"], json!({"group": {"issuer": "oidc", "name": "g"}}));
    assert_eq!((&first["restricted"], &second["nextPageToken"]), (&json!(false), &json!("")));
    post("/api/v1/principals", &json!({"handle": "ci"})).await.expect(201);
    let explained = app.get("/api/v1/access/explain?principal=ci&group=oidc:g&root=1").await.expect(200).json();
    let gives = |permission: &str| -> Vec<String> {
        let all = explained["permissions"].as_array().unwrap();
        let Some(found) = all.iter().find(|each| each["permission"] == permission) else { return Vec::new() };
        found["bindings"].as_array().unwrap().iter().map(|each| each["id"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(
        (gives("see"), gives("write"), gives("delete")),
        (vec!["2".into(), "1".into()], vec!["2".into()], vec![])
    );
}

/// A service account with a token.
pub(super) async fn account(app: &TestApp, bootstrap: &str, handle: &str) -> String {
    app.by(bootstrap, "POST", "/principals", json!({"handle": handle})).await.expect(201);
    let token = json!({"name": handle, "owner": handle});
    let made = app.by(bootstrap, "POST", "/tokens", token).await.expect(201).json();
    made["secret"].as_str().unwrap().to_owned()
}

//! Workspaces, principals, bindings and tokens: made, listed, changed and removed.

use insta::assert_snapshot;
use serde_json::json;

use super::known;
use crate::api::app::TestApp;
use crate::api::native::transcript;

#[actix_web::test]
async fn a_workspace_is_made_listed_changed_and_removed() {
    let app = TestApp::new().await;
    let mut transcript = transcript(&app);
    let made =
        transcript.post("/workspaces", json!({"slug": "team-a", "title": "Team Ä 🦀", "ownerRole": "none"})).await;
    assert_eq!(made.expect(201).location_from("/api/v1/workspaces"), "/api/v1/workspaces/team-a");
    transcript.post("/workspaces", json!({"slug": "team-b"})).await.expect(201);
    transcript.post("/workspaces", json!({"slug": "team-b"})).await.expect(409);
    let first = transcript.get("/workspaces?pageSize=2").await.expect(200);
    let token = first.member("nextPageToken");
    let rest = app.get(&format!("/api/v1/workspaces?pageSize=2&nextPageToken={token}")).await.expect(200).json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["nextPageToken"]), (1, &json!("")));
    transcript.patch("/workspaces/team-a", json!({"title": null, "ownerRole": "reader"})).await.expect(200);
    transcript.patch("/workspaces/team-a", json!({})).await.expect(200);
    transcript.delete("/workspaces/team-a").await.expect(409);
    transcript.patch("/workspaces/team-a", json!({"archived": true})).await.expect(200);
    app.advance(60_000);
    transcript.delete("/workspaces/team-a").await.expect(204);
    transcript.get("/workspaces/team-a").await.expect(404);
    transcript.delete("/workspaces/team-a").await.expect(404);
    transcript.patch("/workspaces/default", json!({"archived": true})).await.expect(409);
    assert_snapshot!(transcript);
}

#[actix_web::test]
async fn a_service_account_is_made_listed_changed_and_forgotten() {
    let app = TestApp::new().await;
    app.json(actix_web::http::Method::POST, "/api/v1/workspaces", &json!({"slug": "team-a"})).await.expect(201);
    let mut transcript = transcript(&app);
    let made =
        transcript.post("/principals", json!({"handle": "ci", "displayName": "CI 🤖", "workspace": "team-a"})).await;
    let subject = made.expect(201).member("subject").to_owned();
    transcript.post("/principals", json!({"handle": "ci"})).await.expect(409);
    transcript.get("/principals?kind=service&workspace=team-a").await.expect(200);
    transcript.get("/principals?kind=user").await.expect(200);
    transcript.patch("/principals/ci", json!({"disabled": true})).await.expect(200);
    transcript.patch("/principals/1", json!({"disabled": false, "workspace": null})).await.expect(200);
    transcript.patch("/principals/ci", json!({"workspace": "team-z"})).await.expect(404);
    transcript.raw("POST", "/principals/ci/logout", "").await.expect(200);
    transcript.delete("/principals/ci").await.expect(204);
    transcript.get("/principals/ci").await.expect(404);
    transcript.get("/principals/1").await.expect(200);
    assert_snapshot!(transcript.to_string().replace(&subject, "[subject]"));
}

#[actix_web::test]
async fn a_binding_is_made_listed_and_removed() {
    let app = TestApp::new().await;
    app.put("/api/v1/models/demo/versions/1/files/a", "a").await.expect(201);
    let post = |path: &'static str, body| app.json(actix_web::http::Method::POST, path, body);
    let (workspace, account) = (json!({"slug": "team-a"}), json!({"handle": "ci"}));
    post("/api/v1/workspaces", &workspace).await.expect(201);
    post("/api/v1/principals", &account).await.expect(201);
    let mut transcript = transcript(&app);
    let reader = json!({"subject": {"principal": "ci"}, "role": "reader", "scope": {"workspace": "team-a"}});
    let made = transcript.post("/bindings", reader.clone()).await.expect(201);
    assert_eq!(made.location_from("/api/v1/bindings"), "/api/v1/bindings/1");
    transcript.post("/bindings", reader).await.expect(409);
    let group = json!({"group": {"issuer": "oidc", "name": "ML / 🦀"}});
    transcript.post("/bindings", json!({"subject": group, "role": "writer", "scope": {"root": "1"}})).await.expect(201);
    let until = json!({"subject": {"all": "authenticated"}, "role": "viewer", "expiresAt": 1_900_000_000_000_i64});
    transcript.post("/bindings", until).await.expect(201);
    for query in [
        "",
        "?principal=ci",
        "?principal=1",
        "?group=oidc:ML%20/%20%F0%9F%A6%80",
        "?all=authenticated",
        "?workspace=team-a",
        "?root=1",
        "?scope=registry",
        "?principal=ci&workspace=default",
    ] {
        let listed = app.get(&format!("/api/v1/bindings{query}")).await.expect(200).json();
        let ids: Vec<_> = listed["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect();
        let expected: &[&str] = match query {
            "" => &["1", "2", "3"],
            "?group=oidc:ML%20/%20%F0%9F%A6%80" | "?root=1" => &["2"],
            "?all=authenticated" | "?scope=registry" => &["3"],
            "?principal=ci&workspace=default" => &[],
            _ => &["1"],
        };
        assert_eq!(ids, expected, "{query}");
    }
    transcript.get("/bindings?pageSize=2").await.expect(200);
    transcript.delete("/bindings/1").await.expect(204);
    transcript.delete("/bindings/1").await.expect(404);
    transcript.get("/bindings/1").await.expect(404);
    transcript.get("/bindings/2").await.expect(200);
    let admin = json!({"subject": {"principal": "ci"}, "role": "admin"});
    transcript.post("/bindings", admin).await.expect(201);
    transcript.delete("/bindings/4").await.expect(409);
    assert_snapshot!(known(&transcript).replace(&app_token(&transcript), "[token]"));

    fn app_token(transcript: &impl ToString) -> String {
        let text = transcript.to_string();
        let at = text.find("\"nextPageToken\":\"").unwrap() + "\"nextPageToken\":\"".len();
        text[at..].split('"').next().unwrap().to_owned()
    }
}

#[actix_web::test]
async fn a_token_is_made_listed_rotated_and_revoked() {
    let app = TestApp::new().await;
    app.put("/api/v1/models/demo/versions/1/files/a", "a").await.expect(201);
    app.json(actix_web::http::Method::POST, "/api/v1/principals", &json!({"handle": "ci"})).await.expect(201);
    let mut transcript = transcript(&app);
    let narrow = json!({
        "name": "CI", "owner": "ci", "role": "reader", "workspaces": ["default"], "roots": ["1"], "expiresAt": 1_700_900_000_000_i64
    });
    let made = transcript.post("/tokens", narrow).await.expect(201);
    assert_eq!(made.header("cache-control"), Some("no-store"));
    transcript.post("/tokens", json!({"name": "2", "owner": "ci", "permissions": ["see", "write"]})).await.expect(201);
    transcript.post("/tokens", json!({"name": "3", "owner": "ci"})).await.expect(201);
    transcript.raw("POST", "/tokens/1/rotate", "{\"graceSeconds\":60}").await.expect(200);
    transcript.delete("/tokens/2").await.expect(204);
    transcript.delete("/tokens/2").await.expect(204);
    transcript.delete("/tokens/99").await.expect(404);
    transcript.raw("POST", "/tokens/2/rotate", "{}").await.expect(409);
    let listed = transcript.get("/tokens?owner=ci").await.expect(200);
    assert!(!listed.text().contains("mp_"), "{}", listed.text());
    // Nobody asks: there are no accounts.
    transcript.get("/tokens").await.expect(401);
    transcript.post("/tokens", json!({"name": "mine"})).await.expect(401);
    assert_snapshot!(known(&transcript));
}

//! Saved views, on each database.

use actix_web::http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::transcript;
use crate::api::app::{TestApp, request};
use crate::support::Backend;

async fn put(app: &TestApp, path: &str, query: Value) -> Value {
    app.json(Method::PUT, &format!("/api/v1/views/{path}"), &json!({"query": query})).await.expect(200).json()
}

async fn names(app: &TestApp, list: &str) -> Vec<String> {
    let list = app.get(&format!("/api/v1/views{list}")).await.expect(200).json();
    let name = |item: &Value| format!("{} {}", item["screen"].as_str().unwrap(), item["name"].as_str().unwrap());
    list["items"].as_array().unwrap().iter().map(name).collect()
}

async fn views_are_kept(backend: Backend) {
    let app = TestApp::on(backend).await;
    assert_eq!(names(&app, "").await, Vec::<String>::new());
    let made = put(&app, "models/clean", json!({"filter": "verdict = 'clean'", "columns": ["name", "größe"]})).await;
    assert_eq!((&made["revision"], &made["shared"]), (&json!(1), &json!(true)));
    put(&app, "models/%20%C3%A9%2F1", json!({})).await;
    put(&app, "runs/clean", json!({})).await;
    assert_eq!(names(&app, "").await, ["models clean", "models  é/1", "runs clean"]);
    assert_eq!(names(&app, "?screen=runs").await, ["runs clean"]);
    assert_eq!(names(&app, "?screen=none").await, Vec::<String>::new());
    let page = app.get("/api/v1/views?pageSize=2").await.expect(200);
    let token = page.member("nextPageToken");
    assert_eq!(names(&app, &format!("?pageSize=2&nextPageToken={token}")).await, ["runs clean"]);
    app.get(&format!("/api/v1/views?screen=runs&nextPageToken={token}")).await.expect(400);
    let changed = put(&app, "models/clean?shared=true", json!({"filter": ""})).await;
    assert_eq!((&changed["revision"], &changed["query"]), (&json!(2), &json!({"filter": ""})));
    app.delete("/api/v1/views/models/clean").await.expect(204);
    app.get("/api/v1/views/models/clean").await.expect(404);
    app.delete("/api/v1/views/models/clean").await.expect(404);
    // One that is made again is another.
    assert_eq!(put(&app, "models/clean", json!({})).await["revision"], 1);
}

#[actix_web::test]
async fn kept_on_sqlite() {
    views_are_kept(Backend::Sqlite).await;
}

#[actix_web::test]
async fn kept_on_postgres() {
    views_are_kept(Backend::Postgres).await;
}

#[actix_web::test]
async fn conditions_hold() {
    let app = TestApp::new().await;
    let send = async |method: Method, header: (&str, &str)| {
        let body = json!({"query": {}});
        app.send(request(method, "/api/v1/views/models/a").insert_header(header).set_json(body)).await
    };
    send(Method::PUT, ("If-Match", "*")).await.expect(412);
    send(Method::PUT, ("If-None-Match", "*")).await.expect(200);
    send(Method::PUT, ("If-None-Match", "*")).await.expect(412);
    let first = "\"1-1\"";
    app.send(request(Method::GET, "/api/v1/views/models/a").insert_header(("If-None-Match", first))).await.expect(304);
    send(Method::PUT, ("If-Match", first)).await.expect(200);
    send(Method::PUT, ("If-Match", first)).await.expect(412);
    send(Method::DELETE, ("If-Match", first)).await.expect(412);
    send(Method::DELETE, ("If-Match", "\"1-2\"")).await.expect(204);
}

#[actix_web::test]
async fn success_and_errors() {
    let app = TestApp::new().await;
    let mut transcript = transcript(&app);
    transcript.raw("PUT", "/views/models/mine", r#"{"query": {"filter": "owner = 'risk'"}}"#).await.expect(200);
    transcript.get("/views").await.expect(200);
    transcript.get("/views/models/mine").await.expect(200);
    for body in ["{}", "[]", r#"{"query": 1}"#, r#"{"query": [1]}"#, r#"{"query": {}, "x": 1}"#, "{"] {
        transcript.raw("PUT", "/views/models/mine", body).await.expect(400);
    }
    for path in [
        "/views/Models/a",
        "/views/models/a%00",
        "/views/models/a?shared=x",
        "/views?screen=-",
        "/views?nextPageToken=x",
    ] {
        transcript.get(path).await.expect(400);
    }
    transcript.get("/views/models/none").await.expect(404);
    transcript.delete("/views/models/none").await.expect(404);
    let large = json!({"query": {"a": "x".repeat(16 << 10)}});
    app.json(Method::PUT, "/api/v1/views/models/large", &large).await.expect(413);
    app.json(Method::PUT, &format!("/api/v1/views/models/{}", "x".repeat(513)), &json!({"query": {}}))
        .await
        .expect(400);
    assert_snapshot!(transcript);
}

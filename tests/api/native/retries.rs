//! Jobs that failed or were cancelled, done again.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::api::app::{Answer, TestApp};
use crate::support::Backend;
use modelport::registry::inspection::REEVALUATE_MODEL;

async fn retry(app: &TestApp, id: &str) -> Answer {
    app.json(Method::POST, &format!("/api/v1/jobs/{id}/retry"), &Value::Null).await
}

/// The id of a job that was cancelled before it began.
async fn cancelled(app: &TestApp) -> String {
    app.put("/api/v1/models/m/versions/1/files/model.pkl", b"cos\nsystem\n(S'id'\ntR.".as_slice()).await.expect(201);
    let policy = json!({"findings": {"danger": "allow"}});
    let put = app.json(Method::PUT, "/api/v1/models/m/policy", &policy).await.expect(200).json();
    let id = put["job"]["id"].as_str().unwrap().to_owned();
    let context = app.registry().own_context();
    app.registry().jobs.cancel_job(&context, REEVALUATE_MODEL, id.parse().unwrap()).await.unwrap();
    id
}

async fn what_was_cancelled_is_done_again(backend: Backend) {
    let app = TestApp::on(backend).await;
    let id = cancelled(&app).await;
    let file = "/api/v1/models/m/versions/1/files/model.pkl";
    app.get(file).await.expect(403);
    let new = retry(&app, &id).await.expect(202).json();
    assert_ne!(new["id"], json!(id));
    assert_eq!((&new["state"], &new["attempts"]), (&json!("queued"), &json!(0)));
    assert_eq!(app.get("/api/v1/models/m/policy").await.json()["job"]["id"], new["id"]);
    let listed = app.get("/api/v1/jobs").await.json();
    assert_eq!(listed["items"][0], new);
    assert_eq!((&listed["items"][1]["id"], &listed["items"][1]["state"]), (&json!(id), &json!("cancelled")));
    // One that has not ended, and one that succeeded, are not.
    let new = new["id"].as_str().unwrap();
    retry(&app, new).await.expect(409);
    app.run_policy_job().await;
    app.get(file).await.expect(200);
    retry(&app, new).await.expect(409);
}

#[actix_web::test]
async fn on_sqlite() {
    what_was_cancelled_is_done_again(Backend::Sqlite).await;
}

#[actix_web::test]
async fn on_postgres() {
    what_was_cancelled_is_done_again(Backend::Postgres).await;
}

#[actix_web::test]
async fn what_is_no_job_to_repeat() {
    let app = TestApp::new().await;
    for id in ["0", "abc", "-1", "99999999999999999999"] {
        assert_eq!(retry(&app, id).await.expect(400).member("field"), "id", "{id}");
    }
    retry(&app, "99").await.expect(404);
    let context = app.registry().own_context();
    let other = app.registry().jobs.enqueue(&context, "other", json!({})).await.unwrap();
    app.registry().jobs.cancel_job(&context, "other", other.id).await.unwrap();
    let refused = retry(&app, &other.id.to_string()).await.expect(409);
    assert!(refused.text().contains("`other`"), "{}", refused.text());
}

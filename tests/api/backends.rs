//! The way of a model through both protocols, on each database.

use actix_web::http::Method;
use insta::assert_snapshot;
use serde_json::json;

use super::app::TestApp;
use super::kubeflow::API;
use super::transcript::Transcript;
use crate::support::Backend;

async fn the_way_of_a_model(backend: Backend) -> String {
    let app = TestApp::on(backend).await;
    let mut kubeflow = Transcript::new(&app, API);
    kubeflow.post("/registered_models", json!({"name": "demo", "language": ["en"], "externalId": "a"})).await;
    kubeflow.post("/model_versions", json!({"name": "1", "registeredModelId": "1", "author": "me"})).await;
    kubeflow.post("/model_versions/2/artifacts", json!({"artifactType": "model-artifact", "name": "weights"})).await;
    kubeflow.post("/model_artifacts", json!({"name": "weights"})).await;
    kubeflow.post("/model_versions/2/artifacts", json!({"artifactType": "model-artifact", "id": "4"})).await;
    kubeflow.patch("/registered_models/1", json!({"language": null, "externalId": "b"})).await;
    app.put("/api/v1/models/demo/versions/1/files/a.bin", "abc").await.expect(201);
    app.json(Method::PUT, "/api/v1/models/demo/aliases/best", &json!({"version": "1"})).await.expect(200);
    for path in
        ["/registered_models", "/registered_models/1/versions", "/model_versions/2/artifacts?orderBy=CREATE_TIME"]
    {
        kubeflow.get(path).await;
    }
    let mut native = Transcript::new(&app, super::native::API);
    native.get("/models/demo/versions/@best").await;
    native.put("/models/demo/versions/latest/files/a.bin", &[], b"other").await;
    native.delete("/models/demo").await;
    native.get("/changes").await;
    native.delete("/models/demo?recursive=true&force=true").await;
    native.get("/nodes/1/history?after=3").await;
    // Ids may have gaps from here on: PostgreSQL does not take back what a refused insert has drawn.
    kubeflow.post("/registered_models", json!({"name": "demo", "externalId": "b"})).await;
    kubeflow.post("/registered_models", json!({"name": "demo"})).await;
    kubeflow.post("/registered_models", json!({"name": "other", "externalId": "b"})).await;
    kubeflow.post("/model_versions", json!({"name": "1", "registeredModelId": "1"})).await;
    format!("{kubeflow}{native}")
}

#[actix_web::test]
async fn on_sqlite() {
    assert_snapshot!("the_way_of_a_model", the_way_of_a_model(Backend::Sqlite).await);
}

#[actix_web::test]
async fn on_postgres() {
    assert_snapshot!("the_way_of_a_model", the_way_of_a_model(Backend::Postgres).await);
}

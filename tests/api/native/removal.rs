//! Removal: gone from every list at once, while the history stays.

use insta::assert_snapshot;
use serde_json::json;

use super::transcript;
use crate::api::app::TestApp;

const LISTS: [&str; 3] = ["registered_models", "model_versions", "model_artifacts"];

async fn filled() -> TestApp {
    let app = TestApp::new().await;
    for version in ["1", "2"] {
        app.put(&format!("/api/v1/models/demo/versions/{version}/files/a"), version).await.expect(201);
    }
    app
}

async fn sizes(app: &TestApp) -> [u64; 3] {
    let mut sizes = [0; 3];
    for (size, list) in sizes.iter_mut().zip(LISTS) {
        let list = app.get(&format!("/api/model_registry/v1alpha3/{list}")).await.expect(200);
        *size = list.json()["size"].as_u64().unwrap();
    }
    sizes
}

#[actix_web::test]
async fn a_model_with_versions_goes_only_with_them() {
    let app = filled().await;
    let mut transcript = transcript(&app);
    transcript.delete("/models/demo").await.expect(409);
    transcript.delete("/models/demo?recursive=false").await.expect(409);
    transcript.delete("/models/demo?recursive=maybe").await.expect(400);
    assert_eq!(sizes(&app).await, [1, 2, 2]);
    transcript.delete("/models/demo?recursive=true").await.expect(204);
    transcript.delete("/models/demo?recursive=true").await.expect(404);
    assert_eq!(sizes(&app).await, [0, 0, 0]);
    for path in ["/models/demo/versions", "/models/demo/versions/1", "/models/demo/versions/1/files/a"] {
        transcript.get(path).await.expect(404);
    }
    transcript.get("/artifacts/3/files/a").await.expect(404);
    assert_snapshot!(transcript);
    for path in ["registered_models/1", "model_versions/2", "model_artifacts/3", "registered_model?name=demo"] {
        app.get(&format!("/api/model_registry/v1alpha3/{path}")).await.expect(404);
    }
}

#[actix_web::test]
async fn a_model_without_versions_goes() {
    let app = filled().await;
    app.delete("/api/v1/models/demo/versions/1").await.expect(204);
    assert_eq!(sizes(&app).await, [1, 1, 1]);
    app.delete("/api/v1/models/demo").await.expect(409);
    app.delete("/api/v1/models/demo/versions/latest").await.expect(204);
    app.delete("/api/v1/models/demo/versions/latest").await.expect(404);
    assert_eq!(sizes(&app).await, [1, 0, 0]);
    app.delete("/api/v1/models/demo").await.expect(204);
    assert_eq!(sizes(&app).await, [0, 0, 0]);
}

#[actix_web::test]
async fn a_name_and_an_external_id_are_free_again() {
    let app = filled().await;
    let path = "/api/model_registry/v1alpha3/model_versions/2";
    app.json(actix_web::http::Method::PATCH, path, &json!({"externalId": "e"})).await.expect(200);
    app.delete("/api/v1/models/demo?recursive=true").await.expect(204);
    let again = app.put("/api/v1/models/demo/versions/1/files/a", "a").await.expect(201);
    assert_ne!(again.member("modelId"), "1", "ids are not used again");
    let path = format!("/api/model_registry/v1alpha3/model_versions/{}", again.member("versionId"));
    app.json(actix_web::http::Method::PATCH, &path, &json!({"externalId": "e"})).await.expect(200);
}

#[actix_web::test]
async fn the_history_stays() {
    let app = filled().await;
    app.delete("/api/v1/models/demo?recursive=true").await.expect(204);
    for (node, kind) in [(1, "kf.RegisteredModel"), (2, "kf.ModelVersion"), (3, "kf.ModelArtifact")] {
        let history = app.get(&format!("/api/v1/nodes/{node}/history")).await.expect(200).json();
        let items = history["items"].as_array().unwrap();
        assert_eq!((&items[0]["action"], &items.last().unwrap()["action"]), (&json!("create"), &json!("delete")));
        assert!(items.iter().all(|item| item["document"]["type"] == kind), "{history}");
    }
    let names = app.get("/api/v1/changes?limit=1000").await.json();
    let deleted = names["items"].as_array().unwrap().iter().filter(|item| item["action"] == "delete");
    assert_eq!(deleted.count(), 5);
}

#[actix_web::test]
async fn an_artifact_attached_elsewhere_stays_with_its_own_version() {
    let client = crate::api::kubeflow::Client::new().await;
    let model = client.model("demo").await;
    let (first, second) = (client.version(&model, "1").await, client.version(&model, "2").await);
    let artifact = client.artifact(&first, "a").await;
    let body = json!({"id": artifact, "artifactType": "model-artifact"});
    client.post(&format!("/model_versions/{second}/artifacts"), body).await.expect(200);
    client.0.delete("/api/v1/models/demo/versions/2").await.expect(204);
    client.get(&format!("/model_artifacts/{artifact}")).await.expect(200);
    client.0.delete("/api/v1/models/demo/versions/1").await.expect(204);
    client.get(&format!("/model_artifacts/{artifact}")).await.expect(404);
}

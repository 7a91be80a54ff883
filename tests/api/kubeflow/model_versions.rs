//! Operations 36 to 40, 48 and 49: model versions.

use insta::assert_json_snapshot;
use serde_json::json;

use super::Client;

#[actix_web::test]
async fn a_version_with_every_member_is_created_read_and_found() {
    let client = Client::new().await;
    client.model("m").await;
    let body = json!({
        "name": "1.0", "registeredModelId": "1", "description": "First.", "externalId": "crm-7", "author": "me",
        "state": "ARCHIVED",
        "customProperties": {"accuracy": {"metadataType": "MetadataDoubleValue", "double_value": 0.9}},
    });
    let created = client.post("/model_versions", body).await.expect(201);
    assert_json_snapshot!(created);
    for path in [
        "/model_versions/2",
        "/model_version?name=1.0&parentResourceId=1",
        "/model_version?externalId=crm-7",
        "/model_version?name=other&externalId=crm-7",
    ] {
        let read = client.get(path).await.expect(200);
        assert_eq!((read.json(), read.header("etag")), (created.json(), Some("\"1\"")), "{path}");
    }
    assert_json_snapshot!(client.get("/model_versions").await.expect(200));
}

#[actix_web::test]
async fn a_version_is_created_below_its_model_where_the_path_wins() {
    let client = Client::new().await;
    client.model("a").await;
    client.model("b").await;
    let body = json!({"name": "1", "registeredModelId": "2"});
    assert_json_snapshot!(client.post("/registered_models/1/versions", body).await.expect(201));
    assert_eq!(client.names("/registered_models/1/versions").await, ["1"]);
    assert_eq!(client.names("/registered_models/2/versions").await, [""; 0]);
}

#[actix_web::test]
async fn a_body_with_an_id_changes_the_version_below_its_model() {
    let client = Client::new().await;
    let (model, other) = (client.model("a").await, client.model("b").await);
    let version = client.version(&model, "1").await;
    let path = format!("/registered_models/{model}/versions");
    let whole = client.get(&format!("/model_versions/{version}")).await.json();
    client.patch(&format!("/model_versions/{version}"), json!({"state": "ARCHIVED"})).await.expect(200);

    let body = json!({"id": version, "name": "1", "registeredModelId": model, "author": "me"});
    let changed = client.post(&path, body.clone()).await.expect(201).json();
    assert_eq!(
        (&changed["author"], &changed["state"], &changed["id"]),
        (&json!("me"), &json!("ARCHIVED"), &whole["id"])
    );
    // What is answered can be sent back as it is.
    client.post(&path, changed).await.expect(201);
    assert_eq!(client.names(&path).await, ["1"]);

    client.post(&format!("/registered_models/{other}/versions"), body).await.expect(404);
    client.post(&path, json!({"id": "99", "name": "1", "registeredModelId": model})).await.expect(404);
    client.post(&path, json!({"id": model, "name": "1", "registeredModelId": model})).await.expect(404);
}

#[actix_web::test]
async fn a_version_is_changed() {
    let client = Client::new().await;
    client.model("m").await;
    client.version("1", "1.0").await;
    let body = json!({"description": "First.", "author": "me", "state": "ARCHIVED", "externalId": "crm-7"});
    let changed = client.patch("/model_versions/2", body).await.expect(200);
    assert_json_snapshot!(changed);
    assert_eq!(client.get("/model_versions/2").await.json(), changed.json());
    let model = client.get("/registered_models/1").await.json();
    assert_eq!(model["lastUpdateTimeSinceEpoch"], model["createTimeSinceEpoch"]);
}

#[actix_web::test]
async fn a_versions_name_is_taken_once_in_its_model() {
    let client = Client::new().await;
    client.model("a").await;
    client.model("b").await;
    client.version("1", "1.0").await;
    client.version("2", "1.0").await;
    client.patch("/model_versions/3", json!({"externalId": "crm-7"})).await.expect(200);
    let mut transcript = client.transcript();
    transcript.post("/model_versions", json!({"name": "1.0", "registeredModelId": "1"})).await;
    transcript.post("/registered_models/1/versions", json!({"name": "1.0", "registeredModelId": "1"})).await;
    transcript.post("/model_versions", json!({"name": "2", "registeredModelId": "1", "externalId": "crm-7"})).await;
    transcript.patch("/model_versions/4", json!({"externalId": "crm-7"})).await;
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn a_missing_parent_is_not_found() {
    let client = Client::new().await;
    let model = client.model("m").await;
    let version = client.version(&model, "1").await;
    let mut transcript = client.transcript();
    transcript.post("/model_versions", json!({"name": "1", "registeredModelId": "99"})).await;
    transcript.post("/registered_models/99/versions", json!({"name": "1", "registeredModelId": model})).await;
    transcript.post("/model_versions", json!({"name": "1", "registeredModelId": version})).await;
    transcript.get("/registered_models/99/versions").await;
    transcript.get("/registered_models/2/versions").await;
    transcript.get("/model_versions/99/artifacts").await;
    transcript.post("/model_versions/99/artifacts", json!({"artifactType": "model-artifact"})).await;
    insta::assert_snapshot!(transcript);
}

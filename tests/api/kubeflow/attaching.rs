//! Operation 42 with an `id` in the body: the artifact is changed, and becomes the version's too.

use insta::assert_json_snapshot;
use serde_json::json;

use super::Client;

#[actix_web::test]
async fn a_standalone_artifact_is_attached_and_keeps_its_id() {
    let client = Client::new().await;
    let model = client.model("m").await;
    let version = client.version(&model, "1").await;
    let created = client.post("/model_artifacts", json!({"name": "weights", "uri": "s3://a"})).await.expect(201).json();
    let path = format!("/model_versions/{version}/artifacts");

    let attached = client.post(&path, created.clone()).await.expect(200);
    assert_json_snapshot!(attached);
    assert_eq!(attached.json()["id"], created["id"]);
    assert_eq!(client.names(&path).await, ["weights"]);
    let found = client.get(&format!("/model_artifact?name=weights&parentResourceId={version}")).await.expect(200);
    assert_eq!(found.json(), attached.json());

    let again = client.post(&path, json!({"id": created["id"], "artifactType": "model-artifact", "uri": "s3://b"}));
    assert_eq!(again.await.expect(200).member("uri"), "s3://b");
    assert_eq!(client.names(&path).await, ["weights"]);
    assert_eq!(client.names("/model_artifacts").await, ["weights"]);
}

#[actix_web::test]
async fn an_artifact_of_one_version_may_be_attached_to_another() {
    let client = Client::new().await;
    let model = client.model("m").await;
    let (first, second) = (client.version(&model, "1").await, client.version(&model, "2").await);
    let artifact = client.artifact(&first, "weights").await;
    let body = json!({"id": artifact, "artifactType": "model-artifact"});
    client.post(&format!("/model_versions/{second}/artifacts"), body).await.expect(200);
    for version in [&first, &second] {
        assert_eq!(client.names(&format!("/model_versions/{version}/artifacts")).await, ["weights"]);
        client.get(&format!("/model_artifact?name=weights&parentResourceId={version}")).await.expect(200);
    }
}

#[actix_web::test]
async fn a_name_that_is_not_unique_in_a_version_finds_nothing() {
    let client = Client::new().await;
    let model = client.model("m").await;
    let version = client.version(&model, "1").await;
    client.artifact(&version, "weights").await;
    let other = client.post("/model_artifacts", json!({"name": "weights"})).await.expect(201).member("id");
    let path = format!("/model_versions/{version}/artifacts");
    client.post(&path, json!({"id": other, "artifactType": "model-artifact"})).await.expect(200);
    assert_eq!(client.names(&path).await, ["weights", "weights"]);
    client.get(&format!("/model_artifact?name=weights&parentResourceId={version}")).await.expect(404);
}

#[actix_web::test]
async fn what_cannot_be_attached() {
    let client = Client::new().await;
    let model = client.model("m").await;
    let version = client.version(&model, "1").await;
    client.artifact(&version, "weights").await;
    let mut transcript = client.transcript();
    for body in [
        json!({"name": "a"}),
        json!({"artifactType": "doc-artifact", "name": "a"}),
        json!({"artifactType": "ModelArtifact", "name": "a"}),
        json!({"artifactType": 1}),
        json!({"artifactType": "model-artifact", "id": "99"}),
        json!({"artifactType": "model-artifact", "id": "abc"}),
        json!({"artifactType": "model-artifact", "id": 3}),
        json!({"artifactType": "model-artifact", "id": version}),
        json!({"artifactType": "model-artifact", "state": "GONE"}),
        json!({"artifactType": "model-artifact", "customProperties": {"a": 1}}),
    ] {
        transcript.post("/model_versions/2/artifacts", body).await;
    }
    let body = json!({"artifactType": "model-artifact", "id": "3", "uri": "s3://other"});
    transcript.post("/model_versions/99/artifacts", body.clone()).await;
    transcript.post("/model_versions/1/artifacts", body).await;
    insta::assert_snapshot!(transcript);
    // A refused one changed nothing.
    assert_eq!(client.get("/model_artifacts/3").await.member("uri"), "s3://bucket/weights");
}

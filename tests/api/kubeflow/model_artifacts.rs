//! Operations 31 to 35: model artifacts, and 41 and 42 as far as they create and list.

use insta::assert_json_snapshot;
use serde_json::{Value, json};

use super::Client;

fn full() -> Value {
    json!({
        "artifactType": "model-artifact",
        "name": "weights",
        "description": "The weights.",
        "externalId": "crm-7",
        "uri": "s3://bucket/weights",
        "state": "LIVE",
        "modelFormatName": "onnx",
        "modelFormatVersion": "1",
        "storageKey": "key",
        "storagePath": "path",
        "serviceAccountName": "account",
        "modelSourceKind": "kind",
        "modelSourceClass": "class",
        "modelSourceGroup": "group",
        "modelSourceId": "id",
        "modelSourceName": "name",
        "customProperties": {"size": {"metadataType": "MetadataIntValue", "int_value": "7"}},
    })
}

#[actix_web::test]
async fn an_artifact_with_every_member_is_created_read_and_found() {
    let client = Client::new().await;
    let created = client.post("/model_artifacts", full()).await.expect(201);
    assert_json_snapshot!(created);
    for path in ["/model_artifacts/1", "/model_artifact?externalId=crm-7"] {
        let read = client.get(path).await.expect(200);
        assert_eq!((read.json(), read.header("etag")), (created.json(), Some("\"1\"")), "{path}");
    }
    assert_json_snapshot!(client.get("/model_artifacts").await.expect(200));
}

#[actix_web::test]
async fn an_artifact_without_anything_gets_a_name_and_a_state() {
    let client = Client::new().await;
    let created = client.post("/model_artifacts", json!({})).await.expect(201);
    assert_json_snapshot!(created);
    assert_eq!(created.member("name").len(), 36);
    let named = client.post("/model_artifacts", json!({"name": ""})).await.expect(201);
    assert_eq!(named.member("name").len(), 36);
}

#[actix_web::test]
async fn artifacts_that_nothing_owns_may_share_a_name() {
    let client = Client::new().await;
    for _ in 0..2 {
        let created = client.post("/model_artifacts", json!({"name": "weights"})).await.expect(201);
        assert_eq!(created.member("name"), "weights");
    }
    assert_eq!(client.names("/model_artifacts").await, ["weights", "weights"]);
}

#[actix_web::test]
async fn an_artifact_is_changed() {
    let client = Client::new().await;
    client.post("/model_artifacts", full()).await.expect(201);
    let body = json!({
        "artifactType": "model-artifact", "uri": "s3://bucket/other", "state": "MARKED_FOR_DELETION",
        "modelFormatVersion": "2",
    });
    let changed = client.patch("/model_artifacts/1", body).await.expect(200);
    assert_json_snapshot!(changed);
    assert_eq!(client.get("/model_artifacts/1").await.json(), changed.json());
}

#[actix_web::test]
async fn an_artifact_of_a_version_is_created_found_and_listed() {
    let client = Client::new().await;
    let model = client.model("m").await;
    let version = client.version(&model, "1").await;
    let created = client.post(&format!("/model_versions/{version}/artifacts"), full()).await.expect(201);
    assert_json_snapshot!(created);
    let found = client.get(&format!("/model_artifact?name=weights&parentResourceId={version}")).await.expect(200);
    assert_eq!(found.json(), created.json());
    for path in [
        format!("/model_versions/{version}/artifacts"),
        format!("/model_versions/{version}/artifacts?artifactType=model-artifact"),
        format!("/model_versions/{version}/artifacts?name=weights"),
        format!("/model_versions/{version}/artifacts?externalId=crm-7"),
        "/model_artifacts".to_owned(),
    ] {
        assert_eq!(client.get(&path).await.expect(200).json()["items"], json!([created.json()]), "{path}");
    }
    for path in ["name=other", "externalId=other", "name=weights&externalId=other"] {
        assert_eq!(client.names(&format!("/model_versions/{version}/artifacts?{path}")).await, [""; 0], "{path}");
    }
}

#[actix_web::test]
async fn an_artifact_below_a_version_has_no_state_unless_it_is_given() {
    let client = Client::new().await;
    let model = client.model("m").await;
    let version = client.version(&model, "1").await;
    let path = format!("/model_versions/{version}/artifacts");
    let body = json!({"artifactType": "model-artifact", "name": "a", "somethingElse": 1});
    let created = client.post(&path, body).await.expect(201).json();
    assert_eq!((created.get("state"), created.get("somethingElse")), (None, None));
    let unnamed = client.post(&path, json!({"artifactType": "model-artifact"})).await.expect(201);
    assert_eq!(unnamed.member("name").len(), 36);
}

#[actix_web::test]
async fn an_artifacts_name_is_taken_once_in_its_version() {
    let client = Client::new().await;
    let model = client.model("m").await;
    for version in ["1", "2"] {
        let version = client.version(&model, version).await;
        client.artifact(&version, "weights").await;
    }
    client.patch("/model_artifacts/3", json!({"externalId": "crm-7"})).await.expect(200);
    let mut transcript = client.transcript();
    let body = json!({"artifactType": "model-artifact", "name": "weights"});
    transcript.post("/model_versions/2/artifacts", body).await;
    let body = json!({"artifactType": "model-artifact", "name": "other", "externalId": "crm-7"});
    transcript.post("/model_versions/2/artifacts", body).await;
    transcript.post("/model_artifacts", json!({"externalId": "crm-7"})).await;
    transcript.patch("/model_artifacts/5", json!({"externalId": "crm-7"})).await;
    insta::assert_snapshot!(transcript);
    // Contexts have a space of external ids of their own.
    client.patch("/registered_models/1", json!({"externalId": "crm-7"})).await.expect(200);
}

#[actix_web::test]
async fn uploaded_files_give_an_artifact_the_uri_they_are_fetched_from() {
    let client = Client::new().await;
    client.0.put("/api/v1/models/m/versions/1/files/dir/a%20b.bin", "abc").await.expect(201);
    let artifact = client.get("/model_artifacts/3").await.expect(200).json();
    assert_eq!(artifact["uri"], "https://models.example/api/v1/artifacts/3/files/dir/a%20b.bin");
    assert_eq!(client.get("/model_versions/2/artifacts").await.json()["items"][0], artifact);
    let found = client.get("/model_artifact?name=m&parentResourceId=2").await.expect(200).json();
    assert_eq!(found, artifact);
    client.0.put("/api/v1/artifacts/3/files/c", "abc").await.expect(201);
    let artifact = client.get("/model_artifacts/3").await.expect(200).json();
    assert_eq!(artifact["uri"], "https://models.example/api/v1/artifacts/3/files");
    // What a client said stands.
    let changed = client.patch("/model_artifacts/3", json!({"uri": "s3://elsewhere"})).await.expect(200).json();
    assert_eq!(changed["uri"], "s3://elsewhere");
    let cleared = client.patch("/model_artifacts/3", json!({"uri": null})).await.expect(200).json();
    assert_eq!(cleared["uri"], artifact["uri"]);
}

/// The stock client takes an artifact with an empty `uri` for a broken one.
#[actix_web::test]
async fn an_empty_uri_is_none() {
    let client = Client::new().await;
    let model = client.model("m").await;
    let version = client.version(&model, "1").await;
    let artifacts = format!("/model_versions/{version}/artifacts");
    for (path, body) in [
        ("/model_artifacts", json!({"name": "a", "uri": ""})),
        ("/artifacts", json!({"name": "a", "artifactType": "doc-artifact", "uri": ""})),
        (&artifacts, json!({"name": "a", "artifactType": "model-artifact", "uri": ""})),
        (&artifacts, json!({"name": "d", "artifactType": "dataset-artifact", "uri": ""})),
    ] {
        let answer = client.post(path, body).await;
        assert!(answer.status == 200 || answer.status == 201);
        assert_eq!(answer.json().get("uri"), None, "{path}");
    }
    let empty = Client::filter("/model_artifacts", "uri IS NULL");
    assert_eq!(client.names(&empty).await, ["a", "a"]);
    let id = client.artifact(&version, "w").await;
    let path = format!("/model_artifacts/{id}");
    let cleared = client.patch(&path, json!({"uri": ""})).await.expect(200);
    assert_eq!(cleared.json().get("uri"), None);
    let native = json!({"model": {"name": "n"}, "version": {"name": "1"}, "artifacts": [{"name": "a", "uri": ""}]});
    let made = client.0.json(actix_web::http::Method::POST, "/api/v1/register", &native).await;
    assert_eq!(made.expect(201).json()["artifacts"][0].get("uri"), None);
}

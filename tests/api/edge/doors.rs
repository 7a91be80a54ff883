//! One model behind every door: what is registered here is there, and what is registered there is here.

use actix_web::http::Method;
use serde_json::json;

use super::{Client, archive, zip};
use crate::api::app::TestApp;
use crate::api::kubeflow;
use crate::support::Backend;

async fn from_here(backend: Backend) {
    let client = Client(TestApp::on(backend).await);
    let id = client
        .post(&[("name", "m"), ("version", "1"), ("precision", "fp16"), ("format", "openvino"), ("score", "0.5")])
        .await
        .expect(201)
        .text();
    let int8 = client.post(&[("name", "m"), ("version", "1"), ("precision", "int8")]).await.expect(201).text();
    let project = client.post(&[("name", "m"), ("version", "1"), ("precision", "int8"), ("project_name", "p")]).await;
    project.expect(201);
    let unnamed = client.post(&[("name", "m"), ("version", "1"), ("precision", "int8"), ("project_id", "p")]).await;
    let unnamed = unnamed.expect(201).text();

    let app = &client.0;
    let file = app.get("/api/v1/models/m/versions/1/files/m.zip").await.expect(200);
    assert_eq!((file.body.as_ref(), file.content_type()), (archive().as_slice(), "application/zip"));
    for version in ["1-int8", "1-int8-p", &format!("1-{unnamed}")] {
        app.get(&format!("/api/v1/models/m/versions/{version}/files/m.zip")).await.expect(200);
    }
    let found = app.get(&format!("{}/model_artifact?externalId={id}", kubeflow::API)).await.expect(200).json();
    assert_eq!((&found["name"], &found["modelFormatName"]), (&json!("m"), &json!("openvino")));
    assert_eq!(found["customProperties"]["score"]["double_value"], 0.5);
    assert_eq!(found["customProperties"]["precision"]["string_value"], "fp16");
    let models = app.get(&format!("{}/registered_models", kubeflow::API)).await.json();
    assert_eq!((&models["size"], &models["items"][0]["name"]), (&json!(1), &json!("m")));

    client.delete(&format!("/models/{int8}")).await.expect(204);
    app.get("/api/v1/models/m/versions/1-int8").await.expect(404);
    app.get("/api/v1/models/m/versions/1").await.expect(200);
    app.delete("/api/v1/models/m?recursive=true").await.expect(204);
    assert_eq!(client.count().await, 0);
    client.get(&format!("/models/{id}")).await.expect(404);
    client.post(&[("name", "m"), ("version", "1"), ("id", &id)]).await.expect(201);
}

async fn from_there(backend: Backend) {
    let client = Client(TestApp::on(backend).await);
    let app = &client.0;
    let other = zip("x/y", b"z");
    app.put("/api/v1/models/theirs/versions/7/files/weights.bin", "x").await.expect(201);
    assert_eq!(client.count().await, 0, "no archive, no model");
    app.put("/api/v1/models/theirs/versions/7/files/sub/b.ZIP", archive()).await.expect(201);
    app.put("/api/v1/models/theirs/versions/7/files/sub/a.zip", other.clone()).await.expect(201);
    let found = client.get("/models?name=HEIR&version=7").await.expect(200).json();
    let shown = &found[0];
    assert_eq!(
        (&shown["name"], &shown["version"], &shown["precision"]),
        (&json!("theirs"), &json!("7"), &json!(["fp32"]))
    );
    let id = shown["id"].as_str().unwrap().to_owned();
    assert!(id.starts_with("modelport-") && id.len() >= 16, "{id}");
    assert_eq!(shown["file_url"], format!("minio://model-registry/{id}/sub/a.zip"));
    assert_eq!(client.get(&format!("/models/{id}")).await.expect(200).json(), *shown);
    let download = client.get(&format!("/models/{id}/files")).await.expect(200);
    assert_eq!(download.header("content-disposition"), Some("attachment; filename=\"a.zip\""));
    assert_eq!(download.header("x-content-type-options"), Some("nosniff"));
    assert_eq!(download.body, other);

    // It is the same model as one that says the same.
    let same = client.post(&[("name", "theirs"), ("version", "7")]).await.expect(409);
    assert!(same.text().ends_with(&format!("conflict with model '{id}'.")), "{}", same.text());
    client.put(&id, "category=Detection&score=0.75").await.expect(200);
    let changed = client.get("/models?category=detection").await.expect(200).json();
    assert_eq!((&changed[0]["score"], &changed[0]["name"]), (&json!(0.75), &json!("theirs")));

    // What it holds besides its archives stays in its version.
    client.post(&[("name", "theirs"), ("version", "8")]).await.expect(201);
    client.delete(&format!("/models/{id}")).await.expect(204);
    client.get(&format!("/models/{id}")).await.expect(404);
    app.get("/api/v1/models/theirs/versions/7").await.expect(200);
    let id = client.get("/models?version=8").await.expect(200).json()[0]["id"].as_str().unwrap().to_owned();
    client.delete(&format!("/models/{id}")).await.expect(204);
    app.get("/api/v1/models/theirs/versions/8").await.expect(404);
    app.get("/api/v1/models/theirs/versions/7").await.expect(200);
}

async fn with_an_id_of_its_own(backend: Backend) {
    let client = Client(TestApp::on(backend).await);
    let app = &client.0;
    let api = kubeflow::API;
    let post = async |path: &str, body: serde_json::Value| app.json(Method::POST, &format!("{api}{path}"), &body).await;
    let model = post("/registered_models", json!({"name": "k"})).await.expect(201).member("id");
    let version =
        post("/model_versions", json!({"name": "v", "registeredModelId": model})).await.expect(201).member("id");
    for (name, external) in [("good", "an-id-that-is-long-enough"), ("short", "short"), ("taken", "modelport-00000001")]
    {
        let body = json!({
            "artifactType": "model-artifact", "name": name, "externalId": external,
            // Whatever they mean by these names, the list is not broken by it.
            "customProperties": {
                "score": {"metadataType": "MetadataStringValue", "string_value": "good"},
                "overview": {"metadataType": "MetadataIntValue", "int_value": "3"},
                "labels": {"metadataType": "MetadataStringValue", "string_value": "[1"},
                "precision": {"metadataType": "MetadataBoolValue", "bool_value": true},
            },
        });
        let artifact = post(&format!("/model_versions/{version}/artifacts"), body).await.expect(201).member("id");
        app.put(&format!("/api/v1/artifacts/{artifact}/files/{name}.zip"), archive()).await.expect(201);
    }
    let models = client.get("/models").await.expect(200).json();
    let ids: Vec<_> = models.as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids, ["an-id-that-is-long-enough", "modelport-00000004", "modelport-00000005"]);
    for id in ids {
        assert_eq!(client.get(&format!("/models/{id}")).await.expect(200).member("id"), id);
        client.get(&format!("/models/{id}/files")).await.expect(200);
    }
    client.get("/models/modelport-00000001").await.expect(404);
    client.get("/models/modelport-00000003").await.expect(404);
}

#[actix_web::test]
async fn what_is_registered_here_is_there() {
    from_here(Backend::Sqlite).await;
    from_here(Backend::Postgres).await;
}

#[actix_web::test]
async fn what_is_registered_there_is_here() {
    from_there(Backend::Sqlite).await;
    from_there(Backend::Postgres).await;
}

#[actix_web::test]
async fn an_artifact_s_own_id_is_the_model_s_where_it_can_be() {
    with_an_id_of_its_own(Backend::Sqlite).await;
    with_an_id_of_its_own(Backend::Postgres).await;
}

//! Paths, ids and methods that do not lead anywhere.

use super::Client;
use serde_json::json;

#[actix_web::test]
async fn ids_are_positive_integers_of_64_bits() {
    let client = Client::new().await;
    let mut transcript = client.transcript();
    for id in ["abc", "0", "-1", "1.0", "1e3", "01", "9223372036854775808", "%20", "%00", "1%2F2"] {
        transcript.get(&format!("/registered_models/{id}")).await.expect(400);
    }
    for path in [
        "/registered_models/abc/versions",
        "/model_versions/abc",
        "/model_versions/abc/artifacts",
        "/model_artifacts/abc",
    ] {
        transcript.get(path).await.expect(400);
    }
    for path in ["/registered_models/abc", "/model_versions/abc", "/model_artifacts/abc"] {
        transcript.patch(path, json!({})).await.expect(400);
    }
    transcript
        .post("/registered_models/abc/versions", json!({"name": "a", "registeredModelId": "1"}))
        .await
        .expect(400);
    transcript.post("/model_versions/abc/artifacts", json!({"artifactType": "model-artifact"})).await.expect(400);
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn an_id_is_not_found_where_it_is_not_of_that_type() {
    let client = Client::new().await;
    let model = client.model("m").await;
    let version = client.version(&model, "1").await;
    let artifact = client.artifact(&version, "a").await;
    let mut transcript = client.transcript();
    for id in ["99", "9223372036854775807", &version, &artifact] {
        transcript.get(&format!("/registered_models/{id}")).await.expect(404);
    }
    for id in ["99", &model, &artifact] {
        transcript.get(&format!("/model_versions/{id}")).await.expect(404);
    }
    for id in ["99", &model, &version] {
        transcript.get(&format!("/model_artifacts/{id}")).await.expect(404);
    }
    transcript.patch("/registered_models/99", json!({"owner": "me"})).await.expect(404);
    transcript.patch("/model_versions/99", json!({})).await.expect(404);
    transcript.patch("/model_artifacts/99", json!({})).await.expect(404);
    let text = transcript.to_string();
    let answers: Vec<_> = text.lines().filter(|line| line.contains("\"message\"")).collect();
    assert_eq!(answers.len(), 13);
    assert!(answers.iter().all(|answer| answer.ends_with("not found\"}")), "{text}");
    insta::assert_snapshot!(text);
}

#[actix_web::test]
async fn methods_that_a_path_does_not_have() {
    let client = Client::new().await;
    let mut transcript = client.transcript();
    for (method, path) in [
        ("PUT", "/registered_models"),
        ("DELETE", "/registered_models"),
        ("POST", "/registered_models/1"),
        ("PATCH", "/registered_models/1/versions"),
        ("POST", "/registered_model"),
        ("PATCH", "/model_versions"),
        ("PUT", "/model_versions/1"),
        ("DELETE", "/model_versions/1/artifacts"),
        ("POST", "/model_version"),
        ("DELETE", "/model_artifacts"),
        ("PUT", "/model_artifacts/1"),
        ("PATCH", "/model_artifact"),
        ("FROBNICATE", "/registered_models"),
    ] {
        transcript.raw(method, path, "{}").await.expect(405);
    }
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn paths_that_do_not_exist() {
    let client = Client::new().await;
    let mut transcript = client.transcript();
    for path in [
        "",
        "/",
        "/nonsense",
        "/registered_models/",
        "/registered_models/1/",
        "/registered_models/1/nonsense",
        "/Registered_Models",
        "//registered_models",
        "/experiment_runs/1/nonsense",
    ] {
        transcript.get(path).await.expect(404);
    }
    insta::assert_snapshot!(transcript);
}

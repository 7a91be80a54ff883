//! ETag and If-Match: whoever changes an entity may say which revision they have seen.

use serde_json::json;

use super::Client;
use crate::api::transcript::TranscriptRequest;

#[actix_web::test]
async fn a_change_of_another_revision_is_refused() {
    let client = Client::new().await;
    let model = client.model("m").await;
    let version = client.version(&model, "1").await;
    client.artifact(&version, "a").await;
    let mut transcript = client.transcript();
    for path in ["/registered_models/1", "/model_versions/2", "/model_artifacts/3"] {
        for tag in ["\"1\"", "\"1\"", "\"2\"", "*", "\"9\""] {
            let headers = [("If-Match", tag)];
            transcript.send(TranscriptRequest { method: "PATCH", path, headers: &headers, body: b"{}" }).await;
        }
    }
    insta::assert_snapshot!(transcript);
    let model = client.patch("/registered_models/1", json!({"owner": "me"})).await.expect(200);
    assert_eq!(model.header("etag"), Some("\"5\""));
}

#[actix_web::test]
async fn nested_creations_respect_preconditions() {
    let client = Client::new().await;
    let model = client.model("m").await;
    client.version(&model, "1").await;
    let experiment = client.experiment("e").await;
    let run = client.run(&experiment, "r").await;
    client.measure(&run, "loss", 0, 1.0).await;
    client.artifact("2", "weights").await;
    let mut transcript = client.transcript();
    let version = r#"{"name": "1", "registeredModelId": "1", "id": "2", "author": "me"}"#;
    let metric = r#"{"artifactType": "metric", "name": "loss", "value": 2}"#;
    for (path, body, tag, status) in [
        ("/registered_models/1/versions", version, "\"9\"", 412),
        ("/registered_models/1/versions", version, "\"1\"", 201),
        ("/registered_models/1/versions", version, "*", 201),
        ("/registered_models/1/versions", r#"{"name": "2", "registeredModelId": "1"}"#, "\"1\"", 412),
        ("/registered_models/1/versions", r#"{"name": "2", "registeredModelId": "1"}"#, "*", 412),
        ("/experiments/3/experiment_runs", r#"{"experimentId": "3", "id": "4", "owner": "me"}"#, "\"2\"", 412),
        ("/experiments/3/experiment_runs", r#"{"experimentId": "3", "id": "4", "owner": "me"}"#, "\"1\"", 201),
        ("/experiment_runs/4/artifacts", metric, "\"9\"", 412),
        ("/experiment_runs/4/artifacts", metric, "\"1\"", 200),
        ("/experiment_runs/4/artifacts", metric, "*", 200),
        (
            "/experiment_runs/4/artifacts",
            r#"{"artifactType": "metric", "name": "loss", "value": 3, "description": "d"}"#,
            "\"1\"",
            412,
        ),
        ("/experiment_runs/4/artifacts", r#"{"artifactType": "metric", "name": "new", "value": 2}"#, "*", 412),
        ("/experiment_runs/4/artifacts", r#"{"artifactType": "model-artifact", "id": "6"}"#, "\"9\"", 412),
        ("/experiment_runs/4/artifacts", r#"{"artifactType": "model-artifact", "id": "6"}"#, "\"1\"", 200),
        ("/model_versions/2/artifacts", r#"{"artifactType": "doc-artifact", "name": "card"}"#, "\"1\"", 412),
    ] {
        let headers = [("If-Match", tag), ("Content-Type", "application/json")];
        let request = TranscriptRequest { method: "POST", path, headers: &headers, body: body.as_bytes() };
        transcript.send(request).await.expect(status);
    }
    insta::assert_snapshot!(transcript);
    assert_eq!(client.names("/experiment_runs/4/artifacts").await, ["loss", "weights"], "what is refused is not made");
    assert_eq!(client.names("/model_versions").await, ["1"]);
}

#[actix_web::test]
async fn tags_that_no_entity_has() {
    let client = Client::new().await;
    client.model("m").await;
    let mut transcript = client.transcript();
    for tag in ["1", "W/\"1\"", "\"abc\"", "\"\"", "nonsense", "\"1\", \"2\"", "\"-1\"", ""] {
        let headers = [("If-Match", tag)];
        transcript
            .send(TranscriptRequest { method: "PATCH", path: "/registered_models/1", headers: &headers, body: b"{}" })
            .await;
    }
    let headers = [("If-Match", "\"1\"")];
    transcript
        .send(TranscriptRequest { method: "PATCH", path: "/registered_models/9", headers: &headers, body: b"{}" })
        .await
        .expect(404);
    insta::assert_snapshot!(transcript);
    assert_eq!(client.get("/registered_models/1").await.header("etag"), Some("\"1\""));
}

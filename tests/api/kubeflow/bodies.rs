//! Bodies that cannot be accepted.

use serde_json::json;

use super::{API, Client};
use crate::api::app::TestApp;
use crate::api::transcript::Transcript;

/// A model, a version and an artifact of it, with the ids 1, 2 and 3.
async fn filled() -> Client {
    let client = Client::new().await;
    let model = client.model("m").await;
    let version = client.version(&model, "1").await;
    client.artifact(&version, "a").await;
    client
}

const BODIES: [(&str, &str); 9] = [
    ("POST", "/registered_models"),
    ("PATCH", "/registered_models/1"),
    ("POST", "/registered_models/1/versions"),
    ("POST", "/model_versions"),
    ("PATCH", "/model_versions/2"),
    ("POST", "/model_versions/2/artifacts"),
    ("POST", "/model_artifacts"),
    ("PATCH", "/model_artifacts/3"),
    ("PATCH", "/model_artifacts/3?ignored=1"),
];

#[actix_web::test]
async fn what_is_no_json_object_is_refused_by_every_operation() {
    let client = filled().await;
    for body in
        ["", "{", "nonsense", "[]", "\"text\"", "1", "null", "{\"name\":\"a\"} trailing", "{\"name\":\"\u{1}\"}"]
    {
        for (method, path) in BODIES {
            let mut transcript = client.transcript();
            let answer = transcript.raw(method, path, body).await;
            assert_eq!((answer.status, answer.content_type()), (400, super::CONTENT_TYPE), "{transcript}");
            assert_eq!(answer.member("code"), "Bad Request");
        }
    }
    let mut transcript = client.transcript();
    for body in ["", "{", "[]", "null", "{\"name\":\"a\"} trailing"] {
        transcript.raw("POST", "/registered_models", body).await;
    }
    let body = [b"{\"name\":\"\xff\"}".as_slice(), &[0xff, 0xfe], &[0]];
    for body in body {
        transcript.put("/registered_models", &[], body).await.expect(405);
        let request = crate::api::transcript::TranscriptRequest {
            method: "POST",
            path: "/registered_models",
            headers: &[],
            body,
        };
        transcript.send(request).await.expect(400);
    }
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn unknown_members_are_refused() {
    let client = filled().await;
    let mut transcript = client.transcript();
    transcript.post("/registered_models", json!({"name": "a", "ext_id": "1"})).await;
    transcript.post("/registered_models", json!({"name": "a", "id": "1"})).await;
    transcript.post("/registered_models", json!({"name": "a", "author": "me"})).await;
    transcript.post("/registered_models", json!({"name": "a", "artifactType": "model-artifact"})).await;
    transcript.post("/registered_models", json!({"name": "a", "\"quoted\"\n": 1})).await;
    transcript.post("/model_versions", json!({"name": "a", "registeredModelId": "1", "owner": "me"})).await;
    transcript.post("/registered_models/1/versions", json!({"name": "a", "registeredModelId": "1", "x": 1})).await;
    transcript.post("/model_artifacts", json!({"name": "a", "ext_id": "1"})).await;
    transcript.patch("/registered_models/1", json!({"ext_id": "1"})).await;
    transcript.patch("/registered_models/1", json!({"name": "b"})).await;
    transcript.patch("/model_versions/2", json!({"registeredModelId": "1"})).await;
    transcript.patch("/model_artifacts/3", json!({"name": "b"})).await;
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn missing_members_are_named() {
    let client = filled().await;
    let mut transcript = client.transcript();
    transcript.post("/registered_models", json!({})).await;
    transcript.post("/registered_models", json!({"name": ""})).await;
    transcript.post("/registered_models", json!({"name": null})).await;
    transcript.post("/model_versions", json!({})).await;
    transcript.post("/model_versions", json!({"registeredModelId": "1"})).await;
    transcript.post("/model_versions", json!({"name": "a"})).await;
    transcript.post("/model_versions", json!({"name": "a", "registeredModelId": ""})).await;
    transcript.post("/model_versions", json!({"name": "a", "registeredModelId": null})).await;
    transcript.post("/registered_models/1/versions", json!({"registeredModelId": "1"})).await;
    transcript.post("/registered_models/1/versions", json!({"name": "a"})).await;
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn members_of_another_type_are_refused() {
    let client = filled().await;
    let mut transcript = client.transcript();
    for body in [
        json!({"name": 1}),
        json!({"name": ["a"]}),
        json!({"name": "a", "description": {}}),
        json!({"name": "a", "externalId": 1}),
        json!({"name": "a", "owner": true}),
        json!({"name": "a", "state": 1}),
        json!({"name": "a", "state": "live"}),
        json!({"name": "a", "state": ""}),
        json!({"name": "a", "state": "UNKNOWN"}),
        json!({"name": "a", "language": "en"}),
        json!({"name": "a", "tasks": [1]}),
        json!({"name": "a", "customProperties": []}),
        json!({"name": "a", "customProperties": {"p": "text"}}),
    ] {
        transcript.post("/registered_models", body).await.expect(400);
    }
    for body in [json!({"owner": 1}), json!({"state": "GONE"}), json!({"language": {}}), json!({"customProperties": 1})]
    {
        transcript.patch("/registered_models/1", body).await.expect(400);
    }
    for body in [
        json!({"name": "a", "registeredModelId": 1}),
        json!({"name": "a", "registeredModelId": "abc"}),
        json!({"name": "a", "registeredModelId": "0"}),
        json!({"name": "a", "registeredModelId": "9223372036854775808"}),
        json!({"name": "a", "registeredModelId": "1", "state": "DELETED"}),
    ] {
        transcript.post("/model_versions", body).await.expect(400);
    }
    for body in [
        json!({"uri": 1}),
        json!({"state": "ARCHIVED"}),
        json!({"artifactType": "doc-artifact"}),
        json!({"artifactType": 1}),
        json!({"modelFormatName": false}),
    ] {
        transcript.post("/model_artifacts", body.clone()).await.expect(400);
        client.patch("/model_artifacts/3", body).await.expect(400);
    }
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn nul_is_refused_wherever_it_stands() {
    let client = filled().await;
    let mut transcript = client.transcript();
    for body in [
        json!({"name": "a\0b"}),
        json!({"name": "a", "description": "\0"}),
        json!({"name": "a", "externalId": "\0"}),
        json!({"name": "a", "owner": "\0"}),
        json!({"name": "a", "customProperties": {"p\0": {"metadataType": "MetadataBoolValue", "bool_value": true}}}),
        json!({"name": "a", "customProperties": {"p": {"metadataType": "MetadataStringValue", "string_value": "\0"}}}),
    ] {
        transcript.post("/registered_models", body).await.expect(400);
    }
    transcript.post("/registered_models", json!({"name": "a", "language": ["e\0n"]})).await.expect(400);
    transcript.patch("/registered_models/1", json!({"owner": "\0"})).await.expect(400);
    transcript.post("/model_artifacts", json!({"uri": "s3://\0"})).await.expect(400);
    transcript.patch("/model_artifacts/3", json!({"uri": "\0"})).await.expect(400);
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn a_body_over_the_limit_is_refused() {
    let app = TestApp::with_limits(1024, 10).await;
    let mut transcript = Transcript::new(&app, API);
    let body = json!({"name": "a", "description": "x".repeat(1100)});
    transcript.post("/registered_models", body.clone()).await.expect(413);
    transcript.post("/registered_models", json!({"name": "a", "description": "x".repeat(900)})).await.expect(201);
    transcript.patch("/registered_models/1", json!({"description": body["description"]})).await.expect(413);
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn nesting_has_an_end() {
    let client = Client::new().await;
    let deep = format!("{{\"name\":{}1{}}}", "[".repeat(100_000), "]".repeat(100_000));
    client.transcript().raw("POST", "/registered_models", &deep).await.expect(400);
}

//! The singular paths: what they need, and what they find.

use super::Client;
use serde_json::json;

#[actix_web::test]
async fn what_is_needed_to_find_something() {
    let client = Client::new().await;
    let mut transcript = client.transcript();
    for path in [
        "/registered_model",
        "/registered_model?name=",
        "/registered_model?name=&externalId=",
        "/model_version",
        "/model_version?name=1",
        "/model_version?parentResourceId=1",
        "/model_version?name=1&parentResourceId=abc",
        "/model_version?name=1&parentResourceId=0",
        "/model_artifact",
        "/model_artifact?name=1",
        "/model_artifact?parentResourceId=1",
        "/model_artifact?name=1&parentResourceId=9223372036854775808",
        "/registered_model?name=a%00b",
        "/registered_model?externalId=%00",
        "/model_version?name=%00&parentResourceId=1",
        "/registered_model?name=a&unknown=%00",
    ] {
        transcript.get(path).await.expect(400);
    }
    transcript.get(&format!("/registered_model?name={}", "x".repeat(513))).await.expect(400);
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn what_is_not_there_is_not_found() {
    let client = Client::new().await;
    let model = client.model("m").await;
    let version = client.version(&model, "1").await;
    client.artifact(&version, "a").await;
    let mut transcript = client.transcript();
    for path in [
        "/registered_model?name=other",
        "/registered_model?name=M",
        "/registered_model?externalId=other",
        "/registered_model?name=other&externalId=other",
        "/model_version?name=other&parentResourceId=1",
        "/model_version?name=1&parentResourceId=99",
        "/model_version?externalId=other",
        "/model_artifact?name=other&parentResourceId=2",
        "/model_artifact?name=a&parentResourceId=1",
        "/model_artifact?externalId=other",
        "/registered_model?name=%FF",
    ] {
        transcript.get(path).await.expect(404);
    }
    let text = transcript.to_string();
    assert!(text.lines().filter(|line| line.contains("\"message\"")).all(|line| line.ends_with("not found\"}")));
    insta::assert_snapshot!(text);
}

#[actix_web::test]
async fn percent_and_underscore_mean_themselves() {
    let client = Client::new().await;
    let model = client.model("abc").await;
    let version = client.version(&model, "abc").await;
    client.artifact(&version, "abc").await;
    for pattern in ["a%25", "%25", "a_c", "___", "A%25"] {
        client.get(&format!("/registered_model?name={pattern}")).await.expect(404);
        client.get(&format!("/model_version?name={pattern}&parentResourceId={model}")).await.expect(404);
        client.get(&format!("/model_artifact?name={pattern}&parentResourceId={version}")).await.expect(404);
        assert!(client.names(&format!("/registered_models/{model}/versions?name={pattern}")).await.is_empty());
        assert!(client.names(&format!("/model_versions/{version}/artifacts?name={pattern}")).await.is_empty());
    }
    client.model("50% _off_").await;
    client.get("/registered_model?name=50%25%20_off_").await.expect(200);
    client.get("/registered_model?name=50%25+_off_").await.expect(200);
}

#[actix_web::test]
async fn an_external_id_is_found_for_its_own_type_only() {
    let client = Client::new().await;
    client.post("/registered_models", json!({"name": "m", "externalId": "e"})).await.expect(201);
    client.get("/registered_model?externalId=e").await.expect(200);
    client.get("/model_version?externalId=e").await.expect(404);
    client.get("/model_artifact?externalId=e").await.expect(404);
}

#[actix_web::test]
async fn unknown_parameters_are_ignored() {
    let client = Client::new().await;
    client.model("m").await;
    for path in [
        "/registered_model?name=m&parentResourceId=abc",
        "/registered_model?name=m&q=1&filterQuery=x",
        "/registered_models?artifactType=nonsense&q",
        "/registered_models/1?pageSize=nonsense",
    ] {
        client.get(path).await.expect(200);
    }
}

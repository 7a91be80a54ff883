//! Operations 29 and 30: the versions that an inference service has deployed.

use serde_json::{Value, json};

use super::{Client, paging};

const SERVES: &str = "/inference_services/4/serves";

/// A client of a registry with the environment `1`, the model `2` with its version `3`, and the service `4`.
async fn with_service() -> Client {
    let client = Client::new().await;
    client.environment("prod").await;
    client.model("m").await;
    client.version("2", "v1").await;
    client.service("1", "2", "svc").await;
    client
}

fn text(value: &str) -> Value {
    json!({"metadataType": "MetadataStringValue", "string_value": value})
}

#[actix_web::test]
async fn serves_are_created_and_listed() {
    let client = with_service().await;
    let mut transcript = client.transcript();
    let body = json!({"name": "first", "modelVersionId": "3", "lastKnownState": "RUNNING", "description": "d",
                      "externalId": "x", "customProperties": {"k": text("v")}});
    transcript.post(SERVES, body).await.expect(201);
    transcript.post(SERVES, json!({"modelVersionId": "3"})).await.expect(201);
    transcript.get(SERVES).await;
    for state in ["UNKNOWN", "NEW", "RUNNING", "COMPLETE", "FAILED", "CACHED", "CANCELED"] {
        let created = client.post(SERVES, json!({"modelVersionId": "3", "lastKnownState": state})).await.expect(201);
        assert_eq!(created.member("lastKnownState"), state);
    }
    assert_eq!(client.names(&format!("{SERVES}?name=first")).await, ["first"]);
    assert_eq!(client.names(&format!("{SERVES}?externalId=x")).await, ["first"]);
    assert_eq!(paging::walk(&client, &format!("{SERVES}?sortOrder=DESC"), 4).await.len(), 9);
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn what_cannot_be_served() {
    let client = with_service().await;
    client.post(SERVES, json!({"name": "first", "modelVersionId": "3", "externalId": "x"})).await.expect(201);
    let mut transcript = client.transcript();
    for body in [
        json!({}),
        json!({"modelVersionId": ""}),
        json!({"modelVersionId": "99"}),
        json!({"modelVersionId": "2"}),
        json!({"modelVersionId": "abc"}),
        json!({"modelVersionId": "3", "lastKnownState": "LIVE"}),
        json!({"modelVersionId": "3", "name": "first"}),
        json!({"modelVersionId": "3", "externalId": "x"}),
        json!({"modelVersionId": "3", "id": "5"}),
    ] {
        transcript.post(SERVES, body).await;
    }
    for id in ["99", "1", "abc"] {
        let path = format!("/inference_services/{id}/serves");
        transcript.post(&path, json!({"modelVersionId": "3"})).await;
        transcript.get(&path).await;
    }
    insta::assert_snapshot!(transcript);
    assert_eq!(client.names(SERVES).await, ["first"], "what is refused leaves nothing behind");
    // Serves have a space of external ids of their own.
    client.patch("/registered_models/2", json!({"externalId": "x"})).await.expect(200);
}

#[actix_web::test]
async fn names_may_repeat_in_another_service() {
    let client = with_service().await;
    let other = client.service("1", "2", "other").await;
    for service in ["4", &other] {
        let body = json!({"name": "first", "modelVersionId": "3"});
        client.post(&format!("/inference_services/{service}/serves"), body).await.expect(201);
    }
}

#[actix_web::test]
async fn private_and_gated_versions_are_not_served() {
    let client = with_service().await;
    let mut transcript = client.transcript();
    for (properties, status) in [
        (json!({"hf_private": text("true")}), 400),
        (json!({"hf_gated": text("auto")}), 400),
        (json!({"hf_gated": text("manual"), "hf_private": text("false")}), 400),
        (json!({"hf_gated": text("true")}), 400),
        (json!({"hf_gated": text("false"), "hf_private": text("false")}), 201),
        (json!({"hf_gated": text("")}), 201),
    ] {
        client.patch("/model_versions/3", json!({"customProperties": properties})).await.expect(200);
        transcript.post(SERVES, json!({"modelVersionId": "3"})).await.expect(status);
    }
    insta::assert_snapshot!(transcript);
}

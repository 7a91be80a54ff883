//! PATCH: what is absent stays, what is null goes, what is empty is empty.

use serde_json::{Value, json};

use super::Client;

fn text(value: &str) -> Value {
    json!({"metadataType": "MetadataStringValue", "string_value": value})
}

async fn filled() -> Client {
    let client = Client::new().await;
    let body = json!({
        "name": "m", "description": "d", "externalId": "e", "owner": "o", "readme": "r", "language": ["en"],
        "state": "ARCHIVED", "customProperties": {"a": text("1"), "b": text("2")},
    });
    client.post("/registered_models", body).await.expect(201);
    client
}

#[actix_web::test]
async fn an_empty_patch_changes_the_time_only() {
    let client = filled().await;
    let mut before = client.get("/registered_models/1").await.json();
    let after = client.patch("/registered_models/1", json!({})).await.expect(200);
    assert_eq!(after.header("etag"), Some("\"2\""));
    assert_ne!(after.json()["lastUpdateTimeSinceEpoch"], before["lastUpdateTimeSinceEpoch"]);
    before["lastUpdateTimeSinceEpoch"] = after.json()["lastUpdateTimeSinceEpoch"].clone();
    assert_eq!(after.json(), before);
}

#[actix_web::test]
async fn a_text_may_be_emptied() {
    let client = filled().await;
    let after = client.patch("/registered_models/1", json!({"description": "", "owner": ""})).await.expect(200).json();
    assert_eq!((&after["description"], &after["owner"], &after["readme"]), (&json!(""), &json!(""), &json!("r")));
    assert_eq!(client.get("/registered_models/1").await.json(), after);
}

#[actix_web::test]
async fn null_clears() {
    let client = filled().await;
    let body = json!({"description": null, "owner": null, "externalId": null, "language": null});
    let after = client.patch("/registered_models/1", body).await.expect(200).json();
    for member in ["description", "owner", "externalId", "language"] {
        assert_eq!(after.get(member), None, "{member}");
    }
    assert_eq!((&after["readme"], &after["state"]), (&json!("r"), &json!("ARCHIVED")));
    assert_eq!(client.get("/registered_models/1").await.json(), after);
    client.get("/registered_model?externalId=e").await.expect(404);
    // A state is never without a value.
    let after = client.patch("/registered_models/1", json!({"state": null})).await.expect(200).json();
    assert_eq!(after["state"], "LIVE");
}

#[actix_web::test]
async fn custom_properties_are_replaced_as_a_whole() {
    let client = filled().await;
    for (sent, expected) in [
        (json!({"owner": "x"}), json!({"a": text("1"), "b": text("2")})),
        (json!({"customProperties": {"b": text("3"), "c": text("")}}), json!({"b": text("3"), "c": text("")})),
        (json!({"customProperties": {}}), json!({})),
        (json!({"customProperties": {"d": text("4")}}), json!({"d": text("4")})),
        (json!({"customProperties": null}), json!({})),
    ] {
        let after = client.patch("/registered_models/1", sent.clone()).await.expect(200).json();
        assert_eq!(after["customProperties"], expected, "{sent}");
        assert_eq!(client.get("/registered_models/1").await.json(), after);
    }
}

#[actix_web::test]
async fn a_patch_without_a_state_leaves_the_state() {
    let client = filled().await;
    client
        .post("/model_versions", json!({"name": "1", "registeredModelId": "1", "state": "ARCHIVED"}))
        .await
        .expect(201);
    client.post("/model_artifacts", json!({"name": "a", "state": "REFERENCE"})).await.expect(201);
    for (path, state) in
        [("/registered_models/1", "ARCHIVED"), ("/model_versions/2", "ARCHIVED"), ("/model_artifacts/3", "REFERENCE")]
    {
        let after = client.patch(path, json!({"description": "new"})).await.expect(200);
        assert_eq!(after.member("state"), state, "{path}");
    }
}

#[actix_web::test]
async fn a_refused_patch_changes_nothing() {
    let client = filled().await;
    let before = client.get("/registered_models/1").await;
    for body in [
        json!({"owner": "x", "name": "other"}),
        json!({"owner": "x", "id": "2"}),
        json!({"owner": "x", "createTimeSinceEpoch": "1"}),
        json!({"owner": "x", "state": "GONE"}),
        json!({"owner": "x", "customProperties": {"a": {}}}),
        json!({"owner": "x", "externalId": "x".repeat(513)}),
    ] {
        client.patch("/registered_models/1", body).await.expect(400);
    }
    let after = client.get("/registered_models/1").await;
    assert_eq!((after.json(), after.header("etag")), (before.json(), before.header("etag")));
}

#[actix_web::test]
async fn a_change_moves_an_entity_to_the_end_of_the_order_by_update_time() {
    let client = Client::new().await;
    for name in ["a", "b", "c"] {
        client.model(name).await;
    }
    client.patch("/registered_models/1", json!({"owner": "me"})).await.expect(200);
    assert_eq!(client.names("/registered_models?orderBy=LAST_UPDATE_TIME").await, ["b", "c", "a"]);
    assert_eq!(client.names("/registered_models?orderBy=LAST_UPDATE_TIME&sortOrder=DESC").await, ["a", "c", "b"]);
    assert_eq!(client.names("/registered_models?orderBy=CREATE_TIME").await, ["a", "b", "c"]);
}

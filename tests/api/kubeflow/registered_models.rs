//! Operations 43 to 47: registered models.

use insta::assert_json_snapshot;
use serde_json::json;

use super::Client;

fn full() -> serde_json::Value {
    json!({
        "name": "recommender",
        "description": "Recommends.",
        "externalId": "crm-7",
        "owner": "me",
        "state": "ARCHIVED",
        "readme": "# Recommender\n",
        "maturity": "GA",
        "language": ["en", "de"],
        "tasks": ["text-classification"],
        "provider": "Example",
        "logo": "https://example.com/logo.svg",
        "license": "apache-2.0",
        "licenseLink": "https://www.apache.org/licenses/LICENSE-2.0",
        "libraryName": "transformers",
        "customProperties": {"team": {"metadataType": "MetadataStringValue", "string_value": "search"}},
    })
}

#[actix_web::test]
async fn a_model_with_every_member_is_created_read_and_found() {
    let client = Client::new().await;
    let created = client.post("/registered_models", full()).await.expect(201);
    assert_json_snapshot!(created);
    for path in [
        "/registered_models/1",
        "/registered_model?name=recommender",
        "/registered_model?externalId=crm-7",
        "/registered_model?name=recommender&externalId=another",
    ] {
        let read = client.get(path).await.expect(200);
        assert_eq!((read.json(), read.header("etag")), (created.json(), Some("\"1\"")), "{path}");
    }
    let list = client.get("/registered_models").await.expect(200).json();
    assert_eq!(list["items"], json!([created.json()]));
}

#[actix_web::test]
async fn a_model_with_a_name_only_is_live() {
    let client = Client::new().await;
    assert_json_snapshot!(client.post("/registered_models", json!({"name": "m"})).await.expect(201));
    assert_json_snapshot!(client.get("/registered_models").await);
}

#[actix_web::test]
async fn null_is_as_if_it_were_not_there() {
    let client = Client::new().await;
    let body = json!({
        "name": "m", "description": null, "externalId": null, "owner": null, "state": null, "language": null,
        "customProperties": null,
    });
    let created = client.post("/registered_models", body).await.expect(201).json();
    let plain = client.post("/registered_models", json!({"name": "n"})).await.expect(201).json();
    let members = |entity: &serde_json::Value| entity.as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(members(&created), members(&plain));
    assert_eq!(created["state"], "LIVE");
}

#[actix_web::test]
async fn empty_texts_are_kept_as_they_are() {
    let client = Client::new().await;
    let body = json!({"name": "m", "description": "", "owner": "", "readme": "", "language": [], "externalId": ""});
    let created = client.post("/registered_models", body).await.expect(201).json();
    assert_eq!(
        (&created["description"], &created["owner"], &created["language"]),
        (&json!(""), &json!(""), &json!([]))
    );
    // An external id is an address: an empty one is none, and two of them do not collide.
    assert_eq!(created.get("externalId"), None);
    client.post("/registered_models", json!({"name": "n", "externalId": ""})).await.expect(201);
}

#[actix_web::test]
async fn a_model_is_changed() {
    let client = Client::new().await;
    client.post("/registered_models", full()).await.expect(201);
    let body = json!({"description": "Recommends better.", "language": ["fr"], "state": "LIVE", "externalId": "crm-8"});
    let changed = client.patch("/registered_models/1", body).await.expect(200);
    assert_json_snapshot!(changed);
    assert_eq!(client.get("/registered_models/1").await.json(), changed.json());
    client.get("/registered_model?externalId=crm-7").await.expect(404);
    client.get("/registered_model?externalId=crm-8").await.expect(200);
}

#[actix_web::test]
async fn names_and_external_ids_are_taken_once() {
    let client = Client::new().await;
    client.post("/registered_models", full()).await.expect(201);
    client.model("other").await;
    let mut transcript = client.transcript();
    transcript.post("/registered_models", json!({"name": "recommender"})).await;
    transcript.post("/registered_models", json!({"name": "new", "externalId": "crm-7"})).await;
    transcript.patch("/registered_models/2", json!({"externalId": "crm-7"})).await;
    insta::assert_snapshot!(transcript);
    // Versions share the space of external ids, but not that of names.
    let body = json!({"name": "recommender", "registeredModelId": "1", "externalId": "crm-7"});
    client.post("/model_versions", body).await.expect(409);
    client.version("1", "recommender").await;
    assert_eq!(client.names("/registered_models").await, ["recommender", "other"]);
}

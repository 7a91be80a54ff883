//! Operations 6 to 10: experiments.

use actix_web::http::Method;
use insta::assert_json_snapshot;
use serde_json::json;

use super::super::app::request;
use super::{API, Client};

#[actix_web::test]
async fn an_experiment_with_every_member() {
    let client = Client::new().await;
    let body = json!({
        "name": "tuning", "description": "of the tokenizer", "externalId": "e-1", "owner": "me", "state": "ARCHIVED",
        "customProperties": {"team": {"metadataType": "MetadataStringValue", "string_value": "nlp"}},
    });
    let created = client.post("/experiments", body).await.expect(201);
    assert_json_snapshot!(created);
    for path in ["/experiments/1", "/experiment?name=tuning", "/experiment?externalId=e-1"] {
        assert_eq!(client.get(path).await.expect(200).json(), created.json(), "{path}");
    }
    assert_eq!(client.get("/experiments").await.json()["items"], json!([created.json()]));
}

#[actix_web::test]
async fn an_experiment_is_live_unless_it_is_said_otherwise() {
    let client = Client::new().await;
    let created = client.post("/experiments", json!({"name": "tuning"})).await.expect(201);
    assert_json_snapshot!(created);
}

#[actix_web::test]
async fn a_patch_changes_what_it_names_and_nothing_else() {
    let client = Client::new().await;
    let body = json!({"name": "tuning", "owner": "me", "state": "ARCHIVED", "externalId": "e-1"});
    client.post("/experiments", body).await.expect(201);
    let mut transcript = client.transcript();
    for body in [
        json!({"description": "new"}),
        json!({"description": ""}),
        json!({"description": null, "owner": null}),
        json!({"customProperties": {"n": {"metadataType": "MetadataIntValue", "int_value": "1"}}}),
        json!({}),
        json!({"customProperties": {}, "state": "LIVE", "externalId": "e-2"}),
        json!({"name": "other"}),
        json!({"id": "1"}),
        json!({"state": "GONE"}),
        json!({"owner": 1}),
    ] {
        transcript.patch("/experiments/1", body).await;
    }
    transcript.patch("/experiments/99", json!({"owner": "me"})).await.expect(404);
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn an_experiment_that_has_changed_meanwhile_is_left_alone() {
    let client = Client::new().await;
    client.experiment("tuning").await;
    let patch = |tag: &'static str| {
        let request = request(Method::PATCH, &format!("{API}/experiments/1")).insert_header(("If-Match", tag));
        client.0.send(request.set_json(json!({"owner": "me"})))
    };
    assert_eq!(patch("\"1\"").await.expect(200).header("etag"), Some("\"2\""));
    let refused = patch("\"1\"").await.expect(412);
    assert_eq!(refused.member("code"), "Precondition Failed");
}

#[actix_web::test]
async fn what_cannot_be_created_or_found() {
    let client = Client::new().await;
    client.post("/experiments", json!({"name": "tuning", "externalId": "e-1"})).await.expect(201);
    client.model("tuning").await;
    let mut transcript = client.transcript();
    for body in [
        json!({}),
        json!({"name": ""}),
        json!({"name": "tuning"}),
        json!({"name": "other", "externalId": "e-1"}),
        json!({"name": "other", "status": "RUNNING"}),
        json!({"name": "other", "state": "RUNNING"}),
        json!({"name": 1}),
        json!([]),
    ] {
        transcript.post("/experiments", body).await;
    }
    // A space of external ids that models and experiments share.
    transcript.post("/registered_models", json!({"name": "m", "externalId": "e-1"})).await.expect(409);
    for path in [
        "/experiment",
        "/experiment?name=",
        "/experiment?name=nothing",
        "/experiment?name=tun%25",
        "/experiment?name=Tuning",
        "/experiment?externalId=nothing",
        "/experiments/99",
        "/experiments/2",
        "/experiments/abc",
    ] {
        transcript.get(path).await;
    }
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn experiments_are_listed_in_order_and_in_pages() {
    let client = Client::new().await;
    for name in ["a", "b", "c"] {
        client.experiment(name).await;
    }
    client.patch("/experiments/1", json!({"owner": "me"})).await.expect(200);
    for (query, expected) in [
        ("", ["a", "b", "c"]),
        ("?sortOrder=DESC", ["c", "b", "a"]),
        ("?orderBy=LAST_UPDATE_TIME", ["b", "c", "a"]),
        ("?orderBy=CREATE_TIME&sortOrder=DESC", ["c", "b", "a"]),
    ] {
        assert_eq!(client.names(&format!("/experiments{query}")).await, expected, "{query}");
        let join = if query.is_empty() { "?" } else { "&" };
        let walked = super::paging::walk(&client, &format!("/experiments{query}{join}"), 2).await;
        assert_eq!(walked, expected, "{query}");
    }
}

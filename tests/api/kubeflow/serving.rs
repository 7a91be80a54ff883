//! Operations 22 to 28 and 50 to 56: serving environments, and the inference services in them.

use insta::assert_json_snapshot;
use serde_json::json;

use super::{Client, paging};

/// A client of a registry with the environment `1`, and the model `2` with its versions `3` and `4`.
async fn with_model() -> Client {
    let client = Client::new().await;
    client.environment("prod").await;
    let model = client.model("m").await;
    client.version(&model, "v1").await;
    client.version(&model, "v2").await;
    client
}

#[actix_web::test]
async fn the_way_of_a_serving_environment() {
    let client = Client::new().await;
    let mut transcript = client.transcript();
    let body = json!({"name": "prod", "description": "d", "externalId": "x",
                      "customProperties": {"url": {"metadataType": "MetadataStringValue", "string_value": "u"}}});
    transcript.post("/serving_environments", body).await.expect(201);
    transcript.post("/serving_environments", json!({"name": "test"})).await.expect(201);
    for body in [
        json!({"name": "prod"}),
        json!({"name": "a", "externalId": "x"}),
        json!({}),
        json!({"name": "a", "state": "LIVE"}),
    ] {
        transcript.post("/serving_environments", body).await;
    }
    for path in [
        "/serving_environment?name=prod",
        "/serving_environment?externalId=x",
        "/serving_environment?name=nothing",
        "/serving_environment",
        "/serving_environments/2",
        "/serving_environments/99",
        "/serving_environments?sortOrder=DESC&pageSize=1",
    ] {
        transcript.get(path).await;
    }
    for (id, body) in [
        (1, json!({"description": "new"})),
        (1, json!({"externalId": null, "customProperties": {}})),
        (1, json!({"name": "other"})),
        (99, json!({})),
    ] {
        transcript.patch(&format!("/serving_environments/{id}"), body).await;
    }
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn an_inference_service_with_every_member() {
    let client = with_model().await;
    let body = json!({
        "name": "svc/0:1", "servingEnvironmentId": "1", "registeredModelId": "2", "modelVersionId": "3",
        "runtime": "ovms", "desiredState": "UNDEPLOYED", "description": "d", "externalId": "x",
        "customProperties": {"url": {"metadataType": "MetadataStringValue", "string_value": "https://svc"}},
    });
    let created = client.post("/inference_services", body).await.expect(201);
    assert_json_snapshot!(created);
    for path in [
        "/inference_services/5",
        "/inference_service?name=svc/0:1&parentResourceId=1",
        "/inference_service?externalId=x",
    ] {
        assert_eq!(client.get(path).await.expect(200).json(), created.json(), "{path}");
    }
    for list in ["/inference_services", "/serving_environments/1/inference_services"] {
        assert_eq!(client.get(list).await.json()["items"], json!([created.json()]), "{list}");
    }
}

#[actix_web::test]
async fn an_inference_service_is_deployed_and_named_unless_it_is_said_otherwise() {
    let client = with_model().await;
    let body = json!({"servingEnvironmentId": "1", "registeredModelId": "2"});
    assert_json_snapshot!(client.post("/inference_services", body.clone()).await.expect(201));
    client.post("/serving_environments/1/inference_services", body).await.expect(201);
    assert_eq!(client.names("/inference_services").await.len(), 2);
}

#[actix_web::test]
async fn what_an_inference_service_refers_to_must_exist() {
    let client = with_model().await;
    client.service("1", "2", "svc").await;
    let mut transcript = client.transcript();
    for body in [
        json!({}),
        json!({"servingEnvironmentId": "1"}),
        json!({"registeredModelId": "2"}),
        json!({"servingEnvironmentId": "99", "registeredModelId": "2"}),
        json!({"servingEnvironmentId": "2", "registeredModelId": "2"}),
        json!({"servingEnvironmentId": "1", "registeredModelId": "99"}),
        json!({"servingEnvironmentId": "1", "registeredModelId": "3"}),
        json!({"servingEnvironmentId": "1", "registeredModelId": "2", "modelVersionId": "99"}),
        json!({"servingEnvironmentId": "1", "registeredModelId": "2", "modelVersionId": "abc"}),
        json!({"servingEnvironmentId": "1", "registeredModelId": "2", "desiredState": "RUNNING"}),
        json!({"servingEnvironmentId": "1", "registeredModelId": "2", "name": "svc"}),
        json!({"servingEnvironmentId": "1", "registeredModelId": "2", "id": "5"}),
    ] {
        transcript.post("/inference_services", body).await;
    }
    let nested = json!({"servingEnvironmentId": "7", "registeredModelId": "2", "name": "other"});
    let created = transcript.post("/serving_environments/1/inference_services", nested.clone()).await.expect(201);
    assert_eq!(created.member("servingEnvironmentId"), "1", "the path wins");
    transcript.post("/serving_environments/1/inference_services", nested.clone()).await.expect(409);
    transcript.post("/serving_environments/99/inference_services", nested).await.expect(404);
    for path in [
        "/serving_environments/99/inference_services",
        "/inference_services/99",
        "/inference_services/1",
        "/inference_service?name=svc",
        "/inference_service?name=svc&parentResourceId=2",
    ] {
        transcript.get(path).await;
    }
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn a_patch_moves_no_service_and_deploys_nothing() {
    let client = with_model().await;
    let body = json!({"name": "svc", "servingEnvironmentId": "1", "registeredModelId": "2",
                      "desiredState": "UNDEPLOYED"});
    client.post("/inference_services", body).await.expect(201);
    let mut transcript = client.transcript();
    for body in [
        json!({"runtime": "ovms"}),
        json!({"modelVersionId": "4"}),
        json!({"modelVersionId": "99"}),
        json!({"modelVersionId": null, "runtime": null}),
        json!({"registeredModelId": "2"}),
        json!({"servingEnvironmentId": "1"}),
        json!({"name": "other"}),
        json!({"desiredState": "GONE"}),
    ] {
        transcript.patch("/inference_services/5", body).await;
    }
    transcript.patch("/inference_services/1", json!({})).await.expect(404);
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn the_model_and_the_version_behind_a_service() {
    let client = with_model().await;
    client.service("1", "2", "svc").await;
    let of_service = |what: &'static str| client.get(what);
    assert_eq!(
        of_service("/inference_services/5/model").await.expect(200).json(),
        client.get("/registered_models/2").await.json()
    );
    assert_eq!(of_service("/inference_services/5/version").await.expect(200).member("name"), "v2");
    client.version("2", "v3").await;
    assert_eq!(of_service("/inference_services/5/version").await.expect(200).member("name"), "v3");
    client.patch("/inference_services/5", json!({"modelVersionId": "3"})).await.expect(200);
    assert_eq!(
        of_service("/inference_services/5/version").await.expect(200).json(),
        client.get("/model_versions/3").await.json()
    );
    let empty = client.model("empty").await;
    let service = client.service("1", &empty, "of nothing").await;
    let mut transcript = client.transcript();
    for path in [
        &format!("/inference_services/{service}/version"),
        "/inference_services/99/model",
        "/inference_services/99/version",
        "/inference_services/1/model",
    ] {
        transcript.get(path).await.expect(404);
    }
    transcript.get("/inference_services/abc/version").await.expect(400);
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn a_service_whose_model_is_gone_can_still_be_undeployed() {
    let client = with_model().await;
    let body = json!({"name": "svc", "servingEnvironmentId": "1", "registeredModelId": "2", "modelVersionId": "3"});
    client.post("/inference_services", body).await.expect(201);
    client.0.delete("/api/v1/models/m?recursive=true&force=true").await.expect(204);
    client.get("/registered_models/2").await.expect(404);
    let changed = client.patch("/inference_services/5", json!({"desiredState": "UNDEPLOYED"})).await.expect(200);
    assert_eq!(changed.member("desiredState"), "UNDEPLOYED");
    client.get("/inference_services/5/model").await.expect(404);
    client.get("/inference_services/5/version").await.expect(404);
}

#[actix_web::test]
async fn the_services_of_an_environment_are_narrowed_and_walked() {
    let client = with_model().await;
    let other = client.environment("test").await;
    let names: Vec<_> = (0..5).map(|name| format!("s{name}")).collect();
    for name in &names {
        client.service("1", "2", name).await;
    }
    client.service(&other, "2", "s0").await;
    let list = "/serving_environments/1/inference_services";
    assert_eq!(client.names(&format!("{list}?name=s3")).await, ["s3"]);
    assert_eq!(client.names("/inference_services").await.len(), 6);
    assert_eq!(paging::walk(&client, &format!("{list}?orderBy=CREATE_TIME"), 2).await, names);
}

#[actix_web::test]
async fn a_service_serves_no_version_of_another_model() {
    let client = with_model().await;
    let other = client.model("other").await;
    let foreign = client.version(&other, "v1").await;
    let body = |version: &str| json!({"name": "svc", "servingEnvironmentId": "1", "registeredModelId": "2", "modelVersionId": version});
    let mut transcript = client.transcript();
    transcript.post("/inference_services", body(&foreign)).await.expect(400);
    transcript.post("/serving_environments/1/inference_services", body(&foreign)).await.expect(400);
    assert!(client.names("/inference_services").await.is_empty());
    let service = client.post("/inference_services", body("3")).await.expect(201).member("id");
    let path = format!("/inference_services/{service}");
    transcript.patch(&path, json!({"modelVersionId": foreign})).await.expect(400);
    transcript.post(&format!("{path}/serves"), json!({"modelVersionId": foreign})).await.expect(400);
    assert_eq!(client.get(&path).await.member("modelVersionId"), "3");
    // What is put back as it was is no change, also when it is gone by now.
    client.0.delete("/api/v1/models/m/versions/v1").await;
    client.patch(&path, json!({"modelVersionId": "3", "desiredState": "UNDEPLOYED"})).await.expect(200);
    client.patch(&path, json!({"modelVersionId": "4"})).await.expect(200);
    insta::assert_snapshot!(transcript);
}

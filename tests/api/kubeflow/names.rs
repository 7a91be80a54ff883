//! Names that are unusual, and those that are too much.

use serde_json::json;
use url::form_urlencoded::byte_serialize;

use super::Client;
use crate::support::Backend;

async fn unusual_names_are_kept(client: Client) {
    let long = "n".repeat(250);
    let names = [
        "model:latest",
        "a:b:c",
        ":",
        "123e4567-e89b-12d3-a456-426614174000:name",
        "模型",
        "naïve café",
        "e\u{301}",
        "🦀",
        "a/b",
        " leading and trailing ",
        "line\nbreak",
        "\"quoted\" 'twice' \\ `",
        "<script>",
        "{}",
        "a%20b",
        &long,
        &"ü".repeat(512),
    ];
    for (at, name) in names.iter().enumerate() {
        let model = client.model(name).await;
        let version = client.version(&model, name).await;
        let artifact = client.artifact(&version, name).await;
        let alone = client.post("/model_artifacts", json!({"name": name})).await.expect(201);
        assert_eq!(alone.member("name"), *name);
        let encoded: String = byte_serialize(name.as_bytes()).collect();
        for (path, id) in [
            (format!("/registered_model?name={encoded}"), &model),
            (format!("/model_version?name={encoded}&parentResourceId={model}"), &version),
            (format!("/model_artifact?name={encoded}&parentResourceId={version}"), &artifact),
        ] {
            let found = client.get(&path).await.expect(200);
            assert_eq!((&found.member("id"), found.member("name").as_str()), (id, *name), "{at}: {path}");
        }
        assert_eq!(client.names(&format!("/registered_models/{model}/versions")).await, [*name]);
    }
}

#[actix_web::test]
async fn unusual_names_are_kept_on_sqlite() {
    unusual_names_are_kept(Client::on(Backend::Sqlite).await).await;
}

#[actix_web::test]
async fn unusual_names_are_kept_on_postgres() {
    unusual_names_are_kept(Client::on(Backend::Postgres).await).await;
}

#[actix_web::test]
async fn names_that_are_too_long() {
    let client = Client::new().await;
    client.model("m").await;
    let long = "x".repeat(513);
    let mut transcript = client.transcript();
    transcript.post("/registered_models", json!({"name": long})).await.expect(400);
    transcript.post("/registered_models", json!({"name": "a", "externalId": long})).await.expect(400);
    transcript.post("/model_versions", json!({"name": long, "registeredModelId": "1"})).await.expect(400);
    transcript.post("/model_artifacts", json!({"name": long})).await.expect(400);
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn case_and_accents_tell_names_apart() {
    let client = Client::new().await;
    for name in ["model", "Model", "MODEL", "modél", "mode\u{301}l", "model "] {
        client.model(name).await;
    }
}

/// With both taken, both databases name the name.
async fn the_name_is_told_before_the_external_id(backend: Backend) {
    let client = Client::on(backend).await;
    let body = json!({"name": "m", "externalId": "x"});
    client.post("/registered_models", body.clone()).await.expect(201);
    let taken =
        |body: serde_json::Value| async { client.post("/registered_models", body).await.expect(409).member("message") };
    assert_eq!(taken(body).await, "registered model `m` already exists");
    assert_eq!(taken(json!({"name": "m", "externalId": "y"})).await, "registered model `m` already exists");
    assert_eq!(taken(json!({"name": "n", "externalId": "x"})).await, "external id `x` is taken");
    // Another kind of context has other names, and the same external ids.
    let experiment = client.post("/experiments", json!({"name": "m", "externalId": "x"})).await.expect(409);
    assert_eq!(experiment.member("message"), "external id `x` is taken");
    client.post("/experiments", json!({"name": "m"})).await.expect(201);
}

#[actix_web::test]
async fn the_name_is_told_before_the_external_id_on_sqlite() {
    the_name_is_told_before_the_external_id(Backend::Sqlite).await;
}

#[actix_web::test]
async fn the_name_is_told_before_the_external_id_on_postgres() {
    the_name_is_told_before_the_external_id(Backend::Postgres).await;
}

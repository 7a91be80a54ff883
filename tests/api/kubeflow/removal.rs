//! Removal through the Kubeflow API: an extension of the contract.

use actix_web::http::Method;
use insta::assert_snapshot;
use serde_json::json;

use super::{API, Client};
use crate::api::app::{Answer, request};
use crate::support::Backend;

async fn delete(client: &Client, path: &str) -> Answer {
    client.0.delete(&format!("{API}{path}")).await
}

/// Everything that owns something is there with something that it owns; the paths, owners first.
async fn filled(client: &Client) -> Vec<String> {
    let model = client.model("model").await;
    let version = client.version(&model, "1").await;
    let artifact = client.artifact(&version, "weights").await;
    let experiment = client.post("/experiments", json!({"name": "e"})).await.expect(201).member("id");
    let run = json!({"name": "r", "experimentId": experiment});
    let run = client.post("/experiment_runs", run).await.expect(201).member("id");
    let metric = json!({"artifactType": "metric", "name": "loss", "value": 0.5});
    let metric = client.post(&format!("/experiment_runs/{run}/artifacts"), metric).await.member("id");
    let environment = client.post("/serving_environments", json!({"name": "s"})).await.expect(201).member("id");
    let service = json!({"name": "i", "registeredModelId": model, "servingEnvironmentId": environment});
    let service = client.post("/inference_services", service).await.expect(201).member("id");
    let serve = json!({"name": "d", "modelVersionId": version});
    let serve = client.post(&format!("/inference_services/{service}/serves"), serve).await.expect(201).member("id");
    vec![
        format!("/registered_models/{model}"),
        format!("/model_versions/{version}"),
        format!("/model_artifacts/{artifact}"),
        format!("/experiments/{experiment}"),
        format!("/experiment_runs/{run}"),
        format!("/artifacts/{metric}"),
        format!("/serving_environments/{environment}"),
        format!("/inference_services/{service}"),
        format!("/serve_models/{serve}"),
    ]
}

async fn what_owns_something_goes_only_with_it(backend: Backend) -> String {
    let client = Client::on(backend).await;
    let paths = filled(&client).await;
    let mut transcript = client.transcript();
    let owners = paths.chunks(3).flat_map(|chunk| &chunk[..2]);
    for path in owners {
        transcript.delete(path).await.expect(409);
        transcript.delete(&format!("{path}?recursive=false")).await.expect(409);
    }
    // From the leaves up nothing owns anything.
    for path in paths.iter().rev() {
        transcript.delete(path).await.expect(204);
        transcript.delete(path).await.expect(404);
    }
    transcript.to_string()
}

#[actix_web::test]
async fn what_owns_something_goes_only_with_it_on_sqlite() {
    assert_snapshot!("owners", what_owns_something_goes_only_with_it(Backend::Sqlite).await);
}

#[actix_web::test]
async fn what_owns_something_goes_only_with_it_on_postgres() {
    assert_snapshot!("owners", what_owns_something_goes_only_with_it(Backend::Postgres).await);
}

async fn owned_nodes_are_removed_with_their_owner(backend: Backend) {
    let client = Client::on(backend).await;
    let paths = filled(&client).await;
    for owner in paths.chunks(3).rev() {
        delete(&client, &format!("{}?recursive=true", owner[0])).await.expect(204);
        for path in owner.iter().filter(|path| !path.starts_with("/serve_models")) {
            client.get(path).await.expect(404);
        }
    }
    for list in ["/model_versions", "/artifacts", "/experiment_runs", "/inference_services"] {
        assert_eq!(client.names(list).await, [""; 0]);
    }
}

#[actix_web::test]
async fn what_is_owned_goes_along_on_sqlite() {
    owned_nodes_are_removed_with_their_owner(Backend::Sqlite).await;
}

#[actix_web::test]
async fn what_is_owned_goes_along_on_postgres() {
    owned_nodes_are_removed_with_their_owner(Backend::Postgres).await;
}

#[actix_web::test]
async fn files_and_preconditions_and_errors() {
    let client = Client::new().await;
    client.0.put("/api/v1/models/demo/versions/1/files/a.bin", "abc").await.expect(201);
    let mut transcript = client.transcript();
    for path in ["/model_artifacts/3", "/artifacts/3"] {
        transcript.delete(path).await.expect(409);
    }
    for path in [
        "/model_versions/3",
        "/registered_models/2",
        "/artifacts/1",
        "/serve_models/99",
        "/artifacts/99?recursive=true",
    ] {
        transcript.delete(path).await.expect(404);
    }
    for path in ["/registered_models/abc", "/registered_models/1?recursive=maybe", "/artifacts/0"] {
        transcript.delete(path).await.expect(400);
    }
    for (tag, status) in [("\"7\"", 412), ("*", 204)] {
        let path = format!("{API}/model_artifacts/3?recursive=true");
        let answer = client.0.send(request(Method::DELETE, &path).insert_header(("If-Match", tag))).await;
        assert_eq!(answer.status, status, "{tag}");
    }
    transcript.delete("/model_versions/2").await.expect(204);
    let current = client.get("/registered_models/1").await.header("etag").unwrap().to_owned();
    let path = format!("{API}/registered_models/1");
    client.0.send(request(Method::DELETE, &path).insert_header(("If-Match", current))).await.expect(204);
    assert_snapshot!(transcript);
}

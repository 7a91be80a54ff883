//! `filterQuery` on every list: the well-known names of each entity, with the same answers from both databases.

use serde_json::json;

use super::Client;
use crate::support::Backend;

/// A client of a registry with something of every kind; ids are given in the order of creation.
async fn filled(backend: Backend) -> Client {
    let client = Client::on(backend).await;
    for (path, body, status) in [
        ("/registered_models", json!({"name": "m"}), 201),
        ("/registered_models", json!({"name": "n"}), 201),
        ("/model_versions", json!({"name": "1", "registeredModelId": "1", "author": "me"}), 201),
        ("/model_versions", json!({"name": "1:2", "registeredModelId": "2", "state": "ARCHIVED"}), 201),
        ("/experiments", json!({"name": "e", "owner": "me"}), 201),
        ("/experiment_runs", json!({"name": "r", "experimentId": "5", "startTimeSinceEpoch": "9"}), 201),
        (
            "/experiment_runs",
            json!({"name": "s", "experimentId": "5", "status": "FAILED", "startTimeSinceEpoch": "10", "owner": "you"}),
            201,
        ),
        ("/serving_environments", json!({"name": "prod"}), 201),
        ("/inference_services", json!({"name": "svc", "servingEnvironmentId": "8", "registeredModelId": "1"}), 201),
        (
            "/inference_services",
            json!({"name": "old", "servingEnvironmentId": "8", "registeredModelId": "2", "modelVersionId": "4",
                   "runtime": "ovms", "desiredState": "UNDEPLOYED"}),
            201,
        ),
        ("/inference_services/9/serves", json!({"name": "x", "modelVersionId": "3", "lastKnownState": "FAILED"}), 201),
        ("/inference_services/9/serves", json!({"name": "y", "modelVersionId": "3"}), 201),
        (
            "/model_versions/3/artifacts",
            json!({"artifactType": "model-artifact", "name": "weights", "uri": "s3://b/w", "state": "LIVE",
                   "modelFormatName": "onnx"}),
            201,
        ),
        ("/model_versions/3/artifacts", json!({"artifactType": "doc-artifact", "name": "card"}), 201),
        (
            "/experiment_runs/6/artifacts",
            json!({"artifactType": "metric", "name": "loss", "value": 0.5, "step": 3, "timestamp": "100"}),
            200,
        ),
        (
            "/experiment_runs/7/artifacts",
            json!({"artifactType": "parameter", "name": "rate", "value": "0.1", "parameterType": "number"}),
            200,
        ),
        (
            "/experiment_runs/7/artifacts",
            json!({"artifactType": "dataset-artifact", "name": "data", "digest": "d", "state": "PENDING"}),
            200,
        ),
        ("/artifacts", json!({"artifactType": "doc-artifact", "name": "alone:1"}), 201),
        ("/model_artifacts", json!({"name": "weights", "storageKey": "k"}), 201),
    ] {
        client.post(path, body).await.expect(status);
    }
    client
}

type Case = (&'static str, &'static str, &'static [&'static str]);

const CASES: &[Case] = &[
    ("/model_versions", "registeredModelId = 1", &["1"]),
    ("/model_versions", "registeredModelId IN ('1', '2')", &["1", "1:2"]),
    ("/model_versions", "name = '1:2'", &["1:2"]),
    ("/model_versions", "name != '1'", &["1:2"]),
    ("/model_versions", "name IN ('1', '2')", &["1"]),
    ("/model_versions", "name LIKE '1%'", &["1", "1:2"]),
    ("/model_versions", "author = 'me' AND state = 'LIVE'", &["1"]),
    ("/registered_models/1/versions", "state = 'ARCHIVED'", &[]),
    ("/registered_models/2/versions", "state = 'ARCHIVED'", &["1:2"]),
    ("/experiments", "owner = 'me'", &["e"]),
    ("/experiments", "state IN ('LIVE') AND owner IS NULL", &[]),
    ("/experiment_runs", "experimentId = '5'", &["r", "s"]),
    ("/experiment_runs", "experimentId != 5", &[]),
    ("/experiment_runs", "status = 'RUNNING'", &["r"]),
    ("/experiment_runs", "status != 'RUNNING' AND owner = 'you'", &["s"]),
    // Times are numbers: 9 is before 10.
    ("/experiment_runs", "startTimeSinceEpoch < 10", &["r"]),
    ("/experiment_runs", "startTimeSinceEpoch <= '10'", &["r", "s"]),
    ("/experiment_runs", "endTimeSinceEpoch IS NULL", &["r", "s"]),
    ("/experiments/5/experiment_runs", "name = 's'", &["s"]),
    ("/serving_environments", "name ILIKE 'PROD'", &["prod"]),
    ("/serving_environments", "id > 8", &[]),
    ("/inference_services", "servingEnvironmentId = '8'", &["svc", "old"]),
    ("/inference_services", "registeredModelId = 2", &["old"]),
    ("/inference_services", "modelVersionId IN ('3', '4')", &["old"]),
    ("/inference_services", "modelVersionId IS NULL", &["svc"]),
    ("/inference_services", "desiredState = 'DEPLOYED'", &["svc"]),
    ("/inference_services", "runtime LIKE 'o%'", &["old"]),
    ("/serving_environments/8/inference_services", "desiredState != 'DEPLOYED'", &["old"]),
    ("/inference_services/9/serves", "lastKnownState = 'FAILED'", &["x"]),
    ("/inference_services/9/serves", "lastKnownState != 'FAILED'", &["y"]),
    ("/inference_services/9/serves", "lastKnownState IN ('UNKNOWN', 'NEW')", &["y"]),
    ("/inference_services/9/serves", "modelVersionId = '3' AND name = 'x'", &["x"]),
    ("/inference_services/9/serves", "name LIKE '_'", &["x", "y"]),
    ("/artifacts", "name = 'weights'", &["weights", "weights"]),
    ("/artifacts", "name = 'alone:1'", &["alone:1"]),
    ("/artifacts", "name LIKE '%:%'", &["alone:1"]),
    ("/artifacts", "name IN ('data', 'card')", &["card", "data"]),
    ("/artifacts", "name NOT IN ('data', 'card', 'weights')", &["loss", "rate", "alone:1"]),
    ("/artifacts", "name < 'b'", &["alone:1"]),
    ("/artifacts", "experimentRunId IN ('6','7')", &["loss", "rate", "data"]),
    ("/artifacts", "experimentRunId = 6", &["loss"]),
    ("/artifacts", "experimentId = '5' AND experimentRunId != 6", &["rate", "data"]),
    ("/artifacts", "state = 'LIVE'", &["weights"]),
    ("/artifacts", "state IN ('LIVE', 'PENDING')", &["weights", "data"]),
    ("/artifacts", "uri LIKE 's3://%'", &["weights"]),
    ("/artifacts", "digest = 'd'", &["data"]),
    ("/artifacts", "modelFormatName = 'onnx'", &["weights"]),
    ("/artifacts", "value > 0.4", &["loss"]),
    ("/artifacts", "value = '0.1'", &["rate"]),
    ("/artifacts", "value = 0.1", &[]),
    ("/artifacts", "value IN ('0.1', '0.5')", &["rate"]),
    ("/artifacts", "value LIKE '0%'", &["rate"]),
    ("/artifacts", "value = 0.5 OR value = '0.1'", &["loss", "rate"]),
    ("/artifacts", "value IS NOT NULL", &["loss", "rate"]),
    ("/experiment_runs/7/artifacts", "value IS NULL", &["data"]),
    ("/artifacts?artifactType=metric", "value = 0.5 AND step = 3 AND timestamp = '100'", &["loss"]),
    ("/artifacts?artifactType=metric", "timestamp > 99 AND timestamp < 1000", &["loss"]),
    ("/artifacts?artifactType=parameter", "value = '0.1'", &["rate"]),
    ("/artifacts?artifactType=parameter", "parameterType = 'number'", &["rate"]),
    ("/model_artifacts", "name = 'weights' AND storageKey = 'k'", &["weights"]),
    ("/model_artifacts", "state = 'UNKNOWN'", &["weights"]),
    ("/model_versions/3/artifacts", "name = 'card'", &["card"]),
    ("/model_versions/3/artifacts?artifactType=model-artifact", "state = 'LIVE'", &["weights"]),
    ("/experiment_runs/7/artifacts", "name = 'data' OR value = 1", &["data"]),
    ("/experiment_runs/metric_history", "value = 0.5", &["loss"]),
    ("/experiment_runs/6/metric_history", "step = '3' AND name = 'loss'", &["loss"]),
];

async fn every_list_is_filtered(backend: Backend) {
    let client = filled(backend).await;
    for (list, filter, expected) in CASES {
        assert_eq!(client.filtered(list, filter).await, *expected, "{list} {filter}");
    }
    // An artifact without a name of its own is found by the one that it got.
    let name = client.post("/model_artifacts", json!({})).await.expect(201).member("name");
    assert_eq!(client.filtered("/artifacts", &format!("name = '{name}'")).await, [name.as_str()]);
    assert_eq!(client.filtered("/artifacts", "name = ''").await, [""; 0]);
    let in_run = json!({"artifactType": "dataset-artifact"});
    let name = client.post("/experiment_runs/7/artifacts", in_run).await.expect(200).member("name");
    assert_eq!(client.filtered("/experiment_runs/7/artifacts", &format!("name = '{name}'")).await, [name]);
}

#[actix_web::test]
async fn every_list_is_filtered_on_sqlite() {
    every_list_is_filtered(Backend::Sqlite).await;
}

#[actix_web::test]
async fn every_list_is_filtered_on_postgres() {
    every_list_is_filtered(Backend::Postgres).await;
}

#[actix_web::test]
async fn what_does_not_fit_a_well_known_name_is_refused() {
    let client = filled(Backend::Sqlite).await;
    let mut transcript = client.transcript();
    for (list, filter) in [
        ("/artifacts", "state = 'ARCHIVED'"),
        ("/artifacts", "state = 2"),
        ("/artifacts", "state > 'LIVE'"),
        ("/artifacts", "state BETWEEN 'LIVE' AND 'PENDING'"),
        ("/artifacts", "state LIKE 'L%'"),
        ("/artifacts?artifactType=metric", "value = '0.5'"),
        ("/artifacts?artifactType=metric", "step = 1.5"),
        ("/artifacts", "value = true"),
        ("/artifacts", "value IN (0.5, '0.1')"),
        ("/registered_models", "language LIKE 'e%'"),
        ("/registered_models", "tasks > 'a'"),
        ("/registered_models", "tasks = 1"),
        ("/artifacts?artifactType=parameter", "value = 0.1"),
        ("/experiment_runs", "experimentId = 'e'"),
        ("/experiment_runs", "startTimeSinceEpoch LIKE '1%'"),
        ("/inference_services/9/serves", "lastKnownState = 'LIVE'"),
        ("/inference_services", "modelVersionId.string_value = '1'"),
    ] {
        transcript.get(&Client::filter(list, filter)).await.expect(400);
    }
    insta::assert_snapshot!(transcript);
}

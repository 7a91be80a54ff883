//! Operations 11 to 15, 17 and 18: the runs of experiments.

use insta::assert_json_snapshot;
use serde_json::{Value, json};

use super::{Client, paging};

/// A client of a registry with the experiments `1` and `2`.
async fn with_experiments() -> Client {
    let client = Client::new().await;
    client.experiment("tuning").await;
    client.experiment("pruning").await;
    client
}

#[actix_web::test]
async fn a_run_with_every_member() {
    let client = with_experiments().await;
    let body = json!({
        "name": "first", "experimentId": "1", "description": "a run", "externalId": "r-1", "owner": "me",
        "status": "FINISHED", "state": "ARCHIVED",
        "startTimeSinceEpoch": "1600000000000", "endTimeSinceEpoch": "1600000000001",
        "customProperties": {"seed": {"metadataType": "MetadataIntValue", "int_value": "7"}},
    });
    let created = client.post("/experiment_runs", body).await.expect(201);
    assert_json_snapshot!(created);
    for path in [
        "/experiment_runs/3",
        "/experiment_run?name=first&parentResourceId=1",
        "/experiment_run?externalId=r-1",
        "/experiment_run?externalId=r-1&parentResourceId=2",
    ] {
        assert_eq!(client.get(path).await.expect(200).json(), created.json(), "{path}");
    }
    for list in ["/experiment_runs", "/experiments/1/experiment_runs"] {
        assert_eq!(client.get(list).await.json()["items"], json!([created.json()]), "{list}");
    }
    assert!(client.names("/experiments/2/experiment_runs").await.is_empty());
}

#[actix_web::test]
async fn a_run_without_a_name_gets_one_and_runs() {
    let client = with_experiments().await;
    let created = client.post("/experiment_runs", json!({"experimentId": "1"})).await.expect(201);
    assert_json_snapshot!(created);
    let again = client.post("/experiment_runs", json!({"experimentId": "1", "name": ""})).await.expect(201);
    assert_ne!(again.member("name"), created.member("name"));
}

#[actix_web::test]
async fn the_experiment_in_the_path_wins() {
    let client = with_experiments().await;
    let mut transcript = client.transcript();
    transcript.post("/experiments/1/experiment_runs", json!({"name": "a", "experimentId": "2"})).await.expect(201);
    transcript.post("/experiments/1/experiment_runs", json!({"name": "b"})).await.expect(422);
    transcript.post("/experiments/99/experiment_runs", json!({"name": "b", "experimentId": "1"})).await.expect(404);
    let body = json!({"id": "3", "name": "a", "experimentId": "1", "status": "FAILED", "startTimeSinceEpoch": "5"});
    let changed = transcript.post("/experiments/1/experiment_runs", body).await.expect(201).json();
    assert_eq!((&changed["id"], &changed["startTimeSinceEpoch"]), (&json!("3"), &Value::Null));
    transcript.post("/experiments/2/experiment_runs", json!({"id": "3", "experimentId": "2"})).await;
    transcript.post("/experiments/1/experiment_runs", json!({"id": "99", "experimentId": "1"})).await.expect(404);
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn names_are_unique_in_an_experiment() {
    let client = with_experiments().await;
    client.run("1", "first").await;
    client.run("2", "first").await;
    let mut transcript = client.transcript();
    transcript.post("/experiment_runs", json!({"name": "first", "experimentId": "1"})).await.expect(409);
    let nested = json!({"name": "first", "experimentId": "1"});
    transcript.post("/experiments/1/experiment_runs", nested).await.expect(409);
    client.patch("/experiment_runs/3", json!({"state": "ARCHIVED"})).await.expect(200);
    // An archived run keeps its name.
    transcript.post("/experiment_runs", json!({"name": "first", "experimentId": "1"})).await.expect(409);
    transcript.get("/experiment_run?name=first&parentResourceId=2").await.expect(200);
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn a_patch_resets_neither_status_nor_state() {
    let client = with_experiments().await;
    let body = json!({"name": "first", "experimentId": "1", "status": "FINISHED", "state": "ARCHIVED",
                      "startTimeSinceEpoch": "100"});
    client.post("/experiment_runs", body).await.expect(201);
    let mut transcript = client.transcript();
    for body in [
        json!({"description": "new"}),
        json!({"endTimeSinceEpoch": "100"}),
        json!({"endTimeSinceEpoch": "99"}),
        json!({"endTimeSinceEpoch": null}),
        json!({"endTimeSinceEpoch": "9223372036854775807", "status": "KILLED"}),
        json!({"endTimeSinceEpoch": "9223372036854775808"}),
        json!({"endTimeSinceEpoch": 200}),
        json!({"startTimeSinceEpoch": "1"}),
        json!({"experimentId": "2"}),
        json!({"name": "other"}),
        json!({"status": "DONE"}),
    ] {
        transcript.patch("/experiment_runs/3", body).await;
    }
    transcript.patch("/experiment_runs/1", json!({})).await.expect(404);
    transcript.get("/experiment_runs/3").await;
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn what_cannot_be_created_or_found() {
    let client = with_experiments().await;
    let mut transcript = client.transcript();
    for body in [
        json!({"name": "a"}),
        json!({"name": "a", "experimentId": ""}),
        json!({"name": "a", "experimentId": "99"}),
        json!({"name": "a", "experimentId": "abc"}),
        json!({"name": "a", "experimentId": 1}),
        json!({"experimentId": "1", "startTimeSinceEpoch": "2", "endTimeSinceEpoch": "1"}),
        json!({"experimentId": "1", "startTimeSinceEpoch": "soon"}),
        json!({"experimentId": "1", "status": "LIVE"}),
        json!({"experimentId": "1", "id": "7"}),
        json!({"experimentId": "1", "registeredModelId": "1"}),
    ] {
        transcript.post("/experiment_runs", body).await;
    }
    assert!(client.names("/experiment_runs").await.is_empty(), "what is refused leaves nothing behind");
    for path in [
        "/experiment_run",
        "/experiment_run?name=a",
        "/experiment_run?parentResourceId=1",
        "/experiment_run?name=a&parentResourceId=1",
        "/experiment_run?name=a&parentResourceId=99",
        "/experiment_run?name=a&parentResourceId=abc",
        "/experiment_run?externalId=nothing",
        "/experiment_runs/1",
        "/experiment_runs/99",
        "/experiment_runs/abc",
        "/experiments/99/experiment_runs",
    ] {
        transcript.get(path).await;
    }
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn the_runs_of_an_experiment_are_narrowed_and_walked() {
    let client = with_experiments().await;
    let names: Vec<_> = (0..7).map(|name| format!("r{name}")).collect();
    for name in &names {
        client.run("1", name).await;
    }
    client.run("2", "r0").await;
    client.patch("/experiment_runs/4", json!({"externalId": "e"})).await.expect(200);
    let list = "/experiments/1/experiment_runs";
    assert_eq!(client.names(&format!("{list}?name=r3")).await, ["r3"]);
    assert_eq!(client.names(&format!("{list}?externalId=e")).await, ["r1"]);
    assert_eq!(client.names("/experiment_runs").await.len(), 8);
    for order in ["ID", "CREATE_TIME"] {
        assert_eq!(paging::walk(&client, &format!("{list}?orderBy={order}"), 3).await, names);
    }
}

/// Upstream's document lets these numbers be texts of any form, and its server takes an empty one for none.
#[actix_web::test]
async fn numbers_in_text_may_be_empty_or_have_zeros_before_them() {
    let client = Client::new().await;
    let experiment = client.experiment("e").await;
    let body = json!({"name": "r", "experimentId": experiment, "startTimeSinceEpoch": "", "endTimeSinceEpoch": ""});
    let run = client.post("/experiment_runs", body).await.expect(201);
    assert_eq!((run.json().get("startTimeSinceEpoch"), run.json().get("endTimeSinceEpoch")), (None, None));
    let path = format!("/experiment_runs/{}", run.member("id"));
    for (given, shown) in [("007", "7"), ("+8", "8"), ("", "8"), ("-0", "0")] {
        let changed = client.patch(&path, json!({"endTimeSinceEpoch": given})).await.expect(200);
        assert_eq!(changed.member("endTimeSinceEpoch"), shown, "{given}");
    }
    for given in ["7.0", " 7", "9223372036854775808", "x"] {
        client.patch(&path, json!({"endTimeSinceEpoch": given})).await.expect(400);
    }
    let metrics = format!("{path}/artifacts");
    let metric = json!({"artifactType": "metric", "name": "loss", "value": 1, "timestamp": "", "step": ""});
    let metric = client.post(&metrics, metric).await.expect(200);
    assert_eq!(metric.json()["step"], 0);
    assert!(metric.member("timestamp").parse::<i64>().unwrap() > 0);
    let metric = json!({"artifactType": "metric", "name": "loss", "value": 1, "timestamp": "05", "step": "+3"});
    let metric = client.post(&metrics, metric).await.expect(200);
    assert_eq!((metric.member("timestamp"), &metric.json()["step"]), ("5".to_owned(), &json!(3)));
}

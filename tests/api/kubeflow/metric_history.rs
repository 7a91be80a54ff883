//! Operations 16 and 21: every point of a run's metrics, and of every run's.

use insta::assert_json_snapshot;
use serde_json::{Value, json};

use super::super::app::request;
use super::{API, Client};
use crate::support::Backend;

const V1: &str = "/api/model_registry/v1";

/// A client of a registry with runs `2` and `3`, each with metrics over some steps.
async fn measured(backend: Backend) -> Client {
    let client = Client::on(backend).await;
    let experiment = client.experiment("e").await;
    let (first, second) = (client.run(&experiment, "r").await, client.run(&experiment, "s").await);
    for step in 0..5 {
        #[expect(clippy::cast_precision_loss, reason = "small")]
        client.measure(&first, "loss", step, 1.0 / (step + 1) as f64).await;
    }
    client.measure(&first, "val%loss", 1, 8.0).await;
    client.measure(&first, "val_loss", 2, 9.0).await;
    client.measure(&second, "loss", 3, 7.0).await;
    client
}

/// The name and step of each point.
async fn points(client: &Client, path: &str) -> Vec<String> {
    let list = client.get(path).await.expect(200).json();
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| format!("{}@{}", item["name"].as_str().unwrap(), item["step"])).collect()
}

const ALL: [&str; 7] = ["loss@0", "loss@1", "loss@2", "loss@3", "loss@4", "val%loss@1", "val_loss@2"];

async fn histories_are_narrowed(backend: Backend) {
    let client = measured(backend).await;
    let of_run = "/experiment_runs/2/metric_history";
    let of_all = "/experiment_runs/metric_history";
    assert_eq!(points(&client, of_run).await, ALL);
    assert_eq!(points(&client, of_all).await.len(), 8);
    assert_eq!(points(&client, "/experiment_runs/3/metric_history").await, ["loss@3"]);
    for (query, expected) in [
        ("name=val", &ALL[5..]),
        ("name=val_", &ALL[6..]),
        ("name=%25", &ALL[5..6]),
        ("name=LOSS", &[]),
        ("name=%5C", &[]),
        ("stepIds=1,3", &["loss@1", "loss@3", "val%loss@1"]),
        ("stepIds=7", &[]),
        ("name=val&stepIds=2", &ALL[6..]),
        ("sortOrder=DESC&stepIds=0,4", &["loss@4", "loss@0"]),
        ("orderBy=CREATE_TIME&sortOrder=DESC&name=val", &["val_loss@2", "val%loss@1"]),
    ] {
        assert_eq!(points(&client, &format!("{of_run}?{query}")).await, expected, "{query}");
    }
    let filtered: [(&str, &[&str]); 9] = [
        ("value>0.4", &["loss@0", "loss@1", "val%loss@1", "val_loss@2"]),
        ("value=1", &["loss@0"]),
        ("step IN (0, '4')", &["loss@0", "loss@4"]),
        ("step BETWEEN 3 AND 9", &["loss@3", "loss@4"]),
        ("name='loss' AND step<2", &["loss@0", "loss@1"]),
        ("name LIKE 'val\\_%'", &ALL[6..]),
        ("timestamp<=1700000004000", &["loss@0"]),
        ("experimentRunId=3", &[]),
        ("experimentRunId='2' AND step=0", &["loss@0"]),
    ];
    for (filter, expected) in filtered {
        assert_eq!(points(&client, &Client::filter(of_run, filter)).await, expected, "{filter}");
    }
    assert_eq!(points(&client, &format!("{of_all}?stepIds=3")).await, ["loss@3", "loss@3"]);
    assert_eq!(points(&client, &Client::filter(of_all, "experimentRunId IN ('3')")).await, ["loss@3"]);
}

#[actix_web::test]
async fn histories_are_narrowed_on_sqlite() {
    histories_are_narrowed(Backend::Sqlite).await;
}

#[actix_web::test]
async fn histories_are_narrowed_on_postgres() {
    histories_are_narrowed(Backend::Postgres).await;
}

#[actix_web::test]
async fn histories_are_walked_in_every_order() {
    let client = measured(Backend::Sqlite).await;
    client.0.stop_clock();
    for step in 0..9 {
        client.measure("3", "same time", step, 0.0).await;
    }
    for list in ["/experiment_runs/3/metric_history", "/experiment_runs/metric_history"] {
        for order in ["ID", "CREATE_TIME", "LAST_UPDATE_TIME"] {
            for direction in ["ASC", "DESC"] {
                let list = format!("{list}?orderBy={order}&sortOrder={direction}");
                let whole = points(&client, &list).await;
                let mut walked = Vec::new();
                let mut token = String::new();
                loop {
                    let path = format!("{list}&pageSize=4&nextPageToken={token}");
                    walked.extend(points(&client, &path).await);
                    token = client.get(&path).await.member("nextPageToken");
                    if token.is_empty() {
                        break;
                    }
                }
                assert_eq!(walked, whole, "{list}");
            }
        }
    }
    let token = client.get("/experiment_runs/3/metric_history?pageSize=1").await.member("nextPageToken");
    for other in ["/experiment_runs/3/metric_history?name=s&", "/experiment_runs/metric_history?"] {
        client.get(&format!("{other}nextPageToken={token}")).await.expect(400);
    }
}

#[actix_web::test]
async fn the_artifact_shows_the_latest_point_and_lists_show_it_once() {
    let client = measured(Backend::Sqlite).await;
    let found = client.get("/artifact?name=loss&parentResourceId=2").await.expect(200);
    assert_eq!((&found.json()["value"], &found.json()["step"]), (&json!(0.2), &json!(4)));
    assert_eq!(client.names("/experiment_runs/2/artifacts").await, ["loss", "val%loss", "val_loss"]);
    let history = client.get("/experiment_runs/2/metric_history?name=loss&pageSize=2").await.expect(200);
    assert_json_snapshot!(history);
    // What is measured by PATCH is a point too; a new description is none.
    let id = found.member("id");
    let path = format!("/artifacts/{id}");
    let patch = |body: Value| client.patch(&path, body);
    patch(json!({"artifactType": "metric", "value": 0.1, "step": 5})).await.expect(200);
    patch(json!({"artifactType": "metric", "description": "of training"})).await.expect(200);
    assert_eq!(points(&client, "/experiment_runs/2/metric_history?stepIds=5").await, ["loss@5"]);
    assert_eq!(points(&client, "/experiment_runs/2/metric_history").await.len(), 8);
}

async fn what_is_attached_to_a_run_is_in_its_history(backend: Backend) {
    let client = measured(backend).await;
    let body = json!({"artifactType": "metric", "name": "alone", "value": 1, "step": 7});
    let metric = client.post("/artifacts", body).await.expect(201).member("id");
    assert!(points(&client, "/experiment_runs/metric_history?name=alone").await.is_empty());
    let attached = json!({"artifactType": "metric", "id": metric, "value": 2, "step": 8});
    client.post("/experiment_runs/3/artifacts", attached.clone()).await.expect(200);
    let history = client.get("/experiment_runs/3/metric_history").await.expect(200).json();
    let shown = |item: &Value| (item["name"].clone(), item["step"].clone(), item["experimentRunId"].clone());
    let shown: Vec<_> = history["items"].as_array().unwrap().iter().map(shown).collect();
    let expected = [("loss", 3), ("alone", 7), ("alone", 8)];
    assert_eq!(shown, expected.map(|(name, step)| (json!(name), json!(step), json!("3"))));
    // A piece of the UUID that the name is stored after is no part of the name.
    assert_eq!(points(&client, "/experiment_runs/3/metric_history?name=-").await, [""; 0]);
    assert_eq!(points(&client, "/experiment_runs/3/metric_history?name=lon").await, ["alone@7", "alone@8"]);
    // In a second run as well, it is in the history of both, and once in that of all.
    client.post("/experiment_runs/2/artifacts", attached).await.expect(200);
    for run in ["2", "3"] {
        let list = client.get(&format!("/experiment_runs/{run}/metric_history?name=alone")).await.expect(200).json();
        assert_eq!((&list["size"], &list["items"][0]["experimentRunId"]), (&json!(3), &json!(run)));
    }
    assert_eq!(points(&client, "/experiment_runs/metric_history?name=alone").await.len(), 3);
}

#[actix_web::test]
async fn what_is_attached_to_a_run_is_in_its_history_on_sqlite() {
    what_is_attached_to_a_run_is_in_its_history(Backend::Sqlite).await;
}

#[actix_web::test]
async fn what_is_attached_to_a_run_is_in_its_history_on_postgres() {
    what_is_attached_to_a_run_is_in_its_history(Backend::Postgres).await;
}

/// Each of the three ways to measure a metric again moves its time and its ETag.
#[actix_web::test]
async fn a_metric_that_is_measured_again_has_changed() {
    let client = measured(Backend::Sqlite).await;
    let mut metric = client.get("/artifact?name=loss&parentResourceId=2").await.expect(200);
    let id = metric.member("id");
    let changes = client.0.get(&format!("/api/v1/nodes/{id}/history")).await.expect(200).json()["items"].clone();
    let measured = json!({"artifactType": "metric", "name": "loss", "value": 9, "step": 9});
    let attached = json!({"artifactType": "metric", "id": id, "value": 8});
    let path = format!("/artifacts/{id}");
    for (method, path, body) in [
        ("POST", "/experiment_runs/2/artifacts", measured),
        ("POST", "/experiment_runs/2/artifacts", attached.clone()),
        ("POST", "/experiment_runs/3/artifacts", attached),
        ("PATCH", path.as_str(), json!({"artifactType": "metric", "value": 7})),
    ] {
        let answer = match method {
            "POST" => client.post(path, body).await.expect(200),
            _ => client.patch(path, body).await.expect(200),
        };
        let revision = |answer: &crate::api::app::Answer| -> i64 {
            answer.header("etag").unwrap().trim_matches('"').parse().unwrap()
        };
        assert_eq!(revision(&answer), revision(&metric) + 1, "{method} {path}");
        assert!(answer.member("lastUpdateTimeSinceEpoch") > metric.member("lastUpdateTimeSinceEpoch"));
        metric = client.get(&format!("/artifacts/{id}")).await.expect(200);
        assert_eq!((metric.json(), metric.header("etag")), (answer.json(), answer.header("etag")), "{method} {path}");
    }
    // A point is its own history: what only measured again is not recorded besides.
    let now = client.0.get(&format!("/api/v1/nodes/{id}/history")).await.expect(200).json()["items"].clone();
    let actions = |changes: &Value| -> Vec<Value> {
        changes.as_array().unwrap().iter().map(|change| change["action"].clone()).collect()
    };
    assert_eq!(actions(&changes), [json!("create")]);
    assert_eq!(actions(&now), ["create", "update", "update", "update"].map(Value::from));
}

#[actix_web::test]
async fn the_history_of_runs_is_that_of_runs_alone() {
    let client = measured(Backend::Sqlite).await;
    let model = client.model("m").await;
    let version = client.version(&model, "1").await;
    let body = json!({"artifactType": "metric", "name": "accuracy", "value": 1});
    client.post(&format!("/model_versions/{version}/artifacts"), body.clone()).await.expect(200);
    client.post("/artifacts", body).await.expect(201);
    assert!(points(&client, "/experiment_runs/metric_history?name=accuracy").await.is_empty());
}

#[actix_web::test]
async fn what_has_no_history() {
    let client = measured(Backend::Sqlite).await;
    let mut transcript = client.transcript();
    for path in [
        "/experiment_runs/99/metric_history",
        "/experiment_runs/1/metric_history",
        "/experiment_runs/abc/metric_history",
        "/experiment_runs/2/metric_history?stepIds=a",
        "/experiment_runs/2/metric_history?stepIds=1,",
        "/experiment_runs/2/metric_history?filterQuery=value='x'",
        "/experiment_runs/metric_history?pageSize=0",
        "/experiment_runs/metric_history?filterQuery=step",
    ] {
        transcript.get(path).await;
    }
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn a_step_is_a_number_and_later_text() {
    let client = measured(Backend::Sqlite).await;
    for (api, step) in [(API, json!(3)), (V1, json!("3"))] {
        let list = client.0.get(&format!("{api}/experiment_runs/3/metric_history")).await.expect(200).json();
        assert_eq!(list["items"][0]["step"], step, "{api}");
        let found = client.0.get(&format!("{api}/artifact?name=loss&parentResourceId=3")).await.expect(200).json();
        assert_eq!(found["step"], step, "{api}");
        // Both take what they give.
        let body = json!({"artifactType": "metric", "name": "n", "value": 1, "step": step});
        let sent = request(actix_web::http::Method::POST, &format!("{api}/experiment_runs/3/artifacts"));
        let created = client.0.send(sent.set_json(body)).await.expect(200).json();
        assert_eq!(created["step"], step, "{api}");
    }
}

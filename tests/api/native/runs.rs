//! Runs, searched by what they measured and were given; on each database.

use actix_web::http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{API, transcript};
use crate::api::answer::Answer;
use crate::api::app::{TestApp, request};
use crate::api::kubeflow;
use crate::support::{Backend, on_both};

on_both! {
    runs_are_found_by_filters_orders_and_views,
    runs_of_every_api_are_found,
    a_search_goes_on_where_its_page_ended,
    an_experiment_that_is_not_there_is_told,
}

/// An experiment with three runs, made by Kubeflow's API and measured by ours: `low`, `high`, and `odd`, which measured no number and is
/// archived.
async fn registry(backend: Backend) -> (TestApp, String) {
    let client = kubeflow::Client::on(backend).await;
    let experiment = client.experiment("tuning").await;
    let mut runs = Vec::new();
    for (name, status, state) in
        [("low", "FINISHED", "LIVE"), ("high", "RUNNING", "LIVE"), ("odd", "FAILED", "ARCHIVED")]
    {
        let mut body = json!({"name": name, "experimentId": experiment, "status": status, "state": state,
                              "startTimeSinceEpoch": (1000 * (runs.len() + 1)).to_string()});
        if status != "RUNNING" {
            body["endTimeSinceEpoch"] = json!("9500");
        }
        runs.push(client.post("/experiment_runs", body).await.expect(201).member("id"));
    }
    let parameter = |value: &str| json!({"artifactType": "parameter", "name": "tiefe/größe", "value": value});
    for (run, depth) in runs.iter().zip(["4", "8"]) {
        client.post(&format!("/experiment_runs/{run}/artifacts"), parameter(depth)).await.expect(200);
    }
    let app = client.0;
    let point =
        |name: &str, value: Value, step: i64| json!({"name": name, "value": value, "step": step, "timestamp": 5});
    for (run, points) in runs.iter().zip([
        json!([point("loss", json!(0.5), 1), point("loss", json!(0.25), 2), point("acc", json!("Infinity"), 1)]),
        json!([point("loss", json!(0.75), 3)]),
        json!([point("loss", json!("NaN"), 1)]),
    ]) {
        let path = format!("{API}/experiment-runs/{run}/points");
        app.json(Method::POST, &path, &json!({ "points": points })).await.expect(204);
    }
    (app, experiment)
}

async fn search(app: &TestApp, body: Value) -> Answer {
    app.json(Method::POST, &format!("{API}/runs/search"), &body).await
}

/// The names of the runs that are found, in order.
async fn names(app: &TestApp, body: Value) -> Vec<String> {
    let found = search(app, body).await.expect(200).json();
    found["items"].as_array().unwrap().iter().map(|run| run["name"].as_str().unwrap().to_owned()).collect()
}

async fn what_searches_show(backend: Backend) -> String {
    let (app, experiment) = registry(backend).await;
    let mut transcript = transcript(&app);
    let body = json!({"experiments": [experiment], "view": "all", "orderBy": ["metrics.loss DESC"]});
    transcript.post("/runs/search", body).await.expect(200);
    transcript.to_string()
}

#[actix_web::test]
async fn on_sqlite_as_snapshots() {
    assert_snapshot!("what_searches_of_runs_show", what_searches_show(Backend::Sqlite).await);
}

#[actix_web::test]
async fn on_postgres_as_snapshots() {
    assert_snapshot!("what_searches_of_runs_show", what_searches_show(Backend::Postgres).await);
}

async fn runs_are_found_by_filters_orders_and_views(backend: Backend) {
    let (app, experiment) = registry(backend).await;
    let all: [(Value, &[&str]); 15] = [
        (json!({}), &["high", "low"]),
        (json!({"view": "active"}), &["high", "low"]),
        (json!({"view": "archived"}), &["odd"]),
        (json!({"view": "all"}), &["odd", "high", "low"]),
        (json!({"view": null, "filter": ""}), &["high", "low"]),
        (json!({"view": "all", "orderBy": ["metrics.loss ASC"]}), &["low", "high", "odd"]),
        (json!({"view": "all", "orderBy": ["metrics.loss DESC"]}), &["high", "low", "odd"]),
        (json!({"orderBy": ["params.`tiefe/größe` DESC"]}), &["high", "low"]),
        (json!({"orderBy": ["attributes.status", "start_time DESC"]}), &["low", "high"]),
        (json!({"filter": "metrics.loss < 0.6"}), &["low"]),
        (json!({"filter": "metrics.acc > 1000000"}), &["low"]),
        (json!({"filter": "params.`tiefe/größe` = '8' AND metrics.loss > 0"}), &["high"]),
        (json!({"filter": "attributes.status = 'FAILED'", "view": "all"}), &["odd"]),
        (json!({"filter": "run_name LIKE '%o%'", "view": "all"}), &["odd", "low"]),
        (json!({"filter": "metrics.none > 0"}), &[]),
    ];
    for (mut body, expected) in all {
        body["experiments"] = json!([experiment, experiment]);
        assert_eq!(names(&app, body.clone()).await, expected, "{body}");
    }
    // What is archived with its experiment is archived.
    let archive = json!({"experiment_id": experiment});
    app.json(Method::POST, "/api/2.0/mlflow/experiments/delete", &archive).await.expect(200);
    assert_eq!(names(&app, json!({"experiments": [experiment]})).await, [""; 0]);
    let archived = json!({"experiments": [experiment], "view": "archived"});
    let found = search(&app, archived).await.expect(200).json();
    assert_eq!(found["items"].as_array().unwrap().iter().filter(|run| run["archived"] == true).count(), 3);
}

async fn runs_of_every_api_are_found(backend: Backend) {
    let (app, experiment) = registry(backend).await;
    let mlflow = async |path: &str, body: Value| {
        app.json(Method::POST, &format!("/api/2.0/mlflow/{path}"), &body).await.expect(200).json()
    };
    let other = mlflow("experiments/create", json!({"name": "größer"})).await["experiment_id"].clone();
    let body = json!({"experiment_id": other, "run_name": "läuft", "start_time": 9000,
                      "tags": [{"key": "team", "value": "blue"}]});
    let id = mlflow("runs/create", body).await["run"]["info"]["run_id"].clone();
    mlflow(
        "runs/log-batch",
        json!({"run_id": id, "params": [{"key": "lr", "value": "0.1"}],
        "metrics": [{"key": "loss", "value": 0.125, "timestamp": 7, "step": 3}]}),
    )
    .await;
    let both = json!({"experiments": [experiment, other], "orderBy": ["metrics.loss"]});
    assert_eq!(names(&app, both).await, ["läuft", "low", "high"]);
    let tagged = json!({"experiments": [experiment, other], "filter": "tags.team = 'blue'"});
    let found = search(&app, tagged).await.expect(200).json();
    let run = &found["items"][0];
    assert_eq!((&run["runId"], &run["name"], &run["type"]), (&id, &json!("läuft"), &json!("kf.ExperimentRun")));
    assert_eq!((&run["experiment"], &run["experimentId"]), (&json!("größer"), &other));
    assert_eq!((&run["status"], &run["archived"]), (&json!("RUNNING"), &json!(false)));
    assert_eq!((&run["startedAt"], &run["endedAt"], &run["duration"]), (&json!(9000), &Value::Null, &Value::Null));
    assert_eq!(run["metrics"], json!({"loss": {"value": 0.125, "step": 3, "timestamp": 7}}));
    assert_eq!((&run["parameters"], &run["customProperties"]), (&json!({"lr": "0.1"}), &json!({"team": "blue"})));
    mlflow("runs/update", json!({"run_id": id, "status": "FINISHED", "end_time": 9500})).await;
    let found = search(&app, json!({"experiments": [other]})).await.expect(200).json();
    let run = &found["items"][0];
    assert_eq!((&run["status"], &run["endedAt"], &run["duration"]), (&json!("FINISHED"), &json!(9500), &json!(500)));
}

async fn a_search_goes_on_where_its_page_ended(backend: Backend) {
    let (app, experiment) = registry(backend).await;
    for order in [json!([]), json!(["metrics.loss"]), json!(["params.`tiefe/größe`", "run_name DESC"])] {
        let mut body = json!({"experiments": [experiment], "view": "all", "orderBy": order, "pageSize": 1});
        let mut paged = Vec::new();
        loop {
            let page = search(&app, body.clone()).await.expect(200).json();
            assert!(page["items"].as_array().unwrap().len() == 1, "{page}");
            paged.push(page["items"][0]["name"].as_str().unwrap().to_owned());
            body["nextPageToken"] = page["nextPageToken"].clone();
            if page["nextPageToken"] == "" {
                break;
            }
        }
        let whole = json!({"experiments": [experiment], "view": "all", "orderBy": order});
        assert_eq!(paged, names(&app, whole).await);
    }
    let first = json!({"experiments": [experiment], "view": "all", "pageSize": 1});
    let token = search(&app, first.clone()).await.expect(200).member("nextPageToken");
    for other in [json!({"filter": "metrics.loss > 0"}), json!({"view": "active"}), json!({"orderBy": ["run_name"]})] {
        let mut body = first.clone();
        body["nextPageToken"] = json!(token);
        body.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
        let refused = search(&app, body).await.expect(400);
        assert_eq!(refused.member("field"), "nextPageToken", "{other}");
    }
}

async fn an_experiment_that_is_not_there_is_told(backend: Backend) {
    let (app, experiment) = registry(backend).await;
    let run = search(&app, json!({"experiments": [experiment]})).await.expect(200).json()["items"][0]["id"].clone();
    for missing in [json!("999999"), run] {
        let refused = search(&app, json!({"experiments": [experiment, missing]})).await.expect(404);
        let expected = format!("experiment `{}` not found", missing.as_str().unwrap());
        assert_eq!(refused.member("detail"), expected);
    }
    // A search is one of the workspace of its request.
    let admin = json!({"slug": "other"});
    app.json(Method::POST, &format!("{API}/workspaces"), &admin).await.expect(201);
    let body = json!({"experiments": [experiment]});
    app.json(Method::POST, "/w/other/api/v1/runs/search", &body).await.expect(404);
}

#[actix_web::test]
async fn wrong_searches_are_refused_by_their_field() {
    let (app, experiment) = registry(Backend::Sqlite).await;
    let mut transcript = transcript(&app);
    let key = |number: usize| format!("metrics.m{number}");
    for wrong in [
        json!({"experiments": []}),
        json!({"experiments": vec![experiment.clone(); 101]}),
        json!({"experiments": [experiment, "x"]}),
        json!({"experiments": [experiment, "0"]}),
        json!({"experiments": experiment}),
        json!({"experiments": [1]}),
        json!({"experiments": null}),
        json!({"filter": "metrics.loss >"}),
        json!({"filter": "metrics.loss = 'a'"}),
        json!({"filter": "größe = '1'"}),
        json!({"filter": "a\0"}),
        json!({"filter": ["metrics.loss > 1"]}),
        json!({"orderBy": ["metrics.loss UP"]}),
        json!({"orderBy": ["run_name", "attributes.run_name DESC"]}),
        json!({"orderBy": (0..17).map(key).collect::<Vec<_>>()}),
        json!({"orderBy": "metrics.loss"}),
        json!({"view": "deleted"}),
        json!({"view": 1}),
        json!({"pageSize": 0}),
        json!({"pageSize": 1.5}),
        json!({"nextPageToken": "x"}),
        json!({"pageToken": "x"}),
    ] {
        let mut body = json!({"experiments": [experiment]});
        body.as_object_mut().unwrap().extend(wrong.as_object().unwrap().clone());
        transcript.post("/runs/search", body).await.expect(400);
    }
    transcript.raw("POST", "/runs/search", "[]").await.expect(400);
    transcript.raw("POST", "/runs/search", "{").await.expect(400);
    assert_snapshot!(transcript);
    let long = search(&app, json!({"experiments": [experiment], "filter": "x".repeat(100_000)})).await.expect(400);
    assert_eq!(long.member("field"), "filter");
    // A number with a fraction of zero is an integer; more than there may be on a page is as much as there may be.
    let body = json!({"experiments": [experiment], "pageSize": 20000.0});
    search(&app, body).await.expect(200);
    let huge = search(&app, json!({"experiments": [experiment], "filter": "x".repeat(20_000_000)})).await;
    assert_eq!(huge.status, 413);
    let plain = request(Method::POST, &format!("{API}/runs/search")).insert_header(("Content-Type", "text/plain"));
    assert_eq!(app.send(plain.set_payload("{}")).await.status, 415);
}

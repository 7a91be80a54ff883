//! Many points of a run's metrics in one request.

use actix_web::http::Method;
use futures_util::future::join_all;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{API, transcript};
use crate::api::app::TestApp;
use crate::support::{Backend, on_both};

on_both! {
    points_make_metrics_and_become_their_latest,
    everybodys_points_are_there,
}

const KUBEFLOW: &str = "/api/model_registry/v1alpha3";

/// The id of a new run.
async fn run(app: &TestApp) -> String {
    let post = async |path: &str, body: Value| {
        app.json(Method::POST, &format!("{KUBEFLOW}/{path}"), &body).await.expect(201).member("id")
    };
    let experiment = post("experiments", json!({"name": "e"})).await;
    post("experiment_runs", json!({"name": "r", "experimentId": experiment})).await
}

/// What a run measured of each of its metrics, in the order in which it was.
async fn history(app: &TestApp, run: &str, name: &str) -> Vec<(i64, Value)> {
    let path = format!("{KUBEFLOW}/experiment_runs/{run}/metric_history?pageSize=1000");
    let items = app.get(&path).await.expect(200).json()["items"].as_array().unwrap().clone();
    let of_metric = items.into_iter().filter(|item| item["name"] == name);
    of_metric.map(|item| (item["step"].as_i64().unwrap(), item["value"].clone())).collect()
}

async fn append(app: &TestApp, run: &str, points: Value) -> u16 {
    let path = format!("{API}/experiment-runs/{run}/points");
    app.json(Method::POST, &path, &json!({ "points": points })).await.status
}

async fn points_make_metrics_and_become_their_latest(backend: Backend) {
    let app = TestApp::on(backend).await;
    let run = run(&app).await;
    let sent = json!([
        {"name": "loss", "value": 0.5, "step": 1, "timestamp": 1_700_000_000_000_i64},
        {"name": "accuracy", "value": 1},
        {"name": "loss", "value": 0.25, "step": 2.0, "timestamp": null},
    ]);
    assert_eq!(append(&app, &run, sent).await, 204);
    assert_eq!(append(&app, &run, json!([{"name": "loss", "value": 0.125, "step": 3}])).await, 204);
    assert_eq!(history(&app, &run, "loss").await, [(1, json!(0.5)), (2, json!(0.25)), (3, json!(0.125))]);
    assert_eq!(history(&app, &run, "accuracy").await, [(0, json!(1.0))]);
    let path = format!("{KUBEFLOW}/experiment_runs/{run}/artifacts?artifactType=metric");
    let metrics = app.get(&path).await.expect(200).json()["items"].as_array().unwrap().clone();
    let loss = metrics.iter().find(|metric| metric["name"] == "loss").unwrap();
    assert_eq!((&loss["value"], &loss["step"]), (&json!(0.125), &json!(3)));
    // It was made, and measured again once.
    let id = loss["id"].as_str().unwrap();
    let node = app.get(&format!("{API}/nodes/{id}/history")).await.expect(200).json();
    assert_eq!(node["items"].as_array().unwrap().len(), 1, "{node}");
}

async fn everybodys_points_are_there(backend: Backend) {
    let app = TestApp::on(backend).await;
    let run = run(&app).await;
    let points = |writer: i64| {
        let point =
            move |step: i64| json!({"name": format!("m{}", (step + writer) % 5), "value": writer, "step": step});
        Value::from((0..50).map(point).collect::<Vec<_>>())
    };
    let statuses = join_all((0..8).map(|writer| append(&app, &run, points(writer)))).await;
    assert_eq!(statuses, [204; 8]);
    for metric in 0..5 {
        let measured = history(&app, &run, &format!("m{metric}")).await;
        assert_eq!(measured.len(), 80);
        for writer in 0..8 {
            let steps: Vec<i64> = measured
                .iter()
                .filter(|(_, value)| *value == json!(f64::from(writer)))
                .map(|(step, _)| *step)
                .collect();
            assert!(steps.len() == 10 && steps.is_sorted(), "{writer}: {steps:?}");
        }
    }
}

#[actix_web::test]
async fn wrong_points_are_refused_by_their_field() {
    let app = TestApp::new().await;
    let run = run(&app).await;
    let mut transcript = transcript(&app);
    let path = format!("/experiment-runs/{run}/points");
    let good = json!({"name": "a", "value": 1});
    for points in [
        json!([]),
        json!([good, {"name": "", "value": 1}]),
        json!([good, {"name": "b\0", "value": 1}]),
        json!([good, {"name": "b", "value": 1, "step": 9_007_199_254_740_992_i64}]),
        json!([good, {"name": "b", "value": 1, "timestamp": -9_007_199_254_740_992_i64}]),
        json!([good, {"name": "b", "value": 1, "step": 1.5}]),
        json!([good, {"name": "b"}]),
        json!([good, {"name": "b", "value": "much"}]),
        json!([good, {"name": "b", "value": 1, "epoch": 1}]),
        json!({"name": "a"}),
    ] {
        transcript.post(&path, json!({ "points": points })).await.expect(400);
    }
    assert_eq!(append(&app, &run, Value::from(vec![good.clone(); 1001])).await, 400);
    transcript.post("/experiment-runs/999999/points", json!({"points": [good]})).await.expect(404);
    transcript.post("/experiment-runs/x/points", json!({"points": [good]})).await.expect(400);
    // None of them left anything.
    assert_eq!(history(&app, &run, "a").await, []);
    let others =
        json!([{"name": "a", "value": "NaN"}, {"name": "a", "value": "-Infinity"}, {"name": "a", "value": "Infinity"}]);
    assert_eq!(append(&app, &run, others).await, 204);
    assert_eq!(history(&app, &run, "a").await.len(), 3);
    assert_snapshot!(transcript);
}

//! Many writers at once: nothing is lost, nothing is there twice, and nobody is told of a fault of the server.

use actix_web::http::Method;
use futures_util::future::join_all;
use serde_json::json;

use super::super::app::request;
use super::{API, Client};
use crate::support::Backend;

const WRITERS: usize = 32;

async fn one_metric_is_measured_by_many(backend: Backend) {
    let client = Client::on(backend).await;
    let experiment = client.experiment("e").await;
    let path = format!("/experiment_runs/{}/artifacts", client.run(&experiment, "r").await);
    let answers = join_all((0..WRITERS).map(|step| {
        let metric = json!({"artifactType": "metric", "name": "loss", "value": 1, "step": step});
        client.post(&path, metric)
    }));
    for answer in answers.await {
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    assert_eq!(client.names(&path).await, ["loss"]);
    let history = client.get("/experiment_runs/2/metric_history").await.expect(200).json();
    let mut steps: Vec<_> = history["items"].as_array().unwrap().iter().map(|item| item["step"].as_u64()).collect();
    steps.sort_unstable();
    assert_eq!(steps, (0..WRITERS as u64).map(Some).collect::<Vec<_>>());
}

#[actix_web::test]
async fn one_metric_is_measured_by_many_on_sqlite() {
    one_metric_is_measured_by_many(Backend::Sqlite).await;
}

#[actix_web::test]
async fn one_metric_is_measured_by_many_on_postgres() {
    one_metric_is_measured_by_many(Backend::Postgres).await;
}

async fn one_run_is_changed_by_many(backend: Backend) {
    let client = Client::on(backend).await;
    let experiment = client.experiment("e").await;
    let path = format!("/experiment_runs/{}", client.run(&experiment, "r").await);
    let answers = join_all((0..WRITERS).map(|writer| client.patch(&path, json!({"owner": writer.to_string()})))).await;
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(client.get(&path).await.header("etag"), Some(format!("\"{}\"", WRITERS + 1).as_str()));
    let tag = format!("\"{}\"", WRITERS + 1);
    let answers = join_all((0..WRITERS).map(|writer| {
        let sent = request(Method::PATCH, &format!("{API}{path}")).insert_header(("If-Match", tag.as_str()));
        client.0.send(sent.set_json(json!({"owner": writer.to_string()})))
    }));
    let mut statuses: Vec<_> = answers.await.iter().map(|answer| answer.status).collect();
    statuses.sort_unstable();
    assert_eq!(statuses.first(), Some(&200), "one of them wins");
    assert!(statuses[1..].iter().all(|status| *status == 412), "{statuses:?}");
}

#[actix_web::test]
async fn one_run_is_changed_by_many_on_sqlite() {
    one_run_is_changed_by_many(Backend::Sqlite).await;
}

#[actix_web::test]
async fn one_run_is_changed_by_many_on_postgres() {
    one_run_is_changed_by_many(Backend::Postgres).await;
}

async fn one_name_is_taken_once(backend: Backend) {
    let client = Client::on(backend).await;
    client.experiment("e").await;
    client.environment("prod").await;
    client.model("m").await;
    for (path, body) in [
        ("/experiment_runs", json!({"name": "a", "experimentId": "1"})),
        ("/inference_services", json!({"name": "a", "servingEnvironmentId": "2", "registeredModelId": "3"})),
        ("/model_versions", json!({"name": "a", "registeredModelId": "3"})),
    ] {
        let answers = join_all((0..WRITERS).map(|_| client.post(path, body.clone()))).await;
        let created = answers.iter().filter(|answer| answer.status == 201).count();
        let refused = answers.iter().filter(|answer| answer.status == 409).count();
        assert_eq!((created, refused), (1, WRITERS - 1), "{path}");
        assert_eq!(client.names(path).await, ["a"]);
    }
}

#[actix_web::test]
async fn one_name_is_taken_once_on_sqlite() {
    one_name_is_taken_once(Backend::Sqlite).await;
}

#[actix_web::test]
async fn one_name_is_taken_once_on_postgres() {
    one_name_is_taken_once(Backend::Postgres).await;
}

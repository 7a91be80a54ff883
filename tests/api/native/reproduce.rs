//! What is needed to run a run again, on each database.

use actix_web::http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::transcript;
use crate::api::app::TestApp;
use crate::api::kubeflow::Client;
use crate::support::{Backend, on_both_in_actix};

/// Where MLflow's API is.
const MLFLOW: &str = "/api/2.0/mlflow";

async fn mlflow(app: &TestApp, path: &str, body: Value) -> Value {
    app.json(Method::POST, &format!("{MLFLOW}/{path}"), &body).await.expect(200).json()
}

/// A run of a new experiment of MLflow's: its id there, and where its files are.
async fn run(app: &TestApp, tags: &[(&str, &str)]) -> (String, String) {
    let experiment = mlflow(app, "experiments/create", json!({"name": "größe"})).await["experiment_id"].clone();
    let tags: Vec<Value> = tags.iter().map(|(key, value)| json!({"key": key, "value": value})).collect();
    let made = mlflow(app, "runs/create", json!({"experiment_id": experiment, "tags": tags})).await;
    let info = &made["run"]["info"];
    let place = info["artifact_uri"].as_str().unwrap().strip_prefix("mlflow-artifacts:/").unwrap();
    (info["run_id"].as_str().unwrap().to_owned(), format!("/api/2.0/mlflow-artifacts/artifacts/{place}"))
}

/// The answer about the only run of the only experiment.
async fn reproduction(app: &TestApp) -> Value {
    let experiments = app.get("/api/v1/experiments/@name:gr%C3%B6%C3%9Fe").await.expect(200).member("id");
    let body = json!({"experiments": [experiments]});
    let found = app.json(Method::POST, "/api/v1/runs/search", &body).await.expect(200).json();
    let id = found["items"][0]["id"].as_str().unwrap();
    app.get(&format!("/api/v1/runs/{id}/reproduce")).await.expect(200).json()
}

async fn what_was_recorded_is_shown(backend: Backend) {
    let app = TestApp::on(backend).await;
    let (id, files) = run(
        &app,
        &[
            ("mlflow.source.name", "train.py"),
            ("mlflow.source.type", "LOCAL"),
            ("mlflow.source.git.commit", "0123456789abcdef"),
            ("mlflow.source.git.repoURL", "https://git.example.org/ü"),
            ("mlflow.source.git.branch", "main"),
            ("mlflow.project.entryPoint", "main"),
            ("mlflow.docker.image.uri", "registry.example.org/train@sha256:00"),
        ],
    )
    .await;
    mlflow(&app, "runs/log-parameter", json!({"run_id": id, "key": "rate", "value": "0.1"})).await;
    let dataset =
        json!({"name": "rows", "digest": "abc", "source_type": "http", "source": "https://data.example.org/rows"});
    let tags = json!([{"key": "mlflow.data.context", "value": "training"}]);
    mlflow(&app, "runs/log-inputs", json!({"run_id": id, "datasets": [{"dataset": dataset, "tags": tags}]})).await;
    for path in [
        "requirements.txt",
        "model/conda.yaml",
        "model/python_env.yaml",
        "model/python-env.yaml",
        "model/MLmodel",
        "conda.yaml/x",
        "my-conda.yaml",
    ] {
        app.put(&format!("{files}/{path}"), format!("of {path}")).await.expect(200);
    }
    let found = reproduction(&app).await;
    assert_eq!((&found["runId"], &found["experiment"], &found["missing"]), (&json!(id), &json!("größe"), &json!([])));
    let code = json!({
        "source": "train.py",
        "sourceType": "LOCAL",
        "repository": "https://git.example.org/ü",
        "branch": "main",
        "commit": "0123456789abcdef",
        "entryPoint": "main",
    });
    assert_eq!((&found["code"], &found["parameters"]), (&code, &json!({"rate": "0.1"})));
    assert_eq!(found["image"], json!({"uri": "registry.example.org/train@sha256:00"}));
    let [read] = found["datasets"].as_array().unwrap().as_slice() else { panic!("{found}") };
    assert_eq!(
        (&read["name"], &read["digest"], &read["tags"]),
        (&json!("rows"), &json!("abc"), &json!({"mlflow.data.context": "training"}))
    );
    let environment = found["environment"].as_array().unwrap();
    let paths: Vec<&str> = environment.iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert_eq!(paths, ["model/conda.yaml", "model/python_env.yaml", "requirements.txt"]);
    // Each can be fetched by what is said of it.
    for file in environment {
        let path = format!(
            "/api/v1/artifacts/{}/files/{}",
            file["artifactId"].as_str().unwrap(),
            file["path"].as_str().unwrap()
        );
        let bytes = app.get(&path).await.expect(200);
        assert_eq!(bytes.header("etag").unwrap(), format!("\"{}\"", file["sha256"].as_str().unwrap()));
    }
}

async fn what_nobody_recorded_is_missing(backend: Backend) {
    let app = TestApp::on(backend).await;
    let (id, _) = run(&app, &[("mlflow.source.git.commit", "")]).await;
    let found = reproduction(&app).await;
    assert_eq!(found["missing"], json!(["commit", "repository", "entryPoint", "datasets", "environment"]));
    assert_eq!((&found["code"], &found["image"], &found["environment"]), (&json!({}), &Value::Null, &json!([])));
    let dataset = json!({"name": "rows", "digest": "abc", "source_type": "http", "source": "https://data.example.org"});
    mlflow(&app, "runs/log-inputs", json!({"run_id": id, "datasets": [{"dataset": dataset}]})).await;
    mlflow(&app, "runs/set-tag", json!({"run_id": id, "key": "mlflow.docker.image.id", "value": "sha256:00"})).await;
    let found = reproduction(&app).await;
    assert_eq!(found["missing"], json!(["commit", "repository", "entryPoint"]));
    assert_eq!(found["image"], json!({"id": "sha256:00"}));
}

async fn runs_of_kubeflow_are_shown(backend: Backend) {
    let client = Client::on(backend).await;
    let experiment = client.experiment("größe").await;
    let run = client.run(&experiment, "run").await;
    let dataset = json!({"artifactType": "dataset-artifact", "name": "rows", "uri": "s3://rows"});
    client.post(&format!("/experiment_runs/{run}/artifacts"), dataset).await.expect(200);
    let found = client.0.get(&format!("/api/v1/runs/{run}/reproduce")).await.expect(200).json();
    assert_eq!((&found["run"]["id"], &found["datasets"][0]["name"]), (&json!(run), &json!("rows")));
    assert_eq!(found["missing"], json!(["commit", "repository", "entryPoint", "datasetDigest", "environment"]));
}

on_both_in_actix! {
    what_was_recorded_is_shown,
    what_nobody_recorded_is_missing,
    runs_of_kubeflow_are_shown,
}

#[actix_web::test]
async fn success_and_errors() {
    let client = Client::new().await;
    let model = client.model("demo").await;
    let experiment = client.experiment("tuning").await;
    let run = client.run(&experiment, "run").await;
    let mut transcript = transcript(&client.0);
    transcript.get(&format!("/runs/{run}/reproduce")).await.expect(200);
    transcript.get(&format!("/runs/{run}/reproduce?deep=true")).await.expect(400);
    for (id, status) in [(model.as_str(), 404), (&experiment, 404), ("99", 404), ("abc", 400), ("0", 400), ("-1", 400)]
    {
        transcript.get(&format!("/runs/{id}/reproduce")).await.expect(status);
    }
    assert_snapshot!(transcript);
}

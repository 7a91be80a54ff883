//! Kubeflow's REST API: success and each client error of every operation, as its contract has them.

mod aliases;
mod artifact_kinds;
mod attaching;
mod bodies;
mod by_name;
mod concurrency;
mod conditional;
mod experiment_runs;
mod experiments;
mod filter_limits;
mod filtered_lists;
mod filters;
mod finding;
mod lists;
mod long_lists;
mod metric_history;
mod model_artifacts;
mod model_versions;
mod names;
mod operations;
mod paging;
mod patching;
mod paths;
mod registered_models;
mod removal;
mod run_artifacts;
mod serves;
mod serving;
mod values;

use actix_web::http::Method;
use serde_json::{Value, json};

use super::app::{Answer, TestApp};
use super::transcript::Transcript;
use crate::support::Backend;

/// Where the API is.
pub const API: &str = "/api/model_registry/v1alpha3";

/// The content type of every answer.
const CONTENT_TYPE: &str = "application/json; charset=UTF-8";

/// A client of the API.
pub struct Client(pub TestApp);

impl Client {
    pub async fn new() -> Self {
        Self(TestApp::new().await)
    }

    pub async fn on(backend: Backend) -> Self {
        Self(TestApp::on(backend).await)
    }

    pub fn transcript(&self) -> Transcript<'_> {
        Transcript::new(&self.0, API)
    }

    #[track_caller]
    fn checked(answer: Answer) -> Answer {
        assert_eq!(answer.content_type(), CONTENT_TYPE);
        answer
    }

    pub async fn get(&self, path: &str) -> Answer {
        Self::checked(self.0.get(&format!("{API}{path}")).await)
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        Self::checked(self.0.json(Method::POST, &format!("{API}{path}"), &body).await)
    }

    pub async fn patch(&self, path: &str, body: Value) -> Answer {
        Self::checked(self.0.json(Method::PATCH, &format!("{API}{path}"), &body).await)
    }

    /// Creates a registered model, and returns its id.
    pub async fn model(&self, name: &str) -> String {
        self.post("/registered_models", json!({"name": name})).await.expect(201).member("id")
    }

    /// Creates a version, and returns its id.
    pub async fn version(&self, model: &str, name: &str) -> String {
        let body = json!({"name": name, "registeredModelId": model});
        self.post("/model_versions", body).await.expect(201).member("id")
    }

    /// Creates an artifact of a version, and returns its id.
    pub async fn artifact(&self, version: &str, name: &str) -> String {
        let body = json!({"artifactType": "model-artifact", "name": name, "uri": format!("s3://bucket/{name}")});
        self.post(&format!("/model_versions/{version}/artifacts"), body).await.expect(201).member("id")
    }

    /// Creates an experiment, and returns its id.
    pub async fn experiment(&self, name: &str) -> String {
        self.post("/experiments", json!({"name": name})).await.expect(201).member("id")
    }

    /// Creates a run, and returns its id.
    pub async fn run(&self, experiment: &str, name: &str) -> String {
        let body = json!({"name": name, "experimentId": experiment});
        self.post("/experiment_runs", body).await.expect(201).member("id")
    }

    /// Measures a metric of a run, and returns the metric's id.
    pub async fn measure(&self, run: &str, name: &str, step: i64, value: f64) -> String {
        let body = json!({"artifactType": "metric", "name": name, "step": step, "value": value});
        self.post(&format!("/experiment_runs/{run}/artifacts"), body).await.expect(200).member("id")
    }

    /// Creates a serving environment, and returns its id.
    pub async fn environment(&self, name: &str) -> String {
        self.post("/serving_environments", json!({"name": name})).await.expect(201).member("id")
    }

    /// Creates an inference service, and returns its id.
    pub async fn service(&self, environment: &str, model: &str, name: &str) -> String {
        let body = json!({"name": name, "servingEnvironmentId": environment, "registeredModelId": model});
        self.post("/inference_services", body).await.expect(201).member("id")
    }

    /// The path of a list that is narrowed by a `filterQuery`.
    pub fn filter(list: &str, filter: &str) -> String {
        let join = if list.contains('?') { '&' } else { '?' };
        let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        format!("{list}{join}filterQuery={filter}")
    }

    /// The names in a list that is narrowed by a `filterQuery`.
    pub async fn filtered(&self, list: &str, filter: &str) -> Vec<String> {
        let answer = self.get(&Self::filter(list, filter)).await;
        assert_eq!(answer.status, 200, "{list} {filter}: {}", answer.text());
        let list = answer.json();
        list["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    }

    /// The names in a list.
    pub async fn names(&self, path: &str) -> Vec<String> {
        let list = self.get(path).await.expect(200).json();
        list["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
    }
}

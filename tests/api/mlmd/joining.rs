//! Artifacts that have files when they become part of a version: the policy of its model holds for them at once, whichever door
//! they come through.

use std::time::Duration;

use actix_web::test::TestRequest;
use modelport::api::mlmd::pb;
use modelport::domain::LogicalType;
use modelport::registry::inspection::REEVALUATE_MODEL;
use modelport::registry::jobs::{RunningJob, Stopping};
use serde_json::{Value, json};

use super::users_types::Scene;
use crate::support::{Backend, on_both};

on_both! {
    an_attribution_is_evaluated_at_once,
    a_published_execution_is_evaluated_at_once,
    a_subgraph_is_evaluated_at_once,
    what_clients_of_kubeflow_attach_is_evaluated_at_once,
    an_artifact_of_a_run_is_held_to_the_versions_policy,
    what_an_owner_allows_stays_allowed,
    a_softer_policy_releases_at_once,
    many_files_are_left_to_a_job,
}

const KUBEFLOW: &str = "/api/model_registry/v1alpha3";

/// A pickle that runs a command when it is loaded.
const DANGER: &[u8] = b"cos\nsystem\n(S'true'\ntR.";

impl Scene {
    /// A model `m` that takes nothing but ONNX, and a file of something else in an artifact that belongs to no version yet.
    async fn strict(backend: Backend) -> Self {
        let scene = Self::new(backend).await;
        scene.policy(json!({"allowedFormats": ["onnx"]})).await;
        scene.put(&scene.file(), b"text").await.expect(201);
        scene.get(&scene.file()).await.expect(200);
        scene
    }

    async fn policy(&self, policy: Value) {
        self.send(TestRequest::put().uri("/api/v1/models/m/policy").set_json(policy)).await.expect(200);
        let registry = &self.door.registry;
        let job = registry
            .jobs
            .claim_job(&registry.own_context(), REEVALUATE_MODEL, "test", Duration::from_secs(60), 3)
            .await
            .unwrap()
            .unwrap();
        let running = RunningJob::new(registry.clone(), registry.own_context(), job, Stopping::never());
        let result = registry.inspections.reevaluate_model(&running.context, running.clone()).await.unwrap();
        let end = modelport::domain::job::JobEnd::Succeeded(result);
        assert!(registry.jobs.finish_job(&running.context, &running, "test", end).await.unwrap());
    }

    fn file(&self) -> String {
        format!("{}/a.txt", self.files())
    }

    /// The context that the version is, as it is used again.
    async fn version_context(&self) -> pb::Context {
        let request = pb::GetContextsByIdRequest { context_ids: vec![self.version], ..Default::default() };
        let answer: pb::GetContextsByIdResponse = self.door.call("GetContextsByID", request).await.unwrap();
        let name = answer.contexts[0].name.clone();
        pb::Context { type_id: Some(LogicalType::ModelVersion.id()), name, ..Default::default() }
    }

    async fn execution(&self) -> pb::Execution {
        pb::Execution { type_id: Some(self.door.execution_type("Step").await), ..Default::default() }
    }

    /// It is quarantined because of its format, and its history says so last.
    async fn is_quarantined(&self) {
        let refused = self.get(&self.file()).await.expect(403).json();
        assert!(refused.to_string().contains("`onnx`"), "{refused}");
        let history = self.get(&format!("/api/v1/nodes/{}/history", self.weights)).await.expect(200).json();
        let entries = history["items"].as_array().unwrap();
        let last = entries.iter().max_by_key(|entry| entry["revision"].as_i64()).unwrap();
        assert_eq!(last["action"], "update", "{history}");
        let ids: Vec<i64> = entries.iter().map(|entry| entry["revision"].as_i64().unwrap()).collect();
        assert!(ids.is_sorted() || ids.iter().rev().is_sorted(), "{history}");
        let registry = &self.door.registry;
        let job = registry.jobs.claim_job(&registry.own_context(), REEVALUATE_MODEL, "test", Duration::ZERO, 3).await;
        assert_eq!(job.unwrap(), None);
    }
}

async fn an_attribution_is_evaluated_at_once(backend: Backend) {
    let scene = Scene::strict(backend).await;
    scene.door.attribute(scene.version, scene.weights).await;
    scene.is_quarantined().await;
    // Said again, it changes nothing.
    let before = scene.door.get(&[scene.weights]).await;
    scene.door.attribute(scene.version, scene.weights).await;
    assert_eq!(scene.door.get(&[scene.weights]).await, before);
}

async fn a_published_execution_is_evaluated_at_once(backend: Backend) {
    let scene = Scene::strict(backend).await;
    let mut changed = scene.door.get(&[scene.weights]).await.remove(0);
    changed.custom_properties.insert("by".to_owned(), super::int(1));
    let event = pb::Event { r#type: Some(4), ..Default::default() };
    let pair = pb::put_execution_request::ArtifactAndEvent { artifact: Some(changed), event: Some(event) };
    let request = pb::PutExecutionRequest {
        execution: Some(scene.execution().await),
        artifact_event_pairs: vec![pair],
        contexts: vec![scene.version_context().await],
        options: Some(pb::put_execution_request::Options {
            reuse_context_if_already_exist: Some(true),
            ..Default::default()
        }),
        ..Default::default()
    };
    let _: pb::PutExecutionResponse = scene.door.call("PutExecution", request).await.unwrap();
    scene.is_quarantined().await;
    assert!(scene.door.get(&[scene.weights]).await[0].custom_properties.contains_key("by"));
}

async fn a_subgraph_is_evaluated_at_once(backend: Backend) {
    let scene = Scene::strict(backend).await;
    let request = pb::PutLineageSubgraphRequest {
        executions: vec![scene.execution().await],
        artifacts: scene.door.get(&[scene.weights]).await,
        contexts: vec![scene.version_context().await],
        options: Some(pb::put_lineage_subgraph_request::Options {
            reuse_context_if_already_exist: Some(true),
            ..Default::default()
        }),
        ..Default::default()
    };
    let _: pb::PutLineageSubgraphResponse = scene.door.call("PutLineageSubgraph", request).await.unwrap();
    scene.is_quarantined().await;
}

impl Scene {
    /// In place of the artifact of a user's type, a model artifact of that home with the same file.
    async fn with_model_artifact(mut self, made_in: &str) -> Self {
        let make = TestRequest::post().uri(&format!("{KUBEFLOW}/{made_in}"));
        let made = self.send(make.set_json(json!({"artifactType": "model-artifact", "name": "w"}))).await.expect(201);
        self.weights = made.json()["id"].as_str().unwrap().parse().unwrap();
        self.put(&self.file(), b"text").await.expect(201);
        self.get(&self.file()).await.expect(200);
        self
    }

    async fn attach(&self) -> Value {
        let attach = TestRequest::post().uri(&format!("{KUBEFLOW}/model_versions/{}/artifacts", self.version));
        let body = json!({"artifactType": "model-artifact", "id": self.weights.to_string()});
        self.send(attach.set_json(body)).await.expect(200).json()
    }
}

async fn what_clients_of_kubeflow_attach_is_evaluated_at_once(backend: Backend) {
    let scene = Scene::strict(backend).await.with_model_artifact("artifacts").await;
    let answer = scene.attach().await;
    scene.is_quarantined().await;
    // What is answered is the artifact as it is afterwards.
    let now = scene.get(&format!("{KUBEFLOW}/artifacts/{}", scene.weights)).await.expect(200).json();
    assert_eq!(answer, now);
}

async fn an_artifact_of_a_run_is_held_to_the_versions_policy(backend: Backend) {
    let scene = Scene::strict(backend).await;
    let experiment = scene.door.context(LogicalType::Experiment, "e", &[]).await;
    let run = scene.door.context(LogicalType::ExperimentRun, &format!("{experiment}:r"), &[]).await;
    let scene = scene.with_model_artifact(&format!("experiment_runs/{run}/artifacts")).await;
    scene.attach().await;
    scene.is_quarantined().await;
    // So it is by the job, when the model's policy changes.
    scene.policy(json!({})).await;
    scene.get(&scene.file()).await.expect(200);
    scene.policy(json!({"allowedFormats": ["onnx"]})).await;
    scene.get(&scene.file()).await.expect(403);
}

async fn what_an_owner_allows_stays_allowed(backend: Backend) {
    let scene = Scene::strict(backend).await;
    let other = scene.door.version("other").await;
    let scene = scene.with_model_artifact(&format!("model_versions/{other}/artifacts")).await;
    let before = scene.door.get(&[scene.weights]).await;
    scene.attach().await;
    scene.get(&scene.file()).await.expect(200);
    assert_eq!(scene.door.get(&[scene.weights]).await[0].custom_properties, before[0].custom_properties);
}

async fn a_softer_policy_releases_at_once(backend: Backend) {
    let scene = Scene::new(backend).await;
    scene.policy(json!({"findings": {"danger": "warn"}})).await;
    scene.put(&scene.file(), DANGER).await.expect(201);
    scene.get(&scene.file()).await.expect(403);
    scene.door.attribute(scene.version, scene.weights).await;
    scene.get(&scene.file()).await.expect(200);
}

async fn many_files_are_left_to_a_job(backend: Backend) {
    let scene = Scene::strict(backend).await;
    for number in 0..100 {
        scene.put(&format!("{}/{number}", scene.files()), b"text").await.expect(201);
    }
    scene.door.attribute(scene.version, scene.weights).await;
    scene.get(&scene.file()).await.expect(200);
    let registry = &scene.door.registry;
    let job = registry
        .jobs
        .claim_job(&registry.own_context(), REEVALUATE_MODEL, "test", Duration::from_secs(60), 3)
        .await
        .unwrap()
        .unwrap();
    let running = RunningJob::new(registry.clone(), registry.own_context(), job, Stopping::never());
    let result = registry.inspections.reevaluate_model(&running.context.clone(), running).await.unwrap();
    assert_eq!(result, json!({"files": 101, "quarantined": 101, "released": 0}));
    scene.get(&scene.file()).await.expect(403);
}

//! Artifacts of types that users of ML Metadata made, attributed to a version: the native API has them as the version's own.

use actix_web::http::Method;
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use bytes::Bytes;
use modelport::api::mlmd::pb;
use modelport::api::server::Service;
use modelport::domain::Actor;
use modelport::domain::access::Access;
use modelport::domain::job::JobEnd;
use modelport::registry::inspection::REEVALUATE_MODEL;
use modelport::registry::jobs::{RunningJob, Stopping};
use serde_json::{Value, json};

use super::{Door, artifact};
use crate::support::{Backend, on_both};

on_both! {
    it_is_among_the_artifacts_of_its_version,
    it_holds_files,
    what_its_files_say_become_free_properties,
    the_policy_of_its_versions_model_holds,
    other_nodes_of_users_types_hold_no_files,
    clients_of_kubeflow_are_not_shown_what_they_cannot_read,
}

/// A version `1` of a model `m` that has an artifact of a user's type.
pub(super) struct Scene {
    pub(super) door: Door,
    pub(super) version: i64,
    pub(super) weights: i64,
}

pub(super) struct Answer {
    status: u16,
    etag: Option<String>,
    body: Bytes,
}

impl Answer {
    #[track_caller]
    pub(super) fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.body));
        self
    }

    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }
}

impl Scene {
    pub(super) async fn new(backend: Backend) -> Self {
        let door = Door::new(backend).await;
        let version = door.version("m").await;
        let weights = door.artifact_type("my.Weights").await;
        let weights = door.put(vec![artifact(weights, "weights")]).await.unwrap()[0];
        Self { door, version, weights }
    }

    async fn attributed(backend: Backend) -> Self {
        let scene = Self::new(backend).await;
        scene.door.attribute(scene.version, scene.weights).await;
        scene
    }

    pub(super) async fn send(&self, request: TestRequest) -> Answer {
        let app = init_service(Service::new(self.door.registry.clone(), 1 << 20).unwrap().app()).await;
        let response = call_service(&app, request.to_request()).await;
        let etag = response.headers().get("etag").map(|tag| tag.to_str().unwrap().to_owned());
        Answer { status: response.status().as_u16(), etag, body: read_body(response).await }
    }

    pub(super) async fn get(&self, path: &str) -> Answer {
        self.send(TestRequest::get().uri(path)).await
    }

    pub(super) async fn put(&self, path: &str, body: &'static [u8]) -> Answer {
        self.send(TestRequest::put().uri(path).set_payload(body)).await
    }

    pub(super) fn files(&self) -> String {
        format!("/api/v1/artifacts/{}/files", self.weights)
    }

    async fn artifact(&self) -> pb::Artifact {
        self.door.get(&[self.weights]).await.remove(0)
    }
}

const VERSION: &str = "/api/v1/models/m/versions/1";

async fn it_is_among_the_artifacts_of_its_version(backend: Backend) {
    let scene = Scene::new(backend).await;
    let before = scene.get(VERSION).await.expect(200);
    assert_eq!(before.json()["artifacts"], json!([]));
    scene.door.attribute(scene.version, scene.weights).await;
    let after = scene.get(VERSION).await.expect(200);
    assert_ne!(before.etag, after.etag);
    let artifacts = after.json()["artifacts"].clone();
    assert_eq!(artifacts.as_array().unwrap().len(), 1, "{artifacts}");
    assert_eq!(artifacts[0]["id"], scene.weights.to_string());
    assert_eq!((&artifacts[0]["type"], &artifacts[0]["name"]), (&json!("my.Weights"), &json!("weights")));
    let lineage = format!("/api/v1/nodes/{}/lineage?direction=upstream", scene.version);
    let nodes = scene.get(&lineage).await.expect(200).json()["nodes"].clone();
    assert!(nodes.as_array().unwrap().iter().any(|node| node["type"] == "my.Weights"), "{nodes}");
}

async fn it_holds_files(backend: Backend) {
    let scene = Scene::attributed(backend).await;
    let file = format!("{}/a.bin", scene.files());
    let made = scene.put(&file, b"bytes").await.expect(201);
    assert_eq!(made.json()["artifactId"], scene.weights.to_string());
    scene.put(&file, b"others").await.expect(409);
    let replace = TestRequest::put().uri(&file).insert_header(("If-Match", made.etag.unwrap()));
    scene.send(replace.set_payload("others")).await.expect(200);
    assert_eq!(scene.get(&format!("{VERSION}/files/a.bin")).await.expect(200).body, "others");
    // Into the version, too, where it has the path; the version's own artifact is not made for it.
    scene.put(&format!("{VERSION}/files/a.bin"), b"others").await.expect(200);
    let shown = scene.get(VERSION).await.expect(200).json();
    assert_eq!(shown["files"][0]["artifactId"], scene.weights.to_string());
    let place = format!("https://models.example{file}");
    assert_eq!((&shown["artifacts"][0]["uri"], shown["artifacts"].as_array().unwrap().len()), (&json!(place), 1));
    // What is sent back as it was shown is not the client's own.
    let read = scene.artifact().await;
    assert_eq!(read.uri(), place);
    scene.door.put(vec![read]).await.unwrap();
    scene.put(&format!("{}/b.bin", scene.files()), b"more").await.expect(201);
    assert_eq!(scene.artifact().await.uri(), format!("https://models.example{}", scene.files()));
    assert_eq!(scene.get(&scene.files()).await.expect(200).json()["items"].as_array().unwrap().len(), 2);
    scene.get(&format!("{}?archive=zip", scene.files())).await.expect(200);
    scene.get(&format!("{VERSION}/files?archive=tar")).await.expect(200);
    for file in ["a.bin", "b.bin"] {
        scene.send(TestRequest::delete().uri(&format!("{}/{file}", scene.files()))).await.expect(204);
    }
    assert_eq!(scene.artifact().await.uri(), "");
    let mut archive = scene.put(&format!("{VERSION}/files/c.bin"), b"own").await.expect(201);
    archive = Answer { body: scene.get(&format!("{VERSION}/files?archive=zip")).await.expect(200).body, ..archive };
    let unpack = TestRequest::put().uri(&format!("{}?unpack=true", scene.files())).set_payload(archive.body);
    scene.send(unpack.insert_header(("Content-Type", "application/zip"))).await.expect(201);
    assert_eq!(scene.get(&format!("{}/c.bin", scene.files())).await.expect(200).body, "own");
    let history = scene.get(&format!("/api/v1/nodes/{}/history", scene.weights)).await.expect(200).json();
    let actions: Vec<&str> =
        history["items"].as_array().unwrap().iter().map(|each| each["action"].as_str().unwrap()).collect();
    assert_eq!(actions.iter().filter(|action| **action == "file.put").count(), 4, "{actions:?}");
    assert_eq!(actions.iter().filter(|action| **action == "file.delete").count(), 2, "{actions:?}");
}

async fn what_its_files_say_become_free_properties(backend: Backend) {
    let scene = Scene::attributed(backend).await;
    scene.put(&format!("{}/a.pkl", scene.files()), b"\x80\x04K\x01.").await.expect(201);
    let read = scene.artifact().await;
    let said = |name: &str| match read.custom_properties[name].value.as_ref().unwrap() {
        pb::value::Value::StringValue(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!((said("model_format_name"), said("scan_verdict")), ("pickle".to_owned(), "clean".to_owned()));
    assert_eq!(read.properties.len(), 0);
    // It can be put as it is.
    scene.door.put(vec![read]).await.unwrap();
    scene.send(TestRequest::delete().uri(&format!("{}/a.pkl", scene.files()))).await.expect(204);
    assert_eq!(scene.artifact().await.custom_properties.len(), 0);
}

async fn the_policy_of_its_versions_model_holds(backend: Backend) {
    const DANGER: &[u8] = b"cos\nsystem\n(S'true'\ntR.";
    let scene = Scene::attributed(backend).await;
    let file = format!("{}/a.pkl", scene.files());
    scene.put(&file, DANGER).await.expect(201);
    scene.get(&file).await.expect(403);
    for (findings, status) in [("warn", 200), ("quarantine", 403)] {
        let policy = TestRequest::put().uri("/api/v1/models/m/policy");
        scene.send(policy.set_json(json!({"findings": {"danger": findings}}))).await.expect(200);
        let registry = &scene.door.registry;
        let lease = std::time::Duration::from_secs(60);
        let job = registry
            .jobs
            .claim_job(
                &registry.context(Actor::anonymous("test"), Access::unrestricted()),
                REEVALUATE_MODEL,
                "test",
                lease,
                3,
            )
            .await
            .unwrap()
            .unwrap();
        let running = RunningJob::new(registry.clone(), registry.own_context(), job, Stopping::never());
        let result = registry.inspections.reevaluate_model(&running.context, running.clone()).await.unwrap();
        assert_eq!(result["files"], 1);
        assert!(
            registry
                .jobs
                .finish_job(
                    &registry.context(Actor::anonymous("test"), Access::unrestricted()),
                    &running,
                    "test",
                    JobEnd::Succeeded(result)
                )
                .await
                .unwrap()
        );
        scene.get(&file).await.expect(status);
    }
    let policy = TestRequest::put().uri("/api/v1/models/m/policy");
    scene.send(policy.set_json(json!({"findings": {"danger": "refuse"}, "maxFileBytes": 30}))).await.expect(200);
    scene.put(&format!("{}/b.pkl", scene.files()), DANGER).await.expect(400);
    scene.put(&format!("{}/long", scene.files()), &[b'x'; 31]).await.expect(413);
}

async fn other_nodes_of_users_types_hold_no_files(backend: Backend) {
    let scene = Scene::attributed(backend).await;
    let step = scene.door.execution_type("Step").await;
    let execution = pb::Execution { type_id: Some(step), ..Default::default() };
    let request = pb::PutExecutionsRequest { executions: vec![execution], ..Default::default() };
    let step = scene.door.call::<pb::PutExecutionsResponse>("PutExecutions", request).await.unwrap().execution_ids[0];
    let group = scene.door.context_type("Group").await;
    let context = pb::Context { type_id: Some(group), name: Some("g".to_owned()), ..Default::default() };
    let request = pb::PutContextsRequest { contexts: vec![context], ..Default::default() };
    let group = scene.door.call::<pb::PutContextsResponse>("PutContexts", request).await.unwrap().context_ids[0];
    for node in [step, group, scene.version, i64::MAX] {
        scene.put(&format!("/api/v1/artifacts/{node}/files/a"), b"a").await.expect(404);
        scene.get(&format!("/api/v1/artifacts/{node}/files")).await.expect(404);
    }
}

async fn clients_of_kubeflow_are_not_shown_what_they_cannot_read(backend: Backend) {
    const KUBEFLOW: &str = "/api/model_registry/v1alpha3";
    let scene = Scene::attributed(backend).await;
    for list in ["artifacts".to_owned(), format!("model_versions/{}/artifacts", scene.version)] {
        let page = scene.get(&format!("{KUBEFLOW}/{list}")).await.expect(200).json();
        assert_eq!((&page["items"], &page["size"]), (&json!([]), &json!(0)), "{list}");
    }
    scene.get(&format!("{KUBEFLOW}/artifacts/{}", scene.weights)).await.expect(404);
    let rename = TestRequest::default().method(Method::PATCH).uri(&format!("{KUBEFLOW}/artifacts/{}", scene.weights));
    scene.send(rename.set_json(json!({"artifactType": "model-artifact"}))).await.expect(404);
}

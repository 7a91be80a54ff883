//! What a model was trained on leads to whatever serves it, however and in whichever order that was said.

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::api::app::TestApp;
use crate::api::edge::{Form, archive};
use crate::api::kubeflow::Client;
use crate::support::{Backend, on_both};

on_both! {
    every_order_of_calls_leads_from_the_data_to_the_service,
    a_file_that_makes_the_artifact_is_as_good,
    what_a_run_made_is_not_what_it_used,
    holding_the_same_artifact_makes_no_ancestor,
    two_versions_of_one_run_are_not_made_of_each_other,
    what_was_made_of_an_earlier_version_says_so,
    a_service_that_follows_a_model_serves_its_newest_version,
    a_deployment_leads_to_its_service,
    an_execution_that_wrote_a_versions_own_artifact_made_it,
    a_record_of_the_edge_registry_can_be_made_by_a_run,
    a_long_way_is_followed_to_its_end,
    what_does_not_fit_is_asked_hop_by_hop,
}

/// The ids of the nodes that a node leads to on that way, but for itself.
async fn reached(app: &TestApp, id: &str, direction: &str) -> Vec<String> {
    let path = format!("/api/v1/nodes/{id}/lineage?direction={direction}&depth=20");
    let graph = app.get(&path).await.expect(200).json();
    assert_eq!(graph["truncated"], false);
    // Who follows the edges has to come to the same.
    let edges: Vec<(String, String)> = graph["edges"]
        .as_array()
        .unwrap()
        .iter()
        .map(|edge| (edge["from"].as_str().unwrap().to_owned(), edge["to"].as_str().unwrap().to_owned()))
        .map(|(from, to)| if direction == "upstream" { (to, from) } else { (from, to) })
        .collect();
    let mut found = vec![id.to_owned()];
    let mut at = 0;
    while let Some(near) = found.get(at).cloned() {
        for (_, far) in edges.iter().filter(|(from, _)| *from == near) {
            if !found.contains(far) {
                found.push(far.clone());
            }
        }
        at += 1;
    }
    let mut nodes: Vec<String> =
        graph["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap().to_owned()).collect();
    nodes.sort();
    found.sort();
    assert_eq!(found, nodes, "edges lead to every node");
    found.retain(|node| node != id);
    found
}

#[track_caller]
fn has(found: &[String], wanted: &[&String]) {
    let missing: Vec<_> = wanted.iter().filter(|id| !found.contains(id)).collect();
    assert!(missing.is_empty(), "{missing:?} not in {found:?}");
}

#[track_caller]
fn lacks(found: &[String], unwanted: &[&String]) {
    let there: Vec<_> = unwanted.iter().filter(|id| found.contains(id)).collect();
    assert!(there.is_empty(), "{there:?} in {found:?}");
}

fn permutations<T: Copy>(of: &[T]) -> Vec<Vec<T>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for at in 0..of.len() {
        let mut rest = of.to_vec();
        let first = rest.remove(at);
        all.extend(permutations(&rest).into_iter().map(|rest| [vec![first], rest].concat()));
    }
    all
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Call {
    AttachData,
    PutFile,
    AttachArtifact,
    Deploy,
}

/// What a training touches.
struct Scene {
    client: Client,
    name: String,
    model: String,
    version: String,
    run: String,
    environment: String,
}

impl Scene {
    async fn new(backend: Backend) -> Self {
        let client = Client::on(backend).await;
        let environment = client.environment("production").await;
        let experiment = client.experiment("experiment").await;
        let (model, run) = (client.model("m").await, client.run(&experiment, "run").await);
        let version = client.version(&model, "1").await;
        Self { client, name: "m".to_owned(), model, version, run, environment }
    }

    /// The next one, in the same registry.
    async fn again(self, number: usize) -> Self {
        let Self { client, environment, .. } = self;
        let name = format!("m{number}");
        let experiment = client.experiment(&name).await;
        let (model, run) = (client.model(&name).await, client.run(&experiment, "run").await);
        let version = client.version(&model, "1").await;
        Self { client, name, model, version, run, environment }
    }

    async fn in_run(&self, body: Value) -> String {
        let path = format!("/experiment_runs/{}/artifacts", self.run);
        self.client.post(&path, body).await.expect(200).member("id")
    }

    async fn attach(&self, context: &str, kind: &str, id: &str) {
        let body = json!({"artifactType": kind, "id": id});
        self.client.post(&format!("/{context}/artifacts"), body).await.expect(200);
    }

    /// Of the version, the id of the artifact.
    async fn put_file(&self) -> String {
        let path = format!("/api/v1/models/{}/versions/1/files/model.bin", self.name);
        self.client.0.put(&path, self.name.clone()).await.expect(201).member("artifactId")
    }

    async fn service(&self, with_version: bool) -> String {
        let mut body = json!({"name": self.name, "servingEnvironmentId": self.environment,
            "registeredModelId": self.model});
        if with_version {
            body["modelVersionId"] = self.version.clone().into();
        }
        self.client.post("/inference_services", body).await.expect(201).member("id")
    }

    async fn deployment(&self, service: &str) -> String {
        let body = json!({"name": "deployment", "modelVersionId": self.version});
        self.client.post(&format!("/inference_services/{service}/serves"), body).await.expect(201).member("id")
    }

    async fn free(&self, kind: &str, name: &str) -> String {
        self.client.post("/artifacts", json!({"artifactType": kind, "name": name})).await.expect(201).member("id")
    }

    async fn reached(&self, id: &str, direction: &str) -> Vec<String> {
        reached(&self.client.0, id, direction).await
    }
}

async fn every_order_of_calls_leads_from_the_data_to_the_service(backend: Backend) {
    let mut scene = Scene::new(backend).await;
    let calls = [Call::AttachData, Call::PutFile, Call::AttachArtifact, Call::Deploy];
    for (number, order) in permutations(&calls).into_iter().enumerate() {
        scene = scene.again(number).await;
        let artifact = scene.client.artifact(&scene.version, "weights").await;
        // One that is attached, and one that the run makes.
        let (attached, mut made) = (scene.free("dataset-artifact", "attached").await, String::new());
        let (mut service, mut deployment) = (String::new(), String::new());
        for call in &order {
            match call {
                Call::AttachData => {
                    scene.attach(&format!("experiment_runs/{}", scene.run), "dataset-artifact", &attached).await;
                    made = scene.in_run(json!({"artifactType": "dataset-artifact", "name": "made"})).await;
                }
                Call::PutFile => assert_eq!(scene.put_file().await, artifact),
                Call::AttachArtifact => {
                    scene.attach(&format!("experiment_runs/{}", scene.run), "model-artifact", &artifact).await;
                }
                Call::Deploy => {
                    service = scene.service(true).await;
                    deployment = scene.deployment(&service).await;
                }
            }
        }
        for data in [&attached, &made] {
            let down = scene.reached(data, "downstream").await;
            has(&down, &[&scene.run, &artifact, &scene.version, &service, &deployment]);
            lacks(&down, &[&scene.model]);
        }
        for served in [&service, &deployment, &scene.version, &artifact] {
            has(&scene.reached(served, "upstream").await, &[&attached, &made, &scene.run]);
        }
        lacks(&scene.reached(&scene.run, "upstream").await, &[&artifact, &scene.version, &scene.model]);
    }
}

async fn a_file_that_makes_the_artifact_is_as_good(backend: Backend) {
    let mut scene = Scene::new(backend).await;
    let calls = [Call::AttachData, Call::PutFile, Call::AttachArtifact, Call::Deploy];
    let position = |order: &[Call], call| order.iter().position(|each| *each == call);
    let possible = permutations(&calls)
        .into_iter()
        .filter(|order| position(order, Call::PutFile) < position(order, Call::AttachArtifact));
    for (number, order) in possible.enumerate() {
        scene = scene.again(number).await;
        let (mut data, mut artifact, mut service) = (String::new(), String::new(), String::new());
        for call in &order {
            match call {
                Call::AttachData => {
                    data = scene.in_run(json!({"artifactType": "dataset-artifact", "name": "data"})).await;
                }
                Call::PutFile => artifact = scene.put_file().await,
                Call::AttachArtifact => {
                    scene.attach(&format!("experiment_runs/{}", scene.run), "model-artifact", &artifact).await;
                }
                Call::Deploy => service = scene.service(number % 2 == 0).await,
            }
        }
        has(&scene.reached(&data, "downstream").await, &[&scene.version, &service]);
        has(&scene.reached(&service, "upstream").await, &[&data]);
    }
}

async fn what_a_run_made_is_not_what_it_used(backend: Backend) {
    let scene = Scene::new(backend).await;
    let artifact = scene.client.artifact(&scene.version, "weights").await;
    let card = json!({"artifactType": "doc-artifact", "name": "card"});
    let card = scene.client.post(&format!("/model_versions/{}/artifacts", scene.version), card).await.member("id");
    for (kind, id) in [("model-artifact", &artifact), ("doc-artifact", &card)] {
        scene.attach(&format!("experiment_runs/{}", scene.run), kind, id).await;
    }
    let path = format!("/api/v1/nodes/{}/lineage?direction=downstream&depth=1", scene.run);
    let graph = scene.client.0.get(&path).await.expect(200).json();
    let edges: Vec<_> = graph["edges"].as_array().unwrap().iter().map(|edge| (&edge["type"], &edge["to"])).collect();
    assert_eq!(edges, [(&json!("output"), &json!(artifact)), (&json!("output"), &json!(card))]);
    assert_eq!(scene.reached(&scene.run, "upstream").await.len(), 1, "the experiment alone");
}

async fn holding_the_same_artifact_makes_no_ancestor(backend: Backend) {
    let scene = Scene::new(backend).await;
    let data = scene.in_run(json!({"artifactType": "dataset-artifact", "name": "data"})).await;
    let artifact = scene.client.artifact(&scene.version, "weights").await;
    let later = scene.client.version(&scene.model, "2").await;
    scene.attach(&format!("model_versions/{later}"), "model-artifact", &artifact).await;
    lacks(&scene.reached(&later, "upstream").await, &[&scene.version]);
    scene.attach(&format!("experiment_runs/{}", scene.run), "model-artifact", &artifact).await;
    for (one, other) in [(&later, &scene.version), (&scene.version, &later)] {
        lacks(&scene.reached(one, "upstream").await, &[other]);
        lacks(&scene.reached(one, "downstream").await, &[other]);
        has(&scene.reached(one, "upstream").await, &[&data, &artifact, &scene.run]);
    }
    has(&scene.reached(&data, "downstream").await, &[&scene.version, &later]);
    has(&scene.reached(&artifact, "upstream").await, &[&scene.version, &scene.model]);
}

async fn two_versions_of_one_run_are_not_made_of_each_other(backend: Backend) {
    let scene = Scene::new(backend).await;
    let later = scene.client.version(&scene.model, "2").await;
    for version in [&scene.version, &later] {
        let artifact = scene.client.artifact(version, "weights").await;
        scene.attach(&format!("experiment_runs/{}", scene.run), "model-artifact", &artifact).await;
    }
    for (one, other) in [(&later, &scene.version), (&scene.version, &later)] {
        lacks(&scene.reached(one, "upstream").await, &[other]);
        lacks(&scene.reached(one, "downstream").await, &[other]);
        has(&scene.reached(one, "upstream").await, &[&scene.run]);
    }
}

/// An execution of ML Metadata's own type for trainings.
fn training(scene: &Scene, name: &str) -> String {
    scene
        .client
        .0
        .sql(&format!("INSERT INTO nodes (kind, type_id, name, created_at, updated_at) VALUES (0, 5, '{name}', 1, 1)"));
    let id = format!("SELECT CAST(id AS TEXT) AS line FROM nodes WHERE type_id = 5 AND name = '{name}'");
    scene.client.0.lines(&id).remove(0)
}

/// Says that an execution read or wrote an artifact.
fn event(scene: &Scene, artifact: &str, execution: &str, kind: i64) {
    scene.client.0.sql(&format!(
        "INSERT INTO events (artifact_id, execution_id, type, at) VALUES ({artifact}, {execution}, {kind}, 1)"
    ));
}

async fn what_was_made_of_an_earlier_version_says_so(backend: Backend) {
    let scene = Scene::new(backend).await;
    let later = scene.client.version(&scene.model, "2").await;
    let (old, new) = (scene.client.artifact(&scene.version, "w").await, scene.client.artifact(&later, "w").await);
    let tuning = training(&scene, "tuning");
    event(&scene, &old, &tuning, 3);
    event(&scene, &new, &tuning, 4);
    has(&scene.reached(&later, "upstream").await, &[&new, &tuning, &old, &scene.version]);
    has(&scene.reached(&scene.version, "downstream").await, &[&old, &tuning, &new, &later]);
    lacks(&scene.reached(&scene.version, "upstream").await, &[&later, &new]);
}

async fn a_service_that_follows_a_model_serves_its_newest_version(backend: Backend) {
    let scene = Scene::new(backend).await;
    let service = scene.service(false).await;
    has(&scene.reached(&scene.version, "downstream").await, &[&service]);
    let newer = scene.client.version(&scene.model, "2").await;
    let data = json!({"artifactType": "dataset-artifact", "name": "data"});
    let data = scene.client.post(&format!("/model_versions/{newer}/artifacts"), data).await.expect(200).member("id");
    lacks(&scene.reached(&scene.version, "downstream").await, &[&service]);
    has(&scene.reached(&data, "downstream").await, &[&newer, &service]);
    let up = scene.reached(&service, "upstream").await;
    has(&up, &[&data, &newer, &scene.model]);
    lacks(&up, &[&scene.version]);
    // One that names its version does not follow.
    let body = json!({"modelVersionId": scene.version});
    scene.client.patch(&format!("/inference_services/{service}"), body).await.expect(200);
    lacks(&scene.reached(&newer, "downstream").await, &[&service]);
    has(&scene.reached(&scene.version, "downstream").await, &[&service]);
}

async fn a_deployment_leads_to_its_service(backend: Backend) {
    let scene = Scene::new(backend).await;
    let service = scene.service(false).await;
    let deployment = scene.deployment(&service).await;
    scene.client.version(&scene.model, "2").await;
    has(&scene.reached(&scene.version, "downstream").await, &[&deployment, &service]);
    has(&scene.reached(&service, "upstream").await, &[&scene.version]);
}

async fn an_execution_that_wrote_a_versions_own_artifact_made_it(backend: Backend) {
    for kind in [1, 4, 6, 7] {
        let scene = Scene::new(backend).await;
        let service = scene.service(true).await;
        let step = training(&scene, "step");
        let artifact = scene.put_file().await;
        let data = scene.free("dataset-artifact", "data").await;
        event(&scene, &data, &step, 3);
        event(&scene, &artifact, &step, kind);
        has(&scene.reached(&data, "downstream").await, &[&artifact, &scene.version, &service]);
        has(&scene.reached(&scene.version, "upstream").await, &[&artifact, &step, &data]);
    }
}

async fn a_record_of_the_edge_registry_can_be_made_by_a_run(backend: Backend) {
    let scene = Scene::new(backend).await;
    let form = Form::new(&[("name", "edge"), ("version", "1")]).file(&archive());
    scene.client.0.send_edge(form.request(Method::POST, "/models")).await.expect(201);
    let shown = scene.client.0.get("/api/v1/models/edge/versions/1").await.expect(200).json();
    let artifact = shown["artifacts"][0]["id"].as_str().unwrap().to_owned();
    let data = scene.in_run(json!({"artifactType": "dataset-artifact", "name": "data"})).await;
    scene.attach(&format!("experiment_runs/{}", scene.run), "model-artifact", &artifact).await;
    let version = shown["id"].as_str().unwrap().to_owned();
    has(&scene.reached(&data, "downstream").await, &[&artifact, &version]);
    has(&scene.reached(&version, "upstream").await, &[&data, &scene.run]);
}

async fn a_long_way_is_followed_to_its_end(backend: Backend) {
    let scene = Scene::new(backend).await;
    let service = scene.service(true).await;
    let mut artifacts = vec![scene.free("dataset-artifact", "data").await];
    for number in 0..9 {
        let step = training(&scene, &number.to_string());
        let next = scene.free("model-artifact", &number.to_string()).await;
        event(&scene, artifacts.last().unwrap(), &step, 3);
        event(&scene, &next, &step, 4);
        // Back to the start: a circle ends no walk, and has no end itself.
        event(&scene, &artifacts[0], &step, 4);
        artifacts.push(next);
    }
    scene.attach(&format!("model_versions/{}", scene.version), "model-artifact", artifacts.last().unwrap()).await;
    has(&scene.reached(&artifacts[0], "downstream").await, &[&scene.version, &service]);
    has(&scene.reached(&scene.version, "upstream").await, &artifacts.iter().collect::<Vec<_>>());
}

async fn what_does_not_fit_is_asked_hop_by_hop(backend: Backend) {
    let scene = Scene::new(backend).await;
    let data = scene.in_run(json!({"artifactType": "dataset-artifact", "name": "data"})).await;
    // Further than there is room for, and all made after the version.
    let artifact = scene.client.artifact(&scene.version, "weights").await;
    scene.attach(&format!("experiment_runs/{}", scene.run), "model-artifact", &artifact).await;
    scene.client.0.sql(
        "INSERT INTO nodes (kind, type_id, name, created_at, updated_at)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 6000)
         SELECT 1, 14, 'page ' || i, 1, 1 FROM n",
    );
    scene.client.0.sql(&format!(
        "INSERT INTO members (context_id, node_id) SELECT {}, id FROM nodes WHERE name LIKE 'page %'",
        scene.run
    ));
    let path = format!("/api/v1/nodes/{data}/lineage?direction=downstream&depth=20");
    let down = scene.client.0.get(&path).await.expect(200).json();
    let ids: Vec<&str> = down["nodes"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    assert_eq!((ids.len(), &down["truncated"]), (1000, &json!(true)));
    assert!(ids.contains(&artifact.as_str()), "the nearest and oldest first");
    has(&scene.reached(&scene.version, "upstream").await, &[&data]);
}

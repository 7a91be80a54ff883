//! Which deployments something leads to; what is shown of the nodes of a graph; and paths through it.

use actix_web::http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{SHA256, transcript};
use crate::api::app::TestApp;
use crate::api::kubeflow::{API, Client};
use crate::support::{Backend, on_both_in_actix};

/// A data set that a run used, which made the weights that version 1 of `fraud` has; a service that serves that version, one that
/// serves the newest of `fraud`, and one of another model. The ids are of the data set, the model, its versions and the services.
struct Trained {
    app: TestApp,
    data: String,
    model: String,
    versions: [String; 2],
    services: [String; 3],
}

async fn trained(backend: Backend) -> Trained {
    let client = Client::on(backend).await;
    let (model, other) = (client.model("fraud").await, client.model("churn").await);
    let one = client.version(&model, "1").await;
    client.0.advance(1000);
    let two = client.version(&model, "2").await;
    let experiment = client.experiment("tuning").await;
    let run = client.run(&experiment, "run").await;
    let in_run = format!("/experiment_runs/{run}/artifacts");
    let data = client.post(&in_run, json!({"artifactType": "dataset-artifact", "name": "data"})).await.member("id");
    let weights = client.post(&in_run, json!({"artifactType": "model-artifact", "name": "weights"})).await.member("id");
    let attached = json!({"artifactType": "model-artifact", "id": weights});
    client.post(&format!("/model_versions/{one}/artifacts"), attached).await.expect(200);
    let environment = client.environment("production").await;
    let pinned = json!({"name": "pinned", "registeredModelId": model, "modelVersionId": one,
        "servingEnvironmentId": environment});
    let pinned = client.post("/inference_services", pinned).await.expect(201).member("id");
    let newest = client.service(&environment, &model, "newest").await;
    let other = client.service(&environment, &other, "other").await;
    for (version, path) in [("1", "shared.bin"), ("2", "elsewhere.bin")] {
        let path = format!("/api/v1/models/fraud/versions/{version}/files/{path}");
        client.0.put(&path, super::BYTES).await.expect(201);
    }
    client.0.json(Method::PUT, "/api/v1/models/fraud/aliases/champion", &json!({"version": "1"})).await.expect(200);
    Trained { app: client.0, data, model, versions: [one, two], services: [pinned, newest, other] }
}

/// Each deployment as `name by model/version`.
async fn affected(app: &TestApp, path: &str) -> Vec<String> {
    let impact = app.get(&format!("/api/v1/{path}/impact")).await.expect(200).json();
    assert_eq!(impact["truncated"], json!(false));
    let text = |item: &Value, member: &str| item[member].as_str().unwrap_or("-").to_owned();
    let items = impact["items"].as_array().unwrap().iter();
    items
        .map(|item| format!("{} by {}/{}", text(item, "name"), text(item, "byModel"), text(item, "byVersion")))
        .collect()
}

async fn what_is_affected(backend: Backend) {
    let Trained { app, data, model, versions: [one, two], services } = trained(backend).await;
    assert_eq!(affected(&app, &format!("nodes/{data}")).await, ["pinned by fraud/1"]);
    assert_eq!(affected(&app, &format!("nodes/{one}")).await, ["pinned by fraud/1"]);
    assert_eq!(affected(&app, &format!("nodes/{two}")).await, ["newest by fraud/2"]);
    let of_model = affected(&app, &format!("nodes/{model}")).await;
    assert!(of_model[0].starts_with("pinned by ") && of_model[1].starts_with("newest by "), "{of_model:?}");
    assert_eq!(of_model.len(), 2);
    assert_eq!(affected(&app, &format!("nodes/{}", services[2])).await, ["other by -/-"]);
    // An artifact that a version owns is not what the version was made of, and the version is affected by it.
    let owned = app.get("/api/v1/models/fraud/versions/2").await.expect(200).json();
    let owned = owned["artifacts"][0]["id"].as_str().unwrap();
    assert_eq!(affected(&app, &format!("nodes/{owned}")).await, ["newest by fraud/2"]);
    let of_bytes = affected(&app, &format!("blobs/{SHA256}")).await;
    assert_eq!(of_bytes, ["pinned by fraud/1", "newest by fraud/2"]);
    let rows = app.get(&format!("/api/v1/blobs/{SHA256}/impact")).await.expect(200).json();
    let listed = app.get("/api/v1/deployments?model=fraud").await.expect(200).json();
    for row in listed["items"].as_array().unwrap() {
        let item = rows["items"].as_array().unwrap().iter().find(|item| item["id"] == row["id"]).unwrap();
        for (member, value) in row.as_object().unwrap() {
            assert_eq!(&item[member], value, "{member} is as lists show it");
        }
    }
    app.delete("/api/v1/models/fraud/versions/1?force=true").await.expect(204);
    assert_eq!(affected(&app, &format!("blobs/{SHA256}")).await, ["newest by fraud/2"]);
}

async fn what_a_graph_shows_of_its_nodes(backend: Backend) {
    let Trained { app, data, model, versions: [one, two], services } = trained(backend).await;
    let graph = |query: String| {
        let app = &app;
        async move { app.get(&format!("/api/v1/nodes/{query}")).await.expect(200).json() }
    };
    let node = |graph: &Value, id: &str| {
        graph["nodes"].as_array().unwrap().iter().find(|node| node["id"] == *id).unwrap().clone()
    };
    let all = graph(format!("{one}/lineage")).await;
    let shown = node(&all, &one);
    assert_eq!(shown["homes"], json!([{"id": model, "type": "kf.RegisteredModel", "name": "fraud"}]));
    assert_eq!((&shown["aliases"], &shown["verdict"]), (&json!(["champion"]), &json!("clean")));
    let service = node(&all, &services[0]);
    assert_eq!((&service["homes"][0]["name"], &service["aliases"]), (&json!("production"), &Value::Null));
    // An artifact of a version has the model before the version.
    let owned = app.get("/api/v1/models/fraud/versions/2").await.expect(200).json();
    let owned = owned["artifacts"][0]["id"].as_str().unwrap().to_owned();
    let homes = node(&graph(format!("{owned}/lineage?depth=0")).await, &owned)["homes"].clone();
    let names: Vec<&str> = homes.as_array().unwrap().iter().map(|home| home["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["fraud", "2"]);
    assert_eq!(homes[1]["id"], json!(two));
    // Nothing leads on from a whole graph; from one that ends early something does.
    let has_more = |graph: &Value| -> Vec<String> {
        let nodes = graph["nodes"].as_array().unwrap().iter();
        nodes.filter(|node| node["hasMore"] == true).map(|node| node["name"].as_str().unwrap().to_owned()).collect()
    };
    let whole = graph(format!("{data}/lineage?direction=downstream&depth=20")).await;
    assert_eq!((has_more(&whole), &whole["truncated"]), (vec![], &json!(false)));
    assert_eq!(has_more(&graph(format!("{data}/lineage?direction=downstream&depth=0")).await), ["data"]);
    assert_eq!(has_more(&graph(format!("{data}/lineage?direction=downstream&depth=1")).await), ["run"]);
    assert_eq!(has_more(&graph(format!("{data}/lineage?direction=upstream&depth=0")).await), Vec::<String>::new());
}

async fn paths(backend: Backend) {
    let Trained { app, data, model, versions: [one, two], services } = trained(backend).await;
    let path = |from: &str, to: &str, more: &str| {
        let path = format!("/api/v1/nodes/{from}/lineage?to={to}{more}");
        let app = &app;
        async move {
            let graph = app.get(&path).await.expect(200).json();
            let nodes = graph["nodes"].as_array().unwrap().len();
            let edges = graph["edges"].as_array().unwrap().iter().map(|edge| edge["type"].as_str().unwrap().to_owned());
            let mut edges: Vec<String> = edges.collect();
            edges.sort();
            (nodes, edges.join(" "))
        }
    };
    let whole = (5, "owns servedBy usedBy usedBy".to_owned());
    assert_eq!(path(&data, &services[0], "").await, whole);
    assert_eq!(path(&services[0], &data, "").await, whole);
    assert_eq!(path(&services[0], &data, "&direction=upstream").await, whole);
    // Not that way, not that far, and not at all: what is left is the node.
    let nothing = (1, String::new());
    assert_eq!(path(&services[0], &data, "&direction=downstream").await, nothing);
    assert_eq!(path(&data, &services[0], "&depth=3").await, nothing);
    assert_eq!(path(&data, &two, "").await, nothing);
    assert_eq!(path(&one, &one, "").await, nothing);
    assert_eq!(path(&model, &one, "").await, (2, "owns".to_owned()));
    // Of what was removed, too.
    app.delete("/api/v1/models/fraud/versions/1?force=true").await.expect(204);
    assert_eq!(path(&one, &data, "").await.0, 4);
    app.get(&format!("/api/v1/nodes/{data}/lineage?to={one}")).await.expect(404);
}

on_both_in_actix! {
    what_is_affected,
    what_a_graph_shows_of_its_nodes,
    paths,
}

#[actix_web::test]
async fn what_a_large_graph_leaves_out_is_said_of_its_nodes() {
    let client = Client::new().await;
    let model = client.model("model").await;
    let mut last = String::new();
    for version in 0..1001 {
        last = client.version(&model, &version.to_string()).await;
    }
    let graph = client.0.get(&format!("/api/v1/nodes/{model}/lineage")).await.expect(200).json();
    let nodes = graph["nodes"].as_array().unwrap();
    let more: Vec<&Value> = nodes.iter().filter(|node| node["hasMore"] == true).map(|node| &node["id"]).collect();
    assert_eq!(more, [&json!(model)]);
    // The path to a node for which there is no room is found all the same.
    let path = client.0.get(&format!("/api/v1/nodes/{model}/lineage?to={last}")).await.expect(200).json();
    assert_eq!(path["edges"], json!([{"from": model, "to": last, "type": "owns"}]));
    let environment = client.environment("production").await;
    let service = client.service(&environment, &model, "newest").await;
    let impact = client.0.get(&format!("/api/v1/nodes/{model}/impact")).await.expect(200).json();
    assert_eq!((&impact["items"][0]["id"], &impact["truncated"]), (&json!(service), &json!(false)));
}

#[actix_web::test]
async fn success_and_errors() {
    let client = Client::new().await;
    let model = client.model("model").await;
    let environment = client.environment("production").await;
    client.service(&environment, &model, "service").await;
    client.0.put("/api/v1/models/model/versions/1/files/a", super::BYTES).await.expect(201);
    client
        .0
        .json(Method::PATCH, &format!("{API}/registered_models/{model}"), &json!({"owner": "me"}))
        .await
        .expect(200);
    let mut transcript = transcript(&client.0);
    transcript.get(&format!("/nodes/{model}/impact")).await.expect(200);
    transcript.get(&format!("/blobs/{SHA256}/impact")).await.expect(200);
    transcript.get("/nodes/99/impact").await.expect(404);
    transcript.get("/nodes/abc/impact").await.expect(400);
    transcript.get("/nodes/1/impact?depth=1").await.expect(400);
    transcript.get(&format!("/blobs/{}/impact", "0".repeat(64))).await.expect(404);
    transcript.get("/blobs/abc/impact").await.expect(400);
    transcript.get(&format!("/blobs/{SHA256}/impact?pageSize=1")).await.expect(400);
    transcript.get("/nodes/1/lineage?to=abc").await.expect(400);
    transcript.get("/nodes/1/lineage?to=").await.expect(400);
    transcript.get("/nodes/1/lineage?to=99").await.expect(404);
    assert_snapshot!(transcript);
}

//! The graph around a node.

use insta::assert_snapshot;
use serde_json::{Value, json};

use super::transcript;
use crate::api::app::TestApp;
use crate::api::kubeflow::Client;
use crate::support::Backend;

/// The graph as text: `name -type-> name`, one edge a line, and the nodes that no edge names.
async fn graph(app: &TestApp, id: &str, query: &str) -> String {
    let graph = app.get(&format!("/api/v1/nodes/{id}/lineage?{query}")).await.expect(200).json();
    let name = |id: &Value| {
        let nodes = graph["nodes"].as_array().unwrap();
        let node = nodes.iter().find(|node| node["id"] == *id).expect("both ends are there");
        node["name"].as_str().unwrap().to_owned()
    };
    let edges = graph["edges"].as_array().unwrap().iter();
    let mut lines: Vec<String> = edges
        .map(|edge| format!("{} -{}-> {}", name(&edge["from"]), edge["type"].as_str().unwrap(), name(&edge["to"])))
        .collect();
    lines.sort();
    lines.push(format!("{} nodes, truncated {}", graph["nodes"].as_array().unwrap().len(), graph["truncated"]));
    lines.join("\n")
}

/// From a data set over a run and a model to a deployment; and another version of the model.
async fn filled(client: &Client) -> [(&'static str, String); 6] {
    let id = |answer: crate::api::app::Answer| answer.member("id");
    let model = client.model("model").await;
    let version = client.version(&model, "v1").await;
    client.version(&model, "v2").await;
    let experiment = id(client.post("/experiments", json!({"name": "experiment"})).await.expect(201));
    let run = json!({"name": "run", "experimentId": experiment});
    let run = id(client.post("/experiment_runs", run).await.expect(201));
    let in_run = format!("/experiment_runs/{run}/artifacts");
    let data_set = id(client.post(&in_run, json!({"artifactType": "dataset-artifact", "name": "data"})).await);
    let weights = id(client.post(&in_run, json!({"artifactType": "model-artifact", "name": "weights"})).await);
    client.post(&in_run, json!({"artifactType": "metric", "name": "accuracy", "value": 0.5})).await;
    let attached = json!({"artifactType": "model-artifact", "id": weights});
    client.post(&format!("/model_versions/{version}/artifacts"), attached).await.expect(200);
    client.artifact(&version, "card").await;
    let environment = id(client.post("/serving_environments", json!({"name": "environment"})).await.expect(201));
    let service = json!({"name": "service", "registeredModelId": model, "modelVersionId": version,
        "servingEnvironmentId": environment});
    let service = id(client.post("/inference_services", service).await.expect(201));
    let deployment = json!({"name": "deployment", "modelVersionId": version});
    let deployment = id(client.post(&format!("/inference_services/{service}/serves"), deployment).await.expect(201));
    [
        ("data", data_set),
        ("run", run),
        ("weights", weights),
        ("v1", version),
        ("model", model),
        ("deployment", deployment),
    ]
}

async fn graphs(backend: Backend) -> String {
    let client = Client::on(backend).await;
    let mut text = String::new();
    for (name, id) in filled(&client).await {
        for direction in ["upstream", "downstream", "both"] {
            let graph = graph(&client.0, &id, &format!("direction={direction}")).await;
            text.push_str(&format!("{direction} of {name}\n{graph}\n\n"));
        }
    }
    text
}

#[actix_web::test]
async fn from_a_data_set_to_a_deployment_on_sqlite() {
    assert_snapshot!("graphs", graphs(Backend::Sqlite).await);
}

#[actix_web::test]
async fn from_a_data_set_to_a_deployment_on_postgres() {
    assert_snapshot!("graphs", graphs(Backend::Postgres).await);
}

async fn what_executions_read_and_wrote(backend: Backend) {
    let client = Client::on(backend).await;
    let [_, _, (_, weights), .., (_, deployment)] = filled(&client).await;
    let body = json!({"artifactType": "doc-artifact", "name": "report"});
    let report = client.post("/artifacts", body).await.expect(201).member("id");
    // Read, written, and of unknown type.
    for (artifact, kind) in [(&weights, 3), (&report, 4), (&report, 0)] {
        client.0.sql(&format!(
            "INSERT INTO events (artifact_id, execution_id, type, at) VALUES ({artifact}, {deployment}, {kind}, 1)"
        ));
    }
    assert_eq!(
        graph(&client.0, &report, "direction=upstream&depth=2").await,
        "deployment -output-> report\nservice -owns-> deployment\nv1 -servedBy-> deployment\n\
         weights -input-> deployment\n5 nodes, truncated false"
    );
    assert_eq!(
        graph(&client.0, &weights, "direction=downstream&depth=1").await,
        "weights -input-> deployment\nweights -usedBy-> v1\n3 nodes, truncated false"
    );
}

#[actix_web::test]
async fn what_executions_read_and_wrote_on_sqlite() {
    what_executions_read_and_wrote(Backend::Sqlite).await;
}

#[actix_web::test]
async fn what_executions_read_and_wrote_on_postgres() {
    what_executions_read_and_wrote(Backend::Postgres).await;
}

#[actix_web::test]
async fn a_graph_is_bounded() {
    let client = Client::new().await;
    let model = client.model("model").await;
    for version in 0..1001 {
        client.version(&model, &version.to_string()).await;
    }
    let all = client.0.get(&format!("/api/v1/nodes/{model}/lineage")).await.expect(200).json();
    assert_eq!((all["nodes"].as_array().unwrap().len(), &all["truncated"]), (1000, &json!(true)));
    assert_eq!(all["edges"].as_array().unwrap().len(), 999);
    assert_eq!(graph(&client.0, &model, "depth=0").await, "1 nodes, truncated false");
    assert_eq!(graph(&client.0, "2", "").await, "model -owns-> 0\n2 nodes, truncated false");
}

#[actix_web::test]
async fn what_is_gone_is_not_in_a_graph() {
    let client = Client::new().await;
    let [.., (_, model), (_, deployment)] = filled(&client).await;
    client.0.delete("/api/v1/models/model?recursive=true&force=true").await.expect(204);
    assert_eq!(
        graph(&client.0, &deployment, "direction=upstream").await,
        "environment -owns-> service\nservice -owns-> deployment\n3 nodes, truncated false"
    );
    // What is gone can be asked about itself.
    let gone = client.0.get(&format!("/api/v1/nodes/{model}/lineage?depth=0")).await.expect(200).json();
    assert!(gone["nodes"][0]["removedAt"].is_i64(), "{gone}");
}

#[actix_web::test]
async fn success_and_errors() {
    let client = Client::new().await;
    let model = client.model("model").await;
    client.version(&model, "1").await;
    let mut transcript = transcript(&client.0);
    transcript.get("/nodes/1/lineage").await.expect(200);
    transcript.get("/nodes/99/lineage").await.expect(404);
    for query in ["direction=sideways", "direction=", "depth=21", "depth=-1", "depth=x", "depth=4294967296"] {
        transcript.get(&format!("/nodes/1/lineage?{query}")).await.expect(400);
    }
    transcript.get("/nodes/abc/lineage").await.expect(400);
    assert_snapshot!(transcript);
}

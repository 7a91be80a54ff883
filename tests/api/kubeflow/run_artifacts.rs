//! Operations 19, 20, 41 and 42 with artifacts of every kind: what runs and versions own.

use serde_json::{Value, json};

use super::Client;

/// A client of a registry with experiment `1` and its runs `2` and `3`, model `4` and its version `5`.
async fn with_parents() -> Client {
    let client = Client::new().await;
    let experiment = client.experiment("e").await;
    client.run(&experiment, "r").await;
    client.run(&experiment, "s").await;
    let model = client.model("m").await;
    client.version(&model, "1").await;
    client
}

const RUN: &str = "/experiment_runs/2/artifacts";
const VERSION: &str = "/model_versions/5/artifacts";

#[actix_web::test]
async fn models_and_documents_are_created_and_the_rest_upserted() {
    let client = with_parents().await;
    let mut transcript = client.transcript();
    for path in [RUN, VERSION] {
        for (body, status) in [
            (json!({"artifactType": "model-artifact", "name": "weights"}), 201),
            (json!({"artifactType": "doc-artifact", "name": "card"}), 201),
            (json!({"artifactType": "dataset-artifact", "name": "data"}), 200),
            (json!({"artifactType": "metric", "name": "loss", "value": 0.5}), 200),
            (json!({"artifactType": "parameter", "name": "rate", "value": "1"}), 200),
        ] {
            transcript.post(path, body).await.expect(status);
        }
    }
    insta::assert_snapshot!(transcript);
    assert_eq!(client.names(RUN).await, ["weights", "card", "data", "loss", "rate"]);
    assert_eq!(client.names(&format!("{VERSION}?artifactType=metric")).await, ["loss"]);
    assert_eq!(client.names(&format!("{RUN}?name=card")).await, ["card"]);
    assert_eq!(client.names("/artifacts").await.len(), 10);
}

#[actix_web::test]
async fn a_name_may_be_taken_once_of_each_kind_but_of_data_sets() {
    let client = with_parents().await;
    for path in [RUN, VERSION] {
        for kind in ["model-artifact", "doc-artifact"] {
            let body = json!({"artifactType": kind, "name": "a"});
            client.post(path, body.clone()).await.expect(201);
            client.post(path, body).await.expect(409);
        }
        let body = json!({"artifactType": "dataset-artifact", "name": "a"});
        let first = client.post(path, body.clone()).await.expect(200).member("id");
        assert_ne!(client.post(path, body).await.expect(200).member("id"), first);
        assert_eq!(client.names(path).await, ["a"; 4]);
    }
}

#[actix_web::test]
async fn a_metric_or_parameter_of_a_taken_name_is_changed_in_place() {
    let client = with_parents().await;
    let mut transcript = client.transcript();
    for path in [RUN, VERSION] {
        for body in [
            json!({"artifactType": "metric", "name": "a", "value": 1, "step": 1, "timestamp": "10", "state": "LIVE",
                   "description": "first", "customProperties": {"k": {"metadataType": "MetadataStringValue", "string_value": "v"}}}),
            json!({"artifactType": "metric", "name": "a", "value": 2, "step": 2, "timestamp": "20"}),
            json!({"artifactType": "metric", "name": "a", "value": 3, "description": "third"}),
            json!({"artifactType": "parameter", "name": "a", "value": "1", "parameterType": "number"}),
            json!({"artifactType": "parameter", "name": "a", "value": "2"}),
        ] {
            transcript.post(path, body).await.expect(200);
        }
        assert_eq!(client.names(path).await, ["a", "a"]);
    }
    insta::assert_snapshot!(transcript);
    // Another run has another metric of the name.
    assert_ne!(client.measure("3", "a", 0, 1.0).await, client.measure("2", "a", 0, 1.0).await);
}

#[actix_web::test]
async fn the_run_says_which_experiment_it_is() {
    let client = with_parents().await;
    let body = json!({"artifactType": "doc-artifact", "name": "card", "experimentId": "99", "experimentRunId": "99"});
    let created = client.post(RUN, body).await.expect(201).json();
    assert_eq!((&created["experimentId"], &created["experimentRunId"]), (&json!("1"), &json!("2")));
    assert_eq!(created["customProperties"], json!({}));
    let id = created["id"].as_str().unwrap();
    let body = json!({"artifactType": "doc-artifact", "experimentId": "99", "experimentRunId": null});
    let changed = client.patch(&format!("/artifacts/{id}"), body).await.expect(200).json();
    assert_eq!((&changed["experimentId"], &changed["experimentRunId"]), (&json!("1"), &json!("2")));
    let of_version = json!({"artifactType": "doc-artifact", "name": "card"});
    assert_eq!(client.post(VERSION, of_version).await.expect(201).json()["experimentRunId"], Value::Null);
    client.post("/model_artifacts", json!({"experimentRunId": "2"})).await.expect(400);
}

#[actix_web::test]
async fn an_artifact_is_attached_to_a_run_by_its_id() {
    let client = with_parents().await;
    let body = json!({"artifactType": "dataset-artifact", "name": "data", "digest": "d"});
    let id = client.post("/artifacts", body).await.expect(201).member("id");
    let body = json!({"artifactType": "dataset-artifact", "id": id, "source": "s3://b"});
    let attached = client.post(RUN, body.clone()).await.expect(200).json();
    for (member, value) in
        [("id", id.as_str()), ("name", "data"), ("digest", "d"), ("source", "s3://b"), ("experimentRunId", "2")]
    {
        assert_eq!(attached[member], value, "{member}");
    }
    assert_eq!(client.names(RUN).await, ["data"]);
    // It may be a version's as well, and stays the run's.
    let both = client.post(VERSION, body).await.expect(200).json();
    assert_eq!((&both["id"], &both["experimentRunId"]), (&json!(id), &json!("2")));
    assert_eq!((client.names(VERSION).await, client.names(RUN).await), (vec!["data".into()], vec!["data".into()]));
}

#[actix_web::test]
async fn what_a_run_does_not_take() {
    let client = with_parents().await;
    let body = json!({"artifactType": "metric", "name": "loss", "value": 1, "externalId": "x"});
    let metric = client.post(RUN, body).await.expect(200).member("id");
    let mut transcript = client.transcript();
    for body in [
        json!({"name": "a"}),
        json!({"artifactType": "run"}),
        json!({"artifactType": "metric", "name": "a"}),
        json!({"artifactType": "metric", "name": "loss"}),
        json!({"artifactType": "metric", "name": "loss", "step": 3}),
        json!({"artifactType": "metric", "name": "a", "value": true}),
        json!({"artifactType": "parameter", "id": metric, "value": "1"}),
        json!({"artifactType": "metric", "id": "99", "value": 1}),
        json!({"artifactType": "metric", "id": "2", "value": 1}),
        json!({"artifactType": "metric", "name": "b", "value": 1, "externalId": "x"}),
    ] {
        transcript.post(RUN, body).await;
    }
    for path in ["/experiment_runs/99/artifacts", "/experiment_runs/5/artifacts", "/model_versions/2/artifacts"] {
        transcript.post(path, json!({"artifactType": "doc-artifact", "name": "a"})).await.expect(404);
        transcript.get(path).await.expect(404);
    }
    transcript.get("/experiment_runs/abc/artifacts").await.expect(400);
    transcript.get(&format!("{RUN}?artifactType=run")).await.expect(400);
    insta::assert_snapshot!(transcript);
    assert_eq!(client.names(RUN).await, ["loss"], "what is refused leaves nothing behind");
}

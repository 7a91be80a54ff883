//! Operations 1 to 5: artifacts of every kind through `/artifacts`.

use serde_json::{Value, json};

use super::Client;

/// One of each kind, with every member that may be given.
fn one_of_each() -> [Value; 5] {
    [
        json!({"artifactType": "model-artifact", "name": "weights", "uri": "s3://b/w", "modelFormatName": "onnx",
               "modelFormatVersion": "1", "storageKey": "k", "storagePath": "p", "serviceAccountName": "s",
               "modelSourceKind": "hf", "modelSourceClass": "c", "modelSourceGroup": "g", "modelSourceId": "i",
               "modelSourceName": "n", "state": "LIVE", "externalId": "x1", "description": "d",
               "customProperties": {"p": {"metadataType": "MetadataBoolValue", "bool_value": true}}}),
        json!({"artifactType": "doc-artifact", "name": "card", "uri": "s3://b/card.md", "state": "REFERENCE"}),
        json!({"artifactType": "dataset-artifact", "name": "data", "uri": "s3://b/d", "digest": "sha256:0",
               "sourceType": "s3", "source": "s3://b", "schema": "{}", "profile": "{\"rows\":1}", "state": "PENDING"}),
        json!({"artifactType": "metric", "name": "loss", "value": 0.25, "step": 4_294_967_296_i64,
               "timestamp": "1600000000000", "state": "ABANDONED"}),
        json!({"artifactType": "parameter", "name": "rate", "value": "1e-3", "parameterType": "number",
               "state": "DELETED"}),
    ]
}

#[actix_web::test]
async fn every_kind_is_created_with_every_member() {
    let client = Client::new().await;
    let mut transcript = client.transcript();
    for (body, id) in one_of_each().into_iter().zip(1..) {
        let created = transcript.post("/artifacts", body.clone()).await.expect(201).json();
        for (name, value) in body.as_object().unwrap() {
            assert_eq!(&created[name], value, "{name}");
        }
        assert_eq!(client.get(&format!("/artifacts/{id}")).await.expect(200).json(), created);
    }
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn what_is_left_out_stays_absent() {
    let client = Client::new().await;
    let mut transcript = client.transcript();
    for kind in ["model-artifact", "doc-artifact", "dataset-artifact", "parameter"] {
        transcript.post("/artifacts", json!({"artifactType": kind})).await.expect(201);
    }
    // A metric is measured at step 0 and now, when nothing else is said.
    transcript.post("/artifacts", json!({"artifactType": "metric", "value": 1})).await.expect(201);
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn what_does_not_belong_to_the_kind_is_ignored() {
    let client = Client::new().await;
    let body = json!({"artifactType": "doc-artifact", "name": "card", "modelFormatName": "onnx", "nonsense": 1,
                      "experimentId": "7", "experimentRunId": "8", "id": "9", "createTimeSinceEpoch": "1"});
    let created = client.post("/artifacts", body).await.expect(201).json();
    assert_eq!(created["id"], "1");
    for name in ["modelFormatName", "nonsense", "experimentId", "experimentRunId"] {
        assert_eq!(created[name], Value::Null, "{name}");
    }
}

#[actix_web::test]
async fn what_cannot_be_created() {
    let client = Client::new().await;
    client.post("/artifacts", one_of_each()[0].clone()).await.expect(201);
    let mut transcript = client.transcript();
    for body in [
        json!({}),
        json!({"name": "a"}),
        json!({"artifactType": ""}),
        json!({"artifactType": null}),
        json!({"artifactType": 1}),
        json!({"artifactType": "Metric"}),
        json!({"artifactType": "metric"}),
        json!({"artifactType": "metric", "step": 1}),
        json!({"artifactType": "metric", "value": null}),
        json!({"artifactType": "metric", "value": "0.1"}),
        json!({"artifactType": "metric", "value": 1, "step": 1.5}),
        json!({"artifactType": "metric", "value": 1, "timestamp": 1}),
        json!({"artifactType": "parameter", "value": 1}),
        json!({"artifactType": "parameter", "parameterType": "integer"}),
        json!({"artifactType": "doc-artifact", "state": "ARCHIVED"}),
        json!({"artifactType": "doc-artifact", "uri": 1}),
        json!({"artifactType": "doc-artifact", "externalId": "x1"}),
        json!({"artifactType": "doc-artifact", "customProperties": []}),
    ] {
        transcript.post("/artifacts", body).await;
    }
    insta::assert_snapshot!(transcript);
    assert_eq!(client.names("/artifacts").await, ["weights"], "what is refused leaves nothing behind");
}

#[actix_web::test]
async fn an_artifact_is_changed_as_what_it_is() {
    let client = Client::new().await;
    for body in one_of_each() {
        client.post("/artifacts", body).await.expect(201);
    }
    let mut transcript = client.transcript();
    for (id, body) in [
        (1, json!({"artifactType": "model-artifact", "uri": "s3://new", "name": "ignored"})),
        (2, json!({"artifactType": "doc-artifact", "uri": null, "state": null})),
        (3, json!({"artifactType": "dataset-artifact", "profile": "", "customProperties": {}})),
        (4, json!({"artifactType": "metric", "value": 0.5})),
        (4, json!({"artifactType": "metric", "value": null})),
        (4, json!({"artifactType": "metric", "description": "of training"})),
        (5, json!({"artifactType": "parameter", "value": "2e-3"})),
        (1, json!({"artifactType": "doc-artifact", "uri": "s3://new"})),
        (4, json!({"artifactType": "parameter", "value": "1"})),
        (1, json!({"uri": "s3://new"})),
        (1, json!({"artifactType": "model-artifact", "state": "LOST"})),
        (99, json!({"artifactType": "metric", "value": 1})),
    ] {
        transcript.patch(&format!("/artifacts/{id}"), body).await;
    }
    insta::assert_snapshot!(transcript);
}

#[actix_web::test]
async fn artifacts_are_listed_by_type_under_the_names_people_see() {
    let client = Client::new().await;
    for body in one_of_each() {
        client.post("/artifacts", body.clone()).await.expect(201);
    }
    assert_eq!(client.names("/artifacts").await, ["weights", "card", "data", "loss", "rate"]);
    for (kind, name) in [
        ("model-artifact", "weights"),
        ("doc-artifact", "card"),
        ("dataset-artifact", "data"),
        ("metric", "loss"),
        ("parameter", "rate"),
    ] {
        assert_eq!(client.names(&format!("/artifacts?artifactType={kind}")).await, [name]);
    }
    assert_eq!(client.names("/model_artifacts").await, ["weights"]);
    client.get("/artifacts?artifactType=model").await.expect(400);
    // Only a model artifact is found where model artifacts are.
    client.get("/model_artifacts/1").await.expect(200);
    client.get("/model_artifacts/2").await.expect(404);
    client.patch("/model_artifacts/2", json!({"uri": "s3://x"})).await.expect(404);
    let walked = super::paging::walk(&client, "/artifacts?orderBy=CREATE_TIME&sortOrder=DESC", 2).await;
    assert_eq!(walked, ["rate", "loss", "data", "card", "weights"]);
}

#[actix_web::test]
async fn names_with_colons_and_names_like_uuids_stay_whole() {
    let client = Client::new().await;
    let uuid = "0123e456-0000-4000-8000-000000000000";
    for name in ["model:latest", ":", &format!("{uuid}:x"), uuid] {
        let body = json!({"artifactType": "doc-artifact", "name": name});
        let created = client.post("/artifacts", body).await.expect(201).json();
        assert_eq!(created["name"], name);
        let id = created["id"].as_str().unwrap();
        assert_eq!(client.get(&format!("/artifacts/{id}")).await.json()["name"], name);
    }
}

#[actix_web::test]
async fn an_artifact_is_found_by_external_id_or_by_name_in_its_parent() {
    let client = Client::new().await;
    let (model, run) = (client.model("m").await, client.experiment("e").await);
    let version = client.version(&model, "1").await;
    let run = client.run(&run, "r").await;
    client.artifact(&version, "weights").await;
    client.measure(&run, "loss", 0, 1.0).await;
    client.post("/artifacts", json!({"artifactType": "doc-artifact", "name": "card", "externalId": "x"})).await;
    let mut transcript = client.transcript();
    for query in [
        format!("name=weights&parentResourceId={version}"),
        format!("name=loss&parentResourceId={run}"),
        "externalId=x".to_owned(),
        format!("name=loss&parentResourceId={version}"),
        "name=card".to_owned(),
        "name=weights&parentResourceId=99".to_owned(),
        "externalId=y".to_owned(),
        "parentResourceId=1".to_owned(),
        String::new(),
    ] {
        transcript.get(&format!("/artifact?{query}")).await;
    }
    transcript.get("/artifacts/99").await.expect(404);
    transcript.get(&format!("/artifacts/{version}")).await.expect(404);
    transcript.get("/artifacts/abc").await.expect(400);
    insta::assert_snapshot!(transcript);
}

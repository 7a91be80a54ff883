//! What the record of changes keeps: what was before, what went, and no secrets.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};

use super::{BYTES, FILE, SHA256};
use crate::api::app::TestApp;
use crate::api::kubeflow::Client;
use crate::support::{Backend, on_both};

on_both! {
    an_alias_says_where_it_pointed,
    a_version_says_which_files_went,
    more_files_than_an_entry_has_room_for_are_in_others,
    a_data_set_says_who_used_it,
    what_was_removed_has_its_lineage,
    an_update_says_what_was_before,
    secrets_are_not_in_the_record,
    secrets_of_old_entries_are_masked_when_they_are_read,
    a_clients_request_id_is_kept_beside_ours,
}

/// The entries of a node with that action, as their documents.
async fn entries(app: &TestApp, id: &str, action: &str) -> Vec<Value> {
    let history = app.get(&format!("/api/v1/nodes/{id}/history?limit=10000")).await.expect(200).json();
    let items = history["items"].as_array().unwrap().iter().filter(|item| item["action"] == action);
    items.map(|item| item["document"].clone()).collect()
}

async fn last(app: &TestApp, id: &str, action: &str) -> Value {
    entries(app, id, action).await.pop().unwrap_or_else(|| panic!("no {action} of {id}"))
}

/// The id of a version by name.
async fn version(app: &TestApp, name: &str) -> i64 {
    app.get(&format!("/api/v1/models/demo/versions/{name}")).await.expect(200).member("id").parse().unwrap()
}

async fn demo(backend: Backend) -> (TestApp, String) {
    let app = TestApp::on(backend).await;
    app.put(FILE, BYTES).await.expect(201);
    app.put("/api/v1/models/demo/versions/2/files/model.bin", "other").await.expect(201);
    let model = app.get("/api/v1/models/demo/versions/1").await.expect(200).member("modelId");
    (app, model)
}

async fn an_alias_says_where_it_pointed(backend: Backend) {
    let (app, model) = demo(backend).await;
    let (one, two) = (version(&app, "1").await, version(&app, "2").await);
    let alias = "/api/v1/models/demo/aliases/champion";
    let pointer = |id: i64, name: &str| json!({"name": "champion", "versionId": id, "version": name});
    app.json(Method::PUT, alias, &json!({"version": "1"})).await.expect(200);
    app.json(Method::PUT, alias, &json!({"version": "2"})).await.expect(200);
    let set = entries(&app, &model, "alias.set").await;
    assert_eq!((&set[0]["alias"], &set[0]["before"]), (&pointer(one, "1"), &json!({"alias": null})));
    assert_eq!((&set[1]["alias"], &set[1]["before"]), (&pointer(two, "2"), &json!({"alias": pointer(one, "1")})));
    app.delete(alias).await.expect(204);
    assert_eq!(last(&app, &model, "alias.delete").await["alias"], pointer(two, "2"));
    // And where the version goes, which takes its aliases along.
    app.json(Method::PUT, alias, &json!({"version": "1"})).await.expect(200);
    app.delete("/api/v1/models/demo/versions/1?force=true").await.expect(204);
    assert_eq!(last(&app, &model, "alias.delete").await["alias"], pointer(one, "1"));
}

async fn a_version_says_which_files_went(backend: Backend) {
    let (app, _) = demo(backend).await;
    let one = version(&app, "1").await.to_string();
    app.put("/api/v1/models/demo/versions/1/files/config.json", "{}").await.expect(201);
    let shown = app.get("/api/v1/models/demo/versions/1").await.expect(200).json();
    let artifact = shown["artifacts"][0]["id"].as_str().unwrap().to_owned();
    app.delete("/api/v1/models/demo?recursive=true").await.expect(204);
    for id in [&one, &artifact] {
        let gone = last(&app, id, "delete").await;
        let files: Vec<_> =
            gone["files"].as_array().unwrap().iter().map(|file| (&file["path"], &file["size"])).collect();
        assert_eq!(files, [(&json!("config.json"), &json!(2)), (&json!("model.bin"), &json!(10))]);
        assert_eq!((&gone["files"][1]["sha256"], &gone["fileCount"]), (&json!(SHA256), &json!(2)));
        assert_eq!(gone["files"][1]["artifactId"], json!(artifact.parse::<i64>().unwrap()));
    }
}

async fn more_files_than_an_entry_has_room_for_are_in_others(backend: Backend) {
    let (app, _) = demo(backend).await;
    let shown = app.get("/api/v1/models/demo/versions/1").await.expect(200).json();
    let artifact = shown["artifacts"][0]["id"].as_str().unwrap().to_owned();
    app.sql(&format!(
        "INSERT INTO files (node_id, path, blob_id, media_type, created_at)
         WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2500)
         SELECT {artifact}, 'z' || i, (SELECT min(id) FROM blobs), 'text/plain', 1 FROM n"
    ));
    app.delete("/api/v1/models/demo/versions/1").await.expect(204);
    let gone = last(&app, &artifact, "delete").await;
    assert_eq!((gone["files"].as_array().unwrap().len(), &gone["fileCount"]), (1000, &json!(2501)));
    let further = entries(&app, &artifact, "file.delete").await;
    let counts: Vec<_> = further.iter().map(|entry| entry["files"].as_array().unwrap().len()).collect();
    assert_eq!(counts, [1000, 501]);
    let mut paths: Vec<String> = std::iter::once(&gone)
        .chain(&further)
        .flat_map(|entry| entry["files"].as_array().unwrap())
        .map(|file| file["path"].as_str().unwrap().to_owned())
        .collect();
    paths.sort();
    paths.dedup();
    assert_eq!(paths.len(), 2501);
}

async fn a_data_set_says_who_used_it(backend: Backend) {
    let client = Client::on(backend).await;
    let experiment = client.experiment("experiment").await;
    let (maker, user) = (client.run(&experiment, "maker").await, client.run(&experiment, "user").await);
    let body = json!({"artifactType": "dataset-artifact", "name": "rows", "uri": "s3://b/rows"});
    let data = client.post(&format!("/experiment_runs/{maker}/artifacts"), body).await.expect(200).member("id");
    let attached = json!({"artifactType": "dataset-artifact", "id": data});
    client.post(&format!("/experiment_runs/{user}/artifacts"), attached).await.expect(200);
    client.0.delete(&format!("/api/model_registry/v1alpha3/artifacts/{data}")).await.expect(204);
    let id: i64 = data.parse().unwrap();
    for run in [&maker, &user] {
        let lost = last(&client.0, run, "detach").await;
        assert_eq!((&lost["id"], &lost["memberIds"]), (&json!(run.parse::<i64>().unwrap()), &json!([id])));
        let member = &lost["members"][0];
        assert!(member["name"].as_str().unwrap().ends_with(":rows"), "{member}");
        assert_eq!((&member["type"], &member["uri"]), (&json!("kf.DataSet"), &json!("s3://b/rows")));
    }
    let edges = last(&client.0, &data, "delete").await["edges"].clone();
    let edge = |run: &str| json!({"from": id, "to": run.parse::<i64>().unwrap(), "type": "usedBy"});
    assert_eq!(edges, json!([edge(&maker), edge(&user)]));
    // Who goes as well loses nothing.
    let data = json!({"artifactType": "dataset-artifact", "name": "rows"});
    client.post(&format!("/experiment_runs/{user}/artifacts"), data).await.expect(200);
    client.0.delete(&format!("/api/model_registry/v1alpha3/experiments/{experiment}?recursive=true")).await.expect(204);
    assert_eq!(entries(&client.0, &user, "detach").await.len(), 1);
}

async fn what_was_removed_has_its_lineage(backend: Backend) {
    let client = Client::on(backend).await;
    let app = &client.0;
    let (model, experiment) = (client.model("demo").await, client.experiment("experiment").await);
    let (version, run) = (client.version(&model, "1").await, client.run(&experiment, "run").await);
    let weights = client.artifact(&version, "weights").await;
    let data = json!({"artifactType": "dataset-artifact", "name": "data"});
    let data = client.post(&format!("/experiment_runs/{run}/artifacts"), data).await.expect(200).member("id");
    let attached = json!({"artifactType": "model-artifact", "id": weights});
    client.post(&format!("/experiment_runs/{run}/artifacts"), attached).await.expect(200);
    let environment = client.environment("environment").await;
    let service = json!({"name": "service", "servingEnvironmentId": environment, "registeredModelId": model,
        "modelVersionId": version});
    let service = client.post("/inference_services", service).await.expect(201).member("id");
    let graph = async |id: &str, direction: &str| {
        let path = format!("/api/v1/nodes/{id}/lineage?direction={direction}&depth=10");
        let graph = app.get(&path).await.expect(200).json();
        let nodes = graph["nodes"].as_array().unwrap().iter();
        let mut nodes: Vec<(String, bool)> =
            nodes.map(|node| (node["id"].as_str().unwrap().to_owned(), node["removedAt"].is_i64())).collect();
        nodes.sort();
        (nodes, graph["edges"].clone())
    };
    let mut expected = Vec::new();
    for (id, direction) in [(&version, "upstream"), (&version, "downstream"), (&weights, "upstream")] {
        expected.push((id, direction, graph(id, direction).await));
    }
    app.delete("/api/v1/models/demo?recursive=true&force=true").await.expect(204);
    let gone = [&model, &version, &weights];
    for (id, direction, (nodes, edges)) in expected {
        let (now, edges_now) = graph(id, direction).await;
        let nodes: Vec<_> = nodes.into_iter().map(|(id, _)| (id.clone(), gone.contains(&&id))).collect();
        assert_eq!((now, edges_now), (nodes, edges), "{direction} of {id}");
    }
    // What is there is shown without what is gone; and what is gone leads on through what is there.
    let (nodes, _) = graph(&run, "downstream").await;
    assert_eq!(nodes, [(run.clone(), false)]);
    let (nodes, _) = graph(&weights, "upstream").await;
    assert!(nodes.contains(&(data.clone(), false)) && nodes.contains(&(run.clone(), false)), "{nodes:?}");
    let (nodes, _) = graph(&version, "downstream").await;
    assert!(nodes.contains(&(service.clone(), false)), "{nodes:?}");
    app.get("/api/v1/nodes/99999/lineage").await.expect(404);
}

async fn an_update_says_what_was_before(backend: Backend) {
    let client = Client::on(backend).await;
    let body = json!({"name": "m", "owner": "ann", "customProperties":
        {"kept": {"metadataType": "MetadataIntValue", "int_value": "1"}, "old": {"metadataType": "MetadataIntValue", "int_value": "2"}}});
    let model = client.post("/registered_models", body).await.expect(201).member("id");
    let patch = json!({"owner": "bob", "description": "new", "customProperties":
        {"kept": {"metadataType": "MetadataIntValue", "int_value": "1"}}});
    client.patch(&format!("/registered_models/{model}"), patch).await.expect(200);
    assert_eq!(
        last(&client.0, &model, "update").await["before"],
        json!({"properties": {"description": null, "owner": {"string": "ann"}}, "customProperties": {"old": {"int": 2}}})
    );
    // A file that replaces another one says which.
    client.0.put("/api/v1/models/m/versions/1/files/f.txt", "one").await.expect(201);
    let request = TestRequest::put().uri("/api/v1/models/m/versions/1/files/f.txt").insert_header(("If-Match", "*"));
    let put = client.0.send(request.set_payload("two2")).await.expect(200);
    let replaced = last(&client.0, &put.member("artifactId"), "file.put").await;
    assert_eq!((&replaced["file"]["size"], &replaced["before"]["file"]["size"]), (&json!(4), &json!(3)));
    // A policy, too.
    let policy = json!({"findings": {"danger": "refuse"}});
    client.0.json(Method::PUT, "/api/v1/models/m/policy", &policy).await.expect(200);
    client.0.json(Method::PUT, "/api/v1/models/m/policy", &json!({})).await.expect(200);
    let before = last(&client.0, &model, "update").await["before"]["policy"].clone();
    assert_eq!(before["danger"], "refuse", "{before}");
}

const SECRET: &str = "https://user:PASSWORD1@host/x?X-Amz-Signature=SECRET2&X-Amz-Credential=SECRET3&versionId=7";
const MASKED: &str = "https://***@host/x?X-Amz-Signature=***&X-Amz-Credential=***&versionId=7";

async fn secrets_are_not_in_the_record(backend: Backend) {
    let client = Client::on(backend).await;
    let model = client.model("m").await;
    let version = client.version(&model, "1").await;
    let text = |value: &str| json!({"metadataType": "MetadataStringValue", "string_value": value});
    let custom = json!({"link": text("https://a.blob.core.windows.net/c?sv=1&sig=SECRET4"), "db_password": text("SECRET5"),
        "eos_token": text("</s>")});
    let body = json!({"artifactType": "model-artifact", "name": "w", "uri": SECRET, "description": SECRET,
        "customProperties": custom});
    let artifact = client.post(&format!("/model_versions/{version}/artifacts"), body).await.expect(201);
    assert_eq!(artifact.member("uri"), SECRET, "clients need it");
    let id = artifact.member("id");
    client.patch(&format!("/model_artifacts/{id}"), json!({"uri": "s3://elsewhere"})).await.expect(200);
    client.patch(&format!("/model_artifacts/{id}"), json!({"uri": SECRET})).await.expect(200);
    assert_eq!(client.get(&format!("/model_artifacts/{id}")).await.expect(200).member("uri"), SECRET);
    client.0.delete("/api/v1/models/m?recursive=true").await.expect(204);
    let created = &entries(&client.0, &id, "create").await[0];
    assert_eq!((&created["uri"], &created["properties"]["description"]["string"]), (&json!(MASKED), &json!(MASKED)));
    let custom = &created["customProperties"];
    assert_eq!(custom["link"]["string"], "https://a.blob.core.windows.net/c?sv=1&sig=***");
    assert_eq!((&custom["db_password"]["string"], &custom["eos_token"]["string"]), (&json!("***"), &json!("</s>")));
    assert_eq!(entries(&client.0, &id, "update").await[0]["before"], json!({"uri": MASKED}));
    let shown = client.0.get("/api/v1/changes?limit=1000").await.expect(200).text();
    let graph = client.0.get(&format!("/api/v1/nodes/{id}/lineage")).await.expect(200).text();
    let stored = client.0.lines("SELECT document AS line FROM changes").join("\n");
    for (place, text) in [("the feed", &shown), ("the database", &stored), ("lineage", &graph)] {
        assert!(text.contains("***"), "{place}");
        assert!(!text.contains("SECRET") && !text.contains("PASSWORD1"), "{place}: {text}");
    }
}

async fn secrets_of_old_entries_are_masked_when_they_are_read(backend: Backend) {
    let client = Client::on(backend).await;
    let model = client.model("m").await;
    client.0.sql(&format!("UPDATE changes SET document = replace(document, '\"uri\":null', '\"uri\":\"{SECRET}\"')"));
    assert!(client.0.lines("SELECT document AS line FROM changes").concat().contains("SECRET2"));
    assert_eq!(last(&client.0, &model, "create").await["uri"], MASKED);
    let feed = client.0.get("/api/v1/changes").await.expect(200).json();
    assert_eq!(feed["items"][0]["document"]["uri"], MASKED);
}

async fn a_clients_request_id_is_kept_beside_ours(backend: Backend) {
    let client = Client::on(backend).await;
    client.model("first").await;
    client.model("second").await;
    let feed = client.0.get("/api/v1/changes").await.expect(200).json();
    let items = feed["items"].as_array().unwrap();
    let ours: Vec<&str> = items.iter().map(|item| item["requestId"].as_str().unwrap()).collect();
    assert!(ours.iter().all(|id| uuid::Uuid::try_parse(id).is_ok()) && ours[0] != ours[1], "{ours:?}");
    assert!(items.iter().all(|item| item["clientRequestId"] == "test"), "{feed}");
}

//! What two versions, two runs and two revisions differ in, on each database.

use actix_web::http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::transcript;
use crate::api::app::TestApp;
use crate::api::kubeflow::{API, Client};
use crate::support::{Backend, on_both_in_actix};

/// A pickle that runs a command.
const DANGER: &[u8] = b"cos\nsystem\n(S'true'\ntR.";

/// A file of safetensors with one tensor, which has that many numbers.
fn tensors(count: usize) -> Vec<u8> {
    let header = json!({"w": {"dtype": "F32", "shape": [count], "data_offsets": [0, 4 * count]}}).to_string();
    let length = (header.len() as u64).to_le_bytes();
    [&length[..], header.as_bytes(), &vec![0; 4 * count]].concat()
}

async fn put(app: &TestApp, version: &str, path: &str, bytes: impl Into<bytes::Bytes>) {
    app.put(&format!("/api/v1/models/{version}/files/{path}"), bytes).await.expect(201);
}

async fn patch(app: &TestApp, path: &str, changes: Value) {
    app.json(Method::PATCH, &format!("/api/v1/{path}"), &changes).await.expect(200);
}

/// Versions 1 and 2 of `fraud`, and version `größe` of another model, which has what version 1 has.
async fn registry(backend: Backend) -> TestApp {
    let app = TestApp::on(backend).await;
    put(&app, "fraud/versions/1", "model.safetensors", tensors(1)).await;
    put(&app, "fraud/versions/2", "model.safetensors", tensors(2)).await;
    // Before there is a dangerous file, with which it is refused.
    app.json(Method::PUT, "/api/v1/models/fraud/aliases/champion", &json!({"version": "1"})).await.expect(200);
    for (version, files) in [
        ("fraud/versions/1", ["old.pkl", "same.txt", "moved.txt", "gone.txt"]),
        ("fraud/versions/2", ["new/old.pkl", "same.txt", "new/moved.txt", "ü.txt"]),
        ("churn/versions/gr%C3%B6%C3%9Fe", ["old.pkl", "same.txt", "moved.txt", "gone.txt"]),
    ] {
        for (path, bytes) in files.into_iter().zip([DANGER, b"same", b"moved", b"other"]) {
            let bytes = if path == "ü.txt" { b"added" } else { bytes };
            put(&app, version, &path.replace('ü', "%C3%BC"), bytes).await;
        }
    }
    put(&app, "fraud/versions/2", "worse.pkl", DANGER.repeat(2)).await;
    let free = json!({"same": 1, "kind": 1, "gone": {"a": null}, "größe": "ä"});
    patch(&app, "models/fraud/versions/1", json!({"properties": {"author": "a"}, "customProperties": free})).await;
    let free = json!({"same": 1, "kind": 1.0, "added": true, "größe": "ö"});
    let changes = json!({"properties": {"author": "b", "description": "new"}, "customProperties": free});
    patch(&app, "models/fraud/versions/2", changes).await;
    for (version, metrics) in [("1", [("auc", 0.5), ("loss", 0.25)]), ("2", [("auc", 0.75), ("loss", 0.25)])] {
        let id = app.get(&format!("/api/v1/models/fraud/versions/{version}")).await.expect(200).member("id");
        let artifacts = format!("{API}/model_versions/{id}/artifacts");
        for (name, value) in metrics {
            let metric = json!({"artifactType": "metric", "name": name, "value": value});
            app.json(Method::POST, &artifacts, &metric).await.expect(200);
        }
        let parameter = json!({"artifactType": "parameter", "name": "rate", "value": version});
        app.json(Method::POST, &artifacts, &parameter).await.expect(200);
    }
    app
}

async fn id(app: &TestApp, path: &str) -> String {
    app.get(&format!("/api/v1/models/{path}")).await.expect(200).member("id")
}

/// The names of differences with what became of each.
fn named(differences: &Value) -> Vec<(String, String)> {
    let text = |item: &Value, member: &str| item[member].as_str().unwrap().to_owned();
    let items = differences["items"].as_array().unwrap().iter();
    items.map(|item| (text(item, "name"), text(item, "change"))).collect()
}

fn owned(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, change)| ((*name).to_owned(), (*change).to_owned())).collect()
}

async fn versions(backend: Backend) {
    let app = registry(backend).await;
    let (one, two) = (id(&app, "fraud/versions/1").await, id(&app, "fraud/versions/2").await);
    let diff = app.get(&format!("/api/v1/diff?a={one}&b={two}")).await.expect(200).json();
    assert_eq!(named(&diff["properties"]), owned(&[("author", "changed"), ("description", "added")]));
    assert_eq!((&diff["properties"]["same"], &diff["properties"]["items"][0]["b"]), (&json!(1), &json!("b")));
    let free = [("added", "added"), ("gone", "removed"), ("größe", "changed"), ("kind", "changed")];
    assert_eq!(named(&diff["customProperties"]), owned(&free));
    assert_eq!(diff["customProperties"]["items"][1], json!({"name": "gone", "change": "removed", "a": {"a": null}}));
    let metric = json!({"name": "auc", "change": "changed", "a": 0.5, "b": 0.75});
    assert_eq!(diff["metrics"], json!({"items": [metric], "same": 1, "truncated": false}));
    let parameter = json!({"name": "rate", "change": "changed", "a": "1", "b": "2"});
    assert_eq!(diff["parameters"], json!({"items": [parameter], "same": 0, "truncated": false}));
    let files = diff["files"]["items"].as_array().unwrap().iter().map(|item| {
        let path = |side: &str| item[side]["path"].as_str().unwrap_or("-").to_owned();
        format!("{} {} {}", item["change"].as_str().unwrap(), path("a"), path("b"))
    });
    assert_eq!(
        files.collect::<Vec<_>>(),
        [
            "removed gone.txt -",
            "changed model.safetensors model.safetensors",
            "renamed moved.txt new/moved.txt",
            "renamed old.pkl new/old.pkl",
            "added - worse.pkl",
            "added - ü.txt",
        ]
    );
    let counts = ["added", "removed", "changed", "renamed", "same"].map(|count| diff["files"][count].as_u64().unwrap());
    assert_eq!((counts, &diff["files"]["partial"]), ([2, 1, 1, 2, 1], &json!(false)));
    let facts = &diff["facts"];
    assert!(named(facts).contains(&("parameter_count".to_owned(), "changed".to_owned())), "{facts}");
    assert!(facts["same"].as_u64().unwrap() > 0, "{facts}");
    // A file that is only elsewhere has no other findings.
    let findings = &diff["findings"];
    let new: Vec<&str> =
        findings["new"].as_array().unwrap().iter().map(|found| found["path"].as_str().unwrap()).collect();
    assert!(!new.is_empty() && new.iter().all(|path| *path == "worse.pkl"), "{findings}");
    assert_eq!((&findings["gone"], &findings["same"]), (&json!([]), &json!(1)));
    let (a, b) = (&diff["a"], &diff["b"]);
    assert_eq!(
        (&a["name"], &a["model"], &a["aliases"], &a["files"]["verdict"]),
        (&json!("1"), &json!("fraud"), &json!(["champion"]), &json!("danger"))
    );
    assert_eq!(
        (&b["number"], &b["files"]["count"], &b["files"]["formats"]),
        (&json!(2), &json!(6), &json!(["pickle", "safetensors"]))
    );
    // The sizes of one tensor differ, and nobody has a card.
    let tensors = &diff["tensors"];
    let counts = ["added", "removed", "changed", "same", "unread"].map(|count| tensors[count].as_u64().unwrap());
    assert_eq!(
        (counts, &tensors["items"][0]["change"], &diff["card"]),
        ([0, 0, 1, 0, 0], &json!("changed"), &Value::Null)
    );
    let changed = &tensors["items"][0];
    assert_eq!(
        (&changed["path"], &changed["name"], &changed["a"]["shape"], &changed["b"]["shape"]),
        (&json!("model.safetensors"), &json!("w"), &json!([1]), &json!([2]))
    );
    // By names it is the same, and the other way round the other way round.
    let named_ones = app.get("/api/v1/models/fraud/versions/@champion/diff?to=latest").await.expect(200).json();
    assert_eq!(named_ones, diff);
    let back = app.get("/api/v1/models/fraud/versions/2/diff?to=1").await.expect(200).json();
    let [added, removed] = ["added", "removed"].map(|count| back["files"][count].clone());
    assert_eq!((added, removed, &back["findings"]["new"]), (json!(1), json!(2), &json!([])));
}

async fn versions_of_two_models_that_are_alike(backend: Backend) {
    let app = registry(backend).await;
    let (here, there) = ("fraud/versions/1", "churn/versions/gr%C3%B6%C3%9Fe");
    let diff = app.get(&format!("/api/v1/models/{there}/diff?to=1&toModel=fraud")).await.expect(200).json();
    let files = diff["files"]["items"].as_array().unwrap();
    assert_eq!(
        (files.len(), &files[0]["b"]["path"], &diff["files"]["same"]),
        (1, &json!("model.safetensors"), &json!(4))
    );
    assert_eq!(
        (&diff["a"]["model"], &diff["a"]["name"], &diff["b"]["model"]),
        (&json!("churn"), &json!("größe"), &json!("fraud"))
    );
    // A version is the same as itself.
    let one = id(&app, here).await;
    let diff = app.get(&format!("/api/v1/diff?a={one}&b={one}")).await.expect(200).json();
    for part in ["properties", "customProperties", "metrics", "parameters", "facts"] {
        assert_eq!(diff[part]["items"], json!([]), "{part}");
        assert!(diff[part]["same"].as_u64().unwrap() > 0, "{part}");
    }
    assert_eq!((&diff["files"]["items"], &diff["files"]["same"]), (&json!([]), &json!(5)));
    assert_eq!((&diff["findings"]["new"], &diff["findings"]["same"]), (&json!([]), &json!(1)));
    // What is the same is not read.
    assert_eq!((&diff["tensors"]["same"], &diff["tensors"]["items"]), (&json!(0), &json!([])));
}

/// A file of safetensors with these tensors of that type, each of one number.
fn named_tensors(names: &[&str], dtype: &str, bytes: usize) -> Vec<u8> {
    let tensors = names.iter().enumerate().map(|(at, name)| {
        let described = json!({"dtype": dtype, "shape": [1], "data_offsets": [bytes * at, bytes * (at + 1)]});
        ((*name).to_owned(), described)
    });
    let header = Value::Object(tensors.collect()).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; bytes * names.len()]].concat()
}

async fn tensors_and_cards(backend: Backend) {
    let app = TestApp::on(backend).await;
    for (path, one, other) in [
        (
            "a.safetensors",
            named_tensors(&["gone", "same", "type"], "F32", 4),
            named_tensors(&["new", "same"], "F32", 4),
        ),
        ("b.safetensors", named_tensors(&["type"], "F32", 4), named_tensors(&["type"], "F16", 2)),
        ("c.gguf", b"GGUF\x03\0\0\0\x01".to_vec(), b"GGUF\x03\0\0\0\x02".to_vec()),
        ("same.safetensors", named_tensors(&["x"], "F32", 4), named_tensors(&["x"], "F32", 4)),
        ("README.md", "# Größe\none\nold\n".into(), "# Größe\none\nnew\nmore\n".into()),
    ] {
        put(&app, "m/versions/1", path, one).await;
        put(&app, "m/versions/2", path, other).await;
    }
    put(&app, "m/versions/2", "d.npy", std::fs::read("tests/data/inspect/made/array.npy").unwrap()).await;
    let diff = app.get("/api/v1/models/m/versions/1/diff?to=2").await.expect(200).json();
    let tensors = &diff["tensors"];
    let items = tensors["items"].as_array().unwrap().iter().map(|item| {
        let text = |member: &str| item[member].as_str().unwrap().to_owned();
        format!("{} {} {}", text("change"), text("path"), text("name"))
    });
    assert_eq!(
        items.collect::<Vec<_>>(),
        [
            "removed a.safetensors gone",
            "added a.safetensors new",
            "removed a.safetensors type",
            "changed b.safetensors type",
            "added d.npy arr_0",
        ]
    );
    let counts = ["added", "removed", "changed", "same"].map(|count| tensors[count].as_u64().unwrap());
    assert_eq!((counts, &tensors["truncated"], &tensors["partial"]), ([2, 2, 1, 1], &json!(false), &json!(false)));
    assert_eq!(
        (&tensors["items"][3]["a"]["dtype"], &tensors["items"][3]["b"]["dtype"]),
        (&json!("F32"), &json!("F16"))
    );
    // The broken one is quarantined.
    assert_eq!(tensors["unread"], json!(1));
    let line = |change: &str, text: &str| json!({"change": change, "text": text});
    let lines = json!([
        line("same", "# Größe"),
        line("same", "one"),
        line("removed", "old"),
        line("added", "new"),
        line("added", "more"),
    ]);
    let card = json!({"change": "changed", "hunks": [{"a": 1, "b": 1, "lines": lines}], "added": 2, "removed": 1, "truncated": false});
    assert_eq!(diff["card"], card);
    // A card that is there once, and one that is too long.
    app.delete("/api/v1/models/m/versions/2/files/README.md").await.expect(204);
    let card = &app.get("/api/v1/models/m/versions/1/diff?to=2").await.expect(200).json()["card"];
    assert_eq!((&card["change"], &card["removed"], &card["added"]), (&json!("removed"), &json!(3), &json!(0)));
    put(&app, "m/versions/2", "README.md", "x\n".repeat(150_000)).await;
    let card = &app.get("/api/v1/models/m/versions/1/diff?to=2").await.expect(200).json()["card"];
    assert_eq!(
        (&card["change"], &card["notCompared"], &card["hunks"]),
        (&json!("changed"), &json!("tooLong"), &json!([]))
    );
}

async fn runs(backend: Backend) {
    let client = Client::on(backend).await;
    let experiment = client.experiment("tuning").await;
    let mut ids = Vec::new();
    for (name, rate, loss) in [("one", "0.1", 0.5), ("two", "0.2", 0.25)] {
        let run = client.run(&experiment, name).await;
        client.measure(&run, "loss", 1, 1.0).await;
        client.measure(&run, "loss", 2, loss).await;
        client.measure(&run, "same", 1, 3.0).await;
        for (parameter, value) in [("rate", rate), ("seed", "7")] {
            let body = json!({"artifactType": "parameter", "name": parameter, "value": value});
            client.post(&format!("/experiment_runs/{run}/artifacts"), body).await.expect(200);
        }
        ids.push(run);
    }
    client.measure(&ids[1], "only", 1, 1.0).await;
    let diff = client.0.get(&format!("/api/v1/diff?a={}&b={}", ids[0], ids[1])).await.expect(200).json();
    let metrics = json!([
        {"name": "loss", "change": "changed", "a": 0.5, "b": 0.25},
        {"name": "only", "change": "added", "b": 1.0},
    ]);
    assert_eq!(diff["metrics"], json!({"items": metrics, "same": 1, "truncated": false}));
    let rate = json!({"name": "rate", "change": "changed", "a": "0.1", "b": "0.2"});
    assert_eq!(diff["parameters"], json!({"items": [rate], "same": 1, "truncated": false}));
    assert_eq!((&diff["a"]["experiment"], &diff["a"]["name"]), (&json!("tuning"), &json!("one")));
    assert_eq!((&diff["files"], &diff["findings"], &diff["a"]["model"]), (&Value::Null, &Value::Null, &Value::Null));
}

async fn revisions(backend: Backend) {
    let app = TestApp::on(backend).await;
    put(&app, "demo/versions/1", "a", "a").await;
    let model = id(&app, "demo").await;
    patch(
        &app,
        "models/demo",
        json!({"properties": {"owner": "risk"}, "customProperties": {"n": 1, "api_key": "s3cr3t"}}),
    )
    .await;
    patch(&app, "models/demo", json!({"name": "größe", "customProperties": {"n": null, "api_key": "0ther"}})).await;
    let last = app.get(&format!("/api/v1/nodes/{model}/history?order=desc&limit=1")).await.expect(200).json();
    let last = last["items"][0]["revision"].as_i64().unwrap();
    let diff = app.get(&format!("/api/v1/nodes/{model}/diff?from={}&to={last}", last - 1)).await.expect(200);
    // Secrets are not in the record, and so neither is that one changed.
    assert!(!diff.text().contains("s3cr3t") && !diff.text().contains("0ther"), "{}", diff.text());
    let diff = diff.json();
    let name = json!({"name": "name", "change": "changed", "a": "demo", "b": "größe"});
    assert_eq!(diff["attributes"], json!({"items": [name], "same": 0, "truncated": false}));
    assert_eq!(diff["properties"], json!({"items": [], "same": 2, "truncated": false}));
    let free = json!({"name": "n", "change": "removed", "a": 1});
    assert_eq!(diff["customProperties"], json!({"items": [free], "same": 1, "truncated": false}));
    assert_eq!((&diff["from"]["revision"], &diff["to"]["action"]), (&json!(last - 1), &json!("update")));
    // From the beginning, backwards, and after it was removed.
    let back = app.get(&format!("/api/v1/nodes/{model}/diff?from={last}&to=1")).await.expect(200).json();
    assert_eq!(named(&back["properties"]), owned(&[("owner", "removed")]));
    app.delete("/api/v1/models/gr%C3%B6%C3%9Fe?recursive=true").await.expect(204);
    let gone = app.get(&format!("/api/v1/nodes/{model}/diff?from=1&to={last}")).await.expect(200).json();
    assert_eq!(named(&gone["properties"]), owned(&[("owner", "added")]));
}

on_both_in_actix! {
    versions,
    versions_of_two_models_that_are_alike,
    tensors_and_cards,
    runs,
    revisions,
}

#[actix_web::test]
async fn of_too_many_files_the_last_ones_are_left_out() {
    let app = TestApp::new().await;
    for version in ["1", "2"] {
        put(&app, &format!("demo/versions/{version}"), "a/first", "same").await;
        put(&app, &format!("demo/versions/{version}"), "z/last", version.to_owned()).await;
    }
    put(&app, "demo/versions/2", "f/x", "added").await;
    app.sql(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10500)
         INSERT INTO files (node_id, path, blob_id, media_type, created_at)
         SELECT f.node_id, printf('f/%05d', n.i), f.blob_id, f.media_type, f.created_at
         FROM n, files f WHERE f.path = 'a/first' AND f.node_id = (SELECT min(node_id) FROM files)",
    );
    let diff = app.get("/api/v1/models/demo/versions/1/diff?to=2").await.expect(200).json();
    let files = &diff["files"];
    let counts = ["added", "removed", "changed", "renamed", "same"].map(|count| files[count].as_u64().unwrap());
    // What is compared ends before the last file that was read of the longer one.
    assert_eq!(counts, [0, 9998, 0, 0, 1], "{}", files["items"][0]);
    assert_eq!(
        (&files["partial"], &files["truncated"], files["items"].as_array().unwrap().len()),
        (&json!(true), &json!(true), 1000)
    );
}

#[actix_web::test]
async fn success_and_errors() {
    let client = Client::new().await;
    let model = client.model("demo").await;
    client.version(&model, "1").await;
    client.version(&model, "2").await;
    let experiment = client.experiment("tuning").await;
    client.run(&experiment, "run").await;
    let mut transcript = transcript(&client.0);
    transcript.get("/diff?a=2&b=3").await.expect(200);
    transcript.get("/models/demo/versions/1/diff?to=2").await.expect(200);
    transcript.get("/nodes/1/diff?from=1&to=1").await.expect(200);
    for (query, status) in [
        ("", 400),
        ("?a=2", 400),
        ("?a=2&b=abc", 400),
        ("?a=0&b=2", 400),
        ("?a=2&b=3&c=4", 400),
        ("?a=1&b=2", 400),
        ("?a=2&b=5", 400),
        ("?a=2&b=99", 404),
        ("?a=99&b=2", 404),
    ] {
        transcript.get(&format!("/diff{query}")).await.expect(status);
    }
    for (path, status) in [
        ("demo/versions/1/diff", 400),
        ("demo/versions/1/diff?to=", 400),
        ("demo/versions/1/diff?to=@", 400),
        ("demo/versions/1/diff?to=2&toModel=", 400),
        ("demo/versions/1/diff?to=2&toModel=%00", 400),
        ("demo/versions/1/diff?to=9", 404),
        ("demo/versions/9/diff?to=1", 404),
        ("demo/versions/1/diff?to=@none", 404),
        ("demo/versions/1/diff?to=2&toModel=other", 404),
        ("other/versions/1/diff?to=2", 404),
    ] {
        transcript.get(&format!("/models/{path}")).await.expect(status);
    }
    for (path, status) in [
        ("1/diff", 400),
        ("1/diff?from=1", 400),
        ("1/diff?from=0&to=1", 400),
        ("1/diff?from=1&to=-1", 400),
        ("1/diff?from=1&to=x", 400),
        ("1/diff?from=1&to=99999999999999999999", 400),
        ("abc/diff?from=1&to=1", 400),
        ("1/diff?from=1&to=9", 404),
        ("99/diff?from=1&to=1", 404),
    ] {
        transcript.get(&format!("/nodes/{path}")).await.expect(status);
    }
    assert_snapshot!(transcript);
}

//! Tables of tensors, on each database.

use actix_web::http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::transcript;
use crate::api::app::TestApp;
use crate::support::{Backend, on_both_in_actix};

/// Where the files of version 1 are, and the tables of their tensors.
const FILES: &str = "/api/v1/models/m/versions/1/files";
const TENSORS: &str = "/api/v1/models/m/versions/1/tensors";

/// A file of safetensors with these tensors, each with its type, the bytes of an element, and its shape.
fn safetensors(tensors: &[(&str, &str, usize, &[usize])]) -> Vec<u8> {
    let mut end = 0;
    let described = tensors.iter().map(|(name, dtype, bytes, shape)| {
        let begin = end;
        end += bytes * shape.iter().product::<usize>();
        ((*name).to_owned(), json!({"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}))
    });
    let header = Value::Object(described.collect()).to_string();
    [&(header.len() as u64).to_le_bytes()[..], header.as_bytes(), &vec![0; end]].concat()
}

async fn put(app: &TestApp, path: &str, bytes: impl Into<bytes::Bytes>) {
    app.put(&format!("{FILES}/{path}"), bytes).await.expect(201);
}

fn made(name: &str) -> Vec<u8> {
    std::fs::read(format!("tests/data/inspect/made/{name}")).unwrap()
}

/// A model of two layers.
fn model() -> Vec<u8> {
    safetensors(&[
        ("model.layers.0.q", "F32", 4, &[2, 3]),
        ("model.layers.0.k", "F16", 2, &[2]),
        ("model.layers.1.q", "F32", 4, &[1]),
        ("lm_head", "F32", 4, &[]),
        ("größe/ü", "I64", 8, &[0, 5]),
    ])
}

async fn get(app: &TestApp, path: &str) -> Value {
    app.get(&format!("{TENSORS}/{path}")).await.expect(200).json()
}

fn names(page: &Value) -> Vec<&str> {
    page["items"].as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap()).collect()
}

fn totals(tensors: u64, parameters: u64, bytes: u64) -> Value {
    json!({"tensors": tensors, "parameters": parameters, "bytes": bytes})
}

async fn a_table_is_filtered_grouped_and_paged(backend: Backend) {
    let app = TestApp::on(backend).await;
    put(&app, "sub/model.safetensors", model()).await;
    let all = get(&app, "sub/model.safetensors").await;
    let expected = ["größe/ü", "lm_head", "model.layers.0.k", "model.layers.0.q", "model.layers.1.q"];
    assert_eq!((names(&all), &all["totals"]), (expected.to_vec(), &totals(5, 10, 36)));
    let file = app.get(&format!("{FILES}/sub/model.safetensors")).await.expect(200);
    let data = file.body.len() as u64 - 36;
    let q = &all["items"][3];
    let offset = q["offset"].as_u64().unwrap();
    assert_eq!(
        q,
        &json!({"name": "model.layers.0.q", "dtype": "F32", "shape": [2, 3], "parameters": 6, "bytes": 24, "offset": data})
    );
    assert_eq!(offset, data);
    let of_type = |dtype: &str, tensors: u64, parameters: u64, bytes: u64| json!({"dtype": dtype, "tensors": tensors, "parameters": parameters, "bytes": bytes});
    assert_eq!(all["dtypes"], json!([of_type("F16", 1, 2, 4), of_type("F32", 3, 8, 32), of_type("I64", 1, 0, 0)]));
    let group = |prefix: &str, tensors: u64, parameters: u64, bytes: u64| json!({"prefix": prefix, "tensors": tensors, "parameters": parameters, "bytes": bytes});
    assert_eq!(all["groups"], json!([group("größe/", 1, 0, 0), group("model.", 3, 9, 32)]));
    let layers = get(&app, "sub/model.safetensors?prefix=model.layers.").await;
    assert_eq!(layers["groups"], json!([group("model.layers.0.", 2, 8, 28), group("model.layers.1.", 1, 1, 4)]));
    assert_eq!((&layers["totals"], &layers["hasMoreGroups"]), (&totals(3, 9, 32), &json!(false)));
    let found = get(&app, "sub/model.safetensors?q=.Q&prefix=model.&pageSize=1").await;
    assert_eq!((names(&found), &found["totals"]), (vec!["model.layers.0.q"], &totals(2, 7, 28)));
    let token = found["nextPageToken"].as_str().unwrap();
    let last = get(&app, &format!("sub/model.safetensors?q=.Q&prefix=model.&pageSize=1&nextPageToken={token}")).await;
    assert_eq!((names(&last), &last["nextPageToken"]), (vec!["model.layers.1.q"], &json!("")));
    assert_eq!(names(&get(&app, "sub/model.safetensors?q=%C3%9C").await), ["größe/ü"]);
    assert_eq!(names(&get(&app, "sub/model.safetensors?q=none").await), Vec::<&str>::new());
    // The token is of these bytes, by whatever name the version is called.
    let other = safetensors(&[("a", "F32", 4, &[1]), ("b", "F32", 4, &[1])]);
    put(&app, "other.safetensors", other).await;
    app.get(&format!("{TENSORS}/other.safetensors?nextPageToken={token}")).await.expect(400);
    app.json(Method::PUT, "/api/v1/models/m/aliases/champion", &json!({"version": "1"})).await.expect(200);
    for version in ["latest", "@champion"] {
        let path = format!("/api/v1/models/m/versions/{version}/tensors/sub/model.safetensors");
        assert_eq!(app.get(&path).await.expect(200).json(), all);
    }
}

async fn an_index_has_the_tensors_of_its_files(backend: Backend) {
    let app = TestApp::on(backend).await;
    let index = |files: &[(&str, &str)]| {
        let map: serde_json::Map<String, Value> =
            files.iter().map(|(tensor, file)| ((*tensor).to_owned(), (*file).into())).collect();
        json!({"metadata": {"total_size": 12}, "weight_map": map}).to_string()
    };
    put(&app, "one.safetensors", safetensors(&[("b", "F32", 4, &[1])])).await;
    put(&app, "two.safetensors", safetensors(&[("a", "F32", 4, &[1]), ("c", "F32", 4, &[1])])).await;
    let named = [("a", "two.safetensors"), ("b", "one.safetensors"), ("c", "two.safetensors")];
    put(&app, "model.safetensors.index.json", index(&named)).await;
    for _ in 0..2 {
        let all = get(&app, "model.safetensors.index.json").await;
        let files = all["items"].as_array().unwrap().iter().map(|item| item["file"].as_str().unwrap());
        let files: Vec<&str> = files.collect();
        assert_eq!(
            (names(&all), files),
            (vec!["a", "b", "c"], vec!["two.safetensors", "one.safetensors", "two.safetensors"])
        );
        assert_eq!(all["totals"], totals(3, 3, 12));
    }
    // Other bytes of a file are another table.
    let etag = app.get(&format!("{FILES}/one.safetensors")).await.expect(200).header("etag").unwrap().to_owned();
    let replaced = crate::api::app::request(Method::PUT, &format!("{FILES}/one.safetensors"))
        .insert_header(("If-Match", etag))
        .set_payload(safetensors(&[("b", "F32", 4, &[2])]));
    app.send(replaced).await.expect(200);
    assert_eq!(get(&app, "model.safetensors.index.json").await["totals"], totals(3, 4, 16));
    // One of its files is not there.
    app.delete(&format!("{FILES}/two.safetensors")).await.expect(204);
    let refused = app.get(&format!("{TENSORS}/model.safetensors.index.json")).await.expect(409);
    assert!(refused.text().contains("two.safetensors"), "{}", refused.text());
}

async fn every_format_has_a_table(backend: Backend) {
    let app = TestApp::on(backend).await;
    for (name, tensors) in [
        ("small.safetensors", 4),
        ("small.gguf", 2),
        ("small.onnx", 2),
        ("external.onnx", 2),
        ("small.xml", 1),
        ("array.npy", 1),
        ("arrays.npz", 3),
    ] {
        // NumPy's arrays of objects are pickles, of which the policy may hold some back.
        app.put(&format!("{FILES}/{name}"), made(name)).await.expect(201);
        let page = get(&app, &format!("{name}?quarantined=true")).await;
        assert_eq!(page["totals"]["tensors"], json!(tensors), "{name}: {page}");
    }
    let external = get(&app, "external.onnx").await;
    assert_eq!(external["items"][0]["file"], json!("external.data"));
}

on_both_in_actix! {
    a_table_is_filtered_grouped_and_paged,
    an_index_has_the_tensors_of_its_files,
    every_format_has_a_table,
}

#[actix_web::test]
async fn errors() {
    let app = TestApp::new().await;
    put(&app, "model.safetensors", safetensors(&[("w", "F32", 4, &[1])])).await;
    put(&app, "README.md", "# Card").await;
    put(&app, "broken.safetensors", b"\x08\0\0\0\0\0\0\0{\"a\":1}}".to_vec()).await;
    put(&app, "model.safetensors.index.json", json!({"weight_map": {"w": "none.safetensors"}}).to_string()).await;
    put(&app, "outside.safetensors.index.json", json!({"weight_map": {"w": "../none.safetensors"}}).to_string()).await;
    let mut transcript = transcript(&app);
    transcript.get("/models/m/versions/1/tensors/model.safetensors").await.expect(200);
    for (path, status) in [
        ("model.safetensors?pageSize=0", 400),
        ("model.safetensors?pageSize=x", 400),
        ("model.safetensors?nextPageToken=!", 400),
        ("model.safetensors?nextPageToken=YS8x", 400),
        ("model.safetensors?prefix=%00", 400),
        ("model.safetensors?q=a%00", 400),
        ("model.safetensors?quarantined=maybe", 400),
        ("model.safetensors?pageToken=a", 400),
        ("a//b", 400),
        ("none.safetensors", 404),
        ("README.md", 409),
        ("broken.safetensors", 403),
        ("broken.safetensors?quarantined=true", 409),
        ("model.safetensors.index.json", 409),
        ("outside.safetensors.index.json?quarantined=true", 409),
    ] {
        transcript.get(&format!("/models/m/versions/1/tensors/{path}")).await.expect(status);
    }
    for path in
        ["/models/m/versions/2/tensors/a", "/models/none/versions/1/tensors/a", "/models/m/versions/@none/tensors/a"]
    {
        transcript.get(path).await.expect(404);
    }
    transcript.delete("/models/m/versions/1/tensors/model.safetensors").await.expect(405);
    assert_snapshot!(transcript);
}

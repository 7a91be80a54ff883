//! Versions that other protocols named by words that mean something else here.

use actix_web::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::json;

use crate::api::app::{TestApp, request};
use crate::api::kubeflow::Client;
use crate::support::{Backend, on_both};

const VERSIONS: &str = "/api/v1/models/demo/versions";
const NAMES: [&str; 4] = ["latest", "@best", "@", "@name:latest"];

on_both! {
    whatever_a_version_is_called_it_is_reached,
    reserved_words_are_no_names_of_new_versions,
    a_word_removes_no_version_that_is_not_meant,
}

/// Versions of these names by another protocol's door, then one whose name is plain.
async fn named(backend: Backend) -> (TestApp, Vec<String>) {
    let client = Client(TestApp::on(backend).await);
    let model = client.model("demo").await;
    let mut ids = Vec::new();
    for name in NAMES {
        ids.push(client.version(&model, name).await);
    }
    ids.push(client.version(&model, "plain").await);
    (client.0, ids)
}

fn quoted(name: &str) -> String {
    format!("{VERSIONS}/@name:{name}")
}

async fn whatever_a_version_is_called_it_is_reached(backend: Backend) {
    let (app, ids) = named(backend).await;
    for (name, id) in NAMES.into_iter().chain(["plain"]).zip(&ids) {
        let path = quoted(name);
        assert_eq!(app.get(&path).await.expect(200).member("id"), *id, "{name}");
        let stored = app.put(&format!("{path}/files/f"), name).await.expect(201);
        assert_eq!(stored.member("versionId"), *id, "{name}");
        assert_eq!(app.get(&format!("{path}/files/f")).await.expect(200).body, name);
        assert_eq!(app.get(&format!("{path}/files")).await.expect(200).json()["items"].as_array().unwrap().len(), 1);
        let alias = json!({"version": format!("@name:{name}")});
        let pointed = app.json(Method::PUT, "/api/v1/models/demo/aliases/there", &alias).await.expect(200);
        assert_eq!((pointed.member("versionId"), pointed.member("version")), (id.clone(), name.to_owned()));
        // An upload that takes several requests finds the version that was meant.
        let version = format!("@name:{name}");
        let said = [("model", "demo"), ("version", version.as_str()), ("path", "g")];
        let said = said.map(|(key, value)| format!("{key} {}", BASE64.encode(value)));
        let made = request(Method::POST, "/api/v1/uploads")
            .insert_header(("Tus-Resumable", "1.0.0"))
            .insert_header(("Upload-Length", 0))
            .insert_header(("Upload-Metadata", said.join(",")));
        app.send(made).await.expect(201);
        app.get(&format!("{path}/files/g")).await.expect(200);
    }
    assert_eq!(app.get(&format!("{VERSIONS}/latest")).await.expect(200).member("name"), "plain");
    for name in NAMES {
        app.delete(&format!("{}?force=true", quoted(name))).await.expect(204);
        app.get(&quoted(name)).await.expect(404);
    }
    assert_eq!(app.get(&format!("{VERSIONS}/plain")).await.expect(200).member("id"), ids[4]);
}

async fn reserved_words_are_no_names_of_new_versions(backend: Backend) {
    let app = TestApp::on(backend).await;
    app.put(&format!("{VERSIONS}/1/files/f"), "x").await.expect(201);
    for name in NAMES {
        let path = format!("{}/files/f", quoted(name));
        assert_eq!(app.put(&path, "x").await.expect(400).member("field"), "version", "{name}");
        app.put(&format!("{path}?create=false"), "x").await.expect(404);
        let body = json!({"model": {"name": "demo"}, "version": {"name": name}});
        let refused = app.json(Method::POST, "/api/v1/register", &body).await.expect(400);
        assert_eq!(refused.member("field"), "version.name", "{name}");
        let upload = json!({"model": "demo", "version": format!("@name:{name}"), "path": "f", "size": 1, "sha256": "0".repeat(64)});
        let refused = app.json(Method::POST, "/api/v1/direct-uploads", &upload).await;
        assert!(matches!(refused.status, 400 | 409), "{}", refused.text());
    }
    assert_eq!(app.get(VERSIONS).await.expect(200).json()["items"].as_array().unwrap().len(), 1);
}

async fn a_word_removes_no_version_that_is_not_meant(backend: Backend) {
    let (app, ids) = named(backend).await;
    app.json(Method::PUT, "/api/v1/models/demo/aliases/best", &json!({"version": "plain"})).await.expect(200);
    for word in ["latest", "@best"] {
        let refused = app.delete(&format!("{VERSIONS}/{word}?force=true")).await.expect(409);
        assert_eq!(refused.member("field"), "version");
    }
    assert_eq!(app.get(VERSIONS).await.expect(200).json()["items"].as_array().unwrap().len(), ids.len());
    // Where both mean the same version, or no other has the name, the word is enough.
    app.delete(&format!("{VERSIONS}/plain?force=true")).await.expect(204);
    for name in ["@name:latest", "@", "@best"] {
        app.delete(&quoted(name)).await.expect(204);
    }
    app.delete(&format!("{VERSIONS}/latest")).await.expect(204);
    app.get(&format!("{VERSIONS}/latest")).await.expect(404);
}

//! What the native API says of inspections, quarantine and policies.

use actix_web::http::Method;
use insta::assert_snapshot;
use serde_json::json;

use super::{API, transcript};
use crate::api::app::{TestApp, request};

/// `os.system`, called.
const DANGER: &[u8] = b"cos\nsystem\n(S'id'\ntR.";

#[actix_web::test]
async fn a_quarantined_file_is_listed_and_not_served() {
    let app = TestApp::new().await;
    let mut transcript = transcript(&app);
    transcript.put("/models/m/versions/1/files/model.pkl", &[], DANGER).await.expect(201);
    transcript.get("/models/m/versions/1/files").await.expect(200);
    transcript.get("/models/m/versions/1/files/model.pkl").await.expect(403);
    transcript.get("/models/m/versions/1/files/model.pkl?quarantined=false").await.expect(403);
    transcript.get("/models/m/versions/1/files/model.pkl?quarantined=yes").await.expect(400);
    transcript.get("/models/m/versions/1/files/model.pkl?quarantined=true").await.expect(200);
    transcript.get("/models/m/versions/1").await.expect(200);
    assert_snapshot!(transcript);
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(format!("{}/tests/data/inspect/{name}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// What libraries write is served, file by file and as a whole.
#[actix_web::test]
async fn what_libraries_write_is_served() {
    let app = TestApp::new().await;
    let files = "/api/v1/models/m/versions/1/files";
    for (path, name) in [
        ("config.json", "mamba/config.json"),
        ("README.md", "story/README.md"),
        ("model.keras", "keras/losses.keras"),
        ("model.gguf", "gguf/newer-type.gguf"),
        ("model.safetensors", "safetensors/further-members.safetensors"),
        ("chat_template.jinja", "qwen/chat_template.jinja"),
    ] {
        let bytes = sample(&format!("harmless/{name}"));
        app.put(&format!("{files}/{path}"), bytes.clone()).await.expect(201);
        assert_eq!(app.get(&format!("{files}/{path}")).await.expect(200).body, bytes, "{path}");
    }
    app.get(&format!("{files}?archive=zip")).await.expect(200);
    app.put(&format!("{files}/other.jinja"), sample("harmful/templates/cycler.jinja")).await.expect(201);
    app.get(&format!("{files}/other.jinja")).await.expect(403);
    app.get(&format!("{files}?archive=zip")).await.expect(403);
}

#[actix_web::test]
async fn a_models_policy_is_put_shown_and_taken_back() {
    let app = TestApp::new().await;
    let mut transcript = transcript(&app);
    transcript.put("/models/m/versions/1/files/model.pkl", &[], DANGER).await.expect(201);
    transcript.get("/models/m/policy").await.expect(200);
    transcript.get("/models/none/policy").await.expect(404);
    let said = json!({
        "allowedFormats": ["onnx", "other"], "maxFileBytes": 30,
        "findings": {"danger": "refuse"}, "rules": {"keras-lambda": "warn"},
    });
    transcript.raw("PUT", "/models/m/policy", &said.to_string()).await.expect(200);
    transcript.put("/models/m/versions/2/files/model.pkl", &[], DANGER).await.expect(400);
    transcript.put("/models/m/versions/2/files/long", &[], &[b'x'; 31]).await.expect(413);
    transcript.get("/models/m/versions/2").await.expect(404);
    app.run_policy_job().await;
    transcript.get("/models/m/policy").await.expect(200);
    transcript.get("/models/m/versions/1/files").await.expect(200);
    transcript.raw("PUT", "/models/m/policy", r#"{"findings": {"danger": "warn"}}"#).await.expect(200);
    app.run_policy_job().await;
    transcript.get("/models/m/versions/1/files/model.pkl").await.expect(200);
    transcript.raw("PUT", "/models/m/policy", "{}").await.expect(200);
    app.run_policy_job().await;
    transcript.get("/models/m/versions/1/files/model.pkl").await.expect(403);
    assert_snapshot!(transcript);
}

#[actix_web::test]
async fn a_wrong_policy_is_refused_by_its_field() {
    let app = TestApp::new().await;
    app.put("/api/v1/models/m/versions/1/files/f", "x").await.expect(201);
    for (body, field) in [
        (json!({"findings": {"fatal": "warn"}}), "findings"),
        (json!({"findings": {"danger": "explode"}}), "findings"),
        (json!({"rules": {"no-such-rule": "warn"}}), "rules"),
        (json!({"allowedFormats": ["Not A Format"]}), "allowedFormats"),
    ] {
        let sent = request(Method::PUT, &format!("{API}/models/m/policy")).set_json(&body);
        let answer = app.send(sent).await.expect(400).json();
        assert_eq!(answer["field"], field, "{answer}");
    }
}

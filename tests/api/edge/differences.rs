//! What the old service could not do.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::{Client, Form, archive};
use crate::api::app::TestApp;
use crate::support::Backend;

async fn many(backend: Backend) {
    let client = Client(TestApp::on(backend).await);
    client.0.stop_clock();
    for at in 0..250 {
        client.post(&[("name", "many"), ("version", &at.to_string())]).await.expect(201);
    }
    assert_eq!(client.count().await, 250);
    let models = client.get("/models?name=many").await.json();
    let ids: Vec<_> = models.as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert!(ids.is_sorted() && ids.len() == 250, "ordered by id");
    client.post(&[("name", "many"), ("version", "249")]).await.expect(409);
    assert_eq!(client.get("/models?version=249").await.json().as_array().unwrap().len(), 1);
}

#[actix_web::test]
async fn all_of_many_models_are_listed() {
    many(Backend::Sqlite).await;
    many(Backend::Postgres).await;
}

async fn cleared(backend: Backend) -> Value {
    let client = Client(TestApp::on(backend).await);
    let id = client
        .post(&[
            ("name", "m"),
            ("version", "1"),
            ("score", "0.9"),
            ("category", "Detection"),
            ("overview", r#"{"a": true}"#),
            ("labels", r#"["a"]"#),
            ("project_name", "p"),
            ("target_device", "GPU"),
            ("precision", "int4"),
        ])
        .await
        .expect(201)
        .text();
    let shown = async || client.get(&format!("/models/{id}")).await.expect(200).json();
    client.put(&id, "score=0&size=0").await.expect(200);
    assert_eq!((shown().await["score"].clone(), shown().await["size"].clone()), (json!(0.0), json!(0)));
    client.put(&id, "labels=%5B%22c%22%5D&precision=FP16&target_device=").await.expect(200);
    assert_eq!((shown().await["labels"].clone(), shown().await["precision"].clone()), (json!(["c"]), json!(["fp16"])));
    let everything = "category=&overview=&labels=&project_name=&score=&size=&precision=";
    client.put(&id, everything).await.expect(200);
    let mut model = shown().await;
    // Cleared, it is the same as one that never had a project.
    client.post(&[("name", "m"), ("version", "1")]).await.expect(409);
    client.put(&id, "name=&version=").await.expect(400);
    model["id"] = Value::Null;
    model["file_url"] = Value::Null;
    model
}

#[actix_web::test]
async fn a_value_can_be_zero_and_can_be_cleared() {
    let model = cleared(Backend::Sqlite).await;
    assert_eq!(model, cleared(Backend::Postgres).await);
    insta::assert_json_snapshot!(model);
}

#[actix_web::test]
async fn a_policy_holds_for_archives_too() {
    let client = Client(TestApp::new().await);
    // `os.system`, called.
    let dangerous = super::zip("m/model.pkl", b"cos\nsystem\n(S'id'\ntR.");
    let form = |version| Form::new(&[("name", "m"), ("version", version)]).file(&dangerous);
    let id = client.send(form("1")).await.expect(201).text();
    assert_eq!(client.count().await, 1);
    let refused = client.get(&format!("/models/{id}/files")).await.expect(403).text();
    assert!(refused.contains("is quarantined"), "{refused}");
    let policy = json!({"findings": {"danger": "refuse"}});
    client.0.json(Method::PUT, "/api/v1/models/m/policy", &policy).await.expect(200);
    let refused = client.send(form("2")).await.expect(422).member("detail");
    assert!(refused.starts_with("file `m.zip` is refused: "), "{refused}");
    assert_eq!((client.count().await, client.0.objects()), (1, 1));
}

#[actix_web::test]
async fn a_filter_takes_its_text_literally() {
    let client = Client(TestApp::new().await);
    for name in ["my_model", "my-model", "a\\b", "caf\u{c9}", "K\u{212a}"] {
        client.post(&[("name", name), ("version", "1")]).await.expect(201);
    }
    for (filter, found) in
        [("y_m", 1), ("y-m", 1), ("MY", 2), ("%5C", 1), ("caf%C3%A9", 1), ("kk", 0), ("my_model%00", 0), ("_", 1)]
    {
        let answer = client.get(&format!("/models?name={filter}")).await;
        let count = if answer.status == 404 { 0 } else { answer.json().as_array().unwrap().len() };
        assert_eq!(count, found, "{filter}");
    }
}

async fn refused(backend: Backend) {
    let client = Client(TestApp::on(backend).await);
    let named = [("name", "m"), ("version", "1")];
    let outside = super::zip("../evil", b"x");
    let mut torn = archive();
    torn.truncate(torn.len() - 10);
    for bytes in [&b"hello"[..], b"", &outside, &torn] {
        let answer = client.send(Form::new(&named).file(bytes)).await.expect(422);
        assert!(answer.member("detail").starts_with("the file is not a usable zip archive: "), "{}", answer.text());
    }
    let id = ("id", "0123456789abcdef");
    for (fields, status) in [
        (vec![("name", "m"), ("version", "1"), ("id", "abc")], 400),
        (vec![("name", "m"), ("version", "1"), ("id", "../../../../../../etc")], 400),
        (vec![("name", "m"), ("version", "1"), ("id", "modelport-00000001")], 400),
        (vec![("name", "m"), ("version", "1"), ("score", "nan")], 422),
        (vec![("name", "m"), ("version", "1"), ("size", "x")], 422),
        (vec![("name", "m"), ("version", "1"), ("overview", "3")], 422),
        (vec![("name", "m"), ("version", "1"), ("overview", "[1]")], 422),
        (vec![("name", "m"), ("version", "1"), ("labels", "{'a': 1}")], 422),
        (vec![("name", "m"), ("version", "1"), ("labels", "[1]")], 422),
        (vec![("name", ""), ("version", "1")], 422),
        (vec![("name", "m"), ("version", "")], 422),
        (vec![("name", "a\0b"), ("version", "1"), id], 422),
        (vec![("name", "m"), ("version", "1\0")], 422),
        (vec![("name", "m"), ("version", "1"), ("category", "a\0")], 422),
        (vec![("version", "1")], 422),
    ] {
        // Whichever way around: what stands before the file is refused before it is stored, what stands after it is refused then.
        client.send(Form::new(&fields).file(&archive())).await.expect(status);
        let file_first = fields
            .iter()
            .fold(Form::new(&[]).file(&archive()), |form, (name, value)| form.field(name, value.as_bytes()));
        client.send(file_first).await.expect(status);
    }
    let long = "x".repeat(513);
    client.post(&[("name", &long), ("version", "1")]).await.expect(422);
    client.post(&[("name", "m"), ("version", &long[..256])]).await.expect(422);
    assert_eq!((client.count().await, client.0.objects()), (0, 0), "nothing is left");
    let models = client.0.get("/api/model_registry/v1alpha3/registered_models").await.json();
    assert_eq!(models["size"], 0);
    // Longer than the old service could store.
    let long = format!("{{\"a\": \"{}\"}}", "x".repeat(100_000));
    let id = client.post(&[("name", "m"), ("version", &"v".repeat(255)), ("overview", &long)]).await.expect(201).text();
    assert_eq!(client.get(&format!("/models/{id}")).await.json()["overview"]["a"].as_str().unwrap().len(), 100_000);
}

#[actix_web::test]
async fn nothing_is_left_of_what_is_refused() {
    refused(Backend::Sqlite).await;
    refused(Backend::Postgres).await;
}

//! The values of models that filters name, with counts, on each database.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::transcript;
use crate::api::app::TestApp;
use crate::api::kubeflow;
use crate::support::Backend;

/// A pickle that runs a command.
const DANGER: &[u8] = b"cos\nsystem\n(S'true'\ntR.";

/// A pickle of `None`.
const HARMLESS: &[u8] = b"N.";

/// A file of safetensors without tensors.
const SAFE: &[u8] = b"\x02\x00\x00\x00\x00\x00\x00\x00{}";

/// Three models, of which two have versions, and a prompt.
async fn registry(backend: Backend) -> TestApp {
    let client = kubeflow::Client::on(backend).await;
    let property = |text: &str| json!({"metadataType": "MetadataStringValue", "string_value": text});
    for model in [
        json!({"name": "fraud", "owner": "risk", "license": "mit", "tasks": ["scoring", "ranking"],
               "customProperties": {"gold": property(""), "team": property("blue")}}),
        json!({"name": "churn", "owner": "risk", "state": "ARCHIVED", "tasks": ["scoring"], "customProperties": {"gold": property("")}}),
        json!({"name": "empty", "owner": "Ölwerk", "libraryName": "onnx"}),
        json!({"name": "greeting", "owner": "nobody", "customProperties": {"mlflow.prompt.is_prompt": property("true")}}),
    ] {
        client.post("/registered_models", model).await.expect(201);
    }
    let app = client.0;
    for (path, bytes) in [
        ("fraud/versions/1/files/old.pkl", HARMLESS),
        ("fraud/versions/2/files/model.safetensors", SAFE),
        ("churn/versions/1/files/model.pkl", HARMLESS),
        ("churn/versions/1/files/model.safetensors", SAFE),
    ] {
        app.put(&format!("/api/v1/models/{path}"), bytes).await.expect(201);
    }
    for (model, alias, version) in [("fraud", "best", "1"), ("fraud", "champion", "2"), ("churn", "champion", "1")] {
        let path = format!("/api/v1/models/{model}/aliases/{alias}");
        app.json(Method::PUT, &path, &json!({"version": version})).await.expect(200);
    }
    // Of a version with a quarantined file no alias can be set; those that there are stay.
    for path in ["fraud/versions/1/files/old.pkl", "churn/versions/1/files/model.pkl"] {
        let replace = TestRequest::put().uri(&format!("/api/v1/models/{path}")).insert_header(("If-Match", "*"));
        app.send(replace.set_payload(DANGER)).await.expect(200);
    }
    app
}

/// The values of a facet with their counts.
fn values(facets: &Value, name: &str) -> Vec<(String, u64)> {
    let all = facets["facets"].as_array().unwrap();
    let facet = all.iter().find(|facet| facet["name"] == name).unwrap();
    let value = |value: &Value| (value["value"].as_str().unwrap().to_owned(), value["count"].as_u64().unwrap());
    facet["values"].as_array().unwrap().iter().map(value).collect()
}

async fn what_models_have(backend: Backend) {
    let app = registry(backend).await;
    let all = app.get("/api/v1/model-facets").await.expect(200).json();
    assert_eq!(all["total"], 3);
    for (name, expected) in [
        ("owner", &[("risk", 2), ("Ölwerk", 1)][..]),
        ("state", &[("ARCHIVED", 1), ("LIVE", 2)]),
        ("license", &[("mit", 1)]),
        ("maturity", &[]),
        ("libraryName", &[("onnx", 1)]),
        ("tasks", &[("scoring", 2), ("ranking", 1)]),
        ("alias", &[("champion", 2), ("best", 1)]),
        ("format", &[("safetensors", 2), ("pickle", 1)]),
        ("verdict", &[("clean", 1), ("danger", 1)]),
        ("label", &[("gold", 2)]),
    ] {
        let found = values(&all, name);
        let mut found: Vec<(&str, u64)> = found.iter().map(|(value, count)| (value.as_str(), *count)).collect();
        if name == "state" {
            found.sort_unstable();
        }
        assert_eq!(found, expected, "{name}");
    }
    let narrowed = app.get("/api/v1/model-facets?filter=verdict%20=%20'danger'").await.expect(200).json();
    assert_eq!((&narrowed["total"], values(&narrowed, "owner")), (&json!(1), vec![("risk".to_owned(), 1)]));
    let none = app.get("/api/v1/model-facets?filter=owner%20=%20'none'").await.expect(200).json();
    assert_eq!(none["total"], 0);
    assert!(none["facets"].as_array().unwrap().iter().all(|facet| facet["values"] == json!([])), "{none}");
    for number in 0..25 {
        let path = format!("/api/v1/models/fraud/aliases/a{number:02}");
        app.json(Method::PUT, &path, &json!({"version": "2"})).await.expect(200);
    }
    let many = app.get("/api/v1/model-facets").await.expect(200).json();
    let aliases = values(&many, "alias");
    assert_eq!((aliases.len(), &*aliases[0].0, &*aliases[1].0), (20, "champion", "a00"));
    let facet = many["facets"].as_array().unwrap().iter().find(|facet| facet["name"] == "alias").unwrap();
    assert_eq!(facet["moreValues"], true);
}

#[actix_web::test]
async fn values_on_sqlite() {
    what_models_have(Backend::Sqlite).await;
}

#[actix_web::test]
async fn values_on_postgres() {
    what_models_have(Backend::Postgres).await;
}

async fn many_models_are_cut(backend: Backend) {
    let app = TestApp::on(backend).await;
    let series = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 10001)";
    let columns = "kind, type_id, home_id, name, created_at, updated_at, workspace_id";
    let models = "SELECT 2, 11, CAST(NULL AS BIGINT), 'm' || CAST(i AS TEXT), i, i, 1 FROM n";
    app.sql(&format!("{series} INSERT INTO nodes ({columns}) {models}"));
    app.sql(
        "INSERT INTO properties (node_id, custom, name, kind, text_value) SELECT id, FALSE, 'owner', 3, 'risk' FROM nodes",
    );
    let all = app.get("/api/v1/model-facets").await.expect(200).json();
    assert_eq!((&all["total"], &all["totalAtLeast"]), (&Value::Null, &json!(10_000)));
    assert_eq!(values(&all, "owner"), [("risk".to_owned(), 10_000)]);
}

#[actix_web::test]
async fn many_on_sqlite() {
    many_models_are_cut(Backend::Sqlite).await;
}

#[actix_web::test]
async fn many_on_postgres() {
    many_models_are_cut(Backend::Postgres).await;
}

#[actix_web::test]
async fn success_and_errors() {
    let app = registry(Backend::Sqlite).await;
    let mut transcript = transcript(&app);
    transcript.get("/model-facets?filter=owner%20=%20'risk'").await.expect(200);
    for query in ["filter=owner%20=", "filter=verdict%20=%20'bad'", "filter=%00", "facets=owner", "pageSize=1"] {
        transcript.get(&format!("/model-facets?{query}")).await.expect(400);
    }
    assert_snapshot!(transcript);
}

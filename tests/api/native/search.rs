//! The search through names, texts, paths and digests, on each database.

use actix_web::http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{BYTES, SHA256, transcript};
use crate::api::app::TestApp;
use crate::api::kubeflow;
use crate::support::Backend;

/// Models, an experiment with a run, an environment with a service, and a file.
async fn registry(backend: Backend) -> TestApp {
    let client = kubeflow::Client::on(backend).await;
    let property = |text: &str| json!({"metadataType": "MetadataStringValue", "string_value": text});
    for model in [
        json!({"name": "Fraud-Detector", "description": "Finds stolen cards.", "tasks": ["scoring"],
               "customProperties": {"team": property("Blue Lions"), "gold": property(""), "mlflow.source": property("lions.py")}}),
        json!({"name": "fraud"}),
        json!({"name": "defraud"}),
        json!({"name": "old fraud", "readme": "# Kyrie\nA card of 50% cards_x."}),
        json!({"name": "模型库"}),
        json!({"name": "say \"hi\""}),
    ] {
        client.post("/registered_models", model).await.expect(201);
    }
    client.post("/experiments", json!({"name": "churn"})).await.expect(201);
    client.post("/experiment_runs", json!({"name": "fraud run", "experimentId": "7"})).await.expect(201);
    client.post("/serving_environments", json!({"name": "production"})).await.expect(201);
    let service = json!({"name": "fraud-api", "registeredModelId": "2", "servingEnvironmentId": "9"});
    client.post("/inference_services", service).await.expect(201);
    let app = client.0;
    app.put("/api/v1/models/fraud/versions/v1/files/weights/Model.bin", BYTES).await.expect(201);
    app
}

fn encoded(each: char) -> String {
    each.to_string().bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// What each result is known by: its name or path, with its kind and how it was found.
async fn found(app: &TestApp, query: &str) -> Vec<String> {
    let query: String =
        query.chars().map(|each| if each.is_ascii() { each.to_string() } else { encoded(each) }).collect();
    let list = app.get(&format!("/api/v1/search?{query}")).await.expect(200).json();
    let each = |item: &Value| {
        let known = [&item["node"]["name"], &item["file"]["path"], &item["principal"]["handle"]];
        let name = known.into_iter().find_map(Value::as_str).unwrap();
        format!("{} {} {name}", item["matched"].as_str().unwrap(), item["kind"].as_str().unwrap())
    };
    list["items"].as_array().unwrap().iter().map(each).collect()
}

/// What is asked, and what is found, in its order.
const SEARCHES: &[(&str, &[&str])] = &[
    (
        "q=fraud&kinds=models",
        &[
            "exactName models fraud",
            "namePrefix models Fraud-Detector",
            "nameWord models old fraud",
            "namePart models defraud",
        ],
    ),
    ("q=%20FRAUD%20&kinds=models&pageSize=1", &["exactName models fraud"]),
    ("q=fraud&kinds=runs,deployments", &["namePrefix runs fraud run", "namePrefix deployments fraud-api"]),
    ("q=fr&kinds=models", &["namePrefix models fraud", "namePrefix models Fraud-Detector"]),
    ("q=ra&kinds=models", &[]),
    ("q=raud-det", &["namePart models Fraud-Detector"]),
    ("q=detector", &["nameWord models Fraud-Detector"]),
    ("q=detector%20fraud", &["namePart models Fraud-Detector"]),
    ("q=stolen", &["text models Fraud-Detector"]),
    ("q=cards%20stolen", &["text models Fraud-Detector"]),
    ("q=blue%20LI", &["label models Fraud-Detector"]),
    ("q=bl&kinds=models", &["label models Fraud-Detector"]),
    ("q=blue&kinds=versions,files", &[]),
    ("q=team", &[]),
    ("q=gold", &["label models Fraud-Detector"]),
    ("q=lions.py", &[]),
    ("q=scoring", &["text models Fraud-Detector"]),
    ("q=kyrie", &["text models old fraud"]),
    ("q=50%25%20cards_", &["text models old fraud"]),
    ("q=50%25%25", &[]),
    ("q=cards?x", &[]),
    ("q=模型", &["namePrefix models 模型库"]),
    ("q=模型库", &["exactName models 模型库"]),
    ("q=型", &[]),
    ("q=%22hi%22", &["nameWord models say \"hi\""]),
    ("q=%22%20OR%20text%20:%20%22", &[]),
    ("q=chu", &["namePrefix experiments churn"]),
    ("q=prod", &["namePrefix environments production"]),
    ("q=model.bin", &["exactName files weights/Model.bin"]),
    ("q=weights", &["namePrefix files weights/Model.bin"]),
    ("q=ghts/mod", &["namePart files weights/Model.bin"]),
    ("q=ghts/mod&kinds=models,people", &[]),
    ("q=84d89877", &["digest files weights/Model.bin"]),
    ("q=84D89877F0&kinds=files", &["digest files weights/Model.bin"]),
    ("q=84d89877&kinds=models", &[]),
    ("q=84d8987", &[]),
    ("q=nothing", &[]),
    ("q=v1&kinds=versions", &["exactName versions v1"]),
];

async fn what_is_found(backend: Backend) {
    let app = registry(backend).await;
    for (query, expected) in SEARCHES {
        assert_eq!(found(&app, query).await, *expected, "{query}");
    }
    assert_eq!(found(&app, &format!("q={SHA256}")).await, ["digest files weights/Model.bin"]);
    assert_eq!(found(&app, &format!("q={}", "z".repeat(200))).await, Vec::<String>::new());
    let version = app.get("/api/v1/search?q=v1&kinds=versions").await.json()["items"][0].clone();
    assert_eq!(
        (&version["homes"][0]["name"], &version["homes"][0]["type"]),
        (&json!("fraud"), &json!("kf.RegisteredModel"))
    );
    let counted = app.get("/api/v1/search?q=fraud&kinds=models&pageSize=1").await.json();
    assert_eq!((&counted["total"], &counted["totalAtLeast"]), (&json!(4), &Value::Null));
    // What changes is found as it is now.
    let change = json!({"name": "renamed"});
    app.json(Method::POST, "/api/v1/models/defraud/rename", &change).await.expect(200);
    assert_eq!(found(&app, "q=defraud").await, Vec::<String>::new());
    assert_eq!(found(&app, "q=renamed").await, ["exactName models renamed"]);
    let path = format!("{}/registered_models/1", kubeflow::API);
    app.json(Method::PATCH, &path, &json!({"description": "Finds thieves."})).await.expect(200);
    assert_eq!(found(&app, "q=stolen").await, Vec::<String>::new());
    assert_eq!(found(&app, "q=thieves").await, ["text models Fraud-Detector"]);
    // Whatever writes it.
    app.sql("UPDATE properties SET text_value = 'Finds burglars.' WHERE name = 'description' AND node_id = 1");
    assert_eq!(found(&app, "q=thieves").await, Vec::<String>::new());
    assert_eq!(found(&app, "q=burglars").await, ["text models Fraud-Detector"]);
    app.delete("/api/v1/models/fraud/versions/v1/files/weights/Model.bin").await.expect(204);
    assert_eq!(found(&app, "q=weights").await, Vec::<String>::new());
    app.delete("/api/v1/models/Fraud-Detector").await.expect(204);
    for gone in ["burglars", "blue", "detector"] {
        assert_eq!(found(&app, &format!("q={gone}")).await, Vec::<String>::new(), "{gone}");
    }
}

#[actix_web::test]
async fn finds_on_sqlite() {
    what_is_found(Backend::Sqlite).await;
}

#[actix_web::test]
async fn finds_on_postgres() {
    what_is_found(Backend::Postgres).await;
}

/// More texts than are looked at: both ways in which PostgreSQL finds them.
async fn many_matches_are_cut(backend: Backend) {
    let app = TestApp::on(backend).await;
    let series =
        |most: u32| format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most})");
    let columns = "kind, type_id, home_id, name, created_at, updated_at, workspace_id";
    let models =
        |name: &str| format!("SELECT 2, 11, CAST(NULL AS BIGINT), '{name}' || CAST(i AS TEXT), i, i, 1 FROM n");
    app.sql(&format!("{} INSERT INTO nodes ({columns}) {}", series(10_000), models("a-net-")));
    let counted = |q: &'static str| {
        let app = &app;
        async move { app.get(&format!("/api/v1/search?q={q}&pageSize=3")).await.expect(200).json() }
    };
    let all = counted("net").await;
    assert_eq!((&all["total"], &all["totalAtLeast"]), (&json!(10_000), &Value::Null));
    assert_eq!(all["items"].as_array().unwrap().len(), 3);
    assert_eq!(all["items"][0]["node"]["name"], "a-net-10000");
    app.sql(&format!("{} INSERT INTO nodes ({columns}) {}", series(1), models("b-net-")));
    let all = counted("net").await;
    assert_eq!((&all["total"], &all["totalAtLeast"]), (&Value::Null, &json!(10_000)));
    assert_eq!(all["items"][0]["node"]["name"], "b-net-1");
    // What has just that name is found however old it is, and whatever else begins so.
    let first = counted("a-net-1").await;
    assert_eq!(
        (&first["items"][0]["node"]["name"], &first["items"][0]["matched"]),
        (&json!("a-net-1"), &json!("exactName"))
    );
    // Behind many others that do not match.
    app.sql(&format!("{} INSERT INTO nodes ({columns}) {}", series(21_000), models("other ")));
    let all = counted("net").await;
    assert_eq!((&all["items"][0]["node"]["name"], &all["totalAtLeast"]), (&json!("b-net-1"), &json!(10_000)));
    let one = counted("net-9999").await;
    assert_eq!((&one["items"][0]["node"]["name"], &one["total"]), (&json!("a-net-9999"), &json!(1)));
}

#[actix_web::test]
async fn many_on_sqlite() {
    many_matches_are_cut(Backend::Sqlite).await;
}

#[actix_web::test]
async fn many_on_postgres() {
    many_matches_are_cut(Backend::Postgres).await;
}

#[actix_web::test]
async fn success_and_errors() {
    let app = registry(Backend::Sqlite).await;
    let mut transcript = transcript(&app);
    transcript.get("/search?q=fraud&kinds=models,runs&pageSize=3").await.expect(200);
    transcript.get("/search?q=model.bin").await.expect(200);
    for query in [
        "",
        "?q=",
        "?q=%20%20",
        "?q=%00",
        "?q=a&q=b",
        "?kinds=models",
        "?q=a&kinds=",
        "?q=a&kinds=model",
        "?q=a&kinds=models,",
        "?q=a&pageSize=0",
        "?q=a&pageSize=x",
        "?q=a&nextPageToken=x",
    ] {
        transcript.get(&format!("/search{query}")).await.expect(400);
    }
    app.get(&format!("/api/v1/search?q={}", "x".repeat(201))).await.expect(400);
    assert_snapshot!(transcript);
}

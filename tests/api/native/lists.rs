//! Lists of models, versions, aliases, artifacts, files and jobs, on each database.

use actix_web::http::Method;
use actix_web::test::TestRequest;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::transcript;
use crate::api::app::{Answer, TestApp};
use crate::api::kubeflow;
use crate::support::Backend;

/// A pickle that runs a command.
const DANGER: &[u8] = b"cos\nsystem\n(S'true'\ntR.";

/// A pickle of `None`.
const HARMLESS: &[u8] = b"N.";

/// A file of safetensors without tensors.
const SAFE: &[u8] = b"\x02\x00\x00\x00\x00\x00\x00\x00{}";

/// Four models: `fraud` with two versions, of which the latest is harmless; `churn` with a dangerous one; `empty`; and a prompt.
pub(super) async fn registry(backend: Backend) -> TestApp {
    let client = kubeflow::Client::on(backend).await;
    let property = |text: &str| json!({"metadataType": "MetadataStringValue", "string_value": text});
    let models = [
        json!({"name": "fraud", "owner": "risk", "description": "First.", "tasks": ["scoring"],
               "customProperties": {"team": property("blue"), "count": {"metadataType": "MetadataIntValue", "int_value": "3"}}}),
        json!({"name": "churn", "owner": "sales", "state": "ARCHIVED"}),
        json!({"name": "empty"}),
        json!({"name": "greeting", "customProperties": {"mlflow.prompt.is_prompt": property("true")}}),
    ];
    for model in models {
        client.post("/registered_models", model).await.expect(201);
    }
    client.version("4", "1").await;
    let app = client.0;
    for (path, bytes) in [
        ("fraud/versions/1/files/old.pkl", HARMLESS),
        ("fraud/versions/2/files/model.safetensors", SAFE),
        ("fraud/versions/2/files/notes/readme.txt", b"hello".as_slice()),
        ("churn/versions/1/files/model.pkl", HARMLESS),
        ("churn/versions/1/files/model.safetensors", SAFE),
    ] {
        app.put(&format!("/api/v1/models/{path}"), bytes).await.expect(201);
    }
    for (alias, version) in [("best", "1"), ("champion", "2")] {
        let path = format!("/api/v1/models/fraud/aliases/{alias}");
        app.json(Method::PUT, &path, &json!({"version": version})).await.expect(200);
    }
    app.json(Method::PUT, "/api/v1/models/churn/aliases/champion", &json!({"version": "1"})).await.expect(200);
    // Of a version with a quarantined file no alias can be set; those that there are stay.
    for path in ["fraud/versions/1/files/old.pkl", "churn/versions/1/files/model.pkl"] {
        let replace = TestRequest::put().uri(&format!("/api/v1/models/{path}")).insert_header(("If-Match", "*"));
        app.send(replace.set_payload(DANGER)).await.expect(200);
    }
    app
}

fn items(list: &Answer) -> Vec<Value> {
    list.json()["items"].as_array().unwrap().clone()
}

/// What each item of a list has under that name.
async fn each(app: &TestApp, list: &str, member: &str) -> Vec<String> {
    let list = app.get(&format!("/api/v1{list}")).await.expect(200);
    items(&list).iter().map(|item| item[member].as_str().unwrap_or("-").to_owned()).collect()
}

fn filtered(list: &str, filter: &str) -> String {
    let filter: String = url::form_urlencoded::byte_serialize(filter.as_bytes()).collect();
    let join = if list.contains('?') { '&' } else { '?' };
    format!("{list}{join}filter={filter}")
}

async fn what_lists_show(backend: Backend) -> String {
    let app = registry(backend).await;
    let metric = json!({"artifactType": "metric", "name": "auc", "value": 0.5});
    let kubeflow = format!("{}/model_versions/8/artifacts", kubeflow::API);
    app.json(Method::POST, &kubeflow, &metric).await.expect(200);
    let mut transcript = transcript(&app);
    for list in [
        "/models?orderBy=name&sortOrder=asc&totals=true",
        "/models/fraud/versions?metrics=auc,none",
        "/models/fraud/aliases",
        "/models/fraud/versions/latest/artifacts",
        "/models/empty/versions",
        "/files?verdict=danger,suspicious",
        "/jobs",
    ] {
        transcript.get(list).await.expect(200);
    }
    transcript.to_string()
}

#[actix_web::test]
async fn on_sqlite() {
    assert_snapshot!("what_lists_show", what_lists_show(Backend::Sqlite).await);
}

#[actix_web::test]
async fn on_postgres() {
    assert_snapshot!("what_lists_show", what_lists_show(Backend::Postgres).await);
}

/// Filters of models, and which they find in the order of their names.
const MODELS: &[(&str, &[&str])] = &[
    ("", &["churn", "empty", "fraud"]),
    ("owner = 'risk'", &["fraud"]),
    ("state = 'ARCHIVED'", &["churn"]),
    ("tasks = 'scoring'", &["fraud"]),
    ("team = 'blue' AND count > 2", &["fraud"]),
    ("name LIKE '%r%'", &["churn", "fraud"]),
    ("alias = 'champion'", &["churn", "fraud"]),
    ("alias = 'best' AND alias = 'champion'", &["fraud"]),
    ("alias IN ('best', 'none')", &["fraud"]),
    ("alias != 'best'", &["churn"]),
    ("alias IS NULL", &["empty"]),
    ("alias LIKE 'cham%'", &["churn", "fraud"]),
    ("verdict = 'danger'", &["churn"]),
    ("verdict = 'clean'", &["fraud"]),
    ("verdict IN ('clean', 'danger')", &["churn", "fraud"]),
    ("verdict != 'danger'", &["fraud"]),
    ("verdict IS NULL", &["empty"]),
    ("NOT verdict = 'danger'", &["empty", "fraud"]),
    ("format = 'safetensors'", &["churn", "fraud"]),
    ("format = 'pickle'", &["churn"]),
    ("format = 'none'", &[]),
    ("alias = 'champion' AND verdict = 'clean' AND owner = 'risk'", &["fraud"]),
    ("verdict = 'danger' OR owner = 'risk'", &["churn", "fraud"]),
    ("createdAt > 0 AND updatedAt > createdAt", &[]),
];

async fn what_filters_find(backend: Backend) {
    let app = registry(backend).await;
    for (filter, expected) in MODELS {
        if filter.contains("> createdAt") {
            app.get(&format!("/api/v1{}", filtered("/models", filter))).await.expect(400);
            continue;
        }
        let list = filtered("/models?orderBy=name&sortOrder=asc", filter);
        assert_eq!(&each(&app, &list, "name").await, expected, "{filter}");
        let counted = app.get(&format!("/api/v1{list}&totals=true&pageSize=1")).await.expect(200).json();
        assert_eq!(counted["total"], expected.len(), "{filter}");
    }
    for (filter, expected) in [
        ("alias = 'best'", &["1"][..]),
        ("verdict = 'danger'", &["1"]),
        ("format = 'safetensors'", &["2"]),
        ("alias IN ('best', 'champion')", &["2", "1"]),
        ("state = 'LIVE'", &["2", "1"]),
    ] {
        let list = filtered("/models/fraud/versions", filter);
        assert_eq!(each(&app, &list, "name").await, expected, "{filter}");
    }
    for (query, expected) in [
        ("", &["model.safetensors", "old.pkl", "notes/readme.txt", "model.pkl"][..]),
        ("?verdict=danger", &["old.pkl", "model.pkl"]),
        ("?quarantined=true", &["old.pkl", "model.pkl"]),
        ("?quarantined=false&format=safetensors", &["model.safetensors", "model.safetensors"]),
        ("?format=pickle", &["old.pkl", "model.pkl"]),
        ("?path=*.pkl", &["old.pkl", "model.pkl"]),
        ("?path=notes/*", &["notes/readme.txt"]),
        ("?path=NOTES/*", &[]),
        ("?path=o?d.pkl", &[]),
        ("?path=old_pkl", &[]),
    ] {
        let mut found = each(&app, &format!("/files{query}"), "path").await;
        let mut expected: Vec<String> = expected.iter().map(|path| (*path).to_owned()).collect();
        if query.is_empty() {
            expected.push("model.safetensors".to_owned());
        }
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{query}");
    }
    let dangerous = items(&app.get("/api/v1/files?verdict=danger").await);
    let rule = dangerous[0]["inspection"]["findings"][0]["rule"].as_str().unwrap();
    assert_eq!(each(&app, &format!("/files?rule={rule}"), "model").await, ["fraud", "churn"]);
    let digest = dangerous[0]["sha256"].as_str().unwrap();
    assert_eq!(each(&app, &format!("/blobs/{digest}"), "path").await, ["old.pkl", "model.pkl"]);
    app.get(&format!("/api/v1/blobs/{}", "0".repeat(64))).await.expect(404);
    // A model goes out of the list with what it has, and a prompt was never there.
    app.delete("/api/v1/models/churn?recursive=true&force=true").await.expect(204);
    assert_eq!(each(&app, "/models?orderBy=id&sortOrder=asc", "name").await, ["fraud", "empty"]);
}

#[actix_web::test]
async fn filters_on_sqlite() {
    what_filters_find(Backend::Sqlite).await;
}

#[actix_web::test]
async fn filters_on_postgres() {
    what_filters_find(Backend::Postgres).await;
}

async fn every_order_is_walked(backend: Backend) {
    let app = TestApp::on(backend).await;
    app.stop_clock();
    let mut names: Vec<String> = (0..23).map(|number| format!("m{:02}", number * 7 % 23)).collect();
    for name in &names {
        app.put(&format!("/api/v1/models/{name}/versions/1/files/a"), "a").await.expect(201);
        app.json(Method::PUT, &format!("/api/v1/models/{name}/aliases/x"), &json!({"version": "1"})).await.expect(200);
    }
    let made = names.clone();
    names.sort();
    for (order, expected) in [("id", &made), ("createdAt", &made), ("updatedAt", &made), ("name", &names)] {
        for (direction, is_reversed) in [("asc", false), ("desc", true)] {
            for filter in ["", "&filter=alias%20=%20'x'"] {
                let (mut walked, mut token) = (Vec::new(), String::new());
                loop {
                    let list = format!("/models?orderBy={order}&sortOrder={direction}&pageSize=5{filter}");
                    let page = format!("{list}&nextPageToken={token}");
                    walked.extend(each(&app, &page, "name").await);
                    token = app.get(&format!("/api/v1{page}")).await.member("nextPageToken");
                    if token.is_empty() {
                        break;
                    }
                }
                if is_reversed {
                    walked.reverse();
                }
                assert_eq!(&walked, expected, "{order} {direction} {filter}");
            }
        }
    }
    let token = app.get("/api/v1/models?pageSize=5").await.member("nextPageToken");
    app.get(&format!("/api/v1/models?pageSize=9&nextPageToken={token}")).await.expect(200);
    for other in ["orderBy=name", "sortOrder=asc", "filter=name%20=%20'a'"] {
        let refused = app.get(&format!("/api/v1/models?{other}&nextPageToken={token}")).await.expect(400);
        assert_eq!(refused.member("field"), "nextPageToken", "{other}");
    }
    for number in 0..12 {
        let path = format!("/api/v1/models/m00/aliases/a{number:02}");
        app.json(Method::PUT, &path, &json!({"version": "1"})).await.expect(200);
    }
    let (mut walked, mut token) = (Vec::new(), String::new());
    loop {
        let page = format!("/models/m00/aliases?pageSize=5&nextPageToken={token}");
        walked.extend(each(&app, &page, "alias").await);
        token = app.get(&format!("/api/v1{page}")).await.member("nextPageToken");
        if token.is_empty() {
            break;
        }
    }
    assert_eq!((walked.len(), walked[0].as_str(), walked[12].as_str()), (13, "a00", "x"));
    let (mut walked, mut token) = (0, String::new());
    loop {
        let page = app.get(&format!("/api/v1/files?pageSize=10&nextPageToken={token}")).await.expect(200);
        walked += items(&page).len();
        token = page.member("nextPageToken");
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(walked, 23);
}

#[actix_web::test]
async fn orders_on_sqlite() {
    every_order_is_walked(Backend::Sqlite).await;
}

#[actix_web::test]
async fn orders_on_postgres() {
    every_order_is_walked(Backend::Postgres).await;
}

#[actix_web::test]
async fn bad_parameters() {
    let app = registry(Backend::Sqlite).await;
    let mut transcript = transcript(&app);
    for query in [
        "orderBy=ID",
        "sortOrder=up",
        "totals=yes",
        "pageSize=0",
        "nextPageToken=garbage",
        "filter=name%20=",
        "filter=verdict%20=%20'bad'",
        "filter=verdict%20%3E%20'warn'",
        "filter=alias%20=%201",
        "filter=createdAt%20=%20'x'",
        "filter=%00",
        "filterQuery=x",
    ] {
        transcript.get(&format!("/models?{query}")).await.expect(400);
    }
    let many: String = (0..51).map(|number| format!("m{number},")).collect();
    for path in [
        &format!("/models/fraud/versions?metrics={many}"),
        "/models/fraud/versions?metrics=%00",
        "/models/fraud/aliases?nextPageToken=a%20b",
        "/files?verdict=bad",
        "/files?rule=none",
        "/files?quarantined=maybe",
        "/files?path=%00",
        "/files?nextPageToken=x",
        "/blobs/abc",
        "/jobs?state=done",
        "/jobs?nextPageToken=x",
        "/changes?order=up",
        "/changes?before=1",
        "/changes?order=desc&after=1",
        "/changes?order=desc&before=0",
        "/changes?actor=me",
        "/changes?order=desc&action=none",
        "/changes?order=desc&type=none",
        "/changes?order=desc&node=x",
        "/changes?order=desc&from=x",
        "/nodes/1/history?before=3",
        "/nodes/1/history?subtree=x",
    ] {
        transcript.get(path).await.expect(400);
    }
    for path in ["/models/none/versions", "/models/none/aliases", "/models/fraud/versions/9/artifacts"] {
        transcript.get(path).await.expect(404);
    }
    assert_snapshot!(transcript);
}

async fn what_is_counted_has_a_limit(backend: Backend) {
    let app = TestApp::on(backend).await;
    let series =
        |most: u32| format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most})");
    let columns = "kind, type_id, home_id, name, created_at, updated_at, workspace_id";
    let models = "SELECT 2, 11, CAST(NULL AS BIGINT), 'm' || CAST(i AS TEXT), i, i, 1 FROM n";
    app.sql(&format!("{} INSERT INTO nodes ({columns}) {models}", series(10_000)));
    let of_first = "SELECT 2, 12, (SELECT id FROM nodes WHERE name = 'm1'), 'v' || CAST(i AS TEXT), i, i, 1 FROM n";
    app.sql(&format!("{} INSERT INTO nodes ({columns}) {of_first}", series(1001)));
    let counted = |list: &'static str| {
        let app = &app;
        async move { app.get(&format!("/api/v1{list}pageSize=1&totals=true")).await.expect(200).json() }
    };
    let all = counted("/models?").await;
    assert_eq!((&all["total"], &all["totalAtLeast"]), (&json!(10_000), &Value::Null));
    app.put("/api/v1/models/one-more/versions/1/files/a", "a").await.expect(201);
    let all = counted("/models?").await;
    assert_eq!((&all["total"], &all["totalAtLeast"]), (&Value::Null, &json!(10_000)));
    let some = counted("/models?filter=name%20LIKE%20'm1%25'&").await;
    assert_eq!((&some["total"], &some["totalAtLeast"]), (&json!(1112), &Value::Null));
    let first = counted("/models?filter=name%20=%20'm1'&").await["items"][0].clone();
    assert_eq!((&first["versions"], &first["moreVersions"]), (&json!(1000), &json!(true)));
    assert_eq!(first["latestVersion"]["name"], "v1001");
    assert_eq!(counted("/models/m1/versions?").await["total"], 1001);
}

#[actix_web::test]
async fn limits_on_sqlite() {
    what_is_counted_has_a_limit(Backend::Sqlite).await;
}

#[actix_web::test]
async fn limits_on_postgres() {
    what_is_counted_has_a_limit(Backend::Postgres).await;
}

async fn what_serves_where(backend: Backend) -> String {
    let client = kubeflow::Client::on(backend).await;
    let model = client.model("fraud").await;
    let first = client.version(&model, "1").await;
    client.version(&model, "2").await;
    let environment = client.environment("production").await;
    let service = client.service(&environment, &model, "follows").await;
    let body = json!({"name": "pinned", "servingEnvironmentId": environment, "registeredModelId": model,
                      "modelVersionId": first, "desiredState": "DEPLOYED", "runtime": "triton"});
    client.post("/inference_services", body).await.expect(201);
    let serve = json!({"name": "first", "modelVersionId": first, "lastKnownState": "RUNNING"});
    client.post(&format!("/inference_services/{service}/serves"), serve).await.expect(201);
    let app = client.0;
    app.json(Method::PUT, "/api/v1/models/fraud/aliases/champion", &json!({"version": "1"})).await.expect(200);
    let mut transcript = transcript(&app);
    transcript.get("/deployments").await.expect(200);
    transcript.get("/deployments?environment=none").await.expect(404);
    transcript.get("/deployments?model=none").await.expect(404);
    for (query, names) in [
        ("?environment=production&pageSize=1", &["pinned"][..]),
        ("?model=fraud", &["pinned", "follows"]),
        ("?environment=production&model=fraud", &["pinned", "follows"]),
    ] {
        assert_eq!(each(&app, &format!("/deployments{query}"), "name").await, names, "{query}");
    }
    transcript.to_string()
}

#[actix_web::test]
async fn deployments_on_sqlite() {
    assert_snapshot!("what_serves_where", what_serves_where(Backend::Sqlite).await);
}

#[actix_web::test]
async fn deployments_on_postgres() {
    assert_snapshot!("what_serves_where", what_serves_where(Backend::Postgres).await);
}

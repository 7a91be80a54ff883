//! MLflow's own pages, from a folder, and what is below them: the files, and the same API a second time.

use std::fs::{create_dir_all, write};
use std::os::unix::fs::symlink;

use actix_web::http::Method;
use actix_web::test::TestRequest;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::app::{TestApp, request};

const HASHED: &str = "/mlflow/static-files/static/js/main.c2f5f8d4.js";

/// A folder such as MLflow's package has, beside something that is none of it.
fn build() -> TempDir {
    let outside = tempfile::tempdir().unwrap();
    let folder = outside.path().join("build");
    create_dir_all(folder.join("static/js")).unwrap();
    for (path, text) in [
        ("secret.txt", "secret"),
        ("build/index.html", "<!doctype html><title>MLflow</title>"),
        ("build/favicon.ico", "icon"),
        ("build/static/js/main.c2f5f8d4.js", "let one = 1;"),
        ("build/static/js/worker.16b289c2599c81a29db9.mjs", "let two = 2;"),
        ("build/static/font.c1e38fd9e0e74ba58f7a.woff2", "font"),
    ] {
        write(outside.path().join(path), text).unwrap();
    }
    symlink("../secret.txt", folder.join("linked.txt")).unwrap();
    outside
}

async fn app() -> (TestApp, TempDir) {
    let outside = build();
    (TestApp::with_mlflow_pages(&outside.path().join("build")).await, outside)
}

async fn ask(app: &TestApp, operation: &str, variables: Value) -> Value {
    let body = json!({"operationName": operation, "variables": variables, "query": "query"});
    app.json(Method::POST, "/mlflow/graphql", &body).await.expect(200).json()["data"].take()
}

#[actix_web::test]
async fn without_the_setting_there_are_none() {
    let app = TestApp::new().await;
    for path in [
        "/mlflow/",
        "/mlflow/static-files/index.html",
        "/mlflow/ajax-api/2.0/mlflow/experiments/search",
        "/w/default/mlflow/",
    ] {
        let refused = app.get(path).await.expect(404).json();
        assert_eq!(refused["error_code"], "ENDPOINT_NOT_FOUND", "{path}");
        assert!(refused["message"].as_str().unwrap().contains("set `mlflow.static_dir`"), "{path}: {refused}");
    }
}

#[actix_web::test]
async fn the_page_is_asked_for_each_time_and_loads_from_here_alone() {
    let (app, _folder) = app().await;
    for path in ["/mlflow/", "/w/default/mlflow/", "/mlflow/static-files/index.html"] {
        let page = app.get(path).await.expect(200);
        assert_eq!(
            (page.content_type(), page.text().contains("<title>MLflow</title>")),
            ("text/html; charset=utf-8", true)
        );
        assert_eq!(page.header("cache-control"), Some("no-cache"), "{path}");
        let policy = page.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'self'; script-src 'self' 'unsafe-eval';"), "{policy}");
        assert!(policy.ends_with("; frame-ancestors 'none'"), "{policy}");
        let known = request(Method::GET, path).insert_header(("if-none-match", page.header("etag").unwrap()));
        assert!(app.send(known).await.expect(304).body.is_empty());
    }
    for (path, to) in [("/mlflow", "mlflow/"), ("/w/default/mlflow", "mlflow/")] {
        assert_eq!(app.get(path).await.expect(307).header("location"), Some(to), "{path}");
    }
}

#[actix_web::test]
async fn files_have_their_types_and_those_with_a_digest_are_kept() {
    let (app, _folder) = app().await;
    let for_ever = "public, max-age=31536000, immutable";
    for (path, media_type, caching) in [
        (HASHED, "text/javascript", for_ever),
        (
            "/mlflow/static-files/static/js/worker.16b289c2599c81a29db9.mjs",
            "application/javascript; charset=utf-8",
            for_ever,
        ),
        ("/mlflow/static-files/static/font.c1e38fd9e0e74ba58f7a.woff2", "font/woff2", for_ever),
        ("/mlflow/static-files/favicon.ico", "image/x-icon", "no-cache"),
    ] {
        let file = app.get(path).await.expect(200);
        assert_eq!((file.content_type(), file.header("cache-control")), (media_type, Some(caching)), "{path}");
        assert_eq!(file.header("x-content-type-options"), Some("nosniff"));
        assert!(file.header("content-disposition").is_none() && file.header("etag").is_some(), "{path}");
        app.send(request(Method::HEAD, path)).await.expect(200);
        app.send(request(Method::POST, path)).await.expect(405);
    }
    let part = app.send(request(Method::GET, HASHED).insert_header(("range", "bytes=0-2"))).await.expect(206);
    assert_eq!(part.text(), "let");
}

#[actix_web::test]
async fn what_is_not_in_the_folder_is_not_found() {
    let (app, _folder) = app().await;
    for path in [
        "missing.js",
        "",
        "static",
        "static/",
        "linked.txt",
        "../secret.txt",
        "%2e%2e/secret.txt",
        "..%2fsecret.txt",
        "static/..%2f..%2f..%2fsecret.txt",
        "static%5c..%5c..%5csecret.txt",
        "%2fetc%2fpasswd",
        "index.html%00",
    ] {
        let refused = app.get(&format!("/mlflow/static-files/{path}")).await.expect(404);
        assert_eq!(refused.json()["error_code"], "ENDPOINT_NOT_FOUND", "{path}");
    }
    for path in ["/mlflow/index.html", "/mlflow/nonsense", "/mlflow/ajax-api/2.0/mlflow/nonsense"] {
        app.get(path).await.expect(404);
    }
}

#[actix_web::test]
async fn everything_is_below_the_pages_too_and_no_page_of_others_writes_there() {
    let (app, _folder) = app().await;
    let create = |name: &str| {
        let sent = TestRequest::post().uri("/mlflow/ajax-api/2.0/mlflow/registered-models/create");
        sent.insert_header(("content-type", "application/json")).set_payload(json!({"name": name}).to_string())
    };
    let own = [("host", "localhost:8080"), ("origin", "http://localhost:8080"), ("sec-fetch-site", "same-origin")];
    let other = [("host", "localhost:8080"), ("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    app.send(own.into_iter().fold(create("own"), TestRequest::append_header)).await.expect(200);
    app.send(other.into_iter().fold(create("other"), TestRequest::append_header)).await.expect(403);
    for prefix in ["", "/mlflow", "/w/default/mlflow"] {
        let found = app.get(&format!("{prefix}/api/2.0/mlflow/registered-models/search")).await.expect(200).json();
        assert_eq!(found["registered_models"].as_array().unwrap().len(), 1, "{prefix}");
        assert_eq!(app.get(&format!("{prefix}/version")).await.expect(200).text(), "3.17.2");
    }
    let telemetry = app.get("/mlflow/ajax-api/3.0/mlflow/ui-telemetry").await.expect(200).json();
    assert_eq!(telemetry["disable_ui_telemetry"], true);
    let gateway = app.get("/mlflow/ajax-api/2.0/mlflow/gateway-proxy?gateway_path=x").await.expect(200).json();
    assert_eq!(gateway, json!({"endpoints": []}));
}

#[actix_web::test]
async fn queries_are_answered_by_the_names_of_their_operations() {
    let (app, _folder) = app().await;
    let mlflow = "/api/2.0/mlflow";
    let post = async |path: &str, body: Value| {
        app.json(Method::POST, &format!("{mlflow}/{path}"), &body).await.expect(200).json()
    };
    let experiment = post("experiments/create", json!({"name": "seen"})).await["experiment_id"].take();
    let run =
        post("runs/create", json!({"experiment_id": experiment, "run_name": "one", "start_time": 5})).await["run"]
            .take();
    let id = run["info"]["run_id"].clone();
    let points = [("loss", "0.5"), ("odd", "NaN")];
    let points = points.map(|(key, value)| json!({"key": key, "value": value, "timestamp": 7, "step": 2}));
    post("runs/log-batch", json!({"run_id": id, "metrics": points})).await;
    post("registered-models/create", json!({"name": "fraud"})).await;
    post("model-versions/create", json!({"name": "fraud", "source": "s3://bucket/x", "run_id": id})).await;

    let found = ask(&app, "MlflowGetExperimentQuery", json!({"input": {"experimentId": experiment}})).await;
    let found = &found["mlflowGetExperiment"];
    assert_eq!((&found["apiError"], &found["experiment"]["name"]), (&Value::Null, &json!("seen")));
    assert!(found["experiment"]["creationTime"].is_string() && found["experiment"]["tags"] == json!([]));

    let found = ask(&app, "GetRun", json!({"data": {"runId": id}})).await;
    let shown = &found["mlflowGetRun"]["run"];
    assert_eq!((&shown["info"]["startTime"], &shown["info"]["endTime"]), (&json!("5"), &Value::Null));
    assert_eq!((&shown["info"]["runUuid"], &shown["experiment"]["name"]), (&id, &json!("seen")));
    let metric = |key: &str, value: Value| json!({"key": key, "value": value, "timestamp": "7", "step": "2"});
    assert_eq!(shown["data"]["metrics"], json!([metric("loss", json!(0.5)), metric("odd", Value::Null)]));
    let empty = [&shown["inputs"]["datasetInputs"], &shown["inputs"]["modelInputs"], &shown["outputs"]["modelOutputs"]];
    assert_eq!(empty, [&json!([]); 3]);
    assert_eq!(shown["modelVersions"].as_array().unwrap().len(), 1);
    assert_eq!(shown["modelVersions"][0]["name"], "fraud");

    let found = ask(&app, "SearchRuns", json!({"data": {"experimentIds": [experiment], "filter": null}})).await;
    assert_eq!(&found["mlflowSearchRuns"]["runs"][0], shown);

    let wanted =
        json!({"data": {"runIds": [id], "metricKey": "loss", "startStep": null, "endStep": null, "maxResults": 320}});
    let found = ask(&app, "GetMetricHistoryBulkInterval", wanted).await["mlflowGetMetricHistoryBulkInterval"].take();
    assert_eq!(found["__typename"], "MlflowGetMetricHistoryBulkIntervalResponse");
    assert_eq!((&found["metrics"][0]["runId"], &found["metrics"][0]["value"]), (&id, &json!(0.5)));

    // What is not there is said beside the data, and what is no question is a mistake.
    let found = ask(&app, "GetRun", json!({"data": {"runId": "0".repeat(32)}})).await;
    assert_eq!(found["mlflowGetRun"]["apiError"]["code"], "RESOURCE_DOES_NOT_EXIST");
    assert_eq!(found["mlflowGetRun"]["run"], Value::Null);
    for (body, field) in [
        (json!({"variables": {}}), "operationName"),
        (json!({"operationName": "IntrospectionQuery", "variables": {}}), "GetRun"),
        (json!({"operationName": "GetRun"}), "variables"),
        (json!({"operationName": "GetRun", "variables": {"input": {}}}), "data"),
        (json!({"operationName": "GetRun", "variables": [1]}), "variables"),
    ] {
        let refused = app.json(Method::POST, "/graphql", &body).await.expect(400).json();
        assert_eq!(refused["error_code"], "INVALID_PARAMETER_VALUE");
        assert!(refused["message"].as_str().unwrap().contains(field), "{refused}");
    }
}

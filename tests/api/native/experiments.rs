//! Experiments: listed, read by id and by name, and what their runs measure and are given; on each database.

use actix_web::http::Method;
use insta::assert_snapshot;
use serde_json::{Value, json};

use super::{API, transcript};
use crate::api::app::{TestApp, request};
use crate::api::kubeflow;
use crate::support::{Backend, on_both};

on_both! {
    experiments_are_found_by_views_filters_and_orders,
    an_experiment_is_addressed_by_id_or_by_name,
    names_of_metrics_and_parameters_are_told,
    what_is_told_has_a_limit,
}

/// `fraud` with two runs, `größe/1`, which is archived, and `12`, which MLflow's API made.
async fn registry(backend: Backend) -> TestApp {
    let client = kubeflow::Client::on(backend).await;
    let property = json!({"metadataType": "MetadataStringValue", "string_value": "blue"});
    let fraud = json!({"name": "fraud", "owner": "risk", "customProperties": {"team": property, "alias": property}});
    let fraud = client.post("/experiments", fraud).await.expect(201).member("id");
    client.post("/experiments", json!({"name": "größe/1", "state": "ARCHIVED"})).await.expect(201);
    for name in ["one", "two"] {
        client.run(&fraud, name).await;
    }
    let app = client.0;
    let made = json!({"name": "12", "tags": [{"key": "team", "value": "red"}]});
    app.json(Method::POST, "/api/2.0/mlflow/experiments/create", &made).await.expect(200);
    app
}

/// The names of the experiments of a list, page by page.
async fn names(app: &TestApp, query: &str) -> Vec<String> {
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("{API}/experiments?{query}&pageSize=1&nextPageToken={token}")).await.expect(200);
        let page = page.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 1);
        found.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        token = page["nextPageToken"].as_str().unwrap().to_owned();
        if token.is_empty() {
            return found;
        }
    }
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

async fn what_lists_show(backend: Backend) -> String {
    let app = registry(backend).await;
    let mut transcript = transcript(&app);
    transcript.get("/experiments?view=all&orderBy=name&sortOrder=asc&totals=true").await.expect(200);
    transcript.get("/experiments/@name:fraud").await.expect(200);
    transcript.get("/experiments/@name:fraud/keys").await.expect(200);
    transcript.to_string()
}

#[actix_web::test]
async fn on_sqlite_as_snapshots() {
    assert_snapshot!("what_lists_of_experiments_show", what_lists_show(Backend::Sqlite).await);
}

#[actix_web::test]
async fn on_postgres_as_snapshots() {
    assert_snapshot!("what_lists_of_experiments_show", what_lists_show(Backend::Postgres).await);
}

async fn experiments_are_found_by_views_filters_and_orders(backend: Backend) {
    let app = registry(backend).await;
    let all: [(&str, &[&str]); 12] = [
        ("", &["12", "fraud"]),
        ("view=active&orderBy=name", &["fraud", "12"]),
        ("view=archived", &["größe/1"]),
        ("view=all&orderBy=id&sortOrder=asc", &["fraud", "größe/1", "12"]),
        ("view=all&filter=owner%20=%20'risk'", &["fraud"]),
        ("view=all&filter=state%20=%20'ARCHIVED'", &["größe/1"]),
        ("filter=state%20=%20'ARCHIVED'", &[]),
        ("filter=team%20IN%20('red','blue')%20OR%20name%20=%20'none'", &["12", "fraud"]),
        ("filter=team%20=%20'red'%20AND%20createdAt%20%3E%200", &["12"]),
        // Of no experiment there are aliases; it is a property like any other.
        ("filter=alias%20=%20'blue'", &["fraud"]),
        ("view=all&filter=name%20LIKE%20'gr%25'", &["größe/1"]),
        ("view=all&filter=name%20=%20'none'", &[]),
    ];
    for (query, expected) in all {
        assert_eq!(names(&app, query).await, expected, "{query}");
    }
    let page = app.get(&format!("{API}/experiments?view=all&pageSize=1&totals=true")).await.expect(200).json();
    assert_eq!(page["total"], 3);
    // A token of one view is none of another.
    let token = page["nextPageToken"].as_str().unwrap().to_owned();
    let other = app.get(&format!("{API}/experiments?view=active&pageSize=1&nextPageToken={token}")).await.expect(400);
    assert_eq!(other.member("field"), "nextPageToken");
    for (query, field) in [
        ("view=deleted", "view"),
        ("view=", "view"),
        ("orderBy=runs", "orderBy"),
        ("sortOrder=up", "sortOrder"),
        ("filter=name%20~%20'a'", "filter"),
        ("nextPageToken=x", "nextPageToken"),
        ("state=LIVE", "state"),
    ] {
        let refused = app.get(&format!("{API}/experiments?{query}")).await.expect(400);
        assert_eq!(refused.member("field"), field, "{query}");
    }
    app.get(&format!("{API}/experiments?pageSize=0")).await.expect(400);
    assert_eq!(app.get("/w/none/api/v1/experiments").await.status, 404);
}

async fn an_experiment_is_addressed_by_id_or_by_name(backend: Backend) {
    let app = registry(backend).await;
    for name in ["fraud", "größe/1", "12"] {
        let by_name = app.get(&format!("{API}/experiments/@name:{}", encoded(name))).await.expect(200);
        assert_eq!(by_name.member("name"), name);
        let id = by_name.member("id");
        let by_id = app.get(&format!("{API}/experiments/{id}")).await.expect(200);
        assert_eq!(by_id.json(), by_name.json());
        let tag = by_id.header("etag").unwrap().to_owned();
        let again = request(Method::GET, &format!("{API}/experiments/{id}")).insert_header(("If-None-Match", tag));
        assert_eq!(app.send(again).await.status, 304);
    }
    // The experiment whose name is a number is not the one that has it for its id; a run is no experiment.
    let run = app.lines("SELECT CAST(min(node_id) AS TEXT) AS line FROM runs").remove(0);
    for missing in ["12", "999999", run.as_str(), "@name:none", "@name:fraud%20"] {
        for below in ["", "/keys"] {
            app.get(&format!("{API}/experiments/{missing}{below}")).await.expect(404);
        }
    }
    for bad in ["fraud", "0", "-1", "01", "@name:", "@id:1", "x%00", "99999999999999999999"] {
        for below in ["", "/keys"] {
            let refused = app.get(&format!("{API}/experiments/{bad}{below}")).await.expect(400);
            assert_eq!(refused.member("field"), "experiment", "{bad}");
        }
    }
}

async fn names_of_metrics_and_parameters_are_told(backend: Backend) {
    let app = registry(backend).await;
    let mlflow = async |path: &str, body: Value| {
        app.json(Method::POST, &format!("/api/2.0/mlflow/{path}"), &body).await.expect(200).json()
    };
    let id = app.get(&format!("{API}/experiments/@name:12")).await.expect(200).member("id");
    let keys = async || app.get(&format!("{API}/experiments/{id}/keys")).await.expect(200).json();
    let nothing = json!({"metrics": [], "moreMetrics": false, "parameters": [], "moreParameters": false});
    assert_eq!(keys().await, nothing);
    for (metric, parameter) in [("loss", "lr"), ("val/größe", "lr"), ("loss", "模型")] {
        let run = mlflow("runs/create", json!({"experiment_id": id})).await["run"]["info"]["run_id"].clone();
        let point = json!({"key": metric, "value": 0.5, "timestamp": 1, "step": 1});
        let parameters = json!([{"key": parameter, "value": "1"}]);
        mlflow("runs/log-batch", json!({"run_id": run, "metrics": [point], "params": parameters})).await;
        if parameter == "模型" {
            mlflow("runs/delete", json!({"run_id": run})).await;
        }
    }
    let expected = json!({"metrics": ["loss", "val/größe"], "moreMetrics": false, "parameters": ["lr", "模型"],
                          "moreParameters": false});
    assert_eq!(keys().await, expected);
    let other = app.get(&format!("{API}/experiments/@name:fraud/keys")).await.expect(200).json();
    assert_eq!(other, nothing);
    // Two runs are there, and one is archived.
    let row =
        app.get(&format!("{API}/experiments?filter=name%20=%20'12'")).await.expect(200).json()["items"][0].clone();
    assert_eq!((&row["runs"], &row["moreRuns"]), (&json!(2), &json!(false)));
}

async fn what_is_told_has_a_limit(backend: Backend) {
    let app = registry(backend).await;
    let id = app.get(&format!("{API}/experiments/@name:12")).await.expect(200).member("id");
    let numbers =
        |most: u32| format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most})");
    let columns = "kind, type_id, home_id, root_id, name, created_at, updated_at, workspace_id";
    let runs = format!("SELECT 2, 19, {id}, {id}, 'r' || CAST(i AS TEXT), i, i, 1 FROM n");
    app.sql(&format!("{} INSERT INTO nodes ({columns}) {runs}", numbers(1001)));
    let listed = async || {
        let row = app.get(&format!("{API}/experiments?filter=name%20=%20'12'")).await.expect(200).json();
        (row["items"][0]["runs"].as_u64().unwrap(), row["items"][0]["moreRuns"].as_bool().unwrap())
    };
    assert_eq!(listed().await, (1000, true));
    app.sql("UPDATE runs SET archived = TRUE WHERE node_id IN (SELECT id FROM nodes WHERE name = 'r7')");
    assert_eq!(listed().await, (1000, false));
    let run = app.lines("SELECT CAST(id AS TEXT) AS line FROM nodes WHERE name = 'r1'").remove(0);
    let metrics = |first: i64| (first..first + 500).map(|number| json!({"name": format!("m{number}"), "value": 1}));
    for first in [0, 500] {
        let points = json!({"points": metrics(first).collect::<Vec<_>>()});
        app.json(Method::POST, &format!("{API}/experiment-runs/{run}/points"), &points).await.expect(204);
    }
    let keys = async || app.get(&format!("{API}/experiments/{id}/keys")).await.expect(200).json();
    let told = keys().await;
    assert_eq!((told["metrics"].as_array().unwrap().len(), &told["moreMetrics"]), (1000, &json!(false)));
    let one_more = json!({"points": [{"name": "a", "value": 1}]});
    app.json(Method::POST, &format!("{API}/experiment-runs/{run}/points"), &one_more).await.expect(204);
    let told = keys().await;
    assert_eq!((told["metrics"].as_array().unwrap().len(), &told["moreMetrics"]), (1000, &json!(true)));
    assert_eq!((&told["metrics"][0], &told["moreParameters"]), (&json!("a"), &json!(false)));
}

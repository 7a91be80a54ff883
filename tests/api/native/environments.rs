//! Serving environments: listed with the number of their deployments, and read by name; on each database.

use serde_json::{Value, json};

use super::API;
use crate::api::app::TestApp;
use crate::api::kubeflow::Client;
use crate::support::{Backend, on_both_in_actix};

on_both_in_actix! {
    environments_are_found_by_filters_and_orders,
    an_environment_is_read_by_its_name,
    what_is_counted_has_a_limit,
}

/// `production` with two deployments, `größe/1` with none, and `latest`.
async fn registry(backend: Backend) -> TestApp {
    let client = Client::on(backend).await;
    let model = client.model("fraud").await;
    let property = json!({"metadataType": "MetadataStringValue", "string_value": "eu"});
    let made = json!({"name": "production", "description": "Serves.", "customProperties": {"region": property}});
    let production = client.post("/serving_environments", made).await.expect(201).member("id");
    client.environment("größe/1").await;
    client.environment("latest").await;
    for name in ["one", "two"] {
        client.service(&production, &model, name).await;
    }
    client.0
}

async fn names(app: &TestApp, query: &str) -> Vec<String> {
    let (mut found, mut token) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("{API}/environments?{query}&pageSize=2&nextPageToken={token}")).await.expect(200);
        let page = page.json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        found.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        token = page["nextPageToken"].as_str().unwrap().to_owned();
        if token.is_empty() {
            return found;
        }
    }
}

async fn environments_are_found_by_filters_and_orders(backend: Backend) {
    let empty = TestApp::on(backend).await;
    let list = empty.get(&format!("{API}/environments?totals=true")).await.expect(200).json();
    assert_eq!(list, json!({"items": [], "nextPageToken": "", "total": 0}));
    let app = registry(backend).await;
    let all: [(&str, &[&str]); 8] = [
        ("", &["latest", "größe/1", "production"]),
        ("orderBy=name&sortOrder=asc", &["größe/1", "latest", "production"]),
        ("filter=description%20=%20'Serves.'", &["production"]),
        ("filter=region%20=%20'eu'%20AND%20createdAt%20%3E%200", &["production"]),
        ("filter=name%20LIKE%20'gr%25'", &["größe/1"]),
        ("filter=name%20=%20'none'", &[]),
        // Environments have neither aliases nor files: these are properties like any other.
        ("filter=alias%20=%20'x'", &[]),
        ("filter=verdict%20=%20'x'", &[]),
    ];
    for (query, expected) in all {
        assert_eq!(names(&app, query).await, expected, "{query}");
    }
    let page = app.get(&format!("{API}/environments?pageSize=1&totals=true")).await.expect(200).json();
    assert_eq!(page["total"], 3);
    let token = page["nextPageToken"].as_str().unwrap().to_owned();
    for (query, field) in [
        (format!("orderBy=name&nextPageToken={token}"), "nextPageToken"),
        ("orderBy=deployments".to_owned(), "orderBy"),
        ("sortOrder=up".to_owned(), "sortOrder"),
        ("filter=name%20~%20'a'".to_owned(), "filter"),
        ("nextPageToken=x".to_owned(), "nextPageToken"),
        ("view=all".to_owned(), "view"),
    ] {
        let refused = app.get(&format!("{API}/environments?{query}")).await.expect(400);
        assert_eq!(refused.member("field"), field, "{query}");
    }
    app.get(&format!("{API}/environments?pageSize=0")).await.expect(400);
    app.get("/w/none/api/v1/environments").await.expect(404);
}

async fn an_environment_is_read_by_its_name(backend: Backend) {
    let app = registry(backend).await;
    let read = async |name: &str| app.get(&format!("{API}/environments/{name}")).await.expect(200).json();
    let production = read("production").await;
    assert_eq!((&production["deployments"], &production["moreDeployments"]), (&json!(2), &json!(false)));
    assert_eq!(
        (&production["type"], &production["properties"]["description"]),
        (&json!("kf.ServingEnvironment"), &json!("Serves."))
    );
    assert_eq!(read("gr%C3%B6%C3%9Fe%2F1").await["deployments"], 0);
    assert_eq!(read("latest").await["name"], "latest");
    let listed = app.get(&format!("{API}/environments?filter=name%20=%20'production'")).await.expect(200).json();
    assert_eq!(listed["items"], json!([production]));
    let deployments = app.get(&format!("{API}/deployments?environment=production")).await.expect(200).json();
    assert_eq!(deployments["items"].as_array().map(Vec::len), Some(2));
    for missing in ["none", "Production", "one", "1"] {
        app.get(&format!("{API}/environments/{missing}")).await.expect(404);
    }
    for bad in ["%00", &"x".repeat(513)] {
        let refused = app.get(&format!("{API}/environments/{bad}")).await.expect(400);
        assert_eq!(refused.member("field"), "environment");
    }
    app.get(&format!("{API}/environments/production?pageSize=1")).await.expect(400);
}

async fn what_is_counted_has_a_limit(backend: Backend) {
    let app = registry(backend).await;
    let id = app.get(&format!("{API}/environments/latest")).await.expect(200).member("id");
    let columns = "kind, type_id, home_id, root_id, name, created_at, updated_at, workspace_id";
    let series = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000)";
    let services = format!("SELECT 2, 21, {id}, {id}, 's' || CAST(i AS TEXT), i, i, 1 FROM n");
    app.sql(&format!("{series} INSERT INTO nodes ({columns}) {services}"));
    let counted = async || {
        let read: Value = app.get(&format!("{API}/environments/latest")).await.expect(200).json();
        (read["deployments"].as_u64().unwrap(), read["moreDeployments"].as_bool().unwrap())
    };
    assert_eq!(counted().await, (1000, false));
    let one_more = format!("VALUES (2, 21, {id}, {id}, 'one more', 1, 1, 1)");
    app.sql(&format!("INSERT INTO nodes ({columns}) {one_more}"));
    assert_eq!(counted().await, (1000, true));
}

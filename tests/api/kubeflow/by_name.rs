//! Lists ordered by name, and counted: extensions of the contract.

use insta::assert_snapshot;
use serde_json::json;

use super::Client;
use crate::support::Backend;

/// Walks a list in pages of that size, and returns the names as people see them.
async fn walk(client: &Client, list: &str, size: usize) -> Vec<String> {
    let (mut names, mut token) = (Vec::new(), String::new());
    loop {
        let page = client.get(&format!("{list}&pageSize={size}&nextPageToken={token}")).await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        names.extend(items.iter().map(|item| item["name"].as_str().unwrap().to_owned()));
        token = page["nextPageToken"].as_str().unwrap().to_owned();
        if token.is_empty() {
            return names;
        }
        assert_eq!(items.len(), size, "only the last page may be short");
    }
}

async fn names_are_walked(backend: Backend) {
    let client = Client::on(backend).await;
    // By bytes: capitals before small letters, and those before umlauts.
    let sorted = ["B", "a", "a:b", "aa", "b", "z", "ä", "日本"];
    for name in ["z", "日本", "a", "b", "ä", "aa", "a:b", "B"] {
        client.model(name).await;
        // Names of artifacts that nothing owns may repeat.
        for _ in 0..2 {
            client.post("/model_artifacts", json!({"name": name})).await.expect(201);
        }
    }
    let twice: Vec<_> = sorted.iter().flat_map(|name| [*name; 2]).collect();
    for (path, expected) in [("/registered_models", sorted.to_vec()), ("/model_artifacts", twice)] {
        for direction in ["ASC", "DESC"] {
            let list = format!("{path}?orderBy=NAME&sortOrder={direction}");
            let mut expected = expected.clone();
            if direction == "DESC" {
                expected.reverse();
            }
            for size in [1, 3, 5, 16, 17] {
                assert_eq!(walk(&client, &list, size).await, expected, "{list}, {size} a page");
            }
            assert_eq!(client.names(&list).await, expected, "{list}, all at once");
        }
    }
}

#[actix_web::test]
async fn names_are_walked_on_sqlite() {
    names_are_walked(Backend::Sqlite).await;
}

#[actix_web::test]
async fn names_are_walked_on_postgres() {
    names_are_walked(Backend::Postgres).await;
}

/// A run with a metric of three points and another of one, a data set and an artifact without a name.
async fn run_with_artifacts(client: &Client) -> String {
    let experiment = client.post("/experiments", json!({"name": "e"})).await.expect(201).member("id");
    let run = json!({"name": "r", "experimentId": experiment});
    let run = client.post("/experiment_runs", run).await.expect(201).member("id");
    let artifacts = format!("/experiment_runs/{run}/artifacts");
    for (name, step) in [("loss", 1), ("accuracy", 1), ("loss", 2), ("loss", 3)] {
        let metric = json!({"artifactType": "metric", "name": name, "value": 0.5, "step": step});
        client.post(&artifacts, metric).await;
    }
    client.post(&artifacts, json!({"artifactType": "dataset-artifact", "name": "data"})).await;
    run
}

async fn every_kind_of_list_is_ordered_and_counted(backend: Backend) {
    let client = Client::on(backend).await;
    let run = run_with_artifacts(&client).await;
    let unnamed = client.post("/model_artifacts", json!({})).await.expect(201).member("name");
    let names = client.names("/artifacts?orderBy=NAME").await;
    let mut sorted = names.clone();
    sorted.sort();
    assert_eq!((names.len(), &names), (4, &sorted));
    assert!(names.contains(&unnamed));
    assert_eq!(walk(&client, "/artifacts?orderBy=NAME", 1).await, sorted);
    let artifacts = format!("/experiment_runs/{run}/artifacts?orderBy=NAME");
    assert_eq!(walk(&client, &artifacts, 2).await, ["accuracy", "data", "loss"]);
    for (direction, expected) in
        [("ASC", ["accuracy", "loss", "loss", "loss"]), ("DESC", ["loss", "loss", "loss", "accuracy"])]
    {
        let history = format!("/experiment_runs/{run}/metric_history?orderBy=NAME&sortOrder={direction}");
        for size in [1, 2, 3, 4] {
            assert_eq!(walk(&client, &history, size).await, expected);
        }
    }
    for (list, total) in [
        ("/artifacts?", 4),
        ("/artifacts?artifactType=metric&", 2),
        ("/experiment_runs/metric_history?", 4),
        ("/experiment_runs/metric_history?name=loss&", 3),
        ("/experiments?filterQuery=name='x'&", 0),
        ("/experiment_runs?filterQuery=name='r'&", 1),
    ] {
        for size in ["", "&pageSize=1"] {
            let page = client.get(&format!("{list}totals=true{size}")).await.expect(200).json();
            assert_eq!(page["totalSize"], total, "{list}");
        }
        for without in ["totals=false", "totals="] {
            let page = client.get(&format!("{list}{without}")).await.expect(200).json();
            assert_eq!(page.get("totalSize"), None, "{list}");
        }
    }
}

#[actix_web::test]
async fn every_kind_of_list_is_ordered_and_counted_on_sqlite() {
    every_kind_of_list_is_ordered_and_counted(Backend::Sqlite).await;
}

#[actix_web::test]
async fn every_kind_of_list_is_ordered_and_counted_on_postgres() {
    every_kind_of_list_is_ordered_and_counted(Backend::Postgres).await;
}

#[actix_web::test]
async fn the_total_is_that_of_all_pages() {
    let client = Client::new().await;
    for name in ["a", "b", "c"] {
        client.model(name).await;
    }
    let first = client.get("/registered_models?orderBy=NAME&pageSize=2&totals=true").await.expect(200).json();
    let token = first["nextPageToken"].as_str().unwrap();
    let path = format!("/registered_models?orderBy=NAME&pageSize=2&totals=true&nextPageToken={token}");
    let second = client.get(&path).await.expect(200).json();
    assert_eq!((&first["totalSize"], &second["totalSize"], &second["size"]), (&json!(3), &json!(3), &json!(1)));
    // Counting is no part of what a token is tied to; the order is.
    client.get(&format!("/registered_models?orderBy=NAME&nextPageToken={token}")).await.expect(200);
    client.get(&format!("/registered_models?orderBy=ID&nextPageToken={token}")).await.expect(400);
    let mut transcript = client.transcript();
    transcript.get("/registered_models?totals=maybe").await.expect(400);
    transcript.get("/registered_models?orderBy=name").await.expect(400);
    transcript.get("/registered_models?orderBy=NAME&totals=true&pageSize=1").await.expect(200);
    assert_snapshot!(transcript);
}

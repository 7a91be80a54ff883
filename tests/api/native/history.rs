//! The history of a node, and the feed of all changes.

use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::{Value, json};

use super::{FILE, transcript, with_file};
use crate::api::app::TestApp;
use crate::support::Backend;

fn actions(list: &serde_json::Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["action"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn every_change_is_told_with_what_came_of_it() {
    let app = with_file().await;
    let put = actix_web::http::Method::PUT;
    app.json(put, "/api/v1/models/demo/aliases/best", &json!({"version": "1"})).await.expect(200);
    app.delete("/api/v1/models/demo/aliases/best").await.expect(204);
    app.delete(FILE).await.expect(204);
    assert_json_snapshot!("changes", app.get("/api/v1/changes").await.expect(200));
    assert_json_snapshot!("history", app.get("/api/v1/nodes/3/history").await.expect(200));
}

#[actix_web::test]
async fn what_changed_nothing_is_not_told() {
    let app = with_file().await;
    let before = app.get("/api/v1/changes").await.json();
    app.put(FILE, super::BYTES).await.expect(200);
    app.put(FILE, "other").await.expect(409);
    app.delete("/api/v1/models/demo").await;
    assert_eq!(app.get("/api/v1/changes").await.json(), before);
}

#[actix_web::test]
async fn the_feed_is_followed_without_a_gap() {
    let app = TestApp::new().await;
    for version in 0..5 {
        app.put(&format!("/api/v1/models/demo/versions/{version}/files/a"), "a").await.expect(201);
    }
    let all = app.get("/api/v1/changes").await.expect(200).json();
    assert_eq!(actions(&all).len(), 16);
    let (mut followed, mut after) = (Vec::new(), 0);
    loop {
        let page = app.get(&format!("/api/v1/changes?after={after}&limit=3")).await.expect(200).json();
        let items = page["items"].as_array().unwrap();
        if items.is_empty() {
            assert_eq!(page["next"], after, "at the end the place stays");
            break;
        }
        assert!(items.len() <= 3);
        followed.extend(items.clone());
        after = page["next"].as_i64().unwrap();
    }
    assert_eq!(json!(followed), all["items"]);
    // What happens later comes after it.
    app.put("/api/v1/models/demo/versions/5/files/a", "a").await.expect(201);
    let later = app.get(&format!("/api/v1/changes?after={after}")).await.json();
    assert_eq!(actions(&later), ["create", "create", "file.put"]);
}

#[actix_web::test]
async fn the_history_of_a_node_is_paged() {
    let client = crate::api::kubeflow::Client::new().await;
    client.model("m").await;
    for _ in 0..4 {
        client.patch("/registered_models/1", json!({"owner": "me"})).await.expect(200);
    }
    let app = client.0;
    let first = app.get("/api/v1/nodes/1/history?limit=2").await.expect(200).json();
    assert_eq!(actions(&first), ["create", "update"]);
    let next = &first["next"];
    let rest = app.get(&format!("/api/v1/nodes/1/history?after={next}")).await.expect(200).json();
    assert_eq!(actions(&rest), ["update", "update", "update"]);
    let revisions = rest["items"].as_array().unwrap().iter().map(|item| item["revision"].as_i64().unwrap());
    assert_eq!(revisions.collect::<Vec<_>>(), [3, 4, 5]);
    let next = &rest["next"];
    let end = app.get(&format!("/api/v1/nodes/1/history?after={next}")).await.expect(200).json();
    assert_eq!((actions(&end).len(), &end["next"]), (0, next));
}

#[actix_web::test]
async fn bad_parameters() {
    let app = with_file().await;
    let mut transcript = transcript(&app);
    for list in ["/changes", "/nodes/1/history"] {
        for query in
            ["after=abc", "after=-1", "after=99999999999999999999", "limit=0", "limit=-1", "limit=abc", "limit="]
        {
            transcript.get(&format!("{list}?{query}")).await.expect(400);
        }
        app.get(&format!("/api/v1{list}?limit=4294967295")).await.expect(200);
        assert_eq!(actions(&app.get(&format!("/api/v1{list}?after=9223372036854775807")).await.json()), [""; 0]);
    }
    transcript.get("/nodes/99/history").await.expect(404);
    transcript.get("/nodes/abc/history").await.expect(400);
    transcript.get("/nodes/0/history").await.expect(400);
    assert_snapshot!(transcript);
}

/// Two models whose artifacts and aliases change; the second one goes.
async fn with_two_models(backend: Backend) -> TestApp {
    let app = TestApp::on(backend).await;
    for model in ["demo", "other"] {
        app.put(&format!("/api/v1/models/{model}/versions/1/files/a"), "a").await.expect(201);
    }
    let put = actix_web::http::Method::PUT;
    app.json(put, "/api/v1/models/demo/aliases/best", &json!({"version": "1"})).await.expect(200);
    app.delete("/api/v1/models/other?recursive=true").await.expect(204);
    app
}

type Wanted = Box<dyn Fn(&Value) -> bool>;

async fn the_record_is_read_backwards(backend: Backend) {
    let app = with_two_models(backend).await;
    let forwards = app.get("/api/v1/changes?limit=1000").await.expect(200).json();
    let mut expected = forwards["items"].as_array().unwrap().clone();
    expected.reverse();
    let (mut followed, mut before) = (Vec::new(), String::new());
    loop {
        let page = app.get(&format!("/api/v1/changes?order=desc&limit=4{before}")).await.expect(200).json();
        followed.extend(page["items"].as_array().unwrap().clone());
        if page["next"] == 0 {
            break;
        }
        before = format!("&before={}", page["next"]);
    }
    assert_eq!(json!(followed), json!(expected));
    // What is shown of a node is what other answers show of it.
    let version = app.get("/api/v1/models/demo/versions?pageSize=1").await.json()["items"][0].clone();
    let made =
        followed.iter().find(|change| change["nodeId"] == version["id"] && change["action"] == "create").unwrap();
    for member in ["id", "type", "name", "createdAt", "properties", "customProperties"] {
        assert_eq!(made["node"][member], version[member], "{member}");
    }
    let at = followed[3]["at"].as_i64().unwrap();
    let wanted: Vec<(String, Wanted)> = vec![
        ("action=file.put".to_owned(), Box::new(|change| change["action"] == "file.put")),
        ("type=kf.ModelVersion".to_owned(), Box::new(|change| change["node"]["type"] == "kf.ModelVersion")),
        ("node=1".to_owned(), Box::new(|change| change["nodeId"] == "1")),
        ("actor=anonymous".to_owned(), Box::new(|_| true)),
        ("actor=nobody".to_owned(), Box::new(|_| false)),
        (format!("from={at}"), Box::new(move |change| change["at"].as_i64() >= Some(at))),
        (format!("to={at}"), Box::new(move |change| change["at"].as_i64() < Some(at))),
        (
            "action=delete&type=kf.ModelArtifact".to_owned(),
            Box::new(|change| change["action"] == "delete" && change["node"]["type"] == "kf.ModelArtifact"),
        ),
    ];
    for (query, is_wanted) in wanted {
        let found = app.get(&format!("/api/v1/changes?order=desc&limit=1000&{query}")).await.expect(200).json();
        let wanted: Vec<Value> = expected.iter().filter(|change| is_wanted(change)).cloned().collect();
        assert_eq!(found["items"], json!(wanted), "{query}");
        assert_eq!(found["next"], 0, "{query}");
    }
}

#[actix_web::test]
async fn backwards_on_sqlite() {
    the_record_is_read_backwards(Backend::Sqlite).await;
}

#[actix_web::test]
async fn backwards_on_postgres() {
    the_record_is_read_backwards(Backend::Postgres).await;
}

async fn a_history_has_that_of_what_belongs_to_the_node(backend: Backend) {
    let app = with_two_models(backend).await;
    let all = app.get("/api/v1/changes?limit=1000").await.expect(200).json();
    let of = |nodes: &[&str]| {
        let items = all["items"].as_array().unwrap().iter();
        json!(
            items
                .filter(|change| nodes.contains(&change["nodeId"].as_str().unwrap()))
                .map(|change| &change["id"])
                .collect::<Vec<_>>()
        )
    };
    for (node, nodes) in
        [("1", &["1", "2", "3"][..]), ("2", &["2", "3"]), ("3", &["3"]), ("4", &["4", "5", "6"]), ("5", &["5", "6"])]
    {
        let path = format!("/api/v1/nodes/{node}/history?subtree=true");
        let found = app.get(&path).await.expect(200).json();
        let ids = |list: &Value| {
            json!(list["items"].as_array().unwrap().iter().map(|change| &change["id"]).collect::<Vec<_>>())
        };
        assert_eq!(ids(&found), of(nodes), "{node}");
        let (mut walked, mut before) = (Vec::new(), String::new());
        loop {
            let page = app.get(&format!("{path}&order=desc&limit=2{before}")).await.expect(200).json();
            walked.extend(page["items"].as_array().unwrap().clone());
            if page["next"] == 0 {
                break;
            }
            before = format!("&before={}", page["next"]);
        }
        walked.reverse();
        assert_eq!(ids(&json!({"items": walked})), of(nodes), "{node}");
    }
    app.get("/api/v1/nodes/99/history?subtree=true").await.expect(404);
}

#[actix_web::test]
async fn subtrees_on_sqlite() {
    a_history_has_that_of_what_belongs_to_the_node(Backend::Sqlite).await;
}

#[actix_web::test]
async fn subtrees_on_postgres() {
    a_history_has_that_of_what_belongs_to_the_node(Backend::Postgres).await;
}

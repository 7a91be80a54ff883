//! The history of a node, and the feed of all changes.

use insta::{assert_json_snapshot, assert_snapshot};
use serde_json::json;

use super::{FILE, transcript, with_file};
use crate::api::app::TestApp;

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

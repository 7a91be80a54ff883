//! What a workspace has in numbers, on each database.

use actix_web::http::Method;
use serde_json::{Value, json};

use super::lists::registry;
use crate::api::app::TestApp;
use crate::support::{Backend, on_both_in_actix};

on_both_in_actix! {
    everything_is_counted_once,
    what_is_counted_ends_somewhere,
    each_workspace_has_numbers_of_its_own,
}

async fn summary(app: &TestApp) -> Value {
    app.get("/api/v1/summary").await.expect(200).json()
}

/// A number that is all there is.
fn exactly(count: u64) -> Value {
    json!({"count": count, "atLeast": false})
}

fn at_least(count: u64) -> Value {
    json!({"count": count, "atLeast": true})
}

async fn everything_is_counted_once(backend: Backend) {
    let app = TestApp::on(backend).await;
    let nothing = json!({
        "models": exactly(0), "versions": exactly(0), "files": exactly(0), "bytes": exactly(0), "quarantined": exactly(0),
        "formats": [], "verdicts": [],
    });
    assert_eq!(summary(&app).await, nothing);
    // Of the four models one is a prompt, which has a version, too.
    let app = registry(backend).await;
    let mut expected = json!({
        "models": exactly(3), "versions": exactly(3), "files": exactly(5), "bytes": exactly(71), "quarantined": exactly(2),
        "formats": [
            {"format": "pickle", "count": 2, "atLeast": false},
            {"format": "safetensors", "count": 2, "atLeast": false},
            {"count": 1, "atLeast": false},
        ],
        "verdicts": [
            {"verdict": "clean", "count": 3, "atLeast": false},
            {"verdict": "danger", "count": 2, "atLeast": false},
        ],
    });
    let mut found = summary(&app).await;
    // Formats that are as frequent come in no order that is promised.
    let by_name = |formats: &mut Value| {
        let formats = formats["formats"].as_array_mut().unwrap();
        assert!(formats.is_sorted_by_key(|each| std::cmp::Reverse(each["count"].as_u64())));
        formats.sort_by_key(|each| each["format"].to_string());
    };
    by_name(&mut found);
    by_name(&mut expected);
    assert_eq!(found, expected);
    app.delete("/api/v1/models/churn?recursive=true&force=true").await.expect(204);
    let found = summary(&app).await;
    assert_eq!((&found["models"], &found["versions"], &found["bytes"]), (&exactly(2), &exactly(2), &exactly(38)));
    assert_eq!(found["quarantined"], exactly(1));
    // A file that is stored twice counts twice.
    app.put("/api/v1/models/fraud/versions/2/files/again.txt", b"hello".as_slice()).await.expect(201);
    let found = summary(&app).await;
    assert_eq!((&found["files"], &found["bytes"]), (&exactly(4), &exactly(43)));
    for query in ["?pageSize=1", "?filter=x", "?%00"] {
        app.get(&format!("/api/v1/summary{query}")).await.expect(400);
    }
    app.json(Method::POST, "/api/v1/summary", &json!({})).await.expect(405);
}

async fn what_is_counted_ends_somewhere(backend: Backend) {
    let app = TestApp::on(backend).await;
    app.put("/api/v1/models/fraud/versions/1/files/a.pkl", b"cos\nsystem\n(S'true'\ntR.".as_slice()).await.expect(201);
    let series =
        |most: u32| format!("WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most})");
    let columns = "kind, type_id, home_id, name, created_at, updated_at, workspace_id";
    let models = "SELECT 2, 11, CAST(NULL AS BIGINT), 'm' || CAST(i AS TEXT), i, i, 1 FROM n";
    app.sql(&format!("{} INSERT INTO nodes ({columns}) {models}", series(9_999)));
    assert_eq!(summary(&app).await["models"], exactly(10_000));
    app.sql(&format!("INSERT INTO nodes ({columns}) SELECT 2, 11, CAST(NULL AS BIGINT), 'one more', 1, 1, 1"));
    assert_eq!(summary(&app).await["models"], at_least(10_000));
    // The artifact of `fraud` has a file that is dangerous, and gets ten thousand that nobody inspected.
    let files = "SELECT a.node_id, 'f' || CAST(i AS TEXT), a.blob_id, a.media_type, i \
                 FROM n JOIN files AS a ON a.path = 'a.pkl'";
    app.sql(&format!("{} INSERT INTO files (node_id, path, blob_id, media_type, created_at) {files}", series(10_000)));
    let found = summary(&app).await;
    assert_eq!((&found["files"], &found["bytes"]), (&exactly(10_001), &exactly(10_001 * 23)));
    // Which ten thousand files have been counted does not matter to those in which something was found.
    let verdicts = found["verdicts"].as_array().unwrap();
    assert!(verdicts.contains(&json!({"verdict": "danger", "count": 1, "atLeast": false})), "{found}");
    let others = verdicts.iter().find(|each| each.get("verdict").is_none()).unwrap();
    assert!(others["count"].as_u64().unwrap() >= 9_999 && others["atLeast"] == true, "{found}");
    assert!(found["formats"].as_array().unwrap().iter().all(|each| each["atLeast"] == true), "{found}");
    assert_eq!(found["quarantined"], exactly(1));
}

async fn each_workspace_has_numbers_of_its_own(backend: Backend) {
    let app = registry(backend).await;
    app.json(Method::POST, "/api/v1/workspaces", &json!({"slug": "größe"})).await.expect(400);
    app.json(Method::POST, "/api/v1/workspaces", &json!({"slug": "team-a"})).await.expect(201);
    app.put("/w/team-a/api/v1/models/%E6%A8%A1%E5%9E%8B/versions/1/files/%C3%BC.txt", "abc").await.expect(201);
    let there = app.get("/w/team-a/api/v1/summary").await.expect(200).json();
    assert_eq!((&there["models"], &there["files"], &there["bytes"]), (&exactly(1), &exactly(1), &exactly(3)));
    assert_eq!(summary(&app).await["models"], exactly(3));
    app.get("/w/none/api/v1/summary").await.expect(404);
}

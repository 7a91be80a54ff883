//! The state of the server, on each database.

use std::time::Duration;

use actix_web::http::Method;
use serde_json::{Value, json};

use crate::api::app::TestApp;
use crate::support::{Backend, on_both_in_actix};

on_both_in_actix! {
    what_is_stored_and_found_is_told,
    what_cannot_be_used_is_told,
    servers_that_said_so_are_there,
}

const HOUR: Duration = Duration::from_secs(60 * 60);

async fn system(app: &TestApp) -> Value {
    app.get("/api/v1/system").await.expect(200).json()
}

async fn what_is_stored_and_found_is_told(backend: Backend) {
    let app = TestApp::on(backend).await;
    for path in ["models/a/versions/1/files/x", "models/%E6%A8%A1%E5%9E%8B/versions/1/files/%C3%BC.txt"] {
        app.put(&format!("/api/v1/{path}"), "0123456789").await.expect(201);
    }
    let kind = match backend {
        Backend::Sqlite => "sqlite",
        Backend::Postgres => "postgresql",
    };
    let first = system(&app).await;
    assert_eq!((&first["database"]["kind"], &first["database"]["reachable"]), (&json!(kind), &json!(true)));
    assert_eq!((&first["objectStore"]["kind"], &first["objectStore"]["reachable"]), (&json!("local"), &json!(true)));
    assert!(first["database"]["latencyMs"].as_f64().unwrap() >= 0.0 && first["database"].get("detail").is_none());
    assert_eq!(first["version"], env!("CARGO_PKG_VERSION"));
    // Two files with the same bytes are stored once.
    let storage = &first["storage"];
    assert_eq!((&storage["blobs"], &storage["storedBytes"]), (&json!(1), &json!(10)));
    assert_eq!((&storage["files"], &storage["referencedBytes"]), (&json!(2), &json!(20)));
    assert_eq!((&first["verification"]["unverifiedBlobs"], &first["verification"]["damaged"]), (&json!(1), &json!([])));
    assert_eq!((&first["collector"]["passes"], first["collector"].get("lastRemoved")), (&json!(0), None));
    assert_eq!(first["limits"], json!({"maxBodyBytes": 1_048_576, "maxPageSize": 10_000}));
    assert_eq!(first["settings"], json!({}));
    assert_eq!(first["jobs"], json!([]));
    let doors: Vec<_> = first["doors"].as_array().unwrap().iter().map(|door| door["name"].as_str().unwrap()).collect();
    assert!(doors.contains(&"Modelport") && doors.len() == 3, "{doors:?}");
    assert!(!first["connections"].as_array().unwrap().is_empty());
    // A policy makes a job, and a file that is removed leaves a blob to the collector.
    app.delete("/api/v1/models/a?recursive=true").await.expect(204);
    app.delete("/api/v1/models/%E6%A8%A1%E5%9E%8B/versions/1/files/%C3%BC.txt").await.expect(204);
    app.json(Method::PUT, "/api/v1/models/%E6%A8%A1%E5%9E%8B/policy", &json!({"findings": {"warn": "allow"}}))
        .await
        .expect(200);
    app.advance(2 * 60 * 60 * 1000);
    let registry = app.registry();
    registry.upkeep.collect_in_turn(&registry.own_context(), HOUR, HOUR).await.unwrap().unwrap();
    let later = system(&app).await;
    let removed = &later["collector"]["lastRemoved"];
    assert_eq!((&removed["unreferencedBlobs"], &removed["unreferencedBytes"]), (&json!(1), &json!(10)));
    assert_eq!(&later["collector"]["removed"], removed);
    assert_eq!((&later["collector"]["passes"], &later["collector"]["running"]), (&json!(1), &json!(false)));
    assert!(later["collector"]["lastEndedAt"].as_i64().unwrap() > first["storage"]["countedAt"].as_i64().unwrap());
    assert_eq!((&later["storage"]["blobs"], &later["storage"]["referencedBytes"]), (&json!(0), &json!(0)));
    let [job] = later["jobs"].as_array().unwrap().as_slice() else { panic!("{}", later["jobs"]) };
    assert_eq!((&job["state"], &job["jobs"]), (&json!("queued"), &json!(1)));
    for query in ["?pageSize=1", "?settings=true"] {
        app.get(&format!("/api/v1/system{query}")).await.expect(400);
    }
    app.get("/w/none/api/v1/system").await.expect(404);
}

async fn what_cannot_be_used_is_told(backend: Backend) {
    let app = TestApp::on(backend).await;
    app.put("/api/v1/models/a/versions/1/files/x", "0123456789").await.expect(201);
    app.remove_store();
    let told = system(&app).await;
    assert_eq!((&told["objectStore"]["reachable"], &told["database"]["reachable"]), (&json!(false), &json!(true)));
    assert!(!told["objectStore"]["detail"].as_str().unwrap().is_empty());
}

async fn servers_that_said_so_are_there(backend: Backend) {
    let app = TestApp::on(backend).await;
    assert_eq!(system(&app).await["replicas"], json!([]));
    let registry = app.registry();
    registry.upkeep.beat(&registry.own_context(), "1.2.3").await.unwrap();
    let other = "INSERT INTO replicas (id, version, started_at, seen_at) VALUES ('other', '1.2.2', 5, ";
    let now = system(&app).await["replicas"][0]["seenAt"].as_i64().unwrap();
    app.sql(&format!("{other}{now})"));
    app.advance(60_000);
    registry.upkeep.beat(&registry.own_context(), "1.2.3").await.unwrap();
    let told = system(&app).await["replicas"].clone();
    let [old, this] = told.as_array().unwrap().as_slice() else { panic!("{told}") };
    assert_eq!(old, &json!({"id": "other", "version": "1.2.2", "startedAt": 5, "seenAt": now, "this": false}));
    assert_eq!((&this["version"], &this["this"]), (&json!("1.2.3"), &json!(true)));
    assert!(this["seenAt"].as_i64().unwrap() >= now + 60_000 && this["startedAt"].as_i64().unwrap() <= now);
    // Who has said nothing for ten minutes is there no more, and is forgotten by whoever says something.
    app.advance(570_000);
    assert_eq!(system(&app).await["replicas"].as_array().map(Vec::len), Some(1));
    registry.upkeep.beat(&registry.own_context(), "1.2.3").await.unwrap();
    assert_eq!(app.lines("SELECT version AS line FROM replicas"), ["1.2.3"]);
}

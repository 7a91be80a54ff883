//! Each of the 56 operations, from the table that routes them: success and every client error, under both paths.

mod cases;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use actix_web::http::Method;
use modelport::api::kubeflow::table::OPERATIONS;

use super::super::app::request;
use super::API;
use crate::support::Backend;
use cases::{Case, World, errors, further, never, path, success, word};

const APIS: [&str; 2] = [API, "/api/model_registry/v1"];

/// One snapshot for each operation, the same on both databases: what is asked and what is answered.
async fn every_operation_answers_as_its_snapshot_shows(backend: Backend) {
    let world = World::new(API, backend).await;
    for operation in &OPERATIONS {
        let mut said = String::new();
        let mut statuses = BTreeSet::new();
        for case in errors(operation).into_iter().chain([success(operation)]).chain(further(operation)) {
            let answer = world.send(operation.method, &case).await;
            let Case { status, path, body, if_match } = &case;
            assert_eq!(answer.status, *status, "{} {path} {body}: {}", operation.id, answer.text());
            statuses.insert(*status);
            writeln!(said, "{} {path}", operation.method).unwrap();
            if let Some(tag) = if_match {
                writeln!(said, "  If-Match: {tag}").unwrap();
            }
            let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
            match body.trim() {
                "" => writeln!(said, "  {} spaces", body.len()).unwrap(),
                "null" => {}
                body => writeln!(said, "  {body}").unwrap(),
            }
            let tag = answer.header("etag").map(|tag| format!(" etag {tag}")).unwrap_or_default();
            writeln!(said, "{status}{tag}\n  {}\n", world.shown(&answer)).unwrap();
        }
        let declared = operation.statuses.iter().copied().filter(|status| !never(operation).contains(status));
        assert_eq!(statuses, declared.collect(), "{}: what is shown and what is declared", operation.id);
        insta::assert_snapshot!(operation.id, said.trim_end());
    }
}

#[actix_web::test]
async fn every_operation_answers_as_its_snapshot_shows_on_sqlite() {
    every_operation_answers_as_its_snapshot_shows(Backend::Sqlite).await;
}

#[actix_web::test]
async fn every_operation_answers_as_its_snapshot_shows_on_postgres() {
    every_operation_answers_as_its_snapshot_shows(Backend::Postgres).await;
}

#[actix_web::test]
async fn every_operation_succeeds_and_fails_as_it_says_under_both_paths() {
    for api in APIS {
        let world = World::new(api, Backend::Sqlite).await;
        for operation in &OPERATIONS {
            for case in errors(operation).into_iter().chain([success(operation)]) {
                let answer = world.send(operation.method, &case).await;
                let Case { status, path, body, .. } = &case;
                assert_eq!(answer.status, *status, "{} {path} {body:.60}: {}", operation.id, answer.text());
                assert!(operation.statuses.contains(status), "{} does not say {status}", operation.id);
                let not_found = *status != 404 || answer.member("message").ends_with("not found");
                assert!(not_found, "{} {path}: {}", operation.id, answer.text());
            }
        }
    }
}

#[actix_web::test]
async fn every_change_respects_if_match() {
    for api in APIS {
        let world = World::new(api, Backend::Sqlite).await;
        for operation in OPERATIONS.iter().filter(|operation| operation.method == "PATCH") {
            for (tag, status) in [("\"999\"", 412), ("W/\"1\"", 412), ("*", 200)] {
                let case = Case { if_match: Some(tag), ..success(operation) };
                let answer = world.send(operation.method, &case).await;
                assert_eq!(answer.status, status, "{} {tag}: {}", operation.id, answer.text());
            }
        }
    }
}

#[actix_web::test]
async fn whatever_is_read_has_a_head() {
    for api in APIS {
        let world = World::new(api, Backend::Sqlite).await;
        for operation in OPERATIONS.iter().filter(|operation| operation.method == "GET") {
            for case in errors(operation).into_iter().chain([success(operation)]) {
                let read = world.send("GET", &case).await;
                let head = world.send("HEAD", &case).await;
                assert_eq!(head.status, read.status, "{} {}", operation.id, case.path);
                for name in ["content-type", "etag"] {
                    assert_eq!(head.header(name), read.header(name), "{} {}", operation.id, case.path);
                }
            }
        }
    }
}

#[actix_web::test]
async fn every_body_must_be_a_json_object_of_some_size() {
    for api in APIS {
        let world = World::new(api, Backend::Sqlite).await;
        for operation in OPERATIONS.iter().filter(|operation| operation.method != "GET") {
            let path = world.filled(&format!("{api}{}", path(operation, word(operation))));
            let method = Method::from_bytes(operation.method.as_bytes()).unwrap();
            for (body, status) in [
                (String::new(), 400),
                ("[]".to_owned(), 400),
                ("{".to_owned(), 400),
                ("{\"name\": \"a\\u0000b\"}".to_owned(), 400),
                (" ".repeat(1024 * 1024 + 1), 413),
            ] {
                let sent = request(method.clone(), &path).insert_header(("Content-Type", "application/json"));
                let answer = world.app.send(sent.set_payload(body.clone())).await;
                assert_eq!(answer.status, status, "{} {:.30}: {}", operation.id, body, answer.text());
                assert!(operation.statuses.contains(&status), "{} does not say {status}", operation.id);
            }
        }
    }
}

/// The table of the contract: method, path and operation id of each operation, in its order.
#[test]
fn the_operations_are_upstreams() {
    let table: Vec<_> = OPERATIONS
        .iter()
        .map(|operation| format!("{} {} {} {:?}", operation.method, operation.path, operation.id, operation.query))
        .collect();
    let ids: BTreeSet<_> = OPERATIONS.iter().map(|operation| operation.id).collect();
    assert_eq!(ids.len(), 56);
    insta::assert_snapshot!(table.join("\n"));
}

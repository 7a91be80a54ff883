//! Each of the 56 operations, from the table that routes them: success and every client error, under both paths.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::http::Method;
use modelport::api::kubeflow::table::{Action, OPERATIONS, Operation};
use modelport::domain::LogicalType;
use serde_json::{Value, json};

use super::super::app::{Answer, TestApp, request};
use super::API;

const APIS: [&str; 2] = [API, "/api/model_registry/v1"];

/// A registry in which everything that the operations need is there, by the words that stand for it below.
struct World {
    app: TestApp,
    api: &'static str,
    ids: BTreeMap<&'static str, String>,
}

impl World {
    async fn new(api: &'static str) -> Self {
        let mut world = Self { app: TestApp::new().await, api, ids: BTreeMap::new() };
        for (word, path, body) in [
            ("model", "/registered_models", json!({"name": "taken"})),
            ("version", "/model_versions", json!({"name": "taken", "registeredModelId": "{model}"})),
            ("experiment", "/experiments", json!({"name": "taken"})),
            ("run", "/experiment_runs", json!({"name": "taken", "experimentId": "{experiment}"})),
            ("environment", "/serving_environments", json!({"name": "taken"})),
            (
                "service",
                "/inference_services",
                json!({"name": "taken", "servingEnvironmentId": "{environment}", "registeredModelId": "{model}"}),
            ),
            (
                "artifact",
                "/model_versions/{version}/artifacts",
                json!({"artifactType": "model-artifact", "name": "taken", "externalId": "taken"}),
            ),
            ("", "/experiment_runs/{run}/artifacts", json!({"artifactType": "doc-artifact", "name": "taken"})),
            ("", "/inference_services/{service}/serves", json!({"name": "taken", "modelVersionId": "{version}"})),
        ] {
            let answer = world.send("POST", path, &body).await;
            assert_eq!(answer.status, 201, "{path}: {}", answer.text());
            if !word.is_empty() {
                world.ids.insert(word, answer.member("id"));
            }
        }
        world
    }

    /// Sends a request after putting ids where their words are.
    async fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let sent = request(method.clone(), &self.filled(&format!("{}{path}", self.api)));
        let sent = if method == Method::GET { sent } else { self.with_body(sent, body) };
        self.app.send(sent).await
    }

    fn with_body(&self, sent: actix_web::test::TestRequest, body: &Value) -> actix_web::test::TestRequest {
        let json: Value = serde_json::from_str(&self.filled(&body.to_string())).unwrap();
        sent.set_json(json)
    }

    fn filled(&self, text: &str) -> String {
        self.ids.iter().fold(text.to_owned(), |text, (word, id)| text.replace(&format!("{{{word}}}"), id))
    }
}

/// The word for the entity that a path's id is of.
fn word(operation: &Operation) -> &'static str {
    match operation.path_parameter() {
        Some("id" | "modelartifactId") => "{artifact}",
        Some("experimentId") => "{experiment}",
        Some("experimentrunId") => "{run}",
        Some("inferenceserviceId") => "{service}",
        Some("modelversionId") => "{version}",
        Some("registeredmodelId") => "{model}",
        Some("servingenvironmentId") => "{environment}",
        Some(other) => panic!("{other}"),
        None => "",
    }
}

fn path(operation: &Operation, id: &str) -> String {
    match operation.path_parameter() {
        Some(name) => operation.path.replace(&format!("{{{name}}}"), id),
        None => operation.path.to_owned(),
    }
}

/// What creates one of that type.
fn creation(logical: LogicalType, name: &str) -> Value {
    match logical {
        LogicalType::ModelVersion => json!({"name": name, "registeredModelId": "{model}"}),
        LogicalType::ExperimentRun => json!({"name": name, "experimentId": "{experiment}"}),
        LogicalType::InferenceService => {
            json!({"name": name, "servingEnvironmentId": "{environment}", "registeredModelId": "{model}"})
        }
        LogicalType::ServeModel => json!({"name": name, "modelVersionId": "{version}"}),
        LogicalType::ModelArtifact => json!({"name": name, "externalId": name}),
        _ => json!({"name": name}),
    }
}

/// What each client error of an operation is provoked with: the status, the path and the body.
fn errors(operation: &Operation) -> Vec<(u16, String, Value)> {
    let here = path(operation, word(operation));
    let mut errors = Vec::new();
    if operation.path_parameter().is_some() {
        let artifact = json!({"artifactType": "model-artifact", "name": "n"});
        let body = match operation.action {
            Action::CreateIn(_, child) | Action::UpsertIn(_, child) => creation(child.logical, "n"),
            Action::UpdateArtifact | Action::UpsertArtifactIn(_) => artifact,
            _ => json!({}),
        };
        errors.push((400, path(operation, "abc"), body.clone()));
        errors.push((400, path(operation, "0"), body.clone()));
        errors.push((404, path(operation, "999999"), body));
    }
    let mut create = |logical: LogicalType, nested: bool| {
        errors.push((409, here.clone(), creation(logical, "taken")));
        errors.push((400, here.clone(), json!({"name": 1})));
        if !matches!(logical, LogicalType::ModelArtifact) {
            errors.push((422, here.clone(), json!({})));
        }
        let mut lost = creation(logical, "n");
        let members = lost.as_object_mut().unwrap();
        members.insert("nonsense".to_owned(), json!(1));
        errors.push((400, here.clone(), lost.clone()));
        let members = lost.as_object_mut().unwrap();
        members.remove("nonsense");
        let parent = members.iter_mut().find(|(name, _)| name.ends_with("Id") && *name != "externalId");
        if let (Some((_, id)), false) = (parent, nested) {
            *id = json!("999999");
            errors.push((404, here.clone(), lost));
        }
    };
    match operation.action {
        Action::Create(entity) => create(entity.logical, false),
        Action::CreateIn(_, entity) | Action::UpsertIn(_, entity) => create(entity.logical, true),
        Action::Find(_) | Action::FindArtifact => {
            errors.push((400, here.clone(), Value::Null));
            errors.push((404, format!("{here}?externalId=nothing"), Value::Null));
        }
        Action::List(_)
        | Action::ListArtifacts
        | Action::ListIn(..)
        | Action::ListArtifactsIn(_)
        | Action::MetricHistory
        | Action::MetricHistoryOfRun => {
            for bad in ["pageSize=0", "orderBy=X", "sortOrder=X", "nextPageToken=X", "filterQuery=X"] {
                errors.push((400, format!("{here}?{bad}"), Value::Null));
            }
        }
        Action::Update(_) => errors.push((400, here, json!({"nonsense": 1}))),
        Action::UpdateArtifact => errors.push((400, here, json!({"artifactType": "metric"}))),
        Action::CreateArtifact => {
            errors.push((400, here.clone(), json!({})));
            errors.push((409, here, json!({"artifactType": "doc-artifact", "externalId": "taken"})));
        }
        Action::UpsertArtifactIn(parent) => {
            let kind = if parent.logical == LogicalType::ModelVersion { "model-artifact" } else { "doc-artifact" };
            errors.push((400, here.clone(), json!({})));
            errors.push((404, here.clone(), json!({"artifactType": kind, "id": "999999"})));
            errors.push((409, here, json!({"artifactType": kind, "name": "taken"})));
        }
        Action::Get(_)
        | Action::GetArtifact
        | Action::InferenceModel
        | Action::InferenceVersion
        | Action::Delete(_)
        | Action::DeleteArtifact => {}
    }
    errors
}

/// The request that an operation succeeds with, and its status.
fn success(operation: &Operation) -> (String, Value, u16) {
    let here = path(operation, word(operation));
    match operation.action {
        Action::Find(entity) => {
            let parent = match entity.logical {
                LogicalType::ModelVersion => "&parentResourceId={model}",
                LogicalType::ExperimentRun => "&parentResourceId={experiment}",
                LogicalType::InferenceService => "&parentResourceId={environment}",
                LogicalType::ModelArtifact => "&parentResourceId={version}",
                _ => "",
            };
            (format!("{here}?name=taken{parent}"), Value::Null, 200)
        }
        Action::FindArtifact => (format!("{here}?externalId=taken"), Value::Null, 200),
        Action::Create(entity) | Action::CreateIn(_, entity) | Action::UpsertIn(_, entity) => {
            (here, creation(entity.logical, operation.id), 201)
        }
        Action::CreateArtifact | Action::UpsertArtifactIn(_) => {
            (here, json!({"artifactType": "doc-artifact", "name": operation.id}), 201)
        }
        Action::Update(_) => (here, json!({"description": "new"}), 200),
        Action::UpdateArtifact => (here, json!({"artifactType": "model-artifact", "description": "new"}), 200),
        _ => (here, Value::Null, 200),
    }
}

#[actix_web::test]
async fn every_operation_succeeds_and_fails_as_it_says() {
    for api in APIS {
        let world = World::new(api).await;
        for operation in &OPERATIONS {
            for (status, path, body) in errors(operation) {
                let answer = world.send(operation.method, &path, &body).await;
                assert_eq!(answer.status, status, "{} {path} {body}: {}", operation.id, answer.text());
                assert!(operation.statuses.contains(&status), "{} does not say {status}", operation.id);
                let message = answer.member("message");
                assert!(status != 404 || message.ends_with("not found"), "{} {path}: {message}", operation.id);
            }
            let (path, body, status) = success(operation);
            let answer = world.send(operation.method, &path, &body).await;
            assert_eq!(answer.status, status, "{} {path} {body}: {}", operation.id, answer.text());
            assert!(operation.statuses.contains(&status), "{} does not say {status}", operation.id);
        }
    }
}

#[actix_web::test]
async fn every_change_heeds_if_match() {
    for api in APIS {
        let world = World::new(api).await;
        for operation in OPERATIONS.iter().filter(|operation| operation.method == "PATCH") {
            let (path, body, _) = success(operation);
            for (tag, status) in [("\"999\"", 412), ("W/\"1\"", 412), ("*", 200)] {
                let sent = request(Method::PATCH, &world.filled(&format!("{api}{path}")));
                let sent = world.with_body(sent, &body).insert_header(("If-Match", tag));
                let answer = world.app.send(sent).await;
                assert_eq!(answer.status, status, "{} {tag}: {}", operation.id, answer.text());
            }
        }
    }
}

#[actix_web::test]
async fn every_body_must_be_a_json_object_of_some_size() {
    for api in APIS {
        let world = World::new(api).await;
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

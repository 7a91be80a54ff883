//! What each operation is asked for, from the table that routes it: success and every client error.

use std::collections::BTreeMap;

use actix_web::http::Method;
use modelport::api::kubeflow::table::{Action, Operation};
use modelport::domain::LogicalType;
use serde_json::{Value, json};

use crate::api::app::{Answer, TestApp, request};
use crate::support::Backend;

/// A registry in which everything that the operations need is there, by the words that stand for it below.
pub struct World {
    pub app: TestApp,
    api: &'static str,
    ids: BTreeMap<&'static str, String>,
}

impl World {
    pub async fn new(api: &'static str, backend: Backend) -> Self {
        let mut world = Self { app: TestApp::on(backend).await, api, ids: BTreeMap::new() };
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
            ("", "/experiments", json!({"name": "other", "externalId": "context"})),
            ("", "/artifacts", json!({"artifactType": "doc-artifact", "name": "other", "externalId": "artifact"})),
        ] {
            let answer = world.send("POST", &Case::new(201, path, body)).await;
            assert_eq!(answer.status, 201, "{path}: {}", answer.text());
            if !word.is_empty() {
                world.ids.insert(word, answer.member("id"));
            }
        }
        world
    }

    /// Sends a request after putting ids where their words are.
    pub async fn send(&self, method: &str, case: &Case) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let mut sent = request(method.clone(), &self.filled(&format!("{}{}", self.api, case.path)));
        if let Some(tag) = case.if_match {
            sent = sent.insert_header(("If-Match", tag));
        }
        if method != Method::GET {
            sent = sent.insert_header(("Content-Type", "application/json")).set_payload(self.filled(&case.sent()));
        }
        self.app.send(sent).await
    }

    /// The answer for a snapshot: the words stand for their ids again, and times are left out.
    pub fn shown(&self, answer: &Answer) -> Value {
        let mut body = answer.shown_body();
        self.settle(&mut body);
        body
    }

    fn settle(&self, value: &mut Value) {
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match member {
                        Value::String(_) if name.ends_with("TimeSinceEpoch") => *member = "[time]".into(),
                        Value::String(id) if name == "id" || (name.ends_with("Id") && name != "externalId") => {
                            let word = self.ids.iter().find(|(_, known)| *known == id);
                            *id = word.map_or("[id]".to_owned(), |(word, _)| format!("{{{word}}}"));
                        }
                        member => self.settle(member),
                    }
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|item| self.settle(item)),
            _ => {}
        }
    }

    pub fn filled(&self, text: &str) -> String {
        self.ids.iter().fold(text.to_owned(), |text, (word, id)| text.replace(&format!("{{{word}}}"), id))
    }
}

/// The word for the entity that a path's id is of.
pub fn word(operation: &Operation) -> &'static str {
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

pub fn path(operation: &Operation, id: &str) -> String {
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

/// A request and the status that it gets.
pub struct Case {
    pub status: u16,
    pub path: String,
    pub body: Value,
    pub if_match: Option<&'static str>,
}

impl Case {
    fn new(status: u16, path: &str, body: Value) -> Self {
        Self { status, path: path.to_owned(), body, if_match: None }
    }

    /// The body as it is sent: a text stands for itself, whatever it is.
    fn sent(&self) -> String {
        match &self.body {
            Value::String(text) => text.clone(),
            json => json.to_string(),
        }
    }
}

/// What each client error of an operation is provoked with.
pub fn errors(operation: &Operation) -> Vec<Case> {
    let mut errors = errors_of_what_is_asked(operation);
    let here = path(operation, word(operation));
    if operation.method != "GET" {
        for (body, status) in [("[]", 400), ("{", 400)] {
            errors.push(Case::new(status, &here, body.into()));
        }
        errors.push(Case::new(413, &here, " ".repeat(1024 * 1024 + 1).into()));
    }
    if operation.statuses.contains(&412) {
        let changed = success(operation);
        errors.push(Case { status: 412, if_match: Some("\"999\""), ..changed });
    }
    errors
}

/// The declared statuses that cannot come: what the operation asks for is always there, or nothing is required.
pub fn never(operation: &Operation) -> &'static [u16] {
    match operation.action {
        Action::List(_) | Action::ListArtifacts | Action::MetricHistory => &[404],
        Action::Create(entity) => match entity.logical {
            LogicalType::ModelArtifact => &[404, 422],
            LogicalType::RegisteredModel | LogicalType::Experiment | LogicalType::ServingEnvironment => &[404],
            _ => &[],
        },
        Action::CreateArtifact => &[404, 422],
        Action::UpsertArtifactIn(_) => &[422],
        _ => &[],
    }
}

fn errors_of_what_is_asked(operation: &Operation) -> Vec<Case> {
    let here = path(operation, word(operation));
    let mut errors = Vec::new();
    if operation.path_parameter().is_some() {
        let artifact = json!({"artifactType": "model-artifact", "name": "n"});
        let body = match operation.action {
            Action::CreateIn(_, child) | Action::UpsertIn(_, child) => creation(child.logical, "n"),
            Action::UpdateArtifact | Action::UpsertArtifactIn(_) => artifact,
            _ => json!({}),
        };
        errors.push(Case::new(400, &path(operation, "abc"), body.clone()));
        errors.push(Case::new(400, &path(operation, "0"), body.clone()));
        errors.push(Case::new(404, &path(operation, "999999"), body));
    }
    let mut create = |logical: LogicalType, nested: bool| {
        errors.push(Case::new(409, &here, creation(logical, "taken")));
        errors.push(Case::new(400, &here, json!({"name": 1})));
        if !matches!(logical, LogicalType::ModelArtifact) {
            errors.push(Case::new(422, &here, json!({})));
        }
        let mut lost = creation(logical, "n");
        let members = lost.as_object_mut().unwrap();
        members.insert("nonsense".to_owned(), json!(1));
        errors.push(Case::new(400, &here, lost.clone()));
        let members = lost.as_object_mut().unwrap();
        members.remove("nonsense");
        let parent = members.iter_mut().find(|(name, _)| name.ends_with("Id") && *name != "externalId");
        if let (Some((_, id)), false) = (parent, nested) {
            *id = json!("999999");
            errors.push(Case::new(404, &here, lost));
        }
    };
    match operation.action {
        Action::Create(entity) => create(entity.logical, false),
        Action::CreateIn(_, entity) | Action::UpsertIn(_, entity) => create(entity.logical, true),
        Action::Find(_) | Action::FindArtifact => {
            errors.push(Case::new(400, &here, Value::Null));
            errors.push(Case::new(404, &format!("{here}?externalId=nothing"), Value::Null));
        }
        Action::List(_)
        | Action::ListArtifacts
        | Action::ListIn(..)
        | Action::ListArtifactsIn(_)
        | Action::MetricHistory
        | Action::MetricHistoryOfRun => {
            for bad in ["pageSize=0", "orderBy=X", "sortOrder=X", "nextPageToken=X", "filterQuery=X"] {
                errors.push(Case::new(400, &format!("{here}?{bad}"), Value::Null));
            }
        }
        Action::Update(entity) => {
            errors.push(Case::new(400, &here, json!({"nonsense": 1})));
            let is_artifact = entity.logical == LogicalType::ModelArtifact;
            let taken = if is_artifact { "artifact" } else { "context" };
            errors.push(Case::new(409, &here, json!({"externalId": taken})));
        }
        Action::UpdateArtifact => {
            errors.push(Case::new(400, &here, json!({"artifactType": "metric"})));
            let taken = json!({"artifactType": "model-artifact", "externalId": "artifact"});
            errors.push(Case::new(409, &here, taken));
        }
        Action::CreateArtifact => {
            errors.push(Case::new(400, &here, json!({})));
            errors.push(Case::new(409, &here, json!({"artifactType": "doc-artifact", "externalId": "taken"})));
        }
        Action::UpsertArtifactIn(parent) => {
            let kind = if parent.logical == LogicalType::ModelVersion { "model-artifact" } else { "doc-artifact" };
            errors.push(Case::new(400, &here, json!({})));
            errors.push(Case::new(404, &here, json!({"artifactType": kind, "id": "999999"})));
            errors.push(Case::new(409, &here, json!({"artifactType": kind, "name": "taken"})));
        }
        Action::Get(_)
        | Action::GetArtifact
        | Action::InferenceModel
        | Action::InferenceVersion
        | Action::Delete(_)
        | Action::DeleteArtifact
        | Action::ListAliases
        | Action::ListAliasesOfVersion
        | Action::GetAlias
        | Action::SetAlias
        | Action::DeleteAlias => {}
    }
    errors
}

/// The request that an operation succeeds with.
pub fn success(operation: &Operation) -> Case {
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
            Case::new(200, &format!("{here}?name=taken{parent}"), Value::Null)
        }
        Action::FindArtifact => Case::new(200, &format!("{here}?externalId=taken"), Value::Null),
        Action::Create(entity) | Action::CreateIn(_, entity) | Action::UpsertIn(_, entity) => {
            Case::new(201, &here, creation(entity.logical, operation.id))
        }
        Action::CreateArtifact | Action::UpsertArtifactIn(_) => {
            Case::new(201, &here, json!({"artifactType": "doc-artifact", "name": operation.id}))
        }
        Action::Update(_) => Case::new(200, &here, json!({"description": "new"})),
        Action::UpdateArtifact => {
            Case::new(200, &here, json!({"artifactType": "model-artifact", "description": "new"}))
        }
        _ => Case::new(200, &here, Value::Null),
    }
}

/// The other ways in which an operation succeeds, where it has more than one.
pub fn further(operation: &Operation) -> Vec<Case> {
    let here = path(operation, word(operation));
    match operation.action {
        Action::UpsertArtifactIn(_) => vec![
            Case::new(200, &here, json!({"artifactType": "metric", "name": "m", "value": 1, "timestamp": "5"})),
            Case::new(200, &here, json!({"artifactType": "model-artifact", "id": "{artifact}", "uri": "s3://b"})),
        ],
        Action::UpsertIn(_, entity) => {
            let mut changed = creation(entity.logical, "taken");
            let id = if entity.logical == LogicalType::ModelVersion { "{version}" } else { "{run}" };
            changed.as_object_mut().unwrap().insert("id".to_owned(), id.into());
            vec![Case::new(201, &here, changed)]
        }
        _ => Vec::new(),
    }
}

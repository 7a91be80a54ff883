//! The OpenAPI document: upstream's operation ids and parameters, drawn from the tables.

use serde_json::{Value as Json, json};

use super::entity::Entity;
use super::formats::{ALIAS, ENTITY_TAG, ID, name, text};
use super::links::links;
use super::schemas::{extension, reference, schemas};
use super::table::{Action, EXTENSIONS, OPERATIONS, Operation, Parameters};
use super::{Edition, TAG, V1, V1ALPHA3};

/// The document of the API as it is under the edition's path.
pub fn document(edition: Edition) -> Json {
    let (prefix, version) = match edition {
        Edition::V1Alpha3 => (V1ALPHA3, "v1alpha3"),
        Edition::V1 => (V1, "v1"),
    };
    let mut paths = serde_json::Map::new();
    let contract = OPERATIONS.iter().map(|operation| (operation, described(operation)));
    let extensions = EXTENSIONS.iter().map(|operation| (operation, extension(described(operation))));
    for (operation, described) in contract.chain(extensions) {
        let path = paths.entry(format!("{prefix}{}", operation.path)).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(operation.method.to_ascii_lowercase(), described);
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Kubeflow Model Registry REST API",
            "version": version,
            "description": "The registry as Kubeflow's clients know it.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": [{"name": TAG, "description": "The model registry."}],
        "paths": paths,
        "components": {"schemas": schemas(edition)},
    })
}

fn described(operation: &Operation) -> Json {
    let mut parameters: Vec<Json> = operation.query.iter().flat_map(|group| parameters(*group)).collect();
    let path = operation.path_parameters().map(|name| {
        let (what, schema) = match name {
            "alias" => ("The alias; not `latest`.", json!({"type": "string", "pattern": ALIAS})),
            _ => ("Id of the entity.", id()),
        };
        json!({"name": name, "in": "path", "required": true, "description": what, "schema": schema})
    });
    parameters.splice(0..0, path);
    let (body, answer) = schemas_of(operation.action);
    let mut responses = serde_json::Map::new();
    for status in operation.statuses.iter().chain(&[401, 403, 404, 500, 503]) {
        let (what, schema) = match status {
            200 | 201 => ("Done.", answer.as_str()),
            204 => {
                responses.insert("204".to_owned(), json!({"description": "Removed; its history is kept."}));
                continue;
            }
            400 => ("A parameter or the body cannot be accepted.", "Error"),
            401 => ("The caller is not known.", "Error"),
            403 => ("The caller may not do this.", "Error"),
            404 => ("It, or the workspace that the request names, is not found.", "Error"),
            409 if operation.method == "DELETE" => {
                ("It owns others or has files, is served, or has a protected alias.", "Error")
            }
            409 if operation.method == "PUT" => (
                "A file of the version is quarantined, or the alias is protected and the version not approved.",
                "Error",
            ),
            409 => ("The name or external id is taken.", "Error"),
            412 => ("Changed since the revision in If-Match.", "Error"),
            413 => ("The body is too large.", "Error"),
            422 => ("A required member is missing.", "Error"),
            503 => ("The database cannot be used now.", "Error"),
            _ => ("A fault of the server.", "Error"),
        };
        let content = json!({"application/json": {"schema": reference(schema)}});
        let mut response = json!({"description": what, "content": content});
        let links = if matches!(status, 200 | 201) { links(operation) } else { serde_json::Map::new() };
        if let (Some(members), false) = (response.as_object_mut(), links.is_empty()) {
            members.insert("links".to_owned(), links.into());
        }
        responses.insert(status.to_string(), response);
    }
    let summary = summary(operation.action);
    let mut described = json!({"tags": [TAG], "operationId": operation.id, "summary": summary, "responses": responses});
    if let Some(members) = described.as_object_mut() {
        if let Some(body) = body {
            let content = json!({"application/json": {"schema": closed(operation.action, reference(&body))}});
            members.insert("requestBody".to_owned(), json!({"required": true, "content": content}));
        }
        if operation.statuses.contains(&412) {
            let text = "The ETag that the entity must have.";
            let schema = json!({"type": "string", "pattern": ENTITY_TAG});
            parameters.push(json!({"name": "If-Match", "in": "header", "description": text, "schema": schema}));
        }
        if !parameters.is_empty() {
            members.insert("parameters".to_owned(), parameters.into());
        }
    }
    described
}

/// Closes the schema of a request body whose shared schema must stay open, because responses and `oneOf` use it too.
fn closed(action: Action, schema: Json) -> Json {
    match action {
        Action::Create(entity) | Action::Update(entity) if entity.artifact_type.is_some() => {
            json!({"allOf": [schema], "unevaluatedProperties": false})
        }
        Action::UpsertIn(..) => json!({"allOf": [schema], "unevaluatedProperties": false}),
        _ => schema,
    }
}

fn summary(action: Action) -> String {
    let noun = |entity: &Entity| entity.logical.noun();
    match action {
        Action::Find(entity) => format!("Finds one {} by name or external id.", noun(entity)),
        Action::List(entity) => format!("Lists every {}.", noun(entity)),
        Action::Create(entity) => format!("Creates a new {}.", noun(entity)),
        Action::Get(entity) => format!("Gets one {} by id.", noun(entity)),
        Action::Update(entity) => format!("Changes one {}.", noun(entity)),
        Action::ListIn(parent, entity) => format!("Lists every {} of one {}.", noun(entity), noun(parent)),
        Action::CreateIn(parent, entity) => format!("Creates a new {} of one {}.", noun(entity), noun(parent)),
        Action::UpsertIn(parent, entity) => {
            format!("Creates a new {} of one {}, or changes the one with the given id.", noun(entity), noun(parent))
        }
        Action::FindArtifact => "Finds one artifact by name or external id.".to_owned(),
        Action::ListArtifacts => "Lists every artifact.".to_owned(),
        Action::CreateArtifact => "Creates a new artifact of the given type.".to_owned(),
        Action::GetArtifact => "Gets one artifact by id.".to_owned(),
        Action::UpdateArtifact => "Changes one artifact.".to_owned(),
        Action::ListArtifactsIn(parent) => format!("Lists every artifact of one {}.", noun(parent)),
        Action::UpsertArtifactIn(parent) => format!(
            "Creates a new artifact of one {}; changes the metric or parameter of that name, and attaches the artifact with the given id.",
            noun(parent)
        ),
        Action::MetricHistory => "Lists every point of the metrics of every experiment run.".to_owned(),
        Action::MetricHistoryOfRun => "Lists every point of the metrics of one experiment run.".to_owned(),
        Action::Delete(entity) => format!("Removes one {}, with `recursive` all that it owns.", noun(entity)),
        Action::DeleteArtifact => "Removes one artifact, with `recursive` its files.".to_owned(),
        Action::ListAliases => "Lists every alias of one registered model.".to_owned(),
        Action::ListAliasesOfVersion => "Lists every alias of one model version.".to_owned(),
        Action::GetAlias => "Gets the model version that one alias points at.".to_owned(),
        Action::SetAlias => "Points one alias at a model version, wherever it pointed before.".to_owned(),
        Action::DeleteAlias => "Removes one alias.".to_owned(),
        Action::InferenceModel => "Gets the registered model that one inference service serves.".to_owned(),
        Action::InferenceVersion => "Gets the model version that one inference service serves.".to_owned(),
    }
}

/// The names of the schemas of the body, where there is one, and of the answer.
fn schemas_of(action: Action) -> (Option<String>, String) {
    let named = |entity: &Entity, suffix: &str| format!("{}{suffix}", entity.schema);
    match action {
        Action::Find(entity) | Action::Get(entity) => (None, named(entity, "")),
        Action::List(entity) | Action::ListIn(_, entity) => (None, named(entity, "List")),
        Action::Create(entity) | Action::CreateIn(_, entity) => (Some(named(entity, "Create")), named(entity, "")),
        Action::Update(entity) => (Some(named(entity, "Update")), named(entity, "")),
        Action::UpsertIn(_, entity) => (Some(named(entity, "")), named(entity, "")),
        Action::FindArtifact | Action::GetArtifact => (None, "Artifact".to_owned()),
        Action::ListArtifacts | Action::ListArtifactsIn(_) => (None, "ArtifactList".to_owned()),
        Action::CreateArtifact => (Some("ArtifactCreate".to_owned()), "Artifact".to_owned()),
        Action::UpdateArtifact => (Some("ArtifactUpdate".to_owned()), "Artifact".to_owned()),
        Action::UpsertArtifactIn(_) => (Some("Artifact".to_owned()), "Artifact".to_owned()),
        Action::MetricHistory | Action::MetricHistoryOfRun => (None, "MetricList".to_owned()),
        Action::ListAliases | Action::ListAliasesOfVersion => (None, "AliasList".to_owned()),
        Action::GetAlias => (None, "ModelVersion".to_owned()),
        Action::SetAlias => (Some("AliasUpdate".to_owned()), "ModelVersion".to_owned()),
        // There is none.
        Action::Delete(_) | Action::DeleteArtifact | Action::DeleteAlias => (None, String::new()),
        Action::InferenceModel => (None, "RegisteredModel".to_owned()),
        Action::InferenceVersion => (None, "ModelVersion".to_owned()),
    }
}

fn id() -> Json {
    json!({"type": "string", "pattern": ID})
}

fn parameters(group: Parameters) -> Vec<Json> {
    let query = |name: &str, description: &str, schema: Json| json!({"name": name, "in": "query", "required": false, "allowEmptyValue": true, "description": description, "schema": schema});
    match group {
        Parameters::N => vec![
            query("name", "Name of the entity.", name()),
            query("externalId", "Id of the entity in another system.", name()),
        ],
        Parameters::P => vec![query("parentResourceId", "Id of the parent, for a search by name.", id())],
        Parameters::F => {
            let what = "Only items that meet the condition, as in `name LIKE 'fraud%' AND accuracy > 0.9`.";
            vec![query("filterQuery", what, text())]
        }
        Parameters::L => vec![
            query("pageSize", "Number of items in a page.", json!({"type": "string", "pattern": "^[1-9][0-9]{0,8}$"})),
            query("orderBy", "What the list is ordered by.", reference("OrderByField")),
            query("sortOrder", "The direction of the order.", reference("SortOrder")),
            query("nextPageToken", "Continues a list.", text()),
            extension(query("totals", "Adds the size of the whole list.", json!({"type": "boolean"}))),
        ],
        Parameters::ArtifactType => {
            vec![query("artifactType", "Only artifacts of this type.", reference("ArtifactTypeQueryParam"))]
        }
        Parameters::Recursive => {
            let what = "Whether what it owns and its files are removed as well.";
            vec![query("recursive", what, json!({"type": "boolean"}))]
        }
        Parameters::Steps => {
            let steps = json!({"type": "string", "pattern": "^[0-9]{1,9}(,[0-9]{1,9})*$"});
            vec![
                query("name", "What the metric's name contains.", name()),
                query("stepIds", "Only these steps, between commas.", steps),
            ]
        }
    }
}

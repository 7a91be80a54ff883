//! The OpenAPI document: upstream's operation ids, parameters and schema names, drawn from the tables.

use serde_json::{Value as Json, json};

use super::entity::{ALL, Entity, Given, Member, Shape, artifacts};
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
    if let Some(name) = operation.path_parameter() {
        parameters.insert(
            0,
            json!({"name": name, "in": "path", "required": true, "description": "Id of the entity.", "schema": id()}),
        );
    }
    let (body, answer) = schemas_of(operation.action);
    let mut responses = serde_json::Map::new();
    for status in operation.statuses.iter().chain(&[401, 500, 503]) {
        let (what, schema) = match status {
            200 | 201 => ("Done.", answer.as_str()),
            204 => {
                responses.insert("204".to_owned(), json!({"description": "Removed; its history is kept."}));
                continue;
            }
            400 => ("A parameter or the body cannot be accepted.", "Error"),
            401 => ("The caller is not known.", "Error"),
            404 => ("Not found.", "Error"),
            409 if operation.method == "DELETE" => ("It owns others or has files.", "Error"),
            409 => ("The name or external id is taken.", "Error"),
            412 => ("Changed since the revision in If-Match.", "Error"),
            413 => ("The body is too large.", "Error"),
            422 => ("A required member is missing.", "Error"),
            503 => ("The database cannot be used now.", "Error"),
            _ => ("A fault of the server.", "Error"),
        };
        let content = json!({"application/json": {"schema": reference(schema)}});
        responses.insert(status.to_string(), json!({"description": what, "content": content}));
    }
    let summary = summary(operation.action);
    let mut described = json!({"tags": [TAG], "operationId": operation.id, "summary": summary, "responses": responses});
    if let Some(members) = described.as_object_mut() {
        if let Some(body) = body {
            let content = json!({"application/json": {"schema": reference(&body)}});
            members.insert("requestBody".to_owned(), json!({"required": true, "content": content}));
        }
        if ["PATCH", "DELETE"].contains(&operation.method) {
            let text = "The ETag that the entity must have.";
            let schema = json!({"type": "string"});
            parameters.push(json!({"name": "If-Match", "in": "header", "description": text, "schema": schema}));
        }
        if !parameters.is_empty() {
            members.insert("parameters".to_owned(), parameters.into());
        }
    }
    described
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
        // There is none.
        Action::Delete(_) | Action::DeleteArtifact => (None, String::new()),
        Action::InferenceModel => (None, "RegisteredModel".to_owned()),
        Action::InferenceVersion => (None, "ModelVersion".to_owned()),
    }
}

/// What an id looks like: a positive integer of 64 bits.
const ID: &str = "^[1-9][0-9]{0,18}$";

fn id() -> Json {
    json!({"type": "string", "pattern": ID})
}

fn parameters(group: Parameters) -> Vec<Json> {
    let query = |name: &str, description: &str, schema: Json| json!({"name": name, "in": "query", "required": false, "description": description, "schema": schema});
    let text = || json!({"type": "string"});
    match group {
        Parameters::N => vec![
            query("name", "Name of the entity.", text()),
            query("externalId", "Id of the entity in another system.", text()),
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
                query("name", "What the metric's name contains.", text()),
                query("stepIds", "Only these steps, between commas.", steps),
            ]
        }
    }
}

fn schemas(edition: Edition) -> serde_json::Map<String, Json> {
    let mut schemas = serde_json::Map::new();
    let mut add = |name: &str, schema: Json| schemas.insert(name.to_owned(), schema);
    for entity in ALL {
        add(entity.schema, whole(entity, edition));
        add(&format!("{}Create", entity.schema), create(entity, edition));
        add(&format!("{}Update", entity.schema), update(entity, edition));
        add(&format!("{}List", entity.schema), list(entity.schema));
        for member in entity.members {
            match member.shape {
                Shape::Enum(name, values) => {
                    add(name, json!({"type": "string", "enum": values, "default": values.first()}));
                }
                Shape::State(name, states) => {
                    let names: Vec<_> = states.iter().map(|(name, _)| *name).collect();
                    add(name, json!({"type": "string", "enum": names, "default": names.first()}));
                }
                Shape::Text | Shape::TextList | Shape::Id | Shape::Double | Shape::Int | Shape::Millis => {}
            }
        }
    }
    let artifact_types: Vec<_> = artifacts().filter_map(|entity| entity.artifact_type).collect();
    add("ArtifactTypeQueryParam", json!({"type": "string", "enum": artifact_types}));
    for suffix in ["", "Create", "Update"] {
        add(&format!("Artifact{suffix}"), one_of(suffix));
    }
    add("ArtifactList", list("Artifact"));
    let order_by = json!({
        "type": "string",
        "enum": ["CREATE_TIME", "LAST_UPDATE_TIME", "ID", "NAME"],
        EXTENSION: ["NAME"],
    });
    add("OrderByField", order_by);
    add("SortOrder", json!({"type": "string", "enum": ["ASC", "DESC"]}));
    let error = json!({
        "type": "object",
        "required": ["code", "message"],
        "properties": {
            "code": {"type": "string", "description": "The status's reason phrase."},
            "message": {"type": "string", "description": "What was wrong."},
        },
    });
    add("Error", error);
    for (name, schema) in metadata_values() {
        add(name, schema);
    }
    schemas
}

/// Marks what upstream does not have.
const EXTENSION: &str = "x-modelport-extension";

fn extension(mut what: Json) -> Json {
    if let Some(members) = what.as_object_mut() {
        members.insert(EXTENSION.to_owned(), true.into());
    }
    what
}

fn reference(name: &str) -> Json {
    json!({"$ref": format!("#/components/schemas/{name}")})
}

fn list(item: &str) -> Json {
    json!({
        "type": "object",
        "required": ["items", "nextPageToken", "pageSize", "size"],
        "properties": {
            "items": {"type": "array", "items": reference(item)},
            "nextPageToken": {"type": "string", "description": "Continues the list; empty at its end."},
            "pageSize": {"type": "integer", "format": "int32", "description": "How many items a page has; 0 for all."},
            "size": {"type": "integer", "format": "int32", "description": "How many items this page has."},
            "totalSize": extension(json!({
                "type": "integer",
                "format": "int64",
                "description": "How many items all pages have; there when it was asked for with `totals`.",
            })),
        },
    })
}

fn one_of(suffix: &str) -> Json {
    let artifacts = artifacts().filter_map(|entity| Some((entity.artifact_type?, entity.schema)));
    let mapping: std::collections::BTreeMap<_, _> =
        artifacts.clone().map(|(kind, schema)| (kind, format!("#/components/schemas/{schema}{suffix}"))).collect();
    let schemas: Vec<_> = artifacts.map(|(_, schema)| reference(&format!("{schema}{suffix}"))).collect();
    json!({"oneOf": schemas, "discriminator": {"propertyName": "artifactType", "mapping": mapping}})
}

fn member(member: &Member, edition: Edition) -> Json {
    let described = |mut schema: Json| {
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".to_owned(), member.description.into());
        }
        schema
    };
    // What may be given may be cleared with null.
    let clearable = |kind: &str| if member.given == Given::Always { json!([kind, "null"]) } else { kind.into() };
    match member.shape {
        Shape::Text => described(json!({"type": clearable("string")})),
        Shape::TextList => described(json!({"type": clearable("array"), "items": {"type": "string"}})),
        Shape::Enum(name, _) | Shape::State(name, _) => json!({"oneOf": [reference(name), {"type": "null"}]}),
        Shape::Id => described(json!({"type": clearable("string"), "pattern": ID})),
        Shape::Double => described(json!({"type": clearable("number"), "format": "double"})),
        Shape::Int if edition == Edition::V1 => described(json!({"type": clearable("string"), "format": "int64"})),
        Shape::Int => described(json!({"type": clearable("integer"), "format": "int64"})),
        Shape::Millis => described(json!({"type": clearable("string"), "format": "int64"})),
    }
}

fn object(entity: &Entity, properties: Vec<(&str, Json)>, required: &[&str], closed: bool) -> Json {
    let mut all: serde_json::Map<String, Json> =
        properties.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    all.insert("description".to_owned(), json!({"type": ["string", "null"], "description": "What it is."}));
    all.insert(
        "externalId".to_owned(),
        json!({"type": ["string", "null"], "description": "Its id in another system, unique."}),
    );
    all.insert(
        "customProperties".to_owned(),
        json!({
            "type": ["object", "null"],
            "description": "Free properties by name.",
            "additionalProperties": reference("MetadataValue"),
        }),
    );
    if let Some(artifact_type) = entity.artifact_type {
        all.insert(
            "artifactType".to_owned(),
            json!({"type": "string", "enum": [artifact_type], "default": artifact_type}),
        );
    }
    let mut schema = json!({"type": "object", "properties": all});
    if let Some(schema) = schema.as_object_mut() {
        if !required.is_empty() {
            schema.insert("required".to_owned(), required.into());
        }
        if closed {
            schema.insert("additionalProperties".to_owned(), false.into());
        }
    }
    schema
}

fn name(entity: &Entity) -> (&'static str, Json) {
    let schema = if entity.name_required {
        json!({"type": "string", "minLength": 1, "description": "Its name."})
    } else {
        json!({"type": ["string", "null"], "description": "Its name; a UUID stands in when there is none."})
    };
    ("name", schema)
}

fn whole(entity: &Entity, edition: Edition) -> Json {
    let mut properties: Vec<_> = entity.members.iter().map(|each| (each.name, member(each, edition))).collect();
    properties.push(name(entity));
    properties.push(("id", json!({"type": "string", "description": "Its id, given by the server."})));
    for time in ["createTimeSinceEpoch", "lastUpdateTimeSinceEpoch"] {
        let description = "Milliseconds since the epoch, given by the server.";
        let schema = json!({"type": "string", "format": "int64", "readOnly": true, "description": description});
        properties.push((time, schema));
    }
    let mut required = entity.required();
    required.extend(entity.artifact_type.map(|_| "artifactType"));
    object(entity, properties, &required, false)
}

fn create(entity: &Entity, edition: Edition) -> Json {
    let members = entity.members.iter().filter(|each| each.given != Given::Never);
    let mut properties: Vec<_> = members.map(|each| (each.name, member(each, edition))).collect();
    properties.push(name(entity));
    object(entity, properties, &entity.required(), true)
}

fn update(entity: &Entity, edition: Edition) -> Json {
    let members = entity.members.iter().filter(|each| each.given == Given::Always);
    object(entity, members.map(|each| (each.name, member(each, edition))).collect(), &[], true)
}

fn metadata_values() -> Vec<(&'static str, Json)> {
    let kinds = [
        ("MetadataStringValue", vec![("string_value", json!({"type": "string"}))]),
        ("MetadataIntValue", vec![("int_value", json!({"type": "string", "format": "int64"}))]),
        ("MetadataDoubleValue", vec![("double_value", json!({"type": "number", "format": "double"}))]),
        ("MetadataBoolValue", vec![("bool_value", json!({"type": "boolean"}))]),
        ("MetadataStructValue", vec![("struct_value", json!({"type": "string", "description": "Base64 of JSON."}))]),
        (
            "MetadataProtoValue",
            vec![
                ("type", json!({"type": "string", "minLength": 1, "description": "The URL of the message's type."})),
                ("proto_value", json!({"type": "string", "description": "Base64 of the message."})),
            ],
        ),
    ];
    let mapping: std::collections::BTreeMap<_, _> =
        kinds.iter().map(|(kind, _)| (*kind, format!("#/components/schemas/{kind}"))).collect();
    let any = json!({
        "oneOf": kinds.iter().map(|(kind, _)| reference(kind)).collect::<Vec<_>>(),
        "discriminator": {"propertyName": "metadataType", "mapping": mapping},
    });
    let mut schemas = vec![("MetadataValue", any)];
    for (kind, members) in kinds {
        let mut required = vec!["metadataType"];
        required.extend(members.iter().map(|(name, _)| *name));
        let mut properties: serde_json::Map<String, Json> =
            members.iter().map(|(name, schema)| ((*name).to_owned(), schema.clone())).collect();
        properties.insert("metadataType".to_owned(), json!({"type": "string", "enum": [kind]}));
        schemas.push((kind, json!({"type": "object", "required": required, "properties": properties})));
    }
    schemas
}

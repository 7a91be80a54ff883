//! The schemas of the OpenAPI document: upstream's names and members, drawn from the table of entities.

use serde_json::{Value as Json, json};

use super::Edition;
use super::entity::{ALL, Entity, Member, Mutability, WireType, artifacts};
use super::formats::{ID, ID_OR_EMPTY, bytes, filled, int64, int64_or_empty, map, name, number64, or_null, text};

/// Every schema of the document.
pub fn schemas(edition: Edition) -> serde_json::Map<String, Json> {
    let mut schemas = serde_json::Map::new();
    let mut add = |name: &str, schema: Json| schemas.insert(name.to_owned(), schema);
    for entity in ALL {
        add(entity.schema, full(entity, edition));
        add(&format!("{}Create", entity.schema), create(entity, edition));
        add(&format!("{}Update", entity.schema), update(entity, edition));
        add(&format!("{}List", entity.schema), list(entity.schema));
        for member in entity.members {
            match member.wire_type {
                WireType::Enum(name, values) => {
                    add(name, json!({"type": "string", "enum": values, "default": values.first()}));
                }
                WireType::State(name, states) => {
                    let names: Vec<_> = states.iter().map(|(name, _)| *name).collect();
                    add(name, json!({"type": "string", "enum": names, "default": names.first()}));
                }
                WireType::Text
                | WireType::TextList
                | WireType::Id
                | WireType::Double
                | WireType::Int
                | WireType::Millis => {}
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
    for (name, schema) in aliases().into_iter().chain(metadata_values()) {
        add(name, schema);
    }
    schemas
}

/// Marks what upstream does not have.
const EXTENSION: &str = "x-modelport-extension";

/// Says that upstream does not have it.
pub fn extension(mut what: Json) -> Json {
    if let Some(members) = what.as_object_mut() {
        members.insert(EXTENSION.to_owned(), true.into());
    }
    what
}

/// A reference to the schema of that name.
pub fn reference(name: &str) -> Json {
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
    json!({
        "type": "object",
        "required": ["artifactType"],
        "properties": {"artifactType": {"type": "string"}},
        "oneOf": schemas,
        "discriminator": {"propertyName": "artifactType", "mapping": mapping},
    })
}

fn member(member: &Member, edition: Edition) -> Json {
    let described = |schema| describe(schema, member.description);
    // What may be given may be cleared with null.
    let clearable =
        |schema: Json| described(if member.mutability == Mutability::Mutable { or_null(schema) } else { schema });
    match member.wire_type {
        WireType::Text => clearable(text()),
        WireType::TextList => clearable(json!({"type": "array", "items": text()})),
        WireType::Enum(name, _) | WireType::State(name, _) => json!({"oneOf": [reference(name), {"type": "null"}]}),
        WireType::Id if member.mutability == Mutability::ReadOnly => {
            read_only(described(json!({"type": "string", "pattern": ID})))
        }
        WireType::Id => clearable(json!({"type": "string", "pattern": ID})),
        WireType::Double => clearable(json!({"type": "number", "format": "double"})),
        WireType::Int if edition == Edition::V1 => clearable(int64_or_empty()),
        WireType::Int => clearable(number64()),
        WireType::Millis => clearable(int64_or_empty()),
    }
}

fn read_only(mut schema: Json) -> Json {
    if let Some(object) = schema.as_object_mut() {
        object.insert("readOnly".to_owned(), true.into());
    }
    schema
}

fn describe(mut schema: Json, description: &str) -> Json {
    if let Some(object) = schema.as_object_mut() {
        object.insert("description".to_owned(), description.into());
    }
    schema
}

fn object(entity: &Entity, properties: Vec<(&str, Json)>, required: &[&str], closed: bool) -> Json {
    let mut all: serde_json::Map<String, Json> =
        properties.into_iter().map(|(name, schema)| (name.to_owned(), schema)).collect();
    all.insert("description".to_owned(), describe(or_null(text()), "What it is."));
    all.insert("externalId".to_owned(), describe(or_null(name()), "Its id in another system, unique."));
    let custom = or_null(map(reference("MetadataValue")));
    all.insert("customProperties".to_owned(), describe(custom, "Free properties by name."));
    if let Some(artifact_type) = entity.artifact_type {
        // Where the path says it too it may be left out; where it tells artifacts apart, that is said there.
        let schema = if required.contains(&"artifactType") {
            json!({"type": "string", "enum": [artifact_type], "default": artifact_type})
        } else {
            json!({"type": ["string", "null"], "enum": [artifact_type, null], "default": artifact_type})
        };
        all.insert("artifactType".to_owned(), schema);
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

fn name_of(entity: &Entity) -> (&'static str, Json) {
    let schema = if entity.name_required {
        describe(filled(name()), "Its name.")
    } else {
        describe(or_null(name()), "Its name; a UUID is generated when it is absent.")
    };
    ("name", schema)
}

fn full(entity: &Entity, edition: Edition) -> Json {
    let mut properties: Vec<_> = entity.members.iter().map(|each| (each.name, member(each, edition))).collect();
    properties.push(name_of(entity));
    let id = json!({"type": ["string", "null"], "pattern": ID_OR_EMPTY});
    properties.push(("id", describe(id, "Its id, given by the server; in a body, that of the one to be changed.")));
    for time in ["createTimeSinceEpoch", "lastUpdateTimeSinceEpoch"] {
        let description = "Milliseconds since the epoch, given by the server.";
        properties.push((time, read_only(describe(int64(), description))));
    }
    let mut required = entity.required();
    required.extend(entity.artifact_type.map(|_| "artifactType"));
    object(entity, properties, &required, false)
}

fn create(entity: &Entity, edition: Edition) -> Json {
    let members = entity.members.iter().filter(|each| each.mutability != Mutability::ReadOnly);
    let mut properties: Vec<_> = members.map(|each| (each.name, member(each, edition))).collect();
    properties.push(name_of(entity));
    object(entity, properties, &entity.required(), entity.artifact_type.is_none())
}

fn update(entity: &Entity, edition: Edition) -> Json {
    let members = entity.members.iter().filter(|each| each.mutability == Mutability::Mutable);
    object(
        entity,
        members.map(|each| (each.name, member(each, edition))).collect(),
        &[],
        entity.artifact_type.is_none(),
    )
}

fn aliases() -> Vec<(&'static str, Json)> {
    let version = json!({"type": "string", "pattern": ID, "description": "Id of the version that it points at."});
    let alias = json!({
        "type": "object",
        "required": ["name", "modelVersionId"],
        "properties": {
            "name": {"type": "string", "description": "The alias."},
            "modelVersionId": version,
        },
    });
    let update = json!({
        "type": "object",
        "required": ["modelVersionId"],
        "properties": {"modelVersionId": version},
        "additionalProperties": false,
    });
    let mut list = list("Alias");
    if let Some(members) = list.pointer_mut("/properties").and_then(Json::as_object_mut) {
        members.remove("totalSize");
    }
    vec![("Alias", extension(alias)), ("AliasUpdate", extension(update)), ("AliasList", extension(list))]
}

fn metadata_values() -> Vec<(&'static str, Json)> {
    let kinds = [
        ("MetadataStringValue", vec![("string_value", text())]),
        ("MetadataIntValue", vec![("int_value", int64())]),
        ("MetadataDoubleValue", vec![("double_value", json!({"type": "number", "format": "double"}))]),
        ("MetadataBoolValue", vec![("bool_value", json!({"type": "boolean"}))]),
        ("MetadataStructValue", vec![("struct_value", describe(bytes(Some("application/json")), "Base64 of JSON."))]),
        (
            "MetadataProtoValue",
            vec![
                ("type", describe(filled(text()), "The URL of the message's type.")),
                ("proto_value", describe(bytes(None), "Base64 of the message.")),
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

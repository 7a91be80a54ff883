//! The OpenAPI document: upstream's operation ids, parameters and schema names; the schemas are drawn from the tables.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use utoipa::openapi::path::{Operation, ParameterIn};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::SchemaType;
use utoipa::openapi::{ContentBuilder, ObjectBuilder, Ref, RefOr, Required, Schema, Type};
use utoipa::{IntoResponses, Modify, OpenApi};

use super::entity::{ALL, Entity, Member, Shape, Slot};
use super::{model_artifacts, model_versions, registered_models};
use crate::domain::ArtifactState;

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Kubeflow Model Registry REST API",
        version = "v1alpha3",
        description = "The registry as Kubeflow's clients know it."
    ),
    nest((path = super::PREFIX, api = Operations)),
    modifiers(&Schemas)
)]
pub struct Document;

#[derive(OpenApi)]
#[openapi(paths(
    model_artifacts::find_model_artifact,
    model_artifacts::get_model_artifacts,
    model_artifacts::create_model_artifact,
    model_artifacts::get_model_artifact,
    model_artifacts::update_model_artifact,
    model_versions::find_model_version,
    model_versions::get_model_versions,
    model_versions::create_model_version,
    model_versions::get_model_version,
    model_versions::update_model_version,
    model_versions::get_model_version_artifacts,
    model_versions::upsert_model_version_artifact,
    registered_models::find_registered_model,
    registered_models::get_registered_models,
    registered_models::create_registered_model,
    registered_models::get_registered_model,
    registered_models::update_registered_model,
    registered_models::get_registered_model_versions,
    registered_models::create_registered_model_version,
))]
struct Operations;

macro_rules! errors {
    ($($(#[$doc:meta])* $name:ident: $($status:literal $what:literal),*;)*) => {$(
        $(#[$doc])*
        pub struct $name;

        impl IntoResponses for $name {
            fn responses() -> BTreeMap<String, RefOr<Response>> {
                [$(($status, $what)),*, ("500", "A fault of the server."), ("503", "The database cannot be used now.")]
                    .into_iter()
                    .map(|(status, what)| (status.to_owned(), RefOr::T(error(what))))
                    .collect()
            }
        }
    )*};
}

errors! {
    /// The errors of a read.
    ReadErrors: "400" "A parameter cannot be accepted.", "404" "Not found.";
    /// The errors of a creation.
    CreateErrors: "400" "The body cannot be accepted.", "409" "The name or external id is taken.",
        "413" "The body is too large.", "422" "A required member is missing.";
    /// The errors of a creation below a parent.
    NestedCreateErrors: "400" "The body cannot be accepted.", "404" "The parent is not found.",
        "409" "The name or external id is taken.", "413" "The body is too large.",
        "422" "A required member is missing.";
    /// The errors of a change.
    UpdateErrors: "400" "The body cannot be accepted.", "404" "Not found.", "409" "The external id is taken.",
        "412" "Changed since the revision in If-Match.", "413" "The body is too large.";
}

fn error(description: &str) -> Response {
    let content = ContentBuilder::new().schema(Some(Ref::from_schema_name("Error"))).build();
    ResponseBuilder::new().description(description).content("application/json", content).build()
}

/// What an id looks like: a positive integer of 64 bits.
const ID: &str = "^[1-9][0-9]{0,18}$";

/// Adds what the annotations of the handlers cannot say: that a body must be there, and what an id looks like.
fn complete(operation: &mut Operation) {
    if let Some(RefOr::T(body)) = &mut operation.request_body {
        body.required = Some(Required::True);
    }
    for parameter in operation.parameters.iter_mut().flatten() {
        if let RefOr::T(parameter) = parameter
            && parameter.parameter_in == ParameterIn::Path
        {
            let schema = ObjectBuilder::new().schema_type(SchemaType::new(Type::String)).pattern(Some(ID));
            parameter.schema = Some(schema.into());
        }
    }
}

struct Schemas;

impl Modify for Schemas {
    fn modify(&self, document: &mut utoipa::openapi::OpenApi) {
        for path in document.paths.paths.values_mut() {
            [&mut path.get, &mut path.post, &mut path.patch].into_iter().flatten().for_each(complete);
        }
        let components = document.components.get_or_insert_default();
        let mut add = |name: &str, schema: Json| {
            let schema: Schema = serde_json::from_value(schema).unwrap_or_else(|error| unreadable(name, &error));
            components.schemas.insert(name.to_owned(), RefOr::T(schema));
        };
        for entity in ALL {
            add(entity.schema, whole(entity));
            add(&format!("{}Create", entity.schema), create(entity));
            add(&format!("{}Update", entity.schema), update(entity));
            add(&format!("{}List", entity.schema), list(entity.schema));
            for member in entity.members {
                if let Shape::Enum(name, values) = member.shape {
                    add(name, json!({"type": "string", "enum": values, "default": values.first()}));
                }
            }
        }
        let states: Vec<_> = ArtifactState::ALL.into_iter().map(|(_, name)| name).collect();
        add("ArtifactState", json!({"type": "string", "enum": states, "default": "UNKNOWN"}));
        let artifact_types: Vec<_> = ALL.into_iter().filter_map(|entity| entity.artifact_type).collect();
        add("ArtifactTypeQueryParam", json!({"type": "string", "enum": artifact_types}));
        add("Artifact", one_of(""));
        add("ArtifactList", list("Artifact"));
        add("OrderByField", json!({"type": "string", "enum": ["CREATE_TIME", "LAST_UPDATE_TIME", "ID"]}));
        add("SortOrder", json!({"type": "string", "enum": ["ASC", "DESC"]}));
        add(
            "Error",
            json!({
                "type": "object",
                "required": ["code", "message"],
                "properties": {
                    "code": {"type": "string", "description": "The status's reason phrase."},
                    "message": {"type": "string", "description": "What was wrong."},
                },
            }),
        );
        for (name, schema) in metadata_values() {
            add(name, schema);
        }
    }
}

/// The tables are fixed at compile time and every test that asks for the document passes here.
fn unreadable(name: &str, error: &serde_json::Error) -> Schema {
    log::error!("schema `{name}` cannot be read: {error}");
    Schema::default()
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
        },
    })
}

fn one_of(suffix: &str) -> Json {
    let artifacts = ALL.into_iter().filter_map(|entity| Some((entity.artifact_type?, entity.schema)));
    let mapping: BTreeMap<_, _> =
        artifacts.clone().map(|(kind, schema)| (kind, format!("#/components/schemas/{schema}{suffix}"))).collect();
    let schemas: Vec<_> = artifacts.map(|(_, schema)| reference(&format!("{schema}{suffix}"))).collect();
    json!({"oneOf": schemas, "discriminator": {"propertyName": "artifactType", "mapping": mapping}})
}

fn member(member: &Member) -> Json {
    let described = |mut schema: Json| {
        if let Some(object) = schema.as_object_mut() {
            object.insert("description".to_owned(), member.description.into());
        }
        schema
    };
    match member.shape {
        Shape::Text => described(json!({"type": ["string", "null"]})),
        Shape::TextList => described(json!({"type": ["array", "null"], "items": {"type": "string"}})),
        Shape::Enum(name, _) => json!({"oneOf": [reference(name), {"type": "null"}]}),
        Shape::ArtifactState => json!({"oneOf": [reference("ArtifactState"), {"type": "null"}]}),
        Shape::Id => described(json!({"type": "string", "pattern": ID})),
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

fn required(entity: &Entity) -> Vec<&'static str> {
    let name = entity.name_required.then_some("name");
    name.into_iter().chain(entity.home().map(|home| home.name)).collect()
}

fn whole(entity: &Entity) -> Json {
    let mut properties: Vec<_> = entity.members.iter().map(|each| (each.name, member(each))).collect();
    properties.push(name(entity));
    properties.push(("id", json!({"type": "string", "description": "Its id, given by the server."})));
    for time in ["createTimeSinceEpoch", "lastUpdateTimeSinceEpoch"] {
        let description = "Milliseconds since the epoch, given by the server.";
        properties
            .push((time, json!({"type": "string", "format": "int64", "readOnly": true, "description": description})));
    }
    let mut required = required(entity);
    required.extend(entity.artifact_type.map(|_| "artifactType"));
    object(entity, properties, &required, false)
}

fn create(entity: &Entity) -> Json {
    let mut properties: Vec<_> = entity.members.iter().map(|each| (each.name, member(each))).collect();
    properties.push(name(entity));
    object(entity, properties, &required(entity), true)
}

fn update(entity: &Entity) -> Json {
    let members = entity.members.iter().filter(|each| each.slot != Slot::Home);
    object(entity, members.map(|each| (each.name, member(each))).collect(), &[], true)
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
    let mapping: BTreeMap<_, _> =
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

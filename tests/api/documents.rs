//! The OpenAPI documents: what they say, and that the app keeps it.

use std::collections::{BTreeMap, BTreeSet};

use actix_web::http::Method;
use insta::assert_json_snapshot;
use serde_json::Value;

use super::app::{TestApp, request};

async fn document(app: &TestApp, name: &str) -> Value {
    app.get(&format!("/docs/{name}.json")).await.expect(200).json()
}

/// Every operation: path, method in capitals, and what the document says of it.
fn operations(document: &Value) -> Vec<(&str, String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, item)| {
            item.as_object()
                .unwrap()
                .iter()
                .map(move |(method, operation)| (path.as_str(), method.to_uppercase(), operation))
        })
        .collect()
}

#[actix_web::test]
async fn the_documents() {
    let app = TestApp::new().await;
    for name in ["kubeflow", "native"] {
        assert_json_snapshot!(name, document(&app, name).await, {".info.version" => "[version]"});
    }
}

/// The contract's table (§1.1): method, path, operation id, query parameters.
const OPERATIONS: [(&str, &str, &str, &str); 56] = [
    ("GET", "/artifact", "findArtifact", "N P"),
    ("GET", "/artifacts", "getArtifacts", "F L artifactType"),
    ("POST", "/artifacts", "createArtifact", ""),
    ("GET", "/artifacts/{id}", "getArtifact", ""),
    ("PATCH", "/artifacts/{id}", "updateArtifact", ""),
    ("GET", "/experiment", "findExperiment", "N"),
    ("GET", "/experiments", "getExperiments", "F L"),
    ("POST", "/experiments", "createExperiment", ""),
    ("GET", "/experiments/{experimentId}", "getExperiment", ""),
    ("PATCH", "/experiments/{experimentId}", "updateExperiment", ""),
    ("GET", "/experiments/{experimentId}/experiment_runs", "getExperimentExperimentRuns", "N F L"),
    ("POST", "/experiments/{experimentId}/experiment_runs", "createExperimentExperimentRun", ""),
    ("GET", "/experiment_run", "findExperimentRun", "N P"),
    ("GET", "/experiment_runs", "getExperimentRuns", "F L"),
    ("POST", "/experiment_runs", "createExperimentRun", ""),
    ("GET", "/experiment_runs/metric_history", "getExperimentRunsMetricHistory", "F L name stepIds"),
    ("GET", "/experiment_runs/{experimentrunId}", "getExperimentRun", ""),
    ("PATCH", "/experiment_runs/{experimentrunId}", "updateExperimentRun", ""),
    ("GET", "/experiment_runs/{experimentrunId}/artifacts", "getExperimentRunArtifacts", "N F L artifactType"),
    ("POST", "/experiment_runs/{experimentrunId}/artifacts", "upsertExperimentRunArtifact", ""),
    ("GET", "/experiment_runs/{experimentrunId}/metric_history", "getExperimentRunMetricHistory", "F L name stepIds"),
    ("GET", "/inference_service", "findInferenceService", "N P"),
    ("GET", "/inference_services", "getInferenceServices", "F L"),
    ("POST", "/inference_services", "createInferenceService", ""),
    ("GET", "/inference_services/{inferenceserviceId}", "getInferenceService", ""),
    ("PATCH", "/inference_services/{inferenceserviceId}", "updateInferenceService", ""),
    ("GET", "/inference_services/{inferenceserviceId}/model", "getInferenceServiceModel", ""),
    ("GET", "/inference_services/{inferenceserviceId}/version", "getInferenceServiceVersion", ""),
    ("GET", "/inference_services/{inferenceserviceId}/serves", "getInferenceServiceServes", "N F L"),
    ("POST", "/inference_services/{inferenceserviceId}/serves", "createInferenceServiceServe", ""),
    ("GET", "/model_artifact", "findModelArtifact", "N P"),
    ("GET", "/model_artifacts", "getModelArtifacts", "F L"),
    ("POST", "/model_artifacts", "createModelArtifact", ""),
    ("GET", "/model_artifacts/{modelartifactId}", "getModelArtifact", ""),
    ("PATCH", "/model_artifacts/{modelartifactId}", "updateModelArtifact", ""),
    ("GET", "/model_version", "findModelVersion", "N P"),
    ("GET", "/model_versions", "getModelVersions", "F L"),
    ("POST", "/model_versions", "createModelVersion", ""),
    ("GET", "/model_versions/{modelversionId}", "getModelVersion", ""),
    ("PATCH", "/model_versions/{modelversionId}", "updateModelVersion", ""),
    ("GET", "/model_versions/{modelversionId}/artifacts", "getModelVersionArtifacts", "N F L artifactType"),
    ("POST", "/model_versions/{modelversionId}/artifacts", "upsertModelVersionArtifact", ""),
    ("GET", "/registered_model", "findRegisteredModel", "N"),
    ("GET", "/registered_models", "getRegisteredModels", "F L"),
    ("POST", "/registered_models", "createRegisteredModel", ""),
    ("GET", "/registered_models/{registeredmodelId}", "getRegisteredModel", ""),
    ("PATCH", "/registered_models/{registeredmodelId}", "updateRegisteredModel", ""),
    ("GET", "/registered_models/{registeredmodelId}/versions", "getRegisteredModelVersions", "N F L"),
    ("POST", "/registered_models/{registeredmodelId}/versions", "createRegisteredModelVersion", ""),
    ("GET", "/serving_environment", "findServingEnvironment", "N"),
    ("GET", "/serving_environments", "getServingEnvironments", "F L"),
    ("POST", "/serving_environments", "createServingEnvironment", ""),
    ("GET", "/serving_environments/{servingenvironmentId}", "getServingEnvironment", ""),
    ("PATCH", "/serving_environments/{servingenvironmentId}", "updateServingEnvironment", ""),
    (
        "GET",
        "/serving_environments/{servingenvironmentId}/inference_services",
        "getEnvironmentInferenceServices",
        "N F L",
    ),
    (
        "POST",
        "/serving_environments/{servingenvironmentId}/inference_services",
        "createEnvironmentInferenceService",
        "",
    ),
];

fn expand(sets: &str) -> BTreeSet<&str> {
    sets.split_whitespace()
        .flat_map(|set| match set {
            "N" => vec!["name", "externalId"],
            "P" => vec!["parentResourceId"],
            "F" => vec!["filterQuery"],
            "L" => vec!["pageSize", "orderBy", "sortOrder", "nextPageToken"],
            other => vec![other],
        })
        .collect()
}

/// What marks parameters, members, values and operations that the contract does not have.
const EXTENSION: &str = "x-modelport-extension";

/// The names of an operation's parameters in that place, without the extensions.
fn parameters<'a>(operation: &'a Value, place: &str) -> BTreeSet<&'a str> {
    let all = operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
    let contract = all.iter().filter(|each| each.get(EXTENSION).is_none());
    contract.filter(|each| each["in"] == place).map(|each| each["name"].as_str().unwrap()).collect()
}

#[actix_web::test]
async fn the_kubeflow_document_has_the_operations_of_the_contract() {
    let app = TestApp::new().await;
    let document = document(&app, "kubeflow").await;
    let found: BTreeMap<_, _> = operations(&document)
        .into_iter()
        .filter(|(_, _, operation)| operation.get(EXTENSION).is_none())
        .map(|(path, method, operation)| {
            let path = path.strip_prefix(super::kubeflow::API).unwrap().to_owned();
            let id = operation["operationId"].as_str().unwrap().to_owned();
            ((path, method), (id, parameters(operation, "query")))
        })
        .collect();
    let expected: BTreeMap<_, _> = OPERATIONS
        .into_iter()
        .map(|(method, path, id, sets)| ((path.to_owned(), method.to_owned()), (id.to_owned(), expand(sets))))
        .collect();
    assert_eq!(found, expected);
    for (path, method, operation) in operations(&document) {
        let declared: BTreeSet<_> = operation["responses"].as_object().unwrap().keys().map(String::as_str).collect();
        assert!(declared.is_superset(&["400", "500", "503"].into()), "{method} {path}: {declared:?}");
        let segments = path.split(['{', '}']).skip(1).step_by(2).collect();
        assert_eq!(parameters(operation, "path"), segments, "{method} {path}");
    }
}

#[actix_web::test]
async fn the_kubeflow_schemas_have_the_members_of_the_stock_client() {
    let app = TestApp::new().await;
    let document = document(&app, "kubeflow").await;
    let names = |schema: &str| -> BTreeSet<String> {
        document["components"]["schemas"][schema]["properties"]
            .as_object()
            .unwrap()
            .iter()
            .filter(|(_, member)| member.get(EXTENSION).is_none())
            .map(|(name, _)| name.clone())
            .collect()
    };
    let update = "customProperties description externalId";
    let create = format!("{update} name");
    let whole = format!("{create} id createTimeSinceEpoch lastUpdateTimeSinceEpoch");
    let model = "readme maturity language tasks provider logo license licenseLink libraryName owner state";
    let artifact = "artifactType modelFormatName storageKey storagePath modelFormatVersion serviceAccountName \
        modelSourceKind modelSourceClass modelSourceGroup modelSourceId modelSourceName uri state";
    for (schema, common, own) in [
        ("RegisteredModel", whole.as_str(), model),
        ("RegisteredModelCreate", &create, model),
        ("RegisteredModelUpdate", update, model),
        ("ModelVersion", &whole, "state author registeredModelId"),
        ("ModelVersionCreate", &create, "state author registeredModelId"),
        ("ModelVersionUpdate", update, "state author"),
        ("ModelArtifact", &whole, artifact),
        ("ModelArtifactCreate", &create, artifact),
        ("ModelArtifactUpdate", update, artifact),
        ("RegisteredModelList", "items nextPageToken", "pageSize size"),
        ("Error", "code", "message"),
    ] {
        let expected: BTreeSet<_> =
            common.split_whitespace().chain(own.split_whitespace()).map(str::to_owned).collect();
        let mut found = names(schema);
        // The stock client's artifacts also name the run that they may belong to.
        found.retain(|name| !["experimentId", "experimentRunId"].contains(&name.as_str()));
        assert_eq!(found, expected, "{schema}");
    }
}

#[actix_web::test]
async fn the_app_has_every_operation_of_the_documents_and_no_other_method() {
    let app = TestApp::new().await;
    for name in ["kubeflow", "native"] {
        let document = document(&app, name).await;
        for path in document["paths"].as_object().unwrap().keys() {
            let declared: BTreeSet<_> =
                operations(&document).into_iter().filter(|each| each.0 == path).map(|each| each.1).collect();
            let concrete = path.split(['{', '}']).enumerate().map(|(at, part)| if at % 2 == 1 { "1" } else { part });
            let concrete: String = concrete.collect();
            let refused = app.send(request(Method::from_bytes(b"FROBNICATE").unwrap(), &concrete)).await.expect(405);
            let mut allowed: BTreeSet<_> =
                refused.header("allow").unwrap().split(',').map(|method| method.trim().to_owned()).collect();
            // OpenAPI's GET stands for HEAD as well.
            allowed.remove("HEAD");
            assert_eq!(allowed, declared, "{path}");
        }
    }
}

#[actix_web::test]
async fn the_native_document_has_the_errors_that_every_operation_may_answer() {
    let app = TestApp::new().await;
    let document = document(&app, "native").await;
    for (path, method, operation) in operations(&document) {
        let declared: BTreeSet<_> = operation["responses"].as_object().unwrap().keys().map(String::as_str).collect();
        assert!(declared.is_superset(&["400", "500", "503"].into()), "{method} {path}: {declared:?}");
        assert!(
            ["/changes", "/imports", "/register"].iter().any(|end| path.ends_with(end))
                || method == "OPTIONS"
                || declared.contains("404"),
            "{method} {path}: {declared:?}"
        );
    }
}

#[actix_web::test]
async fn every_operation_is_told_apart_and_described() {
    let app = TestApp::new().await;
    for name in ["kubeflow", "native"] {
        let document = document(&app, name).await;
        let mut ids = BTreeSet::new();
        for (path, method, operation) in operations(&document) {
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{method} {path}");
            assert!(operation["summary"].as_str().is_some_and(|summary| !summary.is_empty()), "{method} {path}");
        }
        let text = document.to_string();
        for (_, schema) in
            text.match_indices("\"#/components/schemas/").map(|(at, found)| (at, &text[at + found.len()..]))
        {
            let schema = schema.split('"').next().unwrap();
            assert!(document["components"]["schemas"].get(schema).is_some(), "no schema `{schema}`");
        }
    }
}

#[actix_web::test]
async fn the_extensions_of_the_kubeflow_api_are_marked() {
    let app = TestApp::new().await;
    let document = document(&app, "kubeflow").await;
    let found: BTreeSet<String> = operations(&document)
        .into_iter()
        .filter(|(_, _, operation)| operation[EXTENSION] == true)
        .map(|(path, method, _)| format!("{method} {}", path.strip_prefix(super::kubeflow::API).unwrap()))
        .collect();
    let expected = [
        "DELETE /artifacts/{id}",
        "DELETE /experiments/{experimentId}",
        "DELETE /experiment_runs/{experimentrunId}",
        "DELETE /inference_services/{inferenceserviceId}",
        "DELETE /model_artifacts/{modelartifactId}",
        "DELETE /model_versions/{modelversionId}",
        "DELETE /registered_models/{registeredmodelId}",
        "DELETE /serve_models/{servemodelId}",
        "DELETE /serving_environments/{servingenvironmentId}",
        "GET /registered_models/{registeredmodelId}/aliases",
        "GET /registered_models/{registeredmodelId}/aliases/{alias}",
        "PUT /registered_models/{registeredmodelId}/aliases/{alias}",
        "DELETE /registered_models/{registeredmodelId}/aliases/{alias}",
        "GET /model_versions/{modelversionId}/aliases",
    ];
    assert_eq!(found, expected.map(str::to_owned).into());
    let schemas = &document["components"]["schemas"];
    assert_eq!(schemas["OrderByField"][EXTENSION], serde_json::json!(["NAME"]));
    assert_eq!(schemas["ModelVersionList"]["properties"]["totalSize"][EXTENSION], true);
}

/// The media types of every body that is not JSON, with their schemas.
fn other_bodies<'a>(json: &'a Value, found: &mut Vec<(&'a str, &'a Value)>) {
    match json {
        Value::Object(members) => {
            if let Some(content) = members.get("content").and_then(Value::as_object) {
                let others = content.iter().filter(|(media_type, _)| !media_type.contains("json"));
                found.extend(others.map(|(media_type, body)| (media_type.as_str(), &body["schema"])));
            }
            members.values().for_each(|member| other_bodies(member, found));
        }
        Value::Array(items) => items.iter().for_each(|item| other_bodies(item, found)),
        _ => {}
    }
}

/// Clients made from a document that calls bytes a list of integers would send one.
#[actix_web::test]
async fn bytes_are_described_as_bytes() {
    let app = TestApp::new().await;
    let edge = app.send_edge(request(Method::GET, "/openapi.json")).await.expect(200).json();
    for (document, least) in [(document(&app, "native").await, 15), (edge, 1)] {
        let mut bodies = Vec::new();
        other_bodies(&document, &mut bodies);
        assert!(bodies.iter().all(|(_, schema)| !schema.to_string().contains("int32")), "{bodies:?}");
        let bytes = |(media_type, schema): &&(&str, &Value)| {
            schema["type"] == "string" && schema["format"] == "binary" && schema["contentMediaType"] == *media_type
        };
        assert!(bodies.iter().filter(bytes).count() >= least, "{bodies:?}");
    }
}

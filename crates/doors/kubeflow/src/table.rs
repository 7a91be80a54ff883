//! The API at a glance: its operations in upstream's order, and its extensions. Routes and document come from here.

use super::entity::{
    EXPERIMENT, EXPERIMENT_RUN, Entity, INFERENCE_SERVICE, MODEL_ARTIFACT, MODEL_VERSION, REGISTERED_MODEL,
    SERVE_MODEL, SERVING_ENVIRONMENT,
};

/// An operation.
#[derive(Debug)]
pub struct Operation {
    /// `GET`, `POST`, `PUT`, `PATCH` or `DELETE`.
    pub method: &'static str,
    /// Its path below the API's.
    pub path: &'static str,
    /// Upstream's operation id.
    pub id: &'static str,
    /// Its query parameters.
    pub query: &'static [Parameters],
    /// What it does.
    pub action: Action,
    /// The statuses that are documented, besides 401, 500 and 503.
    pub statuses: &'static [u16],
}

/// Groups of query parameters, with upstream's abbreviations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Parameters {
    /// `name` and `externalId`.
    N,
    /// `parentResourceId`.
    P,
    /// `filterQuery`.
    F,
    /// `pageSize`, `orderBy`, `sortOrder` and `nextPageToken`; and `totals`, an extension.
    L,
    /// `artifactType`.
    ArtifactType,
    /// `recursive`, of the removals.
    Recursive,
    /// `name`, which is contained in a metric's, and `stepIds`.
    Steps,
}

/// What an operation does, with what.
#[derive(Debug, Clone, Copy)]
pub enum Action {
    /// Finds one by name or external id.
    Find(&'static Entity),
    /// Lists all.
    List(&'static Entity),
    /// Creates one.
    Create(&'static Entity),
    /// Gets one by id.
    Get(&'static Entity),
    /// Changes one.
    Update(&'static Entity),
    /// Lists those in a parent.
    ListIn(&'static Entity, &'static Entity),
    /// Creates one in a parent from its `…Create` body.
    CreateIn(&'static Entity, &'static Entity),
    /// Creates one in a parent from its whole body, which may carry the id of one to be changed.
    UpsertIn(&'static Entity, &'static Entity),
    /// Finds an artifact of any type.
    FindArtifact,
    /// Lists artifacts of every type.
    ListArtifacts,
    /// Creates an artifact of the type that the body says.
    CreateArtifact,
    /// Gets an artifact of any type.
    GetArtifact,
    /// Changes an artifact of the type that the body says.
    UpdateArtifact,
    /// Lists the artifacts of a version or run.
    ListArtifactsIn(&'static Entity),
    /// Creates, changes or attaches an artifact of a version or run.
    UpsertArtifactIn(&'static Entity),
    /// The points of every run's metrics.
    MetricHistory,
    /// The points of a run's metrics.
    MetricHistoryOfRun,
    /// Removes one; an extension.
    Delete(&'static Entity),
    /// Removes an artifact of any type; an extension.
    DeleteArtifact,
    /// Lists the aliases of a model; an extension.
    ListAliases,
    /// Lists the aliases of a version; an extension.
    ListAliasesOfVersion,
    /// Gets the version that an alias points at; an extension.
    GetAlias,
    /// Points an alias at a version; an extension.
    SetAlias,
    /// Removes an alias; an extension.
    DeleteAlias,
    /// The model behind an inference service.
    InferenceModel,
    /// The version behind an inference service.
    InferenceVersion,
}

use Action::{
    Create, CreateArtifact, CreateIn, Delete, DeleteAlias, DeleteArtifact, Find, FindArtifact, Get, GetAlias,
    GetArtifact, InferenceModel, InferenceVersion, List, ListAliases, ListAliasesOfVersion, ListArtifacts,
    ListArtifactsIn, ListIn, MetricHistory, MetricHistoryOfRun, SetAlias, Update, UpdateArtifact, UpsertArtifactIn,
    UpsertIn,
};
use Parameters::{ArtifactType, F, L, N, P, Recursive, Steps};

const fn op(
    method: &'static str,
    path: &'static str,
    id: &'static str,
    query: &'static [Parameters],
    action: Action,
    statuses: &'static [u16],
) -> Operation {
    Operation { method, path, id, query, action, statuses }
}

const READ: &[u16] = &[200, 400, 404];
/// Of lists with nothing above them.
const LIST: &[u16] = &[200, 400];
/// Of what has nothing above it.
const CREATE_FIRST: &[u16] = &[201, 400, 409, 413, 422];
/// Of artifacts, which need no member.
const CREATE_ARTIFACT: &[u16] = &[201, 400, 409, 413];
const CREATE: &[u16] = &[201, 400, 404, 409, 413, 422];
const CREATE_OR_UPDATE: &[u16] = &[201, 400, 404, 409, 412, 413, 422];
const UPDATE: &[u16] = &[200, 400, 404, 409, 412, 413];
const DELETE: &[u16] = &[204, 400, 404, 409, 412];
const SET_ALIAS: &[u16] = &[200, 400, 404, 409, 413, 422];
const DELETE_ALIAS: &[u16] = &[204, 400, 404];
const UPSERT: &[u16] = &[200, 201, 400, 404, 409, 412, 413, 422];

/// The 56 operations.
#[rustfmt::skip]
pub static OPERATIONS: [Operation; 56] = [
    op("GET", "/artifact", "findArtifact", &[N, P], FindArtifact, READ),
    op("GET", "/artifacts", "getArtifacts", &[F, L, ArtifactType], ListArtifacts, LIST),
    op("POST", "/artifacts", "createArtifact", &[], CreateArtifact, CREATE_ARTIFACT),
    op("GET", "/artifacts/{id}", "getArtifact", &[], GetArtifact, READ),
    op("PATCH", "/artifacts/{id}", "updateArtifact", &[], UpdateArtifact, UPDATE),
    op("GET", "/experiment", "findExperiment", &[N], Find(&EXPERIMENT), READ),
    op("GET", "/experiments", "getExperiments", &[F, L], List(&EXPERIMENT), LIST),
    op("POST", "/experiments", "createExperiment", &[], Create(&EXPERIMENT), CREATE_FIRST),
    op("GET", "/experiments/{experimentId}", "getExperiment", &[], Get(&EXPERIMENT), READ),
    op("PATCH", "/experiments/{experimentId}", "updateExperiment", &[], Update(&EXPERIMENT), UPDATE),
    op("GET", "/experiments/{experimentId}/experiment_runs", "getExperimentExperimentRuns", &[N, F, L], ListIn(&EXPERIMENT, &EXPERIMENT_RUN), READ),
    op("POST", "/experiments/{experimentId}/experiment_runs", "createExperimentExperimentRun", &[], UpsertIn(&EXPERIMENT, &EXPERIMENT_RUN), CREATE_OR_UPDATE),
    op("GET", "/experiment_run", "findExperimentRun", &[N, P], Find(&EXPERIMENT_RUN), READ),
    op("GET", "/experiment_runs", "getExperimentRuns", &[F, L], List(&EXPERIMENT_RUN), LIST),
    op("POST", "/experiment_runs", "createExperimentRun", &[], Create(&EXPERIMENT_RUN), CREATE),
    op("GET", "/experiment_runs/metric_history", "getExperimentRunsMetricHistory", &[F, L, Steps], MetricHistory, LIST),
    op("GET", "/experiment_runs/{experimentrunId}", "getExperimentRun", &[], Get(&EXPERIMENT_RUN), READ),
    op("PATCH", "/experiment_runs/{experimentrunId}", "updateExperimentRun", &[], Update(&EXPERIMENT_RUN), UPDATE),
    op("GET", "/experiment_runs/{experimentrunId}/artifacts", "getExperimentRunArtifacts", &[N, F, L, ArtifactType], ListArtifactsIn(&EXPERIMENT_RUN), READ),
    op("POST", "/experiment_runs/{experimentrunId}/artifacts", "upsertExperimentRunArtifact", &[], UpsertArtifactIn(&EXPERIMENT_RUN), UPSERT),
    op("GET", "/experiment_runs/{experimentrunId}/metric_history", "getExperimentRunMetricHistory", &[F, L, Steps], MetricHistoryOfRun, READ),
    op("GET", "/inference_service", "findInferenceService", &[N, P], Find(&INFERENCE_SERVICE), READ),
    op("GET", "/inference_services", "getInferenceServices", &[F, L], List(&INFERENCE_SERVICE), LIST),
    op("POST", "/inference_services", "createInferenceService", &[], Create(&INFERENCE_SERVICE), CREATE),
    op("GET", "/inference_services/{inferenceserviceId}", "getInferenceService", &[], Get(&INFERENCE_SERVICE), READ),
    op("PATCH", "/inference_services/{inferenceserviceId}", "updateInferenceService", &[], Update(&INFERENCE_SERVICE), UPDATE),
    op("GET", "/inference_services/{inferenceserviceId}/model", "getInferenceServiceModel", &[], InferenceModel, READ),
    op("GET", "/inference_services/{inferenceserviceId}/version", "getInferenceServiceVersion", &[], InferenceVersion, READ),
    op("GET", "/inference_services/{inferenceserviceId}/serves", "getInferenceServiceServes", &[N, F, L], ListIn(&INFERENCE_SERVICE, &SERVE_MODEL), READ),
    op("POST", "/inference_services/{inferenceserviceId}/serves", "createInferenceServiceServe", &[], CreateIn(&INFERENCE_SERVICE, &SERVE_MODEL), CREATE),
    op("GET", "/model_artifact", "findModelArtifact", &[N, P], Find(&MODEL_ARTIFACT), READ),
    op("GET", "/model_artifacts", "getModelArtifacts", &[F, L], List(&MODEL_ARTIFACT), LIST),
    op("POST", "/model_artifacts", "createModelArtifact", &[], Create(&MODEL_ARTIFACT), CREATE_ARTIFACT),
    op("GET", "/model_artifacts/{modelartifactId}", "getModelArtifact", &[], Get(&MODEL_ARTIFACT), READ),
    op("PATCH", "/model_artifacts/{modelartifactId}", "updateModelArtifact", &[], Update(&MODEL_ARTIFACT), UPDATE),
    op("GET", "/model_version", "findModelVersion", &[N, P], Find(&MODEL_VERSION), READ),
    op("GET", "/model_versions", "getModelVersions", &[F, L], List(&MODEL_VERSION), LIST),
    op("POST", "/model_versions", "createModelVersion", &[], Create(&MODEL_VERSION), CREATE),
    op("GET", "/model_versions/{modelversionId}", "getModelVersion", &[], Get(&MODEL_VERSION), READ),
    op("PATCH", "/model_versions/{modelversionId}", "updateModelVersion", &[], Update(&MODEL_VERSION), UPDATE),
    op("GET", "/model_versions/{modelversionId}/artifacts", "getModelVersionArtifacts", &[N, F, L, ArtifactType], ListArtifactsIn(&MODEL_VERSION), READ),
    op("POST", "/model_versions/{modelversionId}/artifacts", "upsertModelVersionArtifact", &[], UpsertArtifactIn(&MODEL_VERSION), UPSERT),
    op("GET", "/registered_model", "findRegisteredModel", &[N], Find(&REGISTERED_MODEL), READ),
    op("GET", "/registered_models", "getRegisteredModels", &[F, L], List(&REGISTERED_MODEL), LIST),
    op("POST", "/registered_models", "createRegisteredModel", &[], Create(&REGISTERED_MODEL), CREATE_FIRST),
    op("GET", "/registered_models/{registeredmodelId}", "getRegisteredModel", &[], Get(&REGISTERED_MODEL), READ),
    op("PATCH", "/registered_models/{registeredmodelId}", "updateRegisteredModel", &[], Update(&REGISTERED_MODEL), UPDATE),
    op("GET", "/registered_models/{registeredmodelId}/versions", "getRegisteredModelVersions", &[N, F, L], ListIn(&REGISTERED_MODEL, &MODEL_VERSION), READ),
    op("POST", "/registered_models/{registeredmodelId}/versions", "createRegisteredModelVersion", &[], UpsertIn(&REGISTERED_MODEL, &MODEL_VERSION), CREATE_OR_UPDATE),
    op("GET", "/serving_environment", "findServingEnvironment", &[N], Find(&SERVING_ENVIRONMENT), READ),
    op("GET", "/serving_environments", "getServingEnvironments", &[F, L], List(&SERVING_ENVIRONMENT), LIST),
    op("POST", "/serving_environments", "createServingEnvironment", &[], Create(&SERVING_ENVIRONMENT), CREATE_FIRST),
    op("GET", "/serving_environments/{servingenvironmentId}", "getServingEnvironment", &[], Get(&SERVING_ENVIRONMENT), READ),
    op("PATCH", "/serving_environments/{servingenvironmentId}", "updateServingEnvironment", &[], Update(&SERVING_ENVIRONMENT), UPDATE),
    op("GET", "/serving_environments/{servingenvironmentId}/inference_services", "getEnvironmentInferenceServices", &[N, F, L], ListIn(&SERVING_ENVIRONMENT, &INFERENCE_SERVICE), READ),
    op("POST", "/serving_environments/{servingenvironmentId}/inference_services", "createEnvironmentInferenceService", &[], CreateIn(&SERVING_ENVIRONMENT, &INFERENCE_SERVICE), CREATE),
];

/// What the contract does not have. The document marks it as ours.
#[rustfmt::skip]
pub static EXTENSIONS: [Operation; 14] = [
    op("DELETE", "/artifacts/{id}", "deleteArtifact", &[Recursive], DeleteArtifact, DELETE),
    op("DELETE", "/experiments/{experimentId}", "deleteExperiment", &[Recursive], Delete(&EXPERIMENT), DELETE),
    op("DELETE", "/experiment_runs/{experimentrunId}", "deleteExperimentRun", &[Recursive], Delete(&EXPERIMENT_RUN), DELETE),
    op("DELETE", "/inference_services/{inferenceserviceId}", "deleteInferenceService", &[Recursive], Delete(&INFERENCE_SERVICE), DELETE),
    op("DELETE", "/model_artifacts/{modelartifactId}", "deleteModelArtifact", &[Recursive], Delete(&MODEL_ARTIFACT), DELETE),
    op("DELETE", "/model_versions/{modelversionId}", "deleteModelVersion", &[Recursive], Delete(&MODEL_VERSION), DELETE),
    op("DELETE", "/registered_models/{registeredmodelId}", "deleteRegisteredModel", &[Recursive], Delete(&REGISTERED_MODEL), DELETE),
    op("DELETE", "/serve_models/{servemodelId}", "deleteServeModel", &[Recursive], Delete(&SERVE_MODEL), DELETE),
    op("DELETE", "/serving_environments/{servingenvironmentId}", "deleteServingEnvironment", &[Recursive], Delete(&SERVING_ENVIRONMENT), DELETE),
    op("GET", "/registered_models/{registeredmodelId}/aliases", "getRegisteredModelAliases", &[], ListAliases, READ),
    op("GET", "/registered_models/{registeredmodelId}/aliases/{alias}", "getRegisteredModelAlias", &[], GetAlias, READ),
    op("PUT", "/registered_models/{registeredmodelId}/aliases/{alias}", "setRegisteredModelAlias", &[], SetAlias, SET_ALIAS),
    op("DELETE", "/registered_models/{registeredmodelId}/aliases/{alias}", "deleteRegisteredModelAlias", &[], DeleteAlias, DELETE_ALIAS),
    op("GET", "/model_versions/{modelversionId}/aliases", "getModelVersionAliases", &[], ListAliasesOfVersion, READ),
];

/// The contract's operations and then the extensions.
pub fn all() -> impl Iterator<Item = &'static Operation> {
    OPERATIONS.iter().chain(&EXTENSIONS)
}

impl Operation {
    /// The name of the id in its path.
    pub fn path_parameter(&self) -> Option<&'static str> {
        self.path_parameters().next()
    }

    /// The names of the segments of its path that are given: the id, and an alias after it.
    pub fn path_parameters(&self) -> impl Iterator<Item = &'static str> + use<> {
        self.path.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
    }
}

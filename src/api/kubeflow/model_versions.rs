//! The operations on model versions (contracts/kubeflow §1.1, 36 to 42).

use actix_web::web::{Bytes, Path};
use actix_web::{HttpRequest, web};

use super::document::{NestedCreateErrors, ReadErrors, UpdateErrors};
use super::entity::{MODEL_ARTIFACT, MODEL_VERSION};
use super::error::{Answer, KubeflowError};
use super::operations;
use super::query::{ArtifactTypeParams, ListParams, NameParams, ParentParams, Query};
use crate::api::caller::Caller;
use crate::domain::Error;
use crate::registry::Selection;

/// Finds a model version by name and parent, or by external id.
#[utoipa::path(
    get, path = "/model_version", operation_id = "findModelVersion", tag = super::TAG,
    params(NameParams, ParentParams),
    responses((status = 200, description = "The model version.", body = ref("#/components/schemas/ModelVersion")), ReadErrors),
)]
pub async fn find_model_version(caller: Caller, query: Query) -> Answer {
    operations::find(&caller, &MODEL_VERSION, &query).await
}

/// Lists the model versions of all models.
#[utoipa::path(
    get, path = "/model_versions", operation_id = "getModelVersions", tag = super::TAG,
    params(ListParams),
    responses((status = 200, description = "A page.", body = ref("#/components/schemas/ModelVersionList")), ReadErrors),
)]
pub async fn get_model_versions(caller: Caller, query: Query) -> Answer {
    operations::list(&caller, &MODEL_VERSION, &query, Selection::of(MODEL_VERSION.logical)).await
}

/// Creates a model version.
#[utoipa::path(
    post, path = "/model_versions", operation_id = "createModelVersion", tag = super::TAG,
    request_body = ref("#/components/schemas/ModelVersionCreate"),
    responses((status = 201, description = "Created.", body = ref("#/components/schemas/ModelVersion")), NestedCreateErrors),
)]
pub async fn create_model_version(caller: Caller, body: Bytes) -> Answer {
    operations::create(&caller, &MODEL_VERSION, &body).await
}

/// Gets a model version.
#[utoipa::path(
    get, path = "/model_versions/{modelversionId}", operation_id = "getModelVersion", tag = super::TAG,
    params(("modelversionId" = String, Path, description = "Id of the model version.")),
    responses((status = 200, description = "The model version.", body = ref("#/components/schemas/ModelVersion")), ReadErrors),
)]
pub async fn get_model_version(caller: Caller, id: Path<String>) -> Answer {
    operations::get(&caller, &MODEL_VERSION, &id).await
}

/// Changes a model version.
#[utoipa::path(
    patch, path = "/model_versions/{modelversionId}", operation_id = "updateModelVersion", tag = super::TAG,
    params(("modelversionId" = String, Path, description = "Id of the model version.")),
    request_body = ref("#/components/schemas/ModelVersionUpdate"),
    responses((status = 200, description = "Changed.", body = ref("#/components/schemas/ModelVersion")), UpdateErrors),
)]
pub async fn update_model_version(caller: Caller, id: Path<String>, request: HttpRequest, body: Bytes) -> Answer {
    operations::update(&caller, &MODEL_VERSION, &id, request.headers(), &body).await
}

/// Lists the artifacts of a model version. Model artifacts are the only ones so far.
#[utoipa::path(
    get, path = "/model_versions/{modelversionId}/artifacts", operation_id = "getModelVersionArtifacts",
    tag = super::TAG,
    params(
        ("modelversionId" = String, Path, description = "Id of the model version."),
        NameParams, ListParams, ArtifactTypeParams,
    ),
    responses((status = 200, description = "A page.", body = ref("#/components/schemas/ArtifactList")), ReadErrors),
)]
pub async fn get_model_version_artifacts(caller: Caller, id: Path<String>, query: Query) -> Answer {
    check_artifact_type(&query)?;
    let selection = Selection {
        member_of: Some(id.parse()?),
        name: query.name()?,
        external_id: query.external_id()?,
        ..Selection::of(MODEL_ARTIFACT.logical)
    };
    operations::list(&caller, &MODEL_ARTIFACT, &query, selection).await
}

/// Creates an artifact of a model version, or changes the one whose id the body carries and attaches it.
#[utoipa::path(
    post, path = "/model_versions/{modelversionId}/artifacts", operation_id = "upsertModelVersionArtifact",
    tag = super::TAG,
    params(("modelversionId" = String, Path, description = "Id of the model version.")),
    request_body = ref("#/components/schemas/Artifact"),
    responses(
        (status = 200, description = "Changed and attached.", body = ref("#/components/schemas/Artifact")),
        (status = 201, description = "Created.", body = ref("#/components/schemas/Artifact")),
        NestedCreateErrors,
    ),
)]
pub async fn upsert_model_version_artifact(caller: Caller, id: Path<String>, body: Bytes) -> Answer {
    operations::upsert_artifact(&caller, &MODEL_ARTIFACT, (&MODEL_VERSION, &id), &body).await
}

fn check_artifact_type(query: &Query) -> Result<(), KubeflowError> {
    match query.artifact_type() {
        None | Some("model-artifact") => Ok(()),
        Some(other) => {
            let other = other.escape_debug();
            Err(Error::invalid("artifactType", format!("artifactType `{other}` is not `model-artifact`")).into())
        }
    }
}

/// The routes.
pub fn routes(service: &mut web::ServiceConfig) {
    service
        .service(web::resource("/model_version").route(web::get().to(find_model_version)))
        .service(
            web::resource("/model_versions")
                .route(web::get().to(get_model_versions))
                .route(web::post().to(create_model_version)),
        )
        .service(
            web::resource("/model_versions/{id}")
                .route(web::get().to(get_model_version))
                .route(web::patch().to(update_model_version)),
        )
        .service(
            web::resource("/model_versions/{id}/artifacts")
                .route(web::get().to(get_model_version_artifacts))
                .route(web::post().to(upsert_model_version_artifact)),
        );
}

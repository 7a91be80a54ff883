//! The operations on model artifacts (contracts/kubeflow §1.1, 31 to 35).

use actix_web::web::{Bytes, Path};
use actix_web::{HttpRequest, web};

use super::document::{CreateErrors, ReadErrors, UpdateErrors};
use super::entity::MODEL_ARTIFACT;
use super::error::Answer;
use super::operations;
use super::query::{ListParams, NameParams, ParentParams, Query};
use crate::api::caller::Caller;
use crate::registry::Selection;

/// Finds a model artifact by name and parent, or by external id.
#[utoipa::path(
    get, path = "/model_artifact", operation_id = "findModelArtifact", tag = super::TAG,
    params(NameParams, ParentParams),
    responses((status = 200, description = "The model artifact.", body = ref("#/components/schemas/ModelArtifact")), ReadErrors),
)]
pub async fn find_model_artifact(caller: Caller, query: Query) -> Answer {
    operations::find(&caller, &MODEL_ARTIFACT, &query).await
}

/// Lists the model artifacts of all versions, and those of none.
#[utoipa::path(
    get, path = "/model_artifacts", operation_id = "getModelArtifacts", tag = super::TAG,
    params(ListParams),
    responses((status = 200, description = "A page.", body = ref("#/components/schemas/ModelArtifactList")), ReadErrors),
)]
pub async fn get_model_artifacts(caller: Caller, query: Query) -> Answer {
    operations::list(&caller, &MODEL_ARTIFACT, &query, Selection::of(MODEL_ARTIFACT.logical)).await
}

/// Creates a model artifact that belongs to no version yet.
#[utoipa::path(
    post, path = "/model_artifacts", operation_id = "createModelArtifact", tag = super::TAG,
    request_body = ref("#/components/schemas/ModelArtifactCreate"),
    responses((status = 201, description = "Created.", body = ref("#/components/schemas/ModelArtifact")), CreateErrors),
)]
pub async fn create_model_artifact(caller: Caller, body: Bytes) -> Answer {
    operations::create(&caller, &MODEL_ARTIFACT, &body).await
}

/// Gets a model artifact.
#[utoipa::path(
    get, path = "/model_artifacts/{modelartifactId}", operation_id = "getModelArtifact", tag = super::TAG,
    params(("modelartifactId" = String, Path, description = "Id of the model artifact.")),
    responses((status = 200, description = "The model artifact.", body = ref("#/components/schemas/ModelArtifact")), ReadErrors),
)]
pub async fn get_model_artifact(caller: Caller, id: Path<String>) -> Answer {
    operations::get(&caller, &MODEL_ARTIFACT, &id).await
}

/// Changes a model artifact.
#[utoipa::path(
    patch, path = "/model_artifacts/{modelartifactId}", operation_id = "updateModelArtifact", tag = super::TAG,
    params(("modelartifactId" = String, Path, description = "Id of the model artifact.")),
    request_body = ref("#/components/schemas/ModelArtifactUpdate"),
    responses((status = 200, description = "Changed.", body = ref("#/components/schemas/ModelArtifact")), UpdateErrors),
)]
pub async fn update_model_artifact(caller: Caller, id: Path<String>, request: HttpRequest, body: Bytes) -> Answer {
    operations::update(&caller, &MODEL_ARTIFACT, &id, request.headers(), &body).await
}

/// The routes.
pub fn routes(service: &mut web::ServiceConfig) {
    service
        .service(web::resource("/model_artifact").route(web::get().to(find_model_artifact)))
        .service(
            web::resource("/model_artifacts")
                .route(web::get().to(get_model_artifacts))
                .route(web::post().to(create_model_artifact)),
        )
        .service(
            web::resource("/model_artifacts/{id}")
                .route(web::get().to(get_model_artifact))
                .route(web::patch().to(update_model_artifact)),
        );
}

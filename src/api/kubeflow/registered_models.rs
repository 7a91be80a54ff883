//! The operations on registered models (contracts/kubeflow §1.1, 43 to 49).

use actix_web::web::{Bytes, Path};
use actix_web::{HttpRequest, web};

use super::document::{CreateErrors, NestedCreateErrors, ReadErrors, UpdateErrors};
use super::entity::{MODEL_VERSION, REGISTERED_MODEL};
use super::error::Answer;
use super::operations;
use super::query::{ListParams, NameParams, Query};
use crate::api::caller::Caller;
use crate::registry::Selection;

/// Finds a registered model by name or external id.
#[utoipa::path(
    get, path = "/registered_model", operation_id = "findRegisteredModel", tag = super::TAG,
    params(NameParams),
    responses((status = 200, description = "The registered model.", body = ref("#/components/schemas/RegisteredModel")), ReadErrors),
)]
pub async fn find_registered_model(caller: Caller, query: Query) -> Answer {
    operations::find(&caller, &REGISTERED_MODEL, &query).await
}

/// Lists the registered models.
#[utoipa::path(
    get, path = "/registered_models", operation_id = "getRegisteredModels", tag = super::TAG,
    params(ListParams),
    responses((status = 200, description = "A page.", body = ref("#/components/schemas/RegisteredModelList")), ReadErrors),
)]
pub async fn get_registered_models(caller: Caller, query: Query) -> Answer {
    operations::list(&caller, &REGISTERED_MODEL, &query, Selection::of(REGISTERED_MODEL.logical)).await
}

/// Creates a registered model.
#[utoipa::path(
    post, path = "/registered_models", operation_id = "createRegisteredModel", tag = super::TAG,
    request_body = ref("#/components/schemas/RegisteredModelCreate"),
    responses((status = 201, description = "Created.", body = ref("#/components/schemas/RegisteredModel")), CreateErrors),
)]
pub async fn create_registered_model(caller: Caller, body: Bytes) -> Answer {
    operations::create(&caller, &REGISTERED_MODEL, &body).await
}

/// Gets a registered model.
#[utoipa::path(
    get, path = "/registered_models/{registeredmodelId}", operation_id = "getRegisteredModel", tag = super::TAG,
    params(("registeredmodelId" = String, Path, description = "Id of the registered model.")),
    responses((status = 200, description = "The registered model.", body = ref("#/components/schemas/RegisteredModel")), ReadErrors),
)]
pub async fn get_registered_model(caller: Caller, id: Path<String>) -> Answer {
    operations::get(&caller, &REGISTERED_MODEL, &id).await
}

/// Changes a registered model.
#[utoipa::path(
    patch, path = "/registered_models/{registeredmodelId}", operation_id = "updateRegisteredModel", tag = super::TAG,
    params(("registeredmodelId" = String, Path, description = "Id of the registered model.")),
    request_body = ref("#/components/schemas/RegisteredModelUpdate"),
    responses((status = 200, description = "Changed.", body = ref("#/components/schemas/RegisteredModel")), UpdateErrors),
)]
pub async fn update_registered_model(caller: Caller, id: Path<String>, request: HttpRequest, body: Bytes) -> Answer {
    operations::update(&caller, &REGISTERED_MODEL, &id, request.headers(), &body).await
}

/// Lists the versions of a registered model.
#[utoipa::path(
    get, path = "/registered_models/{registeredmodelId}/versions", operation_id = "getRegisteredModelVersions",
    tag = super::TAG,
    params(("registeredmodelId" = String, Path, description = "Id of the registered model."), NameParams, ListParams),
    responses((status = 200, description = "A page.", body = ref("#/components/schemas/ModelVersionList")), ReadErrors),
)]
pub async fn get_registered_model_versions(caller: Caller, id: Path<String>, query: Query) -> Answer {
    let selection = Selection {
        home: Some(id.parse()?),
        name: query.name()?,
        external_id: query.external_id()?,
        ..Selection::of(MODEL_VERSION.logical)
    };
    operations::list(&caller, &MODEL_VERSION, &query, selection).await
}

/// Creates a version of a registered model, or changes the one whose id the body carries.
#[utoipa::path(
    post, path = "/registered_models/{registeredmodelId}/versions", operation_id = "createRegisteredModelVersion",
    tag = super::TAG,
    params(("registeredmodelId" = String, Path, description = "Id of the registered model.")),
    request_body = ref("#/components/schemas/ModelVersion"),
    responses((status = 201, description = "Created.", body = ref("#/components/schemas/ModelVersion")), NestedCreateErrors),
)]
pub async fn create_registered_model_version(caller: Caller, id: Path<String>, body: Bytes) -> Answer {
    operations::create_in(&caller, &MODEL_VERSION, &id, &body).await
}

/// The routes.
pub fn routes(service: &mut web::ServiceConfig) {
    service
        .service(web::resource("/registered_model").route(web::get().to(find_registered_model)))
        .service(
            web::resource("/registered_models")
                .route(web::get().to(get_registered_models))
                .route(web::post().to(create_registered_model)),
        )
        .service(
            web::resource("/registered_models/{id}")
                .route(web::get().to(get_registered_model))
                .route(web::patch().to(update_registered_model)),
        )
        .service(
            web::resource("/registered_models/{id}/versions")
                .route(web::get().to(get_registered_model_versions))
                .route(web::post().to(create_registered_model_version)),
        );
}

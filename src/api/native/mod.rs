//! The native API: what no other protocol has, on the same entities. Routes, wire types, conversion; no rules of its own.

mod archives;
mod body;
mod conditional;
mod direct;
pub(super) mod disposition;
mod errors;
mod files;
mod history;
mod imports;
mod inspection;
mod lineage;
mod location;
mod metrics;
mod models;
mod parameters;
mod policy;
mod register;
mod request;
mod resumable;
mod wire;

use std::num::NonZeroU32;

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web;
use serde::Deserialize;
use utoipa::{IntoParams, OpenApi};

use crate::domain::PageSize;

/// Where the API is.
pub const PREFIX: &str = "/api/v1";

/// The document.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Modelport API",
        description = "Files, aliases, history and removal, on the entities of every other API."
    ),
    nest((path = PREFIX, api = Operations)),
    components(schemas(
        crate::api::problem::ProblemDetails,
        wire::StoredFile,
        archives::UnpackedFile,
        archives::UnpackedFiles
    ))
)]
pub struct Document;

#[derive(OpenApi)]
#[openapi(paths(
    register::register,
    models::get_version,
    models::list_versions,
    models::get_model,
    models::delete_model,
    models::delete_version,
    models::get_alias,
    models::set_alias,
    models::delete_alias,
    files::put_version_file,
    files::get_version_file,
    files::delete_version_file,
    files::list_version_files,
    files::put_artifact_file,
    files::get_artifact_file,
    files::delete_artifact_file,
    files::list_artifact_files,
    archives::unpack_version_files,
    archives::unpack_artifact_files,
    policy::get_policy,
    policy::put_policy,
    resumable::upload_options,
    resumable::create_upload,
    resumable::patch_upload,
    resumable::overridden,
    resumable::get_upload,
    resumable::delete_upload,
    direct::create_direct_upload,
    direct::get_direct_upload,
    direct::complete_direct_upload,
    direct::delete_direct_upload,
    history::get_node_history,
    history::list_changes,
    lineage::get_node_lineage,
    metrics::append_metric_points,
    imports::start_import,
    imports::list_imports,
    imports::get_import,
    imports::cancel_import,
    imports::list_geti_projects,
    imports::get_geti_project,
))]
struct Operations;

/// The routes.
pub fn routes(service: &mut web::ServiceConfig) {
    let version_file = web::resource("/models/{model}/versions/{version}/files/{path:.*}")
        .route(web::put().to(files::put_version_file))
        .route(web::get().to(files::get_version_file))
        .route(web::head().to(files::get_version_file))
        .route(web::delete().to(files::delete_version_file));
    let artifact_file = web::resource("/artifacts/{id}/files/{path:.*}")
        .route(web::put().to(files::put_artifact_file))
        .route(web::get().to(files::get_artifact_file))
        .route(web::head().to(files::get_artifact_file))
        .route(web::delete().to(files::delete_artifact_file));
    service.service(
        web::scope(PREFIX)
            .wrap(from_fn(parameters::known_parameters))
            .service(web::resource("/register").route(web::post().to(register::register)))
            .service(version_file)
            .service(artifact_file)
            .service(
                web::resource("/models/{model}/versions/{version}/files")
                    .route(web::get().to(files::list_version_files))
                    .route(web::head().to(files::list_version_files))
                    .route(web::put().to(archives::unpack_version_files)),
            )
            .service(
                web::resource("/artifacts/{id}/files")
                    .route(web::get().to(files::list_artifact_files))
                    .route(web::head().to(files::list_artifact_files))
                    .route(web::put().to(archives::unpack_artifact_files)),
            )
            .service(
                web::resource("/models/{model}/versions/{version}")
                    .route(web::get().to(models::get_version))
                    .route(web::delete().to(models::delete_version)),
            )
            .service(web::resource("/models/{model}/versions").route(web::get().to(models::list_versions)))
            .service(
                web::resource("/models/{model}")
                    .route(web::get().to(models::get_model))
                    .route(web::delete().to(models::delete_model)),
            )
            .service(
                web::resource("/models/{model}/policy")
                    .route(web::get().to(policy::get_policy))
                    .route(web::put().to(policy::put_policy)),
            )
            .service(
                web::resource("/models/{model}/aliases/{alias}")
                    .route(web::get().to(models::get_alias))
                    .route(web::put().to(models::set_alias))
                    .route(web::delete().to(models::delete_alias)),
            )
            .service(web::resource("/nodes/{id}/history").route(web::get().to(history::get_node_history)))
            .service(web::resource("/nodes/{id}/lineage").route(web::get().to(lineage::get_node_lineage)))
            .service(web::resource("/experiment-runs/{id}/points").route(web::post().to(metrics::append_metric_points)))
            .service(web::resource("/direct-uploads").route(web::post().to(direct::create_direct_upload)))
            .service(
                web::resource("/direct-uploads/{id}")
                    .route(web::get().to(direct::get_direct_upload))
                    .route(web::delete().to(direct::delete_direct_upload)),
            )
            .service(
                web::resource("/direct-uploads/{id}/complete").route(web::post().to(direct::complete_direct_upload)),
            )
            .service(
                web::resource("/uploads")
                    .route(web::method(Method::OPTIONS).to(resumable::upload_options))
                    .route(web::post().to(resumable::create_upload)),
            )
            .service(
                web::resource("/uploads/{id}")
                    .route(web::post().to(resumable::overridden))
                    .route(web::patch().to(resumable::patch_upload))
                    .route(web::head().to(resumable::head_upload))
                    .route(web::get().to(resumable::get_upload))
                    .route(web::delete().to(resumable::delete_upload)),
            )
            .service(
                web::resource("/imports")
                    .route(web::post().to(imports::start_import))
                    .route(web::get().to(imports::list_imports)),
            )
            .service(web::resource("/imports/geti/projects").route(web::get().to(imports::list_geti_projects)))
            .service(web::resource("/imports/geti/projects/{id}").route(web::get().to(imports::get_geti_project)))
            .service(
                web::resource("/imports/{id}")
                    .route(web::get().to(imports::get_import))
                    .route(web::delete().to(imports::cancel_import)),
            )
            .service(web::resource("/changes").route(web::get().to(history::list_changes))),
    );
}

/// Whether the route of that pattern reads its bodies bit by bit: they are files.
pub(super) fn is_streamed(pattern: &str) -> bool {
    let below = pattern.strip_prefix(PREFIX).unwrap_or_default();
    below.contains("/files") || below.starts_with("/uploads")
}

/// Which page of a list is wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
struct Paging {
    /// At most this many items, and never more than 10000.
    #[serde(default = "hundred")]
    #[param(value_type = i64, minimum = 1, maximum = 4_294_967_295_u32)]
    page_size: NonZeroU32,
    /// Continues a list.
    #[serde(default)]
    next_page_token: String,
}

fn hundred() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(99)
}

impl Paging {
    fn size(&self) -> PageSize {
        PageSize::new(self.page_size.get())
    }

    fn next_page_token(&self) -> crate::domain::Result<Option<&str>> {
        crate::domain::value::check_text("nextPageToken", &self.next_page_token)?;
        Ok(Some(self.next_page_token.as_str()).filter(|token| !token.is_empty()))
    }
}

//! The API at a glance: its operations, each with its handler. Routes and document come from here.

use std::sync::LazyLock;

use actix_web::http::Method;
use actix_web::middleware::from_fn;
use actix_web::web;
use serde_json::Value as Json;
use utoipa::OpenApi;

use super::{
    PREFIX, accounts, approvals, archives, copies, deployments, diff, direct, dry_run, environments, experiments,
    facets, files, found_files, history, imports, jobs, lineage, lists, metrics, mlflow_imports, models, parameters,
    patches, policy, register, reproduce, resumable, reverts, runs, search, series, summary, system, tensors, views,
    webhooks, wire,
};
use crate::domain::Result;
use crate::http::operation;
use crate::http::operations::{Operation, Operations};

/// The operations. Files come first, because a path is compared with each in turn.
pub(super) static OPERATIONS: LazyLock<Operations> = LazyLock::new(|| {
    Operations::new(
        PREFIX,
        [
            operation!(register::register),
            operation!(files::put_version_file).streamed(),
            operation!(files::get_version_file).with_head(),
            operation!(files::delete_version_file),
            operation!(files::put_artifact_file).streamed(),
            operation!(files::get_artifact_file).with_head(),
            operation!(files::delete_artifact_file),
            operation!(tensors::list_version_tensors),
            operation!(files::list_version_files).with_head(),
            operation!(archives::unpack_version_files).streamed(),
            operation!(files::list_artifact_files).with_head(),
            operation!(archives::unpack_artifact_files).streamed(),
            operation!(lists::list_version_artifacts),
            operation!(approvals::get_approval),
            operation!(approvals::set_approval),
            operation!(diff::compare_versions),
            operation!(models::get_version),
            operation!(copies::copy_version),
            operation!(patches::update_version),
            operation!(models::delete_version),
            operation!(lists::list_versions),
            operation!(lists::list_models),
            operation!(facets::get_model_facets),
            operation!(patches::rename_model),
            operation!(models::get_model),
            operation!(patches::update_model),
            operation!(models::delete_model),
            operation!(dry_run::try_policy),
            operation!(policy::get_policy),
            operation!(policy::put_policy),
            operation!(lists::list_aliases),
            operation!(models::get_alias),
            operation!(models::set_alias),
            operation!(models::delete_alias),
            operation!(history::get_node_history),
            operation!(reverts::revert_node),
            operation!(diff::compare_revisions),
            operation!(lineage::get_node_lineage),
            operation!(lineage::get_node_impact),
            operation!(metrics::append_metric_points),
            operation!(series::get_metric_series),
            operation!(experiments::list_experiments),
            operation!(experiments::get_experiment),
            operation!(experiments::get_experiment_keys),
            operation!(runs::search_runs),
            operation!(reproduce::get_reproduction),
            operation!(direct::create_direct_upload),
            operation!(direct::get_direct_upload),
            operation!(direct::delete_direct_upload),
            operation!(direct::complete_direct_upload),
            operation!(resumable::upload_options),
            operation!(resumable::create_upload).streamed(),
            operation!(resumable::overridden).streamed(),
            operation!(resumable::patch_upload).streamed(),
            Operation::undocumented(Method::HEAD, "/uploads/{id}", |route| route.to(resumable::head_upload)),
            operation!(resumable::get_upload),
            operation!(resumable::delete_upload),
            operation!(imports::start_import),
            operation!(imports::list_imports),
            operation!(imports::list_geti_projects),
            operation!(imports::get_geti_project),
            operation!(mlflow_imports::start_mlflow_import),
            operation!(mlflow_imports::list_mlflow_imports),
            operation!(mlflow_imports::get_mlflow_import),
            operation!(mlflow_imports::cancel_mlflow_import),
            operation!(imports::get_import),
            operation!(imports::cancel_import),
            operation!(history::list_changes),
            operation!(found_files::list_files),
            operation!(lineage::get_blob_impact),
            operation!(found_files::get_blob),
            operation!(search::search),
            operation!(diff::compare_nodes),
            operation!(jobs::list_jobs),
            operation!(jobs::retry_job),
            operation!(summary::get_summary),
            operation!(system::get_system),
            operation!(deployments::list_deployments),
            operation!(environments::list_environments),
            operation!(environments::get_environment),
            operation!(views::list_views),
            operation!(views::get_view),
            operation!(views::put_view),
            operation!(views::delete_view),
            operation!(webhooks::create_webhook),
            operation!(webhooks::list_webhooks),
            operation!(webhooks::get_webhook),
            operation!(webhooks::update_webhook),
            operation!(webhooks::delete_webhook),
            operation!(webhooks::test_webhook),
            operation!(webhooks::list_deliveries),
            operation!(accounts::workspaces::create_workspace),
            operation!(accounts::workspaces::list_workspaces),
            operation!(accounts::workspaces::get_workspace),
            operation!(accounts::workspaces::update_workspace),
            operation!(accounts::workspaces::delete_workspace),
            operation!(accounts::quotas::get_workspace_quota),
            operation!(accounts::quotas::set_workspace_quota),
            operation!(accounts::principals::create_principal),
            operation!(accounts::principals::list_principals),
            operation!(accounts::principals::get_principal),
            operation!(accounts::principals::update_principal),
            operation!(accounts::principals::forget_principal),
            operation!(accounts::principals::log_out_principal),
            operation!(accounts::bindings::create_binding),
            operation!(accounts::bindings::list_bindings),
            operation!(accounts::bindings::get_binding),
            operation!(accounts::bindings::delete_binding),
            operation!(accounts::roots::get_root),
            operation!(accounts::roots::update_root),
            operation!(accounts::tokens::create_token),
            operation!(accounts::tokens::list_tokens),
            operation!(accounts::tokens::rotate_token),
            operation!(accounts::tokens::revoke_token),
            operation!(accounts::logins::list_logins).open(),
            operation!(accounts::logins::begin_login).open(),
            Operation::undocumented(Method::GET, accounts::logins::CALLBACK, |route| {
                route.to(accounts::logins::complete_login)
            })
            .open(),
            operation!(accounts::logins::logout),
            operation!(accounts::explain::who_am_i),
            operation!(accounts::explain::explain_access),
            operation!(accounts::explain::list_who_sees),
            operation!(accounts::audit::list_audit),
            operation!(accounts::audit::export_audit),
        ],
    )
});

/// What the document has besides the operations.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Modelport API",
        description = "Lists, reads and changes by name, files, aliases, history and removal, on the entities of every other API; webhooks, accounts and the audit trail."
    ),
    components(schemas(
        crate::http::problem::ProblemDetails,
        wire::StoredFile,
        archives::UnpackedFile,
        archives::UnpackedFiles
    ))
)]
struct Base;

/// The document.
pub(super) fn document() -> Result<Json> {
    OPERATIONS.document(Base::openapi())
}

/// The routes.
pub(super) fn routes(service: &mut web::ServiceConfig) {
    let scope = web::scope(PREFIX).wrap(from_fn(parameters::known_parameters));
    service.service(OPERATIONS.resources().into_iter().fold(scope, actix_web::Scope::service));
}

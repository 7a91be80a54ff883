//! What serves where, and which version.

use actix_web::web::Query;
use actix_web::{HttpRequest, HttpResponse};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::answers;
use super::errors::ReadErrors;
use super::request::KnownHeaders;
use super::wire::{NodeView, id_and_name};
use super::{Paging, next_token};
use crate::domain::{Error, Result};
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::listed::deployments::{DeploymentFilter, ListedDeployment};

/// Which deployments are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DeploymentOptions {
    /// In the serving environment of this name.
    #[param(min_length = 1, max_length = 512)]
    environment: Option<String>,
    /// Of the registered model of this name.
    #[param(min_length = 1, max_length = 512)]
    model: Option<String>,
}

/// An inference service with what it serves.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentView {
    /// The inference service.
    #[serde(flatten)]
    pub service: NodeView,
    /// The name of the environment that it is in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub environment: Option<String>,
    /// The name of the model that it serves; absent where the caller does not see it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The id of that model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_id: Option<String>,
    /// The name of the version that it serves.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The id of that version.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version_id: Option<String>,
    /// Whether it names no version, so that it serves the one that was made last.
    pub follows_latest: bool,
    /// The names of the aliases that point at the version.
    pub aliases: Vec<String>,
    /// The deployment of a version to it that was made last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest_deployment: Option<NodeView>,
    /// The name of the version that this one deployed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployed_version: Option<String>,
}

/// A page of deployments.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct DeploymentList {
    /// The deployments, the newest first.
    pub items: Vec<DeploymentView>,
    /// Continues the list; empty at its end.
    pub next_page_token: String,
}

impl From<&ListedDeployment> for DeploymentView {
    fn from(listed: &ListedDeployment) -> Self {
        let (model_id, model) = id_and_name(listed.model.as_ref());
        let (version_id, version) = id_and_name(listed.version.as_ref());
        Self {
            service: NodeView::new(&listed.service),
            environment: listed.environment.clone(),
            model,
            model_id,
            version,
            version_id,
            follows_latest: listed.is_latest,
            aliases: listed.aliases.clone(),
            newest_deployment: listed.newest.as_ref().map(NodeView::new),
            deployed_version: listed.deployed.clone(),
        }
    }
}

/// Lists the inference services of a workspace, each with its environment, the model and the version that it serves, and what was deployed
/// to it last.
#[utoipa::path(
    get, path = "/deployments", operation_id = "listDeployments", tag = "serving",
    params(DeploymentOptions, Paging, KnownHeaders),
    responses(
        (status = 200, description = "A page.", content(
            (DeploymentList = "application/json"), (String = "application/x-ndjson"), (String = "text/csv"),
        )),
        (status = 304, description = "The client has it."),
        ReadErrors,
    ),
)]
pub async fn list_deployments(
    caller: Caller,
    options: Query<DeploymentOptions>,
    paging: Query<Paging>,
    request: HttpRequest,
) -> Result<HttpResponse, Problem> {
    let DeploymentOptions { environment, model } = options.into_inner();
    let named = |field: &'static str, name: Option<String>| {
        name.map(|name| name.parse()).transpose().map_err(|error: Error| error.on_field(field))
    };
    let wanted = DeploymentFilter { environment: named("environment", environment)?, model: named("model", model)? };
    let page = caller.registry.entities.list_deployments(&caller.context, wanted, paging.list_request()?).await?;
    let list = DeploymentList {
        items: page.items.iter().map(DeploymentView::from).collect(),
        next_page_token: next_token(page.next.as_ref()),
    };
    Ok(answers::page(&request, &list, &list.items, &list.next_page_token)?)
}

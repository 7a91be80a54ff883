//! What two versions, two runs or two revisions of a node differ in.

use std::collections::BTreeMap;

use actix_web::HttpResponse;
use actix_web::web::{Path, Query};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::differences::{DiffView, DifferencesView};
use super::enums::ActionName;
use super::errors::ReadErrors;
use super::models::{model_segment, version_segments};
use super::wire::{NodeView, plain_value};
use crate::domain::{Error, NodeId, Result, VersionRef};
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::registry::compare::{ComparedRevisions, Revision, differences};

/// Which two nodes are compared.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct Pair {
    /// Id of the one version or run.
    #[param(pattern = "^[1-9][0-9]{0,17}$")]
    a: String,
    /// Id of the other, which is of the same type.
    #[param(pattern = "^[1-9][0-9]{0,17}$")]
    b: String,
}

/// With which version one is compared.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase")]
#[into_params(parameter_in = Query)]
pub struct OtherVersion {
    /// Name of the other version, `latest`, `@` and an alias, or `@name:` and a name.
    #[param(min_length = 1, max_length = 512)]
    to: String,
    /// Name of the registered model that the other version is of; the same model when it is not given.
    #[param(min_length = 1, max_length = 512)]
    to_model: Option<String>,
}

/// Which two revisions are compared.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct RevisionPair {
    /// The one revision.
    #[param(minimum = 1)]
    from: i64,
    /// The other, which may be the older one.
    #[param(minimum = 1)]
    to: i64,
}

/// Shows what two versions, which may be of two models, or two runs differ in.
///
/// Only differences are shown, and how much is the same is counted. `a` in them is what the one has, `b` what the other has.
#[utoipa::path(
    get, path = "/diff", operation_id = "compareNodes", tag = "models",
    params(Pair),
    responses(
        (status = 200, description = "The differences.", body = DiffView),
        ReadErrors,
    ),
)]
pub async fn compare_nodes(caller: Caller, pair: Query<Pair>) -> Result<HttpResponse, Problem> {
    let id = |field: &'static str, id: &str| id.parse::<NodeId>().map_err(|error: Error| error.on_field(field));
    let (a, b) = (id("a", &pair.a)?, id("b", &pair.b)?);
    let compared = caller.registry.entities.compare(&caller.context, a, b).await?;
    Ok(HttpResponse::Ok().json(DiffView::from(&compared)))
}

/// Shows what a version and another one differ in, which may be of another model; both by name.
///
/// `a` in the differences is what the version in the path has, `b` what the other one has.
#[utoipa::path(
    get, path = "/models/{model}/versions/{version}/diff", operation_id = "compareVersions", tag = "models",
    params(
        ("model" = String, Path, description = "Name of the registered model."),
        ("version" = String, Path, description = "Name of the version, `latest`, `@` and an alias, or `@name:` and a name."),
        OtherVersion,
    ),
    responses(
        (status = 200, description = "The differences.", body = DiffView),
        ReadErrors,
    ),
)]
pub async fn compare_versions(
    caller: Caller,
    segments: Path<(String, String)>,
    other: Query<OtherVersion>,
) -> Result<HttpResponse, Problem> {
    let (model, version) = version_segments(segments)?;
    let to: VersionRef = other.to.parse().map_err(|error: Error| error.on_field("to"))?;
    let to_model = match &other.to_model {
        Some(name) => model_segment(name).map_err(|error| error.on_field("toModel"))?,
        None => model.clone(),
    };
    let models = &caller.registry.models;
    let compared = models.compare_versions(&caller.context, (&model, &version), (&to_model, &to)).await?;
    Ok(HttpResponse::Ok().json(DiffView::from(&compared)))
}

/// A revision of a node, and the change that made it.
#[derive(Debug, Serialize, ToSchema)]
pub struct RevisionView {
    /// Its number.
    pub revision: i64,
    /// When.
    pub at: i64,
    /// Who.
    pub actor: String,
    /// What was done.
    #[schema(value_type = ActionName)]
    pub action: String,
}

impl From<&Revision> for RevisionView {
    fn from(of: &Revision) -> Self {
        Self { revision: of.node.revision, at: of.at, actor: of.actor.clone(), action: of.action.clone() }
    }
}

/// Two revisions of a node, and what they differ in.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RevisionDiffView {
    /// The id of the node.
    pub id: String,
    /// The one revision.
    pub from: RevisionView,
    /// The other.
    pub to: RevisionView,
    /// `name`, `externalId`, `uri` and `state`.
    pub attributes: DifferencesView,
    /// The properties that its type declares. Secrets are masked with `***`.
    pub properties: DifferencesView,
    /// Its free properties. Secrets are masked with `***`.
    pub custom_properties: DifferencesView,
}

impl From<&ComparedRevisions> for RevisionDiffView {
    fn from(compared: &ComparedRevisions) -> Self {
        let ComparedRevisions { from, to, properties, custom, types } = compared;
        Self {
            id: to.node.id.to_string(),
            from: RevisionView::from(from),
            to: RevisionView::from(to),
            attributes: attributes(&NodeView::among(&from.node, types), &NodeView::among(&to.node, types)),
            properties: DifferencesView::new(properties, plain_value),
            custom_properties: DifferencesView::new(custom, plain_value),
        }
    }
}

fn attributes(a: &NodeView, b: &NodeView) -> DifferencesView {
    let of = |node: &NodeView| -> BTreeMap<String, String> {
        let attributes = [
            ("externalId", node.external_id.clone()),
            ("name", node.name.clone()),
            ("state", node.state.map(str::to_owned)),
            ("uri", node.uri.clone()),
        ];
        attributes.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text?))).collect()
    };
    DifferencesView::new(&differences(of(a), of(b), |a, b| a == b), |text| text.clone().into())
}

/// Shows what two revisions of a node differ in, by the record of changes; of a removed node too.
///
/// The record has the properties of a node with each of its revisions, not its files, aliases or the points of its metrics.
#[utoipa::path(
    get, path = "/nodes/{id}/diff", operation_id = "compareRevisions", tag = "history",
    params(("id" = String, Path, description = "Id of the node.", pattern = "^[1-9][0-9]{0,17}$"), RevisionPair),
    responses(
        (status = 200, description = "The differences.", body = RevisionDiffView),
        ReadErrors,
    ),
)]
pub async fn compare_revisions(
    caller: Caller,
    id: Path<String>,
    pair: Query<RevisionPair>,
) -> Result<HttpResponse, Problem> {
    let node: NodeId = id.parse()?;
    for (field, revision) in [("from", pair.from), ("to", pair.to)] {
        if revision < 1 {
            return Err(Error::invalid(field, format!("{field} `{revision}` is not positive")).into());
        }
    }
    let compared = caller.registry.history.compare_revisions(&caller.context, node, pair.from, pair.to).await?;
    Ok(HttpResponse::Ok().json(RevisionDiffView::from(&compared)))
}

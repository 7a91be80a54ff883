//! What serves where: inference services with their environments, the models and versions that they name, and their newest deployments.

use std::collections::{BTreeMap, HashMap};

use super::environments::environment;
use super::{ListRequest, ListedPage, ids, page};
use crate::context::RequestContext;
use crate::domain::filter::{Comparison, Condition, Expr, Field, Operand};
use crate::domain::{LogicalType, Name, Node, NodeId, Order, OrderBy, Result, Selection, Value, ValueKind};
use crate::resolve::{homes, model_named};
use crate::services::Entities;
use crate::store::{aliases, nodes, summaries};
use crate::transaction::ReadTransaction;

/// Which deployments are wanted.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DeploymentFilter {
    /// In the environment of that name.
    pub environment: Option<Name>,
    /// Of the model of that name.
    pub model: Option<Name>,
}

/// An inference service with what it serves, of what the caller sees.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedDeployment {
    /// The inference service.
    pub service: Node,
    /// The environment that it is in.
    pub environment: Option<String>,
    /// The id and the name of the model that it serves.
    pub model: Option<(NodeId, String)>,
    /// The id and the name of the version that it serves: the one that it names, or else the one of its model that was made last.
    pub version: Option<(NodeId, String)>,
    /// Whether it names no version, so that it serves whichever was made last.
    pub is_latest: bool,
    /// The names of the aliases that point at the version.
    pub aliases: Vec<String>,
    /// The deployment of a version to it that was made last.
    pub newest: Option<Node>,
    /// The name of the version that this one deployed.
    pub deployed: Option<String>,
}

impl Entities {
    /// The inference services of the request's workspace, the newest first.
    ///
    /// Errors: NotFound when there is no such environment or model; InvalidArgument when the token belongs to another list.
    pub async fn list_deployments(
        &self,
        context: &RequestContext,
        wanted: DeploymentFilter,
        request: ListRequest,
    ) -> Result<ListedPage<ListedDeployment>> {
        self.core
            .read_long(context, move |tx| {
                let home =
                    wanted.environment.as_ref().map(|name| environment(tx, name)).transpose()?.map(|found| found.id);
                let model = wanted.model.as_ref().map(|name| model_named(tx, name)).transpose()?;
                let filter = model.map(|model| {
                    let field = Field::Declared("registered_model_id".to_owned(), ValueKind::Int);
                    Expr::Test(field, Condition::Compare(Comparison::Equal, Operand::Int(model.id.0)))
                });
                let order = Order { by: OrderBy::CreateTime, descending: true };
                let services = Selection::of(LogicalType::InferenceService);
                let selection = Selection { home, filter, order, ..services };
                let mut found = page(tx, &selection, &request)?;
                let deployments = shown(tx, std::mem::take(&mut found.items))?;
                Ok(found.of(deployments))
            })
            .await
    }
}

/// The services with what they serve, in the same order.
pub(crate) fn shown(tx: &mut ReadTransaction<'_, '_>, services: Vec<Node>) -> Result<Vec<ListedDeployment>> {
    let environments = homes(tx, &services)?;
    let newest = newest(tx, &services)?;
    let of_latest = services.iter().filter(|service| reference(service, "model_version_id").is_none());
    let of_latest: Vec<NodeId> = of_latest.filter_map(|service| reference(service, "registered_model_id")).collect();
    let latest = summaries::latest_versions(tx, &of_latest)?;
    let version_of = |service: &Node| {
        let named = reference(service, "model_version_id");
        named.or_else(|| latest.get(&reference(service, "registered_model_id")?).copied())
    };
    let versions: Vec<NodeId> = services.iter().filter_map(version_of).collect();
    let models = services.iter().filter_map(|service| reference(service, "registered_model_id"));
    let deployed = newest.values().filter_map(|serve| reference(serve, "model_version_id"));
    let mut named: Vec<NodeId> = models.chain(deployed).chain(versions.iter().copied()).collect();
    named.sort_unstable();
    named.dedup();
    let names: HashMap<NodeId, String> = summaries::names(tx, &named)?;
    let aliases = aliases::of_versions(tx, &versions)?;
    let with_name = |id: NodeId| Some((id, names.get(&id)?.clone()));
    let shown = |service: Node| {
        let newest = newest.get(&service.id).cloned();
        let version = version_of(&service).and_then(with_name);
        ListedDeployment {
            environment: service.home_id.and_then(|home| environments.get(&home)?.name.clone()),
            model: reference(&service, "registered_model_id").and_then(with_name),
            is_latest: reference(&service, "model_version_id").is_none(),
            aliases: version.as_ref().and_then(|(id, _)| aliases.get(id).cloned()).unwrap_or_default(),
            version,
            deployed: newest.as_ref().and_then(|serve| names.get(&reference(serve, "model_version_id")?).cloned()),
            newest,
            service,
        }
    };
    Ok(services.into_iter().map(shown).collect())
}

/// The deployment of each service that was made last.
fn newest(tx: &mut ReadTransaction<'_, '_>, services: &[Node]) -> Result<BTreeMap<NodeId, Node>> {
    let found = summaries::newest_owned(tx, &ids(services), LogicalType::ServeModel)?;
    let mut of: Vec<NodeId> = found.into_values().collect();
    of.sort_unstable();
    let serves = nodes::find_all(tx, &of)?;
    Ok(serves.into_iter().filter_map(|serve| Some((serve.home_id?, serve))).collect())
}

/// What a node refers to by that property.
fn reference(node: &Node, property: &str) -> Option<NodeId> {
    match node.properties.get(property) {
        Some(Value::Int(id)) => Some(NodeId(*id)),
        _ => None,
    }
}

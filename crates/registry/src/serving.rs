//! What is served: the model and the version behind an inference service, and which of them may be.

use super::context::RequestContext;
use super::entities::get;
use super::transaction::ReadTransaction;
use super::{Registry, Selection};
use crate::domain::serving::{check_pair, check_servable};
use crate::domain::{Error, LogicalType, Node, NodeId, Order, OrderBy, Properties, Result, Value};
use crate::store::nodes;

impl Registry {
    /// The registered model that an inference service serves.
    pub async fn inference_model(&self, context: &RequestContext, service: NodeId) -> Result<Node> {
        self.read(context, move |tx| served_model(tx, service).map(|(_, model)| model)).await
    }

    /// The version that an inference service serves: the one it names, or the newest of its model.
    pub async fn inference_version(&self, context: &RequestContext, service: NodeId) -> Result<Node> {
        self.read(context, move |tx| {
            let (service, model) = served_model(tx, service)?;
            if let Some(Value::Int(version)) = service.properties.get("model_version_id") {
                return get(tx, LogicalType::ModelVersion, NodeId(*version));
            }
            let selection = Selection {
                home: Some(model.id),
                order: Order { by: OrderBy::CreateTime, descending: true },
                ..Selection::of(LogicalType::ModelVersion)
            };
            let newest = nodes::list(tx, &selection, None, 1)?.pop();
            newest.ok_or_else(|| Error::not_found(format!("a version of registered model `{}`", model.id)))
        })
        .await
    }
}

fn served_model(tx: &mut ReadTransaction<'_, '_>, service: NodeId) -> Result<(Node, Node)> {
    let service = get(tx, LogicalType::InferenceService, service)?;
    match id_of(&service.properties, MODEL) {
        Some(model) => {
            let model = get(tx, LogicalType::RegisteredModel, model)?;
            Ok((service, model))
        }
        None => Err(Error::not_found(format!("the registered model of inference service `{}`", service.id))),
    }
}

/// Refuses the id of an entity that does not exist, of a version that may not be served, and of one that is another model's
/// than the service is of. What is as it was before may be gone: a service must be undeployable all the same.
pub(super) fn check_references(
    tx: &mut ReadTransaction<'_, '_>,
    logical: LogicalType,
    home: Option<NodeId>,
    properties: &Properties,
    before: &Properties,
) -> Result<()> {
    let changed = |property: &str| properties.get(property) != before.get(property);
    let references = logical.references();
    if !references.iter().any(|(property, _)| changed(property)) {
        return Ok(());
    }
    let mut version = None;
    for (property, referred) in references {
        let Some(id) = id_of(properties, property) else { continue };
        let found = nodes::find(tx, id)?.filter(|node| node.type_id == referred.id());
        if found.is_none() && changed(property) {
            return Err(Error::not_found(format!("{} `{id}`", referred.noun())));
        }
        if *referred == LogicalType::ModelVersion {
            version = found;
        }
    }
    let Some(version) = version else { return Ok(()) };
    let model = if logical == LogicalType::ServeModel {
        check_servable(&version)?;
        let service = home.map(|home| nodes::find(tx, home)).transpose()?.flatten();
        service.and_then(|service| id_of(&service.properties, MODEL))
    } else {
        id_of(properties, MODEL)
    };
    model.map_or(Ok(()), |model| check_pair(model, &version))
}

/// The property of an inference service that names its model.
const MODEL: &str = "registered_model_id";

fn id_of(properties: &Properties, property: &str) -> Option<NodeId> {
    match properties.get(property) {
        Some(Value::Int(id)) => Some(NodeId(*id)),
        _ => None,
    }
}

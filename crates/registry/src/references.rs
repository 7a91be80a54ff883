//! What serving says of models and versions by their ids, and which of those may be said.

use super::transaction::ReadTransaction;
use crate::domain::serving::{check_pair, check_servable};
use crate::domain::{Error, LogicalType, NodeId, Properties, Result, Value};
use crate::store::nodes;

/// Refuses references to an entity that does not exist, to a version that may not be served, and to a version of
/// another model than the service's. An unchanged reference may point at something that was removed, so that a service
/// can still be undeployed.
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
pub(super) const MODEL: &str = "registered_model_id";

/// The id that the property has.
pub(super) fn id_of(properties: &Properties, property: &str) -> Option<NodeId> {
    match properties.get(property) {
        Some(Value::Int(id)) => Some(NodeId(*id)),
        _ => None,
    }
}

//! What is served: the model and the version behind an inference service.

use super::entities::get;
use super::{Registry, Selection};
use crate::domain::{Error, LogicalType, Node, NodeId, Order, OrderBy, Result, Value};
use crate::store::{Tx, nodes};

impl Registry {
    /// The registered model that an inference service serves.
    pub async fn inference_model(&self, service: NodeId) -> Result<Node> {
        self.store.read(move |tx| served_model(tx, service).map(|(_, model)| model)).await
    }

    /// The version that an inference service serves: the one it names, or the newest of its model.
    pub async fn inference_version(&self, service: NodeId) -> Result<Node> {
        self.store
            .read(move |tx| {
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

fn served_model(tx: &mut Tx<'_>, service: NodeId) -> Result<(Node, Node)> {
    let service = get(tx, LogicalType::InferenceService, service)?;
    match service.properties.get("registered_model_id") {
        Some(Value::Int(model)) => {
            let model = get(tx, LogicalType::RegisteredModel, NodeId(*model))?;
            Ok((service, model))
        }
        _ => Err(Error::not_found(format!("the registered model of inference service `{}`", service.id))),
    }
}

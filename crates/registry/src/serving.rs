//! What is served: the model and the version behind an inference service, and which of them may be.

use super::context::RequestContext;
use super::entities::get;
use super::references::{MODEL, id_of};
use super::transaction::ReadTransaction;
use crate::domain::{Error, LogicalType, Node, NodeId, Order, OrderBy, Result, Selection, Value};
use crate::services::Entities;
use crate::store::nodes;

impl Entities {
    /// The registered model that an inference service serves.
    pub async fn inference_model(&self, context: &RequestContext, service: NodeId) -> Result<Node> {
        self.core.read(context, move |tx| served_model(tx, service).map(|(_, model)| model)).await
    }

    /// The version that an inference service serves: the one it names, or the newest of its model.
    pub async fn inference_version(&self, context: &RequestContext, service: NodeId) -> Result<Node> {
        self.core
            .read(context, move |tx| {
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

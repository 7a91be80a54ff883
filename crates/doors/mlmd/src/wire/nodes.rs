//! Artifacts, executions and contexts: one thing to the registry, three messages here.

use std::collections::BTreeMap;

use super::{known, value};
use crate::domain::graph::{NodeWrite, Type};
use crate::domain::{Node, NodeKind, Result};
use crate::pb;

/// A message of a node.
pub(crate) trait NodeMessage: Sized {
    /// The kind of the nodes.
    const KIND: NodeKind;

    /// The node as it is put. Errors: InvalidArgument for a value or state that does not exist.
    fn parse(self) -> Result<NodeWrite>;

    /// The message of a node of that type.
    fn to_message(node: Node, of: Option<&Type>) -> Self;

    /// The message of a node with only its id.
    fn with_id(id: i64) -> Self;
}

/// The messages of nodes, whose types are among `types`.
pub(crate) fn to_messages<T: NodeMessage>(nodes: Vec<Node>, types: &BTreeMap<i64, Type>) -> Vec<T> {
    nodes
        .into_iter()
        .map(|node| {
            let of = types.get(&node.type_id);
            T::to_message(node, of)
        })
        .collect()
}

fn state(node: &Node) -> Option<i32> {
    node.state.and_then(|state| i32::try_from(state).ok())
}

impl NodeMessage for pb::Artifact {
    const KIND: NodeKind = NodeKind::Artifact;

    fn parse(self) -> Result<NodeWrite> {
        Ok(NodeWrite {
            id: self.id,
            type_id: self.type_id,
            type_name: self.r#type,
            name: self.name,
            external_id: self.external_id,
            uri: self.uri,
            state: self.state.map(|state| known::<pb::artifact::State>("state", state)).transpose()?,
            properties: value::parse_declared(self.properties)?,
            custom: value::parse_custom(self.custom_properties)?,
            seen_update_time: self.last_update_time_since_epoch,
            round_trip: value::ROUND_TRIP,
        })
    }

    fn to_message(node: Node, of: Option<&Type>) -> Self {
        Self {
            id: Some(node.id.0),
            type_id: Some(node.type_id),
            state: state(&node),
            name: node.graph_name(),
            // Never absent: clients and filters rely on it.
            uri: Some(node.uri.unwrap_or_default()),
            properties: value::to_messages(node.properties),
            custom_properties: value::to_messages(node.custom),
            r#type: of.map(|of| of.name.clone()),
            create_time_since_epoch: Some(node.created_at),
            last_update_time_since_epoch: Some(node.updated_at),
            external_id: node.external_id,
            system_metadata: None,
        }
    }

    fn with_id(id: i64) -> Self {
        Self { id: Some(id), ..Self::default() }
    }
}

impl NodeMessage for pb::Execution {
    const KIND: NodeKind = NodeKind::Execution;

    fn parse(self) -> Result<NodeWrite> {
        let state = self.last_known_state;
        Ok(NodeWrite {
            id: self.id,
            type_id: self.type_id,
            type_name: self.r#type,
            name: self.name,
            external_id: self.external_id,
            uri: None,
            state: state.map(|state| known::<pb::execution::State>("last_known_state", state)).transpose()?,
            properties: value::parse_declared(self.properties)?,
            custom: value::parse_custom(self.custom_properties)?,
            seen_update_time: self.last_update_time_since_epoch,
            round_trip: value::ROUND_TRIP,
        })
    }

    fn to_message(node: Node, of: Option<&Type>) -> Self {
        Self {
            id: Some(node.id.0),
            type_id: Some(node.type_id),
            last_known_state: state(&node),
            name: node.graph_name(),
            properties: value::to_messages(node.properties),
            custom_properties: value::to_messages(node.custom),
            r#type: of.map(|of| of.name.clone()),
            create_time_since_epoch: Some(node.created_at),
            last_update_time_since_epoch: Some(node.updated_at),
            external_id: node.external_id,
            system_metadata: None,
        }
    }

    fn with_id(id: i64) -> Self {
        Self { id: Some(id), ..Self::default() }
    }
}

impl NodeMessage for pb::Context {
    const KIND: NodeKind = NodeKind::Context;

    fn parse(self) -> Result<NodeWrite> {
        Ok(NodeWrite {
            id: self.id,
            type_id: self.type_id,
            type_name: self.r#type,
            name: self.name,
            external_id: self.external_id,
            uri: None,
            state: None,
            properties: value::parse_declared(self.properties)?,
            custom: value::parse_custom(self.custom_properties)?,
            seen_update_time: self.last_update_time_since_epoch,
            round_trip: value::ROUND_TRIP,
        })
    }

    fn to_message(node: Node, of: Option<&Type>) -> Self {
        Self {
            id: Some(node.id.0),
            type_id: Some(node.type_id),
            name: node.graph_name(),
            properties: value::to_messages(node.properties),
            custom_properties: value::to_messages(node.custom),
            r#type: of.map(|of| of.name.clone()),
            create_time_since_epoch: Some(node.created_at),
            last_update_time_since_epoch: Some(node.updated_at),
            external_id: node.external_id,
            system_metadata: None,
        }
    }

    fn with_id(id: i64) -> Self {
        Self { id: Some(id), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of() -> Type {
        let types = pb::ArtifactType { name: Some("t".to_owned()), ..pb::ArtifactType::default() };
        super::super::TypeMessage::parse(types).unwrap().to_type()
    }

    #[test]
    fn a_node_that_is_read_and_put_back_is_unchanged() {
        let sent = pb::Artifact {
            type_id: Some(0),
            name: Some("a".to_owned()),
            external_id: Some("e".to_owned()),
            state: Some(6),
            properties: [("p".to_owned(), pb::Value { value: Some(pb::value::Value::IntValue(1)) })].into(),
            ..pb::Artifact::default()
        };
        let node = sent.parse().unwrap().to_node(&of(), 7);
        let shown = pb::Artifact::to_message(node.clone(), Some(&of()));
        assert_eq!((shown.uri.as_deref(), shown.r#type.as_deref()), (Some(""), Some("t")));
        assert_eq!((shown.create_time_since_epoch, shown.last_update_time_since_epoch), (Some(7), Some(7)));
        assert!(shown.parse().unwrap().is_unchanged(NodeKind::Artifact, &node, &of()));
    }

    #[test]
    fn a_state_that_does_not_exist_is_refused() {
        let artifact = pb::Artifact { state: Some(7), ..pb::Artifact::default() };
        assert_eq!(artifact.parse().unwrap_err().message(), "`state` has no value `7`");
        let execution = pb::Execution { last_known_state: Some(-1), ..pb::Execution::default() };
        assert_eq!(execution.parse().unwrap_err().field(), Some("last_known_state"));
    }
}

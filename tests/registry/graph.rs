//! The graph as users of ML Metadata write and read it.

mod costs;
mod edges;
mod nodes;
mod one_graph;
mod paths;
mod types;

use std::collections::BTreeMap;

use modelport::domain::graph::{EventWrite, Mask, NodeWrite, Publish, PublishOptions, Published, TypeDraft, TypeRules};
use modelport::domain::{Node, NodeId, NodeKind, Result, Value, ValueKind};

use super::{Scene, actor};

const ARTIFACT: NodeKind = NodeKind::Artifact;
const EXECUTION: NodeKind = NodeKind::Execution;
const CONTEXT: NodeKind = NodeKind::Context;

/// The types of the event that is read, and of the one that is written.
const INPUT: i64 = 3;
const OUTPUT: i64 = 4;

const STRICT: TypeRules = TypeRules { can_add_fields: false, can_omit_fields: false, all_fields_match: true };

pub(super) fn type_draft(kind: NodeKind, name: &str, properties: &[(&str, ValueKind)]) -> TypeDraft {
    TypeDraft {
        kind,
        name: name.to_owned(),
        version: String::new(),
        description: None,
        external_id: None,
        base_type: None,
        input_type: None,
        output_type: None,
        properties: properties.iter().map(|(name, kind)| ((*name).to_owned(), *kind)).collect(),
    }
}

fn new(type_id: i64, name: &str) -> NodeWrite {
    NodeWrite { type_id: Some(type_id), name: Some(name.to_owned()), ..NodeWrite::default() }
}

fn event(artifact: Option<NodeId>, execution: Option<NodeId>, event_type: i64) -> EventWrite {
    EventWrite {
        artifact_id: artifact.map(|id| id.0),
        execution_id: execution.map(|id| id.0),
        event_type,
        ..EventWrite::default()
    }
}

impl Scene {
    /// A type with an int `i` and a string `s`.
    async fn type_of(&self, kind: NodeKind, name: &str) -> i64 {
        let draft = type_draft(kind, name, &[("i", ValueKind::Int), ("s", ValueKind::String)]);
        self.registry.graph.put_types(&self.context, vec![draft], STRICT).await.unwrap()[0]
    }

    async fn put_node(&self, kind: NodeKind, write: NodeWrite) -> Result<NodeId> {
        Ok(self.registry.graph.put_nodes(&self.context, kind, vec![write], None, false).await?[0])
    }

    async fn put_masked(&self, kind: NodeKind, write: NodeWrite, paths: &[&str]) -> Result<NodeId> {
        let mask = Mask::parse(&paths.iter().map(|path| (*path).to_owned()).collect::<Vec<_>>());
        Ok(self.registry.graph.put_nodes(&self.context, kind, vec![write], mask, false).await?[0])
    }

    async fn node(&self, kind: NodeKind, id: NodeId) -> Node {
        self.registry.graph.nodes_by_ids(&self.context, kind, vec![id.0]).await.unwrap().nodes.remove(0)
    }

    /// An execution that reads `input` and writes a new artifact.
    async fn step(&self, types: (i64, i64), name: &str, input: Option<NodeId>, contexts: Vec<NodeWrite>) -> Published {
        let read = input.map(|id| (None, Some(event(Some(id), None, INPUT))));
        let written = (Some(new(types.0, name)), Some(event(None, None, OUTPUT)));
        let publish = Publish {
            execution: new(types.1, name),
            pairs: read.into_iter().chain([written]).collect(),
            contexts,
            options: PublishOptions { reuse_context_if_already_exist: true, ..PublishOptions::default() },
        };
        self.registry.graph.put_execution(&self.context, publish).await.unwrap()
    }
}

fn properties(of: &[(&str, Value)]) -> BTreeMap<String, Value> {
    of.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect()
}

//! The graph of executions and artifacts around some of them.

use crate::filter::Expr;
use crate::{NodeId, NodeKind};

use super::{Event, Type};

/// Which events are followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum EventDirection {
    /// To what things were made from.
    Upstream,
    /// To what was made from them.
    Downstream,
    /// All of them.
    #[default]
    Both,
}

/// Nodes at which the graph ends.
#[derive(Debug, Clone, PartialEq)]
pub struct Ending {
    /// Which nodes; `None` is all.
    pub filter: Option<Expr>,
    /// Whether they are part of the graph.
    pub include: bool,
}

/// Which graph is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct LineageQuery {
    /// The kind of the nodes that it starts from.
    pub start_kind: NodeKind,
    /// Which nodes it starts from; the first hundred count.
    pub start: Expr,
    /// How many events away the farthest node is; at most, and without this, 100.
    pub max_hops: Option<i64>,
    /// Which events are followed.
    pub direction: EventDirection,
    /// The artifacts at which it ends.
    pub ending_artifacts: Option<Ending>,
    /// The executions at which it ends.
    pub ending_executions: Option<Ending>,
    /// What of it is shown.
    pub parts: LineageParts,
}

/// The lists of a graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LineageParts {
    /// The artifacts.
    pub artifacts: bool,
    /// The executions.
    pub executions: bool,
    /// The contexts of both.
    pub contexts: bool,
    /// The events between them.
    pub events: bool,
    /// Which artifact belongs to which context.
    pub attributions: bool,
    /// Which execution belongs to which context.
    pub associations: bool,
    /// All types of artifacts.
    pub artifact_types: bool,
    /// All types of executions.
    pub execution_types: bool,
    /// All types of contexts.
    pub context_types: bool,
}

impl LineageParts {
    /// All of them.
    pub const ALL: Self = Self {
        artifacts: true,
        executions: true,
        contexts: true,
        events: true,
        attributions: true,
        associations: true,
        artifact_types: true,
        execution_types: true,
        context_types: true,
    };
}

/// A graph. Lists that are not wanted are empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Subgraph {
    /// The artifacts.
    pub artifacts: Vec<NodeId>,
    /// The executions.
    pub executions: Vec<NodeId>,
    /// The contexts of both.
    pub contexts: Vec<NodeId>,
    /// The events between them.
    pub events: Vec<Event>,
    /// Contexts and the artifacts that belong to them.
    pub attributions: Vec<(NodeId, NodeId)>,
    /// Contexts and the executions that belong to them.
    pub associations: Vec<(NodeId, NodeId)>,
    /// All types of artifacts.
    pub artifact_types: Vec<Type>,
    /// All types of executions.
    pub execution_types: Vec<Type>,
    /// All types of contexts.
    pub context_types: Vec<Type>,
}

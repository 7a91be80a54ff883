//! Executions, artifacts and contexts put together with what ties them.

use crate::NodeId;

use super::{EventWrite, NodeWrite};

/// An artifact of an execution, and the event between them; either may be missing.
pub type Pair = (Option<NodeWrite>, Option<EventWrite>);

/// One execution with its artifacts and contexts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Publish {
    /// The execution.
    pub execution: NodeWrite,
    /// What it read and wrote.
    pub pairs: Vec<Pair>,
    /// The contexts that all of it belongs to.
    pub contexts: Vec<NodeWrite>,
    /// How what exists already is dealt with.
    pub options: PublishOptions,
}

/// How what exists already is dealt with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PublishOptions {
    /// A context without an id whose name is taken is the one that has the name, which is left as it is.
    pub reuse_context_if_already_exist: bool,
    /// An artifact without an id whose external id is taken is the one that has it, which is changed.
    pub reuse_artifact_if_already_exist_by_external_id: bool,
    /// The execution counts as changed even when it is not.
    pub force_update_time: bool,
    /// A context with an id is not looked at but for being there.
    pub force_reuse_context: bool,
}

/// The ids of what was put, in the order in which it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// The execution's.
    pub execution_id: NodeId,
    /// The artifacts', -1 for a pair of neither artifact nor event.
    pub artifact_ids: Vec<i64>,
    /// The contexts'.
    pub context_ids: Vec<NodeId>,
}

/// Executions, artifacts and contexts, every context with all of the others, and events between some of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SubgraphWrite {
    /// The executions.
    pub executions: Vec<NodeWrite>,
    /// The artifacts.
    pub artifacts: Vec<NodeWrite>,
    /// The contexts.
    pub contexts: Vec<NodeWrite>,
    /// The events.
    pub edges: Vec<EventEdge>,
    /// As in [`PublishOptions`].
    pub reuse_context_if_already_exist: bool,
    /// As in [`PublishOptions`].
    pub reuse_artifact_if_already_exist_by_external_id: bool,
}

/// An event between nodes that are put with it, named by their places, or by their ids in the event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EventEdge {
    /// The place of the execution.
    pub execution_index: Option<i32>,
    /// The place of the artifact.
    pub artifact_index: Option<i32>,
    /// The event.
    pub event: Option<EventWrite>,
}

/// The ids of what was put, in the order in which it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubgraphIds {
    /// The executions'.
    pub execution_ids: Vec<NodeId>,
    /// The artifacts'.
    pub artifact_ids: Vec<NodeId>,
    /// The contexts'.
    pub context_ids: Vec<NodeId>,
}

/// That an artifact or execution belongs to a context.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Membership {
    /// The context.
    pub context_id: Option<i64>,
    /// The artifact or execution.
    pub member_id: Option<i64>,
}

/// That a context belongs to another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Parenthood {
    /// The one that belongs.
    pub child_id: Option<i64>,
    /// The one that it belongs to.
    pub parent_id: Option<i64>,
}

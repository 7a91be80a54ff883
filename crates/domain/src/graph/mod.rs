//! The metadata graph as users of ML Metadata see it: types of their own, nodes of any type, events, and how they are
//! connected. Pure rules; what they mean is ML Metadata's.

mod event;
mod lineage;
mod mask;
mod publish;
mod types;
mod write;

use std::collections::BTreeMap;

use super::filter::Expr;
use super::{Node, NodeKind, Order, PageToken};

pub use event::{Event, EventType, EventWrite, Step};
pub use lineage::{Ending, EventDirection, LineageParts, LineageQuery, Subgraph};
pub use mask::Mask;
pub use publish::{
    EventEdge, Membership, Pair, Parenthood, Publish, PublishOptions, Published, SubgraphIds, SubgraphWrite,
};
pub use types::{Type, TypeDraft, TypeRules};
pub use write::{NodeWrite, check_label};

/// Something about nodes, with the types of those nodes by id.
#[derive(Debug, Clone, PartialEq)]
pub struct Typed<T> {
    /// What was asked for.
    pub items: T,
    /// The types of its nodes.
    pub types: BTreeMap<i64, Type>,
}

/// Nodes, with their types and what continues the list.
#[derive(Debug, Clone, PartialEq)]
pub struct NodePage {
    /// The nodes.
    pub nodes: Vec<Node>,
    /// Their types, by id.
    pub types: BTreeMap<i64, Type>,
    /// What continues the list; `None` at the end.
    pub next: Option<PageToken>,
}

/// Which nodes are listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Scope {
    /// All of a kind.
    Kind(NodeKind),
    /// Those of the type of that name and version, empty when it has none.
    OfType {
        /// The kind of the type.
        kind: NodeKind,
        /// Its name.
        name: String,
        /// Its version.
        version: String,
    },
    /// The members of a context.
    Members {
        /// The id of the context.
        context: i64,
        /// Of which kind.
        kind: NodeKind,
    },
}

impl Scope {
    /// The kind of the nodes.
    pub fn kind(&self) -> NodeKind {
        match self {
            Self::Kind(kind) | Self::OfType { kind, .. } | Self::Members { kind, .. } => *kind,
        }
    }
}

/// Which page of a list is wanted.
#[derive(Debug, Clone, PartialEq)]
pub struct ListOptions {
    /// The page size; at most 100 nodes are returned, and a size below 1 is refused.
    pub size: i32,
    /// In which order.
    pub order: Order,
    /// What it continues.
    pub token: Option<PageToken>,
    /// What must be true of the nodes.
    pub filter: Option<Expr>,
}

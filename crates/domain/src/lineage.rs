//! Lineage: what a node was made from, and what was made from it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use super::graph::Type;
use super::{Error, LogicalType, Millis, Node, NodeId, Result};

/// Which way lineage is followed, from the node that is asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// What it was made from, and what it belongs to: edges are followed from `to` to `from`.
    Upstream,
    /// What was made from it, what belongs to it and what serves it: edges are followed from `from` to `to`.
    Downstream,
    /// Both, each from the node outwards: what shares an ancestor with it is not among them.
    #[default]
    Both,
}

impl FromStr for Direction {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text {
            "upstream" => Ok(Self::Upstream),
            "downstream" => Ok(Self::Downstream),
            "both" => Ok(Self::Both),
            other => Err(Error::invalid(
                "direction",
                format!("direction `{}` is none of `upstream`, `downstream`, `both`", other.escape_debug()),
            )),
        }
    }
}

/// What an edge says. It leads from what was there to what was derived from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum EdgeKind {
    /// From a home to what it owns: a model to its version, a run to the artifact that it logged.
    Owns,
    /// From a context to an execution or context that is a member of it.
    Contains,
    /// From an artifact to the context that uses it: from one that something else owns, from every data set, and to a
    /// version from an artifact of its own that a run or execution made.
    UsedBy,
    /// From an artifact to the execution that read it.
    Input,
    /// From an execution to the artifact that it wrote, and from a run to a result that was attached to it.
    Output,
    /// From a model or version to what serves it.
    ServedBy,
}

impl EdgeKind {
    /// Every kind, in the order of their numbers.
    pub const ALL: [Self; 6] = [Self::Owns, Self::Contains, Self::UsedBy, Self::Input, Self::Output, Self::ServedBy];

    /// The number by which the database tells it.
    pub fn number(self) -> i64 {
        self as i64
    }

    /// The kind with that number.
    pub fn from_number(number: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }
}

impl fmt::Display for EdgeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Owns => "owns",
            Self::Contains => "contains",
            Self::UsedBy => "usedBy",
            Self::Input => "input",
            Self::Output => "output",
            Self::ServedBy => "servedBy",
        })
    }
}

/// An edge between two nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Edge {
    /// What was there.
    pub from: NodeId,
    /// What was derived from it.
    pub to: NodeId,
    /// How.
    pub kind: EdgeKind,
}

/// How many edges there are at most between a node and the farthest one that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Depth(u32);

impl Depth {
    /// Without a depth of the caller's.
    pub const DEFAULT: Self = Self(5);

    /// As far as there is.
    pub const FARTHEST: Self = Self(Self::MAX);

    /// The greatest depth.
    pub const MAX: u32 = 20;

    /// Errors: InvalidArgument when it is beyond [`Depth::MAX`].
    pub fn new(depth: u32) -> Result<Self> {
        match depth {
            depth if depth <= Self::MAX => Ok(Self(depth)),
            depth => Err(Error::invalid("depth", format!("depth `{depth}` is more than `{}`", Self::MAX))),
        }
    }

    /// The number of edges.
    pub fn get(self) -> u32 {
        self.0
    }
}

/// What a node belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home {
    /// Its type, where that is one of the registry's own.
    pub logical: Option<LogicalType>,
    /// Its name as people see it.
    pub name: String,
    /// What it belongs to in turn.
    pub home: Option<NodeId>,
}

/// The graph around a node.
#[derive(Debug, Clone, PartialEq)]
pub struct Lineage {
    /// The nodes, ordered by id, the one that was asked about among them.
    pub nodes: Vec<Node>,
    /// The edges between them that were followed, in order.
    pub edges: Vec<Edge>,
    /// The types of the nodes, by id.
    pub types: BTreeMap<i64, Type>,
    /// Those of the nodes that were removed, and when; they are as they were then.
    pub removed: BTreeMap<NodeId, Millis>,
    /// Those of the nodes from which more edges lead on, the same way, than are shown.
    pub has_more: BTreeSet<NodeId>,
    /// What the nodes belong to, and what that belongs to, by id.
    pub homes: BTreeMap<NodeId, Home>,
    /// The names of the aliases that point at those of the nodes that are versions.
    pub aliases: BTreeMap<NodeId, Vec<String>>,
    /// The heaviest verdict on a file of those of the nodes that are versions.
    pub verdicts: BTreeMap<NodeId, &'static str>,
    /// Whether there is more within the depth than is shown.
    pub truncated: bool,
}

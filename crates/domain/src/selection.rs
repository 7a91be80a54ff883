//! Which nodes a list has, and in which order.

use std::hash::{Hash, Hasher};

use crate::filter::Expr;
use crate::{ExternalId, LogicalType, Name, NodeId, NodeKind, Order};

/// Selects the nodes of a list. A page token is tied to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Selection {
    /// Their kind, where it says more than their types.
    pub kind: Option<NodeKind>,
    /// The ids of their types; where there are none, any of the kind.
    pub types: Vec<i64>,
    /// The context that owns them.
    pub home: Option<NodeId>,
    /// A context that they are members of.
    pub member_of: Option<NodeId>,
    /// The type of that home or context; any type that may be one if it is `None`.
    pub parent_type: Option<LogicalType>,
    /// Their name as people see it.
    pub name: Option<Name>,
    /// Their id in another system.
    pub external_id: Option<ExternalId>,
    /// What else must be true of them.
    pub filter: Option<Expr>,
    /// Their order.
    pub order: Order,
}

impl Hash for Selection {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let Self { kind, types, home, member_of, parent_type, name, external_id, filter, order } = self;
        (kind, types, home, member_of, parent_type, name, external_id, order).hash(state);
        // A filter has doubles, which have no hash; its debug output tells filters apart as well.
        format!("{filter:?}").hash(state);
    }
}

impl Selection {
    /// All nodes of a logical type.
    pub fn of(logical: LogicalType) -> Self {
        Self::of_any(&[logical])
    }

    /// All nodes of these logical types.
    pub fn of_any(types: &[LogicalType]) -> Self {
        Self { types: types.iter().map(|logical| logical.id()).collect(), ..Self::of_kind(None) }
    }

    /// All nodes of a kind.
    pub fn of_kind(kind: Option<NodeKind>) -> Self {
        Self {
            kind,
            types: Vec::new(),
            home: None,
            member_of: None,
            parent_type: None,
            name: None,
            external_id: None,
            filter: None,
            order: Order::default(),
        }
    }
}

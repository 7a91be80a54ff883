//! The options of a put of nodes.

use crate::domain::graph::Mask;

/// The options of a put of nodes.
#[derive(Default)]
pub(super) struct PutOptions<'a> {
    /// Which fields of an existing node change; all of them without a mask.
    pub(super) mask: Option<&'a Mask>,
    /// Whether to refuse a node that was changed since the caller read it.
    pub(super) abort_if_changed: bool,
    /// Whether the update time changes even if the node does not.
    pub(super) force_update_time: bool,
    /// Whether a node without an id updates the node with its external id.
    pub(super) reuse_external_id: Reuse,
}

/// Which nodes may be found by their external id.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reuse {
    /// None.
    #[default]
    Nothing,
    /// Nodes stored before the call.
    Stored,
    /// Nodes stored before the call, and those put earlier in the same call.
    StoredOrPut,
}

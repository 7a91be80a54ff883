//! How nodes are put, as far as one call differs from another.

use crate::domain::graph::Mask;

/// How nodes are put.
#[derive(Default)]
pub(super) struct How<'a> {
    /// What of a node that is there changes; all of it without one.
    pub(super) mask: Option<&'a Mask>,
    /// Whether a node is only changed as it was when the caller read it.
    pub(super) abort_if_changed: bool,
    /// Whether a node counts as changed even when it is not.
    pub(super) force_update_time: bool,
    /// Whether a node without an id is the one that has its external id.
    pub(super) reuse_external_id: Reuse,
}

/// Which nodes may be found by their external id.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reuse {
    /// None.
    #[default]
    Nothing,
    /// Those that were there before.
    Stored,
    /// Those that were there before, and those that are put before them at the same time.
    StoredOrPut,
}

//! The calls, by theme. Each converts its request, asks the registry once, and converts the answer.

pub(super) mod edges;
pub(super) mod lineage;
pub(super) mod nodes;
pub(super) mod reads;
pub(super) mod relations;
pub(super) mod types;

use super::error::CallError;
use crate::registry::{Registry, RequestContext};

/// What a call is answered with.
pub(super) struct Call {
    pub(super) registry: Registry,
    pub(super) context: RequestContext,
}

/// The result of a call.
type Answer<T> = Result<T, CallError>;

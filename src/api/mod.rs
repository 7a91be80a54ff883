//! What the outside sees: one room per protocol, and the server they share. Knows the registry and the domain, no rows.

pub mod caller;
pub mod extract;
pub mod kubeflow;
pub mod middleware;
pub mod native;
pub mod problem;

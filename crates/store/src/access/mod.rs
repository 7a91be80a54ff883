//! Who may do what: workspaces, principals, bindings, tokens and sessions.
//!
//! Whoever changes them calls [`epoch::raise`] first: it tells all replicas, and its row's lock makes changes follow each other.

pub mod bindings;
pub mod epoch;
pub mod principals;
pub mod quotas;
pub mod roots;
pub mod sessions;
pub mod tokens;
pub mod workspaces;

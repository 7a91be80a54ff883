<<<<<<< HEAD
//! What the outside sees: one room per protocol, and the server they share. Knows the registry and the domain, no rows.

pub mod caller;
pub mod extract;
pub mod kubeflow;
pub mod middleware;
pub mod native;
=======
//! The doors: one room per protocol, and around them what every request passes through.
//! A handler extracts, calls one registry function, and converts the answer.

pub mod extract;
pub mod middleware;
>>>>>>> edge
pub mod problem;

//! The doors: one room per protocol, and around them what every request passes through.
//! A handler extracts, calls one registry function, and converts the answer.

pub mod caller;
pub mod edge;
pub mod extract;
pub mod health;
pub mod kubeflow;
pub mod middleware;
pub mod mlmd;
pub mod native;
pub mod openapi;
pub mod problem;
pub mod server;
mod whole;

//! The doors: one room per protocol, and around them what every request passes through.
//! A handler extracts, calls one registry function, and converts the answer.

pub mod caller;
pub mod doors;
pub mod edge;
pub mod health;
pub mod http;
pub mod kubeflow;
pub mod mlmd;
pub mod native;
pub mod openapi;
mod registry_metrics;
pub mod server;
mod static_files;

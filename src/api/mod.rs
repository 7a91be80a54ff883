//! The doors: one room per protocol, and around them what every request passes through.
//! A handler extracts, calls one registry function, and converts the answer.

pub mod caller;
mod digests;
pub mod edge;
pub mod extract;
pub mod health;
pub mod hosts;
mod integer;
pub mod kubeflow;
pub mod listener;
mod media_type;
pub mod middleware;
pub mod mlmd;
pub mod native;
pub mod openapi;
pub mod problem;
mod registry_metrics;
pub mod server;
mod static_files;

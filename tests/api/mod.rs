//! The protocols, through the same app and the same gRPC server that `serve` runs.

mod app;
mod backends;
mod documents;
mod edge;
mod kubeflow;
mod mlmd;
mod native;
mod refused_bodies;
mod server;
mod transcript;

//! The protocols, through the same app and the same gRPC server that `serve` runs.

mod answer;
mod app;
mod backends;
mod documents;
mod edge;
mod hostile_text;
mod kubeflow;
mod mlflow_pages;
mod mlmd;
mod native;
mod other_sites;
mod refused_bodies;
mod server;
mod static_files;
mod tls;
mod transcript;

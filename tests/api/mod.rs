//! The protocols over HTTP, through the same app that the server runs.

mod app;
mod backends;
mod documents;
mod kubeflow;
mod native;
mod refused_bodies;
mod server;
mod transcript;

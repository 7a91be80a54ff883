//! Modelport: a model registry that speaks the protocols machine-learning tools already speak.
//!
//! A request goes one way: `api` to `registry` to `store` or `blobs`; all of them speak `domain`.
//! `docs/developing/ARCHITECTURE.md` draws the house, `tests/architecture.rs` keeps it.

pub mod api;
pub mod cli;
pub mod config;
pub mod runtime;
pub mod telemetry;

// The rooms that are packages of their own, by the names that the others use.
pub use {
    modelport_blobs as blobs, modelport_domain as domain, modelport_egress as egress, modelport_identity as identity,
    modelport_importers as importers, modelport_jobs as jobs, modelport_memory as memory,
    modelport_registry as registry, modelport_store as store, modelport_webhooks as webhooks,
};

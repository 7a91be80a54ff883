//! Modelport: a model registry that speaks the protocols machine-learning tools already speak.
//!
//! A request goes one way: `api` to `registry` to `store` or `blobs`; all of them speak `domain`.
//! `docs/developing/ARCHITECTURE.md` draws the house, `tests/architecture.rs` keeps it.

pub mod api;
pub mod blobs;
pub mod cli;
pub mod config;
pub mod domain;
pub mod importers;
pub mod jobs;
pub mod memory;
pub mod registry;
pub mod runtime;
pub mod store;
pub mod telemetry;

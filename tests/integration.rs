//! What is tested from outside of the library: one module per subject.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

mod admin;
mod api;
mod blobs;
mod config;
mod inspect;
mod registry;
mod store;
mod support;

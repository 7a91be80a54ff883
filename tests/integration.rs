//! What is tested from outside of the library: one module per subject.

mod blobs;
mod config;

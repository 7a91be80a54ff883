//! Tokens against real servers in this process: issuers with their keys, and a Kubernetes API server that answers reviews.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

#[path = "issuers/kubernetes.rs"]
mod kubernetes;
#[path = "issuers/login.rs"]
mod login;
#[path = "issuers/rotation.rs"]
mod rotation;
#[path = "issuers/server.rs"]
mod server;
#[path = "issuers/signer.rs"]
mod signer;
#[path = "issuers/support.rs"]
mod support;
#[path = "issuers/tokens.rs"]
mod tokens;

//! What all doors to HTTP share: how a request is read, checked, measured and refused. Knows no protocol and no door.

pub mod answer;
pub mod authentication;
pub mod body;
pub mod browser;
pub mod caller;
pub mod conditional;
pub mod digests;
pub mod disposition;
pub mod door;
pub mod download;
pub mod extract;
pub mod health;
pub mod hosts;
pub mod integer;
pub mod limits;
pub mod listener;
pub mod media_type;
pub mod middleware;
mod openapi_bytes;
pub mod operations;
pub mod problem;
pub mod request_id;
pub mod source;
pub mod status;
pub mod tls;
mod token_buckets;

// The packages that it uses, by the names of their rooms.
use {
    modelport_domain as domain, modelport_identity as identity, modelport_memory as memory,
    modelport_registry as registry,
};

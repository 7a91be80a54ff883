//! ML Metadata's gRPC service. Each call converts, asks the registry once, and converts its answer.

mod calls;
mod codec;
mod connection;
mod deadline;
mod decoded_size;
mod error;
mod exchange;
mod health;
mod layer;
mod listener;
mod request_buffer;
mod request_host;
mod response_buffer;
mod retry_info;
mod routes;
mod same_origin;
mod service;
mod wire;

// The packages that it uses, by the names of their rooms.
use {modelport_domain as domain, modelport_http as http, modelport_memory as memory, modelport_registry as registry};

pub use codec::Codec;
pub use listener::{GrpcOptions, GrpcParts, RunningGrpcServer, start};
pub use service::Service;

/// The messages and the service as `build.rs` makes them of the files below `proto`.
#[allow(missing_docs, deprecated, clippy::all)]
pub mod pb {
    include!(concat!(env!("OUT_DIR"), "/ml_metadata.rs"));
}

/// The compiled files below `proto` as a `FileDescriptorSet`.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/ml_metadata.bin"));

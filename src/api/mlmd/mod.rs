//! ML Metadata's gRPC service. Each call converts, asks the registry once, and converts its answer.

mod codec;

pub use codec::Codec;

/// The messages and the service as `build.rs` makes them of the files below `proto`.
#[allow(missing_docs, clippy::all)]
pub mod pb {
    include!(concat!(env!("OUT_DIR"), "/ml_metadata.rs"));
}

/// The compiled files: what reflection shows.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/ml_metadata.bin"));

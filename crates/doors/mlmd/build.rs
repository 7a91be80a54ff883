//! Compiles the protocol buffers of ML Metadata, in Rust alone: no `protoc` is needed.

use std::error::Error;
use std::path::PathBuf;
use std::{env, fs};

const FOLDER: &str = "../../../proto";
const SERVICE: &str = "ml_metadata/proto/metadata_store_service.proto";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo:rerun-if-changed={FOLDER}");
    let mut compiler = protox::Compiler::new([FOLDER])?;
    compiler.include_imports(true).open_file(SERVICE)?;
    let out = PathBuf::from(env::var("OUT_DIR")?);
    // Encoded by the compiler itself: a detour over `prost_types` would lose the options that extensions define.
    fs::write(out.join("ml_metadata.bin"), compiler.encode_file_descriptor_set())?;
    tonic_prost_build::configure()
        .build_transport(false)
        .btree_map(".")
        .codec_path("crate::Codec")
        .compile_fds(compiler.file_descriptor_set())?;
    Ok(())
}

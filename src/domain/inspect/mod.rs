//! Inspection of files by their bytes: what a model file is, what it says about itself, and what is dangerous in it.
//! Pure: bytes come from a [`Source`] by ranges, nothing is executed, and every parser bounds what it reads and keeps.

mod archive;
mod card;
mod compressed;
mod config;
mod cursor;
mod describe;
mod dispatch;
mod fault;
mod finding;
mod gguf;
mod gguf_types;
mod inspection;
mod keras;
mod mlmodel;
mod numpy;
mod onnx;
mod onnx_graph;
mod openvino;
mod pickle;
mod protobuf;
mod safetensors;
mod siblings;
mod source;
mod tar;
mod template;
mod yaml;
mod zip;
mod zip_directory;

pub use archive::unusable_archive;
pub use describe::{Description, describe};
pub use finding::{Finding, Rule, Severity, verdict_name};
pub use inspection::{Format, Inspection};
pub use pickle::{Import, RULES_VERSION, judge};
pub use siblings::{Reference, Siblings, follow, wanted};
pub use source::{Bytes, Source};

use crate::domain::{FilePath, Result};

/// The version of the parsers; what an older one has read can be read again.
pub const READER_VERSION: u32 = 1;

/// Inspects the file at `path`, whose bytes are `source`, among the other files of its version.
///
/// Fails only where `source` fails; what is wrong with the bytes is in the findings.
pub fn inspect(path: &FilePath, source: &dyn Source, siblings: &Siblings) -> Result<Inspection> {
    let mut look = dispatch::Look::new(path, siblings);
    dispatch::examine(&mut look, "", path.as_str(), source, 0)?;
    look.seen.judge(path, siblings);
    Ok(look.seen)
}

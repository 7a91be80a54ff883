//! Tells by a file's bytes what a machine-learning model file is, what it says about itself, and what is dangerous in it.
//!
//! It is pure: bytes come from a [`Source`] by ranges, nothing is executed, no file is opened and no network is used. Every
//! parser bounds what it reads, keeps and descends into, so that a file of any size, made by anybody, takes a bounded amount of
//! memory and work.
//!
//! ```
//! use modelport_inspect::{Bytes, Rule, Severity, Siblings, inspect};
//!
//! // `os.system("true")`, as `pickle` would run it.
//! let pickle = b"\x80\x02cos\nsystem\nX\x04\0\0\0true\x85R.";
//! let inspection = inspect("model.pkl", &Bytes(pickle), &Siblings::new())?;
//! assert_eq!(inspection.format.as_ref().unwrap().name, "pickle");
//! assert_eq!(inspection.severity(), Some(Severity::Danger));
//! assert_eq!(inspection.verdict()[0].rule, Rule::PickleDangerousImport);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! What is wrong with the bytes is never an error but a [`Finding`], whose [`Rule`] has an id and a [`Severity`] that never change. What was
//! learned can be kept and evaluated again without the bytes, by newer rules or when a file beside it comes or goes:
//! [`Inspection::evaluate`]. Before a file inspected by an older build is read again, compare [`READER_VERSION`]; before it is evaluated again,
//! [`RULES_VERSION`].

mod archive;
mod block_reader;
mod compressed;
mod config;
mod cursor;
mod dispatch;
mod error;
mod fact;
mod finding;
mod gguf;
mod gguf_types;
mod gguf_values;
mod hdf5;
mod imports;
mod inspection;
mod jinja;
mod json;
mod json_reader;
mod keras;
mod keras_layers;
mod keras_names;
mod keras_objects;
mod literal;
mod magic;
mod mlmodel;
mod model_card;
mod numpy;
mod onnx;
mod onnx_graph;
mod openvino;
mod path;
mod pickle;
mod protobuf;
mod remote_code;
mod safetensors;
mod scan;
mod shards;
mod siblings;
mod source;
mod sparse;
pub mod tar;
mod tar_members;
mod template;
mod tensor;
mod tensors;
mod tokenizer;
mod unpack;
mod yaml;
mod zip;
mod zip_directory;

pub use archive::unusable_archive;
pub use block_reader::{BlockReader, LoadBlock, Seekable};
pub use fact::{Fact, Facts};
pub use finding::{Finding, Rule, Severity, verdict_name};
pub use imports::{Import, RULES_VERSION, evaluate};
pub use inspection::{Format, Inspection};
pub use siblings::{Reference, Siblings, check_references, model_of_weights, referenced_paths};
pub use source::{Bytes, Source};
pub use tensor::Tensor;
pub use tensors::{NoTensors, Tensors, list_tensors};
pub use zip_directory::archive_offset;

use std::io;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The version of the parsers; what an older one has read can be read again.
pub const READER_VERSION: u32 = 3;

/// Inspects the file at `path`, whose bytes are `source`, among the other files of its version.
///
/// `path` is relative to the folder that holds the version, as the paths of `siblings` are, and separated by `/`: names tell formats
/// too, and references to other files are resolved against it. Siblings that nothing refers to may be left out, apart from
/// [`model_of_weights`]; those that are referred to may also be handed to [`Inspection::evaluate`] later, once [`referenced_paths`] has said which.
///
/// Errors: those of `source`, as they are, and InvalidInput when `path` is absolute, leads outside its folder, or has a backslash
/// or a control character. What is wrong with the bytes is in the findings.
pub fn inspect(path: &str, source: &dyn Source, siblings: &Siblings) -> io::Result<Inspection> {
    if !path::is_plain(path) {
        let message = format!("`{}` is not a plain relative path", path.escape_debug());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    let mut scan = scan::Scan::new(path, siblings, dispatch::WITHIN);
    scan.examine("", path, source, 0)?;
    scan.seen.evaluate(path, siblings);
    Ok(scan.seen)
}

//! The registry's own words: nodes, values, names, digests, pages, errors.
//! Pure: no I/O, no HTTP, no SQL, no object storage.

pub mod digest;
pub mod error;
pub mod path;

pub use digest::Sha256;
pub use error::{Error, ErrorKind, Result};
pub use path::FilePath;

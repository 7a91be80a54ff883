//! `modelport proto`: the compiled protocol buffers of the gRPC service, for tools that do without reflection.

use std::io::Write;

use super::Outcome;
use crate::api::mlmd;

pub(super) fn run() -> Outcome {
    std::io::stdout().write_all(mlmd::DESCRIPTORS)?;
    Ok(())
}

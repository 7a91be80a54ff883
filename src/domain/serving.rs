//! What may be served.

use super::{Error, ErrorKind, Node, Result, Value};

/// Refuses to serve a version whose Hugging Face origin is private or gated (contracts/kubeflow §1.8).
pub fn check_servable(version: &Node) -> Result<()> {
    let text = |name: &str| version.custom.get(name).and_then(Value::as_str).unwrap_or_default();
    let refuse = |what: &str| {
        let message = format!("model version `{}` cannot be served: its origin is {what}", version.id);
        Err(Error::new(ErrorKind::FailedPrecondition, message))
    };
    if text("hf_private") == "true" {
        return refuse("private");
    }
    if !matches!(text("hf_gated"), "" | "false") {
        return refuse("gated");
    }
    Ok(())
}

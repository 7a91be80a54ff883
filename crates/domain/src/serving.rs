//! What may be served.

use super::{Error, Node, NodeId, Result, Value};

/// Refuses to serve a version whose Hugging Face origin is private or gated, as Kubeflow Model Registry does.
pub fn check_servable(version: &Node) -> Result<()> {
    let text = |name: &str| version.custom.get(name).and_then(Value::as_str).unwrap_or_default();
    let refuse = |what: &str| {
        let message = format!("model version `{}` cannot be served: its origin is {what}", version.id);
        Err(Error::invalid_state(message))
    };
    if text("hf_private") == "true" {
        return refuse("private");
    }
    if !matches!(text("hf_gated"), "" | "false") {
        return refuse("gated");
    }
    Ok(())
}

/// Refuses to serve a version as one of that registered model when it is another's.
pub fn check_pair(model: NodeId, version: &Node) -> Result<()> {
    match version.home_id {
        Some(home) if home != model => Err(Error::invalid(
            "modelVersionId",
            format!(
                "`modelVersionId`: model version `{}` is of registered model `{home}`, not of `{model}`",
                version.id
            ),
        )),
        _ => Ok(()),
    }
}

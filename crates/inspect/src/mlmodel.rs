//! MLflow's `MLmodel`: flavours, signature and versions.

use serde_json::Value;

use super::error::{ParseError, ParseResult};
use super::finding::Rule;
use super::inspection::Inspection;
use super::source::{Source, read_all};
use super::{json, yaml};

/// Reads the file.
pub(super) fn read(seen: &mut Inspection, place: &str, source: &dyn Source) -> ParseResult<()> {
    let bytes = read_all(source, yaml::MAX_BYTES as u64)?;
    let model = yaml::parse(&String::from_utf8_lossy(&bytes))?;
    let Some(flavors) = model.get("flavors").and_then(Value::as_object) else {
        return Err(ParseError::malformed("an MLmodel has no `flavors`"));
    };
    seen.set_format("mlmodel", model.get("mlflow_version").and_then(Value::as_str).map(str::to_owned));
    seen.json("flavors", flavors.keys().take(100).cloned().collect::<Vec<_>>().into());
    for (name, fact) in [("model_uuid", "model_uuid"), ("run_id", "run_id"), ("utc_time_created", "created")] {
        if let Some(text) = model.get(name).and_then(Value::as_str) {
            seen.text(fact, text);
        }
    }
    if let Some(size) = model.get("model_size_bytes").and_then(Value::as_u64) {
        seen.number("model_size", size);
    }
    for side in ["inputs", "outputs"] {
        let columns = model.get("signature").and_then(|signature| signature.get(side)).and_then(Value::as_str);
        match columns.map(|columns| json::parse(columns.as_bytes())) {
            Some(Ok(columns)) => seen.json(side, columns),
            Some(Err(_)) => {
                seen.add_finding(Rule::FormatUnexpected, place, format!("the signature's `{side}` are no JSON"))
            }
            None => {}
        }
    }
    for (name, flavor) in flavors {
        let text = |key: &str| flavor.get(key).and_then(Value::as_str);
        if let Some(version) = text(&format!("{}_version", if name == "sklearn" { "sklearn" } else { name })) {
            let framework = if name == "sklearn" { "scikit-learn" } else { name };
            seen.text("framework", framework);
            seen.text("framework_version", version);
        }
        if let Some(version) = text("python_version") {
            seen.text("python_version", version);
        }
        if let Some(loader) = text("loader_module").filter(|loader| !loader.starts_with("mlflow.")) {
            seen.add_finding(Rule::LoaderModule, place, format!("`{}` is the loader", loader.escape_debug()));
        }
        if let Some(pickled) = text("python_model") {
            seen.add_finding(Rule::PythonModel, place, format!("`{}` is a pickled object", pickled.escape_debug()));
        }
        if let Some(code) = text("code").filter(|code| !code.is_empty()) {
            seen.add_finding(Rule::RemoteCode, place, format!("`{}` holds Python code", code.escape_debug()));
        }
    }
    Ok(())
}

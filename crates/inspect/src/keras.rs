//! Keras: the configuration of a model, and what it says about the model.

use serde_json::{Value, json};

use super::error::ParseResult;
use super::inspection::Inspection;
use super::source::{Source, read_all};
use super::{json, keras_objects};

/// The longest configuration.
pub(super) const MAX_CONFIGURATION: u64 = 32 << 20;

/// Reads `config.json` of a `.keras` archive.
pub(super) fn configuration(seen: &mut Inspection, place: &str, source: &dyn Source) -> ParseResult<()> {
    let value = json::parse(&read_all(source, MAX_CONFIGURATION)?)?;
    keras_objects::evaluate(seen, place, &value);
    facts(seen, &value);
    Ok(())
}

/// Reads `metadata.json` of a `.keras` archive.
pub(super) fn metadata(seen: &mut Inspection, source: &dyn Source) -> ParseResult<()> {
    let value = json::parse(&read_all(source, MAX_CONFIGURATION)?)?;
    if let Some(version) = value.get("keras_version").and_then(Value::as_str) {
        seen.text("framework_version", version);
    }
    Ok(())
}

/// What a configuration says about its model.
pub(super) fn facts(seen: &mut Inspection, value: &Value) {
    seen.text("framework", "keras");
    if let Some(class) = value.get("class_name").and_then(Value::as_str) {
        seen.text("architecture", class);
    }
    let Some(config) = value.get("config") else { return };
    if let Some(name) = config.get("name").and_then(Value::as_str) {
        seen.text("model_name", name);
    }
    let layers = config.get("layers").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let is_input = |layer: &&Value| layer.get("class_name").and_then(Value::as_str) == Some("InputLayer");
    seen.number("layer_count", layers.iter().filter(|layer| !is_input(layer)).count() as u64);
    let inputs: Vec<Value> = layers
        .iter()
        .filter(is_input)
        .filter_map(|layer| layer.get("config"))
        .map(|config| {
            let shape = config.get("batch_shape").or_else(|| config.get("batch_input_shape"));
            json!({"name": config.get("name"), "dtype": config.get("dtype"), "shape": shape})
        })
        .collect();
    if !inputs.is_empty() {
        seen.json("inputs", inputs.into());
    }
}

//! Layers of Keras that load something when a model is made from its configuration: a SavedModel, a pickled module, a
//! vocabulary from any path or URL, an operation of TensorFlow that is called by its name.

use serde_json::{Map, Value};

use super::finding::Rule;
use super::inspection::Inspection;
use super::keras_names::within_keras;

/// Layers that carry code, or take it from another place.
const LOADERS: &[(&str, &str)] = &[
    ("TFSMLayer", "loads and runs a SavedModel from the path it is given"),
    ("TorchModuleWrapper", "unpickles the module it wraps"),
];

/// Layers that call a function of TensorFlow, or a method of one of its classes, by its name.
const CALLERS: &[&str] =
    &["TFOpLambda", "SlicingOpLambda", "ClassMethod", "InstanceMethod", "InstanceProperty", "TensorFlowOpLayer"];

/// Evaluates a layer by its class, without its package, and its configuration.
pub(super) fn evaluate(seen: &mut Inspection, place: &str, class: &str, config: Option<&Map<String, Value>>) {
    if let Some((_, does)) = LOADERS.iter().find(|(name, _)| *name == class) {
        seen.add_finding(Rule::KerasDangerousObject, place, format!("`{}` {does}", class.escape_debug()));
    }
    let Some(config) = config else { return };
    files(seen, place, class, config);
    if CALLERS.contains(&class) {
        operation(seen, place, class, config);
    }
}

/// Layers that read a vocabulary take it from any path or URL; one that is saved lies in the archive, or in a list.
fn files(seen: &mut Inspection, place: &str, class: &str, config: &Map<String, Value>) {
    let keys: &[&str] = match class {
        _ if class.ends_with("Lookup") || class.ends_with("TextVectorization") => &["vocabulary", "idf_weights"],
        _ if class.ends_with("Tokenizer") => &["vocabulary", "merges", "proto", "vocabulary_file", "merges_file"],
        _ => return,
    };
    for key in keys {
        if let Some(path) = config.get(*key).and_then(Value::as_str).filter(|path| !path.is_empty()) {
            let message = format!("`{}` reads its `{key}` from `{}`", class.escape_debug(), path.escape_debug());
            seen.add_finding(Rule::ExternalDataOutside, place, message);
        }
    }
}

/// Layers of Keras 2 that call a function of TensorFlow by its name.
fn operation(seen: &mut Inspection, place: &str, class: &str, config: &Map<String, Value>) {
    let text = |key: &str| config.get(key).and_then(Value::as_str);
    let called =
        ["function", "cls_symbol", "method_name"].iter().filter_map(|key| text(key)).find(|name| reaches(name));
    let node = config.get("node_def").map(|node| match node {
        Value::String(node) => node.clone(),
        other => other.to_string(),
    });
    let node = node.and_then(|node| NODES.iter().find(|name| node.contains(*name)).copied());
    if let Some(name) = called.or(node) {
        let message = format!("`{class}` calls `{}`", name.escape_debug());
        seen.add_finding(Rule::KerasDangerousObject, place, message);
    }
}

/// Operations of TensorFlow that run Python, or read and write files.
const NODES: &[&str] = &[
    "PyFunc",
    "ReadFile",
    "WriteFile",
    "MatchingFiles",
    "Restore",
    "SaveV2",
    "SaveSlices",
    "TableFromText",
    "LoadAndRemap",
];

/// Whether a function of TensorFlow runs Python, loads things or reads and writes files.
fn reaches(name: &str) -> bool {
    let name = name.trim_start_matches("tf.");
    let name = name.strip_prefix("compat.v1.").or_else(|| name.strip_prefix("compat.v2.")).unwrap_or(name);
    let name = name.strip_prefix("__operators__.").unwrap_or(name);
    if let Some((module, function)) =
        name.strip_prefix("keras.").map(|rest| rest.rsplit_once('.').unwrap_or(("", rest)))
    {
        return within_keras(module, function, true).is_some();
    }
    let (module, function) = name.split_once('.').unwrap_or(("", name));
    match module {
        "io" => !["decode_", "encode_", "parse_"].iter().any(|begin| function.starts_with(begin)),
        "raw_ops" | "data" | "saved_model" | "train" | "summary" | "distribute" | "autograph" | "config"
        | "profiler" | "experimental" | "lookup" | "sysconfig" | "test" | "tpu" | "mlir" | "lite" | "__internal__"
        | "gfile" => true,
        _ => ["py_func", "numpy_function", "load_", "read_", "write_", "_file", "__"]
            .iter()
            .any(|word| name.contains(word)),
    }
}

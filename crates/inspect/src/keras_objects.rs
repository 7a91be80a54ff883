//! The objects that a Keras configuration names, and which of them run code, read files or fetch things when the model
//! is loaded. A configuration is data, and so are the names of layers, losses, metrics and functions of the model.

use serde_json::{Map, Value};

use super::finding::{Rule, Severity};
use super::inspection::Inspection;
use super::{keras_layers, pickle};

/// Under which names Keras is imported; what follows one of them is the module within Keras. The longest come first.
const ROOTS: &[&str] = &[
    "keras.api._tf_keras.keras",
    "keras._tf_keras.keras",
    "keras.api",
    "keras.src",
    "keras",
    "tf_keras.api._v2.keras",
    "tf_keras.src",
    "tf_keras",
    "tensorflow.python.keras",
    "tensorflow.compat.v1.keras",
    "tensorflow.compat.v2.keras",
    "tensorflow.keras",
];

/// Modules of Keras whose classes and functions are what models are made of.
const PARTS: &[&str] = &[
    "layers",
    "losses",
    "metrics",
    "activations",
    "initializers",
    "regularizers",
    "constraints",
    "optimizers",
    "quantizers",
    "dtype_policies",
    "random",
    "ops",
    "applications",
];

/// Modules of Keras whose classes alone are that.
const CLASSES: &[&str] = &[
    "",
    "models",
    "engine",
    "backend",
    "mixed_precision",
    "trainers",
    "distribution",
    "experimental",
    "distillation",
    "legacy",
    "_legacy",
];

/// Modules of Keras that load, save, fetch or configure, whatever of them is named.
const TOOLS: &[&str] = &[
    "saving",
    "config",
    "datasets",
    "applications",
    "callbacks",
    "export",
    "visualization",
    "utils",
    "preprocessing",
    "testing",
];

/// What is harmless of those.
const HARMLESS: &[&str] =
    &["FeatureSpace", "to_categorical", "normalize", "pad_sequences", "preprocess_input", "Tokenizer"];

/// What Python's `builtins` have that runs code, reads files or reaches into objects. A model's own function is written
/// as one of that module, and found by its name in what the caller hands over.
const BUILTINS: &[&str] = &[
    "__build_class__",
    "__import__",
    "__loader__",
    "__spec__",
    "apply",
    "breakpoint",
    "classmethod",
    "compile",
    "delattr",
    "dir",
    "eval",
    "exec",
    "execfile",
    "exit",
    "file",
    "getattr",
    "globals",
    "hasattr",
    "help",
    "input",
    "locals",
    "memoryview",
    "open",
    "property",
    "quit",
    "raw_input",
    "reload",
    "setattr",
    "staticmethod",
    "super",
    "type",
    "vars",
];

/// Looks for code everywhere in a configuration, whose depth the reader has bounded.
pub(super) fn evaluate(seen: &mut Inspection, place: &str, value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| evaluate(seen, place, item)),
        Value::Object(members) => {
            object(seen, place, members);
            members.values().for_each(|member| evaluate(seen, place, member));
        }
        _ => {}
    }
}

/// Evaluates the objects of a document that may be something else than a configuration of Keras.
pub(super) fn search(seen: &mut Inspection, place: &str, value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| search(seen, place, item)),
        Value::Object(members) if is_object(members) => evaluate(seen, place, value),
        Value::Object(members) => members.values().for_each(|member| search(seen, place, member)),
        _ => {}
    }
}

fn is_object(members: &Map<String, Value>) -> bool {
    members.get("class_name").is_some_and(Value::is_string)
        && members.contains_key("config")
        && (members.contains_key("module") || members.contains_key("registered_name"))
}

fn object(seen: &mut Inspection, place: &str, members: &Map<String, Value>) {
    let text = |key: &str| members.get(key).and_then(Value::as_str);
    let Some(class) = text("class_name") else { return };
    let plain = class.rsplit('>').next().unwrap_or(class);
    if matches!(plain, "Lambda" | "__lambda__") {
        seen.add_finding(Rule::KerasLambda, place, format!("`{}` carries code", class.escape_debug()));
    }
    let config = members.get("config").and_then(Value::as_object);
    keras_layers::evaluate(seen, place, plain, config);
    let Some(module) = text("module") else { return };
    let name = match class {
        "function" | "builtin_function_or_method" | "type" => text("config").unwrap_or(class),
        "__typespec__" => text("spec_name").unwrap_or(class),
        _ => class,
    };
    if let Some(rule) = rule(module, name, class == "function") {
        seen.add_finding(rule, place, format!("`{}`", format!("{module}.{name}").escape_debug()));
    }
}

/// What is wrong with a name of a module; nothing with what models are made of.
fn rule(module: &str, name: &str, is_function: bool) -> Option<Rule> {
    if module == "builtins" {
        return BUILTINS.contains(&name).then_some(Rule::KerasDangerousObject);
    }
    if let Some(within) = ROOTS.iter().find_map(|root| below(module, root)) {
        return within_keras(within, name, is_function);
    }
    // The shapes and types of inputs, as TensorFlow describes them.
    if below(module, "tensorflow").is_some() && name.ends_with("Spec") && is_class(name) {
        return None;
    }
    // As an activation or a loss a model may name a function of any library; only a dangerous one is no part of it.
    let import = pickle::Import { called: true, ..pickle::Import::new(module, name, 0) };
    let found = pickle::evaluate(std::slice::from_ref(&import));
    Some(if found.iter().any(|finding| finding.severity() == Severity::Danger) {
        Rule::KerasDangerousObject
    } else {
        Rule::KerasCustomObject
    })
}

/// What is wrong with a name of a module within Keras.
pub(super) fn within_keras(module: &str, name: &str, is_function: bool) -> Option<Rule> {
    let mut parts = module.split('.');
    let (first, second) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    if TOOLS.contains(&first) || first.ends_with("legacy") && TOOLS.contains(&second) {
        return (!HARMLESS.contains(&name)).then_some(Rule::KerasDangerousObject);
    }
    if is_class(name) && !is_function {
        return (!PARTS.contains(&first) && !CLASSES.contains(&first)).then_some(Rule::KerasCustomObject);
    }
    let harmless = match first {
        "backend" => !is_tool(name),
        _ => PARTS.contains(&first) && !is_tool(name),
    };
    (!harmless).then_some(Rule::KerasDangerousObject)
}

/// Functions by which the modules of models load and set things.
fn is_tool(name: &str) -> bool {
    let begins =
        ["load", "save", "set_", "clear_", "enable_", "disable_", "deserialize", "serialize", "manual_", "py_"];
    begins.iter().any(|begin| name.starts_with(begin))
        || matches!(name, "get" | "function" | "eval" | "exec")
        || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        || name.contains("__")
}

fn is_class(name: &str) -> bool {
    name.trim_start_matches('_').starts_with(|first: char| first.is_ascii_uppercase())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// What of `module` follows `root`.
fn below<'a>(module: &'a str, root: &str) -> Option<&'a str> {
    let rest = module.strip_prefix(root)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('.') }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn found(value: Value) -> Vec<Rule> {
        let mut seen = Inspection::default();
        evaluate(&mut seen, "", &value);
        seen.findings.iter().map(|finding| finding.rule).collect()
    }

    fn named(module: &str, class: &str, config: &str) -> Vec<Rule> {
        found(json!({"module": module, "class_name": class, "config": config, "registered_name": config}))
    }

    #[test]
    fn functions_that_keras_writes_by_name_are_harmless() {
        for name in ["mean_squared_error", "relu", "my_loss", "accuracy", "abs", "max", "my_package>swish", "tuple"] {
            assert_eq!(named("builtins", "function", name), [], "{name}");
        }
        assert_eq!(named("builtins", "type", "int"), []);
        for (module, name) in
            [("keras.activations", "relu"), ("keras.ops", "map"), ("keras.src.losses.losses", "mean_squared_error")]
        {
            assert_eq!(named(module, "function", name), [], "{module}.{name}");
        }
        let spec = json!({"class_name": "__typespec__", "spec_name": "TensorSpec", "module": "tensorflow.python.framework.tensor_spec", "config": [[null], "float32"]});
        assert_eq!(found(spec), []);
        for function in
            ["math.multiply", "__operators__.add", "io.decode_base64", "compat.v1.transpose", "keras.backend.sum"]
        {
            assert_eq!(found(json!({"class_name": "TFOpLambda", "config": {"function": function}})), [], "{function}");
        }
    }

    #[test]
    fn functions_that_run_load_or_set_things_are_not() {
        for (module, class, name) in [
            ("builtins", "function", "exec"),
            ("builtins", "builtin_function_or_method", "eval"),
            ("builtins", "type", "type"),
            ("os", "function", "system"),
            ("keras.config", "function", "enable_unsafe_deserialization"),
            ("keras.src.saving.serialization_lib", "function", "enable_unsafe_deserialization"),
            ("keras.saving", "function", "load_model"),
            ("keras.models", "function", "load_model"),
            ("keras.models", "function", "model_from_json"),
            ("keras", "function", "version"),
            ("keras.utils", "function", "get_file"),
            ("keras.src.utils.file_utils", "function", "get_file"),
            ("tf_keras.src.utils.data_utils", "function", "get_file"),
            ("keras.api._tf_keras.keras.utils", "function", "get_file"),
            ("tensorflow.keras.models", "function", "load_model"),
            ("keras.layers", "function", "deserialize"),
            ("keras.losses", "function", "get"),
            ("keras.applications", "function", "VGG16"),
            ("keras.applications", "VGG16", ""),
            ("keras.utils", "get_file", ""),
            ("keras.layers", "deserialize", ""),
            ("keras.datasets.mnist", "function", "load_data"),
            ("keras.preprocessing", "function", "image_dataset_from_directory"),
            ("keras.backend", "function", "clear_session"),
            ("keras.distribution", "function", "initialize"),
            ("keras.layers", "function", "Dense.__init__.__globals__"),
        ] {
            assert_eq!(named(module, class, name), [Rule::KerasDangerousObject], "{module}.{name}");
        }
        let spec = json!({"class_name": "__typespec__", "spec_name": "system", "module": "os", "config": ["true"]});
        assert_eq!(found(spec), [Rule::KerasDangerousObject]);
        for function in
            ["io.read_file", "raw_ops.WriteFile", "py_function", "keras.models.load_model", "load_op_library"]
        {
            let layer = json!({"class_name": "TFOpLambda", "config": {"function": function}});
            assert_eq!(found(layer), [Rule::KerasDangerousObject], "{function}");
        }
        let layer = json!({"class_name": "TensorFlowOpLayer", "config": {"node_def": "{\"op\": \"ReadFile\"}"}});
        assert_eq!(found(layer), [Rule::KerasDangerousObject]);
    }

    #[test]
    fn layers_that_load_from_elsewhere_are_found() {
        for class in ["TFSMLayer", "TorchModuleWrapper", "Custom>TFSMLayer"] {
            assert_eq!(
                found(json!({"class_name": class, "config": {"filepath": "x"}})),
                [Rule::KerasDangerousObject],
                "{class}"
            );
        }
        for (class, key) in [
            ("StringLookup", "vocabulary"),
            ("IntegerLookup", "vocabulary"),
            ("TextVectorization", "vocabulary"),
            ("BytePairTokenizer", "merges"),
        ] {
            for path in ["/etc/passwd", "http://127.0.0.1/x", "words.txt"] {
                let layer = json!({"class_name": class, "module": "keras.layers", "config": {key: path}});
                assert_eq!(found(layer), [Rule::ExternalDataOutside], "{class} {path}");
            }
            for given in [json!(null), json!(["a", "b"]), json!({"a": 1})] {
                assert_eq!(found(json!({"class_name": class, "module": "keras.layers", "config": {key: given}})), []);
            }
        }
        assert_eq!(found(json!({"class_name": "Dense", "config": {"vocabulary": "x"}})), []);
    }
}

//! The objects that a Keras configuration names, and which of them run code, read files or fetch things when the model
//! is loaded. A configuration is data, and so are the names of layers, losses, metrics and functions of the model.

use serde_json::{Map, Value};

use super::finding::Rule;
use super::inspection::Inspection;
use super::keras_layers;
use super::keras_names::rule;

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

//! Names of modules, classes and functions that a Keras configuration has, and which of them run code, read files or fetch
//! things when the model is loaded.

use super::finding::{Rule, Severity};
use super::imports;

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

/// What is wrong with a name of a module; nothing with what models are made of.
pub(super) fn rule(module: &str, name: &str, is_function: bool) -> Option<Rule> {
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
    let import = imports::Import { called: true, ..imports::Import::new(module, name, 0) };
    let found = imports::evaluate(std::slice::from_ref(&import));
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

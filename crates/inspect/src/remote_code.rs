//! Code that a configuration asks its library to load: from Python files beside it, from another repository, or from any
//! package that is installed.

use serde_json::{Map, Value};

use super::finding::Rule;
use super::inspection::Inspection;

/// The maximum number of findings of one kind.
const MAX_NAMED: usize = 20;

/// Notes what a configuration asks for, wherever in it: a model of several parts has a configuration of each within.
pub(super) fn find(seen: &mut Inspection, place: &str, value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| find(seen, place, item)),
        Value::Object(members) => {
            asks(seen, place, members);
            members.values().for_each(|member| find(seen, place, member));
        }
        _ => {}
    }
}

fn asks(seen: &mut Inspection, place: &str, members: &Map<String, Value>) {
    let shown =
        |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned).escape_debug().to_string();
    match members.get("auto_map") {
        Some(Value::Object(map)) => {
            for (class, code) in map.iter().take(MAX_NAMED) {
                seen.add_finding(Rule::RemoteCode, place, format!("`{}` is `{}`", class.escape_debug(), shown(code)));
            }
        }
        // The tokenizers of older versions name their classes without saying which is which.
        Some(code @ (Value::String(_) | Value::Array(_))) => {
            seen.add_finding(Rule::RemoteCode, place, format!("`auto_map` is `{}`", shown(code)));
        }
        _ => {}
    }
    for (name, pipeline) in
        members.get("custom_pipelines").and_then(Value::as_object).into_iter().flatten().take(MAX_NAMED)
    {
        let code = pipeline.get("impl").map(shown).unwrap_or_default();
        seen.add_finding(Rule::RemoteCode, place, format!("the pipeline `{}` is `{code}`", name.escape_debug()));
    }
    if members.get("trust_remote_code").and_then(Value::as_bool) == Some(true) {
        seen.add_finding(Rule::RemoteCode, place, "`trust_remote_code` is set");
    }
    // PEFT imports the module that a configuration names as its base model's.
    let parent = members.get("auto_mapping").and_then(|mapping| mapping.get("parent_library")).and_then(Value::as_str);
    if let Some(parent) =
        parent.filter(|parent| !belongs(parent, &["transformers", "diffusers", "peft", "torch", "timm"]))
    {
        seen.add_finding(Rule::RemoteCode, place, format!("`auto_mapping` imports `{}`", parent.escape_debug()));
    }
}

/// Notes the modules of a pipeline of sentence-transformers or diffusers that come from elsewhere.
pub(super) fn find_modules(seen: &mut Inspection, place: &str, name: &str, value: &Value) {
    if name == "modules.json" {
        for module in value.as_array().into_iter().flatten().take(1000) {
            let kind = module.get("type").and_then(Value::as_str).unwrap_or_default();
            if !kind.is_empty() && !belongs(kind, &["sentence_transformers"]) {
                seen.add_finding(Rule::RemoteCode, place, format!("a module is `{}`", kind.escape_debug()));
            }
        }
    }
    if name == "model_index.json" {
        for (part, class) in value.as_object().into_iter().flatten().take(1000) {
            let library = class.get(0).and_then(Value::as_str).unwrap_or_default();
            if part == "_class_name" && class.is_array() || library.contains('.') || library == "diffusers_modules" {
                seen.add_finding(
                    Rule::RemoteCode,
                    place,
                    format!("`{}` is `{}`", part.escape_debug(), library.escape_debug()),
                );
            }
        }
    }
}

fn belongs(module: &str, packages: &[&str]) -> bool {
    let package = module.split('.').next().unwrap_or(module);
    packages.contains(&package)
}

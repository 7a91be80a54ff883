//! JSON files that come with models: what Hugging Face's libraries configure models, tokenizers and processors by, and
//! the code and the templates that such a file brings or asks for. A file of any name may be one.

use serde_json::{Map, Value};

use super::error::{ParseError, ParseResult};
use super::finding::Rule;
use super::inspection::Inspection;
use super::json::{self, decode, whole_number};
use super::json_reader::Reader;
use super::source::{Source, read_all};
use super::{keras, keras_objects, remote_code, template, tokenizer};

/// The longest configuration; a tokenizer lists its whole vocabulary.
const MAX_BYTES: u64 = 8 << 20;
const MAX_TOKENIZER: u64 = 64 << 20;
/// The longest template that has a file of its own.
const MAX_TEMPLATE: u64 = 16 << 20;

/// The files that a library reads by their names; what any other file says is looked at where it says something.
const NAMES: &[&str] = &[
    "config.json",
    "tokenizer_config.json",
    "generation_config.json",
    "processor_config.json",
    "preprocessor_config.json",
    "video_preprocessor_config.json",
    "image_processor_config.json",
    "feature_extractor_config.json",
    "adapter_config.json",
    "chat_template.json",
    "model_index.json",
    "modules.json",
    "config_sentence_transformers.json",
];

/// Members that mark a file of any name as a configuration.
const MODEL_KEYS: &[&str] =
    &["auto_map", "auto_mapping", "custom_pipelines", "trust_remote_code", "chat_template", "class_name"];

/// The maximum size of a file called `name` that is read, also within archives.
pub(super) fn max_bytes(name: &str) -> u64 {
    match name.rsplit('/').next().unwrap_or(name) {
        "config.json" => keras::MAX_CONFIGURATION,
        "tokenizer.json" => MAX_TOKENIZER,
        _ if is_template(name) => MAX_TEMPLATE,
        _ => MAX_BYTES,
    }
}

/// Whether a file is a template by its name, as in `chat_template.jinja` or `additional_chat_templates/rag.jinja`.
pub(super) fn is_template(name: &str) -> bool {
    [".jinja", ".jinja2", ".j2"].iter().any(|end| name.ends_with(end))
}

/// Reads a template that has a file of its own.
pub(super) fn read_template(seen: &mut Inspection, place: &str, name: &str, source: &dyn Source) -> ParseResult<()> {
    let bytes = read_all(source, MAX_TEMPLATE)?;
    template::evaluate(seen, place, name, &String::from_utf8_lossy(&bytes));
    Ok(())
}

/// Reads a JSON file by its name, which has no folder and is in lower case. One that is not JSON is no configuration to
/// any library either.
pub(super) fn read(seen: &mut Inspection, place: &str, name: &str, source: &dyn Source) -> ParseResult<()> {
    let is_named = name == "tokenizer.json" || NAMES.contains(&name);
    if !is_named && source.size() > MAX_BYTES {
        return Ok(());
    }
    let bytes = read_all(source, max_bytes(name))?;
    let read = match name {
        // KerasHub has a configuration of this name.
        "tokenizer.json" if bytes.len() as u64 > MAX_BYTES || !tells(&bytes) => tokenizer::read(seen, place, &bytes),
        _ if is_named || tells(&bytes) => json::parse(&bytes).map(|value| configuration(seen, place, name, &value)),
        _ => Ok(()),
    };
    match read {
        Err(ParseError::Malformed(_) | ParseError::Truncated) if is_named => {
            seen.add_finding(Rule::FormatUnexpected, place, format!("`{name}` is not JSON"));
            Ok(())
        }
        Err(ParseError::Malformed(_) | ParseError::Truncated) => Ok(()),
        read => read,
    }
}

/// Whether a document has a member that only a configuration has.
fn tells(bytes: &[u8]) -> bool {
    let Ok(text) = decode(bytes) else { return false };
    let mut reader = Reader::new(&text);
    let mut told = false;
    let read = reader.object(|reader, name| {
        told |= MODEL_KEYS.contains(&name.as_str());
        reader.skip()
    });
    told && read.is_ok()
}

fn configuration(seen: &mut Inspection, place: &str, name: &str, value: &Value) {
    remote_code::find(seen, place, value);
    remote_code::find_modules(seen, place, name, value);
    if value.get("class_name").is_some_and(Value::is_string) && value.get("config").is_some() {
        keras_objects::evaluate(seen, place, value);
        keras::facts(seen, value);
    } else {
        keras_objects::search(seen, place, value);
    }
    let Value::Object(config) = value else { return };
    templates(seen, place, config.get("chat_template"));
    match name {
        "tokenizer_config.json" => tokenizer_facts(seen, place, config),
        "config.json" | "generation_config.json" => facts(seen, place, config),
        _ => {}
    }
}

fn tokenizer_facts(seen: &mut Inspection, place: &str, config: &Map<String, Value>) {
    if let Some(class) = config.get("tokenizer_class").and_then(Value::as_str) {
        set(seen, place, "hf-tokenizer-config");
        seen.text("tokenizer", class);
    }
    if let Some(length) = config.get("model_max_length").and_then(whole_number).filter(|length| *length < 1 << 40) {
        seen.number("context_length", length);
    }
}

fn facts(seen: &mut Inspection, place: &str, config: &Map<String, Value>) {
    let text = |key: &str| config.get(key).and_then(Value::as_str);
    let number = |key: &str| config.get(key).and_then(whole_number);
    let architecture = config.get("architectures").and_then(|list| list.get(0)).and_then(Value::as_str);
    if architecture.or(text("model_type")).is_none() {
        return;
    }
    set(seen, place, "hf-config");
    seen.text("architecture", architecture.or(text("model_type")).unwrap_or_default());
    for (key, fact) in [
        ("model_type", "model_type"),
        ("dtype", "dtype"),
        ("torch_dtype", "dtype"),
        ("transformers_version", "framework_version"),
        ("_name_or_path", "base_model"),
    ] {
        if let Some(value) = text(key) {
            seen.text(fact, value);
        }
    }
    if text("transformers_version").is_some() {
        seen.text("framework", "transformers");
    }
    for (key, fact) in [
        ("vocab_size", "vocab_size"),
        ("hidden_size", "hidden_size"),
        ("num_hidden_layers", "layer_count"),
        ("max_position_embeddings", "context_length"),
        ("n_positions", "context_length"),
    ] {
        if let Some(value) = number(key) {
            seen.number(fact, value);
        }
    }
    if let Some(quantization) = config.get("quantization_config") {
        let bits =
            quantization.get("bits").and_then(Value::as_u64).map(|bits| format!("-{bits}bit")).unwrap_or_default();
        let method = quantization.get("quant_method").and_then(Value::as_str).unwrap_or("unknown");
        seen.text("quantization", &format!("{method}{bits}"));
    }
    if let Some(labels) = config.get("id2label").and_then(Value::as_object) {
        seen.number("label_count", labels.len() as u64);
    }
}

fn set(seen: &mut Inspection, place: &str, format: &str) {
    if place.is_empty() {
        seen.set_format(format, None);
    }
}

/// One template, or several under their names.
fn templates(seen: &mut Inspection, place: &str, value: Option<&Value>) {
    match value {
        Some(Value::String(code)) => template::evaluate(seen, place, "chat_template", code),
        Some(Value::Array(named)) => {
            for each in named {
                let text = |key: &str| each.get(key).and_then(Value::as_str);
                if let Some(code) = text("template").or_else(|| each.as_str()) {
                    template::evaluate(seen, place, text("name").unwrap_or("chat_template"), code);
                }
            }
        }
        Some(Value::Object(named)) => {
            for (name, code) in named {
                if let Some(code) = code.as_str() {
                    template::evaluate(seen, place, name, code);
                }
            }
        }
        _ => {}
    }
}

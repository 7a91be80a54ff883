//! Hugging Face's JSON files: the configuration of a model and of its tokenizer, and the code they ask for.

use std::fmt;

use serde::Deserialize;
use serde::de::{IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

use super::fault::{Fault, Step};
use super::finding::Rule;
use super::inspection::Inspection;
use super::source::{Source, whole};
use super::template;

/// The longest configuration; a tokenizer lists its whole vocabulary.
const LONGEST: u64 = 8 << 20;
const LONGEST_TOKENIZER: u64 = 64 << 20;

/// Reads one of the files, by its name.
pub(super) fn read(seen: &mut Inspection, place: &str, name: &str, source: &dyn Source) -> Step<()> {
    if name == "tokenizer.json" {
        return tokenizer(seen, place, source);
    }
    let value: Value = serde_json::from_slice(&whole(source, LONGEST)?)?;
    let Value::Object(config) = value else { return Err(Fault::malformed("the configuration is no object")) };
    remote_code(seen, place, &config);
    let text = |key: &str| config.get(key).and_then(Value::as_str);
    let number = |key: &str| config.get(key).and_then(Value::as_u64);
    if name == "tokenizer_config.json" {
        if let Some(class) = text("tokenizer_class") {
            set(seen, place, "hf-tokenizer-config");
            seen.text("tokenizer", class);
        }
        if let Some(length) = number("model_max_length").filter(|length| *length < 1 << 40) {
            seen.number("context_length", length);
        }
        templates(seen, place, config.get("chat_template"));
        return Ok(());
    }
    let architecture = config.get("architectures").and_then(|list| list.get(0)).and_then(Value::as_str);
    if architecture.or(text("model_type")).is_none() {
        return Ok(());
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
    Ok(())
}

fn set(seen: &mut Inspection, place: &str, format: &str) {
    if place.is_empty() {
        seen.set_format(format, None);
    }
}

/// `auto_map` names classes in Python files of the repository, or of another one.
fn remote_code(seen: &mut Inspection, place: &str, config: &serde_json::Map<String, Value>) {
    if let Some(map) = config.get("auto_map").and_then(Value::as_object) {
        for (class, code) in map.iter().take(20) {
            let code = code.as_str().map_or_else(|| code.to_string(), str::to_owned);
            seen.find(Rule::RemoteCode, place, format!("`{}` is `{}`", class.escape_debug(), code.escape_debug()));
        }
    }
    for (name, pipeline) in config.get("custom_pipelines").and_then(Value::as_object).into_iter().flatten().take(20) {
        let code = pipeline.get("impl").and_then(Value::as_str).unwrap_or_default();
        seen.find(
            Rule::RemoteCode,
            place,
            format!("the pipeline `{}` is `{}`", name.escape_debug(), code.escape_debug()),
        );
    }
    if config.get("trust_remote_code").and_then(Value::as_bool) == Some(true) {
        seen.find(Rule::RemoteCode, place, "`trust_remote_code` is set");
    }
}

fn templates(seen: &mut Inspection, place: &str, value: Option<&Value>) {
    match value {
        Some(Value::String(code)) => template::judge(seen, place, "chat_template", code),
        Some(Value::Array(named)) => {
            for each in named.iter().take(20) {
                let text = |key: &str| each.get(key).and_then(Value::as_str).unwrap_or_default();
                template::judge(seen, place, text("name"), text("template"));
            }
        }
        _ => {}
    }
}

#[derive(Deserialize)]
struct Tokenizer {
    version: Option<String>,
    model: Vocabulary,
}

#[derive(Deserialize)]
struct Vocabulary {
    #[serde(rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    vocab: Count,
}

/// How many members an object or a list has.
#[derive(Default)]
struct Count(u64);

impl<'de> Deserialize<'de> for Count {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;
        impl<'de> Visitor<'de> for Members {
            type Value = Count;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a vocabulary")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Count, A::Error> {
                let mut count = 0;
                while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Count(count))
            }

            fn visit_seq<A: serde::de::SeqAccess<'de>>(self, mut list: A) -> Result<Count, A::Error> {
                let mut count = 0;
                while list.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(Count(count))
            }
        }
        deserializer.deserialize_any(Members)
    }
}

fn tokenizer(seen: &mut Inspection, place: &str, source: &dyn Source) -> Step<()> {
    let tokenizer: Tokenizer = serde_json::from_slice(&whole(source, LONGEST_TOKENIZER)?)?;
    if place.is_empty() {
        seen.set_format("hf-tokenizer", tokenizer.version);
    }
    seen.text("tokenizer", &tokenizer.model.kind.unwrap_or_default());
    seen.number("vocab_size", tokenizer.model.vocab.0);
    Ok(())
}

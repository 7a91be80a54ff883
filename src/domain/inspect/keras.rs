//! Keras: the configuration of a model, in its archive or in an HDF5 file, and whether it carries code.

use serde_json::{Value, json};

use super::fault::Step;
use super::finding::Rule;
use super::inspection::Inspection;
use super::pickle;
use super::source::{Source, head, read_exact, whole};

/// The longest configuration.
const LONGEST: u64 = 32 << 20;
/// How much of an HDF5 file is searched, at its start and at its end.
const SEARCHED: u64 = 32 << 20;
/// Blocks overlap by this much, so that what is looked for is never cut.
const OVERLAP: u64 = 64;
const BLOCK: u64 = 1 << 20;

/// Reads `config.json` of a `.keras` archive.
pub(super) fn configuration(seen: &mut Inspection, place: &str, source: &dyn Source) -> Step<()> {
    let value: Value = serde_json::from_slice(&whole(source, LONGEST)?)?;
    judge(seen, place, &value);
    facts(seen, &value);
    Ok(())
}

/// Reads `metadata.json` of a `.keras` archive.
pub(super) fn metadata(seen: &mut Inspection, source: &dyn Source) -> Step<()> {
    let value: Value = serde_json::from_slice(&whole(source, LONGEST)?)?;
    if let Some(version) = value.get("keras_version").and_then(Value::as_str) {
        seen.text("framework_version", version);
    }
    Ok(())
}

fn facts(seen: &mut Inspection, value: &Value) {
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

/// Looks for code everywhere in a configuration. The JSON reader has bounded its depth.
fn judge(seen: &mut Inspection, place: &str, value: &Value) {
    match value {
        Value::Array(items) => items.iter().for_each(|item| judge(seen, place, item)),
        Value::Object(members) => {
            named(seen, place, members);
            members.values().for_each(|member| judge(seen, place, member));
        }
        _ => {}
    }
}

fn named(seen: &mut Inspection, place: &str, members: &serde_json::Map<String, Value>) {
    let text = |key: &str| members.get(key).and_then(Value::as_str);
    let class = text("class_name").unwrap_or_default();
    if matches!(class, "Lambda" | "__lambda__") || class.ends_with(">Lambda") {
        seen.find(Rule::KerasLambda, place, format!("`{class}` carries code"));
    }
    let Some(module) = text("module") else { return };
    if module == "keras" || module.starts_with("keras.") && !module.contains("legacy") {
        // Helpers that fetch and run things are no layers.
        if module.starts_with("keras.utils") || module.starts_with("keras.src.utils") || module.contains("saving") {
            seen.find(Rule::KerasDangerousObject, place, format!("`{module}.{class}` is no part of a model"));
        }
        return;
    }
    let import = pickle::Import::new(module, text("config").unwrap_or(class), 0);
    let dangerous =
        pickle::judge(std::slice::from_ref(&import)).iter().any(|finding| finding.rule == Rule::PickleDangerousImport);
    let dangerous = dangerous || module == "builtins" && matches!(class, "function" | "builtin_function_or_method");
    let rule = if dangerous { Rule::KerasDangerousObject } else { Rule::KerasCustomObject };
    seen.find(rule, place, format!("`{}`", import.full_name().escape_debug()));
}

/// Reads an HDF5 file: the configuration is an attribute, which is found by its first words.
pub(super) fn hdf5(seen: &mut Inspection, place: &str, source: &dyn Source) -> Step<()> {
    if place.is_empty() {
        let superblock = read_exact(source, 8, 1)?;
        seen.set_format("hdf5", superblock.first().map(u8::to_string));
    }
    let size = source.size();
    let mut found = None;
    let mut lambda = false;
    let spans = if size > 2 * SEARCHED {
        seen.find(Rule::KerasUnsearched, place, format!("only the first and the last {SEARCHED} bytes are searched"));
        [(0, SEARCHED), (size - SEARCHED, size)]
    } else {
        [(0, size), (size, size)]
    };
    for (from, to) in spans {
        let mut at = from;
        while at < to {
            let length = (to - at).min(BLOCK + OVERLAP);
            let block = read_exact(source, at, usize::try_from(length).unwrap_or(0))?;
            let (start, code) = search(&block);
            found = found.or(start.map(|within| at + within as u64));
            lambda |= code;
            at += BLOCK;
        }
    }
    if lambda {
        seen.find(Rule::KerasLambda, place, "a `Lambda` layer carries code");
    }
    let Some(at) = found else { return Ok(()) };
    let length = (size - at).min(LONGEST);
    let bytes = read_exact(source, at, usize::try_from(length).unwrap_or(0))?;
    let mut stream = serde_json::Deserializer::from_slice(&bytes).into_iter::<Value>();
    if let Some(Ok(value)) = stream.next() {
        if place.is_empty() {
            seen.set_format("keras-hdf5", None);
        }
        judge(seen, place, &value);
        facts(seen, &value);
    }
    version(seen, source)
}

/// Where a configuration starts, and whether a block names a layer that carries code.
fn search(block: &[u8]) -> (Option<usize>, bool) {
    let (mut start, mut code, mut at) = (None, false, 0);
    while let Some(rest) = block.get(at..) {
        let Some(quote) = rest.iter().position(|byte| *byte == b'"') else { break };
        let rest = rest.get(quote..).unwrap_or_default();
        at += quote;
        let begins = |words: &[u8]| rest.starts_with(words);
        if start.is_none() && block.get(at.wrapping_sub(1)) == Some(&b'{') {
            start = (begins(b"\"class_name\"") || begins(b"\"module\": \"keras")).then(|| at - 1);
        }
        code |=
            begins(b"\"class_name\": \"Lambda\"") || begins(b"\"class_name\":\"Lambda\"") || begins(b"\"__lambda__\"");
        at += 1;
    }
    (start, code)
}

/// The version of Keras is an attribute too: behind its name stands where a heap in the file keeps the text.
fn version(seen: &mut Inspection, source: &dyn Source) -> Step<()> {
    let start = head(source, 1 << 20)?;
    let Some(at) = position(&start, b"keras_version\0") else { return Ok(()) };
    for within in at + 14..at + 110 {
        let number = |from: usize, length: usize| {
            let bytes = start.get(within + from..within + from + length)?;
            Some(bytes.iter().rev().fold(0u64, |number, byte| number << 8 | u64::from(*byte)))
        };
        let (Some(length), Some(heap), Some(index)) = (number(0, 4), number(4, 8), number(12, 4)) else { break };
        let heap = usize::try_from(heap).ok().and_then(|heap| start.get(heap..)).unwrap_or_default();
        if let Some(text) = usize::try_from(length).ok().and_then(|length| heap_text(heap, index, length)) {
            seen.text("framework_version", text);
            break;
        }
    }
    Ok(())
}

/// A text of a heap that keeps pieces of any length: each has its index, its size and its bytes, filled up to eight.
fn heap_text(heap: &[u8], index: u64, length: usize) -> Option<&str> {
    let mut rest = heap.strip_prefix(b"GCOL")?.get(12..)?;
    for _ in 0..1000 {
        let found = u16::from_le_bytes(rest.get(..2)?.try_into().ok()?);
        let size = usize::try_from(u64::from_le_bytes(rest.get(8..16)?.try_into().ok()?)).ok()?;
        let bytes = rest.get(16..)?.get(..size)?;
        if u64::from(found) == index {
            return std::str::from_utf8(bytes.get(..length)?).ok();
        }
        rest = rest.get(16 + size.checked_next_multiple_of(8)?..)?;
    }
    None
}

fn position(bytes: &[u8], needle: &[u8]) -> Option<usize> {
    bytes.windows(needle.len()).position(|window| window == needle)
}

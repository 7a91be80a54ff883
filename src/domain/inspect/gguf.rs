//! GGUF, versions 2 and 3, in either byte order: metadata, tensors, and whether their data lies within the file.

use std::collections::BTreeMap;

use super::cursor::Cursor;
use super::fault::{Fault, Step};
use super::gguf_types::{element, file_type};
use super::inspection::Inspection;
use super::source::Source;
use super::template;

/// The most bytes of metadata and tensor descriptions.
const MOST_BYTES: u64 = 512 << 20;
const MOST_PAIRS: u64 = 100_000;
const MOST_TENSORS: u64 = 1_000_000;
/// The longest text that is kept; chat templates are long.
const LONGEST: u64 = 1 << 20;

enum Value {
    Number(u64),
    Text(String),
    /// An array, of which only the length is kept.
    Many(u64),
    Other,
}

/// Reads the header.
pub(super) fn read(seen: &mut Inspection, place: &str, source: &dyn Source) -> Step<()> {
    let mut input = Cursor::over(source, MOST_BYTES);
    if input.array()? != *b"GGUF" {
        return Err(Fault::malformed("it does not begin with `GGUF`"));
    }
    let mut version = input.u32()?;
    if version & 0xffff == 0 && version != 0 {
        version = version.swap_bytes();
        input.set_big_endian();
    }
    if place.is_empty() {
        seen.set_format("gguf", Some(version.to_string()));
    }
    if !matches!(version, 2 | 3) {
        return Err(Fault::malformed(format!("version {version} is neither 2 nor 3")));
    }
    let (tensors, pairs) = (input.u64()?, input.u64()?);
    if tensors > MOST_TENSORS || pairs > MOST_PAIRS {
        return Err(Fault::limit(format!("{tensors} tensors and {pairs} pairs")));
    }
    let mut alignment = 32;
    let mut known = BTreeMap::new();
    for _ in 0..pairs {
        let key = text(&mut input, 65_535)?;
        let kind = input.u32()?;
        let value = value(&mut input, kind, 0)?;
        match &value {
            Value::Number(number) if key == "general.alignment" => alignment = *number,
            Value::Text(code) if key.starts_with("tokenizer.chat_template") => template::judge(seen, place, &key, code),
            _ => {}
        }
        if known.len() < 4096 {
            known.insert(key, value);
        }
    }
    facts(seen, &known);
    if !alignment.is_power_of_two() || alignment > 1 << 20 {
        return Err(Fault::malformed(format!("an alignment of {alignment} bytes")));
    }
    described(seen, &mut input, tensors, alignment, source.size())
}

fn text(input: &mut Cursor<'_>, most: u64) -> Step<String> {
    let length = input.u64()?;
    Ok(String::from_utf8_lossy(&input.bytes(length, most)?).into_owned())
}

fn value(input: &mut Cursor<'_>, kind: u32, depth: usize) -> Step<Value> {
    Ok(match kind {
        0 | 7 => Value::Number(u64::from(input.byte()?)),
        2 => Value::Number(u64::from(input.u16()?)),
        4 => Value::Number(u64::from(input.u32()?)),
        10 => Value::Number(input.u64()?),
        5 => {
            let number = input.u32()?;
            i32::try_from(number).ok().and_then(|number| u64::try_from(number).ok()).map_or(Value::Other, Value::Number)
        }
        11 => {
            let number = input.u64()?;
            i64::try_from(number).map_or(Value::Other, |_| Value::Number(number))
        }
        8 => {
            let length = input.u64()?;
            if length > LONGEST {
                input.skip(length)?;
                return Ok(Value::Other);
            }
            Value::Text(String::from_utf8_lossy(&input.bytes(length, LONGEST)?).into_owned())
        }
        9 => {
            let (kind, count) = (input.u32()?, input.u64()?);
            match size(kind) {
                Some(size) => {
                    input.skip(count.checked_mul(size).ok_or_else(|| Fault::malformed("an array without bounds"))?)?;
                }
                None if kind == 8 => {
                    for _ in 0..count {
                        let length = input.u64()?;
                        input.skip(length)?;
                    }
                }
                None if kind == 9 && depth < 4 => {
                    for _ in 0..count {
                        value(input, 9, depth + 1)?;
                    }
                }
                None => return Err(Fault::malformed(format!("an array of the unknown type {kind}"))),
            }
            Value::Many(count)
        }
        _ => {
            let size = size(kind).ok_or_else(|| Fault::malformed(format!("a value of the unknown type {kind}")))?;
            input.skip(size)?;
            Value::Other
        }
    })
}

fn size(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

fn facts(seen: &mut Inspection, known: &BTreeMap<String, Value>) {
    let text = |key: &str| match known.get(key) {
        Some(Value::Text(text)) => Some(text.as_str()),
        _ => None,
    };
    let number = |key: &str| match known.get(key) {
        Some(Value::Number(number)) => Some(*number),
        _ => None,
    };
    for (key, fact) in [
        ("general.architecture", "architecture"),
        ("general.name", "model_name"),
        ("general.license", "license"),
        ("general.base_model.0.repo_url", "base_model"),
        ("tokenizer.ggml.model", "tokenizer"),
    ] {
        if let Some(value) = text(key) {
            seen.text(fact, value);
        }
    }
    if let Some(name) = number("general.file_type").and_then(file_type) {
        seen.text("quantization", name);
    }
    if let Some(architecture) = text("general.architecture") {
        for (key, fact) in [
            ("context_length", "context_length"),
            ("embedding_length", "embedding_length"),
            ("block_count", "block_count"),
            ("vocab_size", "vocab_size"),
        ] {
            if let Some(value) = number(&format!("{architecture}.{key}")) {
                seen.number(fact, value);
            }
        }
    }
    if let Some(Value::Many(count)) = known.get("tokenizer.ggml.tokens") {
        seen.number("vocab_size", *count);
    }
}

fn described(seen: &mut Inspection, input: &mut Cursor<'_>, tensors: u64, alignment: u64, size: u64) -> Step<()> {
    let mut dtypes: BTreeMap<&str, u64> = BTreeMap::new();
    let mut parameters = 0u64;
    let mut end = 0u64;
    for _ in 0..tensors {
        let name = text(input, 1024)?;
        let name = name.escape_debug();
        let dimensions = input.u32()?;
        if dimensions > 8 {
            return Err(Fault::malformed(format!("`{name}` has {dimensions} dimensions")));
        }
        let mut count = 1u64;
        for _ in 0..dimensions {
            count = count
                .checked_mul(input.u64()?)
                .ok_or_else(|| Fault::malformed(format!("`{name}` is without bounds")))?;
        }
        let kind = input.u32()?;
        let (dtype, block, bytes) =
            element(kind).ok_or_else(|| Fault::malformed(format!("`{name}` has the unknown type {kind}")))?;
        let offset = input.u64()?;
        if !offset.is_multiple_of(alignment) || !count.is_multiple_of(block) {
            return Err(Fault::malformed(format!("`{name}` is not aligned")));
        }
        let bytes = (count / block).checked_mul(bytes).and_then(|bytes| bytes.checked_add(offset));
        end = end.max(bytes.ok_or_else(|| Fault::malformed(format!("`{name}` is without bounds")))?);
        parameters = parameters.saturating_add(count);
        *dtypes.entry(dtype).or_default() += 1;
    }
    seen.number("tensor_count", tensors);
    seen.number("parameter_count", parameters);
    seen.json(
        "dtypes",
        dtypes
            .into_iter()
            .map(|(name, count)| (name.to_owned(), count.into()))
            .collect::<serde_json::Map<_, _>>()
            .into(),
    );
    let data = input.place().next_multiple_of(alignment);
    if tensors > 0 && data.checked_add(end).is_none_or(|end| end > size) {
        return Err(Fault::Truncated);
    }
    Ok(())
}

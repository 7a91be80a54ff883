//! GGUF, versions 2 and 3, in either byte order: metadata, tensors, and whether their data lies within the file.

use std::collections::BTreeMap;

use super::cursor::Cursor;
use super::error::{ParseError, ParseResult};
use super::finding::Rule;
use super::gguf_types::{element, file_type};
use super::gguf_values::{Value, is_template, text, value};
use super::inspection::Inspection;
use super::source::Source;
use super::template;
use super::tensor::{Tensor, TensorList};

/// The maximum number of bytes of metadata and tensor descriptions.
const MAX_BYTES: u64 = 512 << 20;
const MAX_PAIRS: u64 = 100_000;
const MAX_TENSORS: u64 = 1_000_000;
/// The maximum number of different element types of one file.
const MAX_TYPES: usize = 100;

/// Reads the header.
pub(super) fn read(seen: &mut Inspection, place: &str, source: &dyn Source) -> ParseResult<()> {
    parse(seen, place, source, None)
}

/// The tensors that the header describes.
pub(super) fn list(source: &dyn Source) -> ParseResult<TensorList> {
    let mut listed = TensorList::default();
    parse(&mut Inspection::default(), "", source, Some(&mut listed))?;
    Ok(listed)
}

/// Reads the header, with its tensors where they are to be listed.
fn parse(seen: &mut Inspection, place: &str, source: &dyn Source, listed: Option<&mut TensorList>) -> ParseResult<()> {
    let mut input = Cursor::over(source, MAX_BYTES);
    if input.array()? != *b"GGUF" {
        return Err(ParseError::malformed("it does not begin with `GGUF`"));
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
        return Err(ParseError::malformed(format!("version {version} is neither 2 nor 3")));
    }
    let (tensors, pairs) = (input.u64()?, input.u64()?);
    if tensors > MAX_TENSORS || pairs > MAX_PAIRS {
        return Err(ParseError::limit(format!("{tensors} tensors and {pairs} pairs")));
    }
    let mut alignment = 32;
    let mut known = BTreeMap::new();
    for _ in 0..pairs {
        let key = text(&mut input, 65_535)?;
        let kind = input.u32()?;
        let value = value(&mut input, &key, kind)?;
        match &value {
            Value::Number(number) if key == "general.alignment" => alignment = *number,
            Value::Text(code) if is_template(&key) => template::evaluate(seen, place, &key, code),
            Value::Long(length) if is_template(&key) => {
                seen.add_finding(Rule::FormatLimit, place, format!("`{}` has {length} bytes", key.escape_debug()));
            }
            _ => {}
        }
        if known.len() < 4096 {
            known.insert(key, value);
        }
    }
    facts(seen, &known);
    if !alignment.is_power_of_two() || alignment > 1 << 20 {
        return Err(ParseError::malformed(format!("an alignment of {alignment} bytes")));
    }
    described(seen, place, &mut input, (tensors, alignment, source.size()), listed)
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

fn described(
    seen: &mut Inspection,
    place: &str,
    input: &mut Cursor<'_>,
    (tensors, alignment, size): (u64, u64, u64),
    mut listed: Option<&mut TensorList>,
) -> ParseResult<()> {
    let mut dtypes: BTreeMap<String, u64> = BTreeMap::new();
    let mut parameters = 0u64;
    let mut end = 0u64;
    for _ in 0..tensors {
        let own_name = text(input, 1024)?;
        let name = own_name.escape_debug();
        let dimensions = input.u32()?;
        if dimensions > 8 {
            return Err(ParseError::malformed(format!("`{name}` has {dimensions} dimensions")));
        }
        let mut count = 1u64;
        let mut shape = Vec::new();
        for _ in 0..dimensions {
            let size = input.u64()?;
            shape.push(size);
            count =
                count.checked_mul(size).ok_or_else(|| ParseError::malformed(format!("`{name}` is without bounds")))?;
        }
        let kind = input.u32()?;
        let offset = input.u64()?;
        // Element types are added every few months; of a new one only the beginning of the data is known.
        let (block, bytes) = match element(kind) {
            Some((dtype, block, bytes)) => {
                *dtypes.entry(dtype.to_owned()).or_default() += 1;
                (block, bytes)
            }
            None => {
                *dtypes.entry(format!("type {kind}")).or_default() += 1;
                if dtypes.len() > MAX_TYPES {
                    return Err(ParseError::malformed("there is no end of element types"));
                }
                seen.add_finding(Rule::FormatNewer, place, format!("tensors have the unknown type {kind}"));
                (1, 0)
            }
        };
        if !offset.is_multiple_of(alignment) || !count.is_multiple_of(block) {
            return Err(ParseError::malformed(format!("`{name}` is not aligned")));
        }
        let bytes = (count / block).checked_mul(bytes);
        let data_end = bytes.and_then(|bytes| bytes.checked_add(offset));
        end = end.max(data_end.ok_or_else(|| ParseError::malformed(format!("`{name}` is without bounds")))?);
        parameters = parameters.saturating_add(count);
        if let Some(listed) = listed.as_deref_mut() {
            let known = element(kind);
            let dtype = known.map_or_else(|| format!("type {kind}"), |(dtype, ..)| dtype.to_owned());
            let bytes = bytes.filter(|_| known.is_some());
            let (name, offset) = (own_name, Some(offset));
            listed.add(Tensor { name, dtype, shape, parameters: count, bytes, offset, file: None })?;
        }
    }
    seen.number("tensor_count", tensors);
    seen.number("parameter_count", parameters);
    seen.json(
        "dtypes",
        dtypes.into_iter().map(|(name, count)| (name, count.into())).collect::<serde_json::Map<_, _>>().into(),
    );
    let data = input.place().next_multiple_of(alignment);
    if let Some(listed) = listed {
        listed.shift(data);
    }
    if tensors > 0 && data.checked_add(end).is_none_or(|end| end > size) {
        return Err(ParseError::Truncated);
    }
    Ok(())
}

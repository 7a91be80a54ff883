//! Hugging Face's `tokenizer.json`: its kind and the size of its vocabulary, counted without keeping it.

use serde_json::Value;

use super::error::ParseResult;
use super::inspection::Inspection;
use super::json::decode;
use super::json_reader::Reader;

/// Reads a tokenizer. A document that is none, such as Keras's of the same name, says nothing.
pub(super) fn read(seen: &mut Inspection, place: &str, bytes: &[u8]) -> ParseResult<()> {
    let text = decode(bytes)?;
    let mut reader = Reader::new(&text);
    if !reader.is_object() {
        return Ok(());
    }
    let (mut version, mut kind, mut words) = (None, None, None);
    reader.object(|reader, name| {
        match name.as_str() {
            "version" => version = reader.value()?.as_str().map(str::to_owned),
            "model" if reader.is_object() => reader.object(|reader, name| {
                match name.as_str() {
                    "type" => kind = reader.value()?.as_str().map(str::to_owned),
                    "vocab" => words = Some(count(reader)?),
                    _ => reader.skip()?,
                }
                Ok(())
            })?,
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    reader.end()?;
    if kind.is_none() && words.is_none() {
        return Ok(());
    }
    if place.is_empty() {
        seen.set_format("hf-tokenizer", version);
    }
    seen.text("tokenizer", &kind.unwrap_or_default());
    seen.number("vocab_size", words.unwrap_or(0));
    Ok(())
}

/// How many members an object or a list has.
fn count(reader: &mut Reader<'_>) -> ParseResult<u64> {
    let mut count = 0;
    if reader.is_list() {
        reader.list(|reader| {
            count += 1;
            reader.skip()
        })?;
    } else if reader.is_object() {
        reader.object(|reader, _| {
            count += 1;
            reader.skip()
        })?;
    } else if let Value::Number(number) = reader.value()? {
        count = number.as_u64().unwrap_or(0);
    }
    Ok(count)
}

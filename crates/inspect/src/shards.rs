//! The index of a model in several files, `*.index.json`: which tensor lies in which file, and whether the files are there.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::error::{ParseError, ParseResult};
use super::finding::Rule;
use super::json::{decode, whole_number};
use super::json_reader::Reader;
use super::scan::Scan;
use super::source::{Source, read_all};

/// The longest index.
const MAX_BYTES: u64 = 64 << 20;

#[derive(Default)]
struct Index {
    tensors: u64,
    files: BTreeSet<String>,
    metadata: Map<String, Value>,
}

/// Reads the index called `name`. One that is called after no weights may be any program's, and then says nothing.
pub(super) fn read(scan: &mut Scan<'_>, place: &str, name: &str, source: &dyn Source) -> ParseResult<()> {
    let of_weights = [".safetensors.index.json", ".bin.index.json"].iter().any(|end| name.ends_with(end));
    let read = read_all(source, MAX_BYTES).and_then(|bytes| decode(&bytes).and_then(|text| index(&text)));
    let index = match read {
        Ok(Some(index)) => index,
        Err(error @ ParseError::Failed(_)) => return Err(error),
        Err(error @ ParseError::Limit(_)) if of_weights => return Err(error),
        _ => {
            if of_weights {
                scan.seen.add_finding(Rule::FormatUnexpected, place, "it has no `weight_map` of tensors and files");
            }
            return Ok(());
        }
    };
    if place.is_empty() {
        let safetensors = index.files.iter().any(|file| file.ends_with(".safetensors"));
        scan.seen.set_format(if safetensors { "safetensors-index" } else { "pytorch-index" }, None);
    }
    scan.seen.number("tensor_count", index.tensors);
    scan.seen.number("shard_count", index.files.len() as u64);
    for (name, fact) in [("total_size", "total_size"), ("total_parameters", "parameter_count")] {
        if let Some(number) = index.metadata.get(name).and_then(whole_number) {
            scan.seen.number(fact, number);
        }
    }
    for file in &index.files {
        scan.seen.add_reference(place, file, 0);
    }
    Ok(())
}

/// The files that the tensors lie in.
pub(super) fn files(source: &dyn Source) -> ParseResult<BTreeSet<String>> {
    let bytes = read_all(source, MAX_BYTES)?;
    match index(&decode(&bytes)?)? {
        Some(index) => Ok(index.files),
        None => Err(ParseError::malformed("it has no `weight_map` of tensors and files")),
    }
}

/// `None` where there is no map of tensors and files.
fn index(text: &str) -> ParseResult<Option<Index>> {
    let mut found = None;
    let mut metadata = Map::new();
    let mut reader = Reader::new(text);
    reader.object(|reader, name| {
        match name.as_str() {
            "weight_map" if reader.is_object() => {
                let mut index = Index::default();
                reader.object(|reader, _| {
                    index.tensors += 1;
                    match reader.value()? {
                        Value::String(file) => index.files.insert(file),
                        _ => return Err(ParseError::malformed("a tensor lies in no file")),
                    };
                    Ok(())
                })?;
                found = Some(index);
            }
            "metadata" if reader.is_object() => {
                if let Value::Object(members) = reader.value()? {
                    metadata = members;
                }
            }
            _ => reader.skip()?,
        }
        Ok(())
    })?;
    reader.end()?;
    Ok(found.map(|index| Index { metadata, ..index }))
}

//! HDF5: the attributes in which Keras keeps the configuration of a model and whether that carries code, and data that a
//! file takes from other files.

mod objects;
mod ranges;

use serde_json::Value;

use super::error::ParseResult;
use super::finding::Rule;
use super::inspection::Inspection;
use super::source::{Source, read_exact};
use super::{json, keras, keras_objects};
use objects::{Found, Objects};

/// How every superblock begins.
const SIGNATURE: &[u8] = b"\x89HDF\r\n\x1a\n";

/// Whether a file has its superblock after bytes of somebody's own, at 512 or any doubling of it.
pub(super) fn is_behind_user_block(source: &dyn Source) -> ParseResult<bool> {
    let mut at = 512;
    while at + 8 <= source.size() {
        if read_exact(source, at, SIGNATURE.len())? == SIGNATURE {
            return Ok(true);
        }
        at *= 2;
    }
    Ok(false)
}

/// Reads an HDF5 file.
pub(super) fn read(seen: &mut Inspection, place: &str, source: &dyn Source) -> ParseResult<()> {
    let mut objects = Objects::open(source)?;
    if place.is_empty() {
        seen.set_format("hdf5", Some(objects.version.to_string()));
    }
    objects.visit(|found| match found {
        Found::Text { of_root: true, name, text } => root_attribute(seen, place, &name, &text),
        Found::Text { of_root: false, text, .. } => search(seen, place, &text),
        Found::Elsewhere(what) => seen.add_finding(Rule::ExternalDataOutside, place, what),
    })
}

fn root_attribute(seen: &mut Inspection, place: &str, name: &str, text: &[u8]) {
    match name {
        "model_config" => match json::parse(text) {
            Ok(value) => model(seen, place, &value),
            Err(_) => seen.add_finding(Rule::FormatMalformed, place, "`model_config` is not JSON"),
        },
        "training_config" => {
            if let Ok(value) = json::parse(text) {
                keras_objects::evaluate(seen, place, &value);
            }
        }
        "keras_version" => seen.text("framework_version", &String::from_utf8_lossy(text)),
        _ => search(seen, place, text),
    }
}

fn model(seen: &mut Inspection, place: &str, value: &Value) {
    if place.is_empty() {
        seen.set_format("keras-hdf5", None);
    }
    keras_objects::evaluate(seen, place, value);
    keras::facts(seen, value);
}

/// Looks for objects of Keras in a text that may be anything.
fn search(seen: &mut Inspection, place: &str, text: &[u8]) {
    if text.trim_ascii_start().starts_with(b"{")
        && let Ok(value) = json::parse(text)
    {
        keras_objects::search(seen, place, &value);
    }
}

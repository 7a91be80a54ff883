//! Safetensors: the header's length and JSON, and that its tensors cover the rest of the file without a gap.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{BufReader, Read};

use serde::Deserialize;
use serde::de::{Deserializer as _, Error as _, MapAccess, Visitor};

use super::error::{ParseError, ParseResult, SourceFailed};
use super::finding::Rule;
use super::inspection::{Inspection, clip};
use super::source::{ByteStream, Source, SourceStream, Window, read_head};
use super::tensor::{Tensor, TensorList};
use super::unpack::parse_error;

/// The maximum length of a header that the format's own library reads.
const MAX_HEADER_BYTES: u64 = 100_000_000;
/// The maximum number of tensors of one file.
const MAX_TENSORS: usize = 1_000_000;
/// The maximum number of different element types of one file.
const MAX_TYPES: usize = 100;

/// Whether a file without a telling name begins as one of this format.
pub(super) fn is_header(source: &dyn Source, start: &[u8]) -> bool {
    let length = start.get(..8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
    length >= 2 && length <= source.size().saturating_sub(8) && start.get(8..10) == Some(b"{\"")
}

/// Reads the header.
pub(super) fn read(seen: &mut Inspection, place: &str, source: &dyn Source) -> ParseResult<()> {
    if place.is_empty() {
        seen.set_format("safetensors", None);
    }
    let (header, data) = parse(source, None)?;
    for dtype in &header.newer {
        seen.add_finding(Rule::FormatNewer, place, format!("tensors have the unknown type `{}`", dtype.escape_debug()));
    }
    report(seen, header, data)
}

/// The tensors that the header describes.
pub(super) fn list(source: &dyn Source) -> ParseResult<TensorList> {
    let (header, data) = parse(source, Some(TensorList::default()))?;
    check_cover(header.spans, data)?;
    Ok(header.listed.unwrap_or_default())
}

/// Reads the header, with its tensors where they are to be listed, and says how many bytes follow it.
fn parse(source: &dyn Source, listed: Option<TensorList>) -> ParseResult<(Tensors, u64)> {
    let start = read_head(source, 8)?;
    let length = start.try_into().map(u64::from_le_bytes).map_err(|_| ParseError::Truncated)?;
    if length > MAX_HEADER_BYTES {
        return Err(ParseError::limit(format!("a header of {length} bytes is longer than {MAX_HEADER_BYTES}")));
    }
    let data = source.size().checked_sub(8 + length).ok_or(ParseError::Truncated)?;
    if read_head(&Window::new(source, 8, 1), 1)? != b"{" {
        return Err(ParseError::malformed("the header does not begin with `{`"));
    }
    let window = Window::new(source, 8, length);
    let mut reader = BufReader::new(Bridge(SourceStream::new(&window, 0)));
    let mut deserializer = serde_json::Deserializer::from_reader(&mut reader);
    let tensors = Tensors { listed, data: 8 + length, ..Tensors::default() };
    let header = (&mut deserializer).deserialize_map(tensors);
    let header =
        header.and_then(|header| deserializer.end().map(|()| header)).map_err(|error| match error.classify() {
            serde_json::error::Category::Io => parse_error(error.into()),
            _ => ParseError::malformed(format!("the header: {error}")),
        });
    let mut header = header?;
    if let Some(why) = header.above_limit.take() {
        return Err(why);
    }
    Ok((header, data))
}

fn report(seen: &mut Inspection, header: Tensors, data: u64) -> ParseResult<()> {
    seen.number("tensor_count", header.spans.len() as u64);
    seen.number("parameter_count", header.parameters);
    seen.json("dtypes", header.dtypes.into());
    if let Some(format) = header.metadata.get("format") {
        let framework = match format.as_str() {
            "pt" => "pytorch",
            "tf" => "tensorflow",
            "np" => "numpy",
            other => other,
        };
        seen.text("framework", framework);
    }
    if !header.metadata.is_empty() {
        seen.json("metadata", header.metadata.into_iter().take(100).collect());
    }
    check_cover(header.spans, data)
}

/// Tensors cover the data without a gap.
fn check_cover(mut spans: Vec<(u64, u64)>, data: u64) -> ParseResult<()> {
    spans.sort_unstable();
    let mut covered = 0;
    for (begin, end) in spans {
        if begin != covered {
            let what = if begin < covered { "overlap" } else { "leave a gap" };
            return Err(ParseError::malformed(format!("the tensors {what} at {covered}")));
        }
        covered = end;
    }
    match covered {
        end if end < data => {
            Err(ParseError::malformed(format!("the tensors end at {end}, but there are {data} bytes")))
        }
        end if end > data => Err(ParseError::Truncated),
        _ => Ok(()),
    }
}

struct Bridge<'a>(SourceStream<'a>);

impl Read for Bridge<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.0.pull(buf).map_err(|error| match error {
            ParseError::Failed(error) => SourceFailed::wrap(error),
            _ => std::io::ErrorKind::InvalidData.into(),
        })
    }
}

#[derive(Default)]
struct Tensors {
    spans: Vec<(u64, u64)>,
    parameters: u64,
    dtypes: serde_json::Map<String, serde_json::Value>,
    /// Types that are not known.
    newer: BTreeSet<String>,
    metadata: BTreeMap<String, String>,
    /// Where the data begins in the file.
    data: u64,
    /// The tensors themselves, where they are to be listed.
    listed: Option<TensorList>,
    /// Why no more of them were listed.
    above_limit: Option<ParseError>,
}

/// What the header says about a tensor; further members are skipped, as the format's own library does.
#[derive(Deserialize)]
struct Described {
    dtype: String,
    shape: Vec<u64>,
    data_offsets: (u64, u64),
}

impl<'de> Visitor<'de> for Tensors {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("tensors by their names")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Self, A::Error> {
        let mut names = BTreeSet::new();
        while let Some(name) = map.next_key::<String>()? {
            if name == "__metadata__" {
                self.metadata = map.next_value::<Option<_>>()?.unwrap_or_default();
                continue;
            }
            let tensor: Described = map.next_value()?;
            let count = self.add(&name, &tensor).map_err(A::Error::custom)?;
            self.list(&name, tensor, count);
            if !names.insert(name) {
                return Err(A::Error::custom("a tensor is listed twice"));
            }
            if self.spans.len() > MAX_TENSORS {
                return Err(A::Error::custom(format!("there are more than {MAX_TENSORS} tensors")));
            }
        }
        Ok(self)
    }
}

impl Tensors {
    /// Adds a tensor to those that are listed, as long as there is room.
    fn list(&mut self, name: &str, tensor: Described, count: u64) {
        let Some(listed) = self.listed.as_mut().filter(|_| self.above_limit.is_none()) else { return };
        let Described { dtype, shape, data_offsets: (begin, end) } = tensor;
        let (bytes, offset) = (end.checked_sub(begin), self.data.checked_add(begin));
        let name = name.to_owned();
        let added = listed.add(Tensor { name, dtype, shape, parameters: count, bytes, offset, file: None });
        self.above_limit = added.err();
    }

    /// Adds what a tensor takes, and says how many elements it has.
    fn add(&mut self, name: &str, tensor: &Described) -> Result<u64, String> {
        let name = name.escape_debug();
        let (begin, end) = tensor.data_offsets;
        let count = tensor.shape.iter().try_fold(1u64, |product, size| product.checked_mul(*size));
        // Of a type that came after this was written, only the order of the tensors is known.
        let bits = bits(&tensor.dtype);
        let bytes = match bits {
            Some(bits) => {
                count.and_then(|count| count.checked_mul(bits)).filter(|bits| bits % 8 == 0).map(|bits| bits / 8)
            }
            None => end.checked_sub(begin),
        };
        if bytes.is_none() || end.checked_sub(begin) != bytes {
            return Err(format!("`{name}` does not have the bytes that its type and shape take"));
        }
        self.spans.push((begin, end));
        self.parameters = self.parameters.saturating_add(count.unwrap_or(0));
        if !self.dtypes.contains_key(&tensor.dtype) && self.dtypes.len() >= MAX_TYPES {
            return Err("there is no end of element types".to_owned());
        }
        if bits.is_none() {
            self.newer.insert(clip(&tensor.dtype, 100));
        }
        let tally = self.dtypes.entry(clip(&tensor.dtype, 100)).or_insert_with(|| 0.into());
        *tally = (tally.as_u64().unwrap_or(0) + 1).into();
        Ok(count.unwrap_or(0))
    }
}

fn bits(dtype: &str) -> Option<u64> {
    Some(match dtype {
        "F4" => 4,
        "F6_E2M3" | "F6_E3M2" => 6,
        "BOOL" | "U8" | "I8" | "F8_E5M2" | "F8_E4M3" | "F8_E8M0" | "F8_E4M3FNUZ" | "F8_E5M2FNUZ" => 8,
        "I16" | "U16" | "F16" | "BF16" => 16,
        "I32" | "U32" | "F32" => 32,
        "I64" | "U64" | "F64" | "C64" => 64,
        _ => return None,
    })
}

//! Safetensors: the header's length and JSON, and that its tensors cover the rest of the file without a gap.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{BufReader, Read};

use serde::Deserialize;
use serde::de::{Deserializer as _, Error as _, MapAccess, Visitor};

use super::compressed::fault;
use super::dispatch::Look;
use super::fault::{Fault, Step};
use super::inspection::Inspection;
use super::siblings::refer;
use super::source::{Feed, Sequence, Source, Window, head, whole};

/// The longest header that the format's own library reads.
const LONGEST_HEADER: u64 = 100_000_000;
/// The most tensors of one file.
const MOST_TENSORS: usize = 1_000_000;

/// Whether a file without a telling name begins as one of this format.
pub(super) fn is_header(source: &dyn Source, start: &[u8]) -> bool {
    let length = start.get(..8).and_then(|bytes| bytes.try_into().ok()).map_or(0, u64::from_le_bytes);
    length >= 2 && length <= source.size().saturating_sub(8) && start.get(8..10) == Some(b"{\"")
}

/// Reads the header.
pub(super) fn read(seen: &mut Inspection, place: &str, source: &dyn Source) -> Step<()> {
    if place.is_empty() {
        seen.set_format("safetensors", None);
    }
    let start = head(source, 8)?;
    let length = start.try_into().map(u64::from_le_bytes).map_err(|_| Fault::Truncated)?;
    if length > LONGEST_HEADER {
        return Err(Fault::limit(format!("a header of {length} bytes is longer than {LONGEST_HEADER}")));
    }
    let data = source.size().checked_sub(8 + length).ok_or(Fault::Truncated)?;
    if head(&Window::new(source, 8, 1), 1)? != b"{" {
        return Err(Fault::malformed("the header does not begin with `{`"));
    }
    let window = Window::new(source, 8, length);
    let mut reader = BufReader::new(Bridge(Sequence::new(&window, 0)));
    let mut deserializer = serde_json::Deserializer::from_reader(&mut reader);
    let header = (&mut deserializer).deserialize_map(Tensors::default());
    let header =
        header.and_then(|header| deserializer.end().map(|()| header)).map_err(|error| match error.classify() {
            serde_json::error::Category::Io => fault(error.into()),
            _ => Fault::malformed(format!("the header: {error}")),
        })?;
    report(seen, header, data)
}

fn report(seen: &mut Inspection, mut header: Tensors, data: u64) -> Step<()> {
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
    header.spans.sort_unstable();
    let mut behind = 0;
    for (begin, end) in header.spans {
        if begin != behind {
            let what = if begin < behind { "overlap" } else { "leave a gap" };
            return Err(Fault::malformed(format!("the tensors {what} at {behind}")));
        }
        behind = end;
    }
    match behind {
        end if end < data => Err(Fault::malformed(format!("the tensors end at {end}, but there are {data} bytes"))),
        end if end > data => Err(Fault::Truncated),
        _ => Ok(()),
    }
}

struct Bridge<'a>(Sequence<'a>);

impl Read for Bridge<'_> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        self.0.pull(buf).map_err(|fault| match fault {
            Fault::Failed(error) => std::io::Error::other(error),
            _ => std::io::ErrorKind::InvalidData.into(),
        })
    }
}

#[derive(Default)]
struct Tensors {
    spans: Vec<(u64, u64)>,
    parameters: u64,
    dtypes: serde_json::Map<String, serde_json::Value>,
    metadata: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tensor {
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
                self.metadata = map.next_value()?;
                continue;
            }
            let tensor: Tensor = map.next_value()?;
            self.add(&name, &tensor).map_err(A::Error::custom)?;
            if !names.insert(name) {
                return Err(A::Error::custom("a tensor is listed twice"));
            }
            if self.spans.len() > MOST_TENSORS {
                return Err(A::Error::custom(format!("there are more than {MOST_TENSORS} tensors")));
            }
        }
        Ok(self)
    }
}

impl Tensors {
    fn add(&mut self, name: &str, tensor: &Tensor) -> Result<(), String> {
        let name = name.escape_debug();
        let (begin, end) = tensor.data_offsets;
        let bits = bits(&tensor.dtype)
            .ok_or_else(|| format!("`{name}` has the unknown type `{}`", tensor.dtype.escape_debug()))?;
        let count = tensor.shape.iter().try_fold(1u64, |product, size| product.checked_mul(*size));
        let bytes = count.and_then(|count| count.checked_mul(bits)).filter(|bits| bits % 8 == 0).map(|bits| bits / 8);
        if bytes.is_none() || end.checked_sub(begin) != bytes {
            return Err(format!("`{name}` does not have the bytes that its type and shape take"));
        }
        self.spans.push((begin, end));
        self.parameters = self.parameters.saturating_add(count.unwrap_or(0));
        let tally = self.dtypes.entry(tensor.dtype.clone()).or_insert_with(|| 0.into());
        *tally = (tally.as_u64().unwrap_or(0) + 1).into();
        Ok(())
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

#[derive(Deserialize)]
struct Index {
    #[serde(default)]
    metadata: serde_json::Map<String, serde_json::Value>,
    weight_map: BTreeMap<String, String>,
}

/// Reads the index of a model in several files, and whether the files are there.
pub(super) fn index(look: &mut Look<'_>, place: &str, source: &dyn Source) -> Step<()> {
    let Ok(index) = serde_json::from_slice::<Index>(&whole(source, 64 << 20)?) else {
        return Err(Fault::malformed("an index has no `weight_map` of tensors and files"));
    };
    let files: BTreeSet<_> = index.weight_map.values().collect();
    if place.is_empty() {
        let format =
            if files.iter().any(|file| file.ends_with(".safetensors")) { "safetensors-index" } else { "pytorch-index" };
        look.seen.set_format(format, None);
    }
    look.seen.number("tensor_count", index.weight_map.len() as u64);
    look.seen.number("shard_count", files.len() as u64);
    for (name, fact) in [("total_size", "total_size"), ("total_parameters", "parameter_count")] {
        if let Some(number) = index.metadata.get(name).and_then(serde_json::Value::as_u64) {
            look.seen.number(fact, number);
        }
    }
    for file in files {
        refer(&mut look.seen, (place, file), 0);
    }
    Ok(())
}

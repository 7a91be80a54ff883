//! ONNX's graph: inputs and outputs, weights without their bytes, operators, and references to other files.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::cursor::Cursor;
use super::error::{ParseError, ParseResult};
use super::protobuf::{Field, field, packed, pair, text};
use super::tensor::{Tensor, TensorList};

/// The maximum nesting of graphs and attributes: as many as protobuf's libraries read, which allow for a hundred messages within each other.
const MAX_DEPTH: usize = 33;
/// The most ports, weights, and so on that are kept.
const MAX_KEPT: usize = 10_000;

/// What a graph says about itself; those within its nodes are counted in.
#[derive(Debug, Default)]
pub(super) struct Graph {
    pub(super) name: String,
    pub(super) inputs: Vec<Port>,
    pub(super) outputs: Vec<Port>,
    pub(super) initializers: Vec<String>,
    pub(super) nodes: u64,
    pub(super) tensors: u64,
    pub(super) parameters: u64,
    pub(super) dtypes: BTreeMap<String, u64>,
    pub(super) operators: BTreeMap<String, u64>,
    /// Operators of other domains than ONNX's own.
    pub(super) foreign: BTreeSet<Operator>,
    /// Other files, and how many bytes of them are referred to.
    pub(super) external: BTreeMap<String, u64>,
    /// The weights themselves, where they are to be listed.
    pub(super) listed: Option<TensorList>,
}

/// An operator, or a function that stands for one.
#[derive(Debug, Default, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Operator {
    pub(super) domain: String,
    pub(super) name: String,
    /// Which of several of that name.
    overload: String,
}

/// An input or output.
#[derive(Debug, Default)]
pub(super) struct Port {
    pub(super) name: String,
    dtype: String,
    /// Sizes, or the names of sizes that are not fixed.
    shape: Option<Vec<serde_json::Value>>,
}

impl Port {
    pub(super) fn json(&self) -> serde_json::Value {
        json!({"name": self.name, "dtype": self.dtype, "shape": self.shape})
    }
}

/// Reads a graph of `length` bytes.
pub(super) fn read(input: &mut Cursor<'_>, length: u64, graph: &mut Graph, depth: usize) -> ParseResult<()> {
    deep(depth)?;
    let end = input.place() + length;
    while let Some(next) = field(input, end)? {
        match next {
            Field::Bytes(1, length) => node(input, length, graph, depth)?,
            Field::Bytes(2, length) if depth == 0 => graph.name = text(input, length)?,
            Field::Bytes(5, length) => tensor(input, length, graph, true)?,
            Field::Bytes(number @ (11 | 12), length) if depth == 0 => {
                let port = port(input, length)?;
                let ports = if number == 11 { &mut graph.inputs } else { &mut graph.outputs };
                if ports.len() < MAX_KEPT {
                    ports.push(port);
                }
            }
            Field::Bytes(15, length) => sparse(input, length, graph)?,
            Field::Bytes(_, length) => input.skip(length)?,
            Field::Number(..) | Field::Fixed(_) => {}
        }
    }
    Ok(())
}

fn deep(depth: usize) -> ParseResult<()> {
    if depth > MAX_DEPTH { Err(ParseError::limit("graphs lie too deep within each other")) } else { Ok(()) }
}

/// Reads a function of the model itself, and says what it defines.
pub(super) fn read_function(input: &mut Cursor<'_>, length: u64, graph: &mut Graph) -> ParseResult<Operator> {
    let end = input.place() + length;
    let mut defined = Operator::default();
    while let Some(next) = field(input, end)? {
        match next {
            Field::Bytes(1, length) => defined.name = text(input, length)?,
            Field::Bytes(7, length) => node(input, length, graph, 0)?,
            Field::Bytes(10, length) => defined.domain = text(input, length)?,
            Field::Bytes(11, length) => attribute(input, length, graph, 0)?,
            Field::Bytes(13, length) => defined.overload = text(input, length)?,
            Field::Bytes(_, length) => input.skip(length)?,
            Field::Number(..) | Field::Fixed(_) => {}
        }
    }
    Ok(defined)
}

/// Reads the graphs by which a model is trained.
pub(super) fn read_training(input: &mut Cursor<'_>, length: u64, graph: &mut Graph) -> ParseResult<()> {
    let end = input.place() + length;
    while let Some(next) = field(input, end)? {
        match next {
            Field::Bytes(1 | 2, length) => read(input, length, graph, 1)?,
            Field::Bytes(_, length) => input.skip(length)?,
            Field::Number(..) | Field::Fixed(_) => {}
        }
    }
    Ok(())
}

fn node(input: &mut Cursor<'_>, length: u64, graph: &mut Graph, depth: usize) -> ParseResult<()> {
    let end = input.place() + length;
    let mut operator = Operator::default();
    while let Some(next) = field(input, end)? {
        match next {
            Field::Bytes(4, length) => operator.name = text(input, length)?,
            Field::Bytes(5, length) => attribute(input, length, graph, depth)?,
            Field::Bytes(7, length) => operator.domain = text(input, length)?,
            Field::Bytes(8, length) => operator.overload = text(input, length)?,
            Field::Bytes(_, length) => input.skip(length)?,
            Field::Number(..) | Field::Fixed(_) => {}
        }
    }
    graph.nodes += 1;
    let is_own = matches!(operator.domain.as_str(), "" | "ai.onnx");
    let name = if is_own { operator.name.clone() } else { format!("{}.{}", operator.domain, operator.name) };
    if graph.operators.len() < 1000 || graph.operators.contains_key(&name) {
        *graph.operators.entry(name).or_default() += 1;
    }
    if !is_own {
        if graph.foreign.len() >= MAX_KEPT && !graph.foreign.contains(&operator) {
            return Err(ParseError::limit(format!("there are more than {MAX_KEPT} operators of other domains")));
        }
        graph.foreign.insert(operator);
    }
    Ok(())
}

fn attribute(input: &mut Cursor<'_>, length: u64, graph: &mut Graph, depth: usize) -> ParseResult<()> {
    let end = input.place() + length;
    while let Some(next) = field(input, end)? {
        match next {
            Field::Bytes(5 | 10, length) => tensor(input, length, graph, false)?,
            Field::Bytes(6 | 11, length) => read(input, length, graph, depth + 1)?,
            Field::Bytes(22 | 23, length) => sparse(input, length, graph)?,
            Field::Bytes(_, length) => input.skip(length)?,
            Field::Number(..) | Field::Fixed(_) => {}
        }
    }
    Ok(())
}

fn sparse(input: &mut Cursor<'_>, length: u64, graph: &mut Graph) -> ParseResult<()> {
    let end = input.place() + length;
    while let Some(next) = field(input, end)? {
        match next {
            Field::Bytes(1 | 2, length) => tensor(input, length, graph, false)?,
            Field::Bytes(_, length) => input.skip(length)?,
            Field::Number(..) | Field::Fixed(_) => {}
        }
    }
    Ok(())
}

fn tensor(input: &mut Cursor<'_>, length: u64, graph: &mut Graph, is_weight: bool) -> ParseResult<()> {
    let end = input.place() + length;
    let mut sizes = Vec::new();
    let (mut kind, mut name) = (0, String::new());
    let (mut locations, mut offset, mut taken) = (Vec::new(), 0u64, 0u64);
    let mut raw = None;
    while let Some(next) = field(input, end)? {
        match next {
            Field::Number(1, size) if sizes.len() < 64 => sizes.push(size),
            Field::Bytes(1, length) => sizes = packed(input, length, 64)?,
            Field::Number(2, number) => kind = number,
            Field::Bytes(8, length) => name = text(input, length)?,
            Field::Bytes(9, length) => {
                raw = Some((input.place(), length));
                input.skip(length)?;
            }
            Field::Bytes(13, length) => {
                let (key, value) = pair(input, length)?;
                match key.as_str() {
                    "location" => locations.push(value),
                    "offset" => offset = value.parse().unwrap_or(0),
                    "length" => taken = value.parse().unwrap_or(0),
                    _ => {}
                }
            }
            Field::Bytes(_, length) => input.skip(length)?,
            Field::Number(..) | Field::Fixed(_) => {}
        }
    }
    let count = sizes.iter().try_fold(1u64, |product, size| product.checked_mul(*size));
    let count = count
        .ok_or_else(|| ParseError::malformed(format!("the shape of `{}` is without bounds", name.escape_debug())))?;
    if let Some(listed) = graph.listed.as_mut().filter(|_| is_weight) {
        // Numbers that are packed one by one do not lie there as a computer has them.
        let bytes = bits(kind).and_then(|bits| Some(count.checked_mul(bits)?.div_ceil(8)));
        let (bytes, offset, file) = match (locations.last(), raw) {
            (Some(location), _) => {
                (Some(taken).filter(|taken| *taken > 0).or(bytes), Some(offset), Some(location.as_str().into()))
            }
            (None, Some((place, length))) => (Some(length), Some(place), None),
            (None, None) => (bytes, None, None),
        };
        let (name, shape) = (name.clone(), sizes);
        listed.add(Tensor { name, dtype: dtype(kind), shape, parameters: count, bytes, offset, file })?;
    }
    for location in locations {
        if graph.external.len() >= MAX_KEPT && !graph.external.contains_key(&location) {
            return Err(ParseError::limit(format!("tensors lie in more than {MAX_KEPT} files")));
        }
        let known = graph.external.entry(location).or_default();
        *known = (*known).max(offset.saturating_add(taken));
    }
    if is_weight {
        graph.tensors += 1;
        graph.parameters = graph.parameters.saturating_add(count);
        *graph.dtypes.entry(dtype(kind)).or_default() += 1;
        if graph.initializers.len() < 100 * MAX_KEPT {
            graph.initializers.push(name);
        }
    }
    Ok(())
}

fn port(input: &mut Cursor<'_>, length: u64) -> ParseResult<Port> {
    let end = input.place() + length;
    let mut port = Port::default();
    while let Some(next) = field(input, end)? {
        match next {
            Field::Bytes(1, length) => port.name = text(input, length)?,
            Field::Bytes(2, length) => type_of(input, length, &mut port)?,
            Field::Bytes(_, length) => input.skip(length)?,
            Field::Number(..) | Field::Fixed(_) => {}
        }
    }
    Ok(port)
}

fn type_of(input: &mut Cursor<'_>, length: u64, port: &mut Port) -> ParseResult<()> {
    let end = input.place() + length;
    while let Some(next) = field(input, end)? {
        match next {
            Field::Bytes(1, length) => tensor_type(input, length, port)?,
            Field::Bytes(number, length) => {
                let name = match number {
                    4 => "sequence",
                    5 => "map",
                    8 => "sparse_tensor",
                    9 => "optional",
                    _ => "unknown",
                };
                port.dtype = name.to_owned();
                input.skip(length)?;
            }
            Field::Number(..) | Field::Fixed(_) => {}
        }
    }
    Ok(())
}

fn tensor_type(input: &mut Cursor<'_>, length: u64, port: &mut Port) -> ParseResult<()> {
    let end = input.place() + length;
    while let Some(next) = field(input, end)? {
        match next {
            Field::Number(1, kind) => port.dtype = dtype(kind),
            Field::Bytes(2, length) => {
                let end = input.place() + length;
                let mut sizes = Vec::new();
                while let Some(next) = field(input, end)? {
                    match next {
                        Field::Bytes(1, length) if sizes.len() < 64 => sizes.push(size(input, length)?),
                        Field::Bytes(_, length) => input.skip(length)?,
                        Field::Number(..) | Field::Fixed(_) => {}
                    }
                }
                port.shape = Some(sizes);
            }
            Field::Bytes(_, length) => input.skip(length)?,
            Field::Number(..) | Field::Fixed(_) => {}
        }
    }
    Ok(())
}

fn size(input: &mut Cursor<'_>, length: u64) -> ParseResult<serde_json::Value> {
    let end = input.place() + length;
    let mut size = serde_json::Value::Null;
    while let Some(next) = field(input, end)? {
        match next {
            Field::Number(1, number) => size = number.into(),
            Field::Bytes(2, length) => size = text(input, length)?.into(),
            Field::Bytes(_, length) => input.skip(length)?,
            Field::Number(..) | Field::Fixed(_) => {}
        }
    }
    Ok(size)
}

/// How many bits an element takes; `None` of texts and of types that are not known.
fn bits(kind: u64) -> Option<u64> {
    Some(match kind {
        25 | 26 => 2,
        21..=23 => 4,
        2 | 3 | 9 | 17..=20 | 24 => 8,
        4 | 5 | 10 | 16 => 16,
        1 | 6 | 12 => 32,
        7 | 11 | 13 | 14 => 64,
        15 => 128,
        _ => return None,
    })
}

/// The name of an element type, as the format's own enum has it.
fn dtype(kind: u64) -> String {
    const NAMES: &[&str] = &[
        "UNDEFINED",
        "FLOAT",
        "UINT8",
        "INT8",
        "UINT16",
        "INT16",
        "INT32",
        "INT64",
        "STRING",
        "BOOL",
        "FLOAT16",
        "DOUBLE",
        "UINT32",
        "UINT64",
        "COMPLEX64",
        "COMPLEX128",
        "BFLOAT16",
        "FLOAT8E4M3FN",
        "FLOAT8E4M3FNUZ",
        "FLOAT8E5M2",
        "FLOAT8E5M2FNUZ",
        "UINT4",
        "INT4",
        "FLOAT4E2M1",
        "FLOAT8E8M0",
        "UINT2",
        "INT2",
    ];
    usize::try_from(kind)
        .ok()
        .and_then(|kind| NAMES.get(kind))
        .map_or_else(|| kind.to_string(), |name| (*name).to_owned())
}

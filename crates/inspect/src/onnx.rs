//! ONNX: what the model says about itself, read from its protobuf without its weights.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;

use super::cursor::Cursor;
use super::error::{ParseError, ParseResult};
use super::finding::Rule;
use super::onnx_graph::{self, Graph, Operator};
use super::protobuf::{Field, field, pair, text};
use super::scan::Scan;
use super::source::Source;
use super::tensor::TensorList;

/// The maximum number of bytes that are read, without what is skipped.
const MAX_BYTES: u64 = 64 << 20;

/// The maximum number of functions of one model.
const MAX_FUNCTIONS: usize = 10_000;

/// The domains whose operators every runtime has.
const KNOWN_DOMAINS: &[&str] = &[
    "",
    "ai.onnx",
    "ai.onnx.ml",
    "ai.onnx.training",
    "ai.onnx.preview.training",
    "com.microsoft",
    "com.microsoft.nchwc",
    "com.ms.internal.nhwc",
];

#[derive(Default)]
struct Model {
    ir_version: Option<u64>,
    producer: String,
    producer_version: String,
    opsets: BTreeMap<String, u64>,
    metadata: serde_json::Map<String, serde_json::Value>,
    functions: BTreeSet<Operator>,
    /// What the functions' own bodies need, and the graphs of a training.
    bodies: Graph,
}

/// Reads a model.
pub(super) fn read(scan: &mut Scan<'_>, place: &str, source: &dyn Source) -> ParseResult<()> {
    let mut model = Model::default();
    let mut graph = Graph::default();
    let mut input = Cursor::over(source, MAX_BYTES);
    let parsed = walk(&mut input, source.size(), &mut model, &mut graph);
    let Some(version) = model.ir_version else {
        parsed?;
        return Err(ParseError::malformed("it has no IR version"));
    };
    if place.is_empty() {
        scan.seen.set_format("onnx", Some(version.to_string()));
    }
    report(scan, place, model, graph);
    parsed
}

/// The weights that the model's graph has.
pub(super) fn list(source: &dyn Source) -> ParseResult<TensorList> {
    let mut model = Model::default();
    let mut graph = Graph { listed: Some(TensorList::default()), ..Graph::default() };
    walk(&mut Cursor::over(source, MAX_BYTES), source.size(), &mut model, &mut graph)?;
    if model.ir_version.is_none() {
        return Err(ParseError::malformed("it has no IR version"));
    }
    Ok(graph.listed.unwrap_or_default())
}

fn walk(input: &mut Cursor<'_>, end: u64, model: &mut Model, graph: &mut Graph) -> ParseResult<()> {
    while let Some(next) = field(input, end)? {
        match next {
            Field::Number(1, version) => model.ir_version = Some(version),
            Field::Bytes(2, length) => model.producer = text(input, length)?,
            Field::Bytes(3, length) => model.producer_version = text(input, length)?,
            Field::Bytes(7, length) => onnx_graph::read(input, length, graph, 0)?,
            Field::Bytes(8, length) => {
                let (domain, version) = opset(input, length)?;
                if model.opsets.len() < 100 {
                    model.opsets.insert(domain, version);
                }
            }
            Field::Bytes(14, length) => {
                let (key, value) = pair(input, length)?;
                if model.metadata.len() < 100 {
                    model.metadata.insert(key, value.into());
                }
            }
            Field::Bytes(20, length) => onnx_graph::read_training(input, length, &mut model.bodies)?,
            Field::Bytes(25, length) => {
                let defined = onnx_graph::read_function(input, length, &mut model.bodies)?;
                if model.functions.len() >= MAX_FUNCTIONS {
                    return Err(ParseError::limit(format!("there are more than {MAX_FUNCTIONS} functions")));
                }
                model.functions.insert(defined);
            }
            Field::Bytes(_, length) => input.skip(length)?,
            Field::Number(..) | Field::Fixed(_) => {}
        }
    }
    Ok(())
}

fn opset(input: &mut Cursor<'_>, length: u64) -> ParseResult<(String, u64)> {
    let end = input.place() + length;
    let (mut domain, mut version) = (String::new(), 0);
    while let Some(next) = field(input, end)? {
        match next {
            Field::Bytes(1, length) => domain = text(input, length)?,
            Field::Number(2, number) => version = number,
            Field::Bytes(_, length) => input.skip(length)?,
            Field::Number(..) | Field::Fixed(_) => {}
        }
    }
    Ok((domain, version))
}

fn report(scan: &mut Scan<'_>, place: &str, model: Model, graph: Graph) {
    let seen = &mut scan.seen;
    seen.text("producer", &model.producer);
    seen.text("producer_version", &model.producer_version);
    if let Some(version) = model.opsets.get("").or_else(|| model.opsets.get("ai.onnx")) {
        seen.number("opset", *version);
    }
    seen.json("opsets", json!(model.opsets));
    if !model.metadata.is_empty() {
        seen.json("metadata", model.metadata.clone().into());
    }
    if !model.functions.is_empty() {
        seen.number("function_count", model.functions.len() as u64);
    }
    seen.text("graph", &graph.name);
    let weights: std::collections::BTreeSet<_> = graph.initializers.iter().map(String::as_str).collect();
    // Older IR versions list the weights among the inputs.
    let inputs: Vec<_> = graph
        .inputs
        .iter()
        .filter(|input| !weights.contains(input.name.as_str()))
        .map(onnx_graph::Port::json)
        .collect();
    seen.json("inputs", inputs.into());
    seen.json("outputs", graph.outputs.iter().map(onnx_graph::Port::json).collect::<Vec<_>>().into());
    seen.number("node_count", graph.nodes);
    seen.number("tensor_count", graph.tensors);
    seen.number("parameter_count", graph.parameters);
    seen.json("dtypes", json!(graph.dtypes));
    seen.json("operators", json!(graph.operators));
    let custom = graph.foreign.union(&model.bodies.foreign).filter(|operator| !model.functions.contains(*operator));
    let custom: Vec<_> = custom.filter(|operator| !KNOWN_DOMAINS.contains(&operator.domain.as_str())).collect();
    let domains: BTreeSet<_> = custom.iter().map(|operator| operator.domain.as_str()).collect();
    for domain in domains {
        seen.add_finding(Rule::CustomOperator, place, format!("operators of the domain `{}`", domain.escape_debug()));
    }
    for name in ["PyOp", "PyCustomOp", "PythonOp"] {
        if custom.iter().any(|operator| operator.name.ends_with(name)) || has_python(&[&graph, &model.bodies], name) {
            seen.add_finding(Rule::CustomOperator, place, format!("the operator `{name}` runs Python code"));
        }
    }
    for (location, needed) in graph.external.iter().chain(&model.bodies.external) {
        seen.add_reference(place, location, *needed);
    }
}

fn has_python(graphs: &[&Graph], name: &str) -> bool {
    graphs.iter().any(|graph| graph.operators.keys().any(|operator| operator.ends_with(name)))
}

//! ONNX: what the model says about itself, read from its protobuf without its weights.

use std::collections::BTreeMap;

use serde_json::json;

use super::cursor::Cursor;
use super::dispatch::Look;
use super::fault::{Fault, Step};
use super::finding::Rule;
use super::onnx_graph::{self, Graph};
use super::protobuf::{Field, field, text};
use super::siblings::refer;
use super::source::Source;

/// The most bytes that are read, without what is passed over.
const MOST_BYTES: u64 = 64 << 20;

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
    functions: u64,
}

/// Reads a model.
pub(super) fn read(look: &mut Look<'_>, place: &str, source: &dyn Source) -> Step<()> {
    let mut model = Model::default();
    let mut graph = Graph::default();
    let mut input = Cursor::over(source, MOST_BYTES);
    let parsed = walk(&mut input, source.size(), &mut model, &mut graph);
    let Some(version) = model.ir_version else {
        parsed?;
        return Err(Fault::malformed("it has no IR version"));
    };
    if place.is_empty() {
        look.seen.set_format("onnx", Some(version.to_string()));
    }
    report(look, place, model, graph);
    parsed
}

fn walk(input: &mut Cursor<'_>, end: u64, model: &mut Model, graph: &mut Graph) -> Step<()> {
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
            Field::Bytes(25, length) => {
                model.functions += 1;
                input.skip(length)?;
            }
            Field::Bytes(_, length) => input.skip(length)?,
            Field::Number(..) | Field::Fixed(_) => {}
        }
    }
    Ok(())
}

fn opset(input: &mut Cursor<'_>, length: u64) -> Step<(String, u64)> {
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

/// A pair of texts, as metadata and external data have them.
pub(super) fn pair(input: &mut Cursor<'_>, length: u64) -> Step<(String, String)> {
    let end = input.place() + length;
    let (mut key, mut value) = (String::new(), String::new());
    while let Some(next) = field(input, end)? {
        match next {
            Field::Bytes(1, length) => key = text(input, length)?,
            Field::Bytes(2, length) => value = text(input, length)?,
            Field::Bytes(_, length) => input.skip(length)?,
            Field::Number(..) | Field::Fixed(_) => {}
        }
    }
    Ok((key, value))
}

fn report(look: &mut Look<'_>, place: &str, model: Model, graph: Graph) {
    let seen = &mut look.seen;
    seen.text("producer", &model.producer);
    seen.text("producer_version", &model.producer_version);
    if let Some(version) = model.opsets.get("").or_else(|| model.opsets.get("ai.onnx")) {
        seen.number("opset", *version);
    }
    seen.json("opsets", json!(model.opsets));
    if !model.metadata.is_empty() {
        seen.json("metadata", model.metadata.into());
    }
    if model.functions > 0 {
        seen.number("function_count", model.functions);
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
    for domain in graph.domains.iter().filter(|domain| !KNOWN_DOMAINS.contains(&domain.as_str())) {
        seen.find(Rule::CustomOperator, place, format!("operators of the domain `{}`", domain.escape_debug()));
    }
    for operator in ["PyOp", "PyCustomOp", "PythonOp"] {
        if graph.operators.keys().any(|name| name.ends_with(operator)) {
            seen.find(Rule::CustomOperator, place, format!("the operator `{operator}` runs Python code"));
        }
    }
    for (location, needed) in &graph.external {
        refer(seen, (place, location), *needed);
    }
}

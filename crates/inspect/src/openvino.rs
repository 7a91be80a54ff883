//! OpenVINO's IR: the graph in XML, and whether its constants lie within the weights beside it.

use std::collections::BTreeMap;
use std::sync::Arc;

use quick_xml::XmlVersion;
use quick_xml::events::{BytesStart, Event};
use quick_xml::reader::Reader;
use serde_json::{Value, json};

use super::error::{ParseError, ParseResult};
use super::finding::Rule;
use super::inspection::{Inspection, clip};
use super::scan::Scan;
use super::siblings::{Siblings, model_of_weights};
use super::source::{Source, read_all};
use super::tensor::{Tensor, TensorList};

const MAX_BYTES: u64 = 32 << 20;
const MAX_DEPTH: usize = 512;

/// Whether an XML file begins as a model.
pub(super) fn is_model(start: &[u8]) -> bool {
    let text = String::from_utf8_lossy(start);
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let body = if text.starts_with("<?xml") { text.split_once("?>").map_or("", |(_, body)| body) } else { text };
    body.trim_start().starts_with("<net ")
}

/// Whether a file is the weights of a model beside it.
pub(super) fn is_weights(siblings: &Siblings, path: &str) -> bool {
    model_of_weights(path).is_some_and(|model| siblings.contains_key(&model))
}

#[derive(Default)]
struct Graph {
    version: Option<String>,
    name: String,
    layers: u64,
    operators: BTreeMap<String, u64>,
    unknown: BTreeMap<String, u64>,
    constants: u64,
    parameters: u64,
    dtypes: BTreeMap<String, u64>,
    /// How many bytes of weights the constants take.
    needed: u64,
    overflow: bool,
    inputs: Vec<Value>,
    outputs: Vec<Value>,
    info: serde_json::Map<String, Value>,
    /// The constants themselves, where they are to be listed, and the file that has their bytes.
    listed: Option<(TensorList, Arc<str>)>,
}

/// The layer that is being read.
#[derive(Default)]
struct Layer {
    kind: String,
    name: String,
    dtype: String,
    names: String,
    sizes: Vec<Value>,
}

/// Reads a model.
pub(super) fn read(scan: &mut Scan<'_>, place: &str, source: &dyn Source) -> ParseResult<()> {
    let text = text(source)?;
    let mut graph = Graph::default();
    let parsed = walk(&text, &mut graph);
    report(&mut scan.seen, place, &graph);
    parsed?;
    if graph.overflow {
        return Err(ParseError::malformed("a constant lies beyond all bounds"));
    }
    if graph.needed > 0 {
        scan.seen.add_reference(place, &weights_of(scan.path), graph.needed);
    }
    Ok(())
}

/// The constants of the model at `path`, whose bytes are in the weights beside it.
pub(super) fn list(path: &str, source: &dyn Source) -> ParseResult<TensorList> {
    let text = text(source)?;
    let listed = Some((TensorList::default(), weights_of(path).into()));
    let mut graph = Graph { listed, ..Graph::default() };
    walk(&text, &mut graph)?;
    if graph.overflow {
        return Err(ParseError::malformed("a constant lies beyond all bounds"));
    }
    Ok(graph.listed.map(|(listed, _)| listed).unwrap_or_default())
}

fn text(source: &dyn Source) -> ParseResult<String> {
    let bytes = read_all(source, MAX_BYTES)?;
    String::from_utf8(bytes).map_err(|_| ParseError::malformed("the XML is not UTF-8"))
}

/// The file beside a model that has its weights.
fn weights_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    format!("{}.bin", file.strip_suffix(".xml").unwrap_or(file))
}

fn walk(text: &str, graph: &mut Graph) -> ParseResult<()> {
    let mut reader = Reader::from_str(text);
    let mut path: Vec<String> = Vec::new();
    let mut layer = Layer::default();
    loop {
        let event = reader.read_event().map_err(|error| ParseError::malformed(format!("the XML: {error}")))?;
        match event {
            Event::Start(element) => {
                open(&path, &element, graph, &mut layer)?;
                if path.len() >= MAX_DEPTH {
                    return Err(ParseError::limit("the XML is too deep"));
                }
                path.push(element.name().0.to_owned());
            }
            Event::Empty(element) => {
                open(&path, &element, graph, &mut layer)?;
                if element.name().0 == "layer" {
                    close(&path, graph, &mut layer);
                }
            }
            Event::End(_) => {
                let ended = path.pop();
                if ended.as_deref() == Some("layer") {
                    close(&path, graph, &mut layer);
                }
            }
            Event::Text(text) if path.last().is_some_and(|last| last == "dim") && layer.sizes.len() < 64 => {
                let size: &str = &text;
                layer.sizes.push(size.trim().parse::<i64>().map_or(Value::Null, Value::from));
            }
            Event::DocType(_) => return Err(ParseError::malformed("a document type is not allowed in a model")),
            Event::Eof if path.is_empty() => return Ok(()),
            Event::Eof => return Err(ParseError::Truncated),
            _ => {}
        }
    }
}

fn attribute(element: &BytesStart<'_>, name: &str) -> ParseResult<Option<String>> {
    for attribute in element.attributes() {
        let attribute = attribute.map_err(|error| ParseError::malformed(format!("the XML: {error}")))?;
        if attribute.key.0 == name {
            let value = attribute.normalized_value(XmlVersion::Implicit1_0);
            let value = value.map_err(|error| ParseError::malformed(format!("the XML: {error}")))?;
            return Ok(Some(clip(&value, 64 * 1024)));
        }
    }
    Ok(None)
}

fn open(path: &[String], element: &BytesStart<'_>, graph: &mut Graph, layer: &mut Layer) -> ParseResult<()> {
    let parent = path.last().map_or("", String::as_str);
    match (parent, element.name().0) {
        ("", "net") => {
            graph.version = attribute(element, "version")?;
            graph.name = attribute(element, "name")?.unwrap_or_default();
        }
        ("layers", "layer") => {
            let kind = attribute(element, "type")?.unwrap_or_default();
            let opset = attribute(element, "version")?.unwrap_or_default();
            graph.layers += 1;
            if graph.operators.len() < 1000 || graph.operators.contains_key(&kind) {
                *graph.operators.entry(kind.clone()).or_default() += 1;
            }
            if !opset.is_empty() && !opset.starts_with("opset") && opset != "experimental" && graph.unknown.len() < 100
            {
                *graph.unknown.entry(opset).or_default() += 1;
            }
            *layer = Layer { kind, name: attribute(element, "name")?.unwrap_or_default(), ..Layer::default() };
        }
        ("layer", "data") => data(element, graph, layer)?,
        ("output" | "input", "port") => {
            layer.sizes.clear();
            if let Some(names) = attribute(element, "names")? {
                layer.names = names;
            }
            if layer.dtype.is_empty() {
                layer.dtype = attribute(element, "precision")?.unwrap_or_default();
            }
        }
        _ => {
            let within = path.iter().position(|part| part == "rt_info").filter(|at| *at == 1);
            if let (Some(at), Some(value)) = (within, attribute(element, "value")?) {
                let mut key: Vec<_> = path.iter().skip(at + 1).map(String::as_str).collect();
                key.push(element.name().0);
                if graph.info.len() < 200 {
                    graph.info.insert(key.join("."), clip(&value, 1024).into());
                }
            }
        }
    }
    Ok(())
}

fn data(element: &BytesStart<'_>, graph: &mut Graph, layer: &mut Layer) -> ParseResult<()> {
    if let Some(dtype) = attribute(element, "element_type")? {
        layer.dtype = dtype;
    }
    if layer.kind != "Const" {
        return Ok(());
    }
    let number = |name: &str| -> ParseResult<Option<u64>> {
        let text = attribute(element, name)?;
        text.map(|text| {
            text.parse().map_err(|_| ParseError::malformed(format!("a constant's `{name}` is not a number")))
        })
        .transpose()
    };
    let (offset, size) = (number("offset")?.unwrap_or(0), number("size")?.unwrap_or(0));
    match offset.checked_add(size) {
        Some(end) => graph.needed = graph.needed.max(end),
        None => graph.overflow = true,
    }
    let shape = attribute(element, "shape")?.unwrap_or_default();
    let sizes = shape.split(',').map(str::trim).filter(|size| !size.is_empty());
    let sizes: Option<Vec<u64>> = sizes.map(|size| size.parse().ok()).collect();
    let count =
        sizes.as_ref().and_then(|sizes| sizes.iter().try_fold(1u64, |product, size| product.checked_mul(*size)));
    if let Some((listed, weights)) = &mut graph.listed {
        listed.add(Tensor {
            name: layer.name.clone(),
            dtype: layer.dtype.clone(),
            shape: sizes.unwrap_or_default(),
            parameters: count.unwrap_or(0),
            bytes: Some(size),
            offset: Some(offset),
            file: Some(Arc::clone(weights)),
        })?;
    }
    graph.constants += 1;
    graph.parameters = graph.parameters.saturating_add(count.unwrap_or(0));
    if graph.dtypes.len() < 100 {
        *graph.dtypes.entry(layer.dtype.clone()).or_default() += 1;
    }
    Ok(())
}

/// A layer is complete: those at the ends of the outermost graph are its inputs and outputs.
fn close(path: &[String], graph: &mut Graph, layer: &mut Layer) {
    let layer = std::mem::take(layer);
    if path.len() != 2 || graph.inputs.len() + graph.outputs.len() > 10_000 {
        return;
    }
    let name = if layer.names.is_empty() { &layer.name } else { &layer.names };
    let port = json!({"name": name, "dtype": layer.dtype.to_lowercase(), "shape": layer.sizes});
    match layer.kind.as_str() {
        "Parameter" => graph.inputs.push(port),
        "Result" => graph.outputs.push(port),
        _ => {}
    }
}

fn report(seen: &mut Inspection, place: &str, graph: &Graph) {
    if place.is_empty() {
        seen.set_format("openvino-ir", graph.version.clone());
    }
    seen.text("graph", &graph.name);
    seen.number("node_count", graph.layers);
    seen.number("tensor_count", graph.constants);
    seen.number("parameter_count", graph.parameters);
    seen.json("dtypes", json!(graph.dtypes));
    seen.json("operators", json!(graph.operators));
    seen.json("inputs", graph.inputs.clone().into());
    seen.json("outputs", graph.outputs.clone().into());
    let text = |keys: &[&str]| keys.iter().find_map(|key| graph.info.get(*key).and_then(Value::as_str));
    if let Some(version) = text(&["Runtime_version", "runtime_version"]) {
        seen.text("framework", "openvino");
        seen.text("framework_version", version);
    }
    if let Some(labels) = text(&["model_info.labels"]) {
        seen.text("labels", labels);
    }
    if let Some(framework) = text(&["framework", "conversion_parameters.framework"]) {
        seen.text("source_framework", framework);
    }
    if !graph.info.is_empty() {
        seen.json("metadata", graph.info.clone().into());
    }
    for domain in graph.unknown.keys() {
        seen.add_finding(Rule::CustomOperator, place, format!("operators of `{}`", domain.escape_debug()));
    }
}

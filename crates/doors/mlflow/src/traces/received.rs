//! Spans as they are received, and what follows from them for their traces.

use std::collections::BTreeMap;

use serde_json::Value as Json;

use super::super::wire::cut;
use super::otlp::{AnyValue, ExportTraceServiceRequest, KeyValue, Span as Sent};
use super::{DERIVED, MAX_TAG, MAX_TAG_KEY, NAME};
use crate::domain::trace::{Labels, ModelCall, Span, Trace, TraceDraft, TraceState};
use crate::domain::tracking::RunId;
use crate::domain::{Error, Result};

/// How long what was asked and answered is shown, in characters.
pub(super) const MAX_PREVIEW: usize = 1000;

/// What the attributes of a span are that its trace has as tags.
const TAG: &str = "mlflow.traceTag.";

/// What clients say the type of a span is.
const SPAN_TYPE: &str = "mlflow.spanType";

/// What clients say of the language model that a span called: the model, who provides it, and what it cost, as JSON.
const MODEL: &str = "mlflow.llm.model";
const PROVIDER: &str = "mlflow.llm.provider";
const COST: &str = "mlflow.llm.cost";

/// How much of the values of attributes is searched, in characters, and of their names.
const MAX_SEARCHED: usize = 1000;
const MAX_NAME: usize = 250;

/// How many attributes of a span are searched.
const MAX_ATTRIBUTES: usize = 128;

/// How long the names of models are, in characters.
const MAX_MODEL: usize = 500;

/// Nanoseconds in a millisecond.
const NANOS: u64 = 1_000_000;

/// Spans, and their traces as far as they follow from them.
#[derive(Debug, Default)]
pub(super) struct Received {
    pub(super) traces: Vec<TraceDraft>,
    pub(super) spans: Vec<Span>,
}

/// Reads a message. Traces whose first spans it has belong to the run, where one is given.
///
/// Errors: InvalidArgument where a span cannot be kept.
pub(super) fn read(message: &ExportTraceServiceRequest, run: Option<&RunId>) -> Result<Received> {
    let (mut traces, mut spans) = (BTreeMap::new(), BTreeMap::new());
    for of_resource in &message.resource_spans {
        let resource = of_resource.resource.as_ref().map(|resource| resource.attributes.as_slice()).unwrap_or_default();
        for sent in of_resource.scope_spans.iter().flat_map(|scope| &scope.spans) {
            let span = span(sent)?;
            let draft = traces.entry(span.trace.clone()).or_insert_with(|| draft(&span));
            complete(draft, sent, resource)?;
            if span.is_root {
                draft.run = run.cloned();
            }
            spans.insert((span.trace.clone(), span.id.clone()), span);
        }
    }
    Ok(Received { traces: traces.into_values().collect(), spans: spans.into_values().collect() })
}

fn span(sent: &Sent) -> Result<Span> {
    if sent.trace_id.len() != 16 || sent.span_id.len() != 8 {
        return Err(Error::invalid("spans", "a span has no `trace_id` of 16 bytes or no `span_id` of 8"));
    }
    let kind = sent.attribute(SPAN_TYPE).map(|value| value.text()).transpose()?;
    let status = match sent.status.as_ref().map_or(0, |status| status.code) {
        1 => "OK",
        2 => "ERROR",
        _ => "UNSET",
    };
    Ok(Span {
        trace: format!("tr-{}", hex::encode(&sent.trace_id)).parse()?,
        id: hex::encode(&sent.span_id),
        is_root: sent.parent_span_id.is_empty(),
        name: plain(&sent.name),
        kind: kind.map_or_else(|| "UNKNOWN".to_owned(), |kind| plain(&kind)),
        status: status.to_owned(),
        start: i64::try_from(sent.start_time_unix_nano)
            .map_err(|_| Error::invalid("spans", "a span begins after all time"))?,
        end: i64::try_from(sent.end_time_unix_nano).ok().filter(|end| *end > 0),
        call: call(sent)?,
        attributes: searched(sent)?,
        document: sent.json()?,
    })
}

/// The value of an attribute. Stock clients write values as JSON, texts among them.
fn said(value: &AnyValue) -> Result<Json> {
    let plain = value.plain(0)?;
    Ok(plain.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or(plain))
}

fn call(sent: &Sent) -> Result<ModelCall> {
    let of = |name| sent.attribute(name).map(said).transpose();
    let text = |value: Option<Json>| value?.as_str().map(|text| cut(&plain(text), MAX_MODEL));
    let cost = of(COST)?.unwrap_or_default();
    let cost = |name: &str| cost.get(name).and_then(Json::as_f64);
    Ok(ModelCall {
        model: text(of(MODEL)?),
        provider: text(of(PROVIDER)?),
        input_cost: cost("input_cost"),
        output_cost: cost("output_cost"),
        total_cost: cost("total_cost"),
    })
}

/// The attributes of a span as they are searched: texts as they are, anything else as JSON.
fn searched(sent: &Sent) -> Result<Labels> {
    let mut searched = Labels::new();
    for pair in sent.attributes.iter().take(MAX_ATTRIBUTES) {
        let Some(value) = &pair.value else { continue };
        let value = said(value)?;
        let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
        searched.insert(cut(&plain(&pair.key), MAX_NAME), cut(&plain(&text), MAX_SEARCHED));
    }
    Ok(searched)
}

/// The trace of a span before anything is known of it.
fn draft(span: &Span) -> TraceDraft {
    TraceDraft { trace: Trace::new(span.trace.clone(), i64::MAX, TraceState::InProgress), run: None }
}

/// Adds what follows from a span.
fn complete(draft: &mut TraceDraft, sent: &Sent, resource: &[KeyValue]) -> Result<()> {
    let trace = &mut draft.trace;
    let millis = |nanos: u64| i64::try_from(nanos / NANOS).unwrap_or(i64::MAX);
    let end = trace.duration.map(|duration| trace.at.saturating_add(duration));
    let its_end = Some(millis(sent.end_time_unix_nano)).filter(|_| sent.end_time_unix_nano > 0);
    trace.at = trace.at.min(millis(sent.start_time_unix_nano));
    trace.duration = end.max(its_end).map(|end| end.saturating_sub(trace.at));
    let mut labels = Vec::new();
    for pair in resource.iter().filter(|pair| !pair.key.starts_with("telemetry.sdk.")) {
        labels.push((pair.key.as_str(), pair));
    }
    labels.retain(|(name, _)| !name.starts_with("mlflow."));
    if sent.parent_span_id.is_empty() {
        let failed = sent.status.as_ref().is_some_and(|status| status.code == 2);
        trace.state = if failed { TraceState::Error } else { TraceState::Ok };
        trace.name = Some(plain(&sent.name));
        let preview = |name| -> Result<Option<String>> {
            let text = sent.attribute(name).map(|value| value.text()).transpose()?;
            Ok(text.map(|text| cut(&plain(&text), MAX_PREVIEW)))
        };
        trace.request = preview("mlflow.spanInputs")?;
        trace.response = preview("mlflow.spanOutputs")?;
        labels.extend(sent.attributes.iter().filter_map(|pair| Some((pair.key.strip_prefix(TAG)?, pair))));
    }
    for (name, pair) in labels {
        let Some(value) = pair.value.as_ref().filter(|_| !name.is_empty() && !DERIVED.contains(&name)) else {
            continue;
        };
        let value = cut(&plain(&value.text()?), MAX_TAG);
        if name == NAME {
            trace.name = Some(value);
        } else {
            trace.tags.insert(cut(&plain(name), MAX_TAG_KEY), value);
        }
    }
    Ok(())
}

/// The text without what the database cannot hold.
fn plain(text: &str) -> String {
    text.replace('\0', "\u{fffd}")
}

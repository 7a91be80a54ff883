//! The messages of OpenTelemetry's protocol that spans come in (`opentelemetry/proto/trace/v1/trace.proto`, version 1), and how protocol
//! buffers in JSON write them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json, json};

use crate::domain::{Error, Result};

/// How deep a value may be.
const MAX_DEPTH: usize = 30;

/// Spans, by what sent them.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ExportTraceServiceRequest {
    /// By the resource.
    #[prost(message, repeated, tag = "1")]
    pub resource_spans: Vec<ResourceSpans>,
}

/// The spans of one resource.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ResourceSpans {
    /// The resource.
    #[prost(message, optional, tag = "1")]
    pub resource: Option<Resource>,
    /// By the library that made them.
    #[prost(message, repeated, tag = "2")]
    pub scope_spans: Vec<ScopeSpans>,
}

/// What sent spans.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Resource {
    /// What is known of it.
    #[prost(message, repeated, tag = "1")]
    pub attributes: Vec<KeyValue>,
}

/// The spans of one library.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ScopeSpans {
    /// The spans.
    #[prost(message, repeated, tag = "2")]
    pub spans: Vec<Span>,
}

/// A span.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Span {
    /// The trace: 16 bytes.
    #[prost(bytes = "vec", tag = "1")]
    pub trace_id: Vec<u8>,
    /// Its id in the trace: 8 bytes.
    #[prost(bytes = "vec", tag = "2")]
    pub span_id: Vec<u8>,
    /// What other tracers said.
    #[prost(string, tag = "3")]
    pub trace_state: String,
    /// The one that it is within; empty for none.
    #[prost(bytes = "vec", tag = "4")]
    pub parent_span_id: Vec<u8>,
    /// Its name.
    #[prost(string, tag = "5")]
    pub name: String,
    /// How it relates to its parent, by number.
    #[prost(int32, tag = "6")]
    pub kind: i32,
    /// When it began.
    #[prost(fixed64, tag = "7")]
    pub start_time_unix_nano: u64,
    /// When it ended; 0 where it did not.
    #[prost(fixed64, tag = "8")]
    pub end_time_unix_nano: u64,
    /// What is known of it.
    #[prost(message, repeated, tag = "9")]
    pub attributes: Vec<KeyValue>,
    /// How many more were known.
    #[prost(uint32, tag = "10")]
    pub dropped_attributes_count: u32,
    /// What happened.
    #[prost(message, repeated, tag = "11")]
    pub events: Vec<Event>,
    /// How much more happened.
    #[prost(uint32, tag = "12")]
    pub dropped_events_count: u32,
    /// Spans of other traces.
    #[prost(message, repeated, tag = "13")]
    pub links: Vec<Link>,
    /// How many more there were.
    #[prost(uint32, tag = "14")]
    pub dropped_links_count: u32,
    /// How it ended.
    #[prost(message, optional, tag = "15")]
    pub status: Option<Status>,
    /// Bits of the trace's context.
    #[prost(fixed32, tag = "16")]
    pub flags: u32,
}

/// Something that happened.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Event {
    /// When.
    #[prost(fixed64, tag = "1")]
    pub time_unix_nano: u64,
    /// What.
    #[prost(string, tag = "2")]
    pub name: String,
    /// What is known of it.
    #[prost(message, repeated, tag = "3")]
    pub attributes: Vec<KeyValue>,
    /// How many more were known.
    #[prost(uint32, tag = "4")]
    pub dropped_attributes_count: u32,
}

/// A span of another trace.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Link {
    /// The trace.
    #[prost(bytes = "vec", tag = "1")]
    pub trace_id: Vec<u8>,
    /// The span.
    #[prost(bytes = "vec", tag = "2")]
    pub span_id: Vec<u8>,
    /// What other tracers said.
    #[prost(string, tag = "3")]
    pub trace_state: String,
    /// What is known of it.
    #[prost(message, repeated, tag = "4")]
    pub attributes: Vec<KeyValue>,
    /// How many more were known.
    #[prost(uint32, tag = "5")]
    pub dropped_attributes_count: u32,
    /// Bits of the trace's context.
    #[prost(fixed32, tag = "6")]
    pub flags: u32,
}

/// How a span ended.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Status {
    /// In words.
    #[prost(string, tag = "2")]
    pub message: String,
    /// By number: 0 is unset, 1 well, 2 with an error.
    #[prost(int32, tag = "3")]
    pub code: i32,
}

/// A name and its value.
#[derive(Clone, PartialEq, prost::Message)]
pub struct KeyValue {
    /// The name.
    #[prost(string, tag = "1")]
    pub key: String,
    /// The value.
    #[prost(message, optional, tag = "2")]
    pub value: Option<AnyValue>,
}

/// A value of any kind; of none, where it is nothing.
#[derive(Clone, PartialEq, prost::Message)]
pub struct AnyValue {
    /// The value.
    #[prost(oneof = "Any", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub value: Option<Any>,
}

/// The kinds of values.
#[derive(Clone, PartialEq, prost::Oneof)]
pub enum Any {
    /// A text.
    #[prost(string, tag = "1")]
    String(String),
    /// A boolean.
    #[prost(bool, tag = "2")]
    Bool(bool),
    /// An integer.
    #[prost(int64, tag = "3")]
    Int(i64),
    /// A number.
    #[prost(double, tag = "4")]
    Double(f64),
    /// Values.
    #[prost(message, tag = "5")]
    Array(ArrayValue),
    /// Names and values.
    #[prost(message, tag = "6")]
    Map(KeyValueList),
    /// Bytes.
    #[prost(bytes, tag = "7")]
    Bytes(Vec<u8>),
}

/// Values.
#[derive(Clone, PartialEq, prost::Message)]
pub struct ArrayValue {
    /// The values.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<AnyValue>,
}

/// Names and values.
#[derive(Clone, PartialEq, prost::Message)]
pub struct KeyValueList {
    /// The names and values.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<KeyValue>,
}

/// The members of a message but for those that have the default of their kind.
fn message<const N: usize>(members: [(&str, Json); N]) -> Json {
    let is_default = |value: &Json| match value {
        Json::Null => true,
        Json::Number(number) => number.as_i64() == Some(0),
        Json::String(text) => text.is_empty() || text == "0",
        Json::Array(items) => items.is_empty(),
        Json::Bool(_) | Json::Object(_) => false,
    };
    let given = members.into_iter().filter(|(_, value)| !is_default(value));
    Json::Object(given.map(|(name, value)| (name.to_owned(), value)).collect::<Map<_, _>>())
}

fn all<T>(items: &[T], json: impl Fn(&T) -> Result<Json>) -> Result<Json> {
    Ok(Json::Array(items.iter().map(json).collect::<Result<_>>()?))
}

impl Span {
    /// The span as JSON.
    ///
    /// Errors: InvalidArgument where a value is too deep.
    pub fn json(&self) -> Result<Json> {
        Ok(message([
            ("trace_id", STANDARD.encode(&self.trace_id).into()),
            ("span_id", STANDARD.encode(&self.span_id).into()),
            ("trace_state", self.trace_state.as_str().into()),
            ("parent_span_id", STANDARD.encode(&self.parent_span_id).into()),
            ("name", self.name.as_str().into()),
            ("kind", self.kind.into()),
            ("start_time_unix_nano", self.start_time_unix_nano.to_string().into()),
            ("end_time_unix_nano", self.end_time_unix_nano.to_string().into()),
            ("attributes", all(&self.attributes, |pair| pair.json(0))?),
            ("dropped_attributes_count", self.dropped_attributes_count.into()),
            ("events", all(&self.events, Event::json)?),
            ("dropped_events_count", self.dropped_events_count.into()),
            ("links", all(&self.links, Link::json)?),
            ("dropped_links_count", self.dropped_links_count.into()),
            ("status", self.status.as_ref().map_or(Json::Null, Status::json)),
            ("flags", self.flags.into()),
        ]))
    }

    /// The value of the attribute of that name.
    pub fn attribute(&self, name: &str) -> Option<&AnyValue> {
        self.attributes.iter().find(|pair| pair.key == name).and_then(|pair| pair.value.as_ref())
    }
}

impl Event {
    fn json(&self) -> Result<Json> {
        Ok(message([
            ("time_unix_nano", self.time_unix_nano.to_string().into()),
            ("name", self.name.as_str().into()),
            ("attributes", all(&self.attributes, |pair| pair.json(0))?),
            ("dropped_attributes_count", self.dropped_attributes_count.into()),
        ]))
    }
}

impl Link {
    fn json(&self) -> Result<Json> {
        Ok(message([
            ("trace_id", STANDARD.encode(&self.trace_id).into()),
            ("span_id", STANDARD.encode(&self.span_id).into()),
            ("trace_state", self.trace_state.as_str().into()),
            ("attributes", all(&self.attributes, |pair| pair.json(0))?),
            ("dropped_attributes_count", self.dropped_attributes_count.into()),
            ("flags", self.flags.into()),
        ]))
    }
}

impl Status {
    fn json(&self) -> Json {
        message([("message", self.message.as_str().into()), ("code", self.code.into())])
    }
}

impl KeyValue {
    fn json(&self, depth: usize) -> Result<Json> {
        let value = self.value.as_ref().map(|value| value.json(depth)).transpose()?;
        Ok(message([("key", self.key.as_str().into()), ("value", value.unwrap_or_default())]))
    }
}

impl AnyValue {
    /// The value as protocol buffers write it.
    fn json(&self, depth: usize) -> Result<Json> {
        check(depth)?;
        Ok(match &self.value {
            None => json!({}),
            Some(Any::String(text)) => json!({"string_value": text}),
            Some(Any::Bool(value)) => json!({"bool_value": value}),
            Some(Any::Int(int)) => json!({"int_value": int.to_string()}),
            Some(Any::Double(double)) => json!({"double_value": number(*double)}),
            Some(Any::Bytes(bytes)) => json!({"bytes_value": STANDARD.encode(bytes)}),
            Some(Any::Array(array)) => {
                json!({"array_value": {"values": all(&array.values, |value| value.json(depth + 1))?}})
            }
            Some(Any::Map(map)) => {
                json!({"kvlist_value": {"values": all(&map.values, |pair| pair.json(depth + 1))?}})
            }
        })
    }

    /// The value that it stands for.
    ///
    /// Errors: InvalidArgument where it is too deep.
    pub fn plain(&self, depth: usize) -> Result<Json> {
        check(depth)?;
        Ok(match &self.value {
            None => Json::Null,
            Some(Any::String(text)) => text.as_str().into(),
            Some(Any::Bool(value)) => (*value).into(),
            Some(Any::Int(int)) => (*int).into(),
            Some(Any::Double(double)) => number(*double),
            Some(Any::Bytes(bytes)) => STANDARD.encode(bytes).into(),
            Some(Any::Array(array)) => all(&array.values, |value| value.plain(depth + 1))?,
            Some(Any::Map(map)) => {
                let pair = |pair: &KeyValue| {
                    let value = pair.value.as_ref().map(|value| value.plain(depth + 1)).transpose()?;
                    Ok((pair.key.clone(), value.unwrap_or_default()))
                };
                Json::Object(map.values.iter().map(pair).collect::<Result<_>>()?)
            }
        })
    }

    /// The value as a text: what is none is written as JSON.
    ///
    /// Errors: InvalidArgument where it is too deep.
    pub fn text(&self) -> Result<String> {
        let plain = self.plain(0)?;
        Ok(plain.as_str().map_or_else(|| plain.to_string(), ToOwned::to_owned))
    }
}

fn check(depth: usize) -> Result<()> {
    if depth > MAX_DEPTH {
        return Err(Error::invalid("attributes", format!("a value of a span is deeper than {MAX_DEPTH} levels")));
    }
    Ok(())
}

fn number(double: f64) -> Json {
    if double.is_nan() {
        return "NaN".into();
    }
    let infinite = if double > 0.0 { "Infinity" } else { "-Infinity" };
    if double.is_infinite() { infinite.into() } else { double.into() }
}

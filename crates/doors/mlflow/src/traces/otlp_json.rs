//! Spans in OpenTelemetry's protocol as JSON (OTLP 1.x, JSON Protobuf Encoding): ids are hexadecimal, integers of 64 bits may be texts, and
//! members that are not known are left out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value as Json};

use super::otlp::{
    Any, AnyValue, ArrayValue, Event, ExportTraceServiceRequest, KeyValue, KeyValueList, Link, Resource, ResourceSpans,
    ScopeSpans, Span, Status,
};
use crate::domain::{Error, Result};

/// Reads a message.
///
/// Errors: InvalidBody where it is none.
pub fn read(body: &[u8]) -> Result<ExportTraceServiceRequest> {
    // It reads no more than 127 levels, which bounds how deep a value is here.
    let json: Json = serde_json::from_slice(body)
        .map_err(|error| Error::invalid_body(format!("the body has no spans in OpenTelemetry's protocol: {error}")))?;
    let message = Message::of(&json, "the body")?;
    Ok(ExportTraceServiceRequest { resource_spans: message.all("resourceSpans", resource_spans)? })
}

/// A message as JSON has it.
struct Message<'a>(&'a Map<String, Json>);

impl<'a> Message<'a> {
    fn of(json: &'a Json, name: &str) -> Result<Self> {
        json.as_object().map(Self).ok_or_else(|| wrong(name, "an object"))
    }

    fn get(&self, name: &str) -> Option<&'a Json> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    fn all<T>(&self, name: &str, read: impl Fn(Message<'a>) -> Result<T>) -> Result<Vec<T>> {
        let Some(items) = self.get(name) else { return Ok(Vec::new()) };
        let items = items.as_array().ok_or_else(|| wrong(name, "a list"))?;
        items.iter().map(|item| read(Message::of(item, name)?)).collect()
    }

    fn nested<T>(&self, name: &str, read: impl FnOnce(Message<'a>) -> Result<T>) -> Result<Option<T>> {
        self.get(name).map(|value| read(Message::of(value, name)?)).transpose()
    }

    fn text(&self, name: &str) -> Result<String> {
        let Some(value) = self.get(name) else { return Ok(String::new()) };
        value.as_str().map(ToOwned::to_owned).ok_or_else(|| wrong(name, "a text"))
    }

    fn id(&self, name: &str) -> Result<Vec<u8>> {
        hex::decode(self.text(name)?).map_err(|_| wrong(name, "hexadecimal"))
    }

    /// A number without a sign.
    fn number<T: TryFrom<u64> + Default>(&self, name: &str) -> Result<T> {
        let Some(value) = self.get(name) else { return Ok(T::default()) };
        let number = value.as_u64().or_else(|| value.as_str()?.parse().ok());
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| wrong(name, "a number of its size"))
    }

    /// The number of one of these names, or as it is.
    fn named(&self, name: &str, names: &[&str]) -> Result<i32> {
        let Some(word) = self.get(name).and_then(Json::as_str) else {
            return Ok(self.number::<u32>(name)?.cast_signed());
        };
        let at = names.iter().position(|known| *known == word);
        at.and_then(|at| i32::try_from(at).ok()).ok_or_else(|| wrong(name, &format!("one of {}", names.join(", "))))
    }

    fn attributes(&self) -> Result<Vec<KeyValue>> {
        self.all("attributes", |pair| pair.pair())
    }

    fn pair(&self) -> Result<KeyValue> {
        let value = self.nested("value", |value| value.value())?;
        Ok(KeyValue { key: self.text("key")?, value })
    }

    fn value(&self) -> Result<AnyValue> {
        let Some((name, value)) = self.0.iter().find(|(_, value)| !value.is_null()) else {
            return Ok(AnyValue { value: None });
        };
        let message = || Message::of(value, name);
        let value = match name.as_str() {
            "stringValue" => Any::String(self.text(name)?),
            "boolValue" => Any::Bool(value.as_bool().ok_or_else(|| wrong(name, "a boolean"))?),
            "intValue" => {
                let int = value.as_i64().or_else(|| value.as_str()?.parse().ok());
                Any::Int(int.ok_or_else(|| wrong(name, "an integer"))?)
            }
            "doubleValue" => Any::Double(double(value).ok_or_else(|| wrong(name, "a number"))?),
            "bytesValue" => {
                let bytes = STANDARD.decode(self.text(name)?);
                Any::Bytes(bytes.map_err(|_| wrong(name, "base64"))?)
            }
            "arrayValue" => Any::Array(ArrayValue { values: message()?.all("values", |item| item.value())? }),
            "kvlistValue" => Any::Map(KeyValueList { values: message()?.all("values", |pair| pair.pair())? }),
            // A kind of a later version.
            _ => return Ok(AnyValue { value: None }),
        };
        Ok(AnyValue { value: Some(value) })
    }
}

fn double(value: &Json) -> Option<f64> {
    match value.as_str() {
        Some("NaN") => Some(f64::NAN),
        Some("Infinity") => Some(f64::INFINITY),
        Some("-Infinity") => Some(f64::NEG_INFINITY),
        Some(text) => text.parse().ok().filter(|number: &f64| number.is_finite()),
        None => value.as_f64(),
    }
}

fn wrong(name: &str, what: &str) -> Error {
    Error::invalid_body(format!("`{name}` of a span in OpenTelemetry's protocol is not {what}"))
}

fn resource_spans(message: Message<'_>) -> Result<ResourceSpans> {
    let resource = message.nested("resource", |resource| Ok(Resource { attributes: resource.attributes()? }))?;
    let scope_spans = message.all("scopeSpans", |scope| Ok(ScopeSpans { spans: scope.all("spans", span)? }))?;
    Ok(ResourceSpans { resource, scope_spans })
}

fn span(message: Message<'_>) -> Result<Span> {
    const KINDS: [&str; 6] = [
        "SPAN_KIND_UNSPECIFIED",
        "SPAN_KIND_INTERNAL",
        "SPAN_KIND_SERVER",
        "SPAN_KIND_CLIENT",
        "SPAN_KIND_PRODUCER",
        "SPAN_KIND_CONSUMER",
    ];
    const CODES: [&str; 3] = ["STATUS_CODE_UNSET", "STATUS_CODE_OK", "STATUS_CODE_ERROR"];
    Ok(Span {
        trace_id: message.id("traceId")?,
        span_id: message.id("spanId")?,
        trace_state: message.text("traceState")?,
        parent_span_id: message.id("parentSpanId")?,
        name: message.text("name")?,
        kind: message.named("kind", &KINDS)?,
        start_time_unix_nano: message.number("startTimeUnixNano")?,
        end_time_unix_nano: message.number("endTimeUnixNano")?,
        attributes: message.attributes()?,
        dropped_attributes_count: message.number("droppedAttributesCount")?,
        events: message.all("events", |event| {
            Ok(Event {
                time_unix_nano: event.number("timeUnixNano")?,
                name: event.text("name")?,
                attributes: event.attributes()?,
                dropped_attributes_count: event.number("droppedAttributesCount")?,
            })
        })?,
        dropped_events_count: message.number("droppedEventsCount")?,
        links: message.all("links", |link| {
            Ok(Link {
                trace_id: link.id("traceId")?,
                span_id: link.id("spanId")?,
                trace_state: link.text("traceState")?,
                attributes: link.attributes()?,
                dropped_attributes_count: link.number("droppedAttributesCount")?,
                flags: link.number("flags")?,
            })
        })?,
        dropped_links_count: message.number("droppedLinksCount")?,
        status: message.nested("status", |status| {
            Ok(Status { message: status.text("message")?, code: status.named("code", &CODES)? })
        })?,
        flags: message.number("flags")?,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sent(span: Json) -> Result<Span> {
        let body = json!({"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]});
        let mut read = read(body.to_string().as_bytes())?;
        Ok(read.resource_spans.remove(0).scope_spans.remove(0).spans.remove(0))
    }

    #[test]
    fn ids_are_hexadecimal_and_numbers_may_be_texts() {
        let span = sent(json!({
            "traceId": "0123456789abcdef0123456789abcdef", "spanId": "0123456789ABCDEF", "name": "a",
            "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": 1_544_712_661_000_000_000_u64,
            "kind": "SPAN_KIND_SERVER", "status": {"code": 2, "message": "no"}, "unknown": {"a": 1},
            "attributes": [
                {"key": "a", "value": {"intValue": "-5"}},
                {"key": "b", "value": {"doubleValue": 0.5}},
                {"key": "c", "value": {"arrayValue": {"values": [{"stringValue": "x"}, {"boolValue": true}]}}},
                {"key": "d", "value": {"kvlistValue": {"values": [{"key": "e", "value": {}}]}}},
                {"key": "f", "value": {"bytesValue": "AAE="}}
            ]
        }))
        .unwrap();
        assert_eq!(span.span_id, [0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]);
        assert_eq!((span.kind, span.status.as_ref().unwrap().code), (2, 2));
        assert_eq!(span.end_time_unix_nano - span.start_time_unix_nano, 1_000_000_000);
        let plain = |name| span.attribute(name).unwrap().plain(0).unwrap();
        assert_eq!(plain("a"), json!(-5));
        assert_eq!(plain("c"), json!(["x", true]));
        assert_eq!(plain("d"), json!({"e": null}));
        assert_eq!(plain("f"), json!("AAE="));
    }

    #[test]
    fn what_is_none_is_refused() {
        for bad in [
            json!({"traceId": "xyz"}),
            json!({"name": 1}),
            json!({"startTimeUnixNano": "-1"}),
            json!({"kind": "SPAN"}),
            json!({"attributes": {}}),
            json!({"attributes": [{"key": "a", "value": {"intValue": "x"}}]}),
        ] {
            assert!(sent(bad.clone()).is_err(), "{bad}");
        }
        for bad in ["", "[]", "{", r#"{"resourceSpans": 1}"#] {
            assert!(read(bad.as_bytes()).is_err(), "{bad}");
        }
        let mut deep = json!({"stringValue": "x"});
        for _ in 0..60 {
            deep = json!({"arrayValue": {"values": [deep]}});
        }
        assert!(sent(json!({"attributes": [{"key": "a", "value": deep}]})).is_err());
    }
}

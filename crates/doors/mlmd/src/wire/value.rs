//! The values of properties.

use std::collections::BTreeMap;

use super::structs;
use crate::domain::{Error, Properties, Result, RoundTrip, Value};
use crate::pb::{self, value::Value as Sent};

/// How values are shown here: JSON as a `Struct`, which is an object always and whose numbers are doubles.
pub(super) const ROUND_TRIP: RoundTrip = RoundTrip {
    declared: |stored, sent| is_shown_as(stored, sent, structs::parse_declared),
    custom: |stored, sent| is_shown_as(stored, sent, structs::parse),
};

type ParseStruct = fn(&str, prost_types::Struct) -> Result<serde_json::Value>;

fn is_shown_as(stored: &Value, sent: Option<&Value>, parse: ParseStruct) -> bool {
    match (stored, sent) {
        (Value::Struct(json), Some(Value::Struct(sent))) => {
            json == sent || parse("", structs::to_struct(json)).is_ok_and(|shown| shown == *sent)
        }
        (stored, sent) => sent == Some(stored),
    }
}

/// The message of a value.
fn show_value(value: Value) -> pb::Value {
    let value = match value {
        Value::Int(value) => Sent::IntValue(value),
        Value::Double(value) => Sent::DoubleValue(value),
        Value::String(text) => Sent::StringValue(text),
        Value::Struct(json) => Sent::StructValue(structs::to_struct(&json)),
        Value::Proto { type_url, value } => Sent::ProtoValue(prost_types::Any { type_url, value }),
        Value::Bool(value) => Sent::BoolValue(value),
    };
    pb::Value { value: Some(value) }
}

/// The messages of properties.
pub(super) fn to_messages(properties: Properties) -> BTreeMap<String, pb::Value> {
    properties.into_iter().map(|(name, value)| (name, show_value(value))).collect()
}

/// Properties that the node's type declares. Errors: InvalidArgument for an empty value.
pub(super) fn parse_declared(sent: BTreeMap<String, pb::Value>) -> Result<Properties> {
    parse(sent, "properties", structs::parse_declared)
}

/// Free properties. Errors: InvalidArgument for an empty value.
pub(super) fn parse_custom(sent: BTreeMap<String, pb::Value>) -> Result<Properties> {
    parse(sent, "custom_properties", structs::parse)
}

fn parse(sent: BTreeMap<String, pb::Value>, map: &str, parse_struct: ParseStruct) -> Result<Properties> {
    let read_one = |(name, value): (String, pb::Value)| {
        let field = format!("{map}.{name}");
        let value = match value.value {
            None => return Err(Error::invalid(&field, format!("Found unmatched property type: {name}"))),
            Some(Sent::IntValue(value)) => Value::Int(value),
            Some(Sent::DoubleValue(value)) => Value::Double(value),
            Some(Sent::StringValue(text)) => Value::String(text),
            Some(Sent::StructValue(sent)) => Value::Struct(parse_struct(&field, sent)?),
            Some(Sent::ProtoValue(any)) => Value::Proto { type_url: any.type_url, value: any.value },
            Some(Sent::BoolValue(value)) => Value::Bool(value),
        };
        crate::domain::value::check_value(&field, &value)?;
        Ok((name, value))
    };
    sent.into_iter().map(read_one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::ErrorKind;

    fn one(value: Option<Sent>) -> BTreeMap<String, pb::Value> {
        [("p".to_owned(), pb::Value { value })].into()
    }

    #[test]
    fn every_kind_of_value_comes_back_as_it_was() {
        let proto = Value::Proto { type_url: "type.googleapis.com/a.B".to_owned(), value: vec![8, 1] };
        let json = Value::Struct(serde_json::json!({"a": [1]}));
        for value in [Value::Int(i64::MIN), Value::Double(1e-9), "\\x00`'\"".into(), json, proto, Value::Bool(false)] {
            let properties = Properties::from([("p".to_owned(), value)]);
            assert_eq!(parse_declared(to_messages(properties.clone())).unwrap(), properties);
            assert_eq!(parse_custom(to_messages(properties.clone())).unwrap(), properties);
        }
        let nan = to_messages([("p".to_owned(), Value::Double(f64::NAN))].into());
        assert!(matches!(parse_custom(nan).unwrap().get("p"), Some(Value::Double(value)) if value.is_nan()));
    }

    #[test]
    fn what_is_put_back_as_it_was_shown_is_recognised() {
        for json in [
            serde_json::json!(["f16", 1]),
            serde_json::json!("text"),
            serde_json::json!(null),
            serde_json::json!({"a": {"items": [9_007_199_254_740_993_i64, 1e300]}}),
        ] {
            let stored = Properties::from([("p".to_owned(), Value::Struct(json))]);
            let sent = parse_custom(to_messages(stored.clone())).unwrap();
            assert_eq!(ROUND_TRIP.custom_without_unchanged(&stored, &sent), stored);
            let sent = parse_declared(to_messages(stored.clone())).unwrap();
            assert_eq!(ROUND_TRIP.declared_without_unchanged(&stored, &sent), stored);
        }
        let stored = Properties::from([("p".to_owned(), Value::Struct(serde_json::json!([1])))]);
        for other in [Value::Struct(serde_json::json!({"items": [2]})), "[1]".into(), Value::Bool(true)] {
            let sent = Properties::from([("p".to_owned(), other)]);
            assert_eq!(ROUND_TRIP.custom_without_unchanged(&stored, &sent), sent);
        }
    }

    #[test]
    fn what_cannot_be_read_again_is_refused() {
        for (value, message) in [
            (None, "Found unmatched property type: p"),
            (Some(Sent::ProtoValue(prost_types::Any::default())), "`custom_properties.p` has no type URL"),
            (Some(Sent::StringValue("a\0".to_owned())), "`custom_properties.p` contains a NUL character"),
        ] {
            let error = parse_custom(one(value)).unwrap_err();
            assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidArgument, message));
        }
    }
}

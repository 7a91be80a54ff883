//! The values of properties.

use std::collections::BTreeMap;

use super::structs;
use crate::api::mlmd::pb::{self, value::Value as Sent};
use crate::domain::{Error, Properties, Result, Value};

/// The message of a value.
fn show_value(value: &Value) -> pb::Value {
    let value = match value {
        Value::Int(value) => Sent::IntValue(*value),
        Value::Double(value) => Sent::DoubleValue(*value),
        Value::String(text) => Sent::StringValue(text.clone()),
        Value::Struct(json) => Sent::StructValue(structs::show(json)),
        Value::Proto { type_url, value } => {
            Sent::ProtoValue(prost_types::Any { type_url: type_url.clone(), value: value.clone() })
        }
        Value::Bool(value) => Sent::BoolValue(*value),
    };
    pb::Value { value: Some(value) }
}

/// The messages of properties.
pub(super) fn show(properties: &Properties) -> BTreeMap<String, pb::Value> {
    properties.iter().map(|(name, value)| (name.clone(), show_value(value))).collect()
}

/// Properties that the node's type declares. Errors: InvalidArgument for an empty value.
pub(super) fn read_declared(sent: BTreeMap<String, pb::Value>) -> Result<Properties> {
    read(sent, "properties", structs::read_declared)
}

/// Free properties. Errors: InvalidArgument for an empty value.
pub(super) fn read_custom(sent: BTreeMap<String, pb::Value>) -> Result<Properties> {
    read(sent, "custom_properties", structs::read)
}

fn read(
    sent: BTreeMap<String, pb::Value>,
    map: &str,
    read_struct: impl Fn(&str, prost_types::Struct) -> Result<serde_json::Value>,
) -> Result<Properties> {
    let read_one = |(name, value): (String, pb::Value)| {
        let field = format!("{map}.{name}");
        let value = match value.value {
            None => return Err(Error::invalid(&field, format!("Found unmatched property type: {name}"))),
            Some(Sent::IntValue(value)) => Value::Int(value),
            Some(Sent::DoubleValue(value)) => Value::Double(value),
            Some(Sent::StringValue(text)) => Value::String(text),
            Some(Sent::StructValue(sent)) => Value::Struct(read_struct(&field, sent)?),
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
            assert_eq!(read_declared(show(&properties)).unwrap(), properties);
            assert_eq!(read_custom(show(&properties)).unwrap(), properties);
        }
        let nan = show(&[("p".to_owned(), Value::Double(f64::NAN))].into());
        assert!(matches!(read_custom(nan).unwrap().get("p"), Some(Value::Double(value)) if value.is_nan()));
    }

    #[test]
    fn what_cannot_be_read_again_is_refused() {
        for (value, message) in [
            (None, "Found unmatched property type: p"),
            (Some(Sent::ProtoValue(prost_types::Any::default())), "`custom_properties.p` has no type URL"),
            (Some(Sent::StringValue("a\0".to_owned())), "`custom_properties.p` contains a NUL character"),
        ] {
            let error = read_custom(one(value)).unwrap_err();
            assert_eq!((error.kind(), error.message()), (ErrorKind::InvalidArgument, message));
        }
    }
}

//! Custom properties on the wire: an object with `metadataType` and the value (`MetadataValue` of Kubeflow's OpenAPI).

use std::borrow::Cow;
use std::fmt::Display;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::ser::{Serialize, SerializeMap as _, Serializer};
use serde_json::Value as Json;

use crate::domain::{Error, Properties, Result, Value};

/// Reads a map of custom properties.
pub fn parse(json: &Json) -> Result<Properties> {
    let Json::Object(members) = json else {
        return Err(Error::invalid("customProperties", "`customProperties` is not an object"));
    };
    members.iter().map(|(name, value)| Ok((name.clone(), parse_one(name, value)?))).collect()
}

fn parse_one(name: &str, json: &Json) -> Result<Value> {
    let field = format!("customProperties.{name}");
    let refuse = |what: String| Error::invalid(&field, format!("`{field}` {what}"));
    let kind =
        json.get("metadataType").and_then(Json::as_str).ok_or_else(|| refuse("has no `metadataType`".to_owned()))?;
    let member = |member: &str| json.get(member).ok_or_else(|| refuse(format!("has no `{member}`")));
    let text =
        |name: &str| member(name)?.as_str().ok_or_else(|| refuse(format!("has a `{name}` that is not a string")));
    let bytes =
        |name: &str| BASE64.decode(text(name)?).map_err(|_| refuse(format!("has a `{name}` that is not base64")));
    match kind {
        "MetadataStringValue" => Ok(Value::String(text("string_value")?.to_owned())),
        "MetadataIntValue" => {
            let digits = text("int_value")?;
            let value = digits.parse().ok().filter(|value: &i64| value.to_string() == digits || digits == "-0");
            value.map(Value::Int).ok_or_else(|| refuse(format!("`{digits}` is not a 64-bit integer")))
        }
        "MetadataDoubleValue" => {
            let value = member("double_value")?.as_f64().filter(|value| value.is_finite());
            value.map(Value::Double).ok_or_else(|| refuse("has a `double_value` that is not a number".to_owned()))
        }
        "MetadataBoolValue" => {
            let value = member("bool_value")?.as_bool();
            value.map(Value::Bool).ok_or_else(|| refuse("has a `bool_value` that is not a boolean".to_owned()))
        }
        "MetadataStructValue" => serde_json::from_slice(&bytes("struct_value")?)
            .map(Value::Struct)
            .map_err(|_| refuse("has a `struct_value` that is not base64 of JSON".to_owned())),
        "MetadataProtoValue" => Ok(Value::Proto { type_url: text("type")?.to_owned(), value: bytes("proto_value")? }),
        other => Err(refuse(format!("has the unknown metadataType `{}`", other.escape_debug()))),
    }
}

/// The greatest integer that upstream's clients take for one: they hold `int_value` to `^-?([1-9][0-9]{0,8}|0)$`, and a list
/// with one value that they refuse cannot be read at all.
const MAX_INT: u64 = 999_999_999;

/// Up to here, 2⁵³, every integer is a double of its own.
const MAX_EXACT: u64 = 9_007_199_254_740_992;

/// The value that is answered in place of one that upstream's clients refuse: an integer of more than nine digits as a
/// double where that is exact and as text beyond, and a double that JSON has no number for as text.
fn readable(value: &Value) -> Cow<'_, Value> {
    match value {
        Value::Int(number) if number.unsigned_abs() <= MAX_INT => Cow::Borrowed(value),
        // Exact: checked here.
        Value::Int(number) if number.unsigned_abs() <= MAX_EXACT => Cow::Owned(Value::Double(*number as f64)),
        Value::Int(number) => Cow::Owned(Value::String(number.to_string())),
        Value::Double(number) if !number.is_finite() => Cow::Owned(non_finite(*number).into()),
        _ => Cow::Borrowed(value),
    }
}

/// A double that JSON has no number for, as JSON Schema's and protobuf's texts have it.
fn non_finite(number: f64) -> &'static str {
    match number {
        _ if number.is_nan() => "NaN",
        _ if number > 0.0 => "Infinity",
        _ => "-Infinity",
    }
}

/// Whether a custom property that is sent is what its sender was shown of the stored one. The stock client reads structs and
/// messages as text, in base64, and sends them so.
pub fn is_shown_as(stored: &Value, sent: Option<&Value>) -> bool {
    match (stored, sent) {
        (_, None) => false,
        (Value::Struct(json), Some(Value::String(text))) => *text == BASE64.encode(json.to_string()),
        (Value::Proto { value, .. }, Some(Value::String(text))) => *text == BASE64.encode(value),
        (_, Some(sent)) => stored == sent || *readable(stored) == *sent,
    }
}

/// A value as it is answered. A struct goes out as it came in, base64 of JSON, so that what is read can be sent back.
pub struct SerializedValue<'a>(pub &'a Value);

impl Serialize for SerializedValue<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let value = readable(self.0);
        let mut map = serializer.serialize_map(None)?;
        // In the order of their names, as all that is answered.
        match value.as_ref() {
            Value::String(text) => {
                map.serialize_entry(KIND, "MetadataStringValue")?;
                map.serialize_entry("string_value", text)?;
            }
            Value::Int(value) => {
                map.serialize_entry("int_value", &Text(value))?;
                map.serialize_entry(KIND, "MetadataIntValue")?;
            }
            Value::Double(value) => {
                map.serialize_entry("double_value", value)?;
                map.serialize_entry(KIND, "MetadataDoubleValue")?;
            }
            Value::Bool(value) => {
                map.serialize_entry("bool_value", value)?;
                map.serialize_entry(KIND, "MetadataBoolValue")?;
            }
            Value::Struct(value) => {
                map.serialize_entry(KIND, "MetadataStructValue")?;
                map.serialize_entry("struct_value", &BASE64.encode(value.to_string()))?;
            }
            Value::Proto { type_url, value } => {
                map.serialize_entry(KIND, "MetadataProtoValue")?;
                map.serialize_entry("proto_value", &BASE64.encode(value))?;
                map.serialize_entry("type", type_url)?;
            }
        }
        map.end()
    }
}

/// The member that says which kind of value it is.
const KIND: &str = "metadataType";

/// A number as text.
pub struct Text<T>(pub T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn to_json(value: &Value) -> Json {
        serde_json::to_value(SerializedValue(value)).unwrap()
    }

    #[test]
    fn every_kind_reads_back_as_it_was_written() {
        let values = [
            Value::String(String::new()),
            Value::Int(-999_999_999),
            Value::Double(1e-9),
            Value::Bool(false),
            Value::Struct(json!({"a": [1, null, "ü"]})),
            Value::Proto { type_url: "t/x.Y".to_owned(), value: vec![0, 255] },
        ];
        for value in values {
            assert_eq!(parse_one("p", &to_json(&value)).unwrap(), value);
        }
    }

    #[test]
    fn what_upstream_refuses_is_shown_otherwise_and_recognised() {
        let int = |value: i64| to_json(&Value::Int(value));
        let double = |value: f64| json!({"metadataType": "MetadataDoubleValue", "double_value": value});
        let text = |value: &str| json!({"metadataType": "MetadataStringValue", "string_value": value});
        for sign in [1, -1] {
            let shown = json!({"metadataType": "MetadataIntValue", "int_value": (sign * 999_999_999).to_string()});
            assert_eq!(int(sign * 999_999_999), shown);
        }
        assert_eq!(int(1_000_000_000), double(1e9));
        assert_eq!(int(-1_000_000_000), double(-1e9));
        assert_eq!(int(9_007_199_254_740_992), double(9_007_199_254_740_992.0));
        assert_eq!(int(9_007_199_254_740_993), text("9007199254740993"));
        assert_eq!(int(i64::MIN), text("-9223372036854775808"));
        assert_eq!(to_json(&Value::Double(f64::NAN)), text("NaN"));
        assert_eq!(to_json(&Value::Double(f64::INFINITY)), text("Infinity"));
        assert_eq!(to_json(&Value::Double(f64::NEG_INFINITY)), text("-Infinity"));
        for value in [
            Value::Int(7),
            Value::Int(13_476_831_232),
            Value::Int(i64::MAX),
            Value::Double(f64::NAN),
            Value::Double(f64::NEG_INFINITY),
            Value::Struct(json!({"dtypes": ["f16"]})),
            Value::Proto { type_url: "t/x.Y".to_owned(), value: vec![0, 255] },
        ] {
            assert!(is_shown_as(&value, Some(&parse_one("p", &to_json(&value)).unwrap())), "{value:?}");
            // As the stock client has it: the text or number alone.
            let shown = to_json(&value);
            let member = ["struct_value", "proto_value"].iter().find_map(|member| shown.get(*member)?.as_str());
            assert!(member.is_none_or(|text| is_shown_as(&value, Some(&text.into()))), "{value:?}");
            assert!(!is_shown_as(&value, Some(&"other".into())) && !is_shown_as(&value, None));
        }
        assert!(!is_shown_as(&Value::Int(13_476_831_232), Some(&Value::Double(13_476_831_233.0))));
        assert!(!is_shown_as(&"1000000000".into(), Some(&Value::Double(1e9))));
    }

    #[test]
    fn a_broken_value_names_its_property() {
        let broken = [
            json!(1),
            json!({}),
            json!({"metadataType": "Nonsense"}),
            json!({"metadataType": "MetadataStringValue"}),
            json!({"metadataType": "MetadataStringValue", "string_value": 1}),
            json!({"metadataType": "MetadataIntValue", "int_value": 1}),
            json!({"metadataType": "MetadataIntValue", "int_value": "01"}),
            json!({"metadataType": "MetadataIntValue", "int_value": "9223372036854775808"}),
            json!({"metadataType": "MetadataDoubleValue", "double_value": "1"}),
            json!({"metadataType": "MetadataBoolValue", "bool_value": "true"}),
            json!({"metadataType": "MetadataStructValue", "struct_value": "e30"}),
            json!({"metadataType": "MetadataStructValue", "struct_value": "eA=="}),
        ];
        for value in broken {
            let error = parse_one("p", &value).unwrap_err();
            assert_eq!(error.field(), Some("customProperties.p"), "{value}");
        }
    }
}

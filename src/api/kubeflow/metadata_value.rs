//! Custom properties on the wire: an object with `metadataType` and the value (contracts/kubeflow §1.4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value as Json, json};

use crate::domain::{Error, Properties, Result, Value};

/// Reads a map of custom properties.
pub fn read(json: &Json) -> Result<Properties> {
    let Json::Object(members) = json else {
        return Err(Error::invalid("customProperties", "`customProperties` is not an object"));
    };
    members.iter().map(|(name, value)| Ok((name.clone(), read_one(name, value)?))).collect()
}

fn read_one(name: &str, json: &Json) -> Result<Value> {
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
            let value = digits.parse().ok().filter(|value: &i64| value.to_string() == digits);
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

/// A value as it is answered. A struct goes out as it came in, base64 of JSON, so that what is read can be sent back.
pub fn show(value: &Value) -> Json {
    match value {
        Value::String(text) => json!({"metadataType": "MetadataStringValue", "string_value": text}),
        Value::Int(value) => json!({"metadataType": "MetadataIntValue", "int_value": value.to_string()}),
        Value::Double(value) => json!({"metadataType": "MetadataDoubleValue", "double_value": value}),
        Value::Bool(value) => json!({"metadataType": "MetadataBoolValue", "bool_value": value}),
        Value::Struct(value) => {
            json!({"metadataType": "MetadataStructValue", "struct_value": BASE64.encode(value.to_string())})
        }
        Value::Proto { type_url, value } => {
            json!({"metadataType": "MetadataProtoValue", "type": type_url, "proto_value": BASE64.encode(value)})
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_reads_back_as_it_was_written() {
        let values = [
            Value::String(String::new()),
            Value::Int(i64::MIN),
            Value::Double(1e-9),
            Value::Bool(false),
            Value::Struct(json!({"a": [1, null, "ü"]})),
            Value::Proto { type_url: "t/x.Y".to_owned(), value: vec![0, 255] },
        ];
        for value in values {
            assert_eq!(read_one("p", &show(&value)).unwrap(), value);
        }
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
            let error = read_one("p", &value).unwrap_err();
            assert_eq!(error.field(), Some("customProperties.p"), "{value}");
        }
    }
}

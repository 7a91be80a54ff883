//! JSON values as protocol buffers have them, `google.protobuf.Struct`.

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value as Member};
use serde_json::{Map, Number, Value};

use crate::domain::value::check_text;
use crate::domain::{Error, Result};

/// The member of the `Struct` that stands for a list.
const ITEMS: &str = "items";

/// The member of the `Struct` that stands for a value that is neither an object nor a list.
const VALUE: &str = "value";

/// Up to here every integer is a double of its own.
const MAX_EXACT: f64 = 9_007_199_254_740_992.0;

/// The `Struct` that shows a JSON value: an object as itself, a list as `{"items": [...]}`, anything else as
/// `{"value": ...}`. Other protocols let a property hold those too; here it can only be an object.
pub(super) fn to_struct(json: &Value) -> Struct {
    match json {
        Value::Object(members) => object(members),
        Value::Array(_) => alone(ITEMS, json),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => alone(VALUE, json),
    }
}

fn alone(name: &str, json: &Value) -> Struct {
    Struct { fields: [(name.to_owned(), member(json))].into() }
}

fn object(members: &Map<String, Value>) -> Struct {
    Struct { fields: members.iter().map(|(name, json)| (name.clone(), member(json))).collect() }
}

fn member(json: &Value) -> Member {
    let kind = match json {
        Value::Null => Kind::NullValue(0),
        Value::Bool(value) => Kind::BoolValue(*value),
        Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or_default()),
        Value::String(text) => Kind::StringValue(text.clone()),
        Value::Array(items) => Kind::ListValue(ListValue { values: items.iter().map(member).collect() }),
        Value::Object(members) => Kind::StructValue(object(members)),
    };
    Member { kind: Some(kind) }
}

/// The JSON object of a `Struct`. Errors: InvalidArgument for what JSON does not have, as NaN, and for NUL.
pub(super) fn parse(field: &str, sent: Struct) -> Result<Value> {
    let mut members = Map::new();
    for (name, value) in sent.fields {
        check_text(field, &name)?;
        members.insert(name, read_member(field, value)?);
    }
    Ok(Value::Object(members))
}

/// The JSON value of a declared property: as [`parse`], and the list of a `Struct` that shows one, so that a node which
/// is put back as it was read stays as it was.
pub(super) fn parse_declared(field: &str, sent: Struct) -> Result<Value> {
    let mut json = parse(field, sent)?;
    let alone = json.as_object_mut().filter(|members| members.len() == 1);
    match alone.and_then(|members| members.get_mut(ITEMS)) {
        Some(list @ Value::Array(_)) => Ok(list.take()),
        _ => Ok(json),
    }
}

fn read_member(field: &str, sent: Member) -> Result<Value> {
    Ok(match sent.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(value)) => Value::Bool(value),
        Some(Kind::NumberValue(number)) => Value::Number(read_number(field, number)?),
        Some(Kind::StringValue(text)) => {
            check_text(field, &text)?;
            Value::String(text)
        }
        Some(Kind::ListValue(list)) => {
            Value::Array(list.values.into_iter().map(|item| read_member(field, item)).collect::<Result<_>>()?)
        }
        Some(Kind::StructValue(object)) => parse(field, object)?,
    })
}

/// A whole number as an integer, so that other protocols show `1` and not `1.0`.
fn read_number(field: &str, number: f64) -> Result<Number> {
    let whole = number.trunc() == number && number.abs() < MAX_EXACT && !(number == 0.0 && number.is_sign_negative());
    if whole {
        // Exact: checked above.
        return Ok(Number::from(number as i64));
    }
    Number::from_f64(number)
        .ok_or_else(|| Error::invalid(field, format!("`{field}` holds `{number}`, which no JSON number is")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_object_comes_back_as_it_was() {
        let json = json!({"a": [1, -2.5, null, {"b": true}], "c": "text", "d": {}, "e": -0.0, "f": 1e300});
        assert_eq!(parse("f", to_struct(&json)).unwrap(), json);
    }

    #[test]
    fn what_is_no_object_is_shown_in_one() {
        assert_eq!(parse("f", to_struct(&json!(["en", "de"]))).unwrap(), json!({"items": ["en", "de"]}));
        assert_eq!(parse("f", to_struct(&json!(3))).unwrap(), json!({"value": 3}));
        assert_eq!(parse_declared("f", to_struct(&json!(["en", "de"]))).unwrap(), json!(["en", "de"]));
        assert_eq!(parse_declared("f", to_struct(&json!({"items": 1}))).unwrap(), json!({"items": 1}));
        assert_eq!(
            parse_declared("f", to_struct(&json!({"items": [], "more": 1}))).unwrap(),
            json!({"items": [], "more": 1})
        );
    }

    #[test]
    fn what_json_does_not_have_is_refused() {
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let sent = Struct { fields: [("x".to_owned(), Kind::NumberValue(number).into())].into() };
            assert_eq!(parse("properties.p", sent).unwrap_err().field(), Some("properties.p"));
        }
        let nul = Struct { fields: [("x".to_owned(), Kind::StringValue("a\0b".to_owned()).into())].into() };
        assert!(parse("f", nul).is_err());
    }
}

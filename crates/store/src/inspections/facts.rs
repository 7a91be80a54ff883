//! Facts as JSON: the kinds of values that inspection knows, there and back without a loss.

use serde_json::{Map, Value as Json};

use super::{read as parse, write as print};
use modelport_domain::{Error, Properties, Result, Value};

/// The facts as text.
pub(crate) fn write(facts: &Properties) -> Result<String> {
    let mut members = Map::new();
    for (name, value) in facts {
        let json = match value {
            Value::Int(number) => (*number).into(),
            Value::Double(number) => (*number).into(),
            Value::String(text) => text.clone().into(),
            Value::Bool(flag) => (*flag).into(),
            // Within a list of one, so that JSON's own numbers and texts come back as what they were.
            Value::Struct(json) => Json::Array(vec![json.clone()]),
            Value::Proto { .. } => return Err(Error::internal(format!("fact `{name}` is a message"))),
        };
        members.insert(name.clone(), json);
    }
    print(&members)
}

/// The facts from their text.
pub(crate) fn read(text: &str) -> Result<Properties> {
    let members: Map<String, Json> = parse(text)?;
    let value = |json| match json {
        Json::String(text) => Some(Value::String(text)),
        Json::Bool(flag) => Some(Value::Bool(flag)),
        Json::Number(number) => number.as_i64().map(Value::Int).or_else(|| number.as_f64().map(Value::Double)),
        Json::Array(mut list) => list.pop().map(Value::Struct),
        Json::Null | Json::Object(_) => None,
    };
    Ok(members.into_iter().filter_map(|(name, json)| Some((name, value(json)?))).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn facts_come_back_as_they_were() {
        let facts = Properties::from([
            ("int".to_owned(), Value::Int(i64::MAX)),
            ("double".to_owned(), Value::Double(0.5)),
            ("text".to_owned(), "a\u{0}b".into()),
            ("flag".to_owned(), Value::Bool(true)),
            ("list".to_owned(), Value::Struct(json!([1, "x"]))),
            ("object".to_owned(), Value::Struct(json!({"a": null}))),
            ("null".to_owned(), Value::Struct(Json::Null)),
        ]);
        assert_eq!(read(&write(&facts).unwrap()).unwrap(), facts);
    }
}

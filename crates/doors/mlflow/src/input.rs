//! The fields of a request, as protocol buffers in JSON have them: of the query of a GET that has one, and of a body otherwise.

use serde_json::{Map, Value};

use crate::domain::value::check_text;
use crate::domain::{Error, Millis, Result};

/// What every message about a missing or wrong field ends with, as upstream's does.
const SEE: &str = "See the API docs for more information about request parameters.";

/// The fields of a request or of a message in it, by their names in snake case or, as protocol buffers allow, in camel case.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Input(Map<String, Value>);

impl Input {
    /// The parameters of a query; those that are repeated are lists.
    ///
    /// Errors: InvalidArgument where it is no UTF-8.
    pub fn of_query(query: &str) -> Result<Self> {
        let mut fields = Map::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name)?, Value::String(decoded(value)?));
            match fields.get_mut(&name) {
                None => {
                    fields.insert(name, value);
                }
                Some(Value::Array(all)) => all.push(value),
                Some(first) => *first = Value::Array(vec![first.take(), value]),
            }
        }
        Ok(Self(fields))
    }

    /// The members of a body. Old clients send JSON that is a text of JSON. An empty body has none.
    ///
    /// Errors: InvalidBody where it is no JSON object.
    pub fn of_body(body: &[u8]) -> Result<Self> {
        if body.is_empty() {
            return Ok(Self::default());
        }
        let read = |bytes: &[u8]| {
            serde_json::from_slice(bytes).map_err(|error| Error::invalid_body(format!("the body is not JSON: {error}")))
        };
        let value = match read(body)? {
            Value::String(inner) => read(inner.as_bytes())?,
            value => value,
        };
        match value {
            Value::Object(fields) => Ok(Self(fields)),
            _ => Err(Error::invalid_body("the body is not a JSON object")),
        }
    }

    /// The value of a field that is there and not null.
    ///
    /// Errors: InvalidArgument where it is there under both of its spellings.
    fn find(&self, name: &str) -> Result<Option<&Value>> {
        let camel = camel(name);
        let found = match (self.0.get(name), self.0.get(&camel).filter(|_| camel != name)) {
            (Some(_), Some(_)) => {
                return Err(Error::invalid(name, format!("`{name}` and `{camel}` are the same parameter")));
            }
            (one, other) => one.or(other),
        };
        Ok(found.filter(|value| !value.is_null()))
    }

    /// Whether the field is there.
    pub fn has(&self, name: &str) -> Result<bool> {
        Ok(self.find(name)?.is_some())
    }

    /// A text, which may be empty.
    ///
    /// Errors: InvalidArgument where it is none, or has NUL.
    pub fn text(&self, name: &str) -> Result<Option<&str>> {
        let Some(value) = self.find(name)? else { return Ok(None) };
        let text = value.as_str().ok_or_else(|| wrong(name, value))?;
        check_text(name, text)?;
        Ok(Some(text))
    }

    /// A text that must be there, and is not empty.
    ///
    /// Errors: InvalidArgument.
    pub fn required_text(&self, name: &str) -> Result<&str> {
        self.text(name)?.filter(|text| !text.is_empty()).ok_or_else(|| missing(name))
    }

    /// A text that is there and not empty.
    pub fn given_text(&self, name: &str) -> Result<Option<&str>> {
        Ok(self.text(name)?.filter(|text| !text.is_empty()))
    }

    /// An integer, as a number or as a text.
    ///
    /// Errors: InvalidArgument where it is none.
    pub fn int(&self, name: &str) -> Result<Option<i64>> {
        let Some(value) = self.find(name)? else { return Ok(None) };
        match int(value) {
            Some(int) => Ok(Some(int)),
            None => Err(wrong(name, value)),
        }
    }

    /// A time in milliseconds that must be there.
    ///
    /// Errors: InvalidArgument.
    pub fn required_int(&self, name: &str) -> Result<Millis> {
        self.int(name)?.ok_or_else(|| missing(name))
    }

    /// A double, as a number or as a text: `NaN`, `Infinity` and `-Infinity` are texts in JSON.
    ///
    /// Errors: InvalidArgument where it is none or is not there.
    pub fn required_double(&self, name: &str) -> Result<f64> {
        let value = self.find(name)?.ok_or_else(|| missing(name))?;
        let double = match value {
            Value::Number(number) => number.as_f64(),
            Value::String(text) => match text.as_str() {
                "NaN" => Some(f64::NAN),
                "Infinity" => Some(f64::INFINITY),
                "-Infinity" => Some(f64::NEG_INFINITY),
                number => number.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            },
            _ => None,
        };
        double.ok_or_else(|| wrong(name, value))
    }

    /// A boolean, as such or as a text; false where it is not there.
    ///
    /// Errors: InvalidArgument where it is none.
    pub fn bool(&self, name: &str) -> Result<bool> {
        match self.find(name)? {
            None => Ok(false),
            Some(Value::Bool(value)) => Ok(*value),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(true),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(false),
            Some(value) => Err(wrong(name, value)),
        }
    }

    /// Texts; a single one, as a query has it, is a list of one.
    ///
    /// Errors: InvalidArgument where they are none.
    pub fn texts(&self, name: &str) -> Result<Vec<&str>> {
        let found = match self.find(name)? {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => items.as_slice(),
            Some(one) => std::slice::from_ref(one),
        };
        let texts = found.iter().map(|value| {
            let text = value.as_str().ok_or_else(|| wrong(name, value))?;
            check_text(name, text)?;
            Ok(text)
        });
        texts.collect()
    }

    /// The messages of a list.
    ///
    /// Errors: InvalidArgument where they are none.
    pub fn messages(&self, name: &str) -> Result<Vec<Self>> {
        let items = match self.find(name)? {
            None => return Ok(Vec::new()),
            Some(Value::Array(items)) => items,
            Some(value) => return Err(wrong(name, value)),
        };
        let message = |value: &Value| value.as_object().cloned().map(Self).ok_or_else(|| wrong(name, value));
        items.iter().map(message).collect()
    }

    /// A message in the message.
    ///
    /// Errors: InvalidArgument where it is none.
    pub fn nested(&self, name: &str) -> Result<Option<Self>> {
        match self.find(name)? {
            None => Ok(None),
            Some(Value::Object(fields)) => Ok(Some(Self(fields.clone()))),
            Some(value) => Err(wrong(name, value)),
        }
    }

    /// A value of whatever kind.
    pub fn json(&self, name: &str) -> Result<Option<&Value>> {
        self.find(name)
    }

    /// The members of a map whose values are texts, in order; what is no text is written as JSON.
    ///
    /// Errors: InvalidArgument where it is no map.
    pub fn map(&self, name: &str) -> Result<std::collections::BTreeMap<String, String>> {
        let members = match self.find(name)? {
            None => return Ok(Default::default()),
            Some(Value::Object(members)) => members,
            Some(value) => return Err(wrong(name, value)),
        };
        let pair = |(key, value): (&String, &Value)| {
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            check_text(name, key)?;
            check_text(name, &text)?;
            Ok((key.clone(), text))
        };
        members.iter().map(pair).collect()
    }

    /// The pairs of `key` and `value` of a list of tags or parameters.
    ///
    /// Errors: InvalidArgument where they are none.
    pub fn pairs(&self, name: &str) -> Result<Vec<(String, String)>> {
        let pair = |item: Self| {
            let value = item.text("value")?.unwrap_or_default().to_owned();
            Ok((item.required_text("key")?.to_owned(), value))
        };
        self.messages(name)?.into_iter().map(pair).collect()
    }
}

fn int(value: &Value) -> Option<i64> {
    match value {
        // 1e3 and 3.0 are integers to protocol buffers.
        Value::Number(number) => number.as_i64().or_else(|| {
            #[expect(clippy::cast_possible_truncation, reason = "it is within what an i64 holds, and has no fraction")]
            number.as_f64().filter(|double| double.fract() == 0.0 && double.abs() < 9e15).map(|double| double as i64)
        }),
        Value::String(text) => text.parse().ok(),
        _ => None,
    }
}

/// The error for a field that must be there.
pub fn missing(name: &str) -> Error {
    Error::invalid(name, format!("Missing value for required parameter '{name}'. {SEE}"))
}

fn wrong(name: &str, value: &Value) -> Error {
    let (shown, kind) = match value {
        Value::String(text) => (text.chars().take(100).collect(), "str"),
        Value::Bool(value) => (value.to_string(), "bool"),
        Value::Number(number) if number.is_f64() => (number.to_string(), "float"),
        Value::Number(number) => (number.to_string(), "int"),
        Value::Array(_) => ("[..]".to_owned(), "list"),
        Value::Object(_) => ("{..}".to_owned(), "dict"),
        Value::Null => ("null".to_owned(), "NoneType"),
    };
    let message =
        format!("Invalid value {shown} for parameter '{name}' supplied. Hint: Value was of type '{kind}'. {SEE}");
    Error::invalid(name, message)
}

/// The name in camel case.
pub fn camel(name: &str) -> String {
    let mut parts = name.split('_');
    let mut camel = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let mut chars = part.chars();
        camel.extend(chars.next().map(|first| first.to_ascii_uppercase()));
        camel.push_str(chars.as_str());
    }
    camel
}

fn decoded(text: &str) -> Result<String> {
    let spaced = text.replace('+', " ");
    let decoded = percent_encoding::percent_decode_str(&spaced).decode_utf8();
    decoded.map(Into::into).map_err(|_| Error::invalid("query", "the query is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn input(body: &str) -> Input {
        Input::of_body(body.as_bytes()).unwrap()
    }

    #[test]
    fn a_body_is_an_object_or_a_text_of_one() {
        assert_eq!(input(r#"{"a":1}"#), input(r#""{\"a\":1}""#));
        assert_eq!(input(""), input("{}"));
        for bad in ["[]", "1", "{", "\"x\"", "\"[]\"", "null"] {
            assert!(Input::of_body(bad.as_bytes()).is_err(), "{bad}");
        }
    }

    #[test]
    fn fields_have_two_spellings_but_one_value() {
        assert_eq!(input(r#"{"runId":"x"}"#).text("run_id").unwrap(), Some("x"));
        assert!(input(r#"{"runId":"x","run_id":"x"}"#).text("run_id").is_err());
        assert_eq!(input(r#"{"name":null}"#).text("name").unwrap(), None);
    }

    #[test]
    fn what_is_missing_or_of_another_type_is_said_as_upstream_says_it() {
        let error = input("{}").required_text("name").unwrap_err();
        assert_eq!(error.message(), format!("Missing value for required parameter 'name'. {SEE}"));
        let error = input(r#"{"name":123}"#).required_text("name").unwrap_err();
        assert_eq!(
            error.message(),
            format!("Invalid value 123 for parameter 'name' supplied. Hint: Value was of type 'int'. {SEE}")
        );
    }

    #[test]
    fn numbers_may_be_texts() {
        let fields = input(r#"{"a":"12","b":3.0,"c":1.5,"d":"x","e":9007199254740993,"f":1e3}"#);
        assert_eq!(fields.int("a").unwrap(), Some(12));
        assert_eq!(fields.int("b").unwrap(), Some(3));
        assert_eq!(fields.int("e").unwrap(), Some(9_007_199_254_740_993));
        assert_eq!(fields.int("f").unwrap(), Some(1000));
        assert!(fields.int("c").is_err() && fields.int("d").is_err());
        assert!(input(r#"{"v":"NaN"}"#).required_double("v").unwrap().is_nan());
        assert_eq!(input(r#"{"v":"-Infinity"}"#).required_double("v").unwrap(), f64::NEG_INFINITY);
        assert_eq!(input(r#"{"v":"1e3"}"#).required_double("v").unwrap(), 1000.0);
        assert!(input(r#"{"v":"inf"}"#).required_double("v").is_err());
    }

    #[test]
    fn a_query_repeats_what_is_a_list() {
        let fields = Input::of_query("run_ids=a&run_ids=b%20c&key=x+y&flag=true&empty=").unwrap();
        assert_eq!(fields.texts("run_ids").unwrap(), ["a", "b c"]);
        assert_eq!(fields.texts("key").unwrap(), ["x y"]);
        assert!(fields.bool("flag").unwrap() && !fields.bool("other").unwrap());
        assert_eq!(fields.given_text("empty").unwrap(), None);
        assert!(Input::of_query("a=%ff").is_err());
    }
}

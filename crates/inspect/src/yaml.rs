//! YAML as far as model cards and MLmodel files use it, with bounded depth, and bounded in what aliases make of it.

use std::collections::BTreeMap;

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

use super::error::{ParseError, ParseResult};

/// The maximum length of a text.
pub(super) const MAX_BYTES: usize = 1 << 20;
const MAX_DEPTH: usize = 64;
/// The maximum number of values of one text; those that an alias repeats count each time.
const MAX_VALUES: usize = 200_000;

enum Open {
    List(Vec<Value>),
    Map(Map<String, Value>, Option<String>),
}

/// What was given a name, by the parser's number of that name; 0 is none.
#[derive(Default)]
struct Anchors {
    values: BTreeMap<usize, Value>,
    counted: usize,
}

impl Anchors {
    fn keep(&mut self, anchor: usize, value: &Value) -> ParseResult<()> {
        self.count(1)?;
        if anchor != 0 {
            self.count(size(value))?;
            self.values.insert(anchor, value.clone());
        }
        Ok(())
    }

    /// The value of a name; one that is still being read has none yet.
    fn follow(&mut self, anchor: usize) -> ParseResult<Value> {
        let Some(value) = self.values.get(&anchor) else { return Ok(Value::Null) };
        let value = value.clone();
        self.count(size(&value))?;
        Ok(value)
    }

    fn count(&mut self, values: usize) -> ParseResult<()> {
        self.counted += values;
        if self.counted > MAX_VALUES {
            Err(ParseError::limit(format!("the YAML has more than {MAX_VALUES} values")))
        } else {
            Ok(())
        }
    }
}

fn size(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(size).sum(),
        Value::Object(members) => members.values().map(size).sum(),
        _ => 0,
    }
}

/// Reads the first document of a text.
pub(super) fn parse(text: &str) -> ParseResult<Value> {
    if text.len() > MAX_BYTES {
        return Err(ParseError::limit(format!("a text of {} bytes is longer than {MAX_BYTES}", text.len())));
    }
    let mut open: Vec<(Open, usize)> = Vec::new();
    let mut anchors = Anchors::default();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| ParseError::malformed(format!("the YAML: {error}")))?;
        let value = match event {
            Event::Alias(anchor) => anchors.follow(anchor)?,
            Event::Scalar(text, style, anchor, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                let value = if plain { scalar(&text) } else { Value::String(text.into_owned()) };
                anchors.keep(anchor, &value)?;
                value
            }
            Event::SequenceStart(anchor, _) => {
                push(&mut open, (Open::List(Vec::new()), anchor))?;
                continue;
            }
            Event::MappingStart(anchor, _) => {
                push(&mut open, (Open::Map(Map::new(), None), anchor))?;
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let (value, anchor) = match open.pop() {
                    Some((Open::List(items), anchor)) => (Value::Array(items), anchor),
                    Some((Open::Map(members, _), anchor)) => (Value::Object(members), anchor),
                    None => return Err(ParseError::malformed("the YAML closes what was never open")),
                };
                anchors.keep(anchor, &value)?;
                value
            }
            Event::DocumentEnd => break,
            Event::StreamEnd => break,
            _ => continue,
        };
        match open.last_mut() {
            None => return Ok(value),
            Some((Open::List(items), _)) => items.push(value),
            Some((Open::Map(members, key), _)) => match key.take() {
                Some(key) => {
                    members.insert(key, value);
                }
                None => {
                    *key = Some(match value {
                        Value::String(text) => text,
                        other => other.to_string(),
                    });
                }
            },
        }
    }
    Ok(Value::Null)
}

fn push(open: &mut Vec<(Open, usize)>, each: (Open, usize)) -> ParseResult<()> {
    if open.len() >= MAX_DEPTH {
        return Err(ParseError::limit("the YAML is too deep"));
    }
    open.push(each);
    Ok(())
}

fn scalar(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => true.into(),
        "false" | "False" | "FALSE" => false.into(),
        _ => text
            .parse::<i64>()
            .map(Value::from)
            .or_else(|_| match text.parse::<f64>() {
                Ok(number) if text.starts_with(|first: char| first.is_ascii_digit() || "+-.".contains(first)) => {
                    Ok(Value::from(number))
                }
                _ => Err(()),
            })
            .unwrap_or_else(|()| text.into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn values_have_their_kinds() {
        let text = "a: 1\nb: [x, 'y', 2.5, nan, null]\nc:\n  - d: yes\n    e: |\n      two\n      lines\n";
        let expected = json!({"a": 1, "b": ["x", "y", 2.5, "nan", null], "c": [{"d": "yes", "e": "two\nlines\n"}]});
        assert_eq!(parse(text).unwrap(), expected);
        assert_eq!(parse("").unwrap(), Value::Null);
    }

    #[test]
    fn aliases_are_followed() {
        assert_eq!(
            parse("a: &a [x]\nb: *a\nc: &c y\nd: {e: *c}\n").unwrap(),
            json!({"a": ["x"], "b": ["x"], "c": "y", "d": {"e": "y"}})
        );
        assert_eq!(parse("a: &a [*a]\n").unwrap(), json!({"a": [null]}));
    }

    #[test]
    fn what_blows_up_is_refused() {
        let lines: Vec<_> = (1..20).map(|at| format!("a{at}: &a{at} [*a{0}, *a{0}, *a{0}]\n", at - 1)).collect();
        assert!(matches!(parse(&format!("a0: &a0 x\n{}", lines.concat())), Err(ParseError::Limit(_))));
        assert!(parse(&"[".repeat(100)).is_err());
        assert!(parse("a: [").is_err());
    }
}

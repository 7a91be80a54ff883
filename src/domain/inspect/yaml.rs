//! YAML as far as model cards and MLmodel files use it: no aliases, which can blow a small text up, and bounded depth.

use saphyr_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

use super::fault::{Fault, Step};

/// The longest text.
pub(super) const LONGEST: usize = 1 << 20;
const DEEPEST: usize = 64;

enum Open {
    List(Vec<Value>),
    Map(Map<String, Value>, Option<String>),
}

/// Reads the first document of a text.
pub(super) fn parse(text: &str) -> Step<Value> {
    if text.len() > LONGEST {
        return Err(Fault::limit(format!("a text of {} bytes is longer than {LONGEST}", text.len())));
    }
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|error| Fault::malformed(format!("the YAML: {error}")))?;
        let value = match event {
            Event::Alias(_) => return Err(Fault::malformed("aliases are not followed")),
            Event::Scalar(text, style, _, tag) => {
                let plain = style == ScalarStyle::Plain && tag.is_none();
                if plain { scalar(&text) } else { Value::String(text.into_owned()) }
            }
            Event::SequenceStart(..) => {
                push(&mut open, Open::List(Vec::new()))?;
                continue;
            }
            Event::MappingStart(..) => {
                push(&mut open, Open::Map(Map::new(), None))?;
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(items)) => Value::Array(items),
                Some(Open::Map(members, _)) => Value::Object(members),
                None => return Err(Fault::malformed("the YAML closes what was never open")),
            },
            Event::DocumentEnd => break,
            Event::StreamEnd => break,
            _ => continue,
        };
        match open.last_mut() {
            None => return Ok(value),
            Some(Open::List(items)) => items.push(value),
            Some(Open::Map(members, key)) => match key.take() {
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

fn push(open: &mut Vec<Open>, each: Open) -> Step<()> {
    if open.len() >= DEEPEST {
        return Err(Fault::limit("the YAML is too deep"));
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
    fn what_blows_up_is_refused() {
        assert!(parse("a: &a [x]\nb: *a\n").is_err());
        assert!(parse(&"[".repeat(100)).is_err());
        assert!(parse("a: [").is_err());
    }
}

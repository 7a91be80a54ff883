//! Values as Python prints them, which is how Intel's edge model registry and its clients wrote them. Read as data; nothing
//! is evaluated.

use serde_json::{Map, Value as Json};

/// How deep lists and dictionaries may nest.
const DEPTH: usize = 32;

/// A list, written as JSON or as Python does.
pub fn list(text: &str) -> Option<Vec<Json>> {
    match read(text, false) {
        Some(Json::Array(items)) => Some(items),
        _ => None,
    }
}

/// Any value, written as JSON or as Python does. Numbers that are none, which JSON lacks, are null.
pub fn value(text: &str) -> Option<Json> {
    read(text, true)
}

fn read(text: &str, nan_is_null: bool) -> Option<Json> {
    serde_json::from_str(text).ok().or_else(|| {
        let mut reader = Reader { rest: text, nan_is_null };
        let value = reader.value(DEPTH)?;
        reader.blank();
        reader.rest.is_empty().then_some(value)
    })
}

struct Reader<'a> {
    rest: &'a str,
    nan_is_null: bool,
}

impl Reader<'_> {
    fn blank(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
    }

    /// Passes over a token, when it is next.
    fn take(&mut self, token: &str) -> bool {
        self.blank();
        self.rest.strip_prefix(token).map(|rest| self.rest = rest).is_some()
    }

    fn value(&mut self, depth: usize) -> Option<Json> {
        let depth = depth.checked_sub(1)?;
        self.blank();
        match self.rest.chars().next()? {
            '[' => {
                self.take("[");
                let mut items = Vec::new();
                while !self.take("]") {
                    items.push(self.value(depth)?);
                    if !self.take(",") {
                        return self.take("]").then_some(Json::Array(items));
                    }
                }
                Some(Json::Array(items))
            }
            '{' => {
                self.take("{");
                let mut members = Map::new();
                while !self.take("}") {
                    let Json::String(name) = self.value(depth)? else { return None };
                    if !self.take(":") {
                        return None;
                    }
                    members.insert(name, self.value(depth)?);
                    if !self.take(",") {
                        return self.take("}").then_some(Json::Object(members));
                    }
                }
                Some(Json::Object(members))
            }
            quote @ ('\'' | '"') => self.string(quote).map(Json::String),
            _ => self.word(),
        }
    }

    fn word(&mut self) -> Option<Json> {
        for (word, value) in [
            ("True", Json::Bool(true)),
            ("False", Json::Bool(false)),
            ("None", Json::Null),
            ("true", Json::Bool(true)),
            ("false", Json::Bool(false)),
            ("null", Json::Null),
        ] {
            if self.take(word) {
                return Some(value);
            }
        }
        let end = self.rest.find([',', ']', '}', ':', ' ', '\n']).unwrap_or(self.rest.len());
        let (number, rest) = self.rest.split_at_checked(end)?;
        let is_none = ["nan", "inf", "NaN", "Infinity"].contains(&number.strip_prefix('-').unwrap_or(number));
        let number = match serde_json::from_str::<serde_json::Number>(number) {
            Ok(number) => Json::Number(number),
            Err(_) if self.nan_is_null && is_none => Json::Null,
            Err(_) => return None,
        };
        self.rest = rest;
        Some(number)
    }

    fn string(&mut self, quote: char) -> Option<String> {
        let mut text = String::new();
        let mut letters = self.rest.char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                _ if letter == quote => {
                    self.rest = self.rest.get(at + letter.len_utf8()..)?;
                    return Some(text);
                }
                '\\' => {
                    let kind = letters.next()?.1;
                    let length = match kind {
                        'x' => 2,
                        'u' => 4,
                        'U' => 8,
                        _ => 0,
                    };
                    let digits: String = letters.by_ref().take(length).map(|(_, digit)| digit).collect();
                    match kind {
                        'n' => text.push('\n'),
                        't' => text.push('\t'),
                        'r' => text.push('\r'),
                        '\\' | '\'' | '"' => text.push(kind),
                        'x' | 'u' | 'U' => {
                            let code = u32::from_str_radix(&digits, 16).ok().filter(|_| digits.len() == length)?;
                            text.push(char::from_u32(code)?);
                        }
                        other => text.extend(['\\', other]),
                    }
                }
                '\n' => return None,
                letter => text.push(letter),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn lists_are_read_as_json_and_as_python() {
        for (text, read) in [
            ("[]", json!([])),
            (r#"["a", "b"]"#, json!(["a", "b"])),
            ("['a', \"b'c\", 'd\\'e', ]", json!(["a", "b'c", "d'e"])),
            (
                "[{'id': 'x', 'n': 1, 'f': 0.5, 'ok': True, 'none': None}]",
                json!([
                    {"id": "x", "n": 1, "f": 0.5, "ok": true, "none": null}
                ]),
            ),
            ("['\\u00e9\\x41']", json!(["\u{e9}A"])),
        ] {
            assert_eq!(list(text).map(Json::Array), Some(read), "{text}");
        }
    }

    #[test]
    fn values_are_of_any_kind() {
        for (text, read) in [
            ("{'a': nan, 'b': -inf, 'c': 1e-05}", json!({"a": null, "b": null, "c": 1e-5})),
            (r#"{"a": NaN}"#, json!({"a": null})),
            ("'text'", json!("text")),
            ("None", json!(null)),
            ("3", json!(3)),
        ] {
            assert_eq!(value(text), Some(read), "{text}");
        }
        for text in ["", "text", "nano", "{'a'}", "{1: 2}"] {
            assert_eq!(value(text), None, "{text}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        let deep = "[".repeat(100_000);
        for text in [
            "",
            "a",
            "{}",
            "{'a': 1}",
            "['a'",
            "['a' 'b']",
            "[a]",
            "[nan]",
            "[__import__('os')]",
            "['a'] x",
            "['\\ud800']",
            &deep,
        ] {
            assert_eq!(list(text), None, "{text:.40}");
        }
    }
}

//! JSON as Python's `json` module reads it, which is what writes and reads most of the files that come with models:
//! `NaN`, `Infinity`, numbers beyond all bounds, a byte order mark, UTF-16 and UTF-32, surrogates without a partner.
//! What has no place in JSON proper becomes null.

use std::borrow::Cow;

use serde_json::Value;

use super::error::{ParseError, ParseResult};
use super::json_reader::Reader;

/// Reads one document, which must be all there is.
pub(super) fn parse(bytes: &[u8]) -> ParseResult<Value> {
    let text = decode(bytes)?;
    let mut reader = Reader::new(&text);
    let value = reader.value()?;
    reader.end()?;
    Ok(value)
}

/// The text of a document: with or without a byte order mark, its encoding is told as Python's `json.loads` tells it,
/// by the zeros among the first four bytes.
pub(super) fn decode(bytes: &[u8]) -> ParseResult<Cow<'_, str>> {
    let wide = |at: usize| bytes.get(at).copied();
    let zero = |at: usize| wide(at) == Some(0);
    let (width, big, mark) = match bytes {
        [0xef, 0xbb, 0xbf, ..] => (1, false, 3),
        [0, 0, 0xfe, 0xff, ..] => (4, true, 4),
        [0xff, 0xfe, 0, 0, ..] => (4, false, 4),
        [0xfe, 0xff, ..] => (2, true, 2),
        [0xff, 0xfe, ..] => (2, false, 2),
        [_, _, _, _, ..] if zero(0) && zero(1) => (4, true, 0),
        [_, _, ..] if zero(0) => (2, true, 0),
        [_, _, _, _, ..] if zero(1) && zero(2) => (4, false, 0),
        [_, _, ..] if zero(1) => (2, false, 0),
        _ => (1, false, 0),
    };
    let rest = bytes.get(mark..).unwrap_or_default();
    if width == 1 {
        let text = std::str::from_utf8(rest).map_err(|_| ParseError::malformed("the JSON is not UTF-8"))?;
        return Ok(Cow::Borrowed(text));
    }
    let order = |unit: &[u8]| {
        let add = |number: u32, byte: &u8| number << 8 | u32::from(*byte);
        if big { unit.iter().fold(0, add) } else { unit.iter().rev().fold(0, add) }
    };
    let units = rest.chunks_exact(width).map(order);
    Ok(Cow::Owned(if width == 4 {
        units.map(|unit| char::from_u32(unit).unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    } else {
        let units = units.map(|unit| u16::try_from(unit).unwrap_or_default());
        char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)).collect()
    }))
}

/// A whole number that Python may have written as a float, as in `8.0`.
pub(super) fn whole_number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| {
        let number = value.as_f64().filter(|number| *number >= 0.0 && *number < 9.0e18 && number.fract() == 0.0)?;
        format!("{number:.0}").parse().ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json_reader::MAX_VALUES;
    use serde_json::json;

    #[test]
    fn what_python_writes_is_read() {
        let text = r#" {"a": [0.0, Infinity, -Infinity, NaN, 1e400], "b": {"c": -1, "d": 8.0}, "e": 18446744073709551615,
            "f": "\ud83d\ude00 \ud800x\/\n\u00e9", "g": {}, "h": [], "i": [[], {}, true, false, null], "g": 1} "#;
        let expected = json!({"a": [0.0, null, null, null, null], "b": {"c": -1, "d": 8.0}, "e": u64::MAX,
            "f": "😀 \u{fffd}x/\né", "g": 1, "h": [], "i": [[], {}, true, false, null]});
        assert_eq!(parse(text.as_bytes()).unwrap(), expected);
        let mut reader = Reader::new(text);
        reader.skip().unwrap();
        reader.end().unwrap();
    }

    #[test]
    fn every_encoding_that_python_tells_is_told() {
        let text = "{\"a\": \"é😀\"}";
        let wide: Vec<u16> = text.encode_utf16().collect();
        let mut all: Vec<Vec<u8>> = vec![text.bytes().collect(), [b"\xef\xbb\xbf", text.as_bytes()].concat()];
        for mark in [&[][..], &[0xfeff]] {
            let wide = [mark, wide.as_slice()].concat();
            all.push(wide.iter().flat_map(|unit| unit.to_le_bytes()).collect());
            all.push(wide.iter().flat_map(|unit| unit.to_be_bytes()).collect());
            let widest: Vec<u32> =
                mark.iter().map(|unit| u32::from(*unit)).chain(text.chars().map(u32::from)).collect();
            all.push(widest.iter().flat_map(|unit| unit.to_le_bytes()).collect());
            all.push(widest.iter().flat_map(|unit| unit.to_be_bytes()).collect());
        }
        for bytes in all {
            assert_eq!(parse(&bytes).unwrap(), json!({"a": "é😀"}), "{bytes:02x?}");
        }
    }

    #[test]
    fn what_python_refuses_is_refused() {
        for text in [
            "",
            "{",
            "[1,]",
            "{\"a\":1,}",
            "{a:1}",
            "01",
            "1.",
            "+1",
            "-",
            "-NaN",
            "nan",
            "\"\t\"",
            "\"\\x\"",
            "\"\\u12g4\"",
            "[1] 2",
            "{\"a\" 1}",
            "\"a",
            "1e",
            "'a'",
            "// no\n{}",
        ] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        assert!(matches!(parse("[".repeat(2000).as_bytes()), Err(ParseError::Limit(_))));
        let many = format!("[{}0]", "0,".repeat(MAX_VALUES));
        assert!(matches!(parse(many.as_bytes()), Err(ParseError::Limit(_))));
        assert_eq!(whole_number(&json!(8.0)), Some(8));
        assert_eq!(whole_number(&json!(13_476_831_232.0)), Some(13_476_831_232));
        assert_eq!((whole_number(&json!(8.5)), whole_number(&json!(-1))), (None, None));
    }

    #[test]
    fn members_can_be_read_one_by_one() {
        let mut reader = Reader::new("{\"a\": [1, 2], \"b\": {\"c\": 3}, \"d\": \"x\"}");
        let (mut names, mut items) = (Vec::new(), 0);
        reader
            .object(|reader, name| {
                names.push(name);
                if reader.is_list() {
                    return reader.list(|reader| {
                        items += 1;
                        reader.skip()
                    });
                }
                reader.skip()
            })
            .unwrap();
        assert_eq!((names.join(""), items), ("abd".to_owned(), 2));
    }
}

//! The values of GGUF's metadata, of which only requested ones are kept.

use super::cursor::Cursor;
use super::error::{ParseError, ParseResult};

/// The maximum length of a text that is kept of a key that is not a template.
const MAX_TEXT: u64 = 1 << 20;
/// The maximum length of a chat template.
const MAX_TEMPLATE: u64 = 16 << 20;
/// The maximum nesting of arrays.
const MAX_DEPTH: usize = 1000;

/// A value.
pub(super) enum Value {
    Number(u64),
    Text(String),
    /// A text of that many bytes, which is longer than what is kept.
    Long(u64),
    /// An array, of which only the length is kept.
    Many(u64),
    Other,
}

/// A text of at most `most` bytes.
pub(super) fn text(input: &mut Cursor<'_>, most: u64) -> ParseResult<String> {
    let length = input.u64()?;
    Ok(String::from_utf8_lossy(&input.bytes(length, most)?).into_owned())
}

/// Whether a key holds a chat template.
pub(super) fn is_template(key: &str) -> bool {
    key.starts_with("tokenizer.chat_template")
}

/// Reads the value of `key`.
pub(super) fn value(input: &mut Cursor<'_>, key: &str, kind: u32) -> ParseResult<Value> {
    Ok(match kind {
        0 | 7 => Value::Number(u64::from(input.byte()?)),
        2 => Value::Number(u64::from(input.u16()?)),
        4 => Value::Number(u64::from(input.u32()?)),
        10 => Value::Number(input.u64()?),
        5 => {
            let number = input.u32()?;
            i32::try_from(number).ok().and_then(|number| u64::try_from(number).ok()).map_or(Value::Other, Value::Number)
        }
        11 => {
            let number = input.u64()?;
            i64::try_from(number).map_or(Value::Other, |_| Value::Number(number))
        }
        8 => {
            let length = input.u64()?;
            let most = if is_template(key) { MAX_TEMPLATE } else { MAX_TEXT };
            if length > most {
                input.skip(length)?;
                return Ok(Value::Long(length));
            }
            Value::Text(String::from_utf8_lossy(&input.bytes(length, most)?).into_owned())
        }
        9 => Value::Many(array(input)?),
        _ => {
            let size =
                size(kind).ok_or_else(|| ParseError::malformed(format!("a value of the unknown type {kind}")))?;
            input.skip(size)?;
            Value::Other
        }
    })
}

/// Skips an array, however deep arrays lie within it, and says how many items it has itself.
fn array(input: &mut Cursor<'_>) -> ParseResult<u64> {
    let mut length = None;
    // How many arrays are still to come, of each array of arrays that is in progress.
    let mut left: Vec<u64> = Vec::new();
    loop {
        let (kind, count) = (input.u32()?, input.u64()?);
        length.get_or_insert(count);
        match size(kind) {
            Some(size) => {
                input.skip(count.checked_mul(size).ok_or_else(|| ParseError::malformed("an array without bounds"))?)?;
            }
            None if kind == 8 => {
                for _ in 0..count {
                    let length = input.u64()?;
                    input.skip(length)?;
                }
            }
            None if kind == 9 => {
                if left.len() >= MAX_DEPTH {
                    return Err(ParseError::limit(format!("arrays lie more than {MAX_DEPTH} deep")));
                }
                left.push(count);
            }
            None => return Err(ParseError::malformed(format!("an array of the unknown type {kind}"))),
        }
        while left.last() == Some(&0) {
            left.pop();
        }
        match left.last_mut() {
            Some(count) => *count -= 1,
            None => return Ok(length.unwrap_or(0)),
        }
    }
}

fn size(kind: u32) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

//! Protobuf's wire format by hand: fields one after the other, without reading what nobody asks for.

use super::cursor::Cursor;
use super::error::{ParseError, ParseResult};

/// A field's number and what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Number(u64, u64),
    /// Bytes of that length, which come next.
    Bytes(u64, u64),
    /// Something of a fixed width, which was skipped.
    Fixed(u64),
}

fn varint(input: &mut Cursor<'_>) -> ParseResult<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = input.byte()?;
        number |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(number);
        }
    }
    Err(ParseError::malformed("a number has more than ten bytes"))
}

/// The next field before `end`; `None` at the end. What a field holds in bytes is left to the caller to read or skip.
pub(super) fn field(input: &mut Cursor<'_>, end: u64) -> ParseResult<Option<Field>> {
    if input.place() >= end {
        return if input.place() == end {
            Ok(None)
        } else {
            Err(ParseError::malformed("a field reaches beyond its message"))
        };
    }
    let key = varint(input)?;
    let number = key >> 3;
    if number == 0 {
        return Err(ParseError::malformed("there is no field 0"));
    }
    Ok(Some(match key & 7 {
        0 => Field::Number(number, varint(input)?),
        1 => {
            input.skip(8)?;
            Field::Fixed(number)
        }
        2 => {
            let length = varint(input)?;
            if input.place().checked_add(length).is_none_or(|after| after > end) {
                return Err(ParseError::Truncated);
            }
            Field::Bytes(number, length)
        }
        5 => {
            input.skip(4)?;
            Field::Fixed(number)
        }
        other => return Err(ParseError::malformed(format!("there is no wire type {other}"))),
    }))
}

/// A short text; a longer one is cut.
pub(super) fn text(input: &mut Cursor<'_>, length: u64) -> ParseResult<String> {
    const MAX_TEXT_BYTES: u64 = 4096;
    let bytes = input.bytes(length.min(MAX_TEXT_BYTES), MAX_TEXT_BYTES)?;
    input.skip(length.saturating_sub(MAX_TEXT_BYTES))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Numbers packed into bytes, at most `most` of them.
pub(super) fn packed(input: &mut Cursor<'_>, length: u64, most: usize) -> ParseResult<Vec<u64>> {
    let end = input.place() + length;
    let mut numbers = Vec::new();
    while input.place() < end {
        if numbers.len() >= most {
            return Err(ParseError::limit(format!("more than {most} numbers in one list")));
        }
        numbers.push(varint(input)?);
    }
    Ok(numbers)
}

/// A pair of texts, as metadata and external data have them.
pub(super) fn pair(input: &mut Cursor<'_>, length: u64) -> ParseResult<(String, String)> {
    let end = input.place() + length;
    let (mut key, mut value) = (String::new(), String::new());
    while let Some(next) = field(input, end)? {
        match next {
            Field::Bytes(1, length) => key = text(input, length)?,
            Field::Bytes(2, length) => value = text(input, length)?,
            Field::Bytes(_, length) => input.skip(length)?,
            Field::Number(..) | Field::Fixed(_) => {}
        }
    }
    Ok((key, value))
}

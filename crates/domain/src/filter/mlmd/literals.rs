//! Strings of every form: single or double quotes, three of them, raw ones, and the escapes in the others.

use super::super::lexer::Literal;

/// The string that the text begins with; `None` when it begins with something else.
pub(super) fn string(rest: &str) -> Result<Option<Literal>, String> {
    let quote_at = rest.bytes().take(3).position(|byte| matches!(byte, b'\'' | b'"'));
    let prefix = quote_at.and_then(|at| rest.get(..at)).unwrap_or("-");
    let raw = match prefix.to_ascii_lowercase().as_str() {
        "" => false,
        "r" => true,
        "b" | "br" | "rb" => return Err("bytes are not supported, only strings".to_owned()),
        _ => return Ok(None),
    };
    let start = prefix.len();
    let opened = rest.get(start..).unwrap_or_default();
    let quote = ["'''", "\"\"\"", "'", "\""].into_iter().find(|quote| opened.starts_with(quote)).unwrap_or("'");
    let Literal { text, length } = until(opened, quote, raw)?;
    Ok(Some(Literal { text, length: start + length }))
}

/// The name between backticks that the text begins with.
pub(super) fn identifier(rest: &str) -> Result<Literal, String> {
    let found = until(rest, "`", false)?;
    if found.text.is_empty() { Err("Syntax error: an empty name".to_owned()) } else { Ok(found) }
}

fn until(rest: &str, quote: &str, raw: bool) -> Result<Literal, String> {
    let unclosed = || format!("Syntax error: the text that begins with {quote} never ends");
    let mut bytes = Vec::new();
    let mut at = quote.len();
    loop {
        let left = rest.get(at..).ok_or_else(unclosed)?;
        if left.starts_with(quote) {
            let text = String::from_utf8(bytes).map_err(|_| "the escapes of a text are not UTF-8".to_owned())?;
            if text.contains('\0') {
                return Err("a NUL character cannot be in a filter".to_owned());
            }
            return Ok(Literal { text, length: at + quote.len() });
        }
        let each = left.chars().next().ok_or_else(unclosed)?;
        at += if each == '\\' && raw {
            let length = 1 + left.chars().nth(1).ok_or_else(unclosed)?.len_utf8();
            bytes.extend_from_slice(left.get(..length).unwrap_or_default().as_bytes());
            length
        } else if each == '\\' {
            escape(left, &mut bytes)?
        } else if matches!(each, '\n' | '\r') && quote.len() == 1 {
            return Err(unclosed());
        } else {
            bytes.extend_from_slice(left.get(..each.len_utf8()).unwrap_or_default().as_bytes());
            each.len_utf8()
        };
    }
}

/// Adds what an escape stands for, and returns its length.
fn escape(left: &str, bytes: &mut Vec<u8>) -> Result<usize, String> {
    let kind = left.chars().nth(1).ok_or("Syntax error: the text never ends")?;
    let digits = |count: usize, radix: u32, from: usize| {
        let digits = left.get(from..from + count).filter(|digits| digits.chars().all(|each| each.is_digit(radix)));
        digits.and_then(|digits| u32::from_str_radix(digits, radix).ok())
    };
    let illegal = || format!("Syntax error: Illegal escape sequence: \\{}", kind.escape_debug());
    let byte = |value: Option<u32>| value.and_then(|value| u8::try_from(value).ok()).ok_or_else(illegal);
    let simple = match kind {
        'a' => Some(0x07),
        'b' => Some(0x08),
        'f' => Some(0x0c),
        'n' => Some(b'\n'),
        'r' => Some(b'\r'),
        't' => Some(b'\t'),
        'v' => Some(0x0b),
        '\\' | '?' | '"' | '\'' | '`' => u8::try_from(kind).ok(),
        _ => None,
    };
    if let Some(simple) = simple {
        bytes.push(simple);
        return Ok(2);
    }
    match kind {
        'x' | 'X' => {
            bytes.push(byte(digits(2, 16, 2))?);
            Ok(4)
        }
        '0'..='3' => {
            bytes.push(byte(digits(3, 8, 1))?);
            Ok(4)
        }
        'u' | 'U' => {
            let count = if kind == 'u' { 4 } else { 8 };
            let found = digits(count, 16, 2).and_then(char::from_u32).ok_or_else(illegal)?;
            bytes.extend_from_slice(found.encode_utf8(&mut [0; 4]).as_bytes());
            Ok(2 + count)
        }
        _ => Err(illegal()),
    }
}

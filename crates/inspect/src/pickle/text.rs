//! How the oldest pickle protocols write text: lines with escapes, which must be read as Python reads them.

/// The text of a `UNICODE` line, whose only escapes are `\uXXXX` and `\UXXXXXXXX`.
pub(super) fn raw_unicode(line: &[u8]) -> String {
    let mut text = String::new();
    let mut rest = line;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        let digits = match (first, after.first()) {
            (b'\\', Some(b'u')) => 4,
            (b'\\', Some(b'U')) => 8,
            _ => 0,
        };
        match after.get(1..1 + digits).filter(|_| digits > 0).and_then(hexadecimal) {
            Some(each) => {
                text.push(each);
                rest = after.get(1 + digits..).unwrap_or_default();
            }
            None => text.push(char::from(*first)),
        }
    }
    text
}

/// The text of a `STRING` line: a Python literal with its quotes and escapes.
pub(super) fn literal(line: &[u8]) -> Option<String> {
    let line = line.trim_ascii();
    let (quote, rest) = line.split_first().filter(|(quote, _)| matches!(quote, b'\'' | b'"'))?;
    let (last, mut rest) = rest.split_last()?;
    if last != quote {
        return None;
    }
    let mut bytes = Vec::new();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        if *first != b'\\' {
            bytes.push(*first);
            continue;
        }
        let (escape, after) = rest.split_first()?;
        rest = after;
        match escape {
            b'\n' => {}
            b'a' => bytes.push(7),
            b'b' => bytes.push(8),
            b'f' => bytes.push(12),
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            b'v' => bytes.push(11),
            b'x' => {
                let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
                bytes.push(u8::from_str_radix(digits, 16).ok()?);
                rest = rest.get(2..)?;
            }
            b'0'..=b'7' => {
                let mut number = u32::from(escape - b'0');
                for _ in 0..2 {
                    let Some((digit @ b'0'..=b'7', after)) = rest.split_first() else { break };
                    number = number * 8 + u32::from(digit - b'0');
                    rest = after;
                }
                bytes.push(u8::try_from(number & 0xff).ok()?);
            }
            b'\\' | b'\'' | b'"' => bytes.push(*escape),
            other => bytes.extend([b'\\', *other]),
        }
    }
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

fn hexadecimal(digits: &[u8]) -> Option<char> {
    let digits =
        std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|each| each.is_ascii_hexdigit()))?;
    char::from_u32(u32::from_str_radix(digits, 16).ok()?)
}

/// A decimal number as Python's `int` reads it: spaces around it, a sign, `_` between digits.
pub(super) fn decimal(line: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(line).ok()?.trim();
    let text = text.strip_suffix(['L', 'l']).unwrap_or(text);
    text.replace('_', "").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_read_as_python_reads_them() {
        assert_eq!(raw_unicode(br"\u006fs"), "os");
        assert_eq!(raw_unicode(br"\U0000006fs\n\u00zz"), r"os\n\u00zz");
        assert_eq!(literal(br"'\x6f\163'").unwrap(), "os");
        assert_eq!(literal(b"\"a\\tb\\q\"").unwrap(), "a\tb\\q");
        assert_eq!(literal(b"'open\""), None);
        assert_eq!(literal(b"'"), None);
        assert_eq!(decimal(b" 1_0L"), Some(10));
        assert_eq!(decimal(b"x"), None);
    }
}

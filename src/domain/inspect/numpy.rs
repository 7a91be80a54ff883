//! NumPy's `.npy`: the header of an array; an array of objects is a pickle.

use super::cursor::Cursor;
use super::fault::{Fault, Step};
use super::inspection::Inspection;
use super::pickle::{self, Trust};

/// The longest header.
const LONGEST: u64 = 1 << 20;

/// Reads an array.
pub(super) fn read(seen: &mut Inspection, place: &str, input: &mut Cursor<'_>) -> Step<()> {
    if input.array()? != *b"\x93NUMPY" {
        return Err(Fault::malformed("it does not begin as an array of NumPy"));
    }
    let [major, minor] = input.array()?;
    let length = match major {
        1 => u64::from(input.u16()?),
        2 | 3 => u64::from(input.u32()?),
        other => return Err(Fault::malformed(format!("there is no version {other} of the format"))),
    };
    let header = input.bytes(length, LONGEST)?;
    let header = String::from_utf8_lossy(&header).into_owned();
    let malformed = || Fault::malformed("the header of an array cannot be told");
    let descr = member(&header, "descr").ok_or_else(malformed)?;
    let shape = member(&header, "shape").and_then(sizes).ok_or_else(malformed)?;
    let count = shape.iter().try_fold(1u64, |product, size| product.checked_mul(*size)).ok_or_else(malformed)?;
    if place.is_empty() {
        seen.set_format("npy", Some(format!("{major}.{minor}")));
        seen.text("dtype", descr.trim_matches(['\'', '"']));
        seen.json("shape", shape.into());
    }
    // A structured type lists its members; `O` stands for objects in either.
    if descr.contains('O') {
        pickle::scan(input, place, Trust::Claimed, seen)?;
        return Ok(());
    }
    match element(descr) {
        Some(size) => input.skip(count.checked_mul(size).ok_or_else(malformed)?),
        None => Ok(()),
    }
}

/// The value of a key of the header, which is a Python literal.
fn member<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let quoted = [format!("'{key}'"), format!("\"{key}\"")];
    let (at, length) = quoted.iter().find_map(|quoted| Some((header.find(quoted.as_str())?, quoted.len())))?;
    let rest = header.get(at + length..)?.trim_start().strip_prefix(':')?.trim_start();
    let mut depth = 0usize;
    let mut quote = None;
    for (at, each) in rest.char_indices() {
        match (quote, each) {
            (Some(open), each) if each == open => quote = None,
            (Some(_), _) => {}
            (None, '\'' | '"') => quote = Some(each),
            (None, '(' | '[' | '{') => depth += 1,
            (None, ')' | ']' | '}') if depth > 0 => depth -= 1,
            (None, ',' | '}') if depth == 0 => return rest.get(..at).map(str::trim),
            _ => {}
        }
    }
    None
}

fn sizes(shape: &str) -> Option<Vec<u64>> {
    let inner = shape.strip_prefix('(')?.strip_suffix(')')?;
    let sizes = inner.split(',').map(str::trim).filter(|size| !size.is_empty());
    sizes.take(64).map(|size| size.trim_end_matches('L').parse().ok()).collect()
}

/// The bytes of an element of a plain type.
fn element(descr: &str) -> Option<u64> {
    let code = descr.strip_prefix(['\'', '"'])?.trim_end_matches(['\'', '"']).trim_start_matches(['<', '>', '=', '|']);
    let mut chars = code.chars();
    let kind = chars.next()?;
    let digits = chars.as_str();
    match kind {
        'M' | 'm' => Some(8),
        'U' => digits.parse::<u64>().ok()?.checked_mul(4),
        '?' => Some(1),
        'b' | 'i' | 'u' | 'f' | 'c' | 'S' | 'V' => digits.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read() {
        let header = "{'descr': [('a', '<f4'), ('b', '|O')], 'fortran_order': False, 'shape': (3, 4L), }";
        assert_eq!(member(header, "descr"), Some("[('a', '<f4'), ('b', '|O')]"));
        assert_eq!(member(header, "shape").and_then(sizes), Some(vec![3, 4]));
        assert_eq!(sizes("()"), Some(vec![]));
        assert_eq!(element("'<U5'"), Some(20));
        assert_eq!(member("{'descr': '<f4", "descr"), None);
    }
}

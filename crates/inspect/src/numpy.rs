//! NumPy's `.npy`: the header of an array, read as NumPy reads it; an array of objects is a pickle.

use super::cursor::Cursor;
use super::error::{ParseError, ParseResult};
use super::inspection::Inspection;
use super::literal::Literal;
use super::pickle::{self, Trust};
use super::source::Source;
use super::tensor::{Tensor, TensorList};

/// The maximum number of bytes of a header.
const MAX_HEADER: u64 = 1 << 20;
/// The maximum number of bytes of the headers of all arrays of a file, with what is read of their data.
const MAX_HEADERS: u64 = 256 << 20;
/// Why what begins as a header is none.
const NO_VERSION: &str = "there is no such version of the format";
/// Types within each other.
const MAX_DEPTH: usize = 32;
/// The maximum number of arrays that follow each other in a file.
const MAX_ARRAYS: usize = 10_000;

/// Whether a file begins as an array does: `\x93NUMPY` alone may be a word in typographic quotes.
pub(super) fn is_header(head: &[u8]) -> bool {
    matches!(head.strip_prefix(b"\x93NUMPY"), Some([1..=3, 0, ..]))
}

/// What a header says.
#[derive(Debug)]
struct Header {
    descr: Literal,
    shape: Vec<Literal>,
}

/// Reads an array and what follows it. Where nobody but the first bytes `claimed` that it is one, and NumPy would refuse
/// it, it is none, and false.
pub(super) fn read(seen: &mut Inspection, place: &str, input: &mut Cursor<'_>, claimed: bool) -> ParseResult<bool> {
    for _ in 0..MAX_ARRAYS {
        let Some((major, minor, length)) = preamble(input)? else { return refused(claimed, NO_VERSION) };
        let bytes = match input.bytes(length, MAX_HEADER) {
            Err(ParseError::Truncated | ParseError::Limit(_)) if !claimed => return Ok(false),
            bytes => bytes?,
        };
        let Some(header) = header(&bytes, major) else {
            // A reader that continues after a header that NumPy refuses finds the same bytes as after any other.
            pickle::scan(input, place, Trust::Guessed, seen)?;
            return refused(claimed, "NumPy refuses the header of an array");
        };
        if place.is_empty() {
            seen.set_format("npy", Some(format!("{major}.{minor}")));
            seen.text("dtype", header.descr.to_string().trim_matches('\''));
            seen.json("shape", header.shape.iter().map(size).collect::<Vec<_>>().into());
        }
        if has_objects(&header.descr, 0) {
            pickle::scan(input, place, Trust::Claimed, seen)?;
            return Ok(true);
        }
        let Some(bytes) =
            product(&header.shape).zip(element(&header.descr)).and_then(|(count, size)| count.checked_mul(size))
        else {
            return Ok(pickle::scan(input, place, Trust::Guessed, seen).map(|_| true)?);
        };
        match input.skip(bytes) {
            Err(ParseError::Truncated) if !claimed => return Ok(true),
            passed => passed?,
        }
        // Several arrays may be saved into one file, and a pickle after them.
        match input.peek()? {
            None => return Ok(true),
            Some(0x93) => {}
            Some(_) => return Ok(pickle::scan(input, place, Trust::Guessed, seen).map(|_| true)?),
        }
    }
    Err(ParseError::limit(format!("more than {MAX_ARRAYS} arrays follow each other")))
}

/// The major and the minor version of the format that a header is in, and how many bytes the header has; `None` where none begins.
fn preamble(input: &mut Cursor<'_>) -> ParseResult<Option<(u8, u8, u64)>> {
    let magic: [u8; 6] = input.array()?;
    let [major, minor] = input.array()?;
    if magic != *b"\x93NUMPY" || minor != 0 || !matches!(major, 1..=3) {
        return Ok(None);
    }
    let length = if major == 1 { u64::from(input.u16()?) } else { u64::from(input.u32()?) };
    Ok(Some((major, minor, length)))
}

/// The arrays of a file, which may follow each other, up to the first of objects.
pub(super) fn list(source: &dyn Source) -> ParseResult<TensorList> {
    let mut input = Cursor::over(source, MAX_HEADERS);
    let mut listed = TensorList::default();
    loop {
        let tensor = array(&format!("arr_{}", listed.len()), &mut input)?;
        let bytes = tensor.bytes;
        listed.add(tensor)?;
        let Some(bytes) = bytes else { return Ok(listed) };
        input.skip(bytes)?;
        if input.peek()? != Some(0x93) {
            return Ok(listed);
        }
        if listed.len() >= MAX_ARRAYS {
            return Err(ParseError::limit(format!("more than {MAX_ARRAYS} arrays follow each other")));
        }
    }
}

/// The array that begins here, up to its data.
pub(super) fn array(name: &str, input: &mut Cursor<'_>) -> ParseResult<Tensor> {
    let (major, _, length) = preamble(input)?.ok_or_else(|| ParseError::malformed(NO_VERSION))?;
    let bytes = input.bytes(length, MAX_HEADER)?;
    let header = header(&bytes, major).ok_or_else(|| ParseError::malformed("NumPy refuses the header of an array"))?;
    let shape: Option<Vec<u64>> = header.shape.iter().map(size).collect();
    let count = product(&header.shape);
    let (Some(shape), Some(parameters)) = (shape, count) else {
        return Err(ParseError::malformed(format!("the shape of `{}` is without bounds", name.escape_debug())));
    };
    let size = element(&header.descr).filter(|_| !has_objects(&header.descr, 0));
    Ok(Tensor {
        name: name.to_owned(),
        dtype: header.descr.to_string().trim_matches('\'').to_owned(),
        shape,
        parameters,
        bytes: size.and_then(|size| parameters.checked_mul(size)),
        offset: Some(input.place()),
        file: None,
    })
}

fn refused(claimed: bool, why: &str) -> ParseResult<bool> {
    if claimed { Err(ParseError::malformed(why)) } else { Ok(false) }
}

/// The header, where NumPy would take it: a dictionary of these three keys.
fn header(bytes: &[u8], major: u8) -> Option<Header> {
    let text = match major {
        3 => String::from_utf8(bytes.to_vec()).ok()?,
        _ => bytes.iter().map(|byte| char::from(*byte)).collect(),
    };
    let whole = Literal::parse(&text)?;
    let Literal::Dict(entries) = &whole else { return None };
    let known = |key: &Literal| match key {
        Literal::Str(Some(key)) => matches!(key.as_str(), "descr" | "fortran_order" | "shape"),
        key => *key == Literal::Str(None),
    };
    if !entries.iter().all(|(key, _)| known(key)) {
        return None;
    }
    // A key that is written by the names of its characters may be any of them.
    if entries.iter().any(|(key, _)| *key == Literal::Str(None)) {
        return Some(Header { descr: Literal::Str(None), shape: Vec::new() });
    }
    let Literal::Bool(_) = whole.get("fortran_order")? else { return None };
    let Literal::Tuple(shape) = whole.get("shape")? else { return None };
    let is_size = |size: &Literal| matches!(size, Literal::Int(_) | Literal::Bool(_));
    let header = Header { descr: whole.get("descr")?.clone(), shape: shape.clone() };
    shape.iter().all(is_size).then_some(header)
}

fn size(size: &Literal) -> Option<u64> {
    match size {
        Literal::Int(Some(size)) => u64::try_from(*size).ok(),
        Literal::Bool(flag) => Some(u64::from(*flag)),
        _ => None,
    }
}

/// Whether a type holds objects, so that NumPy unpickles what follows. In doubt it does.
fn has_objects(descr: &Literal, depth: usize) -> bool {
    if depth > MAX_DEPTH {
        return true;
    }
    match descr {
        // `O` is the letter of objects, `T` that of texts of any length, and `object` a name; no other type has any in its own.
        Literal::Str(Some(text)) => text.contains(['O', 'T']) || text.contains("object"),
        Literal::Str(None) => true,
        Literal::Tuple(parts) => parts.iter().any(|part| has_objects(part, depth + 1)),
        Literal::None | Literal::Bool(_) | Literal::Int(_) | Literal::Other | Literal::Bytes => false,
        fields => fields.elements().unwrap_or_default().iter().any(|field| match (field, field.elements()) {
            // The elements of a set have no order: either may be the type.
            (Literal::Set(parts), _) => parts.iter().any(|part| has_objects(part, depth + 1)),
            (_, Some(parts)) => parts.iter().skip(1).any(|part| has_objects(part, depth + 1)),
            (field, None) => *field == Literal::Str(None),
        }),
    }
}

/// The bytes of an element; `None` where it is not told here.
fn element(descr: &Literal) -> Option<u64> {
    match descr {
        Literal::Str(Some(code)) => plain(code),
        Literal::List(fields) => fields.iter().try_fold(0u64, |sum, field| {
            let Literal::Tuple(field) = field else { return None };
            let (size, shape) = match field.as_slice() {
                [_, descr] => (element(descr)?, 1),
                [_, descr, Literal::Tuple(shape)] => (element(descr)?, product(shape)?),
                _ => return None,
            };
            sum.checked_add(size.checked_mul(shape)?)
        }),
        Literal::Tuple(parts) => match parts.as_slice() {
            [descr, Literal::Tuple(shape)] => element(descr)?.checked_mul(product(shape)?),
            _ => None,
        },
        _ => None,
    }
}

fn product(shape: &[Literal]) -> Option<u64> {
    shape.iter().try_fold(1u64, |product, each| product.checked_mul(size(each)?))
}

/// The bytes of an element of a plain type, by its code.
fn plain(code: &str) -> Option<u64> {
    let code = code.trim_start_matches(['<', '>', '=', '|']);
    let mut chars = code.chars();
    let kind = chars.next()?;
    let digits = chars.as_str();
    match kind {
        'M' | 'm' if digits.is_empty() || digits.starts_with(['8', '[']) => Some(8),
        'U' => digits.parse::<u64>().ok()?.checked_mul(4),
        '?' if digits.is_empty() => Some(1),
        'b' | 'i' | 'u' | 'f' | 'c' | 'S' | 'V' => digits.parse().ok(),
        _ => None,
    }
}

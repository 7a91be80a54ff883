//! NumPy's arrays within pickles: their element types, and the raw bytes that joblib writes between the opcodes.

use super::arena::{Arena, Item, Node};
use super::machine::Machine;
use crate::cursor::Cursor;
use crate::error::{ParseError, ParseResult};

/// The bytes that follow a joblib array's wrapper.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Raw {
    /// That many bytes of elements, after padding where the flag is set.
    Elements { bytes: u64, padded: bool },
    /// The array's objects are a pickle of their own.
    Pickle,
}

/// What follows the object that has just got its state; `None` where nothing does.
pub(super) fn raw(machine: &Machine, object: Item) -> Option<ParseResult<Raw>> {
    let Some(Node::Made { callee, arguments, state }) = machine.arena.node(object) else { return None };
    // Old protocols make the object by `copyreg._reconstructor(class, …)`.
    let class = match machine.global(*callee)? {
        import if import.name == "_reconstructor" => machine.global(*machine.arena.list(*arguments)?.first()?)?,
        import => import,
    };
    if class.name != "NumpyArrayWrapper" || !class.module.ends_with("joblib.numpy_pickle") {
        return None;
    }
    Some(layout(machine, *state).ok_or_else(|| ParseError::malformed("an array's type or shape cannot be told")))
}

fn layout(machine: &Machine, state: Item) -> Option<Raw> {
    let arena = &machine.arena;
    let element = element(machine, arena.entry(state, "dtype")?)?;
    if element.objects {
        return Some(Raw::Pickle);
    }
    let bytes = shape(arena, arena.entry(state, "shape")?)?.into_iter().try_fold(element.size, u64::checked_mul)?;
    let padded = !matches!(arena.entry(state, "numpy_array_alignment_bytes"), None | Some(Item::None));
    Some(Raw::Elements { bytes, padded })
}

/// A shape of non-negative numbers.
pub(super) fn shape(arena: &Arena, item: Item) -> Option<Vec<u64>> {
    let sizes = arena.list(item)?.iter().map(|size| match size {
        Item::Int(size) => u64::try_from(*size).ok(),
        _ => None,
    });
    sizes.collect()
}

struct Element {
    size: u64,
    objects: bool,
}

/// The element type that a call of `numpy.dtype` would make.
fn element(machine: &Machine, item: Item) -> Option<Element> {
    let Some(Node::Made { callee, arguments, state }) = machine.arena.node(item) else { return None };
    if machine.global(*callee)?.name != "dtype" {
        return None;
    }
    let code = machine.arena.as_text(*machine.arena.list(*arguments)?.first()?)?;
    let code = code.trim_start_matches(['<', '>', '=', '|']);
    let mut chars = code.chars();
    let kind = chars.next()?;
    let size: u64 = match chars.as_str() {
        "" => 1,
        digits => digits.parse().ok()?,
    };
    // The state of a type: its last member holds flags, of which the lowest says that there are objects within.
    let flags = machine.arena.list(*state).and_then(|state| state.get(7));
    let objects = kind == 'O' || matches!(flags, Some(Item::Int(flags)) if flags & 1 == 1);
    let size = match kind {
        'U' => size.checked_mul(4)?,
        'M' | 'm' => 8,
        'O' | 'b' | 'i' | 'u' | 'f' | 'c' | 'S' | 'V' | 'a' => size,
        _ => return None,
    };
    Some(Element { size, objects })
}

/// Skips an array's elements, and returns their first bytes.
pub(super) fn pass(input: &mut Cursor<'_>, bytes: u64, padded: bool) -> ParseResult<Vec<u8>> {
    const LOOK: u64 = 64 * 1024;
    let mut first = Vec::new();
    if padded {
        let padding = input.byte()?;
        first.push(padding);
        input.append(&mut first, u64::from(padding))?;
    }
    input.append(&mut first, bytes.min(LOOK))?;
    input.skip(bytes.saturating_sub(LOOK))?;
    Ok(first)
}

//! A stream of pickles, one after the other, with what joblib and PyTorch write between and after them.

use std::collections::HashSet;
use std::io::Result;

use super::arena::Item;
use super::arrays::{self, Raw};
use super::facts;
use super::machine::{Machine, Next};
use crate::cursor::Cursor;
use crate::error::{ParseError, ParseResult};
use crate::finding::Rule;
use crate::imports::{self, Import, ImportClass, classify, evaluate};
use crate::inspection::Inspection;
use crate::source::{Bytes, SourceStream};

/// The maximum nesting of pickles: joblib writes arrays of objects that way.
const MAX_NESTED: usize = 4;
/// The maximum number of pickles that follow each other in a stream.
const MAX_PICKLES: usize = 10_000;
/// How many arrays' bytes are also tried as opcodes.
const MAX_TRIED: usize = 2000;

/// Why the bytes are parsed as a pickle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trust {
    /// The name or the first bytes say so: what cannot be decoded is suspicious.
    Claimed,
    /// Neither says so: only what would run or end as a pickle counts. Texts and raw numbers begin with anything.
    Guessed,
}

#[derive(Default)]
struct Walk {
    /// Whether to stop where Python would.
    strict: bool,
    tried: usize,
    copied: usize,
    /// What a plain unpickler would do with the bytes of joblib's arrays.
    hidden: Vec<Import>,
}

/// Walks the stream and notes what it finds at `place`; says whether it was a pickle.
pub(crate) fn scan(input: &mut Cursor<'_>, place: &str, trust: Trust, seen: &mut Inspection) -> Result<bool> {
    if trust == Trust::Claimed {
        return follow(input, place, true, seen);
    }
    // Nothing is kept until the bytes have shown that they are a pickle.
    let mut found = Inspection::default();
    let is_pickle = follow(input, place, false, &mut found)?;
    if is_pickle {
        seen.merge(found, place);
    }
    Ok(is_pickle)
}

fn follow(input: &mut Cursor<'_>, place: &str, claimed: bool, seen: &mut Inspection) -> Result<bool> {
    let mut walk = Walk { strict: !claimed, ..Walk::default() };
    let mut pickles = 0;
    let mut legacy_torch = false;
    let mut is_pickle = claimed;
    let mut is_likely = claimed;
    loop {
        let mut machine = Machine::default();
        let end = run(&mut machine, input, &mut walk, 0);
        machine.imports.append(&mut walk.hidden);
        if let Err(ParseError::Failed(error)) = end {
            return Err(error);
        }
        is_pickle |= acts(&machine) || (end.is_ok() && calls_something(&machine));
        is_likely |= end.is_ok() && (machine.protocol.is_some() || machine.imports.iter().any(is_called));
        if !is_pickle && end.is_err() {
            return Ok(false);
        }
        legacy_torch |= machine.torch_magic && pickles == 0;
        let behind_torch = legacy_torch && pickles >= 5;
        if end.is_ok() || acts(&machine) || !behind_torch {
            keep(&machine, end.as_ref().err(), place, seen);
        }
        if end.is_err() {
            return Ok(true);
        }
        facts::gather(&machine, legacy_torch, place, seen);
        pickles += 1;
        match input.peek() {
            Ok(None) => return Ok(is_pickle | is_likely),
            Err(ParseError::Failed(error)) => return Err(error),
            Err(error) => return seen.note_error(place, "what follows the pickle", error).map(|()| is_pickle),
            // PyTorch's older files end with the bytes of their tensors.
            Ok(Some(_)) if legacy_torch && pickles >= 5 => return Ok(true),
            Ok(Some(0x80)) if pickles < MAX_PICKLES => {}
            Ok(Some(_)) => return Ok(is_pickle | trailing_pickle(input, pickles < MAX_PICKLES, place, seen)?),
        }
    }
}

/// Whether a pickle without the mark of newer protocols follows, which is certainly one.
fn trailing_pickle(input: &mut Cursor<'_>, looks: bool, place: &str, seen: &mut Inspection) -> Result<bool> {
    let before = input.place();
    let mut is_pickle = false;
    if looks {
        let mut machine = Machine::default();
        let end = run(&mut machine, input, &mut Walk { strict: true, ..Walk::default() }, 0);
        if let Err(ParseError::Failed(error)) = end {
            return Err(error);
        }
        is_pickle = acts(&machine) || (end.is_ok() && calls_something(&machine));
        if is_pickle {
            keep(&machine, None, place, seen);
        }
    }
    seen.add_finding(Rule::PickleTrailingData, place, format!("bytes follow from {before} on"));
    Ok(is_pickle)
}

/// Whether there may be something by that name: of random bytes, one file in some thousands ends like a pickle that imports
/// what nothing can be called.
fn has_name(import: &Import) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|each| each.is_alphanumeric() || matches!(each, '_' | '-' | '.'))
    };
    is_name(&import.module) && is_name(&import.name)
}

fn is_called(import: &Import) -> bool {
    (import.called || import.built) && has_name(import)
}

/// Whether an import stands on any list, other than for a word in its name: no text has one by chance, and then a call.
fn is_known(import: &Import) -> bool {
    imports::is_of_known_module(import) && has_name(import)
}

/// Whether an unpickler would have run something by now that is kept from users.
fn acts(machine: &Machine) -> bool {
    let heavy = |import: &Import| classify(import) >= ImportClass::Unneeded && has_name(import);
    let imports = &machine.imports;
    let handed: HashSet<_> = imports.iter().filter(|by| is_called(by)).flat_map(|by| &by.arguments).collect();
    let computed = |(rule, _): &(Rule, String)| {
        matches!(rule, Rule::PickleComputedCall | Rule::PickleTampersWithState | Rule::PickleDangerousImport)
    };
    imports.iter().any(|import| heavy(import) && (is_called(import) || handed.contains(&import.full_name())))
        || (machine.remarks.iter().any(computed) && imports.iter().any(is_known))
}

/// Whether something is called as only pickles do it: after the mark of newer protocols, or by a known name.
fn calls_something(machine: &Machine) -> bool {
    machine.imports.iter().any(|import| is_called(import) && (machine.protocol.is_some() || is_known(import)))
}

fn keep(machine: &Machine, error: Option<&ParseError>, place: &str, seen: &mut Inspection) {
    for import in &machine.imports {
        let import = Import { place: place.to_owned(), ..import.clone() };
        if !seen.import(import.clone()) {
            for finding in evaluate(&[import]) {
                seen.add_finding(finding.rule, place, finding.message);
            }
            seen.add_finding(Rule::PickleTooLarge, place, "there are more imports than are kept");
        }
    }
    for (rule, message) in &machine.remarks {
        seen.add_finding(*rule, place, message.clone());
    }
    match error {
        None | Some(ParseError::Failed(_)) => {}
        Some(ParseError::Truncated) => seen.add_finding(Rule::PickleTruncated, place, "it ends before its last opcode"),
        Some(ParseError::Malformed(why)) => seen.add_finding(Rule::PickleUndecodable, place, why.clone()),
        Some(ParseError::Limit(why)) => seen.add_finding(Rule::PickleTooLarge, place, why.clone()),
    }
}

/// Follows one pickle to its end.
fn run(machine: &mut Machine, input: &mut Cursor<'_>, walk: &mut Walk, depth: usize) -> ParseResult<()> {
    loop {
        let next = machine.step(input)?;
        if walk.strict && machine.refused {
            return Err(ParseError::malformed("it is not a pickle"));
        }
        let object = match next {
            Next::Stop => return Ok(()),
            Next::Opcode => continue,
            Next::Built(object) => object,
        };
        match arrays::raw(machine, object) {
            None => {}
            Some(Err(error)) => return Err(error),
            Some(Ok(Raw::Pickle)) => nested(machine, input, walk, depth)?,
            Some(Ok(Raw::Elements { bytes, padded })) => {
                let total = bytes;
                let first = arrays::pass(input, bytes, padded)?;
                as_opcodes(machine, &first, total, walk)?;
            }
        }
    }
}

fn nested(machine: &mut Machine, input: &mut Cursor<'_>, walk: &mut Walk, depth: usize) -> ParseResult<()> {
    if depth >= MAX_NESTED {
        return Err(ParseError::limit("pickles lie too deep within each other"));
    }
    let mut inner = Machine::default();
    let end = run(&mut inner, input, walk, depth + 1);
    walk.hidden.extend(
        inner.imports.into_iter().filter(|import| !machine.imports.iter().any(|known| known.same_name(import))),
    );
    for (rule, message) in inner.remarks {
        machine.remark(rule, message);
    }
    end
}

/// joblib skips these bytes, but a plain unpickler would execute them.
fn as_opcodes(machine: &mut Machine, first: &[u8], total: u64, walk: &mut Walk) -> ParseResult<()> {
    walk.tried += 1;
    if walk.tried > MAX_TRIED {
        return Ok(());
    }
    let mut fork = Machine::default();
    // Names may wait in the memo; copying it for every array of a large file would cost too much.
    walk.copied = walk.copied.saturating_add(machine.memo.len() + machine.stack.len());
    if walk.copied < 20_000_000 {
        let mut copy = |item: &Item| machine.arena.as_text(*item).map_or(Item::Other, |text| fork.arena.text(text));
        fork.memo = machine.memo.iter().map(&mut copy).collect();
        fork.stack = machine.stack.iter().map(&mut copy).collect();
        fork.marks.clone_from(&machine.marks);
    }
    fork.opcodes = 1;
    let bytes = Bytes(first);
    let mut input = Cursor::new(SourceStream::new(&bytes, 0), u64::MAX);
    let end = loop {
        match fork.step(&mut input) {
            Ok(_) if fork.refused => break Ok(()),
            Ok(Next::Stop) => break Ok(()),
            Ok(_) => {}
            Err(error) => break Err(error),
        }
    };
    let dangerous = acts(&fork);
    let jumps_on = matches!(end, Err(ParseError::Truncated))
        && fork.operand_end > first.len() as u64
        && fork.operand_end <= total
        && !fork.refused
        && fork.opcodes > 2;
    if dangerous {
        machine.remark(Rule::PickleOddOpcodes, "the bytes of an array are opcodes for a plain unpickler");
        walk.hidden.append(&mut fork.imports);
    } else if jumps_on {
        machine.remark(Rule::PickleOddOpcodes, "the bytes of an array may be opcodes for a plain unpickler");
    }
    Ok(())
}

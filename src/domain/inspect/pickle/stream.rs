//! A stream of pickles, one after the other, with what joblib and PyTorch write between and behind them.

use super::arena::Item;
use super::arrays::{self, Raw};
use super::judge::judge;
use super::machine::{Machine, Next};
use super::{facts, rules};
use crate::domain::Result;
use crate::domain::inspect::cursor::Cursor;
use crate::domain::inspect::fault::{Fault, Step};
use crate::domain::inspect::finding::Rule;
use crate::domain::inspect::inspection::Inspection;
use crate::domain::inspect::source::{Bytes, Sequence};

/// Pickles within each other: joblib writes arrays of objects that way.
const MOST_NESTED: usize = 4;
/// The most pickles that follow each other in a stream.
const MOST_PICKLES: usize = 10_000;
/// How many arrays' bytes are also tried as opcodes.
const MOST_TRIED: usize = 2000;

/// Why the bytes are taken for a pickle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::domain::inspect) enum Trust {
    /// The name or the first bytes say so: what cannot be decoded is suspicious.
    Claimed,
    /// Nobody says so: only what would run or end as a pickle counts.
    Guessed,
}

#[derive(Default)]
struct Walk {
    tried: usize,
    copied: usize,
    /// What a plain unpickler would do with the bytes of joblib's arrays.
    hidden: Vec<super::Import>,
}

/// Walks the stream and notes what it finds at `place`; says whether it was a pickle.
pub(in crate::domain::inspect) fn scan(
    input: &mut Cursor<'_>,
    place: &str,
    trust: Trust,
    seen: &mut Inspection,
) -> Result<bool> {
    let mut walk = Walk::default();
    let mut pickles = 0;
    let mut legacy_torch = false;
    loop {
        let mut machine = Machine::default();
        let end = run(&mut machine, input, &mut walk, 0);
        machine.imports.append(&mut walk.hidden);
        if let Err(Fault::Failed(error)) = end {
            return Err(error);
        }
        let dangerous = machine.imports.iter().any(rules::is_dangerous);
        let counts = match trust {
            Trust::Claimed => true,
            Trust::Guessed => dangerous || (end.is_ok() && (imports_something(&machine) || is_marked(&machine))),
        };
        if !counts {
            return Ok(pickles > 0);
        }
        legacy_torch |= machine.torch_magic && pickles == 0;
        let behind_torch = legacy_torch && pickles >= 5;
        if end.is_ok() || dangerous || !behind_torch {
            keep(&machine, end.as_ref().err(), place, seen);
        }
        if end.is_err() {
            return Ok(true);
        }
        facts::gather(&machine, legacy_torch, place, seen);
        pickles += 1;
        match input.peek() {
            Ok(None) => return Ok(true),
            Err(Fault::Failed(error)) => return Err(error),
            Err(fault) => return seen.note(place, "what follows the pickle", fault).map(|()| true),
            // PyTorch's older files end with the bytes of their tensors.
            Ok(Some(_)) if legacy_torch && pickles >= 5 => return Ok(true),
            Ok(Some(0x80)) if pickles < MOST_PICKLES => {}
            Ok(Some(_)) if pickles < MOST_PICKLES && follows(input, place, seen)? => return Ok(true),
            Ok(Some(_)) => {
                seen.find(Rule::PickleTrailingData, place, format!("bytes follow from {} on", input.place()));
                return Ok(true);
            }
        }
    }
}

/// Whether what follows is another pickle without the mark of newer protocols.
fn follows(input: &mut Cursor<'_>, place: &str, seen: &mut Inspection) -> Result<bool> {
    let before = input.place();
    let mut machine = Machine::default();
    let mut walk = Walk::default();
    let end = run(&mut machine, input, &mut walk, 0);
    if let Err(Fault::Failed(error)) = end {
        return Err(error);
    }
    if machine.imports.iter().any(rules::is_dangerous) || (end.is_ok() && imports_something(&machine)) {
        keep(&machine, None, place, seen);
    }
    seen.find(Rule::PickleTrailingData, place, format!("bytes follow from {before} on"));
    Ok(true)
}

/// Whether there may be something by the name of one of the imports: of random bytes, one file in some thousands ends like
/// a pickle that imports what nothing can be called.
fn imports_something(machine: &Machine) -> bool {
    let is_name = |name: &str| {
        !name.is_empty() && name.chars().all(|each| each.is_alphanumeric() || matches!(each, '_' | '-' | '.'))
    };
    machine.imports.iter().any(|import| is_name(&import.module) && is_name(&import.name))
}

/// Whether it names its protocol and an unpickler could follow it.
fn is_marked(machine: &Machine) -> bool {
    machine.protocol.is_some() && machine.remarks.iter().all(|(rule, _)| *rule != Rule::PickleUndecodable)
}

fn keep(machine: &Machine, fault: Option<&Fault>, place: &str, seen: &mut Inspection) {
    for import in &machine.imports {
        let import = super::Import { place: place.to_owned(), ..import.clone() };
        if !seen.import(import.clone()) {
            for finding in judge(&[import]) {
                seen.find(finding.rule, place, finding.message);
            }
            seen.find(Rule::PickleTooLarge, place, "there are more imports than are kept");
        }
    }
    for (rule, message) in &machine.remarks {
        seen.find(*rule, place, message.clone());
    }
    match fault {
        None | Some(Fault::Failed(_)) => {}
        Some(Fault::Truncated) => seen.find(Rule::PickleTruncated, place, "it ends before its last opcode"),
        Some(Fault::Malformed(why)) => seen.find(Rule::PickleUndecodable, place, why.clone()),
        Some(Fault::Limit(why)) => seen.find(Rule::PickleTooLarge, place, why.clone()),
    }
}

/// Follows one pickle to its end.
fn run(machine: &mut Machine, input: &mut Cursor<'_>, walk: &mut Walk, depth: usize) -> Step<()> {
    loop {
        let object = match machine.step(input)? {
            Next::Stop => return Ok(()),
            Next::Opcode => continue,
            Next::Built(object) => object,
        };
        match arrays::raw(machine, object) {
            None => {}
            Some(Err(fault)) => return Err(fault),
            Some(Ok(Raw::Pickle)) => nested(machine, input, walk, depth)?,
            Some(Ok(Raw::Elements { bytes, padded })) => {
                let total = bytes;
                let first = arrays::pass(input, bytes, padded)?;
                as_opcodes(machine, &first, total, walk)?;
            }
        }
    }
}

fn nested(machine: &mut Machine, input: &mut Cursor<'_>, walk: &mut Walk, depth: usize) -> Step<()> {
    if depth >= MOST_NESTED {
        return Err(Fault::limit("pickles lie too deep within each other"));
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

/// joblib passes over these bytes, but a plain unpickler would go on with them.
fn as_opcodes(machine: &mut Machine, first: &[u8], total: u64, walk: &mut Walk) -> Step<()> {
    walk.tried += 1;
    if walk.tried > MOST_TRIED {
        return Ok(());
    }
    let mut fork = Machine::default();
    // Names may wait in the memo; copying it for every array of a large file would cost too much.
    walk.copied = walk.copied.saturating_add(machine.memo.len());
    if walk.copied < 20_000_000 {
        fork.memo = machine
            .memo
            .iter()
            .map(|item| machine.arena.as_text(*item).map_or(Item::Other, |text| fork.arena.text(text)))
            .collect();
    }
    fork.opcodes = 1;
    let bytes = Bytes(first);
    let mut input = Cursor::new(Sequence::new(&bytes, 0), u64::MAX);
    let end = loop {
        match fork.step(&mut input) {
            Ok(Next::Stop) => break Ok(()),
            Ok(_) => {}
            Err(fault) => break Err(fault),
        }
    };
    let dangerous = fork.imports.iter().any(rules::is_dangerous);
    let jumps_on = matches!(end, Err(Fault::Truncated))
        && fork.operand_end > first.len() as u64
        && fork.operand_end <= total
        && fork.opcodes > 2;
    if dangerous {
        machine.remark(Rule::PickleOddOpcodes, "the bytes of an array are opcodes for a plain unpickler");
        walk.hidden.append(&mut fork.imports);
    } else if jumps_on {
        machine.remark(Rule::PickleOddOpcodes, "the bytes of an array may be opcodes for a plain unpickler");
    }
    Ok(())
}

//! What a pickle's symbols tell about the model: PyTorch's tensors, scikit-learn's estimator and version.

use std::collections::{BTreeMap, HashSet};

use super::arena::{Item, Node};
use super::arrays::shape;
use super::machine::Machine;
use crate::inspection::Inspection;

/// Notes the facts of one pickle. Those of the first pickle that has any stay.
pub(super) fn gather(machine: &Machine, legacy_torch: bool, place: &str, seen: &mut Inspection) {
    if torch(machine, seen) || legacy_torch {
        if seen.format.is_none() {
            seen.set_format("pytorch", legacy_torch.then(|| "legacy".to_owned()));
        }
        seen.text("framework", "pytorch");
        return;
    }
    estimator(machine, seen);
    if place.is_empty() && !seen.facts.contains_key("pickle_protocol") {
        seen.number("pickle_protocol", u64::from(machine.protocol.unwrap_or(0)));
    }
}

fn torch(machine: &Machine, seen: &mut Inspection) -> bool {
    let mut known = HashSet::new();
    let mut dtypes: BTreeMap<String, u64> = BTreeMap::new();
    let (mut tensors, mut parameters) = (0u64, 0u64);
    for (callee, arguments, _) in machine.arena.made() {
        let Some(import) = machine.global(callee) else { continue };
        if import.module != "torch._utils" || !matches!(import.name.as_str(), "_rebuild_tensor_v2" | "_rebuild_tensor")
        {
            continue;
        }
        let Some([storage, offset, size, ..]) = machine.arena.list(arguments) else { continue };
        let Some(shape) = shape(&machine.arena, *size) else { continue };
        let storage = machine.arena.list(*storage).unwrap_or_default();
        let dtype = storage.get(1).and_then(|class| machine.global(*class)).map(|class| dtype(&class.name));
        let key = storage.get(2).and_then(|key| machine.arena.as_text(*key)).unwrap_or_default();
        let count = shape.iter().try_fold(1u64, |product, size| product.checked_mul(*size)).unwrap_or(0);
        let offset = if let Item::Int(offset) = offset { *offset } else { 0 };
        // The same storage under two names, as with tied weights, is one tensor's worth of parameters.
        if !known.insert((key.to_owned(), offset, shape)) {
            continue;
        }
        tensors += 1;
        parameters = parameters.saturating_add(count);
        *dtypes.entry(dtype.unwrap_or("unknown").to_owned()).or_default() += 1;
    }
    if tensors > 0 {
        seen.number("tensor_count", tensors);
        seen.number("parameter_count", parameters);
        seen.json("dtypes", serde_json::json!(dtypes));
    }
    tensors > 0
}

fn dtype(storage: &str) -> &'static str {
    match storage {
        "FloatStorage" => "F32",
        "DoubleStorage" => "F64",
        "HalfStorage" => "F16",
        "BFloat16Storage" => "BF16",
        "LongStorage" => "I64",
        "IntStorage" => "I32",
        "ShortStorage" => "I16",
        "CharStorage" => "I8",
        "ByteStorage" => "U8",
        "BoolStorage" => "BOOL",
        _ => "unknown",
    }
}

fn estimator(machine: &Machine, seen: &mut Inspection) {
    let version = machine.arena.made().find_map(|(_, _, state)| {
        let version = machine.arena.entry(state, "_sklearn_version")?;
        machine.arena.as_text(version)
    });
    if let Some(version) = version {
        seen.text("framework", "scikit-learn");
        seen.text("framework_version", version);
    }
    let Some(top) = machine.stack.last() else { return };
    let Some(Node::Made { callee, arguments, .. }) = machine.arena.node(*top) else { return };
    let Some(import) = machine.global(*callee) else { return };
    let class = if import.name == "_reconstructor" || import.name.starts_with("__newobj") {
        machine.arena.list(*arguments).and_then(|list| list.first()).and_then(|class| machine.global(*class))
    } else {
        Some(import)
    };
    if let Some(class) = class.filter(|class| class.name.starts_with(|first: char| first.is_ascii_uppercase())) {
        seen.text("estimator", &class.full_name());
    }
}

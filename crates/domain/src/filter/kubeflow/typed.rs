//! The values of a filter, as those of the kind that a field has.

use super::super::Operand;
use super::Expected;
use crate::ValueKind;

pub(super) fn with_article(kind: ValueKind) -> String {
    let article = if kind == ValueKind::Int { "an" } else { "a" };
    format!("{article} {}", kind.name())
}

pub(super) fn value_kind(suffix: &str) -> Option<ValueKind> {
    match suffix {
        "string_value" => Some(ValueKind::String),
        "int_value" => Some(ValueKind::Int),
        "double_value" => Some(ValueKind::Double),
        "bool_value" => Some(ValueKind::Bool),
        _ => None,
    }
}

/// The value as one of the expected kind. Clients write ids and times in quotes, so a text of digits is an int too.
pub(super) fn typed(value: Operand, expected: Expected) -> Result<Operand, String> {
    match (expected, value) {
        (Expected::Any, Operand::Double(value)) => Ok(Operand::Decimal(value)),
        (Expected::Any, value) => Ok(value),
        (Expected::State(names), Operand::Text(text)) => match names.iter().find(|(name, _)| *name == text) {
            Some((_, number)) => Ok(Operand::Int(*number)),
            None => {
                let names: Vec<_> = names.iter().map(|(name, _)| *name).collect();
                Err(format!("`{}` is none of `{}`", text.escape_debug(), names.join("`, `")))
            }
        },
        (Expected::State(_), _) => Err("expected the name of a state in quotes".to_owned()),
        (Expected::Kind(kind), value) => match (kind, value) {
            (ValueKind::String | ValueKind::Struct, Operand::Text(text)) => Ok(Operand::Text(text)),
            (ValueKind::Int, Operand::Number(value)) => Ok(Operand::Int(value)),
            (ValueKind::Int, Operand::Text(text)) => {
                text.parse().map(Operand::Int).map_err(|_| format!("`{}` is not an integer", text.escape_debug()))
            }
            // The condition says what it is among doubles.
            (ValueKind::Double, Operand::Number(value)) => Ok(Operand::Number(value)),
            (ValueKind::Double, Operand::Double(value)) => Ok(Operand::Double(value)),
            (ValueKind::Bool, Operand::Bool(value)) => Ok(Operand::Bool(value)),
            (ValueKind::Struct, _) => Err("expected a string".to_owned()),
            (kind, _) => Err(format!("expected {}", with_article(kind))),
        },
    }
}

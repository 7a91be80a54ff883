//! Type checking: expressions put together only where upstream has a signature for their kinds.

use super::super::Comparison;
use super::super::exact::{for_doubles, for_ints};
use super::super::scalar::{Operator, Scalar};
use crate::ValueKind;

/// How many expressions may come of one that is compared several times. A larger one is compared as a double.
const MAX_REPEATED: usize = 256;

/// An expression with where it stands. `NULL` has no kind of its own.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    pub(super) scalar: Scalar,
    pub(super) kind: Option<ValueKind>,
    pub(super) at: usize,
}

/// What is wrong, and where.
pub(super) type Mismatch = (usize, String);

impl Typed {
    pub(super) fn new(scalar: Scalar, at: usize) -> Self {
        Self { kind: Some(scalar.kind()), scalar, at }
    }

    pub(super) fn null(at: usize) -> Self {
        Self { scalar: Scalar::Null(ValueKind::Int), kind: None, at }
    }

    /// It as one of that kind: `NULL` is of any, an int is a double as well.
    pub(super) fn coerced(self, to: ValueKind) -> Result<Scalar, Mismatch> {
        match (self.kind, self.scalar) {
            (None, _) => Ok(Scalar::Null(to)),
            (Some(kind), scalar) if kind == to => Ok(scalar),
            #[expect(clippy::cast_precision_loss, reason = "what it is compared with is a double")]
            (Some(_), Scalar::Int(value)) if to == ValueKind::Double => Ok(Scalar::Double(value as f64)),
            (Some(ValueKind::Int), scalar) if to == ValueKind::Double => Ok(Scalar::AsDouble(Box::new(scalar))),
            (Some(kind), _) => {
                Err((self.at, format!("No matching signature: expected {}, found {}", shown(to), shown(kind))))
            }
        }
    }
}

/// Two values compared. An int and a double are compared by what they are: neither is rounded to the other's kind.
pub(super) fn compared(sign: &str, comparison: Comparison, left: Typed, right: Typed) -> Result<Scalar, Mismatch> {
    if are_mixed([&left, &right]) {
        return Ok(compared_exactly(comparison, left.scalar, right.scalar));
    }
    let mut sides = unified(&format!("operator {sign}"), vec![left, right])?;
    let right = Box::new(sides.remove(1));
    Ok(Scalar::Compare(comparison, Box::new(sides.remove(0)), right))
}

/// One value that is in a list.
pub(super) fn is_in(value: Typed, list: Vec<Typed>) -> Result<Scalar, Mismatch> {
    if are_compared_one_by_one(&value, &list) {
        return Ok(Scalar::Or(equalities("IN", &value, list)?));
    }
    let mut all = unified("operator IN", std::iter::once(value).chain(list).collect())?;
    let value = all.remove(0);
    Ok(Scalar::In(Box::new(value), all))
}

/// One value that is between two others.
pub(super) fn is_between(value: Typed, low: Typed, high: Typed) -> Result<Scalar, Mismatch> {
    if are_compared_one_by_one(&value, [&low, &high]) {
        let low = compared("BETWEEN", Comparison::GreaterOrEqual, value.clone(), low)?;
        return Ok(Scalar::And(vec![low, compared("BETWEEN", Comparison::LessOrEqual, value, high)?]));
    }
    let mut all = unified("operator BETWEEN", vec![value, low, high])?;
    let (high, low) = (all.remove(2), all.remove(1));
    Ok(Scalar::Between(Box::new([all.remove(0), low, high])))
}

/// That the value is equal to each of the list.
pub(super) fn equalities(what: &str, value: &Typed, list: Vec<Typed>) -> Result<Vec<Scalar>, Mismatch> {
    list.into_iter().map(|each| compared(what, Comparison::Equal, value.clone(), each)).collect()
}

/// Whether a value is compared with each of the others by itself, because one is an int where the other is a double. Then it is
/// computed as often.
pub(super) fn are_compared_one_by_one<'a>(value: &Typed, others: impl IntoIterator<Item = &'a Typed> + Clone) -> bool {
    let many = others.clone().into_iter().count();
    let is_small =
        matches!(value.scalar, Scalar::Column(..)) || size(&value.scalar).saturating_mul(many) <= MAX_REPEATED;
    is_small
        && others.clone().into_iter().any(|each| are_mixed([value, each]))
        && others.into_iter().all(|each| each.kind.is_none_or(is_number))
}

/// How many expressions it is made of.
fn size(scalar: &Scalar) -> usize {
    1 + scalar.parts().into_iter().map(size).sum::<usize>()
}

fn are_mixed(both: [&Typed; 2]) -> bool {
    matches!(
        both.map(|each| each.kind),
        [Some(ValueKind::Int), Some(ValueKind::Double)] | [Some(ValueKind::Double), Some(ValueKind::Int)]
    )
}

/// An int and a double, in either order. One that is known beforehand is said as one of the other's kind.
fn compared_exactly(comparison: Comparison, left: Scalar, right: Scalar) -> Scalar {
    let mirrored = comparison.mirrored();
    let (comparison, value, other) = match (left, right) {
        (value, Scalar::Double(double)) => {
            let (comparison, int) = for_ints(comparison, double);
            (comparison, value, Scalar::Int(int))
        }
        (Scalar::Double(double), value) => {
            let (comparison, int) = for_ints(mirrored, double);
            (comparison, value, Scalar::Int(int))
        }
        (value, Scalar::Int(int)) => {
            let (comparison, double) = for_doubles(comparison, int);
            (comparison, value, Scalar::Double(double))
        }
        (Scalar::Int(int), value) => {
            let (comparison, double) = for_doubles(mirrored, int);
            (comparison, value, Scalar::Double(double))
        }
        (left, right) => (comparison, left, right),
    };
    Scalar::Compare(comparison, Box::new(value), Box::new(other))
}

/// What upstream calls a kind.
pub(super) fn shown(kind: ValueKind) -> &'static str {
    match kind {
        ValueKind::Int => "INT64",
        ValueKind::Double => "DOUBLE",
        ValueKind::Bool => "BOOL",
        ValueKind::String | ValueKind::Struct | ValueKind::Proto => "STRING",
    }
}

fn shown_all(all: &[Typed]) -> String {
    all.iter().map(|each| each.kind.map_or("NULL", shown)).collect::<Vec<_>>().join(", ")
}

/// The error of an operator or function that does not take what it is given.
pub(super) fn mismatch(what: &str, given: &[Typed]) -> Mismatch {
    let at = given.first().map_or(0, |first| first.at);
    (at, format!("No matching signature for {what} for argument types: {}", shown_all(given)))
}

/// All of them as values of one kind, the only one that they may have.
pub(super) fn unified(what: &str, all: Vec<Typed>) -> Result<Vec<Scalar>, Mismatch> {
    let kinds: Vec<_> = all.iter().filter_map(|each| each.kind).collect();
    let kind = match kinds.first() {
        None => ValueKind::Int,
        Some(first) if kinds.iter().all(|kind| kind == first) => *first,
        Some(_) if kinds.iter().all(|kind| is_number(*kind)) => ValueKind::Double,
        Some(_) => return Err(mismatch(what, &all)),
    };
    all.into_iter().map(|each| each.coerced(kind)).collect()
}

pub(super) fn is_number(kind: ValueKind) -> bool {
    matches!(kind, ValueKind::Int | ValueKind::Double)
}

/// Two numbers, computed with.
pub(super) fn arithmetic(operator: Operator, sign: &str, left: Typed, right: Typed) -> Result<Typed, Mismatch> {
    let at = left.at;
    let what = format!("operator {sign}");
    let given = [left, right];
    let takes = |kind: ValueKind| match operator {
        Operator::Quotient | Operator::Modulo | Operator::BitAnd => kind == ValueKind::Int,
        Operator::Add | Operator::Subtract | Operator::Multiply | Operator::Divide => is_number(kind),
    };
    if !given.iter().all(|each| each.kind.is_none_or(takes)) {
        return Err(mismatch(&what, &given));
    }
    let [left, right] = given;
    let both_ints = [&left, &right].iter().all(|each| each.kind != Some(ValueKind::Double));
    let kind = if operator == Operator::Divide || !both_ints { ValueKind::Double } else { ValueKind::Int };
    let (left, right) = (left.coerced(kind)?, right.coerced(kind)?);
    Ok(Typed::new(Scalar::Arithmetic(operator, Box::new(left), Box::new(right)), at))
}

/// The opposite of a number; of a literal it is a literal.
pub(super) fn negated(inner: Typed, at: usize) -> Result<Typed, Mismatch> {
    let scalar = match (inner.kind, &inner.scalar) {
        (None, _) => return Ok(Typed { at, ..inner }),
        (_, Scalar::Int(value)) if *value != i64::MIN => Scalar::Int(-value),
        (_, Scalar::Double(value)) => Scalar::Double(-value),
        (Some(kind), _) if is_number(kind) => Scalar::Negate(Box::new(inner.scalar)),
        _ => return Err(mismatch("operator -", &[inner])),
    };
    Ok(Typed::new(scalar, at))
}

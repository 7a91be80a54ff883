//! What the indexes on values list: the properties that a condition is true of.

use super::Filter;
use super::pattern::prefix_range;
use super::property::as_double;
use super::text::is_long;
use crate::domain::ValueKind;
use crate::domain::filter::{Comparison, Condition, Operand};

/// Of more values the lists are not kept apart.
const MOST_VALUES: usize = 8;
const TEXT: &str = "p.text_value";

/// The properties with one value, or with values of one range.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct List {
    pub(super) rows: Filter,
    /// The same, for one node after the other.
    pub(super) probe: Filter,
    /// Whether they are in the order of ids within the index, as those with one value are.
    pub(super) ordered: bool,
}

impl List {
    fn of(ordered: bool, condition: impl Fn(&mut Filter)) -> Self {
        let rows = |probing| {
            let mut rows = Filter { probing, ..Filter::default() };
            condition(&mut rows);
            rows
        };
        // The index that orders ids finds one of them as well; through a range it would go once for each.
        Self { rows: rows(false), probe: rows(!ordered), ordered }
    }
}

/// The lists that together have every property that meets a condition; none where no index does.
pub(super) fn lists(name: &str, custom: bool, kind: Option<ValueKind>, condition: &Condition) -> Vec<List> {
    let list = |condition: &Condition, ordered: bool| {
        List::of(ordered, |rows| rows.property_row(name, custom, kind, condition))
    };
    let equal = |operand| list(&Condition::Compare(Comparison::Equal, operand), true);
    match condition {
        Condition::Compare(Comparison::NotEqual, _) | Condition::Null | Condition::NullOf(_) => Vec::new(),
        Condition::Compare(Comparison::Equal, operand) => by_kind(operand).into_iter().map(equal).collect(),
        Condition::In(operands) if operands.len() <= MOST_VALUES => {
            operands.iter().flat_map(by_kind).map(equal).collect()
        }
        // The order of texts beyond what an index holds is not the index's.
        Condition::Compare(_, Operand::Text(_)) | Condition::Between(Operand::Text(_), _) => Vec::new(),
        Condition::Compare(comparison, operand) => {
            let compared = |operand| list(&Condition::Compare(*comparison, operand), false);
            by_kind(operand).into_iter().map(compared).collect()
        }
        Condition::Between(low, high) => {
            let lows = by_kind(low);
            let within = |high: Operand| {
                let low = lows.iter().find(|low| is_beside(low, &high))?;
                Some(list(&Condition::Between(low.clone(), high), false))
            };
            by_kind(high).into_iter().filter_map(within).collect()
        }
        Condition::In(operands) => {
            let mut kinds: Vec<Vec<Operand>> = Vec::new();
            for operand in operands.iter().flat_map(by_kind) {
                match kinds.iter_mut().find(|kind| kind.first().is_some_and(|first| is_beside(first, &operand))) {
                    Some(kind) => kind.push(operand),
                    None => kinds.push(vec![operand]),
                }
            }
            kinds.into_iter().map(|kind| list(&Condition::In(kind), false)).collect()
        }
        Condition::Like { pattern, ignore_case } => {
            let range = prefix_range(pattern).filter(|_| !ignore_case);
            let part = |part: fn(&mut Filter, &str), begins: fn(&mut Filter, &str, &str, &str)| {
                List::of(false, |rows| {
                    rows.property_named(name, custom);
                    rows.sql(" AND ");
                    rows.is_of(kind.unwrap_or(ValueKind::String));
                    match &range {
                        Some((first, behind)) => begins(rows, TEXT, first, behind),
                        None => part(rows, TEXT),
                    }
                    rows.sql(" AND ");
                    rows.like(TEXT, pattern, *ignore_case);
                })
            };
            vec![part(Filter::is_short, Filter::short_begins), part(Filter::is_long, Filter::long_begins)]
        }
    }
}

/// Whether two values are of one kind and have their places in one index.
fn is_beside(one: &Operand, other: &Operand) -> bool {
    match (one, other) {
        (Operand::Text(one), Operand::Text(other)) => is_long(one) == is_long(other),
        _ => std::mem::discriminant(one) == std::mem::discriminant(other),
    }
}

/// A number of no kind is one of each.
fn by_kind(operand: &Operand) -> Vec<Operand> {
    match operand {
        Operand::Number(value) => vec![Operand::Int(*value), Operand::Double(as_double(*value))],
        one => vec![one.clone()],
    }
}

//! Index ranges: the entries of the indexes on values that a condition is true of.

use super::Filter;
use super::pattern::prefix_range;
use super::property::Property;
use super::range::ranges;
use super::text::is_long;
use modelport_domain::ValueKind;
use modelport_domain::filter::{Comparison, Condition, Operand};

/// More values than this share one range, in no order of ids.
const MAX_VALUES: usize = 8;
const TEXT: &str = "p.text_value";

/// The properties with one value, or with values between two bounds.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct IndexRange {
    pub(super) rows: Filter,
    /// The same condition, for one node at a time.
    pub(super) probe: Filter,
    /// Whether the index returns them in the order of ids, as it does for a single value.
    pub(super) ordered: bool,
    /// The index that is quickest to tell whether a node is among them, where one surely is.
    pub(super) index: Option<&'static str>,
}

impl IndexRange {
    fn of(ordered: bool, condition: impl Fn(&mut Filter)) -> Self {
        let rows = |probing| {
            let mut rows = Filter { probing, ..Filter::default() };
            condition(&mut rows);
            rows
        };
        // The index that orders ids finds one of them as well; through a range it would go once for each.
        Self { rows: rows(false), probe: rows(!ordered), ordered, index: None }
    }
}

/// The ranges that together cover every property within all of these bounds; none where no index does.
pub(super) fn ranges_within(property: Property<'_>, bounds: &[&Condition]) -> Vec<IndexRange> {
    let list = |range| {
        IndexRange::of(false, |rows| {
            rows.property_named(property);
            rows.sql(" AND (");
            rows.within(std::slice::from_ref(&range), property.kind);
            rows.sql(")");
        })
    };
    ranges(bounds).unwrap_or_default().into_iter().map(list).collect()
}

/// The ranges that together cover every property that meets a condition; none where no index does.
pub(super) fn ranges_of(property: Property<'_>, condition: &Condition) -> Vec<IndexRange> {
    let list = |condition: &Condition, ordered: bool| {
        IndexRange::of(ordered, |rows| rows.property_row(property, &[condition]))
    };
    let equal = |(comparison, operand): (Comparison, Operand)| {
        let index = index_of(&operand);
        IndexRange { index, ..list(&Condition::Compare(comparison, operand), true) }
    };
    let by_kind = |operand: &Operand| operand.by_kind(Comparison::Equal);
    match condition {
        Condition::Compare(Comparison::NotEqual, _) | Condition::Null | Condition::NullOf(_) => Vec::new(),
        Condition::Compare(Comparison::Equal, operand) => by_kind(operand).into_iter().map(equal).collect(),
        Condition::In(operands) if operands.len() <= MAX_VALUES => {
            operands.iter().flat_map(by_kind).map(equal).collect()
        }
        Condition::Compare(..) | Condition::Between(..) => ranges_within(property, &[condition]),
        Condition::In(operands) => {
            let mut kinds: Vec<Vec<Operand>> = Vec::new();
            for (_, operand) in operands.iter().flat_map(by_kind) {
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
                IndexRange::of(false, |rows| {
                    rows.property_named(property);
                    rows.sql(" AND ");
                    rows.is_of(property.kind.unwrap_or(ValueKind::String));
                    match &range {
                        Some((first, end)) => begins(rows, TEXT, first, end),
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

/// The index that covers all values of that kind in full.
fn index_of(operand: &Operand) -> Option<&'static str> {
    match operand {
        Operand::Number(_) | Operand::Int(_) | Operand::Bool(_) => Some("properties_int"),
        Operand::Double(_) | Operand::Decimal(_) => Some("properties_double"),
        Operand::Text(text) => (!is_long(text)).then_some("properties_text"),
    }
}

/// Whether two values are of one kind and in one index.
fn is_beside(one: &Operand, other: &Operand) -> bool {
    match (one, other) {
        (Operand::Text(one), Operand::Text(other)) => is_long(one) == is_long(other),
        _ => std::mem::discriminant(one) == std::mem::discriminant(other),
    }
}

//! Ranges of values: the bounds that an AND sets for one property are one range of an index for each kind of value.

use std::cmp::Ordering;
use std::mem::discriminant;

use super::Filter;
use super::property::{Property, column, kind_of};
use modelport_domain::ValueKind;
use modelport_domain::filter::{Comparison, Condition, Expr, Field, Operand};

type Bound = (Comparison, Operand);

/// The values of one kind above a lower bound, below an upper one, or between both.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Range {
    low: Option<Bound>,
    high: Option<Bound>,
}

impl Range {
    fn of(bound: Bound) -> Self {
        match bound.0 {
            Comparison::Less | Comparison::LessOrEqual => Self { low: None, high: Some(bound) },
            _ => Self { low: Some(bound), high: None },
        }
    }

    fn bounds(&self) -> impl Iterator<Item = &Bound> {
        self.low.iter().chain(&self.high)
    }

    fn is_beside(&self, other: &Self) -> bool {
        let kind = |range: &Self| range.bounds().next().map(|(_, operand)| discriminant(operand));
        kind(self) == kind(other)
    }

    fn and(self, other: &Self) -> Self {
        Self {
            low: tighter(self.low, other.low.as_ref(), Ordering::Greater),
            high: tighter(self.high, other.high.as_ref(), Ordering::Less),
        }
    }
}

/// That of two bounds which lets fewer values through: the one whose value lies so to the other's.
fn tighter(one: Option<Bound>, other: Option<&Bound>, order: Ordering) -> Option<Bound> {
    let (Some(one), Some(other)) = (&one, other) else { return one.or(other.cloned()) };
    let found = match (&one.1, &other.1) {
        (Operand::Int(one), Operand::Int(other)) => one.cmp(other),
        // No literal is a NaN.
        (Operand::Double(one), Operand::Double(other)) => one.partial_cmp(other).unwrap_or(Ordering::Equal),
        (Operand::Bool(one), Operand::Bool(other)) => one.cmp(other),
        _ => Ordering::Equal,
    };
    let is_strict = matches!(one.0, Comparison::Less | Comparison::Greater);
    let keeps = found == order || found == Ordering::Equal && is_strict;
    Some(if keeps { one } else { other }.clone())
}

/// The ranges that together hold the values that meet all conditions, one for each kind of value; `None` where a condition is no
/// bound, or one of texts: their order beyond what an index holds is not the index's.
pub(super) fn ranges(conditions: &[&Condition]) -> Option<Vec<Range>> {
    let mut ranges: Option<Vec<Range>> = None;
    for condition in conditions {
        for (comparison, operand) in bounds(condition)? {
            let by_kind = operand.by_kind(comparison).into_iter().map(Range::of);
            ranges = Some(match ranges {
                None => by_kind.collect(),
                // What one of them has no range for, no value of that kind meets.
                Some(known) => {
                    let both = |other: Range| {
                        known.iter().find(|range| range.is_beside(&other)).map(|range| range.clone().and(&other))
                    };
                    by_kind.filter_map(both).collect()
                }
            });
        }
    }
    ranges
}

fn bounds(condition: &Condition) -> Option<Vec<(Comparison, &Operand)>> {
    let bounds = match condition {
        Condition::Compare(Comparison::Equal | Comparison::NotEqual, _) => return None,
        Condition::Compare(comparison, operand) => vec![(*comparison, operand)],
        Condition::Between(low, high) => vec![(Comparison::GreaterOrEqual, low), (Comparison::LessOrEqual, high)],
        _ => return None,
    };
    let is_text = |(_, operand): &(Comparison, &Operand)| matches!(operand, Operand::Text(_));
    (!bounds.iter().any(is_text)).then_some(bounds)
}

/// What an AND asks for.
pub(super) enum Term<'a> {
    /// That a property is within all of these bounds.
    Within(Property<'a>, Vec<&'a Condition>),
    /// Anything else.
    Other(&'a Expr),
}

/// The terms of an AND, and of those within it, with the bounds of each property together at the place of the first of them.
pub(super) fn terms(all: &[Expr]) -> Vec<Term<'_>> {
    let mut terms = Vec::new();
    add(all, &mut terms);
    terms
}

fn add<'a>(all: &'a [Expr], terms: &mut Vec<Term<'a>>) {
    for expr in all {
        match (expr, bounded(expr)) {
            (Expr::And(inner), _) => add(inner, terms),
            (_, Some((property, condition))) => {
                let same = terms.iter_mut().find_map(|term| match term {
                    Term::Within(other, conditions) if *other == property => Some(conditions),
                    _ => None,
                });
                match same {
                    Some(conditions) => conditions.push(condition),
                    None => terms.push(Term::Within(property, vec![condition])),
                }
            }
            (other, None) => terms.push(Term::Other(other)),
        }
    }
}

/// The property that a term is a bound of.
fn bounded(expr: &Expr) -> Option<(Property<'_>, &Condition)> {
    let Expr::Test(field, condition) = expr else { return None };
    let property = match field {
        Field::Attribute(_) | Field::Declared(_, ValueKind::Struct) => return None,
        Field::Declared(name, kind) => Property::declared(name, *kind),
        Field::Custom(name) => Property::custom(name),
    };
    bounds(condition).map(|_| (property, condition))
}

impl Filter {
    /// That a property row has a value in one of the ranges.
    pub(super) fn within(&mut self, ranges: &[Range], declared: Option<ValueKind>) {
        if ranges.is_empty() {
            self.sql("FALSE");
        }
        for (number, range) in ranges.iter().enumerate() {
            self.sql(if number > 0 { " OR " } else { "" });
            for (number, (comparison, operand)) in range.bounds().enumerate() {
                if number == 0 {
                    self.is_of(kind_of(operand, declared));
                } else {
                    self.sql(" AND ");
                }
                self.condition(column(operand), &Condition::Compare(*comparison, operand.clone()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use Comparison::{Greater, GreaterOrEqual, Less, LessOrEqual};

    use super::*;

    fn range(low: Option<Bound>, high: Option<Bound>) -> Range {
        Range { low, high }
    }

    fn compare(comparison: Comparison, operand: Operand) -> Condition {
        Condition::Compare(comparison, operand)
    }

    #[test]
    fn bounds_are_one_range_for_each_kind_that_meets_them_all() {
        let (above, below) = (compare(Greater, Operand::Number(1)), compare(LessOrEqual, Operand::Decimal(2.5)));
        assert_eq!(
            ranges(&[&above, &below]).unwrap(),
            [
                range(Some((Greater, Operand::Double(1.0))), Some((LessOrEqual, Operand::Double(2.5)))),
                range(Some((Greater, Operand::Int(1))), Some((LessOrEqual, Operand::Int(2)))),
            ]
        );
        let int = compare(Less, Operand::Int(9));
        assert_eq!(
            ranges(&[&above, &int]).unwrap(),
            [range(Some((Greater, Operand::Int(1))), Some((Less, Operand::Int(9))))]
        );
        assert_eq!(ranges(&[&int, &compare(Less, Operand::Double(9.0))]), Some(Vec::new()));
        assert_eq!(ranges(&[&int, &compare(Less, Operand::Text("9".to_owned()))]), None);
        assert_eq!(ranges(&[&int, &compare(Comparison::Equal, Operand::Int(9))]), None);
        assert_eq!(ranges(&[&int, &Condition::Null]), None);
    }

    #[test]
    fn the_tightest_bounds_are_kept() {
        let int = |comparison, value| compare(comparison, Operand::Int(value));
        let between = Condition::Between(Operand::Int(2), Operand::Int(7));
        let all =
            [int(Greater, 1), int(GreaterOrEqual, 3), int(Greater, 3), int(LessOrEqual, 7), int(Less, 7), between];
        let expected = [range(Some((Greater, Operand::Int(3))), Some((Less, Operand::Int(7))))];
        let mut order: Vec<&Condition> = all.iter().collect();
        for _ in 0..order.len() {
            assert_eq!(ranges(&order).unwrap(), expected, "{order:?}");
            order.rotate_left(1);
        }
        order.reverse();
        assert_eq!(ranges(&order).unwrap(), expected);
        let zeros = [compare(Greater, Operand::Double(-0.0)), compare(GreaterOrEqual, Operand::Double(0.0))];
        for both in [[&zeros[0], &zeros[1]], [&zeros[1], &zeros[0]]] {
            assert_eq!(ranges(&both).unwrap(), [range(Some((Greater, Operand::Double(-0.0))), None)]);
        }
    }

    #[test]
    fn the_bounds_of_one_property_stand_together() {
        let bound = |name: &str| Expr::Test(Field::Custom(name.to_owned()), compare(Less, Operand::Number(1)));
        let equal = Expr::Test(Field::Custom("a".to_owned()), compare(Comparison::Equal, Operand::Number(1)));
        let or = Expr::Or(vec![bound("a"), bound("b")]);
        let all = [bound("a"), equal, Expr::And(vec![bound("b"), bound("a")]), or, bound("b")];
        let said: Vec<String> = terms(&all)
            .iter()
            .map(|term| match term {
                Term::Within(property, conditions) => format!("{} {}", property.name, conditions.len()),
                Term::Other(_) => "other".to_owned(),
            })
            .collect();
        assert_eq!(said, ["a 2", "other", "b 2", "other"]);
    }
}

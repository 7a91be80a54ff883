//! Differences of what has names: properties, metrics, parameters, facts.

use std::collections::BTreeMap;

use super::MAX_LISTED;
use crate::domain::Value;

/// What one of two things has under a name, and the other otherwise or not at all.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference<T> {
    /// The name.
    pub name: String,
    /// What the one has.
    pub a: Option<T>,
    /// What the other has.
    pub b: Option<T>,
}

/// What two things differ in.
#[derive(Debug, Clone, PartialEq)]
pub struct Differences<T> {
    /// The differences in the order of their names, up to [`MAX_LISTED`].
    pub items: Vec<Difference<T>>,
    /// How many names stand for the same in both.
    pub same: u64,
    /// Whether there are more differences than are listed.
    pub truncated: bool,
}

/// Values that are the same, also where floating-point numbers are no numbers.
pub(super) trait Same {
    /// Whether they are.
    fn is_same(&self, other: &Self) -> bool;
}

impl Same for f64 {
    fn is_same(&self, other: &Self) -> bool {
        self == other || self.is_nan() && other.is_nan()
    }
}

impl Same for Value {
    fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Double(one), Self::Double(other)) => one.is_same(other),
            _ => self == other,
        }
    }
}

/// What two things differ in that have values under names.
pub fn differences<T>(
    a: BTreeMap<String, T>,
    mut b: BTreeMap<String, T>,
    is_same: impl Fn(&T, &T) -> bool,
) -> Differences<T> {
    let (mut items, mut same) = (Vec::new(), 0);
    for (name, a) in a {
        match b.remove(&name) {
            Some(b) if is_same(&a, &b) => same += 1,
            b => items.push(Difference { name, a: Some(a), b }),
        }
    }
    items.extend(b.into_iter().map(|(name, b)| Difference { name, a: None, b: Some(b) }));
    items.sort_by(|one, other| one.name.cmp(&other.name));
    let truncated = items.len() > MAX_LISTED;
    items.truncate(MAX_LISTED);
    Differences { items, same, truncated }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(values: &[(&str, f64)]) -> BTreeMap<String, f64> {
        values.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect()
    }

    #[test]
    fn what_is_the_same_is_counted_and_the_rest_is_listed_by_name() {
        let a = named(&[("gone", 1.0), ("nan", f64::NAN), ("other", 1.0), ("same", 2.0), ("zero", -0.0)]);
        let b = named(&[("added", 1.0), ("nan", f64::NAN), ("other", f64::NAN), ("same", 2.0), ("zero", 0.0)]);
        let found = differences(a, b, f64::is_same);
        let names: Vec<&str> = found.items.iter().map(|each| each.name.as_str()).collect();
        assert_eq!((names, found.same, found.truncated), (vec!["added", "gone", "other"], 3, false));
        let sides: Vec<_> = found.items.iter().map(|each| (each.a.is_some(), each.b.is_some())).collect();
        assert_eq!(sides, [(false, true), (true, false), (true, true)]);
    }

    #[test]
    fn numbers_of_different_kinds_are_different() {
        assert!(!Value::Int(1).is_same(&Value::Double(1.0)));
        assert!(Value::Double(f64::NAN).is_same(&Value::Double(f64::NAN)));
    }

    #[test]
    fn more_differences_than_are_listed_are_said() {
        let many: BTreeMap<String, i64> = (0..=MAX_LISTED).map(|at| (format!("{at:05}"), 0)).collect();
        let found = differences(many.clone(), BTreeMap::new(), |a, b| a == b);
        assert_eq!((found.items.len(), found.truncated), (MAX_LISTED, true));
        let found = differences(many.clone(), many, |a, b| a == b);
        assert_eq!((found.items.len(), found.same, found.truncated), (0, MAX_LISTED as u64 + 1, false));
    }
}

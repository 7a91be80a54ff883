//! Integers and doubles compared by what they are: neither is rounded to the other's kind first.

use super::{Comparison, Condition, Operand};

/// Beyond it, 2⁶³, no double is an integer of 64 bits; its opposite is one.
const INT_END: f64 = 9_223_372_036_854_775_808.0;

impl Comparison {
    /// The comparison with its sides exchanged.
    pub fn mirrored(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
            Self::Equal | Self::NotEqual => self,
        }
    }

    /// Whether it holds of two values in that order.
    pub fn holds(self, order: std::cmp::Ordering) -> bool {
        match self {
            Self::Equal => order.is_eq(),
            Self::NotEqual => order.is_ne(),
            Self::Less => order.is_lt(),
            Self::LessOrEqual => order.is_le(),
            Self::Greater => order.is_gt(),
            Self::GreaterOrEqual => order.is_ge(),
        }
    }
}

/// What integers compare so with a double: the same, said with an integer.
pub fn for_ints(comparison: Comparison, double: f64) -> (Comparison, i64) {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let (never, always) = ((Less, i64::MIN), (GreaterOrEqual, i64::MIN));
    if double.is_nan() {
        return if comparison == NotEqual { always } else { never };
    }
    if double >= INT_END {
        return if matches!(comparison, Less | LessOrEqual | NotEqual) { always } else { never };
    }
    if double < -INT_END {
        return if matches!(comparison, Greater | GreaterOrEqual | NotEqual) { always } else { never };
    }
    // In range, both of them: checked above, and what has a fraction is far from the ends.
    let (floor, ceiling) = (double.floor() as i64, double.ceil() as i64);
    match comparison {
        Equal | NotEqual if floor == ceiling => (comparison, floor),
        Equal => never,
        NotEqual => always,
        Greater | LessOrEqual => (comparison, floor),
        Less | GreaterOrEqual => (comparison, ceiling),
    }
}

/// What doubles compare so with an integer: the same, said with a double.
pub fn for_doubles(comparison: Comparison, int: i64) -> (Comparison, f64) {
    use Comparison::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let [floor, ceiling] = neighbours(int);
    match comparison {
        Equal if floor < ceiling => (Less, f64::NEG_INFINITY),
        NotEqual if floor < ceiling => (GreaterOrEqual, f64::NEG_INFINITY),
        Equal | NotEqual | Greater | LessOrEqual => (comparison, floor),
        Less | GreaterOrEqual => (comparison, ceiling),
    }
}

/// The greatest double that is not greater than an integer, and the least that is not less.
#[expect(clippy::cast_precision_loss, reason = "how much is lost is looked at")]
fn neighbours(int: i64) -> [f64; 2] {
    let nearest = int as f64;
    // The nearest double to the greatest integer is one more than that.
    match i128::from(int).cmp(&(nearest as i128)) {
        std::cmp::Ordering::Equal => [nearest, nearest],
        std::cmp::Ordering::Less => [nearest.next_down(), nearest],
        std::cmp::Ordering::Greater => [nearest, nearest.next_up()],
    }
}

impl Operand {
    /// What values of each kind are compared with in place of it, exactly: a number of no kind is an int and a double. What
    /// no value of a kind can meet is left out.
    pub fn by_kind(&self, comparison: Comparison) -> Vec<(Comparison, Self)> {
        let int = |(comparison, value)| (comparison, Self::Int(value));
        let double = |(comparison, value)| (comparison, Self::Double(value));
        let all = match self {
            Self::Number(value) => vec![int((comparison, *value)), double(for_doubles(comparison, *value))],
            Self::Decimal(value) => vec![double((comparison, *value)), int(for_ints(comparison, *value))],
            other => return vec![(comparison, other.clone())],
        };
        let is_met = |(comparison, operand): &(Comparison, Self)| match operand {
            Self::Int(value) => *comparison != Comparison::Less || *value != i64::MIN,
            Self::Double(value) => *comparison != Comparison::Less || *value != f64::NEG_INFINITY,
            _ => true,
        };
        all.into_iter().filter(is_met).collect()
    }
}

impl Condition {
    /// The same condition of doubles, where integers stand in it.
    pub(super) fn of_doubles(self) -> Self {
        let least = |operand: Operand, comparison| match operand {
            Operand::Number(value) => Operand::Double(for_doubles(comparison, value).1),
            other => other,
        };
        match self {
            Self::Compare(comparison, Operand::Number(value)) => {
                let (comparison, value) = for_doubles(comparison, value);
                Self::Compare(comparison, Operand::Double(value))
            }
            Self::In(operands) => {
                let one = |operand| match operand {
                    Operand::Number(value) => match for_doubles(Comparison::Equal, value) {
                        (Comparison::Equal, value) => Some(Operand::Double(value)),
                        _ => None,
                    },
                    other => Some(other),
                };
                Self::In(operands.into_iter().filter_map(one).collect())
            }
            Self::Between(low, high) => {
                Self::Between(least(low, Comparison::GreaterOrEqual), least(high, Comparison::LessOrEqual))
            }
            other => other,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Comparison; 6] = [
        Comparison::Equal,
        Comparison::NotEqual,
        Comparison::Less,
        Comparison::LessOrEqual,
        Comparison::Greater,
        Comparison::GreaterOrEqual,
    ];

    /// The order of an integer and a double that is a number, by way of a wider integer.
    fn order(int: i64, double: f64) -> std::cmp::Ordering {
        let whole = double.trunc();
        let by_whole = i128::from(int).cmp(&(whole as i128));
        let fraction = if double.is_finite() { double - whole } else { 0.0 };
        by_whole.then(0.0_f64.partial_cmp(&fraction).unwrap())
    }

    fn check(int: i64, double: f64) {
        for comparison in ALL {
            let (same, value) = for_ints(comparison, double);
            assert_eq!(
                same.holds(int.cmp(&value)),
                comparison.holds(order(int, double)),
                "{int} {comparison:?} {double}"
            );
            let (same, value) = for_doubles(comparison, int);
            let expected = comparison.holds(order(int, double).reverse());
            assert_eq!(same.holds(double.partial_cmp(&value).unwrap()), expected, "{double} {comparison:?} {int}");
        }
    }

    #[test]
    fn the_ends_and_the_gaps_are_met_exactly() {
        let doubles = [
            0.0,
            -0.0,
            0.5,
            -0.5,
            9_007_199_254_740_992.0,
            9_007_199_254_740_994.0,
            -9_007_199_254_740_992.0,
            INT_END,
            -INT_END,
            INT_END.next_down(),
            (-INT_END).next_up(),
            (-INT_END).next_down(),
            1e300,
            -1e300,
            f64::INFINITY,
            f64::NEG_INFINITY,
            5e-324,
        ];
        let ints = [0, 1, -1, i64::MAX, i64::MIN, i64::MAX - 1, i64::MIN + 1, 1 << 53, (1 << 53) + 1, (1 << 53) + 2];
        for double in doubles {
            for int in ints {
                check(int, double);
                check(-int.max(-i64::MAX), double);
            }
        }
    }

    proptest! {
        #[test]
        fn no_number_is_rounded(int: i64, double in prop::num::f64::NORMAL | prop::num::f64::ZERO, near in -3..4_i64) {
            check(int, double);
            check((double as i64).saturating_add(near), double);
            check(int, int.saturating_add(near) as f64);
        }
    }
}

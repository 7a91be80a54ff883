//! Integers in JSON, which may be written with a fraction of zero, as in `5.0`.

use serde_json::Number;

/// The integer of 64 bits that a number is.
pub fn parse_integer(number: &Number) -> Option<i64> {
    number.as_i64().or_else(|| without_fraction(number.as_f64()?))
}

#[expect(clippy::cast_possible_truncation, reason = "there is no fraction, and it is within the bounds")]
fn without_fraction(value: f64) -> Option<i64> {
    const BEYOND: f64 = 9_223_372_036_854_775_808.0;
    (value.fract() == 0.0 && value.abs() < BEYOND).then_some(value as i64)
}

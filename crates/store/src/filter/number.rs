//! Arithmetic that never fails: PostgreSQL refuses a number out of range where SQLite continues with another, and here both
//! give NULL.
//!
//! The operands are computed once, in a subquery; its LIMIT keeps the planners from putting them wherever they are used.

use std::cmp::Ordering;

use super::join::Scope;
use super::{Filter, Part, sign};
use modelport_domain::ValueKind;
use modelport_domain::filter::Comparison;
use modelport_domain::filter::scalar::{Operator, Scalar};

/// A double beyond it is out of range. It leaves room for the rounding of the checks.
const MAX_DOUBLE: f64 = 1.79e308;
/// Beyond it, 2⁶³, no double is an int.
const INT_END: f64 = 9_223_372_036_854_775_808.0;
/// A product or quotient below it is 0.
const MIN_DOUBLE: f64 = 2.3e-308;

/// Ints are exact beyond their range for a moment: PostgreSQL's NUMERIC has no limit, SQLite continues with a double.
const INT_RANGE: &str = " LIMIT 1) AS v WHERE v.x BETWEEN -9223372036854775807 AND 9223372036854775807)";

impl Filter {
    pub(super) fn negate(&mut self, scope: Scope<'_>, inner: &Scalar) {
        if inner.kind() == ValueKind::Double {
            self.sql("(- ");
            self.value(scope, inner);
            self.sql(")");
        } else {
            self.sql("(SELECT CAST(v.x AS BIGINT) FROM (SELECT - CAST(");
            self.value(scope, inner);
            self.sql(" AS NUMERIC) AS x");
            self.sql(INT_RANGE);
        }
    }

    pub(super) fn absolute(&mut self, scope: Scope<'_>, inner: &Scalar) {
        if inner.kind() == ValueKind::Double {
            self.sql("abs(");
            self.value(scope, inner);
            self.sql(")");
        } else {
            self.sql("(SELECT CASE WHEN v.x < 0 THEN - v.x ELSE v.x END FROM (SELECT ");
            self.value(scope, inner);
            self.sql(" AS x");
            self.sql(INT_RANGE);
        }
    }

    pub(super) fn arithmetic(&mut self, scope: Scope<'_>, operator: Operator, left: &Scalar, right: &Scalar) {
        match (operator, left.kind()) {
            (Operator::BitAnd, _) => {
                self.sql("(");
                self.value(scope, left);
                self.sql(" & ");
                self.value(scope, right);
                self.sql(")");
            }
            (Operator::Modulo, _) => {
                self.sql("(");
                self.value(scope, left);
                self.sql(" % nullif(");
                self.value(scope, right);
                self.sql(", 0))");
            }
            (Operator::Quotient, _) => {
                self.sql(
                    "(SELECT CASE WHEN v.b = -1 AND v.a < -9223372036854775807 THEN NULL ELSE v.a / nullif(v.b, 0) END",
                );
                self.operands(scope, left, right);
                self.sql(")");
            }
            (Operator::Add, ValueKind::Double) => self.sum(scope, "+", left, right),
            (Operator::Subtract, ValueKind::Double) => self.sum(scope, "-", left, right),
            (Operator::Multiply, ValueKind::Double) => self.product(scope, left, right),
            (Operator::Divide, _) => self.quotient(scope, left, right),
            (Operator::Add, _) => self.ints(scope, "+", left, right),
            (Operator::Subtract, _) => self.ints(scope, "-", left, right),
            (Operator::Multiply, _) => self.ints(scope, "*", left, right),
        }
    }

    /// An int compared with a double by what they are: with the double's whole part first, which is exact, and then, where they
    /// are equal, as doubles, which is exact as well.
    pub(super) fn compare_exactly(&mut self, scope: Scope<'_>, comparison: Comparison, int: &Scalar, double: &Scalar) {
        let known = |order| if comparison.holds(order) { "TRUE" } else { "FALSE" };
        let sign = sign(comparison);
        self.double("(SELECT CASE WHEN v.a IS NULL THEN NULL WHEN v.b >= ", INT_END);
        self.double(&format!(" THEN {} WHEN v.b < ", known(Ordering::Less)), -INT_END);
        self.sql(&format!(" THEN {}", known(Ordering::Greater)));
        self.sql(&format!(" WHEN v.a <> CAST(v.b AS BIGINT) THEN v.a {sign} CAST(v.b AS BIGINT)"));
        self.sql(&format!(" ELSE CAST(v.a AS DOUBLE PRECISION) {sign} v.b END"));
        self.operands(scope, int, double);
        self.sql(")");
    }

    fn operands(&mut self, scope: Scope<'_>, left: &Scalar, right: &Scalar) {
        self.sql(" FROM (SELECT ");
        self.value(scope, left);
        self.sql(" AS a, ");
        self.value(scope, right);
        self.sql(" AS b LIMIT 1) AS v");
    }

    fn ints(&mut self, scope: Scope<'_>, sign: &str, left: &Scalar, right: &Scalar) {
        self.sql("(SELECT CAST(v.x AS BIGINT) FROM (SELECT CAST(");
        self.value(scope, left);
        self.sql(&format!(" AS NUMERIC) {sign} CAST("));
        self.value(scope, right);
        self.sql(" AS NUMERIC) AS x");
        self.sql(INT_RANGE);
    }

    fn double(&mut self, before: &str, value: f64) {
        self.sql(before);
        self.parts.push(Part::Double(value));
    }

    /// The end of a subquery on two doubles: infinite ones give NULL.
    fn of_finite(&mut self, scope: Scope<'_>, left: &Scalar, right: &Scalar) {
        self.operands(scope, left, right);
        self.double(" WHERE abs(v.a) <= ", MAX_DOUBLE);
        self.double(" AND abs(v.b) <= ", MAX_DOUBLE);
        self.sql(")");
    }

    fn sum(&mut self, scope: Scope<'_>, sign: &str, left: &Scalar, right: &Scalar) {
        let apart = if sign == "+" { "<>" } else { "=" };
        self.double(&format!("(SELECT CASE WHEN (v.a < 0) {apart} (v.b < 0) OR abs(v.a) <= "), MAX_DOUBLE);
        self.sql(&format!(" - abs(v.b) THEN v.a {sign} v.b END"));
        self.of_finite(scope, left, right);
    }

    fn product(&mut self, scope: Scope<'_>, left: &Scalar, right: &Scalar) {
        self.double("(SELECT CASE WHEN v.a = 0 OR v.b = 0 THEN ", 0.0);
        self.double(" WHEN abs(v.b) >= 1 THEN CASE WHEN abs(v.a) <= ", MAX_DOUBLE);
        self.double(" / abs(v.b) THEN v.a * v.b END WHEN abs(v.a) >= ", MIN_DOUBLE);
        self.double(" / abs(v.b) THEN v.a * v.b ELSE ", 0.0);
        self.sql(" END");
        self.of_finite(scope, left, right);
    }

    fn quotient(&mut self, scope: Scope<'_>, left: &Scalar, right: &Scalar) {
        self.double("(SELECT CASE WHEN v.b = 0 THEN NULL WHEN v.a = 0 THEN ", 0.0);
        self.double(" WHEN abs(v.b) >= 1 THEN CASE WHEN abs(v.a) >= ", MIN_DOUBLE);
        self.double(" * abs(v.b) THEN v.a / v.b ELSE ", 0.0);
        self.double(" END WHEN abs(v.a) <= ", MAX_DOUBLE);
        self.sql(" * abs(v.b) THEN v.a / v.b END");
        self.of_finite(scope, left, right);
    }
}

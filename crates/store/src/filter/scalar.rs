//! Typed expressions as SQL that means the same on both databases.

use super::join::Scope;
use super::{Filter, Part, sign, well_formed};
use modelport_domain::ValueKind;
use modelport_domain::filter::Comparison;
use modelport_domain::filter::scalar::{Scalar, Truth};

impl Filter {
    /// A condition where NULL counts as false, so that an index may answer it.
    pub(super) fn holds(&mut self, scope: Scope<'_>, scalar: &Scalar) {
        match scalar {
            Scalar::And(terms) => self.terms(terms, " AND ", |filter, term| filter.holds(scope, term)),
            Scalar::Or(terms) => self.terms(terms, " OR ", |filter, term| filter.holds(scope, term)),
            _ if self.column_holds(scope, scalar) => {}
            _ => self.value(scope, scalar),
        }
    }

    /// An expression that preserves NULL.
    pub(super) fn value(&mut self, scope: Scope<'_>, scalar: &Scalar) {
        match scalar {
            Scalar::Null(kind) => self.sql(match kind {
                ValueKind::Int => "CAST(NULL AS BIGINT)",
                ValueKind::Double => "CAST(NULL AS DOUBLE PRECISION)",
                ValueKind::Bool => "CAST(NULL AS BOOLEAN)",
                ValueKind::String | ValueKind::Struct | ValueKind::Proto => "CAST(NULL AS TEXT)",
            }),
            Scalar::Text(text) => self.collated(text),
            Scalar::Int(_) | Scalar::Double(_) | Scalar::Bool(_) => self.literal(scalar),
            Scalar::Column(neighbour, column) => self.column(scope, neighbour.as_ref(), *column),
            Scalar::AsDouble(inner) => {
                self.sql("CAST(");
                self.value(scope, inner);
                self.sql(" AS DOUBLE PRECISION)");
            }
            Scalar::Negate(inner) => self.negate(scope, inner),
            Scalar::Arithmetic(operator, left, right) => self.arithmetic(scope, *operator, left, right),
            Scalar::Call(function, arguments) => self.call(scope, *function, arguments),
            Scalar::Case { subject, arms, otherwise } => {
                self.case(scope, subject.as_deref(), arms, otherwise.as_deref())
            }
            Scalar::And(terms) => self.terms(terms, " AND ", |filter, term| filter.value(scope, term)),
            Scalar::Or(terms) => self.terms(terms, " OR ", |filter, term| filter.value(scope, term)),
            Scalar::Not(inner) => {
                self.sql("(NOT ");
                self.value(scope, inner);
                self.sql(")");
            }
            Scalar::Compare(comparison, left, right) => self.compare(scope, *comparison, left, right),
            Scalar::In(value, list) => {
                self.sql("(");
                self.value(scope, value);
                self.sql(" IN (");
                self.list(list, |filter, each| filter.beside(scope, each, value));
                self.sql("))");
            }
            Scalar::Between(parts) => {
                let [value, low, high] = &**parts;
                self.sql("(");
                self.value(scope, value);
                self.sql(" BETWEEN ");
                self.beside(scope, low, value);
                self.sql(" AND ");
                self.beside(scope, high, value);
                self.sql(")");
            }
            Scalar::Like(value, pattern) => {
                self.sql("(");
                self.value(scope, value);
                self.sql(" LIKE ");
                self.text(&well_formed(pattern));
                self.sql(" ESCAPE '\\')");
            }
            Scalar::Is(value, truth) => {
                self.sql("(");
                self.value(scope, value);
                self.sql(match truth {
                    Truth::Null => " IS NULL)",
                    Truth::True => " IS TRUE)",
                    Truth::False => " IS FALSE)",
                });
            }
        }
    }

    fn compare(&mut self, scope: Scope<'_>, comparison: Comparison, left: &Scalar, right: &Scalar) {
        match (left.kind(), right.kind()) {
            (ValueKind::Int, ValueKind::Double) => return self.compare_exactly(scope, comparison, left, right),
            (ValueKind::Double, ValueKind::Int) => {
                return self.compare_exactly(scope, comparison.mirrored(), right, left);
            }
            _ => {}
        }
        self.sql("(");
        self.beside(scope, left, right);
        self.sql(&format!(" {} ", sign(comparison)));
        self.beside(scope, right, left);
        self.sql(")");
    }

    /// A value next to another. Next to a column a text needs no collation of its own.
    fn beside(&mut self, scope: Scope<'_>, scalar: &Scalar, other: &Scalar) {
        match (scalar, other) {
            (Scalar::Text(_), Scalar::Column(..)) => self.literal(scalar),
            _ => self.value(scope, scalar),
        }
    }

    /// A bound value.
    pub(super) fn literal(&mut self, scalar: &Scalar) {
        match scalar {
            Scalar::Int(value) => self.parts.push(Part::Int(*value)),
            Scalar::Double(value) => self.parts.push(Part::Double(*value)),
            Scalar::Text(text) => self.text(text),
            Scalar::Bool(value) => self.sql(if *value { "TRUE" } else { "FALSE" }),
            _ => self.sql("NULL"),
        }
    }

    /// A bound text with the collation of our columns, which orders and changes case as SQLite does. A column that is never
    /// looked at gives it, as the two databases have no name in common for it.
    fn collated(&mut self, text: &str) {
        self.sql("coalesce(CASE WHEN FALSE THEN nodes.uri END, ");
        self.text(text);
        self.sql(")");
    }

    fn case(
        &mut self,
        scope: Scope<'_>,
        subject: Option<&Scalar>,
        arms: &[(Scalar, Scalar)],
        otherwise: Option<&Scalar>,
    ) {
        self.sql("(CASE");
        if let Some(subject) = subject {
            self.sql(" ");
            self.value(scope, subject);
        }
        for (when, then) in arms {
            self.sql(" WHEN ");
            self.value(scope, when);
            self.sql(" THEN ");
            self.value(scope, then);
        }
        if let Some(otherwise) = otherwise {
            self.sql(" ELSE ");
            self.value(scope, otherwise);
        }
        self.sql(" END)");
    }

    fn terms(&mut self, terms: &[Scalar], between: &str, mut each: impl FnMut(&mut Self, &Scalar)) {
        self.sql("(");
        self.separated(terms, between, &mut each);
        self.sql(")");
    }

    pub(super) fn list(&mut self, list: &[Scalar], mut each: impl FnMut(&mut Self, &Scalar)) {
        self.separated(list, ", ", &mut each);
    }

    pub(super) fn separated(&mut self, all: &[Scalar], between: &str, each: &mut impl FnMut(&mut Self, &Scalar)) {
        for (at, scalar) in all.iter().enumerate() {
            if at > 0 {
                self.sql(between);
            }
            each(self, scalar);
        }
    }
}

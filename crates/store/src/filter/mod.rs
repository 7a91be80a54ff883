//! A filter as SQL over `nodes`: bound parameters only, one subquery for each condition on a property or
//! group of neighbours.

mod attribute;
mod column;
mod function;
mod held;
mod index_scan;
mod indexed;
mod join;
mod list;
mod number;
mod pattern;
mod property;
mod range;
mod repeated;
mod scalar;
mod text;
mod visible;

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::{DatabaseErrorKind, Error as DieselError};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, Double, HasSqlType, Text};

use super::Tx;
use crate::error::database_error;
use modelport_domain::Error;
use modelport_domain::access::Access;
use modelport_domain::filter::{Attribute, Comparison, Condition, Expr, Field, Operand};

use attribute::{attribute_sql, point_sql};
pub(super) use attribute::{name_key, name_key_sql};
use held::is_held;
pub(super) use held::is_prompt;
pub(super) use index_scan::{IndexScan, Position, ScanMode, ScannedIds, count_rows};
use pattern::{prefix_range, well_formed};
use property::Property;
use range::{Term, terms};
pub(super) use repeated::Repeated;
pub(super) use visible::{narrow, seen};

/// The SQL of a filter, for a query on `nodes`, or on `metric_points` joined with `nodes`.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Filter {
    parts: Vec<Part>,
    of_points: bool,
    joins: usize,
    /// How many ORs and NOTs are around what is being rendered.
    around: usize,
    /// Whether a condition that must hold names the nodes already.
    driven: bool,
    /// Whether the nodes are few and named, so that each condition is to be looked up for each of them.
    probing: bool,
    /// Whether the statement stays prepared.
    is_prepared: bool,
    /// Who sees which neighbours; without it all are seen.
    access: Option<Access>,
}

/// The most conditions on properties and neighbours that PostgreSQL may make joins of; it would plan hundreds for minutes.
const MAX_JOINS: usize = 8;

/// A piece of SQL that is ours, or a value that is bound.
#[derive(Debug, Clone, PartialEq)]
enum Part {
    Sql(String),
    Int(i64),
    Double(f64),
    Text(String),
}

impl Expression for Filter {
    type SqlType = Bool;
}
impl<T> AppearsOnTable<T> for Filter {}
impl<T> SelectableExpression<T> for Filter {}
impl ValidGrouping<()> for Filter {
    type IsAggregate = is_aggregate::No;
}
impl QueryId for Filter {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl<DB> QueryFragment<DB> for Filter
where
    DB: Backend + HasSqlType<BigInt> + HasSqlType<Double> + HasSqlType<Text>,
    i64: ToSql<BigInt, DB>,
    f64: ToSql<Double, DB>,
    String: ToSql<Text, DB>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        // The text differs from filter to filter without end.
        if !self.is_prepared {
            out.unsafe_to_cache_prepared();
        }
        for part in &self.parts {
            match part {
                Part::Sql(sql) => out.push_sql(sql),
                Part::Int(value) => out.push_bind_param::<BigInt, _>(value)?,
                Part::Double(value) => out.push_bind_param::<Double, _>(value)?,
                Part::Text(value) => out.push_bind_param::<Text, _>(value)?,
            }
        }
        Ok(())
    }
}

impl Filter {
    /// The filter of an expression. Neighbours that the transaction does not see are none.
    pub(super) fn of(tx: &Tx<'_>, expr: &Expr) -> Self {
        let mut filter = Self { access: Some(tx.access().clone()), ..Self::default() };
        filter.expr(expr);
        filter
    }

    /// A filter of the points of metrics, whose value, step and times are the point's and not the latest.
    pub(super) fn of_points(tx: &Tx<'_>, expr: &Expr) -> Self {
        let mut filter = Self { of_points: true, access: Some(tx.access().clone()), ..Self::default() };
        filter.expr(expr);
        filter
    }

    /// The nodes of a type, of those that one home has. PostgreSQL looks for what is compared so in no index, and takes the nodes
    /// from that of the home in the order of their ids; by home and type it would find all of them, and sort them for each page.
    pub(super) fn of_type_in_home(type_id: i64) -> Self {
        let parts = vec![Part::Sql("nodes.type_id IS NOT DISTINCT FROM ".to_owned()), Part::Int(type_id)];
        Self { parts, is_prepared: true, ..Self::default() }
    }

    /// A filter of a few nodes, which the query names one by one. How it is best answered depends on no value in it.
    pub(super) fn of_named(tx: &Tx<'_>, expr: &Expr) -> Self {
        let mut filter = Self { probing: true, access: Some(tx.access().clone()), ..Self::default() };
        filter.expr(expr);
        filter.prepared_if_repeated(tx)
    }

    pub(crate) fn append(&mut self, other: &Self) {
        for part in &other.parts {
            match part {
                Part::Sql(sql) => self.sql(sql),
                part => self.parts.push(part.clone()),
            }
        }
    }

    pub(crate) fn sql(&mut self, sql: &str) {
        match self.parts.last_mut() {
            Some(Part::Sql(last)) => last.push_str(sql),
            _ => self.parts.push(Part::Sql(sql.to_owned())),
        }
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.parts.push(Part::Text(text.to_owned()));
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::And(all) => self.joined(&terms(all), " AND ", |filter, term| match term {
                Term::Within(property, conditions) => filter.property(*property, conditions),
                Term::Other(expr) => filter.expr(expr),
            }),
            Expr::Or(all) => {
                self.around += 1;
                self.joined(all, " OR ", Self::expr);
                self.around -= 1;
            }
            Expr::Not(inner) => {
                self.around += 1;
                // A condition on an absent attribute is NULL to SQL, and so would be its opposite.
                self.sql("NOT coalesce(");
                self.expr(inner);
                self.sql(", FALSE)");
                self.around -= 1;
            }
            Expr::Test(Field::Attribute(attribute), condition) => {
                self.sql("(");
                if is_held(*attribute) {
                    self.held(*attribute, condition);
                } else {
                    if *attribute == Attribute::Name {
                        self.indexed_name(condition);
                    }
                    let column = if self.of_points { point_sql(*attribute) } else { attribute_sql(*attribute) };
                    self.condition(column, condition);
                }
                self.sql(")");
            }
            Expr::Test(Field::Declared(name, kind), condition) => {
                self.property(Property::declared(name, *kind), &[condition]);
            }
            Expr::Test(Field::Custom(name), condition) => self.property(Property::custom(name), &[condition]),
            Expr::Some(join) => self.join(join),
        }
    }

    fn joined<T>(&mut self, terms: &[T], between: &str, add: impl Fn(&mut Self, &T)) {
        self.sql("(");
        for (at, term) in terms.iter().enumerate() {
            if at > 0 {
                self.sql(between);
            }
            add(self, term);
        }
        self.sql(")");
    }

    /// A condition on one expression of the right kind.
    pub(crate) fn condition(&mut self, column: &str, condition: &Condition) {
        match condition {
            Condition::Null | Condition::NullOf(_) => self.sql(&format!("{column} IS NULL")),
            Condition::Compare(comparison, operand) => {
                self.sql(&format!("{column} {} ", sign(*comparison)));
                self.operand(operand);
            }
            Condition::In(operands) if operands.is_empty() => self.sql("FALSE"),
            Condition::In(operands) => {
                self.sql(&format!("{column} IN ("));
                for (at, operand) in operands.iter().enumerate() {
                    if at > 0 {
                        self.sql(", ");
                    }
                    self.operand(operand);
                }
                self.sql(")");
            }
            Condition::Between(low, high) => {
                self.sql(&format!("{column} BETWEEN "));
                self.operand(low);
                self.sql(" AND ");
                self.operand(high);
            }
            Condition::Like { pattern, ignore_case } => self.like(column, pattern, *ignore_case),
        }
    }

    /// What the index on names knows of a condition: it holds an empty text where there is no name.
    fn indexed_name(&mut self, condition: &Condition) {
        match condition {
            Condition::Compare(Comparison::Equal, Operand::Text(_)) | Condition::In(_) => {
                self.condition(&name_key_sql(), condition);
            }
            Condition::Like { pattern, ignore_case: false } => match prefix_range(pattern) {
                Some((first, end)) => self.range(&name_key_sql(), &first, &end),
                None => return,
            },
            _ => return,
        }
        self.sql(" AND ");
    }

    fn range(&mut self, key: &str, first: &str, end: &str) {
        self.sql(&format!("{key} >= "));
        self.text(first);
        self.sql(&format!(" AND {key} < "));
        self.text(end);
    }

    fn like(&mut self, column: &str, pattern: &str, ignore_case: bool) {
        let pattern = well_formed(pattern);
        if ignore_case {
            // Of ASCII letters alone, on both databases.
            self.sql(&format!("lower({column}) LIKE "));
            self.text(&pattern.to_ascii_lowercase());
        } else {
            self.sql(&format!("{column} LIKE "));
            self.text(&pattern);
        }
        self.sql(" ESCAPE '\\'");
    }

    pub(crate) fn operand(&mut self, operand: &Operand) {
        match operand {
            Operand::Number(value) | Operand::Int(value) => self.parts.push(Part::Int(*value)),
            Operand::Double(value) | Operand::Decimal(value) => self.parts.push(Part::Double(*value)),
            Operand::Text(text) => self.text(text),
            Operand::Bool(value) => self.sql(if *value { "1" } else { "0" }),
        }
    }
}

/// The error of a query with a filter. Numbers out of range are NULL here; if the database still reports one, it is the client's
/// filter that has to change.
pub(super) fn query_error(error: DieselError) -> Error {
    const PARTS: [&str; 7] = [
        "out of range",
        "division by zero",
        "integer overflow",
        "stack depth limit exceeded",
        // A text that is put together from others may become longer than any that the database can hold.
        "string or blob too big",
        "invalid memory alloc request size",
        "requested length too large",
    ];
    match &error {
        DieselError::DatabaseError(DatabaseErrorKind::Unknown, info)
            if PARTS.iter().any(|part| info.message().contains(part)) =>
        {
            Error::invalid(
                "filter",
                "the database cannot evaluate the filter: a number is out of range, a text is too long, \
                 or it nests too deeply",
            )
            .caused_by(error)
        }
        _ => database_error(error),
    }
}

fn sign(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Equal => "=",
        Comparison::NotEqual => "<>",
        Comparison::Less => "<",
        Comparison::LessOrEqual => "<=",
        Comparison::Greater => ">",
        Comparison::GreaterOrEqual => ">=",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelport_domain::ErrorKind;

    #[test]
    fn every_value_is_bound() {
        let text = "a'; DROP TABLE nodes --";
        let expr = Expr::Test(
            Field::Custom(text.to_owned()),
            Condition::Compare(Comparison::Equal, Operand::Text(text.to_owned())),
        );
        let mut filter = Filter::default();
        filter.expr(&expr);
        for part in filter.parts {
            match part {
                Part::Sql(sql) => assert!(!sql.contains("DROP"), "{sql}"),
                Part::Text(bound) => assert_eq!(bound, text),
                Part::Int(_) | Part::Double(_) => panic!("no number was given"),
            }
        }
    }

    #[test]
    fn what_a_filter_computes_is_no_fault_of_ours() {
        let error = |message: &str| {
            query_error(DieselError::DatabaseError(DatabaseErrorKind::Unknown, Box::new(message.to_owned()))).kind()
        };
        assert_eq!(error("value out of range: overflow"), ErrorKind::InvalidArgument);
        assert_eq!(error("bigint out of range"), ErrorKind::InvalidArgument);
        assert_eq!(error("division by zero"), ErrorKind::InvalidArgument);
        assert_eq!(error("string or blob too big"), ErrorKind::InvalidArgument);
        assert_eq!(error("invalid memory alloc request size 1600000004"), ErrorKind::InvalidArgument);
        assert_eq!(error("syntax error at or near \"x\""), ErrorKind::Internal);
        assert_eq!(error("canceling statement due to statement timeout"), ErrorKind::Unavailable);
        assert_eq!(error("canceling statement due to user request"), ErrorKind::Unavailable);
        assert_eq!(error("interrupted"), ErrorKind::Unavailable);
    }
}

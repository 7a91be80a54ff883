//! A filter as SQL over `nodes`: bound parameters only, one subquery for each condition on a property.

use diesel::QueryResult;
use diesel::backend::Backend;
use diesel::dsl::sql;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, SqlLiteral, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{BigInt, Bool, Double, HasSqlType, Text};

use crate::domain::filter::{Attribute, Comparison, Condition, Expr, Field, Operand};
use crate::domain::{LogicalType, ValueKind};

/// The SQL of a filter, for a query on `nodes`, or on `metric_points` joined with `nodes`.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter {
    parts: Vec<Part>,
    of_points: bool,
    properties: usize,
    /// How many ORs and NOTs are around what is being rendered.
    around: usize,
    /// Whether a condition that must hold names the nodes already.
    driven: bool,
}

/// So many conditions on properties PostgreSQL may make joins of; it would plan hundreds of them for minutes.
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
        // The text differs from filter to filter without end: such statements are not worth keeping prepared.
        out.unsafe_to_cache_prepared();
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

impl From<&Expr> for Filter {
    fn from(expr: &Expr) -> Self {
        let mut filter = Self { parts: Vec::new(), of_points: false, properties: 0, around: 0, driven: false };
        filter.expr(expr);
        filter
    }
}

impl Filter {
    /// A filter of the points of metrics, whose value, step and times are the point's and not the latest.
    pub(super) fn of_points(expr: &Expr) -> Self {
        let mut filter = Self { parts: Vec::new(), of_points: true, properties: 0, around: 0, driven: false };
        filter.expr(expr);
        filter
    }

    fn sql(&mut self, sql: &str) {
        match self.parts.last_mut() {
            Some(Part::Sql(last)) => last.push_str(sql),
            _ => self.parts.push(Part::Sql(sql.to_owned())),
        }
    }

    fn text(&mut self, text: &str) {
        self.parts.push(Part::Text(text.to_owned()));
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::And(terms) => self.joined(terms, " AND "),
            Expr::Or(terms) => {
                self.around += 1;
                self.joined(terms, " OR ");
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
                if *attribute == Attribute::Name {
                    self.indexed_name(condition);
                }
                let column = if self.of_points { point_sql(*attribute) } else { attribute_sql(*attribute) };
                self.condition(column, condition);
                self.sql(")");
            }
            Expr::Test(Field::Declared(name, kind), condition) => self.property(name, false, Some(*kind), condition),
            Expr::Test(Field::Custom(name), condition) => self.property(name, true, None, condition),
        }
    }

    fn joined(&mut self, terms: &[Expr], between: &str) {
        self.sql("(");
        for (at, term) in terms.iter().enumerate() {
            if at > 0 {
                self.sql(between);
            }
            self.expr(term);
        }
        self.sql(")");
    }

    /// A condition on one expression of the right kind.
    fn condition(&mut self, column: &str, condition: &Condition) {
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
        let key = format!("coalesce({SEEN_NAME}, '')");
        match condition {
            Condition::Compare(Comparison::Equal, Operand::Text(_)) | Condition::In(_) => {
                self.condition(&key, condition)
            }
            Condition::Like { pattern, ignore_case: false } => match prefix_range(pattern) {
                Some((first, behind)) => self.range(&key, &first, &behind),
                None => return,
            },
            _ => return,
        }
        self.sql(" AND ");
    }

    fn range(&mut self, key: &str, first: &str, behind: &str) {
        self.sql(&format!("{key} >= "));
        self.text(first);
        self.sql(&format!(" AND {key} < "));
        self.text(behind);
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

    fn operand(&mut self, operand: &Operand) {
        match operand {
            Operand::Number(value) | Operand::Int(value) => self.parts.push(Part::Int(*value)),
            Operand::Double(value) => self.parts.push(Part::Double(*value)),
            Operand::Text(text) => self.text(text),
            Operand::Bool(value) => self.sql(if *value { "1" } else { "0" }),
        }
    }

    fn property(&mut self, name: &str, custom: bool, kind: Option<ValueKind>, condition: &Condition) {
        let custom = if custom { "TRUE" } else { "FALSE" };
        let not = if matches!(condition, Condition::Null | Condition::NullOf(_)) { "NOT " } else { "" };
        self.properties += 1;
        let fenced = self.properties > MAX_JOINS;
        if fenced {
            self.sql("(");
        }
        // SQLite asks an EXISTS of every node there is, and this of the index, once. Of two such lists it would try each
        // node of the one with each of the other.
        let listed = kind != Some(ValueKind::Struct) && has_index(condition) && (self.around > 0 || !self.driven);
        if listed {
            self.driven |= self.around == 0;
            self.sql("nodes.id IN (SELECT p.node_id FROM properties AS p WHERE ");
        } else {
            self.sql(&format!("{not}EXISTS (SELECT 1 FROM properties AS p WHERE p.node_id = nodes.id AND "));
        }
        self.sql(&format!("p.custom = {custom} AND p.name = "));
        self.text(name);
        match condition {
            Condition::Null => {}
            Condition::NullOf(kind) => self.sql(&format!(" AND p.kind = {}", kind.number())),
            condition => {
                self.sql(" AND (");
                match kind {
                    Some(ValueKind::Struct) => self.items(condition),
                    kind => self.row(kind, condition),
                }
                self.sql(")");
            }
        }
        self.sql(if fenced { ")) IS TRUE" } else { ")" });
    }

    /// A condition on the items of a list of texts.
    fn items(&mut self, condition: &Condition) {
        self.sql(&format!("p.kind = {} AND ", ValueKind::Struct.number()));
        match condition {
            Condition::Compare(Comparison::Equal, Operand::Text(item)) => self.has_item(item),
            Condition::Compare(Comparison::NotEqual, Operand::Text(item)) => {
                self.sql("NOT ");
                self.has_item(item);
            }
            Condition::In(items) => {
                self.sql("(FALSE");
                for item in items {
                    if let Operand::Text(item) = item {
                        self.sql(" OR ");
                        self.has_item(item);
                    }
                }
                self.sql(")");
            }
            // No dialect lets these through: a list has no order, and is no text.
            _ => self.sql("FALSE"),
        }
    }

    /// Whether a list, which is stored as compact JSON, has the item: a quote behind a bracket or a comma opens one.
    ///
    /// Or it closes one that ends with a comma; behind that quote there is a comma or the end, so that only the item `,`
    /// could be found where it is not.
    fn has_item(&mut self, item: &str) {
        let item = serde_json::Value::from(item).to_string();
        let item = item.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
        self.sql("(p.text_value LIKE ");
        self.text(&format!("[{item}%"));
        self.sql(" ESCAPE '\\' OR p.text_value LIKE ");
        self.text(&format!("%,{item}%"));
        self.sql(" ESCAPE '\\')");
    }

    /// A condition on a property row: on the column of its values, when the row is of their kind.
    fn row(&mut self, kind: Option<ValueKind>, condition: &Condition) {
        match condition {
            Condition::Null | Condition::NullOf(_) => {}
            Condition::Compare(comparison, operand) => {
                self.of_kind(operand, kind);
                match (comparison, indexed(operand)) {
                    (Comparison::Equal, Some(indexed)) => {
                        self.sql(&format!("{HAS_TEXT}{TEXT_KEY} = "));
                        self.text(&indexed);
                        // What is shorter than the index's entries is equal to one or not.
                        if indexed.chars().count() == KEY_CHARS {
                            self.sql(" AND ");
                            self.condition(column(operand), condition);
                        }
                    }
                    _ => self.condition(column(operand), condition),
                }
                self.as_double(operand, condition);
            }
            Condition::In(operands) => self.one_of(operands, kind),
            // A range may mix kinds, so each value brings its own.
            Condition::Between(low, high) => {
                self.sql("(");
                self.row(kind, &Condition::Compare(Comparison::GreaterOrEqual, low.clone()));
                self.sql(") AND (");
                self.row(kind, &Condition::Compare(Comparison::LessOrEqual, high.clone()));
                self.sql(")");
            }
            Condition::Like { pattern, ignore_case } => {
                self.of_kind(&Operand::Text(String::new()), kind);
                if let Some((first, behind)) = prefix_range(pattern).filter(|_| !ignore_case) {
                    self.sql(HAS_TEXT);
                    self.range(TEXT_KEY, &first, &behind);
                    self.sql(" AND ");
                }
                self.like("p.text_value", pattern, *ignore_case);
            }
        }
    }

    /// Whether a property row has one of the values: one list for each kind that they are of, as long ones would nest
    /// too deep for SQLite otherwise.
    fn one_of(&mut self, operands: &[Operand], declared: Option<ValueKind>) {
        let mut lists: Vec<(ValueKind, Vec<Operand>)> = Vec::new();
        let mut add = |kind, operand| match lists.iter_mut().find(|(of, _)| *of == kind) {
            Some((_, list)) => list.push(operand),
            None => lists.push((kind, vec![operand])),
        };
        for operand in operands {
            if let Operand::Number(value) = operand {
                add(ValueKind::Double, Operand::Double(as_double(*value)));
            }
            add(kind_of(operand, declared), operand.clone());
        }
        self.sql("FALSE");
        for (kind, list) in lists {
            self.sql(&format!(" OR p.kind = {} AND ", kind.number()));
            let prefixes: Vec<_> = list.iter().filter_map(indexed).map(Operand::Text).collect();
            if !prefixes.is_empty() {
                self.sql(HAS_TEXT);
                self.condition(TEXT_KEY, &Condition::In(prefixes));
                self.sql(" AND ");
            }
            self.condition(list.first().map_or("p.text_value", column), &Condition::In(list.clone()));
        }
    }

    fn of_kind(&mut self, operand: &Operand, declared: Option<ValueKind>) {
        self.sql(&format!("p.kind = {} AND ", kind_of(operand, declared).number()));
    }

    /// The other half of a condition on ints and doubles alike.
    fn as_double(&mut self, operand: &Operand, condition: &Condition) {
        if let (Operand::Number(value), Condition::Compare(comparison, _)) = (operand, condition) {
            self.sql(&format!(" OR p.kind = {} AND p.double_value {} ", ValueKind::Double.number(), sign(*comparison)));
            self.parts.push(Part::Double(as_double(*value)));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "the property is a double, so is what it is compared with")]
fn as_double(value: i64) -> f64 {
    value as f64
}

/// Whether the index on names and values knows which properties meet a condition, and they are not likely to be many.
fn has_index(condition: &Condition) -> bool {
    let narrow = |operand: &Operand| !matches!(operand, Operand::Bool(_));
    match condition {
        Condition::Compare(Comparison::NotEqual, _) => false,
        // Longer texts have the same entry, and are compared with more than that.
        Condition::Compare(Comparison::Equal, operand) => narrow(operand),
        Condition::Compare(_, operand) | Condition::Between(operand, _) => !matches!(operand, Operand::Text(_)),
        Condition::In(operands) => operands.iter().all(narrow),
        Condition::Like { pattern, ignore_case } => !ignore_case && prefix_range(pattern).is_some(),
        _ => false,
    }
}

/// How many characters of a text its index holds.
const KEY_CHARS: usize = 128;

/// SQLite has to be told that these are rows of the index.
const HAS_TEXT: &str = "p.text_value IS NOT NULL AND ";

/// What the index holds of a text.
const TEXT_KEY: &str = "substr(p.text_value, 1, 128)";

fn indexed(operand: &Operand) -> Option<String> {
    match operand {
        Operand::Text(text) => Some(text.chars().take(KEY_CHARS).collect()),
        _ => None,
    }
}

fn kind_of(operand: &Operand, declared: Option<ValueKind>) -> ValueKind {
    match operand {
        Operand::Number(_) | Operand::Int(_) => ValueKind::Int,
        Operand::Double(_) => ValueKind::Double,
        Operand::Text(_) => declared.unwrap_or(ValueKind::String),
        Operand::Bool(_) => ValueKind::Bool,
    }
}

fn column(operand: &Operand) -> &'static str {
    match operand {
        Operand::Number(_) | Operand::Int(_) | Operand::Bool(_) => "p.int_value",
        Operand::Double(_) => "p.double_value",
        Operand::Text(_) => "p.text_value",
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

/// The name as people see it. An index has the same expression.
const SEEN_NAME: &str = "(CASE WHEN nodes.kind = 1 AND (nodes.home_id IS NULL OR nodes.type_id = 15) \
     AND nodes.type_id BETWEEN 11 AND 22 AND substr(nodes.name, 37, 1) = ':' \
     THEN substr(nodes.name, 38) ELSE nodes.name END)";

/// What nodes are ordered by when they are ordered by name: text, empty where there is no name.
pub(super) fn name_key() -> SqlLiteral<Text> {
    sql(&format!("coalesce({SEEN_NAME}, '')"))
}

fn attribute_sql(attribute: Attribute) -> &'static str {
    match attribute {
        Attribute::Id => "nodes.id",
        // The UUID that keeps repeatable names apart is not what people see: see `Node::display_name`.
        Attribute::Name => SEEN_NAME,
        Attribute::ExternalId => "nodes.external_id",
        Attribute::Uri => "nodes.uri",
        Attribute::State => "nodes.state",
        Attribute::CreatedAt => "nodes.created_at",
        Attribute::UpdatedAt => "nodes.updated_at",
        Attribute::Home => "nodes.home_id",
        Attribute::MetricValue => "(SELECT metrics.value FROM metrics WHERE metrics.node_id = nodes.id)",
        Attribute::MetricStep => "(SELECT metrics.step FROM metrics WHERE metrics.node_id = nodes.id)",
        Attribute::MetricTime => "(SELECT metrics.at FROM metrics WHERE metrics.node_id = nodes.id)",
    }
}

fn point_sql(attribute: Attribute) -> &'static str {
    match attribute {
        Attribute::Id => "metric_points.id",
        Attribute::CreatedAt | Attribute::UpdatedAt | Attribute::MetricTime => "metric_points.at",
        Attribute::MetricValue => "metric_points.value",
        Attribute::MetricStep => "metric_points.step",
        Attribute::Name | Attribute::ExternalId | Attribute::Uri | Attribute::State | Attribute::Home => {
            attribute_sql(attribute)
        }
    }
}

/// A pattern whose last backslash escapes nothing is an error to PostgreSQL; it stands for itself.
fn well_formed(pattern: &str) -> String {
    let trailing = pattern.chars().rev().take_while(|each| *each == '\\').count();
    if trailing % 2 == 1 { format!("{pattern}\\") } else { pattern.to_owned() }
}

/// The texts that begin as the pattern does, as a half-open range of the index; `None` when it begins with a wildcard.
fn prefix_range(pattern: &str) -> Option<(String, String)> {
    let mut prefix = String::new();
    let mut chars = pattern.chars();
    while let Some(each) = chars.next() {
        match each {
            '%' | '_' => break,
            '\\' => prefix.extend(chars.next()),
            each => prefix.push(each),
        }
    }
    let prefix: String = prefix.chars().take(KEY_CHARS).collect();
    let mut behind = prefix.clone();
    // The next greater text of this length; the order of UTF-8 is that of its characters.
    loop {
        let last = behind.pop()?;
        let next = (u32::from(last) + 1..=u32::from(char::MAX)).find_map(char::from_u32);
        if let Some(next) = next {
            behind.push(next);
            return Some((prefix, behind));
        }
    }
}

/// The declared ids that the SQL above names.
const _: () = assert!(LogicalType::DataSet as i64 + 11 == 15);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_is_a_range_of_the_index() {
        let range = |pattern| prefix_range(pattern);
        assert_eq!(range("ab%"), Some(("ab".into(), "ac".into())));
        assert_eq!(range("a\\_b_"), Some(("a_b".into(), "a_c".into())));
        assert_eq!(range("a\u{10ffff}%"), Some(("a\u{10ffff}".into(), "b".into())));
        assert_eq!(range("\u{d7ff}%"), Some(("\u{d7ff}".into(), "\u{e000}".into())));
        assert_eq!(range("%a"), None);
        assert_eq!(range(""), None);
    }

    #[test]
    fn every_value_is_bound() {
        let text = "a'; DROP TABLE nodes --";
        let expr = Expr::Test(
            Field::Custom(text.to_owned()),
            Condition::Compare(Comparison::Equal, Operand::Text(text.to_owned())),
        );
        for part in Filter::from(&expr).parts {
            match part {
                Part::Sql(sql) => assert!(!sql.contains("DROP"), "{sql}"),
                Part::Text(bound) => assert_eq!(bound, text),
                Part::Int(_) | Part::Double(_) => panic!("no number was given"),
            }
        }
    }
}

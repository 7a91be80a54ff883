//! A condition on a property: one subquery for each, which an index on the name and the value answers.

use super::pattern::{KEY_CHARS, prefix_range};
use super::{Filter, MAX_JOINS, Part, sign};
use crate::domain::ValueKind;
use crate::domain::filter::{Comparison, Condition, Operand};

impl Filter {
    pub(super) fn property(&mut self, name: &str, custom: bool, kind: Option<ValueKind>, condition: &Condition) {
        let custom = if custom { "TRUE" } else { "FALSE" };
        let not = if matches!(condition, Condition::Null | Condition::NullOf(_)) { "NOT " } else { "" };
        self.joins += 1;
        let fenced = self.joins > MAX_JOINS;
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

//! A condition on a property: one EXISTS for each, which an index on the name and the value answers.

use super::pattern::prefix_range;
use super::{Filter, MAX_JOINS, Part, sign};
use crate::domain::ValueKind;
use crate::domain::filter::{Comparison, Condition, Operand};

impl Filter {
    pub(super) fn property(&mut self, name: &str, custom: bool, kind: Option<ValueKind>, condition: &Condition) {
        let custom = if custom { "TRUE" } else { "FALSE" };
        let not = if *condition == Condition::Null { "NOT " } else { "" };
        self.joins += 1;
        let fenced = self.joins > MAX_JOINS;
        if fenced {
            self.sql("(");
        }
        self.sql(&format!(
            "{not}EXISTS (SELECT 1 FROM properties AS p WHERE p.node_id = nodes.id AND p.custom = {custom} AND p.name = "
        ));
        self.text(name);
        if *condition != Condition::Null {
            self.sql(" AND (");
            self.row(kind, condition);
            self.sql(")");
        }
        self.sql(if fenced { ")) IS TRUE" } else { ")" });
    }

    /// A condition on a property row: on the column of its values, when the row is of their kind.
    fn row(&mut self, kind: Option<ValueKind>, condition: &Condition) {
        match condition {
            Condition::Null => {}
            Condition::Compare(comparison, operand) => {
                self.of_kind(operand, kind);
                if let (Comparison::Equal, Some(indexed)) = (comparison, indexed(operand)) {
                    self.sql("substr(p.text_value, 1, 128) = ");
                    self.text(&indexed);
                    self.sql(" AND ");
                }
                self.condition(column(operand), condition);
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
                    self.sql("substr(p.text_value, 1, 128) >= ");
                    self.text(&first);
                    self.sql(" AND substr(p.text_value, 1, 128) < ");
                    self.text(&behind);
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
                self.condition("substr(p.text_value, 1, 128)", &Condition::In(prefixes));
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

/// What the index holds of a text: its beginning.
fn indexed(operand: &Operand) -> Option<String> {
    match operand {
        Operand::Text(text) => Some(text.chars().take(128).collect()),
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

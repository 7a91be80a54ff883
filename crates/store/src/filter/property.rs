//! A condition on a property: one subquery for each, which an index on the name and the value answers.

use super::pattern::prefix_range;
use super::range::ranges;
use super::{Filter, MAX_JOINS};
use modelport_domain::ValueKind;
use modelport_domain::filter::{Comparison, Condition, Operand};

/// Which property a condition is on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Property<'a> {
    pub(super) name: &'a str,
    pub(super) custom: bool,
    /// The kind of its values, where its type declares it.
    pub(super) kind: Option<ValueKind>,
}

impl<'a> Property<'a> {
    pub(super) fn declared(name: &'a str, kind: ValueKind) -> Self {
        Self { name, custom: false, kind: Some(kind) }
    }

    pub(super) fn custom(name: &'a str) -> Self {
        Self { name, custom: true, kind: None }
    }
}

impl Filter {
    /// Conditions on one property: a single one, or bounds that all have to be kept.
    pub(super) fn property(&mut self, property: Property<'_>, conditions: &[&Condition]) {
        let is_absence = |condition: &&Condition| matches!(condition, Condition::Null | Condition::NullOf(_));
        let not = if conditions.iter().any(is_absence) { "NOT " } else { "" };
        self.joins += 1;
        let fenced = self.joins > MAX_JOINS && !self.probing;
        if fenced {
            self.sql("(");
        }
        // SQLite asks an EXISTS of every node there is, and this of the index, once. Of two such lists it would try each
        // node of the one with each of the other.
        let has_index = property.kind != Some(ValueKind::Struct) && conditions.iter().copied().all(has_index);
        let listed = has_index && (self.around > 0 || !self.driven);
        if listed && !self.probing {
            self.driven |= self.around == 0;
            self.sql("nodes.id IN (SELECT p.node_id FROM properties AS p WHERE ");
        } else {
            self.sql(&format!("{not}EXISTS (SELECT 1 FROM properties AS p WHERE p.node_id = nodes.id AND "));
        }
        self.property_row(property, conditions);
        self.sql(match (self.probing, fenced) {
            // PostgreSQL makes no join of what has an offset.
            (true, _) => " LIMIT 1 OFFSET 0)",
            (false, true) => ")) IS TRUE",
            (false, false) => ")",
        });
    }

    /// Conditions on a row of properties, `p`: whose it is by its name, and its value.
    pub(super) fn property_row(&mut self, property: Property<'_>, conditions: &[&Condition]) {
        self.property_named(property);
        if let Some(ranges) = ranges(conditions) {
            self.sql(" AND (");
            self.within(&ranges, property.kind);
            return self.sql(")");
        }
        for condition in conditions {
            match condition {
                Condition::Null => {}
                Condition::NullOf(kind) => self.sql(&format!(" AND p.kind = {}", kind.number())),
                condition => {
                    self.sql(" AND (");
                    match property.kind {
                        Some(ValueKind::Struct) => self.items(condition),
                        kind => self.row(kind, condition),
                    }
                    self.sql(")");
                }
            }
        }
    }

    pub(super) fn property_named(&mut self, property: Property<'_>) {
        let custom = if property.custom { "TRUE" } else { "FALSE" };
        self.sql(&format!("p.custom = {custom} AND p.name = "));
        self.text(property.name);
    }

    /// A condition on a property row: on the column of its values, when the row is of their kind.
    fn row(&mut self, kind: Option<ValueKind>, condition: &Condition) {
        match condition {
            Condition::Null | Condition::NullOf(_) => {}
            Condition::Compare(comparison, operand) => {
                for (at, (comparison, operand)) in operand.by_kind(*comparison).into_iter().enumerate() {
                    self.sql(if at > 0 { " OR " } else { "" });
                    self.of_kind(&operand, kind);
                    match (comparison, &operand) {
                        (Comparison::Equal, Operand::Text(text)) => self.text_is("p.text_value", &[text]),
                        _ => self.condition(column(&operand), &Condition::Compare(comparison, operand.clone())),
                    }
                }
            }
            Condition::In(operands) => self.one_of(operands, kind),
            // A range with a text in it, which may mix kinds, so each value brings its own.
            Condition::Between(low, high) => {
                self.sql("(");
                self.row(kind, &Condition::Compare(Comparison::GreaterOrEqual, low.clone()));
                self.sql(") AND (");
                self.row(kind, &Condition::Compare(Comparison::LessOrEqual, high.clone()));
                self.sql(")");
            }
            Condition::Like { pattern, ignore_case } => {
                self.of_kind(&Operand::Text(String::new()), kind);
                match prefix_range(pattern).filter(|_| !ignore_case) {
                    Some((first, end)) => self.text_begins("p.text_value", &first, &end),
                    None => self.is_indexed("p.text_value"),
                }
                self.sql(" AND ");
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
            for (_, operand) in operand.by_kind(Comparison::Equal) {
                add(kind_of(&operand, declared), operand);
            }
        }
        self.sql("FALSE");
        for (kind, list) in lists {
            self.sql(" OR ");
            self.is_of(kind);
            let texts: Vec<&str> = list.iter().filter_map(text_of).collect();
            match list.first() {
                Some(first) if texts.is_empty() => self.condition(column(first), &Condition::In(list.clone())),
                _ => self.text_is("p.text_value", &texts),
            }
        }
    }

    fn of_kind(&mut self, operand: &Operand, declared: Option<ValueKind>) {
        self.is_of(kind_of(operand, declared));
    }

    /// That a property is of a kind, and an AND. Of one node's properties, which its primary key finds, nothing else is to be
    /// looked for: with the kind as it is, PostgreSQL may go through all that have such a value, once for every node.
    pub(super) fn is_of(&mut self, kind: ValueKind) {
        self.sql(&format!("p.kind{} = {} AND ", if self.probing { " + 0" } else { "" }, kind.number()));
    }
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

fn text_of(operand: &Operand) -> Option<&str> {
    if let Operand::Text(text) = operand { Some(text) } else { None }
}

pub(super) fn kind_of(operand: &Operand, declared: Option<ValueKind>) -> ValueKind {
    match operand {
        Operand::Number(_) | Operand::Int(_) => ValueKind::Int,
        Operand::Double(_) | Operand::Decimal(_) => ValueKind::Double,
        Operand::Text(_) => declared.unwrap_or(ValueKind::String),
        Operand::Bool(_) => ValueKind::Bool,
    }
}

pub(super) fn column(operand: &Operand) -> &'static str {
    match operand {
        Operand::Number(_) | Operand::Int(_) | Operand::Bool(_) => "p.int_value",
        Operand::Double(_) | Operand::Decimal(_) => "p.double_value",
        Operand::Text(_) => "p.text_value",
    }
}

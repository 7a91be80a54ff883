//! The keys of an order: by each what has a value first, in one direction or the other, then NaN, then what has none.

use super::ValueRow;
use super::frame::Frame;
use super::source::{PROPERTY_TEXT, tag_name};
use crate::filter::Filter;
use modelport_domain::filter::{Comparison, Condition, Operand};
use modelport_domain::search::{Facet, KeyValue, NumberFacet, OrderKey, Search, Searched, TextFacet};
use modelport_domain::value::check_text;
use modelport_domain::{Error, Result, ValueKind};

/// How many characters of a text without a limit count for an order: the end of a page has them.
pub(super) const MAX_CHARS: u32 = 500;

/// The parameter that errors of a page's beginning name.
const PAGE_TOKEN: &str = "page_token";

/// The classes: what has a value, NaN, what has none.
const VALUE: i64 = 0;
const NAN: i64 = 1;
const MISSING: i64 = 2;

/// All keys of an order, the last of which is unique.
pub(super) struct Keys {
    pub(super) all: Vec<Key>,
    /// The tables where the values are, each after a LEFT JOIN.
    pub(super) joins: Filter,
}

/// One key.
pub(super) struct Key {
    value: String,
    /// The expression of its class, where it may have no value.
    class: Option<String>,
    kind: ValueKind,
    descending: bool,
}

impl Keys {
    /// The keys of a search: those that it gives, and those that make its order complete.
    pub(super) fn of(frame: &Frame, search: &Search) -> Result<Self> {
        let mut keys = Self { all: Vec::new(), joins: Filter::default() };
        for order in &search.order {
            keys.add(frame, order)?;
        }
        for order in last_keys(frame.of, search.order.is_empty()) {
            if search.order.iter().all(|before| before.facet != order.facet) {
                keys.add(frame, &order)?;
            }
        }
        // All others have ids of their own, which are unique.
        if matches!(frame.of, Searched::Experiments | Searched::Models | Searched::Versions) {
            let descending = frame.of == Searched::Experiments;
            keys.all.push(Key { value: "nodes.id".to_owned(), class: None, kind: ValueKind::Int, descending });
        }
        Ok(keys)
    }

    /// The keys of runs that are in no order but their own.
    pub(super) fn by_start(frame: &Frame) -> Result<Self> {
        let mut keys = Self { all: Vec::new(), joins: Filter::default() };
        for order in last_keys(frame.of, true) {
            keys.add(frame, &order)?;
        }
        Ok(keys)
    }

    /// The same after one value, which is there.
    pub(super) fn by_value(frame: &Frame, value: &str, (kind, descending): (ValueKind, bool)) -> Result<Self> {
        let mut keys = Self::by_start(frame)?;
        keys.all.insert(0, Key { value: value.to_owned(), class: None, kind, descending });
        Ok(keys)
    }

    fn add(&mut self, frame: &Frame, order: &OrderKey) -> Result<()> {
        let unknown = || frame.unknown(&order.facet);
        let table = format!("k{}", self.all.len());
        let text = |value: String| (value, ValueKind::String);
        let cut = |value: &str| text(format!("substr({value}, 1, {MAX_CHARS})"));
        let (value, kind) = match &order.facet {
            Facet::Number(number) => (frame.number(*number).ok_or_else(unknown)?, ValueKind::Int),
            Facet::Text(facet) => match (frame.column(*facet), frame.declared(*facet)) {
                (Some(column), _) if *facet == TextFacet::ArtifactUri => cut(&column),
                (Some(column), _) => text(column),
                (None, Some(property)) => {
                    self.joins.sql(&format!(
                        " LEFT JOIN properties AS {table} ON {table}.node_id = nodes.id AND {table}.custom = FALSE \
                         AND {table}.name = '{property}' AND {table}.text_value <> ''"
                    ));
                    cut(&format!("{table}.text_value"))
                }
                (None, None) if frame.of == Searched::LoggedModels && *facet == TextFacet::Run => {
                    let run = format!(" LEFT JOIN runs AS {table} ON {table}.node_id = logged_models.source_run_id");
                    self.joins.sql(&run);
                    frame.add_seen(&mut self.joins, &format!("{table}.node_id"));
                    text(format!("{table}.run_id"))
                }
                (None, None) => return Err(unknown()),
            },
            Facet::Metric { name, dataset } => {
                match frame.of {
                    Searched::Runs => {
                        let metrics = " LEFT JOIN metrics AS {} ON {}.home_id = nodes.id AND {}.name = ";
                        self.join(metrics, &table, name);
                    }
                    Searched::LoggedModels => self.join_measured(frame, &table, name, dataset.as_ref()),
                    _ => return Err(unknown()),
                }
                (format!("{table}.value"), ValueKind::Double)
            }
            Facet::Param(name) => {
                let parameters = match frame.of {
                    Searched::Runs => " LEFT JOIN parameters AS {} ON {}.home_id = nodes.id AND {}.name = ",
                    Searched::LoggedModels => {
                        " LEFT JOIN logged_model_params AS {} ON {}.node_id = nodes.id AND {}.name = "
                    }
                    _ => return Err(unknown()),
                };
                self.join(parameters, &table, name);
                cut(&format!("{table}.value"))
            }
            Facet::Tag { name, .. } | Facet::Metadata(name) if frame.of == Searched::Traces => {
                let kind = if matches!(order.facet, Facet::Metadata(_)) { "metadata" } else { "tag" };
                let labels = format!(
                    " LEFT JOIN trace_labels AS {{}} ON {{}}.trace_id = traces.trace_id AND {{}}.kind = '{kind}' AND {{}}.name = "
                );
                self.join(&labels, &table, name);
                cut(&format!("{table}.value"))
            }
            Facet::Tag { name, fallback } => {
                self.joins.sql(&format!(
                    " LEFT JOIN properties AS {table} ON {table}.node_id = nodes.id AND {table}.custom = TRUE \
                     AND {table}.name = "
                ));
                tag_name(&mut self.joins, name, fallback.as_deref());
                cut(&PROPERTY_TEXT.replace("p.", &format!("{table}.")))
            }
            Facet::Dataset(_)
            | Facet::Metadata(_)
            | Facet::Span(_)
            | Facet::SpanAttribute(_)
            | Facet::Prompt
            | Facet::Assessment(..) => return Err(unknown()),
        };
        let class = match kind {
            ValueKind::Double => Some(format!(
                "(CASE WHEN {table}.value IS NOT NULL THEN {VALUE} WHEN {table}.is_nan = TRUE THEN {NAN} \
                 ELSE {MISSING} END)"
            )),
            _ if is_always_there(frame.of, &order.facet) => None,
            _ => Some(format!("(CASE WHEN {value} IS NULL THEN {MISSING} ELSE {VALUE} END)")),
        };
        self.all.push(Key { value, class, kind, descending: order.descending });
        Ok(())
    }

    /// Joins the table that is called `{}` in the text, by the name at its end.
    fn join(&mut self, text: &str, table: &str, name: &str) {
        self.joins.sql(&text.replace("{}", table));
        self.joins.text(name);
    }

    /// Joins what was measured last of each logged model.
    fn join_measured(&mut self, frame: &Frame, table: &str, name: &str, dataset: Option<&(String, Option<String>)>) {
        self.joins.sql(
            " LEFT JOIN (SELECT m.node_id, m.value, m.is_nan, row_number() OVER (PARTITION BY m.node_id \
             ORDER BY m.at DESC, m.step DESC, m.run_id, m.dataset_name, m.dataset_digest) AS place \
             FROM logged_models JOIN logged_model_metrics AS m ON m.node_id = logged_models.node_id WHERE ",
        );
        self.joins.append(&frame.of_experiments);
        self.joins.sql(" AND m.name = ");
        self.joins.text(name);
        frame.add_seen(&mut self.joins, "m.run_id");
        if let Some((name, digest)) = dataset {
            self.joins.sql(" AND m.dataset_name = ");
            self.joins.text(name);
            if let Some(digest) = digest {
                self.joins.sql(" AND m.dataset_digest = ");
                self.joins.text(digest);
            }
        }
        self.joins.sql(&format!(") AS {table} ON {table}.node_id = nodes.id AND {table}.place = 1"));
    }

    /// Adds the order.
    pub(super) fn add_order(&self, statement: &mut Filter) {
        for (at, key) in self.all.iter().enumerate() {
            statement.sql(if at > 0 { ", " } else { " ORDER BY " });
            if let Some(class) = &key.class {
                statement.sql(&format!("{class}, "));
            }
            statement.sql(&format!("{} {}", key.value, if key.descending { "DESC" } else { "ASC" }));
        }
    }

    /// Errors: InvalidArgument on `page_token` when these are no values of these keys.
    pub(super) fn check(&self, after: &[KeyValue]) -> Result<()> {
        if after.len() == self.all.len() && self.all.iter().zip(after).all(|(key, value)| key.may_have(value)) {
            return Ok(());
        }
        Err(Error::invalid(PAGE_TOKEN, "the page token is none of this search"))
    }

    /// Adds the condition that an item comes after what has these values. Because the directions differ, and with the
    /// classes, it is written out key by key.
    ///
    /// Errors: as those of [`Keys::check`].
    pub(super) fn add_after(&self, statement: &mut Filter, after: &[KeyValue]) -> Result<()> {
        self.check(after)?;
        let keys = || self.all.iter().zip(after);
        statement.sql("(");
        // What an index of the first key can begin with.
        if let Some((key, value)) = keys().next().filter(|(key, _)| key.class.is_none()) {
            let from = if key.descending { Comparison::LessOrEqual } else { Comparison::GreaterOrEqual };
            key.compares(statement, from, value);
            statement.sql(" AND ");
        }
        statement.sql("(");
        for (at, (key, value)) in keys().enumerate() {
            statement.sql(if at > 0 { " OR (" } else { "(" });
            for (before, same) in keys().take(at) {
                before.is_same(statement, same);
                statement.sql(" AND ");
            }
            key.is_after(statement, value);
            statement.sql(")");
        }
        statement.sql("))");
        Ok(())
    }
}

impl Key {
    /// The class and the value, by its kind, for a row.
    pub(super) fn columns(&self) -> String {
        let class = self.class.as_deref().unwrap_or("0");
        let of = |kind: ValueKind, sql: &str| {
            let value = if kind == self.kind { self.value.as_str() } else { "NULL" };
            format!("CAST({value} AS {sql})")
        };
        format!(
            "CAST({class} AS BIGINT), {}, {}, {}",
            of(ValueKind::Int, "BIGINT"),
            of(ValueKind::Double, "DOUBLE PRECISION"),
            of(ValueKind::String, "TEXT")
        )
    }

    /// The value of such a row.
    pub(super) fn value(&self, (_, class, int, double, text): ValueRow) -> KeyValue {
        let value = int.map(KeyValue::Int).or(double.map(KeyValue::Double)).or(text.map(KeyValue::Text));
        match value {
            Some(value) => value,
            None if class == NAN => KeyValue::Nan,
            None => KeyValue::Missing,
        }
    }

    fn may_have(&self, value: &KeyValue) -> bool {
        match value {
            KeyValue::Int(_) => self.kind == ValueKind::Int,
            KeyValue::Double(double) => self.kind == ValueKind::Double && !double.is_nan(),
            KeyValue::Text(text) => self.kind == ValueKind::String && check_text(PAGE_TOKEN, text).is_ok(),
            KeyValue::Nan => self.kind == ValueKind::Double,
            KeyValue::Missing => self.class.is_some(),
        }
    }

    fn compares(&self, statement: &mut Filter, comparison: Comparison, value: &KeyValue) {
        let operand = match value {
            KeyValue::Int(int) => Operand::Int(*int),
            KeyValue::Double(double) => Operand::Double(*double),
            KeyValue::Text(text) => Operand::Text(text.clone()),
            KeyValue::Nan | KeyValue::Missing => return statement.sql("FALSE"),
        };
        statement.condition(&self.value, &Condition::Compare(comparison, operand));
    }

    fn is_same(&self, statement: &mut Filter, value: &KeyValue) {
        match (value, &self.class) {
            (KeyValue::Nan, Some(class)) => statement.sql(&format!("{class} = {NAN}")),
            (KeyValue::Missing, Some(class)) => statement.sql(&format!("{class} = {MISSING}")),
            _ => self.compares(statement, Comparison::Equal, value),
        }
    }

    fn is_after(&self, statement: &mut Filter, value: &KeyValue) {
        let beyond = if self.descending { Comparison::Less } else { Comparison::Greater };
        match (value, &self.class) {
            (KeyValue::Nan, Some(class)) => statement.sql(&format!("{class} > {NAN}")),
            (KeyValue::Missing, _) => statement.sql("FALSE"),
            (value, Some(class)) => {
                statement.sql(&format!("({class} > {VALUE} OR "));
                self.compares(statement, beyond, value);
                statement.sql(")");
            }
            (value, None) => self.compares(statement, beyond, value),
        }
    }
}

/// What comes after the keys that were asked for.
pub(super) fn last_keys(of: Searched, is_default: bool) -> Vec<OrderKey> {
    let by = |facet, descending| OrderKey { facet, descending };
    let (text, number) = (Facet::Text, Facet::Number);
    match of {
        Searched::Experiments => vec![by(number(NumberFacet::CreatedAt), true)],
        Searched::Runs => vec![by(number(NumberFacet::StartTime), true), by(text(TextFacet::Id), false)],
        Searched::Models => vec![by(text(TextFacet::Name), false)],
        Searched::Versions => {
            let newest = is_default.then(|| by(number(NumberFacet::UpdatedAt), true));
            let named = [by(text(TextFacet::Name), false), by(number(NumberFacet::Version), true)];
            newest.into_iter().chain(named).collect()
        }
        // Traces of two experiments may have the same id.
        Searched::Traces => vec![
            by(number(NumberFacet::StartTime), true),
            by(text(TextFacet::Id), false),
            by(number(NumberFacet::ExperimentId), false),
        ],
        Searched::EvalDatasets | Searched::LoggedModels => {
            vec![by(number(NumberFacet::CreatedAt), true), by(text(TextFacet::Id), false)]
        }
    }
}

/// Whether everything that is searched has it.
fn is_always_there(of: Searched, facet: &Facet) -> bool {
    match facet {
        Facet::Number(number) => !matches!(number, NumberFacet::EndTime | NumberFacet::Duration),
        Facet::Text(TextFacet::Name) => !matches!(of, Searched::LoggedModels | Searched::Traces),
        Facet::Text(text) => matches!(text, TextFacet::Id | TextFacet::Status | TextFacet::ArtifactUri),
        _ => false,
    }
}

//! Runs in the order of one metric or parameter, read from the index of its values: those that have one, then those whose metric is
//! NaN, then those that have none. Each part is read only where those before it leave room on the page, and none is sorted as a whole.
//! The newest runs are of one part, from the index of when they started. What a page ends with comes along.
//!
//! The pages are those that [`super::page_in_any_order`] makes, where PostgreSQL would look up the value of every run first.

use diesel::RunQueryDsl;

use super::frame::{Frame, among};
use super::keys::{Keys, MAX_CHARS, last_keys};
use super::{Found, Ordered, clauses};
use crate::Tx;
use crate::filter::{Filter, query_error};
use modelport_domain::filter::{Comparison, Condition, Operand};
use modelport_domain::search::{Facet, KeyValue, Search, Searched};
use modelport_domain::{NodeId, PageSize, Result, ValueKind};

/// The most experiments whose metrics PostgreSQL merges: it plans a scan for each. Of parameters, whose values are not in the index as a
/// whole, it would rather sort all.
const MAX_EXPERIMENTS: usize = 32;

/// How many characters of a parameter's value the index has.
const INDEXED_CHARS: u32 = 128;

/// What runs are ordered by.
pub(super) struct Order<'a> {
    /// The metric or the parameter; none where the newest are first.
    name: Option<&'a str>,
    kind: ValueKind,
    descending: bool,
    /// Each once.
    experiments: Vec<NodeId>,
}

/// The parts of the order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd)]
enum Part {
    Values,
    Nan,
    Missing,
}

/// The id of a run, its value as a number or as a text, and what it is ordered by after that.
type Row = (i64, Option<f64>, Option<String>, i64, String);

impl<'a> Order<'a> {
    /// The order of a search, if it is one that an index has.
    pub(super) fn of(tx: &Tx<'_>, search: &'a Search) -> Option<Self> {
        if search.of != Searched::Runs {
            return None;
        }
        let newest = last_keys(search.of, false);
        let mut experiments = search.experiments.clone();
        experiments.sort_unstable();
        experiments.dedup();
        if newest.starts_with(&search.order) {
            return Some(Self { name: None, kind: ValueKind::Int, descending: true, experiments });
        }
        let (first, rest) = search.order.split_first()?;
        let (name, kind) = match &first.facet {
            Facet::Metric { name, .. } => (name, ValueKind::Double),
            Facet::Param(name) => (name, ValueKind::String),
            _ => return None,
        };
        // SQLite merges no scans.
        let is_merged = super::is_postgres(tx) && kind == ValueKind::Double;
        let most = if is_merged { MAX_EXPERIMENTS } else { 1 };
        let is_read = (1..=most).contains(&experiments.len()) && newest.starts_with(rest);
        is_read.then_some(Self { name: Some(name), kind, descending: first.descending, experiments })
    }

    /// The page that begins after `after`.
    ///
    /// Errors: as those of [`super::page`].
    pub(super) fn page(
        &self,
        tx: &mut Tx<'_>,
        search: &Search,
        after: Option<&[KeyValue]>,
        size: PageSize,
    ) -> Result<Found> {
        if self.experiments.is_empty() {
            return Ok(Found { ids: Vec::new(), end: None });
        }
        let frame = Frame::of(tx, search);
        if let Some(after) = after {
            Keys::of(&frame, search)?.check(after)?;
        }
        let first = match after.and_then(<[KeyValue]>::first) {
            _ if self.name.is_none() => Part::Missing,
            None | Some(KeyValue::Int(_) | KeyValue::Double(_) | KeyValue::Text(_)) => Part::Values,
            Some(KeyValue::Nan) => Part::Nan,
            Some(KeyValue::Missing) => Part::Missing,
        };
        if frame.is_postgres && self.name.is_some() && self.experiments.len() > 1 {
            // What is merged looks expensive as a whole, and compiling it would take longer than the page.
            diesel::sql_query("SET LOCAL jit = off").execute(tx.conn).map_err(query_error)?;
        }
        let limit = size.get() as usize;
        let mut found: Vec<(NodeId, Vec<KeyValue>)> = Vec::new();
        for part in [Part::Values, Part::Nan, Part::Missing] {
            let is_known_empty = part == Part::Nan && self.kind != ValueKind::Double;
            if part < first || is_known_empty || found.len() > limit {
                continue;
            }
            let statement = self.statement(&frame, search, part, after.filter(|_| part == first), limit + 1)?;
            tx.check_deadline()?;
            let rows: Vec<Row> = Ordered(statement.prepared_if_repeated(tx)).load(tx.conn).map_err(query_error)?;
            found.extend(rows.into_iter().map(|row| self.item(part, row)));
        }
        let is_more = found.len() > limit;
        found.truncate(limit);
        let end = found.last().filter(|_| is_more).map(|(_, keys)| keys.clone());
        Ok(Found { ids: found.into_iter().map(|(id, _)| id).collect(), end })
    }

    fn statement(
        &self,
        frame: &Frame,
        search: &Search,
        part: Part,
        after: Option<&[KeyValue]>,
        limit: usize,
    ) -> Result<Filter> {
        let mut statement = Filter::default();
        match (part, frame.is_postgres) {
            (Part::Missing, _) => {
                self.add_selected(&mut statement, "nodes", "runs", None);
                statement.append(&frame.from);
                statement.sql(" WHERE ");
                match self.name {
                    Some(name) => self.add_absent(&mut statement, name),
                    None => statement.sql("TRUE"),
                }
                self.add_conditions(&mut statement, frame, search, (part, ""), after)?;
            }
            (_, true) => {
                self.add_selected(&mut statement, "r", "r", (part == Part::Values).then_some("k.value"));
                self.add_merged(&mut statement, part, after);
                // By itself for each value, as many of them as the page needs: PostgreSQL makes no other join of it.
                statement.sql(" CROSS JOIN LATERAL (SELECT nodes.id, runs.start_at, runs.run_id FROM ");
                statement.append(&frame.from);
                statement.sql(" WHERE runs.node_id = k.home_id");
                self.add_conditions(&mut statement, frame, search, (part, "k.value"), after)?;
                statement.sql(" OFFSET 0) AS r");
            }
            (_, false) => {
                let value = self.value("k.value");
                let shown = (part == Part::Values).then_some(value.as_str());
                self.add_selected(&mut statement, "nodes", "runs", shown);
                let (table, index) = self.table();
                statement.sql(&format!("{table} AS k INDEXED BY {index} CROSS JOIN "));
                statement.append(&frame.from);
                statement.sql(" WHERE runs.node_id = k.home_id AND ");
                self.add_scanned(&mut statement, "k.", part, &self.experiments);
                self.add_beginning(&mut statement, "k.value", part, after);
                self.add_conditions(&mut statement, frame, search, (part, &value), after)?;
            }
        }
        statement.sql(" ORDER BY ");
        if part == Part::Values {
            let direction = self.direction();
            match (self.kind, frame.is_postgres) {
                (ValueKind::Double, _) => statement.sql(&format!("2 {direction}, ")),
                // First by what the index has: only what is equal by that has to be sorted.
                (_, true) => statement.sql(&format!("k.beginning {direction}, 3 {direction}, ")),
                (_, false) => statement.sql(&format!("{} {direction}, 3 {direction}, ", self.indexed("k.value"))),
            }
        }
        let run = if part != Part::Missing && frame.is_postgres { "r" } else { "runs" };
        // A number of ours: what PostgreSQL thinks of a statement that stays prepared depends on it.
        statement.sql(&format!("{run}.start_at DESC, {run}.run_id ASC LIMIT {limit}"));
        Ok(statement)
    }

    fn table(&self) -> (&'static str, &'static str) {
        if self.kind == ValueKind::Double { ("metrics", "metrics_root") } else { ("parameters", "parameters_root") }
    }

    fn direction(&self) -> &'static str {
        if self.descending { "DESC" } else { "ASC" }
    }

    /// What counts of a value for the order.
    fn value(&self, column: &str) -> String {
        self.cut(column, MAX_CHARS)
    }

    /// What the index has of it.
    fn indexed(&self, column: &str) -> String {
        self.cut(column, INDEXED_CHARS)
    }

    fn cut(&self, column: &str, chars: u32) -> String {
        match self.kind {
            ValueKind::Double => column.to_owned(),
            _ => format!("substr({column}, 1, {chars})"),
        }
    }

    /// Adds the columns of a row, of these tables; NULL in the place of a value that there is not.
    fn add_selected(&self, statement: &mut Filter, node: &str, run: &str, value: Option<&str>) {
        let (number, text) = if self.kind == ValueKind::Double { (value, None) } else { (None, value) };
        let number = number.unwrap_or("CAST(NULL AS DOUBLE PRECISION)");
        let text = text.unwrap_or("CAST(NULL AS TEXT)");
        statement.sql(&format!("SELECT {node}.id, {number}, {text}, {run}.start_at, {run}.run_id FROM "));
    }

    /// Adds the rows of all experiments in the order of their values, each experiment's from the index.
    fn add_merged(&self, statement: &mut Filter, part: Part, after: Option<&[KeyValue]>) {
        let (table, _) = self.table();
        let (value, indexed) = (self.value("value"), self.indexed("value"));
        for (at, experiment) in self.experiments.iter().enumerate() {
            let before = if at > 0 { " UNION ALL " } else { "(" };
            statement
                .sql(&format!("{before}(SELECT home_id, {value} AS value, {indexed} AS beginning FROM {table} WHERE "));
            self.add_scanned(statement, "", part, std::slice::from_ref(experiment));
            self.add_beginning(statement, "value", part, after);
            // Only what is in order can be merged; PostgreSQL finds the order of a single scan by itself.
            let is_merged = part == Part::Values && self.experiments.len() > 1;
            statement.sql(&if is_merged {
                format!(" ORDER BY {indexed} {})", self.direction())
            } else {
                ")".to_owned()
            });
        }
        statement.sql(") AS k");
    }

    /// Adds which rows of the index are read.
    fn add_scanned(&self, statement: &mut Filter, table: &str, part: Part, experiments: &[NodeId]) {
        among(statement, &format!("{table}root_id"), experiments);
        statement.sql(&format!(" AND {table}name = "));
        statement.text(self.name.unwrap_or_default());
        match (part, self.kind) {
            (Part::Values, ValueKind::Double) => statement.sql(&format!(" AND {table}value IS NOT NULL")),
            (Part::Nan, _) => statement.sql(&format!(" AND {table}value IS NULL AND {table}is_nan = TRUE")),
            _ => {}
        }
    }

    /// Adds that a value is not before the one at which the page begins: where the scan of the index begins.
    fn add_beginning(&self, statement: &mut Filter, column: &str, part: Part, after: Option<&[KeyValue]>) {
        let Some(first) = after.and_then(<[KeyValue]>::first).filter(|_| part == Part::Values) else {
            return;
        };
        let operand = match first {
            KeyValue::Double(double) => Operand::Double(*double),
            KeyValue::Text(text) => Operand::Text(text.chars().take(INDEXED_CHARS as usize).collect()),
            KeyValue::Int(_) | KeyValue::Nan | KeyValue::Missing => return,
        };
        let comparison = if self.descending { Comparison::LessOrEqual } else { Comparison::GreaterOrEqual };
        statement.sql(" AND ");
        statement.condition(&self.indexed(column), &Condition::Compare(comparison, operand));
    }

    /// Adds that a run has neither a value nor NaN.
    fn add_absent(&self, statement: &mut Filter, name: &str) {
        let (table, _) = self.table();
        statement.sql(&format!("NOT EXISTS (SELECT 1 FROM {table} AS k WHERE k.home_id = runs.node_id AND k.name = "));
        statement.text(name);
        let is_there =
            if self.kind == ValueKind::Double { " AND (k.value IS NOT NULL OR k.is_nan = TRUE))" } else { ")" };
        statement.sql(is_there);
    }

    /// Adds what else must hold of a run: that it counts, the clauses, and that it comes after `after`. The expression is that of its
    /// value.
    fn add_conditions(
        &self,
        statement: &mut Filter,
        frame: &Frame,
        search: &Search,
        (part, value): (Part, &str),
        after: Option<&[KeyValue]>,
    ) -> Result<()> {
        statement.sql(" AND ");
        statement.append(&frame.condition);
        clauses::add(statement, frame, search)?;
        let Some(after) = after else { return Ok(()) };
        let after =
            if part != Part::Values && self.name.is_some() { after.get(1..).unwrap_or_default() } else { after };
        statement.sql(" AND ");
        match part {
            Part::Values => Keys::by_value(frame, value, (self.kind, self.descending))?.add_after(statement, after),
            Part::Nan | Part::Missing => Keys::by_start(frame)?.add_after(statement, after),
        }
    }

    /// A run, and what it has for each key of the order.
    fn item(&self, part: Part, (id, number, text, start, run): Row) -> (NodeId, Vec<KeyValue>) {
        let none = if part == Part::Nan { KeyValue::Nan } else { KeyValue::Missing };
        let value = number.map(KeyValue::Double).or(text.map(KeyValue::Text)).unwrap_or(none);
        let keys = self.name.map(|_| value).into_iter().chain([KeyValue::Int(start), KeyValue::Text(run)]);
        (NodeId(id), keys.collect())
    }
}

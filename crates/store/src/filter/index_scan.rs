//! Index scans: the ids of the nodes that a filter may be true of, read in order from the indexes on property values.
//!
//! Neither database plans a page of a filter well by itself. PostgreSQL estimates badly how many properties have one name and
//! one value, and reads and sorts all matches where the first hundred would do; SQLite evaluates conditions in the order written.

use std::ops::ControlFlow::{self, Break, Continue};

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::BigInt;
use diesel::{QueryResult, RunQueryDsl};

use super::indexed::{IndexRange, ranges_of, ranges_within};
use super::property::Property;
use super::range::{Term, terms};
use super::{Filter, Part};
use crate::Tx;
use crate::connection::AnyConnection;
use crate::error::DatabaseResult as _;
use modelport_domain::ValueKind;
use modelport_domain::filter::{Attribute, Comparison, Condition, Expr, Field};
use modelport_domain::{Error, Result};

/// The most index ranges that one scan reads.
const MAX_RANGES: usize = 16;

/// A scan of one or more index ranges, for a condition that every match of the filter meets. A node that it returns need not
/// meet the rest of the filter.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct IndexScan {
    ranges: Vec<IndexRange>,
}

/// Where a scan continues.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    /// The last id that was returned.
    pub(crate) after: Option<i64>,
    /// Whether ids fall.
    pub(crate) descending: bool,
}

impl IndexScan {
    /// All index scans that a filter allows, and whether together they are equivalent to the filter. None where the filter has a
    /// condition, such as one on the name, whose own index is more selective than any property's.
    pub(crate) fn all_of(expr: &Expr) -> (Vec<Self>, bool) {
        let mut scans = Vec::new();
        match collect_scans(expr, &mut scans) {
            Continue(complete) => (scans, complete),
            Break(()) => (Vec::new(), false),
        }
    }

    /// Whether the first ids are found without reading the others.
    pub(crate) fn is_ordered(&self) -> bool {
        self.ranges.iter().all(|range| range.ordered)
    }

    /// Drives a page: the next ids of this scan that the other scans contain too, up to `limit`.
    pub(crate) fn next(
        &self,
        tx: &mut Tx<'_>,
        others: &[&Self],
        position: Position,
        mode: ScanMode,
        limit: i64,
    ) -> Result<ScannedIds> {
        let direction = if position.descending { "DESC" } else { "ASC" };
        let mut statement = Filter::default();
        statement.sql("WITH l AS (");
        self.read(&mut statement, position, mode, direction);
        statement.sql(&format!(
            ") SELECT f.list, f.id FROM (SELECT CAST({FOUND} AS BIGINT) AS list, o.id FROM (SELECT l.id FROM l"
        ));
        // In order first, so that no more are looked up than the page needs; where there is nothing to look up, the page is all
        // that has to be sorted. An offset keeps PostgreSQL from another plan.
        let all = mode.bound().saturating_mul(i64::try_from(self.ranges.len()).unwrap_or(i64::MAX));
        let all = if others.is_empty() { all.min(limit) } else { all };
        statement.sql(&format!(" ORDER BY l.id {direction} LIMIT {all} OFFSET 0) AS o WHERE TRUE"));
        for other in others {
            statement.sql(" AND ");
            other.probe(&mut statement, "o.id", matches!(tx.conn, AnyConnection::Sqlite(_)));
        }
        statement.sql(" LIMIT ");
        statement.parts.push(Part::Int(limit));
        statement.sql(") AS f");
        if let ScanMode::First(bound) = mode {
            let last = if position.descending { "min" } else { "max" };
            statement.sql(&format!(
                " UNION ALL SELECT l.list, {last}(l.id) FROM l GROUP BY l.list HAVING count(*) >= {bound}"
            ));
        }
        let (found, ends): (Vec<_>, Vec<_>) = Numbers(statement.prepared_if_repeated(tx))
            .load::<(i64, i64)>(tx.conn)
            .db()?
            .into_iter()
            .partition(|(range, _)| *range == FOUND);
        let [found, ends] = [found, ends].map(|rows| rows.into_iter().map(|(_, id)| id).collect());
        Ok(ScannedIds::new(found, ends, limit, position.descending))
    }

    /// Writes the query for the ids in each index range, with the range's number.
    fn read(&self, statement: &mut Filter, position: Position, mode: ScanMode, direction: &str) {
        for (number, range) in self.ranges.iter().enumerate() {
            statement.sql(if number > 0 { " UNION ALL " } else { "" });
            statement.sql(&format!("SELECT CAST({number} AS BIGINT) AS list, r.node_id AS id FROM (SELECT p.node_id FROM properties AS p WHERE "));
            statement.append(&range.rows);
            if let Some(after) = position.after {
                statement.sql(if position.descending { " AND p.node_id < " } else { " AND p.node_id > " });
                statement.parts.push(Part::Int(after));
            }
            if matches!(mode, ScanMode::First(_)) {
                // Zero keeps PostgreSQL from going through all properties in the order of their nodes.
                let key = if range.ordered { "p.node_id" } else { "p.node_id + 0" };
                statement.sql(&format!(" ORDER BY {key} {direction}"));
            }
            // Said in the text: a plan that is kept has to be good for a few rows of many.
            statement.sql(&format!(" LIMIT {}) AS r", mode.bound()));
        }
    }

    /// Writes the condition that the scan contains a node. With `by_index` the index is named, because SQLite would otherwise use
    /// the primary key and look up each row.
    fn probe(&self, statement: &mut Filter, node: &str, by_index: bool) {
        for (number, range) in self.ranges.iter().enumerate() {
            statement.sql(if number > 0 { " OR " } else { "(" });
            let index =
                range.index.filter(|_| by_index).map(|index| format!(" INDEXED BY {index}")).unwrap_or_default();
            statement.sql(&format!("EXISTS (SELECT 1 FROM properties AS p{index} WHERE p.node_id = {node} AND "));
            statement.append(&range.probe);
            // PostgreSQL makes no join of what has an offset.
            statement.sql(" LIMIT 1 OFFSET 0)");
        }
        statement.sql(")");
    }
}

/// Marks rows that hold an id; other rows say where an index range was cut off.
const FOUND: i64 = -1;

/// How much of a scan is read.
#[derive(Debug, Clone, Copy)]
pub(crate) enum ScanMode {
    /// The first ids of each index range, in order, up to this number.
    First(i64),
    /// All ids, known to be no more than this number.
    All(i64),
}

impl ScanMode {
    fn bound(self) -> i64 {
        match self {
            Self::First(bound) | Self::All(bound) => bound,
        }
    }
}

/// Ids that a scan returned, in order.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ScannedIds {
    pub(crate) ids: Vec<i64>,
    /// The id after which there may be more.
    pub(crate) after: Option<i64>,
}

impl ScannedIds {
    /// `ends` are the last ids read from ranges that were cut off. Only up to the first of them is the result complete.
    fn new(mut ids: Vec<i64>, ends: Vec<i64>, limit: i64, descending: bool) -> Self {
        let is_full = i64::try_from(ids.len()).is_ok_and(|read| read >= limit);
        let end = if descending { ends.into_iter().max() } else { ends.into_iter().min() };
        ids.sort_unstable_by(|one, other| if descending { other.cmp(one) } else { one.cmp(other) });
        let read = ids.len();
        ids.retain(|id| end.is_none_or(|end| if descending { *id >= end } else { *id <= end }));
        let after = if is_full && ids.len() == read { ids.last().copied() } else { end };
        ids.dedup();
        Self { ids, after }
    }
}

/// Counts the rows of each scan, up to its bound, and the nodes of these types.
pub(crate) fn count_rows(
    tx: &mut Tx<'_>,
    scans: &[(&IndexScan, i64)],
    (types, most): (&[i64], i64),
) -> Result<(Vec<i64>, i64)> {
    let mut statement = Filter::default();
    for (number, (scan, bound)) in scans.iter().enumerate() {
        for range in &scan.ranges {
            statement.sql(&format!(
                "SELECT CAST({number} AS BIGINT) AS scan, count(*) AS size FROM (SELECT 1 FROM properties AS p WHERE "
            ));
            statement.append(&range.rows);
            statement.sql(&format!(" LIMIT {bound}) AS l UNION ALL "));
        }
    }
    statement.sql(&format!(
        "SELECT CAST({} AS BIGINT), count(*) FROM (SELECT 1 FROM nodes WHERE nodes.type_id IN (",
        scans.len()
    ));
    for (at, id) in types.iter().enumerate() {
        statement.sql(if at > 0 { ", " } else { "" });
        statement.parts.push(Part::Int(*id));
    }
    statement.sql(&format!(") LIMIT {most}) AS l"));
    let mut sizes = vec![0; scans.len() + 1];
    for (scan, size) in Numbers(statement.prepared_if_repeated(tx)).load::<(i64, i64)>(tx.conn).db()? {
        if let Some(sum) = usize::try_from(scan).ok().and_then(|scan| sizes.get_mut(scan)) {
            *sum += size;
        }
    }
    let nodes = sizes.pop().ok_or_else(|| Error::internal("no number of nodes came back"))?;
    Ok((sizes, nodes))
}

/// Collects the index scans that an expression allows, and returns whether they are equivalent to it. `Break` where another
/// index is more selective.
fn collect_scans(expr: &Expr, scans: &mut Vec<IndexScan>) -> ControlFlow<(), bool> {
    match expr {
        Expr::And(all) => terms(all).into_iter().try_fold(true, |complete, term| {
            let of_term = match term {
                Term::Within(property, bounds) => add(ranges_within(property, &bounds), scans),
                Term::Other(expr) => collect_scans(expr, scans)?,
            };
            Continue(of_term && complete)
        }),
        Expr::Or(all) => {
            let mut complete = true;
            let ranges = all.iter().map(|term| {
                let mut of_term = Vec::new();
                complete &= collect_scans(term, &mut of_term).continue_value()? && of_term.len() == 1;
                let best = of_term.iter().position(IndexScan::is_ordered).unwrap_or(0);
                (best < of_term.len()).then(|| of_term.swap_remove(best).ranges)
            });
            let ranges = ranges.collect::<Option<Vec<_>>>().unwrap_or_default();
            Continue(add(ranges.into_iter().flatten().collect(), scans) && complete)
        }
        Expr::Test(Field::Attribute(attribute), condition) => {
            let finds = matches!(
                attribute,
                Attribute::Id | Attribute::Name | Attribute::ExternalId | Attribute::Uri | Attribute::Home
            ) && matches!(
                condition,
                Condition::Compare(Comparison::Equal, _) | Condition::In(_) | Condition::Like { .. }
            );
            if finds { Break(()) } else { Continue(false) }
        }
        Expr::Test(Field::Declared(_, ValueKind::Struct), _) | Expr::Not(_) | Expr::Some(_) => Continue(false),
        Expr::Test(Field::Declared(name, kind), condition) => {
            Continue(add(ranges_of(Property::declared(name, *kind), condition), scans))
        }
        Expr::Test(Field::Custom(name), condition) => {
            Continue(add(ranges_of(Property::custom(name), condition), scans))
        }
    }
}

/// Adds the index ranges as a scan, unless there are none or too many. Returns whether it did.
fn add(ranges: Vec<IndexRange>, scans: &mut Vec<IndexScan>) -> bool {
    let is_scan = (1..=MAX_RANGES).contains(&ranges.len());
    if is_scan {
        scans.push(IndexScan { ranges });
    }
    is_scan
}

/// A query of ours for pairs of numbers.
struct Numbers(Filter);

impl Query for Numbers {
    type SqlType = (BigInt, BigInt);
}
impl QueryId for Numbers {
    type QueryId = ();
    const HAS_STATIC_QUERY_ID: bool = false;
}
impl<Conn> RunQueryDsl<Conn> for Numbers {}
impl<DB: Backend> QueryFragment<DB> for Numbers
where
    Filter: QueryFragment<DB>,
{
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
        self.0.walk_ast(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use modelport_domain::filter::Operand;

    #[test]
    fn ids_are_complete_up_to_where_the_first_range_was_cut_off() {
        let found = |ids: &[i64], ends: &[i64], limit, descending| {
            let ScannedIds { ids, after } = ScannedIds::new(ids.to_vec(), ends.to_vec(), limit, descending);
            (ids, after)
        };
        assert_eq!(found(&[1, 2, 3, 5, 9], &[9], 10, false), (vec![1, 2, 3, 5, 9], Some(9)));
        assert_eq!(found(&[1, 2, 3, 5], &[5, 3], 10, false), (vec![1, 2, 3], Some(3)));
        assert_eq!(found(&[9, 8, 5, 5], &[5, 5], 10, true), (vec![9, 8, 5], Some(5)));
        assert_eq!(found(&[9, 5, 3], &[5], 10, true), (vec![9, 5], Some(5)));
        assert_eq!(found(&[1, 2, 2], &[5], 3, false), (vec![1, 2], Some(2)));
        assert_eq!(found(&[1, 2, 7], &[5], 3, false), (vec![1, 2], Some(5)));
        assert_eq!(found(&[1, 2], &[], 3, false), (vec![1, 2], None));
        assert_eq!(found(&[], &[], 3, false), (vec![], None));
    }

    fn equal(name: &str, operand: Operand) -> Expr {
        Expr::Test(Field::Custom(name.to_owned()), Condition::Compare(Comparison::Equal, operand))
    }

    #[test]
    fn every_side_of_an_or_needs_an_index_scan() {
        let (text, number) = (equal("a", Operand::Text("x".to_owned())), equal("b", Operand::Number(1)));
        let lists = |expr: &Expr| {
            let (scans, complete) = IndexScan::all_of(expr);
            (scans.iter().map(|scan| scan.ranges.len()).collect::<Vec<_>>(), complete)
        };
        let (both, not) = (Expr::And(vec![text.clone(), number.clone()]), Expr::Not(Box::new(number.clone())));
        assert_eq!(lists(&both), (vec![1, 2], true));
        assert_eq!(lists(&Expr::Or(vec![text.clone(), number.clone()])), (vec![3], true));
        assert_eq!(lists(&Expr::Or(vec![both, number.clone()])), (vec![3], false));
        assert_eq!(lists(&Expr::And(vec![text.clone(), not.clone()])), (vec![1], false));
        assert_eq!(lists(&Expr::Or(vec![text.clone(), not])), (vec![], false));
        let bound = |comparison, value| {
            let condition = Condition::Compare(comparison, Operand::Int(value));
            Expr::Test(Field::Custom("b".to_owned()), condition)
        };
        let within = Expr::And(vec![bound(Comparison::Greater, 1), text.clone(), bound(Comparison::Less, 9)]);
        assert_eq!(lists(&within), (vec![1, 1], true));
        assert_eq!(lists(&Expr::Or(vec![within, text.clone()])), (vec![2], false));
        let name = Condition::Compare(Comparison::Equal, Operand::Text("n".to_owned()));
        assert_eq!(lists(&Expr::And(vec![text, Expr::Test(Field::Attribute(Attribute::Name), name)])), (vec![], false));
    }
}

//! The nodes that a filter may be true of, as the indexes on values list them in the order of their ids.
//!
//! Neither database plans a page of a filter well by itself. PostgreSQL knows little of how many properties have one name and
//! one value, and reads and sorts all that match where the first hundred would do; SQLite takes conditions as they come.

use std::collections::HashSet;
use std::ops::ControlFlow;

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::BigInt;
use diesel::{QueryResult, RunQueryDsl};

use super::pattern::prefix_range;
use super::property::as_double;
use super::text::is_long;
use super::{Filter, Part};
use crate::domain::ValueKind;
use crate::domain::filter::{Attribute, Comparison, Condition, Expr, Field, Operand};
use crate::domain::{Error, Result};
use crate::store::Tx;

/// Of so many lists of ids one lead may be made.
const MOST_LISTS: usize = 16;
/// Of more values the lists are not kept apart.
const MOST_VALUES: usize = 8;

/// A condition that every node of a filter meets, and that an index answers. What meets it need not be all the filter asks.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) struct Lead {
    lists: Vec<List>,
}

/// The properties with one value, or with values of one range.
#[derive(Debug, Clone, PartialEq)]
struct List {
    rows: Filter,
    /// The same, for one node after the other.
    probe: Filter,
    /// Whether they are in the order of ids within the index, as those with one value are.
    ordered: bool,
}

impl List {
    fn of(ordered: bool, condition: impl Fn(&mut Filter)) -> Self {
        let rows = |probing| {
            let mut rows = Filter { probing, ..Filter::default() };
            condition(&mut rows);
            rows
        };
        // The index that orders ids finds one of them as well; through a range it would go once for each.
        Self { rows: rows(false), probe: rows(!ordered), ordered }
    }
}

/// Where a list of ids goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) struct Place {
    /// The last id that was given.
    pub(in crate::store) after: Option<i64>,
    /// Whether ids fall.
    pub(in crate::store) descending: bool,
}

impl Lead {
    /// Every lead that a filter has; none where it also asks for something that finds nodes better than any property.
    pub(in crate::store) fn all(expr: &Expr) -> Vec<Self> {
        let mut leads = Vec::new();
        match of(expr, &mut leads) {
            ControlFlow::Continue(()) => leads,
            ControlFlow::Break(()) => Vec::new(),
        }
    }

    /// Whether the first ids are found without reading the others.
    pub(in crate::store) fn is_ordered(&self) -> bool {
        self.lists.iter().all(|list| list.ordered)
    }

    /// The next ids, at least one unless there are no more. They are up to `limit` of each list.
    pub(in crate::store) fn ids(&self, tx: &mut Tx<'_>, place: Place, limit: i64) -> Result<Vec<i64>> {
        let order = |list: &List| {
            // Zero keeps PostgreSQL from going through all properties in the order of their nodes.
            let key = if list.ordered { "p.node_id" } else { "p.node_id + 0" };
            format!(" ORDER BY {key}{}", if place.descending { " DESC" } else { "" })
        };
        let found = self.read(tx, place, limit, order)?;
        Ok(merged(found, limit, place.descending))
    }

    /// All ids from that place on, in order; `None` where a list has `bound` of them.
    pub(in crate::store) fn whole(&self, tx: &mut Tx<'_>, place: Place, bound: i64) -> Result<Option<Vec<i64>>> {
        let found = self.read(tx, place, bound, |_| String::new())?;
        let is_cut = found.iter().any(|ids| i64::try_from(ids.len()).unwrap_or(i64::MAX) >= bound);
        Ok((!is_cut).then(|| merged(found, bound, place.descending)))
    }

    fn read(
        &self,
        tx: &mut Tx<'_>,
        place: Place,
        limit: i64,
        order: impl Fn(&List) -> String,
    ) -> Result<Vec<Vec<i64>>> {
        let mut statement = Filter::default();
        for (number, list) in self.lists.iter().enumerate() {
            statement.sql(if number > 0 { " UNION ALL " } else { "" });
            statement.sql(&format!("SELECT CAST({number} AS BIGINT) AS list, l.node_id AS id FROM (SELECT p.node_id FROM properties AS p WHERE "));
            statement.append(&list.rows);
            if let Some(after) = place.after {
                statement.sql(if place.descending { " AND p.node_id < " } else { " AND p.node_id > " });
                statement.parts.push(Part::Int(after));
            }
            statement.sql(&order(list));
            statement.sql(" LIMIT ");
            statement.parts.push(Part::Int(limit));
            statement.sql(") AS l");
        }
        let mut found: Vec<Vec<i64>> = vec![Vec::new(); self.lists.len()];
        for (list, id) in Numbers(statement).load::<(i64, i64)>(tx.conn)? {
            if let Some(ids) = usize::try_from(list).ok().and_then(|list| found.get_mut(list)) {
                ids.push(id);
            }
        }
        Ok(found)
    }

    /// Keeps those of the ids that the lead has, too.
    pub(in crate::store) fn narrow(&self, tx: &mut Tx<'_>, ids: &mut Vec<i64>) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let values = ids.iter().map(|id| format!("({id})")).collect::<Vec<_>>().join(", ");
        let mut statement = Filter::default();
        statement.sql(&format!(
            "SELECT CAST(0 AS BIGINT) AS list, CAST(i.column1 AS BIGINT) AS id FROM (VALUES {values}) AS i WHERE "
        ));
        for (number, list) in self.lists.iter().enumerate() {
            statement.sql(if number > 0 { " OR " } else { "" });
            statement.sql("EXISTS (SELECT 1 FROM properties AS p WHERE p.node_id = i.column1 AND ");
            statement.append(&list.probe);
            // PostgreSQL makes no join of what has an offset.
            statement.sql(" LIMIT 1 OFFSET 0)");
        }
        let found: HashSet<i64> =
            Numbers(statement).load::<(i64, i64)>(tx.conn)?.into_iter().map(|(_, id)| id).collect();
        ids.retain(|id| found.contains(id));
        Ok(())
    }
}

/// What is known of several lists up to where the first of those ends that may go on.
fn merged(lists: Vec<Vec<i64>>, limit: i64, descending: bool) -> Vec<i64> {
    let is_cut = |ids: &&Vec<i64>| i64::try_from(ids.len()).unwrap_or(i64::MAX) >= limit;
    let ends =
        lists.iter().filter(is_cut).filter_map(|ids| if descending { ids.iter().min() } else { ids.iter().max() });
    let end = if descending { ends.max() } else { ends.min() }.copied();
    let mut ids: Vec<i64> = lists.into_iter().flatten().collect();
    ids.retain(|id| end.is_none_or(|end| if descending { *id >= end } else { *id <= end }));
    ids.sort_unstable_by(|one, other| if descending { other.cmp(one) } else { one.cmp(other) });
    ids.dedup();
    ids
}

/// How many rows each lead has, and in the end how many nodes there are of these types; of each at most about `bound`.
pub(in crate::store) fn sizes(tx: &mut Tx<'_>, leads: &[Lead], types: &[i64], bound: i64) -> Result<(Vec<i64>, i64)> {
    let mut statement = Filter::default();
    for (number, lead) in leads.iter().enumerate() {
        for list in &lead.lists {
            statement.sql(&format!(
                "SELECT CAST({number} AS BIGINT) AS lead, count(*) AS size FROM (SELECT 1 FROM properties AS p WHERE "
            ));
            statement.append(&list.rows);
            statement.sql(" LIMIT ");
            statement.parts.push(Part::Int(bound));
            statement.sql(") AS l UNION ALL ");
        }
    }
    statement.sql(&format!(
        "SELECT CAST({} AS BIGINT), count(*) FROM (SELECT 1 FROM nodes WHERE nodes.type_id IN (",
        leads.len()
    ));
    for (at, id) in types.iter().enumerate() {
        statement.sql(if at > 0 { ", " } else { "" });
        statement.parts.push(Part::Int(*id));
    }
    statement.sql(") LIMIT ");
    statement.parts.push(Part::Int(bound));
    statement.sql(") AS l");
    let mut sizes = vec![0; leads.len() + 1];
    for (lead, size) in Numbers(statement).load::<(i64, i64)>(tx.conn)? {
        if let Some(sum) = usize::try_from(lead).ok().and_then(|lead| sizes.get_mut(lead)) {
            *sum += size;
        }
    }
    let nodes = sizes.pop().ok_or_else(|| Error::internal("no number of nodes came back"))?;
    Ok((sizes, nodes))
}

/// Adds what an expression has to lead by; `Break` where nodes are found better by something else.
fn of(expr: &Expr, leads: &mut Vec<Lead>) -> ControlFlow<()> {
    match expr {
        Expr::And(terms) => terms.iter().try_for_each(|term| of(term, leads)),
        Expr::Or(terms) => {
            let lists = terms.iter().map(|term| {
                let mut of_term = Vec::new();
                of(term, &mut of_term).is_continue().then_some(())?;
                let best = of_term.iter().position(Lead::is_ordered).unwrap_or(0);
                (best < of_term.len()).then(|| of_term.swap_remove(best).lists)
            });
            if let Some(lists) = lists.collect::<Option<Vec<_>>>() {
                add(lists.into_iter().flatten().collect(), leads);
            }
            ControlFlow::Continue(())
        }
        Expr::Test(Field::Attribute(attribute), condition) => {
            let finds = matches!(
                attribute,
                Attribute::Id | Attribute::Name | Attribute::ExternalId | Attribute::Uri | Attribute::Home
            ) && matches!(
                condition,
                Condition::Compare(Comparison::Equal, _) | Condition::In(_) | Condition::Like { .. }
            );
            if finds { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        }
        Expr::Test(Field::Declared(_, ValueKind::Struct), _) | Expr::Not(_) | Expr::Some(_) => {
            ControlFlow::Continue(())
        }
        Expr::Test(Field::Declared(name, kind), condition) => {
            add(lists(name, false, Some(*kind), condition), leads);
            ControlFlow::Continue(())
        }
        Expr::Test(Field::Custom(name), condition) => {
            add(lists(name, true, None, condition), leads);
            ControlFlow::Continue(())
        }
    }
}

fn add(lists: Vec<List>, leads: &mut Vec<Lead>) {
    if (1..=MOST_LISTS).contains(&lists.len()) {
        leads.push(Lead { lists });
    }
}

/// The lists that together have every property that meets a condition; none where no index does.
fn lists(name: &str, custom: bool, kind: Option<ValueKind>, condition: &Condition) -> Vec<List> {
    let list = |condition: &Condition, ordered: bool| {
        List::of(ordered, |rows| rows.property_row(name, custom, kind, condition))
    };
    let equal = |operand| list(&Condition::Compare(Comparison::Equal, operand), true);
    match condition {
        Condition::Compare(Comparison::NotEqual, _) | Condition::Null | Condition::NullOf(_) => Vec::new(),
        Condition::Compare(Comparison::Equal, operand) => by_kind(operand).into_iter().map(equal).collect(),
        Condition::In(operands) if operands.len() <= MOST_VALUES => {
            operands.iter().flat_map(by_kind).map(equal).collect()
        }
        // The order of texts beyond what an index holds is not the index's.
        Condition::Compare(_, Operand::Text(_)) | Condition::Between(Operand::Text(_), _) => Vec::new(),
        Condition::Compare(comparison, operand) => {
            let compared = |operand| list(&Condition::Compare(*comparison, operand), false);
            by_kind(operand).into_iter().map(compared).collect()
        }
        Condition::Between(low, high) => {
            let lows = by_kind(low);
            let within = |high: Operand| {
                let low = lows.iter().find(|low| is_beside(low, &high))?;
                Some(list(&Condition::Between(low.clone(), high), false))
            };
            by_kind(high).into_iter().filter_map(within).collect()
        }
        Condition::In(operands) => {
            let mut kinds: Vec<Vec<Operand>> = Vec::new();
            for operand in operands.iter().flat_map(by_kind) {
                match kinds.iter_mut().find(|kind| kind.first().is_some_and(|first| is_beside(first, &operand))) {
                    Some(kind) => kind.push(operand),
                    None => kinds.push(vec![operand]),
                }
            }
            kinds.into_iter().map(|kind| list(&Condition::In(kind), false)).collect()
        }
        Condition::Like { pattern, ignore_case } => {
            let range = prefix_range(pattern).filter(|_| !ignore_case);
            let part = |part: fn(&mut Filter, &str), begins: fn(&mut Filter, &str, &str, &str)| {
                List::of(false, |rows| {
                    rows.property_named(name, custom);
                    rows.sql(" AND ");
                    rows.is_of(kind.unwrap_or(ValueKind::String));
                    match &range {
                        Some((first, behind)) => begins(rows, TEXT, first, behind),
                        None => part(rows, TEXT),
                    }
                    rows.sql(" AND ");
                    rows.like(TEXT, pattern, *ignore_case);
                })
            };
            vec![part(Filter::is_short, Filter::short_begins), part(Filter::is_long, Filter::long_begins)]
        }
    }
}

const TEXT: &str = "p.text_value";

/// Whether two values are of one kind and have their places in one index.
fn is_beside(one: &Operand, other: &Operand) -> bool {
    match (one, other) {
        (Operand::Text(one), Operand::Text(other)) => is_long(one) == is_long(other),
        _ => std::mem::discriminant(one) == std::mem::discriminant(other),
    }
}

/// A number of no kind is one of each.
fn by_kind(operand: &Operand) -> Vec<Operand> {
    match operand {
        Operand::Number(value) => vec![Operand::Int(*value), Operand::Double(as_double(*value))],
        one => vec![one.clone()],
    }
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

    #[test]
    fn lists_are_known_up_to_where_the_first_cut_one_ends() {
        assert_eq!(merged(vec![vec![1, 5, 9], vec![2, 3]], 3, false), [1, 2, 3, 5, 9]);
        assert_eq!(merged(vec![vec![1, 5], vec![2, 3]], 2, false), [1, 2, 3]);
        assert_eq!(merged(vec![vec![9, 5], vec![8, 5]], 2, true), [9, 8, 5]);
        assert_eq!(merged(vec![vec![9, 5], vec![3]], 2, true), [9, 5]);
        assert_eq!(merged(vec![vec![], vec![]], 2, true), [0; 0]);
    }

    fn equal(name: &str, operand: Operand) -> Expr {
        Expr::Test(Field::Custom(name.to_owned()), Condition::Compare(Comparison::Equal, operand))
    }

    #[test]
    fn every_side_of_an_alternative_has_to_lead() {
        let (text, number) = (equal("a", Operand::Text("x".to_owned())), equal("b", Operand::Number(1)));
        let lists = |expr: &Expr| Lead::all(expr).iter().map(|lead| lead.lists.len()).collect::<Vec<_>>();
        assert_eq!(lists(&Expr::And(vec![text.clone(), number.clone()])), [1, 2]);
        assert_eq!(lists(&Expr::Or(vec![text.clone(), number.clone()])), [3]);
        assert_eq!(lists(&Expr::Or(vec![text.clone(), Expr::Not(Box::new(number))])), [0; 0]);
        let name = Condition::Compare(Comparison::Equal, Operand::Text("n".to_owned()));
        assert_eq!(lists(&Expr::And(vec![text, Expr::Test(Field::Attribute(Attribute::Name), name)])), [0; 0]);
    }
}

//! The nodes that a filter may be true of, as the indexes on values list them in the order of their ids.
//!
//! Neither database plans a page of a filter well by itself. PostgreSQL knows little of how many properties have one name and
//! one value, and reads and sorts all that match where the first hundred would do; SQLite takes conditions as they come.

use std::ops::ControlFlow::{self, Break, Continue};

use diesel::backend::Backend;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::BigInt;
use diesel::{QueryResult, RunQueryDsl};

use super::indexed::{List, lists};
use super::{Filter, Part};
use crate::domain::ValueKind;
use crate::domain::filter::{Attribute, Comparison, Condition, Expr, Field};
use crate::domain::{Error, Result};
use crate::store::Tx;

/// Of so many lists of ids one lead may be made.
const MOST_LISTS: usize = 16;

/// A condition that every node of a filter meets, and that an index answers. What meets it need not be all the filter asks.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::store) struct Lead {
    lists: Vec<List>,
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
    /// Every lead that a filter has, and whether they ask for all that it does; none where it also asks for something that
    /// finds nodes better than any property.
    pub(in crate::store) fn all(expr: &Expr) -> (Vec<Self>, bool) {
        let mut leads = Vec::new();
        match of(expr, &mut leads) {
            Continue(whole) => (leads, whole),
            Break(()) => (Vec::new(), false),
        }
    }

    /// Whether the first ids are found without reading the others.
    pub(in crate::store) fn is_ordered(&self) -> bool {
        self.lists.iter().all(|list| list.ordered)
    }

    /// The next ids that have the others' leads as well, up to `limit` of them.
    pub(in crate::store) fn next(
        &self,
        tx: &mut Tx<'_>,
        others: &[&Self],
        place: Place,
        reading: Reading,
        limit: i64,
    ) -> Result<Found> {
        let direction = if place.descending { "DESC" } else { "ASC" };
        let mut statement = Filter::default();
        statement.sql("WITH l AS (");
        self.read(&mut statement, place, reading, direction);
        statement.sql(&format!(
            ") SELECT f.list, f.id FROM (SELECT CAST({FOUND} AS BIGINT) AS list, o.id FROM (SELECT l.id FROM l"
        ));
        // In order first, so that no more are looked up than the page needs. An offset keeps PostgreSQL from another plan.
        let all = reading.bound().saturating_mul(i64::try_from(self.lists.len()).unwrap_or(i64::MAX));
        statement.sql(&format!(" ORDER BY l.id {direction} LIMIT {all} OFFSET 0) AS o WHERE TRUE"));
        for other in others {
            statement.sql(" AND ");
            other.probe(&mut statement, "o.id");
        }
        statement.sql(" LIMIT ");
        statement.parts.push(Part::Int(limit));
        statement.sql(") AS f");
        if let Reading::First(bound) = reading {
            let last = if place.descending { "min" } else { "max" };
            statement.sql(&format!(
                " UNION ALL SELECT l.list, {last}(l.id) FROM l GROUP BY l.list HAVING count(*) >= {bound}"
            ));
        }
        let (found, ends): (Vec<_>, Vec<_>) =
            Numbers(statement).load::<(i64, i64)>(tx.conn)?.into_iter().partition(|(list, _)| *list == FOUND);
        let [found, ends] = [found, ends].map(|rows| rows.into_iter().map(|(_, id)| id).collect());
        Ok(Found::new(found, ends, limit, place.descending))
    }

    /// The numbers of lists and the ids in them.
    fn read(&self, statement: &mut Filter, place: Place, reading: Reading, direction: &str) {
        for (number, list) in self.lists.iter().enumerate() {
            statement.sql(if number > 0 { " UNION ALL " } else { "" });
            statement.sql(&format!("SELECT CAST({number} AS BIGINT) AS list, r.node_id AS id FROM (SELECT p.node_id FROM properties AS p WHERE "));
            statement.append(&list.rows);
            if let Some(after) = place.after {
                statement.sql(if place.descending { " AND p.node_id < " } else { " AND p.node_id > " });
                statement.parts.push(Part::Int(after));
            }
            if matches!(reading, Reading::First(_)) {
                // Zero keeps PostgreSQL from going through all properties in the order of their nodes.
                let key = if list.ordered { "p.node_id" } else { "p.node_id + 0" };
                statement.sql(&format!(" ORDER BY {key} {direction}"));
            }
            statement.sql(" LIMIT ");
            statement.parts.push(Part::Int(reading.bound()));
            statement.sql(") AS r");
        }
    }

    /// Whether a node has the lead.
    fn probe(&self, statement: &mut Filter, node: &str) {
        for (number, list) in self.lists.iter().enumerate() {
            statement.sql(if number > 0 { " OR " } else { "(" });
            statement.sql(&format!("EXISTS (SELECT 1 FROM properties AS p WHERE p.node_id = {node} AND "));
            statement.append(&list.probe);
            // PostgreSQL makes no join of what has an offset.
            statement.sql(" LIMIT 1 OFFSET 0)");
        }
        statement.sql(")");
    }
}

/// What marks the rows of ids beside those of where lists end.
const FOUND: i64 = -1;

/// How the lists of a lead are read.
#[derive(Debug, Clone, Copy)]
pub(in crate::store) enum Reading {
    /// The first so many of each, in order.
    First(i64),
    /// All of them, which are no more than so many.
    Whole(i64),
}

impl Reading {
    fn bound(self) -> i64 {
        match self {
            Self::First(bound) | Self::Whole(bound) => bound,
        }
    }
}

/// Ids that a lead names, in order.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::store) struct Found {
    pub(in crate::store) ids: Vec<i64>,
    /// Behind which id there may be more.
    pub(in crate::store) after: Option<i64>,
}

impl Found {
    /// `ends` are the last ids of the lists that may go on: only up to the first of them all lists are known.
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

/// How many rows each lead has, as far as its bound goes, and how many nodes there are of these types.
pub(in crate::store) fn sizes(
    tx: &mut Tx<'_>,
    leads: &[(&Lead, i64)],
    (types, most): (&[i64], i64),
) -> Result<(Vec<i64>, i64)> {
    let mut statement = Filter::default();
    for (number, (lead, bound)) in leads.iter().enumerate() {
        for list in &lead.lists {
            statement.sql(&format!(
                "SELECT CAST({number} AS BIGINT) AS lead, count(*) AS size FROM (SELECT 1 FROM properties AS p WHERE "
            ));
            statement.append(&list.rows);
            statement.sql(" LIMIT ");
            statement.parts.push(Part::Int(*bound));
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
    statement.parts.push(Part::Int(most));
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

/// Adds what an expression has to lead by, and says whether that is all it asks for; `Break` where nodes are found better by
/// something else.
fn of(expr: &Expr, leads: &mut Vec<Lead>) -> ControlFlow<(), bool> {
    match expr {
        Expr::And(terms) => terms.iter().try_fold(true, |whole, term| Continue(of(term, leads)? && whole)),
        Expr::Or(terms) => {
            let mut whole = true;
            let lists = terms.iter().map(|term| {
                let mut of_term = Vec::new();
                whole &= of(term, &mut of_term).continue_value()? && of_term.len() == 1;
                let best = of_term.iter().position(Lead::is_ordered).unwrap_or(0);
                (best < of_term.len()).then(|| of_term.swap_remove(best).lists)
            });
            let lists = lists.collect::<Option<Vec<_>>>().unwrap_or_default();
            Continue(add(lists.into_iter().flatten().collect(), leads) && whole)
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
            Continue(add(lists(name, false, Some(*kind), condition), leads))
        }
        Expr::Test(Field::Custom(name), condition) => Continue(add(lists(name, true, None, condition), leads)),
    }
}

/// Whether the lists are a lead.
fn add(lists: Vec<List>, leads: &mut Vec<Lead>) -> bool {
    let leads_on = (1..=MOST_LISTS).contains(&lists.len());
    if leads_on {
        leads.push(Lead { lists });
    }
    leads_on
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
    use crate::domain::filter::Operand;

    #[test]
    fn lists_are_known_up_to_where_the_first_cut_one_ends() {
        let found = |ids: &[i64], ends: &[i64], limit, descending| {
            let Found { ids, after } = Found::new(ids.to_vec(), ends.to_vec(), limit, descending);
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
    fn every_side_of_an_alternative_has_to_lead() {
        let (text, number) = (equal("a", Operand::Text("x".to_owned())), equal("b", Operand::Number(1)));
        let lists = |expr: &Expr| {
            let (leads, whole) = Lead::all(expr);
            (leads.iter().map(|lead| lead.lists.len()).collect::<Vec<_>>(), whole)
        };
        let (both, not) = (Expr::And(vec![text.clone(), number.clone()]), Expr::Not(Box::new(number.clone())));
        assert_eq!(lists(&both), (vec![1, 2], true));
        assert_eq!(lists(&Expr::Or(vec![text.clone(), number.clone()])), (vec![3], true));
        assert_eq!(lists(&Expr::Or(vec![both, number.clone()])), (vec![3], false));
        assert_eq!(lists(&Expr::And(vec![text.clone(), not.clone()])), (vec![1], false));
        assert_eq!(lists(&Expr::Or(vec![text.clone(), not])), (vec![], false));
        let name = Condition::Compare(Comparison::Equal, Operand::Text("n".to_owned()));
        assert_eq!(lists(&Expr::And(vec![text, Expr::Test(Field::Attribute(Attribute::Name), name)])), (vec![], false));
    }
}

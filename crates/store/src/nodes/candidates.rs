//! What a filter can be true of, where conditions on aliases, verdicts or formats leave few: those are looked up first, and the list is made
//! of them. Otherwise the nodes are gone through in their order, of which enough meet the filter soon.

use std::collections::BTreeSet;

use diesel::prelude::*;

use super::{bare, matching};
use crate::Tx;
use crate::connection::MultiBackend;
use crate::error::DatabaseResult as _;
use crate::filter::query_error;
use crate::schema::{aliases, inspections, members, nodes};
use modelport_domain::filter::{Attribute, Comparison, Condition, Expr, Field, Operand, VERDICTS};
use modelport_domain::{Cursor, Node, NodeId, Order, Result, Selection};

/// The most rows that are looked up for a condition.
const MAX_ROWS: usize = 500;

/// How many nodes the selection has.
pub fn count(tx: &mut Tx<'_>, selection: &Selection) -> Result<u64> {
    let count: i64 = matching(tx, selection).count().get_result(tx.conn).map_err(query_error)?;
    Ok(count.unsigned_abs())
}

/// How many nodes the selection has, counted up to `most`.
pub fn count_up_to(tx: &mut Tx<'_>, selection: &Selection, most: u32) -> Result<u64> {
    Ok(ids_up_to(tx, selection, most)?.len() as u64)
}

/// The ids of the nodes that the selection has, of `most` of them where it has more; in no order.
pub fn ids_up_to(tx: &mut Tx<'_>, selection: &Selection, most: u32) -> Result<Vec<NodeId>> {
    if let Some(few) = of_few(tx, selection)? {
        // As a list of them is read: for their ids alone SQLite would go through an index of all nodes.
        let query = matching(tx, &few);
        let found = bare(tx, query)?.into_iter().take(most as usize);
        return Ok(found.map(|node| node.id).collect());
    }
    let query = matching(tx, selection).select(nodes::id).limit(i64::from(most));
    let ids: Vec<i64> = query.load(tx.conn).map_err(query_error)?;
    Ok(ids.into_iter().map(NodeId).collect())
}

/// The first `limit` nodes of the selection after the cursor, in its order and without their properties; `None` where not few can be.
pub(super) fn list(
    tx: &mut Tx<'_>,
    selection: &Selection,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Option<Vec<Node>>> {
    let Some(few) = of_few(tx, selection)? else { return Ok(None) };
    let Order { by, descending } = selection.order;
    // Sorted here: for the sake of an order SQLite would go through all nodes that have it.
    let query = matching(tx, &few);
    let mut found = bare(tx, query)?;
    found.retain(|node| {
        let place = Cursor::of(by, node);
        after.is_none_or(|after| if descending { place < *after } else { place > *after })
    });
    found.sort_by_cached_key(|node| Cursor::of(by, node));
    if descending {
        found.reverse();
    }
    found.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok(Some(found))
}

/// The same selection of few nodes, where one of its conditions leaves few.
fn of_few(tx: &mut Tx<'_>, selection: &Selection) -> Result<Option<Selection>> {
    let Some(expr) = &selection.filter else { return Ok(None) };
    let all = match expr {
        Expr::And(all) => all.as_slice(),
        one => std::slice::from_ref(one),
    };
    for term in all {
        let Some(ids) = meeting(tx, term)? else { continue };
        let among = Condition::In(ids.into_iter().map(Operand::Int).collect());
        let among = Expr::Test(Field::Attribute(Attribute::Id), among);
        let filter = Some(Expr::And(vec![among, expr.clone()]));
        return Ok(Some(Selection { filter, ..selection.clone() }));
    }
    Ok(None)
}

/// The models and versions that may meet a condition; `None` where it is another one, or too many may.
fn meeting(tx: &mut Tx<'_>, term: &Expr) -> Result<Option<BTreeSet<i64>>> {
    let Expr::Test(Field::Attribute(attribute), condition) = term else { return Ok(None) };
    let wanted: Vec<&Operand> = match condition {
        Condition::Compare(Comparison::Equal, operand) => vec![operand],
        Condition::In(operands) => operands.iter().collect(),
        _ => return Ok(None),
    };
    let texts = wanted.iter().filter_map(|operand| match operand {
        Operand::Text(text) => Some(text.as_str()),
        Operand::Int(place) => VERDICTS.iter().find(|(_, known)| known == place).map(|(name, _)| *name),
        _ => None,
    });
    let texts: Vec<&str> = texts.collect();
    let most = i64::try_from(MAX_ROWS + 1).unwrap_or(i64::MAX);
    match attribute {
        Attribute::Alias => {
            let rows: Vec<(i64, i64)> = aliases::table
                .filter(aliases::name.eq_any(texts))
                .limit(most)
                .select((aliases::model_id, aliases::version_id))
                .load(tx.conn)
                .db()?;
            Ok((rows.len() <= MAX_ROWS)
                .then(|| rows.into_iter().flat_map(|(model, version)| [model, version]).collect()))
        }
        // Most files are clean, so that nothing would be looked up for it.
        Attribute::Verdict if texts.contains(&"clean") => Ok(None),
        Attribute::Verdict => {
            holders(tx, inspections::table.filter(inspections::verdict.eq_any(texts)).into_boxed(), most)
        }
        Attribute::Format => {
            let named = inspections::format.eq_any(texts).assume_not_null();
            holders(tx, inspections::table.filter(named).into_boxed(), most)
        }
        _ => Ok(None),
    }
}

/// The versions that have these files, and their models.
fn holders(
    tx: &mut Tx<'_>,
    files: inspections::BoxedQuery<'_, MultiBackend>,
    most: i64,
) -> Result<Option<BTreeSet<i64>>> {
    let artifacts: Vec<i64> = files.limit(most).select(inspections::node_id).load(tx.conn).db()?;
    if artifacts.len() > MAX_ROWS {
        return Ok(None);
    }
    let artifacts: BTreeSet<i64> = artifacts.into_iter().collect();
    let rows: Vec<(i64, Option<i64>)> = members::table
        .inner_join(nodes::table.on(nodes::id.eq(members::context_id)))
        .filter(members::node_id.eq_any(artifacts))
        .limit(most)
        .select((nodes::id, nodes::home_id))
        .load(tx.conn)
        .db()?;
    let holders = rows.iter().flat_map(|(version, model)| [Some(*version), *model]).flatten();
    Ok((rows.len() <= MAX_ROWS).then(|| holders.collect()))
}

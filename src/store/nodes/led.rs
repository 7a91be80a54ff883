//! Lists by a filter in the order of ids: the ids come from the rarest of what every node must have, and each condition is
//! then looked up for those nodes alone, until the page is full.

use std::iter;

use diesel::prelude::*;

use super::{CHUNK, NodeRow, Selection, narrowed};
use crate::domain::filter::Expr;
use crate::domain::{OrderBy, Result};
use crate::store::Tx;
use crate::store::filter::{self, Filter, Lead, Place, sizes};
use crate::store::schema::nodes;

/// So many are not worth a choice.
const FEW: i64 = 1_000;
/// So many are read at once.
const MANY: i64 = 20_000;
/// So many of a lead's ids are looked for in the other leads at once.
const LED: usize = 1_500;
/// Of so many conditions that an index does not order all that meet them are read, to begin with the rarest.
const MOST_READ: usize = 3;

/// Where the ids come from.
enum Source {
    /// The nodes of the selection's types themselves.
    Nodes,
    /// All of a lead's ids, which are few.
    Whole(usize, Vec<i64>),
    /// A lead whose first ids are found without the others.
    Ordered(usize),
    /// The first few of the nodes, and then a lead that has too many ids to be sorted for nothing.
    NodesThen(usize),
}

/// The first `limit` nodes of the selection from that place on; `None` where it is not of a sort to be led.
pub(super) fn list(
    tx: &mut Tx<'_>,
    selection: &Selection,
    mut place: Place,
    limit: i64,
) -> Result<Option<Vec<NodeRow>>> {
    let Some(expr) = selection.filter.as_ref().filter(|_| is_broad(selection)) else { return Ok(None) };
    let leads = Lead::all(expr);
    if leads.is_empty() {
        return Ok(None);
    }
    let mut page = Page { selection, expr, leads: &leads, descending: place.descending, limit, rows: Vec::new() };
    match choose(tx, &leads, &selection.types, place)? {
        Source::Nodes => while page.nodes(tx, &mut place)? {},
        Source::Whole(lead, ids) => page.take_led(tx, lead, &ids)?,
        Source::Ordered(lead) => page.follow(tx, lead, place)?,
        Source::NodesThen(lead) => {
            if page.nodes(tx, &mut place)? {
                page.follow(tx, lead, place)?;
            }
        }
    }
    Ok(Some(page.rows))
}

/// Whether nothing but the filter makes the nodes few.
fn is_broad(selection: &Selection) -> bool {
    let Selection { kind: _, types, home, member_of, parent_type: _, name, external_id, filter: _, order } = selection;
    let narrow = home.is_some() || member_of.is_some() || name.is_some() || external_id.is_some();
    order.by == OrderBy::Id && !types.is_empty() && !narrow
}

fn choose(tx: &mut Tx<'_>, leads: &[Lead], types: &[i64], place: Place) -> Result<Source> {
    let (of_leads, of_nodes) = sizes(tx, leads, types, FEW)?;
    let fewest = of_leads.into_iter().enumerate().min_by_key(|(_, size)| *size);
    if let Some((lead, size)) = fewest.filter(|(_, size)| *size < FEW.min(of_nodes + 1))
        && let Some(ids) = whole(tx, leads, lead, place, size + 1)?
    {
        return Ok(Source::Whole(lead, ids));
    }
    if of_nodes < FEW {
        return Ok(Source::Nodes);
    }
    let mut best: Option<(usize, Vec<i64>)> = None;
    let sorted = leads.iter().enumerate().filter(|(_, lead)| !lead.is_ordered());
    for (lead, _) in sorted.take(MOST_READ) {
        let bound = best.as_ref().map_or(MANY, |(_, ids)| i64::try_from(ids.len()).unwrap_or(MANY));
        if let Some(ids) = whole(tx, leads, lead, place, bound)? {
            best = Some((lead, ids));
        }
    }
    let ordered = leads.iter().position(Lead::is_ordered);
    Ok(match (best, ordered) {
        (Some((lead, ids)), _) => Source::Whole(lead, ids),
        (None, Some(ordered)) => Source::Ordered(ordered),
        (None, None) => Source::NodesThen(0),
    })
}

fn whole(tx: &mut Tx<'_>, leads: &[Lead], lead: usize, place: Place, bound: i64) -> Result<Option<Vec<i64>>> {
    leads.get(lead).map_or(Ok(None), |lead| lead.whole(tx, place, bound))
}

/// A page that is being filled.
struct Page<'a> {
    selection: &'a Selection,
    expr: &'a Expr,
    leads: &'a [Lead],
    descending: bool,
    limit: i64,
    rows: Vec<NodeRow>,
}

impl Page<'_> {
    fn missing(&self) -> i64 {
        self.limit - i64::try_from(self.rows.len()).unwrap_or(i64::MAX)
    }

    /// Looks at the nodes that a lead names, from that place on.
    fn follow(&mut self, tx: &mut Tx<'_>, lead: usize, mut place: Place) -> Result<()> {
        let Some(leading) = self.leads.get(lead) else { return Ok(()) };
        let mut many = if leading.is_ordered() { self.limit.max(1) } else { MANY };
        while self.missing() > 0 {
            let ids = leading.ids(tx, place, many)?;
            self.take_led(tx, lead, &ids)?;
            if i64::try_from(ids.len()).is_ok_and(|read| read < many) {
                return Ok(());
            }
            place.after = ids.last().copied();
            many = (many * 4).min(MANY);
        }
        Ok(())
    }

    /// Looks at those of the nodes that a lead has named which the others have, too.
    fn take_led(&mut self, tx: &mut Tx<'_>, lead: usize, ids: &[i64]) -> Result<()> {
        for chunk in ids.chunks(LED) {
            if self.missing() <= 0 {
                break;
            }
            let mut ids = chunk.to_vec();
            for (_, other) in self.leads.iter().enumerate().filter(|(other, _)| *other != lead) {
                other.narrow(tx, &mut ids)?;
            }
            // The first of them fill most pages.
            let (first, rest) = ids.split_at(ids.len().min(usize::try_from(self.limit).unwrap_or(CHUNK)));
            for chunk in iter::once(first).chain(rest.chunks(CHUNK)) {
                self.take(tx, chunk)?;
            }
        }
        Ok(())
    }

    /// Looks at the next few of all nodes; false when the page is full or there are no more.
    fn nodes(&mut self, tx: &mut Tx<'_>, place: &mut Place) -> Result<bool> {
        let query = narrowed(self.selection, None).select(nodes::id).limit(FEW);
        let query = match (place.after, place.descending) {
            (None, false) => query.order(nodes::id.asc()),
            (None, true) => query.order(nodes::id.desc()),
            (Some(after), false) => query.filter(nodes::id.gt(after)).order(nodes::id.asc()),
            (Some(after), true) => query.filter(nodes::id.lt(after)).order(nodes::id.desc()),
        };
        let ids: Vec<i64> = query.load(tx.conn)?;
        place.after = ids.last().copied().or(place.after);
        self.take(tx, &ids)?;
        Ok(self.missing() > 0 && !ids.is_empty())
    }

    /// Adds those of the nodes that the filter is true of.
    fn take(&mut self, tx: &mut Tx<'_>, ids: &[i64]) -> Result<()> {
        if ids.is_empty() || self.missing() <= 0 {
            return Ok(());
        }
        let query = narrowed(self.selection, Some(Filter::of_named(self.expr)))
            .filter(nodes::id.eq_any(ids.to_vec()))
            .select(NodeRow::as_select())
            .limit(self.missing());
        let query = if self.descending { query.order(nodes::id.desc()) } else { query.order(nodes::id.asc()) };
        self.rows.extend(query.load::<NodeRow>(tx.conn).map_err(filter::fault)?);
        Ok(())
    }
}

//! Lists by a filter: in the order of ids they come from the rarest of what every node must have, and each condition is
//! then looked up for those nodes alone, until the page is full.

mod sorted;

use std::iter;

use diesel::prelude::*;

use super::{CHUNK, Selection, bare, in_order, narrowed};
use crate::domain::filter::Expr;
use crate::domain::{Cursor, Error, Node, Order, OrderBy, Result};
use crate::store::Tx;
use crate::store::filter::{Filter, Found, Lead, Place, Reading, sizes};
use crate::store::schema::nodes;

/// So many are not worth a choice.
const FEW: i64 = 1_000;
/// So many are read at once.
const MANY: i64 = 20_000;
/// Of a page's length so many are read at first where they are looked for in other leads, too.
const AHEAD: i64 = 16;
/// Of so many conditions that an index does not order the rarest is looked for.
const MOST_COUNTED: usize = 3;

/// Where the ids come from.
enum Source {
    /// The nodes of the selection's types themselves.
    Nodes,
    /// A lead that is read whole; here are the first of its ids.
    Whole(usize, Found),
    /// A lead whose first ids are found without the others.
    Ordered(usize),
    /// The first few of the nodes, and then a lead that has too many ids to be sorted for nothing.
    NodesThen(usize),
}

/// The first `limit` nodes of the selection after the cursor, without their properties; `None` where it is not of a sort to be
/// led.
pub(super) fn list(
    tx: &mut Tx<'_>,
    selection: &Selection,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Option<Vec<Node>>> {
    let Some(expr) = selection.filter.as_ref().filter(|_| is_broad(selection)) else { return Ok(None) };
    let (leads, whole) = Lead::all(expr);
    if leads.is_empty() {
        return Ok(None);
    }
    let rest = (!whole).then_some(expr);
    let Order { by, descending } = selection.order;
    let mut page = Page { selection, expr, rest, leads: &leads, descending, limit, found: Vec::new() };
    let is_known = if by == OrderBy::Id {
        page.in_order_of_ids(tx, Place { after: after.map(|cursor| cursor.id.0), descending })?;
        true
    } else {
        page.sorted(tx, after)?
    };
    Ok(is_known.then_some(page.found))
}

/// Whether nothing but the filter makes the nodes few.
fn is_broad(selection: &Selection) -> bool {
    let Selection { kind: _, types, home, member_of, parent_type: _, name, external_id, filter: _, order } = selection;
    let narrow = home.is_some() || member_of.is_some() || name.is_some() || external_id.is_some();
    // Those of several types are in order of nothing but their ids.
    !narrow && (types.len() == 1 || order.by == OrderBy::Id && !types.is_empty())
}

/// A page that is being filled.
struct Page<'a> {
    selection: &'a Selection,
    expr: &'a Expr,
    /// What the leads do not ask for.
    rest: Option<&'a Expr>,
    leads: &'a [Lead],
    descending: bool,
    limit: i64,
    found: Vec<Node>,
}

impl Page<'_> {
    fn missing(&self) -> i64 {
        self.limit - i64::try_from(self.found.len()).unwrap_or(i64::MAX)
    }

    fn in_order_of_ids(&mut self, tx: &mut Tx<'_>, mut place: Place) -> Result<()> {
        match self.choose(tx, place)? {
            Source::Nodes => while self.nodes(tx, &mut place)? {},
            Source::Whole(lead, found) => self.take_whole(tx, lead, found)?,
            Source::Ordered(lead) => self.follow(tx, lead, place)?,
            Source::NodesThen(lead) => {
                if self.nodes(tx, &mut place)? {
                    self.follow(tx, lead, place)?;
                }
            }
        }
        Ok(())
    }

    fn choose(&self, tx: &mut Tx<'_>, place: Place) -> Result<Source> {
        let (rarest, of_nodes) = self.rarest(tx)?;
        Ok(match rarest {
            Some((lead, size)) if size < FEW.min(of_nodes + 1) => {
                Source::Whole(lead, self.next(tx, lead, place, Reading::Whole(FEW), FEW)?)
            }
            _ if of_nodes < FEW => Source::Nodes,
            Some((lead, _)) => Source::Whole(lead, self.next(tx, lead, place, Reading::Whole(MANY), self.limit)?),
            None => self.leads.iter().position(Lead::is_ordered).map_or(Source::NodesThen(0), Source::Ordered),
        })
    }

    /// The rarest of the leads that were counted to their ends, with its size, and how many nodes there are, up to a few.
    fn rarest(&self, tx: &mut Tx<'_>) -> Result<(Option<(usize, i64)>, i64)> {
        let mut ranges = 0;
        let bounded = self.leads.iter().map(|lead| {
            ranges += usize::from(!lead.is_ordered());
            (lead, if lead.is_ordered() || ranges > MOST_COUNTED { FEW } else { MANY })
        });
        let bounded: Vec<(&Lead, i64)> = bounded.collect();
        let (of_leads, of_nodes) = sizes(tx, &bounded, (&self.selection.types, FEW))?;
        let known = of_leads.into_iter().zip(bounded).enumerate().filter(|(_, (size, (_, bound)))| size < bound);
        let rarest = known.map(|(lead, (size, _))| (lead, size)).min_by_key(|(_, size)| *size);
        Ok((rarest, of_nodes))
    }

    /// The next ids of a lead that have the other leads, too.
    fn next(&self, tx: &mut Tx<'_>, lead: usize, place: Place, reading: Reading, limit: i64) -> Result<Found> {
        let (before, rest) = self.leads.split_at(lead);
        match rest.split_first() {
            Some((leading, behind)) => {
                let others: Vec<&Lead> = before.iter().chain(behind).collect();
                leading.next(tx, &others, place, reading, limit)
            }
            None => Err(Error::internal("a list is led by what its filter has not")),
        }
    }

    /// Looks at the nodes that a lead names, from that place on.
    fn follow(&mut self, tx: &mut Tx<'_>, lead: usize, mut place: Place) -> Result<()> {
        let is_ordered = self.leads.get(lead).is_some_and(Lead::is_ordered);
        let mut limit = self.limit.max(1);
        let ahead = if self.leads.len() > 1 { AHEAD } else { 1 };
        let mut many = if is_ordered { limit * ahead } else { MANY };
        while self.missing() > 0 {
            let found = self.next(tx, lead, place, Reading::First(many), limit)?;
            self.take(tx, &found.ids, self.rest)?;
            if found.after.is_none() {
                break;
            }
            place.after = found.after;
            many = (many * 4).min(MANY);
            limit = (limit * 4).min(MANY);
        }
        Ok(())
    }

    /// Looks at the first nodes that a lead names, and at all others if they do not fill the page.
    fn take_whole(&mut self, tx: &mut Tx<'_>, lead: usize, mut found: Found) -> Result<()> {
        loop {
            self.take(tx, &found.ids, self.rest)?;
            if found.after.is_none() || self.missing() <= 0 {
                return Ok(());
            }
            let place = Place { after: found.after, descending: self.descending };
            found = self.next(tx, lead, place, Reading::Whole(MANY), MANY)?;
        }
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
        self.take(tx, &ids, Some(self.expr))?;
        Ok(self.missing() > 0 && !ids.is_empty())
    }

    /// Adds those of the nodes that are of the selection and that this is true of.
    fn take(&mut self, tx: &mut Tx<'_>, ids: &[i64], expr: Option<&Expr>) -> Result<()> {
        // The first of them fill most pages.
        let (first, rest) = ids.split_at(ids.len().min(usize::try_from(self.limit).unwrap_or(CHUNK)));
        for ids in iter::once(first).chain(rest.chunks(CHUNK)) {
            if ids.is_empty() || self.missing() <= 0 {
                break;
            }
            let query = narrowed(self.selection, expr.map(Filter::of_named)).filter(nodes::id.eq_any(ids.to_vec()));
            let found = bare(tx, in_order(query, self.selection.order, None).limit(self.missing()))?;
            self.found.extend(found);
        }
        Ok(())
    }
}

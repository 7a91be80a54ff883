//! Lists by a filter in the order of a time or of names. What is rare is read whole and sorted; of what is not, a page is soon
//! found among the first nodes in that order.

use diesel::prelude::*;

use super::{CHUNK, FEW, MANY, Page};
use crate::domain::{Cursor, Result};
use crate::store::Tx;
use crate::store::filter::{Filter, Place, Reading};
use crate::store::nodes::{bare, in_order, narrowed};
use crate::store::schema::nodes;

impl Page<'_> {
    /// Fills the page; false where neither way is short, which says nothing of the nodes found so far.
    pub(super) fn sorted(&mut self, tx: &mut Tx<'_>, after: Option<&Cursor>) -> Result<bool> {
        let (rarest, _) = self.rarest(tx)?;
        // Looking at as many nodes as could be sorted costs no more than sorting them.
        let worth = rarest.map_or(MANY, |(_, size)| size);
        if worth >= FEW && self.walk(tx, after, worth)? {
            return Ok(true);
        }
        match rarest {
            Some((lead, _)) => self.sort(tx, lead, after)?,
            None => return Ok(false),
        }
        Ok(true)
    }

    /// Looks at the next nodes in their order, and at no more than so many; whether they fill the page or are all.
    fn walk(&mut self, tx: &mut Tx<'_>, after: Option<&Cursor>, most: i64) -> Result<bool> {
        let order = self.selection.order;
        let mut after = after.cloned();
        let mut many = self.limit.min(FEW);
        let mut seen = 0;
        while seen < most {
            let next = bare(tx, in_order(narrowed(self.selection, None), order, after.as_ref()).limit(many))?;
            let Some(last) = next.last() else { return Ok(true) };
            after = Some(Cursor::of(order.by, last));
            seen += many;
            many = FEW;
            let ids: Vec<i64> = next.iter().map(|node| node.id.0).collect();
            let query = narrowed(self.selection, Some(Filter::of_named(self.expr)));
            let met: Vec<i64> = query.filter(nodes::id.eq_any(ids)).select(nodes::id).load(tx.conn)?;
            let missing = usize::try_from(self.missing()).unwrap_or(0);
            self.found.extend(next.into_iter().filter(|node| met.contains(&node.id.0)).take(missing));
            if self.missing() <= 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Sorts all nodes that a lead names.
    fn sort(&mut self, tx: &mut Tx<'_>, lead: usize, after: Option<&Cursor>) -> Result<()> {
        let order = self.selection.order;
        let mut place = Place { after: None, descending: false };
        self.found.clear();
        loop {
            let listed = self.next(tx, lead, place, Reading::Whole(MANY), MANY)?;
            for ids in listed.ids.chunks(CHUNK) {
                let query = narrowed(self.selection, self.rest.map(Filter::of_named));
                let query = query.filter(nodes::id.eq_any(ids.to_vec()));
                self.found.extend(bare(tx, in_order(query, order, after).limit(self.limit))?);
            }
            if listed.after.is_none() {
                break;
            }
            place.after = listed.after;
        }
        self.found.sort_by_cached_key(|node| Cursor::of(order.by, node));
        if order.descending {
            self.found.reverse();
        }
        self.found.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
        Ok(())
    }
}

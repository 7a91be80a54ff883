//! Lists by a filter, in the order of a time or of names. A selective scan is read whole and sorted; otherwise the matches are
//! frequent enough that the first nodes in that order soon fill a page.

use diesel::prelude::*;

use super::{FilteredPage, MAX_IDS, MAX_SCAN_ROWS, SMALL_SCAN};
use crate::Tx;
use crate::error::DatabaseResult as _;
use crate::filter::{Filter, Position, ScanMode};
use crate::nodes::{bare, in_order, narrowed};
use crate::schema::nodes;
use modelport_domain::{Cursor, Result};

impl FilteredPage<'_> {
    /// Fills the page. False where neither way is cheap; the nodes found so far are then not the page.
    pub(super) fn sorted(&mut self, tx: &mut Tx<'_>, after: Option<&Cursor>) -> Result<bool> {
        let (most_selective, _) = self.most_selective(tx)?;
        // Walking as many nodes as would be sorted costs no more than sorting them.
        let worth = most_selective.map_or(MAX_SCAN_ROWS, |(_, size)| size);
        if worth >= SMALL_SCAN && self.walk(tx, after, worth)? {
            return Ok(true);
        }
        match most_selective {
            Some((scan, _)) => self.sort(tx, scan, after)?,
            None => return Ok(false),
        }
        Ok(true)
    }

    /// Walks the nodes in their order, at most `most` of them. True if they fill the page or there are no more.
    fn walk(&mut self, tx: &mut Tx<'_>, after: Option<&Cursor>, most: i64) -> Result<bool> {
        let order = self.selection.order;
        let mut after = after.cloned();
        let mut many = self.limit.min(SMALL_SCAN);
        let mut seen = 0;
        while seen < most {
            let next = bare(tx, in_order(narrowed(tx, self.selection, None), order, after.as_ref()).limit(many))?;
            let Some(last) = next.last() else { return Ok(true) };
            after = Some(Cursor::of(order.by, last));
            seen += many;
            many = SMALL_SCAN;
            let ids: Vec<i64> = next.iter().map(|node| node.id.0).collect();
            let query = narrowed(tx, self.selection, Some(Filter::of_named(tx, self.expr)));
            let met: Vec<i64> = query.filter(nodes::id.eq_any(ids)).select(nodes::id).load(tx.conn).db()?;
            let missing = usize::try_from(self.missing()).unwrap_or(0);
            self.found.extend(next.into_iter().filter(|node| met.contains(&node.id.0)).take(missing));
            if self.missing() <= 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads all nodes of a scan and sorts them.
    fn sort(&mut self, tx: &mut Tx<'_>, scan: usize, after: Option<&Cursor>) -> Result<()> {
        let order = self.selection.order;
        let mut position = Position { after: None, descending: false };
        self.found.clear();
        loop {
            let listed = self.next(tx, scan, position, ScanMode::All(MAX_SCAN_ROWS), MAX_SCAN_ROWS)?;
            for ids in listed.ids.chunks(MAX_IDS) {
                let query = narrowed(tx, self.selection, self.rest.map(|rest| Filter::of_named(tx, rest)));
                let query = query.filter(nodes::id.eq_any(ids.to_vec()));
                self.found.extend(bare(tx, in_order(query, order, after).limit(self.limit))?);
            }
            if listed.after.is_none() {
                break;
            }
            position.after = listed.after;
        }
        self.found.sort_by_cached_key(|node| Cursor::of(order.by, node));
        if order.descending {
            self.found.reverse();
        }
        self.found.truncate(usize::try_from(self.limit).unwrap_or(usize::MAX));
        Ok(())
    }
}

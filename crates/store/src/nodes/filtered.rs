//! Lists by a filter, in the order of ids. The most selective index scan drives the list; the other conditions are checked for its
//! ids alone, until the page is full.

mod sorted;

use std::iter;

use diesel::prelude::*;

use super::{MAX_IDS, bare, in_order, narrowed};
use crate::Tx;
use crate::error::DatabaseResult as _;
use crate::filter::{Filter, IndexScan, Position, ScanMode, ScannedIds, count_rows};
use crate::schema::nodes;
use modelport_domain::filter::Expr;
use modelport_domain::{Cursor, Error, Node, Order, OrderBy, Result, Selection};

/// A scan of fewer rows than this is read whole.
const SMALL_SCAN: i64 = 1_000;
/// The most rows that one statement reads.
const MAX_SCAN_ROWS: i64 = 20_000;
/// How many times the page size the driving scan first reads where other scans filter its ids.
const OVERFETCH: i64 = 16;
/// The most unordered scans whose rows are counted to find the most selective.
const MAX_COUNTED: usize = 3;

/// Which scan drives the list.
enum ScanPlan {
    /// The nodes of the selection's types themselves.
    Nodes,
    /// An index scan that is read whole, with its first ids.
    Whole(usize, ScannedIds),
    /// An index scan that returns ids in order, so that it can stop early.
    Ordered(usize),
    /// The first nodes of the types; if they do not fill the page, an index scan whose ids are too many to sort cheaply.
    NodesThen(usize),
}

/// The first `limit` nodes of the selection after the cursor, without their properties; `None` where no index
/// scan can drive it.
pub(super) fn list(
    tx: &mut Tx<'_>,
    selection: &Selection,
    after: Option<&Cursor>,
    limit: i64,
) -> Result<Option<Vec<Node>>> {
    let Some(expr) = selection.filter.as_ref().filter(|_| is_broad(selection)) else { return Ok(None) };
    let (scans, complete) = IndexScan::all_of(expr);
    if scans.is_empty() {
        return Ok(None);
    }
    let rest = (!complete).then_some(expr);
    let Order { by, descending } = selection.order;
    let mut page = FilteredPage { selection, expr, rest, scans: &scans, descending, limit, found: Vec::new() };
    let is_known = if by == OrderBy::Id {
        page.in_order_of_ids(tx, Position { after: after.map(|cursor| cursor.id.0), descending })?;
        true
    } else {
        page.sorted(tx, after)?
    };
    Ok(is_known.then_some(page.found))
}

/// Whether only the filter narrows the selection.
fn is_broad(selection: &Selection) -> bool {
    let Selection { kind: _, types, home, member_of, parent_type: _, name, external_id, filter: _, order } = selection;
    let narrow = home.is_some() || member_of.is_some() || name.is_some() || external_id.is_some();
    // Those of several types are in order of nothing but their ids.
    !narrow && (types.len() == 1 || order.by == OrderBy::Id && !types.is_empty())
}

/// A page that is being filled.
struct FilteredPage<'a> {
    selection: &'a Selection,
    expr: &'a Expr,
    /// The filter, where the scans alone are not equivalent to it.
    rest: Option<&'a Expr>,
    scans: &'a [IndexScan],
    descending: bool,
    limit: i64,
    found: Vec<Node>,
}

impl FilteredPage<'_> {
    fn missing(&self) -> i64 {
        self.limit - i64::try_from(self.found.len()).unwrap_or(i64::MAX)
    }

    fn in_order_of_ids(&mut self, tx: &mut Tx<'_>, mut position: Position) -> Result<()> {
        match self.choose(tx, position)? {
            ScanPlan::Nodes => while self.nodes(tx, &mut position)? {},
            ScanPlan::Whole(scan, found) => self.take_whole(tx, scan, found)?,
            ScanPlan::Ordered(scan) => self.follow(tx, scan, position)?,
            ScanPlan::NodesThen(scan) => {
                if self.nodes(tx, &mut position)? {
                    self.follow(tx, scan, position)?;
                }
            }
        }
        Ok(())
    }

    fn choose(&self, tx: &mut Tx<'_>, position: Position) -> Result<ScanPlan> {
        let (most_selective, node_count) = self.most_selective(tx)?;
        Ok(match most_selective {
            Some((scan, size)) if size < SMALL_SCAN.min(node_count + 1) => {
                ScanPlan::Whole(scan, self.next(tx, scan, position, ScanMode::All(SMALL_SCAN), SMALL_SCAN)?)
            }
            _ if node_count < SMALL_SCAN => ScanPlan::Nodes,
            Some((scan, _)) => {
                ScanPlan::Whole(scan, self.next(tx, scan, position, ScanMode::All(MAX_SCAN_ROWS), self.limit)?)
            }
            None => self.scans.iter().position(IndexScan::is_ordered).map_or(ScanPlan::NodesThen(0), ScanPlan::Ordered),
        })
    }

    /// The most selective scan of those that were counted to their ends, with its size; and the number of nodes, counted up to
    /// [`SMALL_SCAN`].
    fn most_selective(&self, tx: &mut Tx<'_>) -> Result<(Option<(usize, i64)>, i64)> {
        let mut ranges = 0;
        let bounded = self.scans.iter().map(|scan| {
            ranges += usize::from(!scan.is_ordered());
            (scan, if scan.is_ordered() || ranges > MAX_COUNTED { SMALL_SCAN } else { MAX_SCAN_ROWS })
        });
        let bounded: Vec<(&IndexScan, i64)> = bounded.collect();
        let (scan_sizes, node_count) = count_rows(tx, &bounded, (&self.selection.types, SMALL_SCAN))?;
        let known = scan_sizes.into_iter().zip(bounded).enumerate().filter(|(_, (size, (_, bound)))| size < bound);
        let most_selective = known.map(|(scan, (size, _))| (scan, size)).min_by_key(|(_, size)| *size);
        Ok((most_selective, node_count))
    }

    /// The next ids of the driving scan that the other scans contain, too.
    fn next(&self, tx: &mut Tx<'_>, scan: usize, position: Position, mode: ScanMode, limit: i64) -> Result<ScannedIds> {
        let (before, rest) = self.scans.split_at(scan);
        match rest.split_first() {
            Some((driving, after)) => {
                let others: Vec<&IndexScan> = before.iter().chain(after).collect();
                driving.next(tx, &others, position, mode, limit)
            }
            None => Err(Error::internal("the driving index scan is none of the filter's")),
        }
    }

    /// Fills the page from a scan, from that position on.
    fn follow(&mut self, tx: &mut Tx<'_>, scan: usize, mut position: Position) -> Result<()> {
        let is_ordered = self.scans.get(scan).is_some_and(IndexScan::is_ordered);
        let mut limit = self.limit.max(1);
        let ahead = if self.scans.len() > 1 { OVERFETCH } else { 1 };
        let mut many = if is_ordered { limit * ahead } else { MAX_SCAN_ROWS };
        while self.missing() > 0 {
            let found = self.next(tx, scan, position, ScanMode::First(many), limit)?;
            self.take(tx, &found.ids, self.rest)?;
            if found.after.is_none() {
                break;
            }
            position.after = found.after;
            many = (many * 4).min(MAX_SCAN_ROWS);
            limit = (limit * 4).min(MAX_SCAN_ROWS);
        }
        Ok(())
    }

    /// Fills the page from the ids that a scan returned first, and from its other ids if those are too few.
    fn take_whole(&mut self, tx: &mut Tx<'_>, scan: usize, mut found: ScannedIds) -> Result<()> {
        loop {
            self.take(tx, &found.ids, self.rest)?;
            if found.after.is_none() || self.missing() <= 0 {
                return Ok(());
            }
            let position = Position { after: found.after, descending: self.descending };
            found = self.next(tx, scan, position, ScanMode::All(MAX_SCAN_ROWS), MAX_SCAN_ROWS)?;
        }
    }

    /// Fills the page from the next nodes of the types; false when it is full or there are no more.
    fn nodes(&mut self, tx: &mut Tx<'_>, position: &mut Position) -> Result<bool> {
        let query = narrowed(tx, self.selection, None).select(nodes::id).limit(SMALL_SCAN);
        let query = match (position.after, position.descending) {
            (None, false) => query.order(nodes::id.asc()),
            (None, true) => query.order(nodes::id.desc()),
            (Some(after), false) => query.filter(nodes::id.gt(after)).order(nodes::id.asc()),
            (Some(after), true) => query.filter(nodes::id.lt(after)).order(nodes::id.desc()),
        };
        let ids: Vec<i64> = query.load(tx.conn).db()?;
        position.after = ids.last().copied().or(position.after);
        self.take(tx, &ids, Some(self.expr))?;
        Ok(self.missing() > 0 && !ids.is_empty())
    }

    /// Adds those of the nodes that are in the selection and match the expression.
    fn take(&mut self, tx: &mut Tx<'_>, ids: &[i64], expr: Option<&Expr>) -> Result<()> {
        // The first ids fill most pages.
        let (first, rest) = ids.split_at(ids.len().min(usize::try_from(self.limit).unwrap_or(MAX_IDS)));
        for ids in iter::once(first).chain(rest.chunks(MAX_IDS)) {
            if ids.is_empty() || self.missing() <= 0 {
                break;
            }
            let query = narrowed(tx, self.selection, expr.map(|expr| Filter::of_named(tx, expr)))
                .filter(nodes::id.eq_any(ids.to_vec()));
            let found = bare(tx, in_order(query, self.selection.order, None).limit(self.missing()))?;
            self.found.extend(found);
        }
        Ok(())
    }
}

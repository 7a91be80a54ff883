//! Lists of models, of versions, of experiments and of environments with what is shown of each, so that a page is a fixed number of statements however many it has.

pub mod artifacts;
pub mod deployments;
pub mod environments;
pub mod experiments;
pub mod facets;
pub mod models;
pub mod versions;

use std::collections::BTreeSet;

use crate::domain::access::WorkspaceId;
use crate::domain::filter::VERDICTS;
use crate::domain::tracking::LatestPoint;
use crate::domain::{Cursor, Error, Node, NodeId, PageSize, PageToken, Result, Selection};
use crate::store::nodes;
use crate::store::summaries::AlikeFiles;
use crate::transaction::ReadTransaction;

/// How many items of a list are counted at most.
pub const MAX_COUNTED: u32 = 10_000;

/// Which page of a list is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRequest {
    /// How many items it has at most.
    pub size: PageSize,
    /// What it continues.
    pub token: Option<PageToken>,
    /// Whether the items of all pages are to be counted, up to [`MAX_COUNTED`].
    pub with_total: bool,
}

/// How many items all pages have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Total {
    /// Exactly this number.
    Exactly(u64),
    /// This number or more: counting ended there.
    AtLeast(u64),
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedPage<T> {
    /// The items.
    pub items: Vec<T>,
    /// What continues the list; `None` at its end.
    pub next: Option<PageToken>,
    /// How many items all pages have, where that was asked for.
    pub total: Option<Total>,
}

/// What is known of the files of a version, of those that the caller sees.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HeldFiles {
    /// How many there are.
    pub files: u64,
    /// How many bytes they have together.
    pub bytes: u64,
    /// The heaviest verdict on one of them; `None` where none was inspected.
    pub verdict: Option<&'static str>,
    /// Their formats, in alphabetical order.
    pub formats: Vec<String>,
    /// How many are quarantined.
    pub quarantined: u64,
}

/// A version with what a list shows of it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedVersion {
    /// The version.
    pub version: Node,
    /// Its number, by which protocols without names know it.
    pub number: Option<i64>,
    /// The names of the aliases that point at it, in alphabetical order.
    pub aliases: Vec<String>,
    /// Its files.
    pub held: HeldFiles,
    /// The latest points of those of its metrics that were asked for.
    pub metrics: Vec<LatestPoint>,
}

impl From<Vec<AlikeFiles>> for HeldFiles {
    fn from(all: Vec<AlikeFiles>) -> Self {
        let place = |of: &AlikeFiles| VERDICTS.iter().find(|(name, _)| Some(*name) == of.verdict.as_deref());
        let heaviest = all.iter().filter_map(place).max_by_key(|(_, weight)| *weight);
        let is_held_back = |of: &&AlikeFiles| matches!(of.act.as_deref(), Some("quarantine" | "refuse"));
        let formats: BTreeSet<String> = all.iter().filter_map(|of| of.format.clone()).collect();
        Self {
            files: all.iter().map(|of| of.files).sum(),
            bytes: all.iter().map(|of| of.bytes).sum(),
            verdict: heaviest.map(|(name, _)| *name),
            formats: formats.into_iter().collect(),
            quarantined: all.iter().filter(is_held_back).map(|of| of.files).sum(),
        }
    }
}

/// A list as its token knows it: what another workspace has is another list.
type Listed<'a> = (WorkspaceId, &'a Selection);

/// The nodes of a page, what continues the list, and how many there are.
///
/// Errors: InvalidArgument when the token belongs to another list.
fn page(tx: &mut ReadTransaction<'_, '_>, selection: &Selection, request: &ListRequest) -> Result<ListedPage<Node>> {
    let list: Listed<'_> = (tx.access().workspace(), selection);
    let after = request.token.as_ref().map(|token| token.cursor_for(&list)).transpose()?;
    let limit = request.size.get();
    let mut items = nodes::list(tx, selection, after.as_ref(), limit + 1)?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let last = items.last().filter(|_| more).map(|last| Cursor::of(selection.order.by, last));
    let next = last.map(|last| PageToken::new(&list, last));
    let total = request.with_total.then(|| total(tx, selection)).transpose()?;
    Ok(ListedPage { items, next, total })
}

fn total(tx: &mut ReadTransaction<'_, '_>, selection: &Selection) -> Result<Total> {
    let counted = nodes::count_up_to(tx, selection, MAX_COUNTED + 1)?;
    let most = u64::from(MAX_COUNTED);
    Ok(if counted > most { Total::AtLeast(most) } else { Total::Exactly(counted) })
}

impl<T> ListedPage<T> {
    /// The same page of other items.
    fn of<U>(self, items: Vec<U>) -> ListedPage<U> {
        ListedPage { items, next: self.next, total: self.total }
    }
}

/// Refuses more names of metrics than one request may ask for.
pub(super) fn check_metrics(names: &[String]) -> Result<()> {
    const MAX: usize = 50;
    if names.len() <= MAX {
        return Ok(());
    }
    Err(Error::invalid("metrics", format!("{} metrics are asked for, more than {MAX}", names.len())))
}

fn ids(nodes: &[Node]) -> Vec<NodeId> {
    nodes.iter().map(|node| node.id).collect()
}

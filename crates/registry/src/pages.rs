//! Long lists: one page of them, or all of them batch by batch, so that no list is ever in memory as a whole.

use std::hash::Hash;
use std::sync::Arc;

use futures_util::stream::{BoxStream, StreamExt as _, try_unfold};

use super::context::RequestContext;
use super::core::Core;
use super::transaction::ReadTransaction;
use crate::domain::{Cursor, Node, OrderBy, Page, PageRequest, PageSize, PageToken, Result};

/// A list as it is read. Its hash ties a token to it.
pub(super) trait List: Hash + Send + Sync + 'static {
    /// How many items a batch has.
    const BATCH: u32;

    /// Whether a batch may take long, because the client chose the filter.
    fn is_long(&self) -> bool;

    /// What it is ordered by.
    fn order_by(&self) -> OrderBy;

    /// Checks that what it is a list of exists. Asked once, with the first batch.
    fn check(&self, tx: &mut ReadTransaction<'_, '_>) -> Result<()>;

    /// Whether any item proves what [`List::check`] asks, so that a batch that has some need not.
    fn is_proven_by_items(&self) -> bool;

    /// The first `limit` items after the cursor.
    fn batch(&self, tx: &mut ReadTransaction<'_, '_>, after: Option<&Cursor>, limit: u32) -> Result<Vec<Node>>;

    /// How many items it has.
    fn count(&self, tx: &mut ReadTransaction<'_, '_>) -> Result<u64>;
}

/// What was asked of a list: one page, or everything.
pub struct Pages {
    /// The page; the first batch when everything was asked for.
    pub first: Page<Node>,
    /// The batches after the first one, each read when it is wanted and as the list is by then; there when everything
    /// was asked for and is more than one batch.
    pub rest: Option<BoxStream<'static, Result<Vec<Node>>>>,
}

/// Reads the page that `request` asks for, or the first batch of everything when it gives no size.
///
/// Errors: what the list's check says; InvalidArgument when the token belongs to another list.
pub(super) async fn read<L: List>(
    core: &Arc<Core>,
    context: &RequestContext,
    list: L,
    request: PageRequest,
) -> Result<Pages> {
    let PageRequest { size, token, with_total } = request;
    let after = token.map(|token| token.cursor_for(&list)).transpose()?;
    let limit = size.map_or(L::BATCH, PageSize::get);
    let is_long = list.is_long() || with_total;
    let list = Arc::new(list);
    let of = Arc::clone(&list);
    let work = move |tx: &mut ReadTransaction<'_, '_>| {
        let batch = batch(tx, &*of, after.as_ref(), limit)?;
        if batch.0.is_empty() || !of.is_proven_by_items() {
            of.check(tx)?;
        }
        Ok((batch, with_total.then(|| of.count(tx)).transpose()?))
    };
    let read = if is_long { core.read_long(context, work).await } else { core.read(context, work).await };
    let ((items, last), total) = read?;
    let page = |items, next| Page { items, next, total };
    Ok(match (last, size) {
        (None, _) => Pages { first: page(items, None), rest: None },
        (Some(last), Some(_)) => Pages { first: page(items, Some(PageToken::new(&*list, last))), rest: None },
        (Some(last), None) => {
            Pages { first: page(items, None), rest: Some(batches_after(Arc::clone(core), context.clone(), list, last)) }
        }
    })
}

/// The batches after the cursor.
fn batches_after<L: List>(
    core: Arc<Core>,
    context: RequestContext,
    list: Arc<L>,
    after: Cursor,
) -> BoxStream<'static, Result<Vec<Node>>> {
    let next = move |after: Option<Cursor>| {
        let (core, context, list) = (Arc::clone(&core), context.clone(), Arc::clone(&list));
        async move {
            let Some(after) = after else { return Ok(None) };
            let is_long = list.is_long();
            let work = move |tx: &mut ReadTransaction<'_, '_>| batch(tx, &*list, Some(&after), L::BATCH);
            let read = if is_long { core.read_long(&context, work).await } else { core.read(&context, work).await };
            read.map(Some)
        }
    };
    try_unfold(Some(after), next).boxed()
}

/// A batch, and where it ends when there are more items after it.
fn batch<L: List>(
    tx: &mut ReadTransaction<'_, '_>,
    list: &L,
    after: Option<&Cursor>,
    limit: u32,
) -> Result<(Vec<Node>, Option<Cursor>)> {
    let mut items = list.batch(tx, after, limit + 1)?;
    let more = items.len() > limit as usize;
    items.truncate(limit as usize);
    let last = items.last().filter(|_| more).map(|last| Cursor::of(list.order_by(), last));
    Ok((items, last))
}

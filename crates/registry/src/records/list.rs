//! Lists of records, read page by page in the order of their ids.
//!
//! Ids that were given stand in their order in an index, and ids that are made of nodes' own in that of the nodes: two lists, which
//! are merged.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::stream::{self, BoxStream, StreamExt as _};

use super::{RecordFilter, read};
use crate::context::RequestContext;
use crate::core::Core;
use crate::domain::record::Record;
use crate::domain::{NodeId, Result};
use crate::services::Records;
use crate::store::{nodes, records};

/// How many records one transaction reads, which is what a list of any length keeps in memory.
const BATCH: u32 = 100;
/// How many nodes are looked at together for those whose own ids count.
const SCAN_BATCH: u32 = 1000;

impl Records {
    /// All records that the filter wants, ordered by id, in batches of which none is empty.
    pub fn list_records(
        &self,
        context: &RequestContext,
        filter: RecordFilter,
    ) -> BoxStream<'static, Result<Vec<Record>>> {
        let listing = Listing {
            core: Arc::clone(&self.core),
            context: context.clone(),
            filter,
            given: Source::default(),
            own: Source::default(),
        };
        stream::try_unfold(listing, |mut listing| async move {
            let batch = listing.next().await?;
            Ok((!batch.is_empty()).then_some((batch, listing)))
        })
        .boxed()
    }
}

struct Listing {
    core: Arc<Core>,
    context: RequestContext,
    filter: RecordFilter,
    given: Source<String>,
    own: Source<NodeId>,
}

/// One of the two lists: what is read of it, and where it continues.
struct Source<P> {
    ready: VecDeque<Record>,
    after: Option<P>,
    has_ended: bool,
}

impl<P> Default for Source<P> {
    fn default() -> Self {
        Self { ready: VecDeque::new(), after: None, has_ended: false }
    }
}

impl<P> Source<P> {
    fn needs_more(&self) -> bool {
        self.ready.is_empty() && !self.has_ended
    }

    /// Takes a page, and where the next one begins, if there is one.
    fn take(&mut self, (page, next): (Vec<Record>, Option<P>)) {
        self.ready.extend(page);
        self.has_ended = next.is_none();
        self.after = next;
    }
}

impl Listing {
    /// The next records; none at the end.
    async fn next(&mut self) -> Result<Vec<Record>> {
        let mut batch = Vec::new();
        while batch.is_empty() {
            while self.given.needs_more() {
                let page = self.given_page().await?;
                self.given.take(page);
            }
            while self.own.needs_more() {
                let page = self.own_page().await?;
                self.own.take(page);
            }
            while !self.given.needs_more() && !self.own.needs_more() {
                let next = match (self.given.ready.front(), self.own.ready.front()) {
                    (Some(given), Some(own)) if own.id < given.id => self.own.ready.pop_front(),
                    (Some(_), _) => self.given.ready.pop_front(),
                    (None, _) => self.own.ready.pop_front(),
                };
                match next {
                    Some(record) => batch.push(record),
                    None => return Ok(batch),
                }
            }
        }
        Ok(batch)
    }

    async fn given_page(&self) -> Result<(Vec<Record>, Option<String>)> {
        let (filter, after) = (self.filter.clone(), self.given.after.clone());
        let read = self.core.read(&self.context, move |tx| {
            let page = records::list_external(tx, &filter.hints(), after.as_deref(), BATCH)?;
            let is_full = page.len() >= BATCH as usize;
            let next = page.last().filter(|_| is_full).and_then(|node| node.external_id.clone());
            let mut page = read::records(tx, page)?;
            page.retain(|record| record.id.node().is_none() && filter.admits(record));
            Ok((page, next))
        });
        read.await
    }

    async fn own_page(&self) -> Result<(Vec<Record>, Option<NodeId>)> {
        let (filter, after) = (self.filter.clone(), self.own.after);
        let read = self.core.read(&self.context, move |tx| {
            let looked_at = records::list_ids(tx, &filter.hints(), after, SCAN_BATCH)?;
            let own = looked_at.iter().filter(|(_, external)| read::given(external.as_deref()).is_none());
            let own: Vec<NodeId> = own.map(|(id, _)| *id).take(BATCH as usize).collect();
            let last = if own.len() >= BATCH as usize { own.last() } else { looked_at.last().map(|(id, _)| id) };
            let has_more = own.len() >= BATCH as usize || looked_at.len() >= SCAN_BATCH as usize;
            let next = last.copied().filter(|_| has_more);
            let own = nodes::find_all(tx, &own)?;
            let mut page = read::records(tx, own)?;
            page.retain(|record| filter.admits(record));
            Ok((page, next))
        });
        read.await
    }
}

//! Transactions of use cases: the store's, with the context of the request, and a ledger of the changes where it writes.
//!
//! [`Core::read`] and [`Core::write`] are the one way from a use case to the graph. Functions of the store take
//! either transaction, because both stand for the store's own.

use std::ops::{Deref, DerefMut};

use serde_json::Value as Json;

use super::context::RequestContext;
use crate::core::Core;
use crate::domain::{Action, Millis, Node, Result, change};
use crate::store::Tx;
use crate::store::changes::{self, NewChange};

/// How many changes are kept before they are written: as many as one statement takes. What removes a large model records more
/// of them than should be in memory.
const LEDGER_BATCH: usize = 1000;

/// A running transaction, and on whose behalf it runs.
pub(super) struct ReadTransaction<'a, 'tx> {
    tx: &'a mut Tx<'tx>,
    context: &'a RequestContext,
}

impl<'a> ReadTransaction<'a, '_> {
    /// The context of the request.
    pub(super) fn context(&self) -> &'a RequestContext {
        self.context
    }
}

impl<'tx> Deref for ReadTransaction<'_, 'tx> {
    type Target = Tx<'tx>;

    fn deref(&self) -> &Tx<'tx> {
        self.tx
    }
}

impl<'tx> DerefMut for ReadTransaction<'_, 'tx> {
    fn deref_mut(&mut self) -> &mut Tx<'tx> {
        self.tx
    }
}

/// A transaction that writes, at one time, and records what it changes.
pub(super) struct WriteTransaction<'a, 'tx> {
    read: ReadTransaction<'a, 'tx>,
    now: Millis,
    ledger: Vec<(Millis, NewChange)>,
}

impl WriteTransaction<'_, '_> {
    /// The time of all that is written.
    pub(super) fn now(&self) -> Millis {
        self.now
    }

    /// Does `work` at a time that is not before `earliest`, for what must be seen to be later than something that is stored.
    pub(super) fn not_before<T>(&mut self, earliest: Millis, work: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let now = self.now;
        self.now = now.max(earliest);
        let done = work(self);
        self.now = now;
        done
    }

    /// Records one change of one node, with what the node itself does not show.
    pub(super) fn record<'d>(
        &mut self,
        action: Action,
        node: &Node,
        details: impl IntoIterator<Item = (&'d str, Json)>,
    ) -> Result<()> {
        let document = document(node, details);
        self.record_all([NewChange { action, node_id: node.id, revision: node.revision, document }])
    }

    /// Records changes, in their order.
    pub(super) fn record_all(&mut self, entries: impl IntoIterator<Item = NewChange>) -> Result<()> {
        for entry in entries {
            self.ledger.push((self.now, entry));
            if self.ledger.len() >= LEDGER_BATCH {
                self.write_ledger()?;
            }
        }
        Ok(())
    }

    /// Writes what was recorded, in one statement for all that has one time.
    fn write_ledger(&mut self) -> Result<()> {
        let mut entries = std::mem::take(&mut self.ledger).into_iter().peekable();
        while let Some((at, first)) = entries.next() {
            let mut together = vec![first];
            while let Some((_, next)) = entries.next_if(|(time, _)| *time == at) {
                together.push(next);
            }
            changes::append(self.read.tx, self.read.context.actor(), at, &together)?;
        }
        Ok(())
    }
}

impl<'a, 'tx> Deref for WriteTransaction<'a, 'tx> {
    type Target = ReadTransaction<'a, 'tx>;

    fn deref(&self) -> &ReadTransaction<'a, 'tx> {
        &self.read
    }
}

impl<'a, 'tx> DerefMut for WriteTransaction<'a, 'tx> {
    fn deref_mut(&mut self) -> &mut ReadTransaction<'a, 'tx> {
        &mut self.read
    }
}

impl Core {
    /// Reads in a transaction over one snapshot; retried and failing as [`crate::store::Store::read`].
    pub(super) async fn read<T: Send + 'static>(
        &self,
        context: &RequestContext,
        work: impl Fn(&mut ReadTransaction<'_, '_>) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        let context = context.clone();
        self.store.read(move |tx| work(&mut ReadTransaction { tx, context: &context })).await
    }

    /// The same for reads whose cost the client decides, as by a filter.
    pub(super) async fn read_long<T: Send + 'static>(
        &self,
        context: &RequestContext,
        work: impl Fn(&mut ReadTransaction<'_, '_>) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        let context = context.clone();
        self.store.read_long(move |tx| work(&mut ReadTransaction { tx, context: &context })).await
    }

    /// The same for reads by a single statement.
    pub(super) async fn read_once<T: Send + 'static>(
        &self,
        context: &RequestContext,
        work: impl Fn(&mut ReadTransaction<'_, '_>) -> Result<T> + Send + Sync + 'static,
    ) -> Result<T> {
        let context = context.clone();
        self.store.read_once(move |tx| work(&mut ReadTransaction { tx, context: &context })).await
    }

    /// Writes in a transaction that commits if `work` returns Ok, together with what it recorded; retried and failing as
    /// [`crate::store::Store::write`]. The time is that of the call, however often it is tried.
    pub(super) async fn write<T: Send + 'static>(
        &self,
        context: &RequestContext,
        work: impl Fn(&mut WriteTransaction<'_, '_>) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (context, now) = (context.clone(), context.now());
        self.store
            .write(move |tx| {
                let read = ReadTransaction { tx, context: &context };
                let mut tx = WriteTransaction { read, now, ledger: Vec::new() };
                let done = work(&mut tx)?;
                tx.write_ledger()?;
                Ok(done)
            })
            .await
    }
}

/// A node for the record of changes, with what the node itself does not show.
pub(super) fn document<'a>(node: &Node, details: impl IntoIterator<Item = (&'a str, Json)>) -> Json {
    let mut document = change::document(node);
    if let Some(members) = document.as_object_mut() {
        members.extend(details.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    document
}

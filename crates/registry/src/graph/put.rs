//! Puts many nodes at once: creates, replaces, or changes them by a mask.

use std::collections::{BTreeMap, BTreeSet};

use super::logical;
use super::put_options::{PutOptions, Reuse};
use crate::context::RequestContext;
use crate::domain::graph::{Mask, NodeWrite, Type, check_label};
use crate::domain::{Action, Change, Error, LogicalType, Node, NodeId, NodeKind, Result};
use crate::services::Graph;
use crate::store::graph::nodes;
use crate::store::graph::types::{Which, load};
use crate::transaction::WriteTransaction;
use crate::uris::is_own_uri;

impl Graph {
    /// Makes nodes of a kind, and changes those that have an id; returns their ids in the same order.
    ///
    /// Errors: InvalidArgument on a property that the type does not have, an id that does not exist, another type than
    /// the node's, or a context without a name; NotFound when the type of a new node does not exist; AlreadyExists when a
    /// name or external id is taken; PreconditionFailed when `abort_if_changed` and a node was changed concurrently.
    pub async fn put_nodes(
        &self,
        context: &RequestContext,
        kind: NodeKind,
        writes: Vec<NodeWrite>,
        mask: Option<Mask>,
        abort_if_changed: bool,
    ) -> Result<Vec<NodeId>> {
        writes.iter().try_for_each(|write| write.check(kind))?;
        self.core
            .write(context, move |tx| {
                let options = PutOptions { mask: mask.as_ref(), abort_if_changed, ..PutOptions::default() };
                let put = put(tx, kind, &writes, &options)?;
                Ok(put.into_iter().map(|node| node.id).collect())
            })
            .await
    }
}

/// Puts nodes within a transaction, and returns them as they are afterwards.
pub(super) fn put(
    tx: &mut WriteTransaction<'_, '_>,
    kind: NodeKind,
    writes: &[NodeWrite],
    options: &PutOptions<'_>,
) -> Result<Vec<Node>> {
    let mut batch = Batch::load(tx, kind, writes, options)?;
    let mut indexes = Vec::with_capacity(writes.len());
    for write in writes {
        let index = match batch.target(write, options) {
            Some(target) => batch.change(tx, target, write, options)?,
            None => batch.add(tx, write, options)?,
        };
        indexes.push(index);
    }
    batch.store(tx)?;
    indexes.iter().map(|index| batch.at(*index)).collect()
}

/// Where the batch has a node.
#[derive(Clone, Copy)]
enum BatchIndex {
    /// Among the stored ones, by id.
    Stored(NodeId),
    /// Among the new ones, by position.
    New(usize),
}

/// A stored node of the batch.
struct Stored {
    before: Node,
    now: Node,
    is_changed: bool,
}

struct Batch {
    kind: NodeKind,
    types: BTreeMap<i64, Type>,
    stored: BTreeMap<NodeId, Stored>,
    new: Vec<Node>,
    /// The nodes that may be found by their external ids.
    known: BTreeMap<String, BatchIndex>,
}

impl Batch {
    fn load(
        tx: &mut WriteTransaction<'_, '_>,
        kind: NodeKind,
        writes: &[NodeWrite],
        options: &PutOptions<'_>,
    ) -> Result<Self> {
        let mut ids: BTreeSet<NodeId> = writes.iter().filter_map(|write| write.id).map(NodeId).collect();
        let mut known = BTreeMap::new();
        if options.reuse_external_id != Reuse::Nothing {
            let wanted: Vec<String> = writes
                .iter()
                .filter(|write| write.id.is_none())
                .filter_map(external_id)
                .map(ToOwned::to_owned)
                .collect();
            for found in nodes::find_external(tx, kind, &wanted)? {
                ids.insert(found.id);
                known.extend(found.external_id.map(|id| (id, BatchIndex::Stored(found.id))));
            }
        }
        let mut stored = BTreeMap::new();
        if !ids.is_empty() {
            for node in nodes::lock_all(tx, kind, &ids)? {
                stored.insert(node.id, Stored { before: node.clone(), now: node, is_changed: false });
            }
        }
        let mut types: Vec<i64> = writes.iter().filter_map(|write| write.type_id).collect();
        types.extend(stored.values().map(|each| each.now.type_id));
        types.sort_unstable();
        types.dedup();
        let types = if types.is_empty() { BTreeMap::new() } else { load(tx, Which::Ids(&types))? };
        Ok(Self { kind, types, stored, new: Vec::new(), known })
    }

    /// The node that the write is about, unless it makes one.
    fn target(&self, write: &NodeWrite, options: &PutOptions<'_>) -> Option<BatchIndex> {
        match (write.id, external_id(write)) {
            (Some(id), _) => Some(BatchIndex::Stored(NodeId(id))),
            (None, Some(external)) if options.reuse_external_id != Reuse::Nothing => self.known.get(external).copied(),
            (None, _) => None,
        }
    }

    fn type_of(&self, id: i64) -> Result<&Type> {
        let found = self.types.get(&id).filter(|found| found.kind == self.kind);
        found.ok_or_else(|| Error::not_found(format!("type `{id}`")).on_field("type_id"))
    }

    fn add(
        &mut self,
        tx: &mut WriteTransaction<'_, '_>,
        write: &NodeWrite,
        options: &PutOptions<'_>,
    ) -> Result<BatchIndex> {
        let now = tx.now();
        let type_id = write.type_id.ok_or_else(|| Error::invalid("type_id", "Type id is missing."))?;
        let of = self.type_of(type_id)?;
        write.check_properties(of, None)?;
        let index = match LogicalType::from_id(type_id) {
            Some(logical) => {
                let node = logical::create(tx, logical, write)?;
                let id = node.id;
                self.stored.insert(id, Stored { before: node.clone(), now: node, is_changed: false });
                BatchIndex::Stored(id)
            }
            None => {
                let node = write.to_node(of, now);
                self.new.push(node);
                BatchIndex::New(self.new.len() - 1)
            }
        };
        if let Some(external) = external_id(write).filter(|_| options.reuse_external_id == Reuse::StoredOrPut) {
            self.known.insert(external.to_owned(), index);
        }
        Ok(index)
    }

    fn change(
        &mut self,
        tx: &mut WriteTransaction<'_, '_>,
        index: BatchIndex,
        write: &NodeWrite,
        options: &PutOptions<'_>,
    ) -> Result<BatchIndex> {
        let now = tx.now();
        let current = self.at(index).map_err(|_| {
            let id = write.id.unwrap_or_default();
            Error::invalid("id", format!("Cannot find the given id `{id}`"))
        })?;
        if let Some(type_id) = write.type_id.filter(|type_id| *type_id != current.type_id) {
            let message =
                format!("Given type_id `{type_id}` is different from the one known before `{}`", current.type_id);
            return Err(Error::invalid("type_id", message));
        }
        let of = self.type_of(current.type_id)?;
        if options.abort_if_changed && write.id.is_some() && write.seen_update_time != Some(current.updated_at) {
            let message = format!("node `{}` was changed at `{}`", current.id, current.updated_at);
            return Err(Error::precondition_failed("last_update_time_since_epoch", message));
        }
        write.check_properties(of, options.mask)?;
        let mut write = write.without_unchanged(&current);
        if self.kind == NodeKind::Artifact && current.logical_type().is_none() {
            let sent = write.uri.clone().map_or(Change::Keep, Change::Set);
            if is_own_uri(tx, current.id, &sent)? {
                write.uri = Some(current.uri.clone().unwrap_or_default());
            }
        }
        let write = &write;
        if let Some(logical) = current.logical_type() {
            let node = logical::update(tx, logical, (&current, of), write, options)?;
            self.stored.insert(node.id, Stored { before: node.clone(), now: node, is_changed: false });
            return Ok(index);
        }
        if self.kind == NodeKind::Context {
            check_label("name", write.name.as_deref().unwrap_or_default())?;
        }
        let is_changed =
            options.mask.is_some() || options.force_update_time || !write.is_unchanged(self.kind, &current, of);
        let mut node = write.applied(self.kind, &current, options.mask)?;
        if is_changed {
            // A comparison of times must show every change.
            node.updated_at = now.max(current.updated_at + 1);
        }
        match index {
            BatchIndex::Stored(id) => {
                if let Some(stored) = self.stored.get_mut(&id) {
                    stored.now = node;
                    stored.is_changed |= is_changed;
                }
            }
            BatchIndex::New(at) => {
                if let Some(new) = self.new.get_mut(at) {
                    node.updated_at = new.updated_at;
                    *new = node;
                }
            }
        }
        Ok(index)
    }

    fn store(&mut self, tx: &mut WriteTransaction<'_, '_>) -> Result<()> {
        if !self.new.is_empty() {
            nodes::insert_all(tx, self.kind, &mut self.new)?;
            for node in &self.new {
                tx.record(Action::Create, node, None)?;
            }
        }
        let mut changed: Vec<(Node, Node)> = self
            .stored
            .values()
            .filter(|each| each.is_changed)
            .map(|each| (each.before.clone(), each.now.clone()))
            .collect();
        if !changed.is_empty() {
            nodes::update_all(tx, &mut changed)?;
        }
        for (before, node) in changed {
            tx.record_update(&before, &node)?;
            if let Some(stored) = self.stored.get_mut(&node.id) {
                stored.now = node;
            }
        }
        Ok(())
    }

    fn at(&self, index: BatchIndex) -> Result<Node> {
        let node = match index {
            BatchIndex::Stored(id) => self.stored.get(&id).map(|each| &each.now),
            BatchIndex::New(at) => self.new.get(at),
        };
        node.cloned().ok_or_else(|| super::internal("a node that was put is not there"))
    }
}

fn external_id(write: &NodeWrite) -> Option<&str> {
    write.external_id.as_deref().filter(|id| !id.is_empty())
}

//! Nodes put, many at once: made, replaced, or changed where a mask says so.

use std::collections::{BTreeMap, BTreeSet};

use super::how::{How, Reuse};
use super::ledger::Ledger;
use super::{Registry, logical};
use crate::domain::graph::{Mask, NodeWrite, Type, check_label};
use crate::domain::{Action, Actor, Error, ErrorKind, LogicalType, Millis, Node, NodeId, NodeKind, Result};
use crate::store::Tx;
use crate::store::graph::nodes;
use crate::store::graph::types::{Which, load};

impl Registry {
    /// Makes nodes of a kind, and changes those that have an id; gives their ids in the same order.
    ///
    /// Errors: InvalidArgument on a property that the type does not have, an id that does not exist, another type than
    /// the node's, or a context without a name; NotFound when the type of a new node does not exist; AlreadyExists when a
    /// name or external id is taken; FailedPrecondition when `abort_if_changed` and somebody else changed a node.
    pub async fn put_nodes(
        &self,
        actor: &Actor,
        kind: NodeKind,
        writes: Vec<NodeWrite>,
        mask: Option<Mask>,
        abort_if_changed: bool,
    ) -> Result<Vec<NodeId>> {
        writes.iter().try_for_each(|write| write.check(kind))?;
        let (actor, now, registry) = (actor.clone(), self.now(), self.clone());
        self.store
            .write(move |tx| {
                let how = How { mask: mask.as_ref(), abort_if_changed, ..How::default() };
                let mut ledger = Ledger::default();
                let put = registry.put(tx, &actor, &mut ledger, kind, &writes, &how, now)?;
                ledger.write(tx, &actor, now)?;
                Ok(put.into_iter().map(|node| node.id).collect())
            })
            .await
    }

    /// Puts nodes within a transaction, and gives them as they are afterwards.
    #[expect(clippy::too_many_arguments, reason = "who, what, how and when, and what it is done with")]
    pub(super) fn put(
        &self,
        tx: &mut Tx<'_>,
        actor: &Actor,
        ledger: &mut Ledger,
        kind: NodeKind,
        writes: &[NodeWrite],
        how: &How<'_>,
        now: Millis,
    ) -> Result<Vec<Node>> {
        let mut batch = Batch::load(tx, kind, writes, how)?;
        let mut places = Vec::with_capacity(writes.len());
        for write in writes {
            let place = match batch.target(write, how) {
                Some(target) => batch.change(self, tx, actor, target, write, how, now)?,
                None => batch.add(tx, actor, write, how, now)?,
            };
            places.push(place);
        }
        batch.store(tx, ledger)?;
        places.iter().map(|place| batch.at(*place)).collect()
    }
}

/// Where a node is that was put.
#[derive(Clone, Copy)]
enum Place {
    /// Among those that have an id.
    Stored(NodeId),
    /// Among those that are made.
    New(usize),
}

/// A node that was there before.
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
    /// By external id: what may be found by it.
    known: BTreeMap<String, Place>,
}

impl Batch {
    fn load(tx: &mut Tx<'_>, kind: NodeKind, writes: &[NodeWrite], how: &How<'_>) -> Result<Self> {
        let mut ids: BTreeSet<NodeId> = writes.iter().filter_map(|write| write.id).map(NodeId).collect();
        let mut known = BTreeMap::new();
        if how.reuse_external_id != Reuse::Nothing {
            let wanted: Vec<String> = writes
                .iter()
                .filter(|write| write.id.is_none())
                .filter_map(external_id)
                .map(ToOwned::to_owned)
                .collect();
            for found in nodes::find_external(tx, kind, &wanted)? {
                ids.insert(found.id);
                known.extend(found.external_id.map(|id| (id, Place::Stored(found.id))));
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
    fn target(&self, write: &NodeWrite, how: &How<'_>) -> Option<Place> {
        match (write.id, external_id(write)) {
            (Some(id), _) => Some(Place::Stored(NodeId(id))),
            (None, Some(external)) if how.reuse_external_id != Reuse::Nothing => self.known.get(external).copied(),
            (None, _) => None,
        }
    }

    fn type_of(&self, id: i64) -> Result<&Type> {
        let found = self.types.get(&id).filter(|found| found.kind == self.kind);
        found.ok_or_else(|| Error::not_found(format!("type `{id}`")).on_field("type_id"))
    }

    fn add(&mut self, tx: &mut Tx<'_>, actor: &Actor, write: &NodeWrite, how: &How<'_>, now: Millis) -> Result<Place> {
        let type_id = write.type_id.ok_or_else(|| Error::invalid("type_id", "Type id is missing."))?;
        let of = self.type_of(type_id)?;
        write.check_properties(of, None)?;
        let place = match LogicalType::from_id(type_id) {
            Some(logical) => {
                let node = logical::create(tx, actor, logical, write, now)?;
                let id = node.id;
                self.stored.insert(id, Stored { before: node.clone(), now: node, is_changed: false });
                Place::Stored(id)
            }
            None => {
                let node = write.to_node(of, now);
                self.new.push(node);
                Place::New(self.new.len() - 1)
            }
        };
        if let Some(external) = external_id(write).filter(|_| how.reuse_external_id == Reuse::StoredOrPut) {
            self.known.insert(external.to_owned(), place);
        }
        Ok(place)
    }

    #[expect(clippy::too_many_arguments, reason = "who, what, how and when, and what it is done with")]
    fn change(
        &mut self,
        registry: &Registry,
        tx: &mut Tx<'_>,
        actor: &Actor,
        place: Place,
        write: &NodeWrite,
        how: &How<'_>,
        now: Millis,
    ) -> Result<Place> {
        let current = self.at(place).map_err(|_| {
            let id = write.id.unwrap_or_default();
            Error::invalid("id", format!("Cannot find the given id `{id}`"))
        })?;
        if let Some(type_id) = write.type_id.filter(|type_id| *type_id != current.type_id) {
            let message =
                format!("Given type_id `{type_id}` is different from the one known before `{}`", current.type_id);
            return Err(Error::invalid("type_id", message));
        }
        let of = self.type_of(current.type_id)?;
        if how.abort_if_changed && write.id.is_some() && write.seen_update_time != Some(current.updated_at) {
            let message = format!("node `{}` was changed at `{}`", current.id, current.updated_at);
            return Err(Error::new(ErrorKind::FailedPrecondition, message).on_field("last_update_time_since_epoch"));
        }
        write.check_properties(of, how.mask)?;
        if let Some(logical) = current.logical_type() {
            let node = logical::update(registry, tx, actor, logical, (&current, of), write, how, now)?;
            self.stored.insert(node.id, Stored { before: node.clone(), now: node, is_changed: false });
            return Ok(place);
        }
        if self.kind == NodeKind::Context {
            check_label("name", write.name.as_deref().unwrap_or_default())?;
        }
        let is_changed = how.mask.is_some() || how.force_update_time || !write.restates(self.kind, &current, of);
        let mut node = write.applied(self.kind, &current, how.mask)?;
        if is_changed {
            // Whoever compares the times must see every change.
            node.updated_at = now.max(current.updated_at + 1);
        }
        match place {
            Place::Stored(id) => {
                if let Some(stored) = self.stored.get_mut(&id) {
                    stored.now = node;
                    stored.is_changed |= is_changed;
                }
            }
            Place::New(at) => {
                if let Some(new) = self.new.get_mut(at) {
                    node.updated_at = new.updated_at;
                    *new = node;
                }
            }
        }
        Ok(place)
    }

    fn store(&mut self, tx: &mut Tx<'_>, ledger: &mut Ledger) -> Result<()> {
        if !self.new.is_empty() {
            nodes::insert_all(tx, self.kind, &mut self.new)?;
            self.new.iter().for_each(|node| ledger.note(Action::Create, node));
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
        for (_, node) in changed {
            ledger.note(Action::Update, &node);
            if let Some(stored) = self.stored.get_mut(&node.id) {
                stored.now = node;
            }
        }
        Ok(())
    }

    fn at(&self, place: Place) -> Result<Node> {
        let node = match place {
            Place::Stored(id) => self.stored.get(&id).map(|each| &each.now),
            Place::New(at) => self.new.get(at),
        };
        node.cloned().ok_or_else(|| super::broken("a node that was put is not there"))
    }
}

fn external_id(write: &NodeWrite) -> Option<&str> {
    write.external_id.as_deref().filter(|id| !id.is_empty())
}

//! Removal: an entity goes with all that it owns, and the record of changes keeps what they were.

use super::entities::{at_other_revision, get};
use super::{Registry, aliases};
use crate::domain::change::document;
use crate::domain::{Action, Actor, Error, ErrorKind, LogicalType, Millis, Node, NodeId, Result};
use crate::store::{Tx, changes, files, nodes};

/// How something is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removal {
    /// Together with what it owns and its files; without it, only something that has neither.
    pub recursive: bool,
    /// Only when it is at that revision.
    pub if_revision: Option<i64>,
}

impl Removal {
    /// With all that it owns.
    pub const RECURSIVE: Self = Self { recursive: true, if_revision: None };
}

impl Registry {
    /// Removes an entity and all it owns; the record of changes keeps them.
    ///
    /// Errors: NotFound when there is none of that type, FailedPrecondition when it owns others or has files and
    /// the removal is not recursive, or when it is at another revision than demanded.
    pub async fn delete(&self, actor: &Actor, logical: LogicalType, id: NodeId, removal: Removal) -> Result<()> {
        let (actor, now) = (actor.clone(), self.now());
        self.store.write(move |tx| delete(tx, &actor, logical, id, removal, now)).await
    }
}

fn check_owns_nothing(tx: &mut Tx<'_>, node: &Node, logical: LogicalType) -> Result<()> {
    let owned = match nodes::type_of_child(tx, node.id)? {
        Some(child) => format!("{}s", LogicalType::from_id(child).map_or("node", LogicalType::noun)),
        None if files::summaries(tx, &[node.id])?.is_empty() => return Ok(()),
        None => "files".to_owned(),
    };
    let name = node.display_name().unwrap_or_default();
    let message = format!("{} `{name}` has {owned}: `recursive=true` removes all that it has", logical.noun());
    Err(Error::new(ErrorKind::FailedPrecondition, message).on_field(super::RECURSIVE))
}

pub(super) fn delete(
    tx: &mut Tx<'_>,
    actor: &Actor,
    logical: LogicalType,
    id: NodeId,
    removal: Removal,
    now: Millis,
) -> Result<()> {
    // What it owns and its revision are looked at behind the lock, so that neither changes before it goes.
    // The model of a version is locked before it, as whoever sets an alias does it.
    let is_version = logical == LogicalType::ModelVersion;
    let model = if is_version { get(tx, logical, id)?.home_id } else { None };
    let locked: Vec<_> = model.into_iter().chain([id]).collect();
    nodes::lock(tx, &locked)?;
    let node = get(tx, logical, id)?;
    if removal.if_revision.is_some_and(|revision| revision != node.revision) {
        return Err(at_other_revision(&node, logical));
    }
    if !removal.recursive {
        check_owns_nothing(tx, &node, logical)?;
    }
    if is_version {
        aliases::remove_of_version(tx, actor, &node, now)?;
    }
    let mut gone = vec![node];
    let mut level = vec![id];
    while !level.is_empty() {
        nodes::lock_children(tx, &level)?;
        let children = nodes::children(tx, &level)?;
        level = children.iter().map(|child| child.id).collect();
        gone.extend(children);
    }
    if !nodes::delete(tx, id)? {
        return Err(Error::not_found(format!("{} `{id}`", logical.noun())));
    }
    // What a home takes along is recorded before it, as if it had been removed first.
    let changes: Vec<_> = gone
        .iter()
        .rev()
        .map(|node| changes::NewChange {
            action: Action::Delete,
            node_id: node.id,
            revision: node.revision + 1,
            document: document(node),
        })
        .collect();
    changes::append(tx, actor, now, &changes)
}

//! Removal of an entity with all that it owns; the record of changes keeps what they were.

mod record;

use super::aliases;
use super::context::RequestContext;
use super::entities::{at_other_revision, get};
use super::protection::{check_not_held, check_removable};
use super::transaction::{ReadTransaction, WriteTransaction};
use crate::domain::access::Permission;
use crate::domain::{Error, LogicalType, Node, NodeId, Result};
use crate::services::Entities;
use crate::store::{files, nodes};

/// The field of an error about a removal that has to be recursive.
const RECURSIVE: &str = "recursive";

/// The options of a removal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removal {
    /// Together with what it owns and its files; without it, only something that has neither.
    pub recursive: bool,
    /// Only when it is at that revision.
    pub if_revision: Option<i64>,
    /// Also when it is served now, holds a protected alias, or has files of an approved version.
    pub force: bool,
}

/// How many owned nodes are removed at once.
const BATCH: u32 = 500;

impl Removal {
    /// With all that it owns.
    pub const RECURSIVE: Self = Self { recursive: true, if_revision: None, force: false };
}

impl Entities {
    /// Removes an entity and all it owns; the record of changes keeps them.
    ///
    /// Errors: NotFound when there is none of that type, HasDependents when it owns others or has files and
    /// the removal is not recursive, and when it is served now or holds a protected alias and the removal is not forced; InvalidState
    /// when an approved version has files of what would go; PreconditionFailed when it is at another revision than demanded.
    pub async fn delete(
        &self,
        context: &RequestContext,
        logical: LogicalType,
        id: NodeId,
        removal: Removal,
    ) -> Result<()> {
        self.core.write(context, move |tx| delete(tx, logical, id, removal)).await
    }
}

fn check_owns_nothing(tx: &mut ReadTransaction<'_, '_>, node: &Node, logical: LogicalType) -> Result<()> {
    let owned = match nodes::type_of_child(tx, node.id)? {
        Some(child) => format!("{}s", LogicalType::from_id(child).map_or("node", LogicalType::noun)),
        None if files::summaries(tx, &[node.id])?.is_empty() => return Ok(()),
        None => "files".to_owned(),
    };
    let name = node.display_name().unwrap_or_default();
    let noun = logical.noun();
    let message = format!("{noun} `{name}` has {owned}; send `recursive=true` to remove everything it owns");
    Err(Error::has_dependents(RECURSIVE, message))
}

pub(super) fn delete(
    tx: &mut WriteTransaction<'_, '_>,
    logical: LogicalType,
    id: NodeId,
    removal: Removal,
) -> Result<()> {
    // What it owns and its revision are read under the lock, so that neither changes before it is removed.
    // The model of a version is locked before it, in the same order as when an alias is set.
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
    tx.demand(Permission::Delete, node.place)?;
    if !removal.force {
        check_removable(tx, &node, logical)?;
        check_not_held(tx, &[id], &[], id)?;
    }
    if is_version {
        aliases::remove_of_version(tx, &node)?;
    }
    // What is recorded of it is read before what it owns is removed.
    let entries = record::entries(tx, std::slice::from_ref(&node), id)?;
    delete_owned(tx, &[id], id, removal)?;
    if !nodes::delete(tx, id)? {
        return Err(Error::not_found(format!("{} `{id}`", logical.noun())));
    }
    record::append(tx, entries)
}

/// Removes all that these own, and what that owns, before it: at most [`BATCH`] nodes of each level are in memory.
fn delete_owned(tx: &mut WriteTransaction<'_, '_>, homes: &[NodeId], root: NodeId, removal: Removal) -> Result<()> {
    loop {
        let owned = nodes::first_children(tx, homes, BATCH)?;
        if owned.is_empty() {
            return Ok(());
        }
        let ids: Vec<NodeId> = owned.iter().map(|node| node.id).collect();
        if !removal.force {
            check_not_held(tx, &ids, homes, root)?;
        }
        let entries = record::entries(tx, &owned, root)?;
        delete_owned(tx, &ids, root, removal)?;
        nodes::delete_all(tx, &ids)?;
        record::append(tx, entries)?;
    }
}

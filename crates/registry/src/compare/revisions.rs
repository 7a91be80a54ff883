//! What two revisions of a node differ in, by the record of changes, which has the whole node with each of them.

use std::collections::BTreeMap;

use super::values::{Differences, Same as _, differences};
use crate::context::RequestContext;
use crate::domain::change::{ChangesFrom, node_of};
use crate::domain::graph::Type;
use crate::domain::{ChangeRecord, Error, Millis, Node, NodeId, Result, Value};
use crate::graph::types_of;
use crate::services::History;
use crate::store::changes;
use crate::transaction::ReadTransaction;

/// A node as it was at a revision, and the change that made it so.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// The node. Secrets in it are masked.
    pub node: Node,
    /// When.
    pub at: Millis,
    /// Who.
    pub actor: String,
    /// What was done.
    pub action: String,
}

/// Two revisions of a node, and what they differ in.
#[derive(Debug, Clone, PartialEq)]
pub struct ComparedRevisions {
    /// The one.
    pub from: Revision,
    /// The other.
    pub to: Revision,
    /// The properties that its type declares.
    pub properties: Differences<Value>,
    /// Its free properties.
    pub custom: Differences<Value>,
    /// Its type, where that is one of ML Metadata's users.
    pub types: BTreeMap<i64, Type>,
}

impl History {
    /// What two revisions of a node differ in, which may have been removed since.
    ///
    /// Errors: NotFound when there never was such a node, or the record has no such revision of it.
    pub async fn compare_revisions(
        &self,
        context: &RequestContext,
        node: NodeId,
        from: i64,
        to: i64,
    ) -> Result<ComparedRevisions> {
        self.core
            .read(context, move |tx| {
                let (from, to) = (revision(tx, node, from)?, revision(tx, node, to)?);
                Ok(ComparedRevisions {
                    properties: differences(from.node.properties.clone(), to.node.properties.clone(), Value::is_same),
                    custom: differences(from.node.custom.clone(), to.node.custom.clone(), Value::is_same),
                    types: types_of(tx, Some(&from.node).filter(|node| node.logical_type().is_none()))?,
                    from,
                    to,
                })
            })
            .await
    }
}

fn revision(tx: &mut ReadTransaction<'_, '_>, id: NodeId, revision: i64) -> Result<Revision> {
    let missing = || Error::not_found(format!("revision `{revision}` of node `{id}`"));
    let Some(found) = changes::at_revision(tx, id, revision)? else {
        // Of a node that is hidden nobody is told that it has revisions.
        let is_known = !changes::of_node(tx, id, ChangesFrom::After(0), 1)?.is_empty();
        return Err(if is_known { missing() } else { Error::not_found(format!("node `{id}`")) });
    };
    let ChangeRecord { document, place, at, actor, action, .. } = found;
    let node = node_of(&document, place).ok_or_else(missing)?;
    Ok(Revision { node, at, actor, action })
}

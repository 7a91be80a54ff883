//! The use cases of ML Metadata: types and nodes of any type, events, contexts, and the lineage that they make.
//!
//! What users of the registry know as models, versions and runs are nodes here too, of types that begin with `kf.`; they
//! keep their own rules whichever protocol writes them.

mod edges;
mod lineage;
mod logical;
mod prefetch;
mod publish;
mod put;
mod put_options;
mod read;
mod subgraph;
mod types;

use std::collections::BTreeMap;

use crate::domain::graph::{NodePage, Type, check_label};
use crate::domain::{Error, Node, NodeKind, Result};
use crate::store::graph::types::{Which, load};
use crate::transaction::ReadTransaction;
use crate::uris::fill_uris;

/// Nodes as they are shown, with their types.
fn page(tx: &mut ReadTransaction<'_, '_>, mut nodes: Vec<Node>) -> Result<NodePage> {
    let types = types_of(tx, &nodes)?;
    if types.values().any(|of| of.kind == NodeKind::Artifact) {
        fill_uris(tx, &mut nodes)?;
    }
    Ok(NodePage { nodes, types, next: None })
}

/// The types of these nodes, by id.
pub(super) fn types_of<'a>(
    tx: &mut ReadTransaction<'_, '_>,
    nodes: impl IntoIterator<Item = &'a Node>,
) -> Result<BTreeMap<i64, Type>> {
    let mut ids: Vec<i64> = nodes.into_iter().map(|node| node.type_id).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() { Ok(BTreeMap::new()) } else { load(tx, Which::OfNodes(&ids)) }
}

/// The error where the database contradicts what was read from it.
fn internal(what: &str) -> Error {
    Error::internal(format!("the graph is broken: {what}"))
}

/// Refuses external ids that nothing can have.
fn check_external_ids(ids: &[String]) -> Result<()> {
    for id in ids {
        check_label("external_ids", id)?;
        if id.is_empty() {
            return Err(Error::invalid("external_ids", "an external id is empty"));
        }
    }
    Ok(())
}

//! The use cases of ML Metadata: types and nodes of any type, events, contexts, and the lineage that they make.
//!
//! What users of the registry know as models, versions and runs are nodes here too, of types that begin with `kf.`; they
//! keep their own rules whichever door they are written through.

mod ahead;
mod edges;
mod how;
mod ledger;
mod lineage;
mod logical;
mod publish;
mod put;
mod read;
mod subgraph;
mod types;

use std::collections::BTreeMap;

use super::Registry;
use crate::domain::graph::{NodePage, Type, check_label};
use crate::domain::{Error, Node, Result};
use crate::store::Tx;
use crate::store::graph::types::{Which, load};

impl Registry {
    /// Nodes as they are shown, with their types.
    fn page(&self, tx: &mut Tx<'_>, mut nodes: Vec<Node>) -> Result<NodePage> {
        self.fill_uris(tx, &mut nodes)?;
        let types = types_of(tx, &nodes)?;
        Ok(NodePage { nodes, types, next: None })
    }
}

/// The types of these nodes, by id.
pub(super) fn types_of(tx: &mut Tx<'_>, nodes: &[Node]) -> Result<BTreeMap<i64, Type>> {
    let mut ids: Vec<i64> = nodes.iter().map(|node| node.type_id).collect();
    ids.sort_unstable();
    ids.dedup();
    if ids.is_empty() { Ok(BTreeMap::new()) } else { load(tx, Which::Ids(&ids)) }
}

/// Refuses to go on where the database and what was read from it do not fit.
fn broken(what: &str) -> Error {
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

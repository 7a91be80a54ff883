//! What is shown of the nodes of a graph besides themselves: for any number of them with the same statements.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::lineage::Home;
use crate::domain::{LogicalType, Node, NodeId, Result};
use crate::listed::HeldFiles;
use crate::store::{aliases, nodes, summaries};
use crate::transaction::ReadTransaction;

/// What is shown of the nodes of a graph.
pub(super) struct Details {
    pub(super) homes: BTreeMap<NodeId, Home>,
    pub(super) aliases: BTreeMap<NodeId, Vec<String>>,
    pub(super) verdicts: BTreeMap<NodeId, &'static str>,
}

pub(super) fn details(tx: &mut ReadTransaction<'_, '_>, shown: &[Node]) -> Result<Details> {
    let homes = homes(tx, shown)?;
    let versions = shown.iter().filter(|node| node.logical_type() == Some(LogicalType::ModelVersion));
    let versions: Vec<NodeId> = versions.map(|version| version.id).collect();
    if versions.is_empty() {
        return Ok(Details { homes, aliases: BTreeMap::new(), verdicts: BTreeMap::new() });
    }
    let aliases = aliases::of_versions(tx, &versions)?.into_iter().collect();
    let files = summaries::files_of(tx, &versions)?.into_iter();
    let verdicts = files.filter_map(|(version, files)| Some((version, HeldFiles::from(files).verdict?))).collect();
    Ok(Details { homes, aliases, verdicts })
}

/// What these nodes belong to, and what that belongs to. What is shown need not be asked about.
fn homes(tx: &mut ReadTransaction<'_, '_>, shown: &[Node]) -> Result<BTreeMap<NodeId, Home>> {
    let mut found: BTreeMap<NodeId, Home> = shown.iter().map(|node| (node.id, home(node))).collect();
    let mut asked = BTreeSet::new();
    loop {
        let unknown = found.values().filter_map(|home| home.home);
        let unknown: BTreeSet<NodeId> = unknown.filter(|id| !found.contains_key(id) && asked.insert(*id)).collect();
        if unknown.is_empty() {
            return Ok(found);
        }
        let above = nodes::find_all(tx, &unknown.into_iter().collect::<Vec<_>>())?;
        found.extend(above.iter().map(|node| (node.id, home(node))));
    }
}

fn home(node: &Node) -> Home {
    let name = node.display_name().unwrap_or_default().to_owned();
    Home { logical: node.logical_type(), name, home: node.home_id }
}

//! What the record of changes keeps of removed nodes: the nodes, their files with digests, their edges of lineage, and the contexts
//! that lose them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::domain::access::Permission;
use crate::domain::change::document;
use crate::domain::lineage::Edge;
use crate::domain::{Action, LogicalType, Node, NodeId, Result};
use crate::store::changes::NewChange;
use crate::store::graph::memberships;
use crate::store::lineage::{ReachedNode, WalkDirection, steps};
use crate::store::removal_details::{RemovedFile, files_of, holders_in};
use crate::store::{files, nodes};
use crate::transaction::{Needed, ReadTransaction, WriteTransaction};

/// How many files one entry lists.
const MAX_FILES: u32 = 1000;

/// How many edges one entry lists.
const MAX_EDGES: usize = 1000;

/// The entries of `gone`, a batch of the nodes that are removed with `root`, given homes first. First come the entries
/// of contexts that lose a member; each home comes after what it owns, as if that had been removed first.
pub(super) fn entries(tx: &mut WriteTransaction<'_, '_>, gone: &[Node], root: NodeId) -> Result<Vec<NewChange>> {
    let mut entries = detachments(tx, gone, root)?;
    let files = Files::load(tx, gone)?;
    let mut edges = edges_of(tx, gone)?;
    for node in gone.iter().rev() {
        for batch in files.further(tx, node)? {
            entries.push(entry(Action::DeleteFile, node, document(node), vec![("files", batch.into())]));
        }
        let mut details = files.details(node);
        let own = edges.remove(&node.id).unwrap_or_default();
        if own.len() > MAX_EDGES {
            details.push(("edgesTruncated", true.into()));
        }
        details.push(("edges", own.iter().take(MAX_EDGES).map(edge).collect()));
        entries.push(entry(Action::Delete, node, document(node), details));
    }
    Ok(entries)
}

/// Records these entries. Contexts that lose a member may be anybody's: they are told, not changed.
pub(super) fn append(tx: &mut WriteTransaction<'_, '_>, entries: Vec<NewChange>) -> Result<()> {
    for entry in entries {
        let needed = match entry.action {
            Action::Detach => Needed::Nothing,
            _ => Needed::Permission(Permission::Delete),
        };
        tx.record_all(needed, [entry])?;
    }
    Ok(())
}

fn entry(action: Action, node: &Node, mut document: Json, details: Vec<(&str, Json)>) -> NewChange {
    if let Some(members) = document.as_object_mut() {
        members.extend(details.into_iter().map(|(name, value)| (name.to_owned(), value)));
    }
    NewChange { action, node_id: node.id, place: node.place, revision: node.revision + 1, document }
}

fn edge(edge: &Edge) -> Json {
    json!({"from": edge.from, "to": edge.to, "type": edge.kind.to_string()})
}

/// One entry for each context that stays and loses members: those that were attached to it, and its data sets, which it
/// used. The entry of an owned member says already that its owner loses it.
fn detachments(tx: &mut WriteTransaction<'_, '_>, gone: &[Node], root: NodeId) -> Result<Vec<NewChange>> {
    let going: BTreeMap<NodeId, &Node> = gone.iter().map(|node| (node.id, node)).collect();
    let ids: Vec<NodeId> = going.keys().copied().collect();
    let mut lost: BTreeMap<NodeId, Vec<&Node>> = BTreeMap::new();
    for (context, member) in memberships::contexts_of(tx, &ids)? {
        let Some(member) = going.get(&member) else { continue };
        let is_used = member.home_id != Some(context) || member.logical_type() == Some(LogicalType::DataSet);
        if is_used && !going.contains_key(&context) {
            lost.entry(context).or_default().push(member);
        }
    }
    let contexts: Vec<NodeId> = lost.keys().copied().collect();
    // Their revisions are what they are until this is recorded.
    nodes::lock(tx, &contexts)?;
    let mut contexts = nodes::find_all(tx, &contexts)?;
    // A context that is removed as well needs no entry. A node that owns contexts has no owner itself.
    contexts.retain(|context| context.id != root && context.home_id != Some(root));
    let detachment = |context: &Node| {
        let members = lost.get(&context.id).map(Vec::as_slice).unwrap_or_default();
        let shown = |node: &&Node| {
            // Whoever sees the context may not see what belongs elsewhere.
            if node.place != context.place {
                return json!({"id": node.id});
            }
            let type_name = node.logical_type().map(LogicalType::type_name);
            json!({"id": node.id, "typeId": node.type_id, "type": type_name, "name": node.name, "uri": node.uri})
        };
        let ids: Json = members.iter().map(|node| Json::from(node.id.0)).collect();
        let details = vec![("memberIds", ids), ("members", members.iter().map(shown).collect())];
        NewChange { revision: context.revision, ..entry(Action::Detach, context, document(context), details) }
    };
    Ok(contexts.iter().map(detachment).collect())
}

/// The files of what goes.
struct Files {
    by_artifact: BTreeMap<NodeId, Vec<RemovedFile>>,
    /// Which artifacts with files a version has, its own and those of its model that are attached.
    of_versions: BTreeSet<(NodeId, NodeId)>,
}

impl Files {
    fn load(tx: &mut ReadTransaction<'_, '_>, gone: &[Node]) -> Result<Self> {
        let is_version = |node: &&Node| node.logical_type() == Some(LogicalType::ModelVersion);
        let versions: Vec<NodeId> = gone.iter().filter(is_version).map(|node| node.id).collect();
        let mut of_versions = holders_in(tx, &versions)?;
        // Of what belongs elsewhere nothing is kept here: whoever sees the version may not see that.
        let ends: BTreeSet<NodeId> = of_versions.iter().flat_map(|(version, artifact)| [*version, *artifact]).collect();
        let places = nodes::place_of(tx, &ends.into_iter().collect::<Vec<_>>())?;
        of_versions.retain(|(version, artifact)| places.get(version) == places.get(artifact));
        let mut holders: BTreeSet<NodeId> = of_versions.iter().map(|(_, artifact)| *artifact).collect();
        holders.extend(gone.iter().map(|node| node.id));
        Ok(Self { by_artifact: files_of(tx, &holders, MAX_FILES)?, of_versions })
    }

    /// What of an artifact's files its entry has no room for, in batches.
    fn further(&self, tx: &mut ReadTransaction<'_, '_>, node: &Node) -> Result<Vec<Vec<Json>>> {
        let mut batches = Vec::new();
        let Some(last) = self.by_artifact.get(&node.id).and_then(|files| files.last()) else { return Ok(batches) };
        if last.of_files <= i64::from(MAX_FILES) {
            return Ok(batches);
        }
        let mut after = last.path.parse()?;
        loop {
            let batch = files::list(tx, files::Holder::Node(node.id), Some((&after, node.id)), MAX_FILES)?;
            let Some(last) = batch.last() else { return Ok(batches) };
            after = last.path.clone();
            batches.push(
                batch
                    .iter()
                    .map(|file| {
                        json!({"path": file.path.as_str(), "sha256": file.blob.sha256.to_string(),
                            "size": file.blob.size, "mediaType": file.media_type})
                    })
                    .collect(),
            );
        }
    }

    /// The files of an artifact, or of a version; nothing of what has none.
    fn details(&self, node: &Node) -> Vec<(&'static str, Json)> {
        let own = self.by_artifact.get(&node.id).map(|files| (node.id, files));
        let range = (node.id, NodeId(i64::MIN))..=(node.id, NodeId(i64::MAX));
        let members = self.of_versions.range(range);
        let of_members = members.filter_map(|(_, id)| Some((*id, self.by_artifact.get(id)?)));
        let all: Vec<(NodeId, &Vec<RemovedFile>)> = own.into_iter().chain(of_members).collect();
        let count: i64 = all.iter().filter_map(|(_, files)| files.first()).map(|file| file.of_files).sum();
        if count == 0 {
            return Vec::new();
        }
        let shown = all.iter().flat_map(|(artifact, files)| files.iter().map(|file| kept(*artifact, file)));
        vec![("files", shown.take(MAX_FILES as usize).collect()), ("fileCount", count.into())]
    }
}

fn kept(artifact: NodeId, file: &RemovedFile) -> Json {
    json!({"artifactId": artifact, "path": file.path, "sha256": file.sha256, "size": file.size,
        "mediaType": file.media_type})
}

/// The edges of lineage next to each of these nodes.
fn edges_of(tx: &mut ReadTransaction<'_, '_>, gone: &[Node]) -> Result<BTreeMap<NodeId, BTreeSet<Edge>>> {
    let places: Vec<ReachedNode> = gone.iter().map(|node| ReachedNode::start(node.id)).collect();
    let mut found: BTreeMap<NodeId, BTreeSet<Edge>> = BTreeMap::new();
    for way in [WalkDirection::Upstream, WalkDirection::Downstream] {
        for step in steps(tx, &places, way, u32::try_from(MAX_EDGES).unwrap_or(u32::MAX))? {
            found.entry(step.near.node).or_default().insert(step.edge);
        }
    }
    Ok(found)
}
